"""Command lines whose mistakes are one line and exit code 2."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from thor_interact_env.errors import MainGuardError, PlayerError, RenderingError, ThorInteractError


def fail(message: str) -> NoReturn:
    """Print a mistake of the user on one line and exit with code 2."""
    print("error: " + " ".join(message.split()), file=sys.stderr)
    raise SystemExit(2)


class OneLineParser(argparse.ArgumentParser):
    """A parser of options that prints an error on one line, with the command that explains the options."""

    def error(self, message: str) -> NoReturn:
        """Print an error on one line and exit."""
        fail(f"{message}; see {self.prog} --help")


@contextmanager
def reported(interrupted: str = "Interrupted.") -> Iterator[None]:
    """Do the work of a command: what ends it early is one line, or nothing, and an exit code.

    Args:
        interrupted: What to say after Ctrl-C.

    Raises:
        SystemExit: 2 after a mistake of the user, 130 after Ctrl-C, 1 if nobody reads the output.
    """
    from concurrent.futures.process import BrokenProcessPool

    from gymnasium.error import DependencyNotInstalled

    remedies = (ThorInteractError, RenderingError, PlayerError, MainGuardError, DependencyNotInstalled)
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(f"\n{interrupted}", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader of the output, such as `head`, has closed the pipe
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        raise SystemExit(1) from None
    except BrokenProcessPool:
        fail("a worker process was killed, perhaps for lack of memory; try again with fewer --workers")
    except (*remedies, OSError) as error:
        fail(str(error))


def run_command(work: Callable[[], object], interrupted: str = "Interrupted.") -> NoReturn:
    """Do the work of a command and exit.

    Args:
        work: The work.
        interrupted: What to say after Ctrl-C.

    Raises:
        SystemExit: Always: 0 after success, otherwise see `reported`.
    """
    with reported(interrupted):
        work()
    raise SystemExit(0)
