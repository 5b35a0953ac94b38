"""Collection by processes of this machine; one that ends early is replaced and its task is repeated."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from agents.closing import Closing
from agents.collection.collect import CollectionTask, close_cache, collect_locations, keep_rooms
from agents.collection.collector import use_one_thread
from agents.collection.interact import InteractionRecord
from agents.collection.pool import WorkerEndedError, WorkerPool
from agents.collection.room_memory import rooms_kept
from agents.training.processor import available_cores
from thor_interact_env.spawning import SpawnedProcesses, check_main_guard, end_with_parent


class LocalCollector(Closing):
    """Runs tasks in processes of this machine, or in the calling process.

    Each process runs one task at a time, and keeps the rooms that it has compiled: the next task of such a
    room goes to it. If a process ends early (killed, or out of memory), a new process replaces it and the
    task is repeated from its start, up to three times, while the other processes continue. A task gives one
    complete result or none: nothing is counted twice. Use the collector in a `with` statement, or call
    `close`.
    """

    def __init__(self, workers: int | None = None, room_memory: float | None = None) -> None:
        """Choose the number of processes; they start when tasks are submitted.

        Args:
            workers: Processes; 0 works in this process, None takes one per available core.
            room_memory: Memory for the compiled rooms of all processes together, 10^9 bytes; None takes a
                quarter of what is available.

        Raises:
            ValueError: The number is negative.
            MainGuardError: This process was spawned, and is still running its main program again.
        """
        if workers is not None and workers < 0:
            raise ValueError(f"workers is {workers}; it must be 0 or more, or None for one per core")
        count = available_cores() if workers is None else workers
        if count:
            check_main_guard()
        rooms, lock = rooms_kept(max(count, 1), room_memory), threading.Lock()
        self._pool = WorkerPool([_Process(rooms, lock) for _ in range(count)]) if count else None
        if self._pool is None:
            keep_rooms(rooms)

    @property
    def replaced(self) -> int:
        """Number of processes that ended early and were replaced."""
        return 0 if self._pool is None else self._pool.replaced

    def submit(self, task: CollectionTask) -> Future[list[InteractionRecord]]:
        """Start a task. One task runs in one process: split a large one with `CollectionTask.split`.

        Args:
            task: What to do.

        Returns:
            A future of one record per seed; it raises `CollectionError` if a location cannot be visited or
            three processes have ended during it, and `MainGuardError` if no process can start because the
            main program runs again in each. Without workers the future is done already.
        """
        if self._pool is not None:
            return self._pool.submit(task)
        future: Future[list[InteractionRecord]] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(collect_locations(task))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Cancel tasks that have not started, wait for the others and end the processes."""
        if self._pool is None:
            close_cache()
        else:
            self._pool.close()


class _Process:
    """A process of this machine, as a `Worker`."""

    def __init__(self, rooms: int, lock: threading.Lock) -> None:
        """Store the arguments; the process starts with the first task.

        Args:
            rooms: Maximum number of compiled rooms that it keeps.
            lock: Held while a process starts, with its first task: it inherits the environment of that time.
        """
        self.rooms = rooms
        self._lock = lock
        self._started: tuple[ProcessPoolExecutor, SpawnedProcesses] | None = None

    def collect(self, task: CollectionTask, weights: None) -> list[InteractionRecord]:
        """Run a task; see `Worker`."""
        try:
            with self._lock, _single_threaded_libraries():
                if self._started is None:
                    context = SpawnedProcesses()
                    process = ProcessPoolExecutor(
                        1, context, initializer=_start_worker, initargs=(self.rooms,)
                    )
                    self._started = process, context
                process, context = self._started
                future = process.submit(collect_locations, task)
            return future.result()
        except BrokenProcessPool as error:  # during the task, or while the process was idle
            self._started = None
            process.shutdown(wait=False)
            context.check_begun()  # Otherwise a new process would fail for the same reason.
            raise WorkerEndedError("the process ended") from error

    def close(self) -> None:
        """End the process; see `Worker`."""
        if self._started is not None:
            self._started[0].shutdown(wait=True)


@contextmanager
def _single_threaded_libraries() -> Iterator[None]:
    """Let processes started meanwhile use one thread each: numerical libraries read this as they load."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_worker(rooms: int) -> None:
    """Prepare a process of the pool."""
    keep_rooms(rooms)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends the pool in order
    use_one_thread()
    if hasattr(os, "nice"):
        # The learner sets the pace: all its threads wait for the one that waits for a worker.
        os.nice(19)
    end_with_parent()
