"""The manual page of the environment, its class docstring, says what the code does."""

import ast
import inspect
import re

import numpy as np
import pytest
from fake_simulator import FakeSimulator, touch_of
from gymnasium import spaces

from thor_interact_env.actions import FORCES
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.simulators.base import MAX_FRAMES

HEADINGS = [
    "## Description",
    "## Action Space",
    "## Observation Space",
    "## Rewards",
    "## Starting State",
    "## Episode End",
    "### Termination",
    "### Truncation",
    "## Information",
    "## Arguments",
    "## Version History",
    "## References",
]
DOCUMENT = inspect.cleandoc(ThorInteractEnv.__doc__ or "")


def section(heading):
    """Return the text below a heading, up to the next."""
    start = DOCUMENT.index(f"\n{heading}\n") + len(heading) + 2
    return DOCUMENT[start:].split("\n## ")[0]


def tables(heading):
    """Return the tables of a section, each a list of dicts from column titles to cells."""
    found = []
    for block in re.findall(r"(?:^\|.*\|$\n?)+", section(heading), re.MULTILINE):
        rows = [
            [cell.strip() for cell in line.strip("|").split(" | ")] for line in block.strip().splitlines()
        ]
        titles, *body = [row for row in rows if not set("".join(row)) <= set("|-")]
        found.append([dict(zip(titles, row, strict=True)) for row in body])
    return found


@pytest.fixture(scope="module")
def env():
    return ThorInteractEnv(simulator=FakeSimulator())


def evaluate(text):
    """Evaluate the text of a space."""
    names = {
        "Box": spaces.Box,
        "MultiDiscrete": spaces.MultiDiscrete,
        "uint8": np.uint8,
        "float32": np.float32,
    }
    return eval(text, {"__builtins__": {}}, names)


def test_headings_are_gymnasiums_in_order():
    assert re.findall(r"^#+ .*$", DOCUMENT, re.MULTILINE) == HEADINGS


def test_action_space(env):
    (stated,) = re.findall(r"`(MultiDiscrete\(.*?\))`", section("## Action Space"))
    assert evaluate(stated) == env.action_space
    (rows,) = tables("## Action Space")
    assert [int(row["Num"]) for row in rows] == [0, 1, 2, 3]
    assert [row["Action"] for row in rows] == ["row", "column", "force", "direction"]
    assert [int(row["Min"]) for row in rows] == [0] * 4
    assert [int(row["Max"]) + 1 for row in rows] == env.action_space.nvec.tolist()
    assert all(re.search(r"\(.+\)$", row["Meaning (Unit)"]) for row in rows)
    assert tuple(float(number) for number in re.findall(r"\d+", rows[2]["Meaning (Unit)"])) == FORCES


def test_observation_space(env):
    (rows,) = tables("## Observation Space")
    assert {row["Key"] for row in rows} == set(env.observation_space.spaces)
    for row in rows:
        space = env.observation_space[row["Key"]]
        assert evaluate(row["Space"].strip("`")) == space
        assert float(row["Min"]) == space.low.min() == space.low.max()
        assert float(row["Max"]) == space.high.min() == space.high.max()
        assert re.search(r"\((m|1)\)$", row["Meaning (Unit)"])


def test_arguments_and_defaults():
    (rows,) = tables("## Arguments")
    signature = inspect.signature(ThorInteractEnv)
    stated = {row["Parameter"].strip("`"): ast.literal_eval(row["Default"].strip("`")) for row in rows}
    assert list(stated) == list(signature.parameters)
    assert stated == {name: parameter.default for name, parameter in signature.parameters.items()}


def test_information(env):
    rows, _ = tables("## Information")
    stated = {row["Key"]: row["Type"] for row in rows}
    assert types(env.reset(seed=0)[1]) == types(env.step([0, 0, 0, 0])[4]) == stated


def test_information_with_the_motion():
    rows, added = tables("## Information")
    stated = {row["Key"]: row["Type"] for row in (*rows, *added)}
    simulator = FakeSimulator()
    recording = ThorInteractEnv(simulator=simulator, record_motion=True)
    begun = recording.reset(seed=0)[1]
    moved = recording.step(np.array(touch_of(simulator, 0, 2)))[4]
    still = recording.step(np.zeros(4, int))[4]
    assert types(begun) == types(moved) == types(still) == stated
    assert (begun["frame_count"], moved["frame_count"], still["frame_count"]) == (0, 8, 0)
    assert f"0..{MAX_FRAMES}" in section("## Information")


def types(info):
    """Return the shape and type of each value, as the tables write them."""
    return {key: f"{value.shape} {value.dtype}" for key, value in info.items()}


def test_render_modes_are_stated():
    for mode in ThorInteractEnv.metadata["render_modes"]:
        assert f'`"{mode}"`' in section("## Arguments")


def test_version_history_names_the_registered_version():
    assert re.search(r"^\* v0: ", section("## Version History"), re.MULTILINE)
