"""Processes that are started afresh: those of a script without a main guard say so.

A fork would copy locks of threads, and an OpenGL context that works in one process only; so processes are
spawned. Such a process first runs the main program again, under another name than `__main__`. A script that
trains, measures or collects outside `if __name__ == "__main__":` begins to do so again in it.
"""

import multiprocessing
import time
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from thor_interact_env.errors import MainGuardError

GUARD_REMEDY = (
    'put what the main program does under `if __name__ == "__main__":`, and the program into a file, for '
    "what is read from standard input cannot be run again"
)

_ENDING_SECONDS = 10.0
"""Most that a process which has closed its connections may take to end."""


def runs_main_again() -> bool:
    """Return whether this process was spawned, and is still running the main program again."""
    # What `multiprocessing` itself looks at when such a process starts another one.
    return bool(getattr(multiprocessing.current_process(), "_inheriting", False))


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
    """A spawned process that tells its parent when it begins its own work."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take the arguments of `multiprocessing.Process`."""
        super().__init__(*arguments, **options)
        self._begun, self._begin = multiprocessing.Pipe(duplex=False)

    def run(self) -> None:
        """Tell the parent, then work; runs in the child."""
        self._begin.send_bytes(b"begun")
        super().run()

    def check_begun(self) -> None:
        """Say why this process has ended, if that was while the main program was run again.

        Raises:
            MainGuardError: It ended by itself, with an exit code above 0, before it began its own work.
        """
        if self.pid is None:  # it was never started
            return
        deadline = time.monotonic() + _ENDING_SECONDS
        # Not `join`: a pool's thread may be waiting too, and only one of two who wait learns the exit code.
        while self.exitcode is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if self.exitcode and self.exitcode > 0 and not self._begun.poll():
            raise MainGuardError(
                "a process ended before its own work, while it ran the main program again (its complaint is "
                f"above): {GUARD_REMEDY}."
            )


class SpawnedProcesses(SpawnContext):
    """The start method `spawn`, for `ProcessPoolExecutor` and others; remembers the processes it has made."""

    def __init__(self) -> None:
        """Begin without processes."""
        self._made: list[SpawnedProcess] = []

    def Process(self, *arguments: Any, **options: Any) -> SpawnedProcess:  # type: ignore[override]  # noqa: N802
        """Return a new process, which is not started yet; see `multiprocessing.Process`."""
        process = SpawnedProcess(*arguments, **options)
        self._made.append(process)
        return process

    def check_begun(self) -> None:
        """Call this when a process has died; see `SpawnedProcess.check_begun`."""
        for process in self._made:
            process.check_begun()
