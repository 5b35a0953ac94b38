"""Agents in processes of their own: what is checked, and what happens to those that misbehave."""

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts import run_script

from agents.base import Instance
from agents.source import (
    AgentSource,
    AgentSourceError,
    MalformedInstanceError,
    checked_instances,
    described,
)
from eval.benchmark.agent_process import AgentProcess
from thor_interact_env.simulators.base import Observation

MASK = np.zeros((300, 300), bool)
GOOD = Instance((0, 299), 2, 1.0, MASK)


@pytest.fixture(autouse=True)
def user_folder(monkeypatch):
    """The module of the agents can be imported, here and in processes that are started."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def view(value: int) -> Observation:
    return Observation(rgb=np.full((300, 300, 3), value, np.uint8), depth=np.ones((300, 300), np.float32))


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        (None, "returned NoneType"),
        ("points", "returned str"),
        ([GOOD, (1, 2)], "instance 1 is tuple"),
        ([Instance((300, 0), 0, 0.5, None)], "instance 0: point"),
        ([Instance((0, -1), 0, 0.5, None)], "point"),
        ([Instance((0.5, 1), 0, 0.5, None)], "point"),  # type: ignore[arg-type]
        ([Instance((True, 1), 0, 0.5, None)], "point"),
        ([Instance((1,), 0, 0.5, None)], "point"),  # type: ignore[arg-type]
        ([Instance(None, 0, 0.5, None)], "point"),  # type: ignore[arg-type]
        ([Instance(np.array(5), 0, 0.5, None)], "point"),  # type: ignore[arg-type]
        ([Instance(np.ones((2, 2), int), 0, 0.5, None)], "point"),  # type: ignore[arg-type]
        ([Instance(b"ab", 0, 0.5, None)], "point"),  # type: ignore[arg-type]
        ([Instance("12", 0, 0.5, None)], "point"),  # type: ignore[arg-type]
        ([Instance({1: 2, 3: 4}, 0, 0.5, None)], "point"),  # type: ignore[arg-type]
        ([Instance((1, 1), 3, 0.5, None)], "force 3"),
        ([Instance((1, 1), -1, 0.5, None)], "force -1"),
        ([Instance((1, 1), 1.0, 0.5, None)], "force 1.0"),  # type: ignore[arg-type]
        ([Instance((1, 1), 1, float("nan"), None)], "score nan"),
        ([Instance((1, 1), 1, float("inf"), None)], "score inf"),
        ([Instance((1, 1), 1, 1.01, None)], "score 1.01"),
        ([Instance((1, 1), 1, -0.1, None)], "score -0.1"),
        ([Instance((1, 1), 1, "0.5", None)], "score '0.5'"),  # type: ignore[arg-type]
        ([Instance((1, 1), 1, 0.5, np.zeros((100, 100), bool))], "mask is bool .100, 100."),
        ([Instance((1, 1), 1, 0.5, np.zeros((300, 300), np.uint8))], "mask is uint8"),
        ([Instance((1, 1), 1, 0.5, [[True]])], "mask is list"),  # type: ignore[arg-type]
    ],
)
def test_every_field_is_checked(found: object, complaint: str) -> None:
    with pytest.raises(MalformedInstanceError, match=complaint):
        checked_instances(found)


@given(st.integers(0, 299), st.integers(0, 299), st.integers(0, 2), st.floats(0, 1))
def test_what_is_well_formed_passes_as_plain_numbers(row: int, column: int, force: int, score: float) -> None:
    numpy_typed = Instance((np.int64(row), np.int16(column)), np.int8(force), np.float64(score), MASK)  # type: ignore[arg-type]
    (checked,) = checked_instances((numpy_typed,))
    assert (checked.point, checked.force, checked.score) == ((row, column), force, score)
    assert (
        all(type(value) is int for value in (*checked.point, checked.force)) and type(checked.score) is float
    )
    assert checked.mask is MASK
    assert checked_instances([]) == []


def test_masks_come_through_the_pipe_unchanged() -> None:
    with AgentProcess(AgentSource("user_agents:Centre", {"mask": True, "force": 1})) as agent:
        answer = agent.propose(view(0))
    (found,) = answer.instances
    assert answer.failure is None and answer.seconds is not None
    assert (found.point, found.force, found.score) == ((150, 150), 1, 0.5)
    assert found.mask is not None and found.mask.dtype == np.bool_ and found.mask.all()


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("Raises", "raised", "RuntimeError: no idea what this is"),
        ("Malformed", "malformed", "instance 1: point (300, 0)"),
        ("Hangs", "too slow", "stopped after 0.2 s"),
        ("Slow", "too slow", "the budget is 0.2 s"),
        ("Ends", "ended", "exit code 7"),
    ],
)
def test_a_failure_is_told_and_the_next_view_is_shown(
    name: str, kind: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only one that hangs has to be waited for; a busy machine may keep the others waiting.
    monkeypatch.setattr("eval.benchmark.agent_process.TRANSFER_SECONDS", 1.0 if name == "Hangs" else 30.0)
    with AgentProcess(AgentSource(f"user_agents:{name}"), time_budget=0.2) as agent:
        answers = [agent.propose(view(value)) for value in (0, 1, 0)]
    assert [answer.failure is None for answer in answers] == [True, False, True]
    failure = answers[1].failure
    assert failure is not None and failure.kind == kind
    assert message in failure.message and "\n" not in failure.message
    assert answers[1].instances == [] and len(answers[2].instances) == 1
    assert not multiprocessing.active_children()


def test_what_an_agent_says_is_one_bounded_printable_line() -> None:
    with AgentProcess(AgentSource("user_agents:Fidgets")) as agent:
        failures = [agent.propose(view(value)).failure for value in (0, 1)]
    for failure, part in zip(failures, (r"half a pair \ud800", "point array("), strict=True):
        assert failure is not None and part in failure.message
        assert len(failure.message) <= 300 and "\n" not in failure.message
        failure.message.encode("utf-8")


def test_an_agent_may_have_processes_and_they_end_with_it() -> None:
    with AgentProcess(AgentSource("user_agents:HasChildren")) as agent:
        answer = agent.propose(view(0))
        assert answer.failure is None and answer.instances[0].force == 1
        (process,) = multiprocessing.active_children()
        group = process.pid
        assert group is not None
        os.killpg(group, 0)  # it is there, with its child
    for _ in range(200):
        living = [entry for entry in Path("/proc").glob("[0-9]*/stat") if _in_group(entry, group)]
        if not living:
            return
        time.sleep(0.05)
    pytest.fail(f"{living} outlived their agent")


def _in_group(entry: Path, group: int) -> bool:
    """Whether a process that is no corpse belongs to a group."""
    try:
        state, _, its_group = entry.read_text().rpartition(")")[2].split()[:3]
    except OSError:
        return False
    return state != "Z" and int(its_group) == group


def test_an_agent_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.benchmark.agent_process.TRANSFER_SECONDS", 0.1)
    source = AgentSource("user_agents:AlwaysHangs")
    with AgentProcess(source, time_budget=0.1, start_budget=20.0) as agent:
        # Only what makes the first view slow is waited for.
        agent.start_budget = 0.2
        kinds = [agent.propose(view(0)).failure.kind for _ in range(6)]  # type: ignore[union-attr]
    assert kinds[0] == "too slow" and "given up" not in kinds[:3] and kinds[3:] == ["given up"] * 3
    assert not multiprocessing.active_children()


def test_only_losses_in_a_row_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.benchmark.agent_process.TRANSFER_SECONDS", 30.0)
    with AgentProcess(AgentSource("user_agents:Ends")) as agent:
        answers = [agent.propose(view(value)) for value in (1, 1, 0, 1, 1, 0, 1, 1, 1, 0)]
    kinds = [answer.failure and answer.failure.kind for answer in answers]
    assert kinds == ["ended", "ended", None] * 2 + ["ended"] * 3 + ["given up"]


def test_an_agent_sees_what_an_environment_would_show_it() -> None:
    shown = view(3)
    shown["rgb"][40, 250] = 200
    shown["depth"][40, 250] = 5.0
    with AgentProcess(AgentSource("user_agents:OnTheBrightestPixel")) as agent:
        answer = agent.propose(shown)
    assert answer.failure is None
    assert [(one.point, one.score) for one in answer.instances] == [((40, 250), 0.25)]


def test_an_agent_is_made_from_its_run(tmp_path: Path) -> None:
    agent = AgentSource("user_agents:Centre", {"force": 0}, tmp_path).make()
    assert agent.propose(view(0))[0].force == 0
    assert AgentSource("user_agents:Centre", {}, tmp_path).make().propose(view(0))[0].force == 1


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (AgentSource("Centre"), "is not package.module:Class"),
        (AgentSource("user_agents"), "is not package.module:Class"),
        (AgentSource("no_such_module:Centre"), "cannot be imported .ModuleNotFoundError"),
        (AgentSource("user_agents:Nobody"), "cannot be imported .AttributeError"),
        (AgentSource("user_agents:NotAnAgent"), "no method propose"),
        (AgentSource("user_agents:CannotBeMade"), "cannot be made .ValueError: no weights here"),
        (AgentSource("user_agents:Centre", {"colour": 1}), "unexpected keyword argument 'colour'"),
        (AgentSource("user_agents:CannotBeMade", {}, Path("run")), "no class method from_run"),
    ],
)
def test_an_agent_that_cannot_be_made_is_an_error(source: AgentSource, complaint: str) -> None:
    with pytest.raises(AgentSourceError, match=complaint):
        source.make()


def test_the_process_passes_on_why_an_agent_cannot_be_made() -> None:
    with pytest.raises(AgentSourceError, match="no weights here"):
        AgentProcess(AgentSource("user_agents:CannotBeMade"))
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("how", ["file", "stdin"])
def test_a_script_without_a_main_guard_is_told_so(tmp_path: Path, how: str) -> None:
    program = (
        "from agents.source import AgentSource\n"
        "from eval.benchmark.agent_process import AgentProcess\n"
        "AgentProcess(AgentSource('agents.random_agent:RandomAgent'))\n"
    )
    ran = run_script(program, tmp_path, how)
    assert ran.returncode == 1
    assert "MainGuardError" in ran.stderr.splitlines()[-1]
    assert 'if __name__ == "__main__":' in ran.stderr.splitlines()[-1]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_budgets_are_positive(seconds: float) -> None:
    with pytest.raises(ValueError, match="time_budget"):
        AgentProcess(AgentSource("user_agents:Centre"), time_budget=seconds)
    with pytest.raises(ValueError, match="start_budget"):
        AgentProcess(AgentSource("user_agents:Centre"), start_budget=seconds)


def test_a_long_error_is_cut() -> None:
    assert described(ValueError("x" * 1000)).endswith("…") and len(described(ValueError("x" * 1000))) == 300
    assert described(KeyError()) == "KeyError"
