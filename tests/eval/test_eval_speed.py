"""Speed: the arithmetic of the ratios and the search for touches; no time is ever judged."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from fake_simulator import FakeSimulator

from eval.speed import (
    Measurement,
    NothingMovesError,
    SpeedOptions,
    find_touch,
    measure,
    run,
    speed_table,
    write_json,
)
from thor_interact_env.locations import Location
from thor_interact_env.simulators.base import Instances, Observation

HERE = Location("FloorPlan21", (0.0, 0.9, 0.0), 0.0, 0.0, 1)


class HalfMovable:
    """The left half of the view moves when touched."""

    def __init__(self, width: int = 150) -> None:
        self.width = width

    def _view(self) -> Observation:
        return Observation(np.zeros((300, 300, 3), np.uint8), np.ones((300, 300), np.float32))

    def load(self, location: Location) -> Observation:
        self.seen = self._view()
        return self.seen

    def touch(self, row: int, column: int, force: float, direction: np.ndarray) -> Observation:
        return self._view() if column < self.width else self.seen

    def instances(self) -> Instances:
        masks = np.zeros((1, 300, 300), bool)
        masks[:, :, : self.width] = True
        return Instances(masks, np.array([1.0]), ("Mug",), ("Mug|1",))


def test_work_is_compared_with_the_floor_of_the_same_rounds() -> None:
    now = [0.0]
    calls: list[str] = []

    def wait(name: str, seconds: float) -> None:
        calls.append(name)
        now[0] += seconds

    result = measure(
        "waiting",
        lambda: wait("work", 0.6),
        repeats=3,
        prepare=lambda: wait("prepare", 9.0),
        floor=lambda: wait("floor", 0.2),
        clock=lambda: now[0],
    )
    assert calls == ["prepare", "floor", "work"] * 4
    assert result.floors == pytest.approx(3.0)
    assert (result.seconds, result.per_second) == (pytest.approx(0.6), pytest.approx(1 / 0.6))
    assert json.loads(json.dumps(result.to_json()))["floors"] == result.floors


def test_no_round_is_no_measurement() -> None:
    with pytest.raises(ValueError, match="repeats 0"):
        measure("nothing", lambda: None, 0)


@pytest.mark.parametrize("moving", [True, False])
def test_touches_are_found(moving: bool) -> None:
    simulator: Any = HalfMovable()
    _, column, force, _ = find_touch(simulator, HERE, moving, np.random.default_rng(0))
    assert (column < 150) == moving and force == 2


def test_where_nothing_moves_an_error_says_so() -> None:
    simulator: Any = HalfMovable(0)
    with pytest.raises(NothingMovesError, match="moves something"):
        find_touch(simulator, HERE, True, np.random.default_rng(0))


def test_the_table_is_aligned() -> None:
    table = speed_table(
        [Measurement("reset", 3, 0.05, 0.01), Measurement("touch that moves", 3, 0.0123, 0.01)]
    )
    lines = table.splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split() == ["reset", "5.0", "50.00", "20.0"]


def test_the_json_file_is_whole(tmp_path: Path) -> None:
    write_json(tmp_path / "speed.json", {"floor_seconds": 0.1})
    assert json.loads((tmp_path / "speed.json").read_text()) == {"floor_seconds": 0.1}
    with pytest.raises(TypeError):
        write_json(tmp_path / "speed.json", {"floor_seconds": object()})
    assert [file.name for file in tmp_path.iterdir()] == ["speed.json"]
    assert json.loads((tmp_path / "speed.json").read_text()) == {"floor_seconds": 0.1}


def test_everything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    make = partial(gymnasium.make, simulator=FakeSimulator())
    monkeypatch.setattr(gymnasium, "make", make)
    document = run(SpeedOptions(repeats=1, points=2))
    assert list(document["measurements"]) == [
        "reset",
        "touch that moves",
        "step that cannot move",
        "render RGB and depth",
        "superpixels",
        "inference and clustering",
        "collected location (2 + 2 points)",
    ]
    for each in document["measurements"].values():
        assert each["floors"] == pytest.approx(each["seconds"] / each["floor_seconds"])
    assert json.loads(json.dumps(document, allow_nan=False)) == document


@pytest.mark.parametrize(
    ("arguments", "message"), [(["--split", "Novel"], "NovelSpaces/val"), (["--repeats", "0"], "at least 1")]
)
def test_wrong_arguments_are_one_line_and_code_two(arguments: list[str], message: str) -> None:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "eval.speed", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr
