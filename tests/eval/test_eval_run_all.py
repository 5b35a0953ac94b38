"""The queue of a table's rows: which there are, their estimates, failures, and a kill at any moment."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from command_lines import complaint, exit_code, outcome
from hypothesis import given
from hypothesis import strategies as st
from table_material import write_result

from agents.training.schedule import ConfigurationError, RunError
from eval.table import run_all as module
from eval.table.command_line import main
from eval.table.jobs import RowState, chosen_rows, chosen_seeds, duration, seconds_left, state_of
from eval.table.row_processes import RowFailedError, places_on
from eval.table.row_results import read_results
from eval.table.rows import ROWS
from eval.table.run_all import RunAllOptions, all_rows, run_all
from eval.table.run_row import RunOptions, run_folder
from selfsup.files import locked
from thor_interact_env.world import world_of

SMALL = RunAllOptions(preset="smoke", interactions=0, locations=1, splits="NovelSpaces", cores=1)


@given(st.sets(st.integers(0, 40), min_size=1))
def test_seeds_are_numbers_and_ranges(seeds: set[int]) -> None:
    assert chosen_seeds(",".join(map(str, seeds))) == sorted(seeds)
    first, last = min(seeds), max(seeds)
    assert chosen_seeds(f"{last}, {first}-{last}") == list(range(first, last + 1))


@pytest.mark.parametrize("text", ["", "a", "-1", "1-", "2-1", "1;2", "0..2"])
def test_other_seeds_are_an_error(text: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(repr(text))):
        chosen_seeds(text)


def test_seeds_come_last() -> None:
    """If time runs out, every row has its first seed."""
    rows = all_rows(replace(SMALL, rows="o,c", splits="both", seeds="0-1"))
    assert [(one.seed, one.split, one.row) for one in rows] == [
        (seed, split, row) for seed in (0, 1) for split in ("NovelSpaces", "NovelObjects") for row in "co"
    ]
    assert len(chosen_rows("all")) == len({one.row for one in all_rows(SMALL)})


def state(row: str, kind: Any, fraction: float = 0.0, seconds: float = 0.0) -> RowState:
    return RowState(RunOptions(row), kind, fraction, seconds)


def test_time_left_is_that_of_the_same_agent() -> None:
    finished = [state("c", "finished", 1.0, 100.0), state("h", "finished", 1.0, 500.0)]
    assert seconds_left([*finished, state("d", "waiting")]) == pytest.approx(100)
    assert seconds_left([*finished, state("i", "waiting")]) == pytest.approx(500)
    assert seconds_left([*finished, state("g", "waiting")]) == pytest.approx(300)  # neither: their mean
    assert seconds_left([*finished, state("d", "begun", 0.25, 25.0)]) == pytest.approx(75)
    three = [*finished, *[state(row, "waiting") for row in "dek"]]
    assert seconds_left(three) == pytest.approx(300)
    assert seconds_left(three, places=2) == pytest.approx(150)
    assert seconds_left(three, places=9) == pytest.approx(100)  # one row is not divided
    assert seconds_left(finished) == 0


def test_time_left_is_extrapolated_from_a_row_that_has_begun() -> None:
    assert seconds_left([state("c", "waiting")]) is None
    assert seconds_left([state("c", "begun", 0.0, 50.0)]) is None
    assert seconds_left([state("c", "begun", 0.2, 50.0), state("d", "waiting")]) == pytest.approx(200 + 250)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "not known yet"), (20, "less than a minute"), (600, "10 min"), (3700, "1 h 2 min")],
)
def test_durations_in_words(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("row", ["c", "i", "o", "t"])
def test_a_row_that_has_begun_says_how_far_it_is(row: str, tmp_path: Path) -> None:
    options = RunOptions(row, preset="quick", out=tmp_path)
    assert state_of(options).state == "waiting"
    run = run_folder(options)
    run.mkdir()
    (run / "config.json").write_text("{}")
    assert state_of(options) == RowState(options, "begun")
    (run / "metrics.jsonl").write_text('{"episode": 1, "updates": 1, "seconds": 12.5}\n')
    found = state_of(options)
    assert (found.state, found.seconds) == ("begun", 12.5) and 0 < found.fraction < 1


class Unreliable:
    """Runs rows by writing their results; some fail a number of times first."""

    def __init__(self, failures: dict[str, int], places: int = 1) -> None:
        self.places, self.failures, self.started = places, dict(failures), list[str]()
        self.closed = False

    def start(self, options: RunOptions) -> Future[None]:
        name, future = run_folder(options).name, Future[None]()
        self.started.append(options.row)
        assert self.started.count(options.row) <= 2
        if self.failures.get(options.row, 0) > 0:
            self.failures[options.row] -= 1
            future.set_exception(RowFailedError(f"{name} was ended by SIGKILL"))
            return future
        finish(options)
        (run_folder(options) / "memory_bank").mkdir()
        future.set_result(None)
        return future

    def close(self) -> None:
        self.closed = True


def finish(options: RunOptions) -> None:
    """Write the files of a finished row."""
    world = world_of("mujoco")
    run = write_result(options.out, options.row, options.split, {}, options.seed, options.preset, world)
    path = run / "evaluation.json"
    values = json.loads(path.read_text())
    values["table"] |= {"name": ROWS[options.row].name, "system": ROWS[options.row].agent}
    values |= {"locations": 1, "interactions": 0, "touched_locations": 40, "seconds": 2.0}
    values["training"] = {"seconds": 58.0}
    path.write_text(json.dumps(values))


@pytest.fixture
def unreliable(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Unreliable]:
    def make(**failures: int) -> Unreliable:
        runner = Unreliable(failures)
        monkeypatch.setattr(module, "make_runner", lambda options: runner)
        return runner

    return make


def test_a_row_that_dies_is_tried_again_and_then_the_others_go_on(
    unreliable: Callable[..., Unreliable], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runner = unreliable(c=1, h=2)
    options = replace(SMALL, rows="c,h,o", out=tmp_path)
    (failure,) = run_all(options)
    assert "h-NovelSpaces-smoke-seed0 was ended by SIGKILL" in failure
    assert runner.started == ["c", "c", "h", "h", "o"] and runner.closed
    assert {one.letter for one in read_results([tmp_path])} == {"c", "o"}
    assert not list(tmp_path.rglob("memory_bank"))
    printed = capsys.readouterr().out
    assert "c-NovelSpaces-smoke-seed0 starts again" in printed
    assert "2 of 3 rows are finished; time for the others: 1 min." in printed
    again = unreliable()
    assert run_all(replace(options, keep_memory_banks=True)) == []
    assert again.started == ["h"] and list(tmp_path.rglob("memory_bank"))
    assert run_all(replace(options, keep_memory_banks=True)) == [] and again.started == ["h"]
    # As after a kill between the last file of a row and the end of its memory bank.
    assert list(tmp_path.rglob("memory_bank"))
    assert run_all(options) == [] and again.started == ["h"]  # nothing is left
    assert not list(tmp_path.rglob("memory_bank"))


def test_the_memory_bank_of_a_row_that_has_begun_stays(
    unreliable: Callable[..., Unreliable], tmp_path: Path
) -> None:
    unreliable(h=2)
    bank = tmp_path / "h-NovelSpaces-smoke-seed0" / "memory_bank"
    bank.mkdir(parents=True)
    assert len(run_all(replace(SMALL, rows="c,h", out=tmp_path))) == 1 and bank.exists()


def test_a_forgotten_option_does_not_replace_results(
    unreliable: Callable[..., Unreliable], tmp_path: Path
) -> None:
    options = replace(SMALL, rows="c", out=tmp_path)
    runner = unreliable()
    assert run_all(options) == []
    before = (tmp_path / "c-NovelSpaces-smoke-seed0" / "evaluation.json").read_text()
    with pytest.raises(RunError, match=r"locations 1, not 2: add --measure-again .*--locations 1 to keep"):
        run_all(replace(options, locations=None))
    assert (tmp_path / "c-NovelSpaces-smoke-seed0" / "evaluation.json").read_text() == before
    assert runner.started == ["c"]
    (again,) = all_rows(replace(options, locations=None, measure_again=True))
    assert state_of(again).state != "finished"


def test_failures_are_the_exit_code(
    unreliable: Callable[..., Unreliable], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unreliable(c=2)
    words = ["--rows", "c,s", "--preset", "smoke", "--splits", "NovelSpaces", "--locations", "1"]
    words += ["--interactions", "0", "--out", str(tmp_path)]
    code, out, err = outcome(main, capsys, "run-all", *words)
    assert code == 2 and "1 rows failed" in err and "show" in out
    printed = outcome(main, capsys, "run-all", *words, "--list").out
    assert re.search(r"c-NovelSpaces-smoke-seed0 +waiting", printed)
    assert re.search(r"s-NovelSpaces-smoke-seed0 +finished +100% +1\.0", printed)


def test_one_queue_works_on_a_table(unreliable: Callable[..., Unreliable], tmp_path: Path) -> None:
    runner = unreliable()
    options = replace(SMALL, rows="c", out=tmp_path)
    lock = locked(tmp_path / module.LOCK_FILE, AssertionError())
    with lock, pytest.raises(RunError, match="another process is working on the table"):
        run_all(options)
    assert not runner.started
    assert run_all(options) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rows", "c,z"], "There is no row 'z'"),
        (["--splits", "Nowhere"], "There is no split 'Nowhere'"),
        (["--seeds", "2-0"], "seeds are '2-0'"),
        (["--preset", "fast"], "There is no preset 'fast'"),
        (["--cores", "0"], "cores is 0"),
        (["--attempts", "0"], "attempts is 0"),
        (["--locations", "0"], "locations is 0"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in complaint(main, capsys, "run-all", "--out", tmp_path, *words)
    assert not list(tmp_path.iterdir())


COMMAND = [sys.executable, "-m", "eval.table", "run-all", "--preset", "smoke", "--splits", "NovelSpaces"]
COMMAND += ["--locations", "2", "--touched-locations", "1", "--cores", "1"]


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def test_rows_in_processes_survive_a_kill(tmp_path: Path) -> None:
    """Nothing goes on without the queue, and the queue goes on with what there is."""
    command = [*COMMAND, "--rows", "c,s", "--out", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    run = tmp_path / "c-NovelSpaces-smoke-seed0"
    try:
        deadline = time.monotonic() + 120
        while not list(run.glob("checkpoints/*")):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        started = family(process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    gone, alive = psutil.wait_procs(started, timeout=30)
    assert gone and not alive
    assert not (run / "evaluation.json").exists()
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert "All 2 rows are finished." in done.stdout
    first, second = read_results([tmp_path])
    assert [first.letter, second.letter] == ["c", "s"]
    evaluation = json.loads((run / "evaluation.json").read_text())
    training = evaluation["training"]
    assert training["touches"] > 0 and training["locations"] > 0
    assert 0 < training["processor_seconds"] < 16 * training["seconds"]
    (*_, last) = json.loads((run / "run.json").read_text())["starts"]
    assert last["command"].startswith(
        "python -m eval.table run c --split NovelSpaces --preset smoke --seed 0"
    )
    # Measured anew, on fewer views, without the memory bank, which nothing needs any more.
    assert not (run / "memory_bank").exists()
    words = ["run", "c", "--preset", "smoke", "--locations", "1", "--interactions", "0", "--out", tmp_path]
    assert exit_code(main, *words, "--measure-again") == 0
    again = json.loads((run / "evaluation.json").read_text())
    assert again["locations"] == 1 and again["training"] == training
    assert "row c" in (tmp_path / "logs" / "c-NovelSpaces-smoke-seed0.txt").read_text()


def test_a_failed_process_is_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = replace(SMALL, rows="c", out=tmp_path, attempts=1)
    run = tmp_path / "c-NovelSpaces-smoke-seed0"
    run.mkdir()
    (run / "config.json").write_text("{")
    (failure,) = run_all(options)
    assert "exit code 2" in failure and "config.json" in failure.splitlines()[-1]


@given(st.lists(st.integers(0, 64), max_size=5), st.integers(1, 80))
def test_a_row_fits_on_one_machine_of_a_cluster(machines: list[int], wanted: int) -> None:
    cores, places = places_on(machines, wanted)
    assert 1 <= cores <= wanted and places >= 1
    if any(machines):
        assert cores == min(wanted, max(machines))
        assert places == sum(machine // cores for machine in machines)


def test_ray_runs_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    here, there = tmp_path / "here", tmp_path / "there"
    for out, address in ((here, ()), (there, ("--address", "local"))):
        words = [*COMMAND[4:], "--rows", "r", "--out", str(out), *address]
        assert exit_code(main, "run-all", *words) == 0
    (one,), (other,) = (read_results([out]) for out in (here, there))
    assert {**one.scores, "images_per_second": 0} == {**other.scores, "images_per_second": 0}
    assert one.interaction == other.interaction
    assert not list(there.glob(".shared-*"))
    assert os.listdir(there / "logs") == ["r-NovelSpaces-smoke-seed0.txt"]
