"""Spawned processes, with an error message for scripts without a main guard.

A fork would copy locks of threads, and an OpenGL context that works in one process only; so processes are
spawned. Such a process first runs the main program again, under another name than `__main__`. A script that
trains, measures or collects outside `if __name__ == "__main__":` does so again in it.
"""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, TypeVar

from thor_interact_env.errors import MainGuardError

GUARD_REMEDY = (
    'put the work of the main program under `if __name__ == "__main__":`, and the program into a file, as '
    "a program from standard input cannot be run again"
)

Task = TypeVar("Task")

_ENDING_SECONDS = 10.0
"""Maximum seconds until a process that has closed its connections ends."""


def runs_main_again() -> bool:
    """Return whether this process was spawned, and is still running the main program again."""
    # What `multiprocessing` itself looks at when such a process starts another one.
    return bool(getattr(multiprocessing.current_process(), "_inheriting", False))


def end_with_parent() -> None:
    """End this process, from a thread, when the one that spawned it ends: a killed one cannot stop it."""

    def wait() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True, name="end with parent").start()


def check_main_guard() -> None:
    """Do nothing in a main program; see `Raises`.

    Raises:
        MainGuardError: This process was spawned, and is still running the main program again.
    """
    if runs_main_again():
        raise MainGuardError(
            f"this process was started to help the main program, and is running it again: {GUARD_REMEDY}."
        )


class SpawnedProcess(SpawnProcess):
    """A spawned process that signals its parent when it starts its own work."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take the arguments of `multiprocessing.Process`."""
        super().__init__(*arguments, **options)
        self._begun, self._begin = multiprocessing.Pipe(duplex=False)

    def run(self) -> None:
        """Signal the parent, then work; runs in the child."""
        self._begin.send_bytes(b"begun")
        super().run()

    def check_begun(self) -> None:
        """Raise an error if this process has ended while the main program was run again.

        Raises:
            MainGuardError: It ended by itself, with an exit code above 0, before it started its own work.
        """
        if self.pid is None:  # it was never started
            return
        deadline = time.monotonic() + _ENDING_SECONDS
        # Not `join`: a pool's thread may also be waiting, and only one of two waiting threads gets the exit
        # code.
        while self.exitcode is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if self.exitcode and self.exitcode > 0 and not self._begun.poll():
            raise MainGuardError(
                "a process ended before its own work, while it ran the main program again (its error message "
                f"is above): {GUARD_REMEDY}."
            )


class SpawnedProcesses(SpawnContext):
    """The start method `spawn`, for `ProcessPoolExecutor` and others; it keeps a list of its processes."""

    def __init__(self) -> None:
        """Start without processes."""
        self._made: list[SpawnedProcess] = []

    def Process(self, *arguments: Any, **options: Any) -> SpawnedProcess:  # type: ignore[override]  # noqa: N802
        """Return a new process, which is not started yet; see `multiprocessing.Process`."""
        process = SpawnedProcess(*arguments, **options)
        self._made.append(process)
        return process

    def check_begun(self) -> None:
        """Call this when a process has ended early; see `SpawnedProcess.check_begun`."""
        for process in self._made:
            process.check_begun()


def run_tasks(work: Callable[[Task], object], tasks: Sequence[Task], workers: int) -> Iterator[Task]:
    """Do tasks that are independent of each other, and yield each one when it is done.

    Args:
        work: Does a task; a function of a module, which the processes import.
        tasks: The tasks; they can be pickled.
        workers: Processes, at least 1; with 1, or for a single task, this process does them in order.

    Yields:
        The tasks in the order in which they end.

    Raises:
        MainGuardError: A process has ended while it ran the main program again.
    """
    if workers == 1 or len(tasks) <= 1:
        for task in tasks:
            work(task)
            yield task
        return
    context = SpawnedProcesses()
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context) as pool:
        waiting = {pool.submit(work, task): task for task in tasks}
        try:
            for done in as_completed(waiting):
                done.result()
                yield waiting[done]
        except BrokenProcessPool:
            context.check_begun()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
