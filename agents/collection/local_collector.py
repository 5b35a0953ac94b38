"""Collection by processes of this machine; one that ends early is replaced and its task is repeated."""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from agents.closing import Closing
from agents.collection.collect import CollectionError, CollectionTask, close_cache, collect_locations
from agents.collection.collector import ATTEMPTS, describe, use_one_thread
from agents.collection.interact import InteractionRecord
from agents.training.processor import available_cores
from thor_interact_env.spawning import SpawnedProcesses, check_main_guard

_LOGGER = logging.getLogger(__name__)


class LocalCollector(Closing):
    """Runs tasks in processes of this machine, or in the calling process.

    Each process is supervised by a thread, which gives it one task at a time. If a process ends early
    (killed, or out of memory), a new process replaces it and repeats the task from its start, up to three
    times, while the other processes continue. A task gives one complete result or none: nothing is counted
    twice. Use the collector in a `with` statement, or call `close`.
    """

    def __init__(self, workers: int | None = None) -> None:
        """Choose the number of processes; they start when tasks are submitted.

        Args:
            workers: Processes; 0 works in this process, None takes one per available core.

        Raises:
            ValueError: The number is negative.
            MainGuardError: This process was spawned, and is still running its main program again.
        """
        if workers is not None and workers < 0:
            raise ValueError(f"workers is {workers}; it must be 0 or more, or None for one per core")
        count = available_cores() if workers is None else workers
        if count:
            check_main_guard()
        self.replaced = 0
        """Processes that ended early and were replaced."""
        self._lock = threading.Lock()
        self._processes: dict[int, tuple[ProcessPoolExecutor, SpawnedProcesses]] = {}
        self._threads = ThreadPoolExecutor(count, "collector") if count else None

    def submit(self, task: CollectionTask) -> Future[list[InteractionRecord]]:
        """Start a task. One task runs in one process: split a large one with `CollectionTask.split`.

        Args:
            task: What to do.

        Returns:
            A future of one record per seed; it raises `CollectionError` if a location cannot be visited or
            three processes have ended during it, and `MainGuardError` if no process can start because the
            main program runs again in each. Without workers the future is done already.
        """
        future: Future[list[InteractionRecord]] = Future()
        future.set_running_or_notify_cancel()
        if self._threads is None:
            try:
                future.set_result(collect_locations(task))
            except Exception as error:
                future.set_exception(error)
            return future
        inner = self._threads.submit(self._carry_out, task)
        inner.add_done_callback(lambda done: _pass_on(done, future, task))
        return future

    def close(self) -> None:
        """Cancel tasks that have not started, wait for the others and end the processes."""
        if self._threads is None:
            close_cache()
            return
        self._threads.shutdown(wait=True, cancel_futures=True)
        for process, _ in self._processes.values():
            process.shutdown(wait=True)

    def _carry_out(self, task: CollectionTask) -> list[InteractionRecord]:
        """Run a task in the process of this thread, and in a new one if it ends early."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._begin(task).result()
            except BrokenProcessPool as error:
                self._discard()
                if attempt == ATTEMPTS:
                    raise CollectionError(
                        f"{ATTEMPTS} processes, one after another, ended before {describe(task)} was done; "
                        "memory may have run out: use fewer workers"
                    ) from error
                _LOGGER.warning("a worker ended early; a new one repeats %s", describe(task))
        raise AssertionError("unreachable")

    def _begin(self, task: CollectionTask) -> Future[list[InteractionRecord]]:
        thread = threading.get_ident()
        # One thread at a time: a process starts with its first task, and takes the environment as it is then.
        with self._lock, _single_threaded_libraries():
            if thread not in self._processes:
                context = SpawnedProcesses()
                process = ProcessPoolExecutor(1, context, initializer=_start_worker)
                self._processes[thread] = process, context
            return self._processes[thread][0].submit(collect_locations, task)

    def _discard(self) -> None:
        """Remove the ended process of this thread, unless a new one would fail for the same reason."""
        with self._lock:
            process, context = self._processes.pop(threading.get_ident())
            process.shutdown(wait=False)
            context.check_begun()
            self.replaced += 1


def _pass_on(
    done: Future[list[InteractionRecord]], future: Future[list[InteractionRecord]], task: CollectionTask
) -> None:
    """Pass a thread's outcome to the future that `submit` returned."""
    if done.cancelled():
        future.set_exception(CollectionError(f"the collector was closed before {describe(task)} began"))
    elif (error := done.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(done.result())


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


def _start_worker() -> None:
    """Prepare a process of the pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends the pool in order
    use_one_thread()
    if hasattr(os, "nice"):
        # The learner sets the pace: all its threads wait for the one that waits for a worker.
        os.nice(19)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process once its parent has ended: a parent that was killed cannot stop its pool."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
