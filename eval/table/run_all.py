"""All rows of a table: a queue that may be killed at any moment, and goes on when it is run again."""

from __future__ import annotations

import shutil
import time
from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.training.schedule import RunError, require
from eval.table.jobs import (
    RowState,
    chosen_rows,
    chosen_seeds,
    chosen_splits,
    duration,
    remaining,
    seconds_left,
    state_of,
)
from eval.table.run_row import RunOptions, check_options, run_folder
from eval.table.text import aligned
from selfsup.files import locked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eval.table.row_processes import Runner

LOCK_FILE = "run-all.lock"


@dataclass(frozen=True)
class RunAllOptions:
    """Finish all rows of a table, each in a process of its own.

    The first seed of every row comes before the second one of any. Stopped at any moment, the same command
    goes on from the last checkpoints. A row that fails is tried once more; then the others go on, the
    failures are listed at the end, and the exit code is 2.
    """

    rows: str = "all"
    """Letters of rows with commas between them, such as a,c,o; or all."""

    splits: str = "both"
    """NovelSpaces, NovelObjects or both."""

    seeds: str = "0"
    """Seeds of the runs: numbers and ranges, such as 0-2."""

    preset: str = "hour"
    """Size of the runs: smoke (seconds), quick (minutes), hour or paper."""

    out: Path = Path("runs/table")
    """Folder of the table. Each row has a run folder in it, and prints to a file in its folder logs."""

    locations: int | None = None
    """Held-out locations of the evaluations; None takes the preset's number."""

    interactions: int = 10
    """Points touched at a location for the interaction metrics, and as many random ones; 0: none."""

    touched_locations: int = 40
    """Held-out locations that are touched for the interaction metrics, spread over all."""

    device: str = "auto"
    """Where to run the networks: auto, cpu, cuda, ..."""

    cores: int = 4
    """Minimum number of cores of a row: as many rows run side by side as there are shares of this size."""

    address: str = ""
    """Ray cluster on which the rows run as tasks: auto, local or host:port. Its machines must share the
    folder of the table. Empty: this machine, without Ray."""

    attempts: int = 2
    """How often a row is tried before it counts as failed."""

    keep_memory_banks: bool = False
    """Keep the memory banks of finished rows, half a gigabyte each at hour. Nothing reads them again."""

    measure_again: bool = False
    """Measure finished rows again that were measured at other numbers of locations or points, and replace
    their results. If off, such a row is an error."""

    list: bool = False
    """Only print how far each row has come and how long the rest will take."""


def all_rows(options: RunAllOptions) -> list[RunOptions]:
    """Return the rows of a table in the order in which they run.

    Raises:
        RunError: An option is outside its range, or there is no such row or preset.
        ThorInteractError: There is no such split.
    """
    for name in ("cores", "attempts"):
        value = getattr(options, name)
        require(value >= 1, f"{name} is {value}; it must be at least 1.")
    shared = {
        name: getattr(options, name)
        for name in (
            "preset",
            "out",
            "locations",
            "interactions",
            "touched_locations",
            "device",
            "measure_again",
        )
    }
    found = [
        RunOptions(letter, split=split, seed=seed, **shared)
        for seed in chosen_seeds(options.seeds)
        for split in chosen_splits(options.splits)
        for letter in chosen_rows(options.rows)
    ]
    for one in found:
        check_options(one)
    return found


def run_all(options: RunAllOptions) -> list[str]:
    """Finish the rows of a table.

    Args:
        options: The options.

    Returns:
        A message for each row that failed.

    Raises:
        RunError: An option is outside its range, a folder holds another row, another process is working on
            this table, or there is no Ray cluster at the address.
        ThorInteractError: There is no such split.
        DependencyNotInstalled: Ray is requested and not installed.
    """
    jobs = all_rows(options)
    options.out.mkdir(parents=True, exist_ok=True)
    busy = RunError(
        f"another process is working on the table {options.out}; wait for it, or name another --out."
    )
    with locked(options.out / LOCK_FILE, busy):
        states = [state_of(job) for job in jobs]
        if not options.keep_memory_banks:  # of rows whose queue was stopped before it deleted them, too
            for one in states:
                if one.state == "finished":
                    _delete_memory_bank(one.options)
        if not remaining(states):
            return []
        with closing(make_runner(options)) as runner:
            _say(_outlook(states, runner.places))
            return _Queue(options, states, runner).go_on()


class _Queue:
    """Rows that wait and rows that run."""

    def __init__(self, options: RunAllOptions, states: Sequence[RowState], runner: Runner) -> None:
        self._options, self._runner = options, runner
        self._jobs = [one.options for one in states]
        self._waiting = deque(one.options for one in remaining(states))
        self._running: dict[Future[None], RunOptions] = {}
        self._attempts: Counter[RunOptions] = Counter()
        self._failures: list[str] = []

    def go_on(self) -> list[str]:
        """Run until nothing is left; return the failures."""
        while self._waiting or self._running:
            while self._waiting and len(self._running) < self._runner.places:
                self._start(self._waiting.popleft())
            ended, _ = wait(self._running, return_when=FIRST_COMPLETED)
            for future in ended:
                self._end(self._running.pop(future), future)
        return self._failures

    def _start(self, job: RunOptions) -> None:
        from eval.table.row_processes import log_file

        self._attempts[job] += 1
        again = " again" if self._attempts[job] > 1 else ""
        _say(f"{run_folder(job).name} starts{again}; it prints to {log_file(job)}")
        self._running[self._runner.start(job)] = job

    def _end(self, job: RunOptions, future: Future[None]) -> None:
        error = future.exception()
        if isinstance(error, RunError):
            _say(str(error))
            if self._attempts[job] < self._options.attempts:
                self._waiting.appendleft(job)
            else:
                self._failures.append(str(error))
            return
        if error is not None:
            raise error
        if not self._options.keep_memory_banks:
            _delete_memory_bank(job)
        states = [state_of(each) for each in self._jobs]
        _say(f"{run_folder(job).name} is finished. {_outlook(states, self._runner.places)}")


def _delete_memory_bank(job: RunOptions) -> None:
    from agents.training.run_folder import MEMORY_FOLDER

    shutil.rmtree(run_folder(job) / MEMORY_FOLDER, ignore_errors=True)


def make_runner(options: RunAllOptions) -> Runner:
    """Return what runs the rows: this machine, or a Ray cluster.

    Raises:
        RunError: There is no Ray cluster at the address.
        DependencyNotInstalled: Ray is requested and not installed.
    """
    from eval.table.row_processes import LocalRunner, RayRunner

    if options.address:
        from agents.collection.collect import CollectionError

        try:
            return RayRunner(options.address, options.cores, options.out)
        except CollectionError as error:
            raise RunError(str(error)) from error
    return LocalRunner(options.cores)


def _outlook(states: Sequence[RowState], places: int) -> str:
    left = remaining(states)
    if not left:
        return f"All {len(states)} rows are finished."
    needed = duration(seconds_left(states, places))
    return f"{len(states) - len(left)} of {len(states)} rows are finished; time for the others: {needed}."


def describe(options: RunAllOptions) -> str:
    """Return a table of how far each row has come, and how long the rest will take."""
    states = [state_of(job) for job in all_rows(options)]
    lines = [["row", "state", "training", "minutes"]]
    for one in states:
        begun = one.state != "waiting"
        lines.append(
            [
                one.name,
                one.state,
                f"{one.fraction:.0%}" if begun else "-",
                f"{one.seconds / 60:.1f}" if begun else "-",
            ]
        )
    from eval.table.row_processes import rows_at_once

    return f"{aligned(lines)}\n\n{_outlook(states, rows_at_once(options.cores))}"


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M')}  {text}", flush=True)
