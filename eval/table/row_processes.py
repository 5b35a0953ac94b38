"""What runs the rows of a table: processes of this machine, or a Ray cluster."""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from agents.training.processor import available_cores
from agents.training.schedule import RunError
from eval.table.run_row import RunOptions, command_of, finish_row, run_folder
from thor_interact_env.spawning import SpawnedProcess, SpawnedProcesses, end_with_parent

LOG_FOLDER = "logs"

_SHOWN_LINES = 8


class RowFailedError(RunError):
    """The process of a row ended without a result."""


class Runner(Protocol):
    """Runs rows; results do not depend on which one does it."""

    places: int
    """Rows that run at a time."""

    def start(self, options: RunOptions) -> Future[None]:
        """Start a row.

        Returns:
            A future that is done when the row is finished; it raises `RowFailedError` if it fails.
        """

    def close(self) -> None:
        """End the rows that are running. What they have saved remains."""


def log_file(options: RunOptions) -> Path:
    """Return the file to which a row prints."""
    return options.out / LOG_FOLDER / f"{run_folder(options).name}.txt"


def rows_at_once(cores: int) -> int:
    """Return how many rows run side by side on this machine.

    Args:
        cores: Minimum number of cores of a row.
    """
    return max(1, available_cores() // cores)


def failed(options: RunOptions, reason: str) -> RowFailedError:
    """Return the error of a row that failed, with the last lines that it printed."""
    path = log_file(options)
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    lines = [line for line in text.replace("\r", "\n").splitlines() if line.strip()]
    shown = "".join(f"\n    {line}" for line in lines[-_SHOWN_LINES:])
    return RowFailedError(f"{run_folder(options).name} {reason}; the end of {path}:{shown}")


class LocalRunner:
    """Rows in processes of this machine, each on cores of its own.

    A process ends when this one does, however this one ends.
    """

    def __init__(self, cores: int) -> None:
        """Divide the machine.

        Args:
            cores: Minimum number of cores of a row; a row gets all if there are fewer.
        """
        self.places = rows_at_once(cores)
        self._cores: queue.SimpleQueue[frozenset[int]] = queue.SimpleQueue()
        for share in _shares(self.places):
            self._cores.put(share)
        self._threads = ThreadPoolExecutor(self.places, thread_name_prefix="row")
        self._running: set[SpawnedProcess] = set()
        self._lock, self._closed = threading.Lock(), False

    def start(self, options: RunOptions) -> Future[None]:
        """Start a row; see `Runner`."""
        return self._threads.submit(self._run, options)

    def _run(self, options: RunOptions) -> None:
        cores = self._cores.get()
        try:
            context = SpawnedProcesses()
            process = context.Process(target=_finish_row_on, args=(options, cores))
            with self._lock:
                if self._closed:
                    raise RowFailedError(f"{run_folder(options).name} was stopped.")
                process.start()
                self._running.add(process)
            process.join()
            with self._lock:
                self._running.discard(process)
            context.check_begun()
            if process.exitcode:
                raise failed(options, _reason(process.exitcode))
        finally:
            self._cores.put(cores)

    def close(self) -> None:
        """End the rows that are running; see `Runner`."""
        with self._lock:
            self._closed = True
            for process in self._running:
                process.terminate()
        self._threads.shutdown(cancel_futures=True)


def _reason(exit_code: int) -> str:
    if exit_code > 0:
        return f"failed with exit code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    return f"was ended by {name}"


def _shares(count: int) -> list[frozenset[int]]:
    """Return the cores of this process in as many parts; empty ones where the system does not tell."""
    if not hasattr(os, "sched_getaffinity"):
        return [frozenset()] * count
    cores = sorted(os.sched_getaffinity(0))
    ends = [number * len(cores) // count for number in range(count + 1)]
    return [frozenset(cores[first:last]) for first, last in pairwise(ends)]


def _finish_row_on(options: RunOptions, cores: frozenset[int]) -> None:
    """Finish a row in a process of its own: on some cores, printing to its log file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # after Ctrl-C, the parent ends this process
    end_with_parent()
    if cores:
        os.sched_setaffinity(0, cores)
    from agents.commands.options import run_command_line

    with _printing_to(log_file(options)):
        sys.orig_argv[:] = command_of(options)  # what the run folder notes
        run_command_line(lambda words: finish_row(options), [])


@contextlib.contextmanager
def _printing_to(path: Path) -> Iterator[None]:
    """Append to a file what this process and those it starts print."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        kept = [os.dup(number) for number in (1, 2)]
        try:
            for number in (1, 2):
                os.dup2(file.fileno(), number)
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            for number, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number)
                os.close(copy)


def places_on(machines: Sequence[int], cores: int) -> tuple[int, int]:
    """Return how many cores a row can have, and how many rows can run at once, each on one machine.

    Args:
        machines: Cores of each machine.
        cores: Wanted cores of a row, at least 1.

    Returns:
        Both at least 1; the cores are at most those of the largest machine.
    """
    cores = max(min(cores, max(machines, default=1)), 1)
    return cores, max(sum(each // cores for each in machines), 1)


class RayRunner:
    """Rows as tasks of a Ray cluster, whose machines share the folder of the table."""

    def __init__(self, address: str, cores: int, out: Path) -> None:
        """Connect.

        Args:
            address: Address of the cluster, as for `ray.init`; `local` starts one of this machine alone.
            cores: Cores of a row.
            out: Folder of the table, on storage that all machines of the cluster have under this path.

        Raises:
            DependencyNotInstalled: Ray is not installed.
            CollectionError: There is no cluster at the address.
        """
        from agents.collection.ray_collector import connect

        self._ray: Any = connect(address)
        machines = [int(one["Resources"].get("CPU", 0)) for one in self._ray.nodes() if one["Alive"]]
        cores, self.places = places_on(machines, cores)
        self._token = out.absolute() / f".shared-{secrets.token_hex(8)}"
        self._token.parent.mkdir(parents=True, exist_ok=True)
        self._token.touch()
        self._task = self._ray.remote(num_cpus=cores, max_retries=0)(_finish_row_remotely)
        self._workers = cores
        self._threads = ThreadPoolExecutor(self.places, thread_name_prefix="row")

    def start(self, options: RunOptions) -> Future[None]:
        """Start a row; see `Runner`."""
        workers = self._workers if options.workers is None else options.workers
        return self._threads.submit(self._run, replace(options, out=options.out.absolute(), workers=workers))

    def _run(self, options: RunOptions) -> None:
        try:
            code = self._ray.get(self._task.remote(options, self._token))
        except self._ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, RowFailedError):
                raise cause from error
            # The cause is in the last line of the remote stack trace.
            raise failed(options, f"ended early ({' '.join(str(error).split())[-300:]})") from error
        if code:
            raise failed(options, f"failed with exit code {code}")

    def close(self) -> None:
        """End the rows that are running; see `Runner`."""
        self._ray.shutdown()
        self._threads.shutdown(cancel_futures=True)
        self._token.unlink(missing_ok=True)


def _finish_row_remotely(options: RunOptions, token: Path) -> int:
    """Finish a row on a machine of the cluster, and return the exit code of its command."""
    from agents.commands.options import run_command_line

    if not token.exists():
        raise RowFailedError(
            f"{options.out} of this machine is not the folder of the table; put it on storage that all "
            "machines of the cluster share, under the same path."
        )
    with _printing_to(log_file(options)):
        try:
            sys.orig_argv[:] = command_of(options)
            run_command_line(lambda words: finish_row(options), [])
        except SystemExit as end:
            return int(end.code or 0)
    return 0
