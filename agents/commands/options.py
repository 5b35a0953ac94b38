"""Command lines whose options are the fields of a frozen dataclass: a mistake is one line and exit code 2.

tyro explains and parses the options. Its errors, and every error that states a remedy, are printed on one
line. Any other exception is a bug and shows its traceback.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TextIO, TypeVar

import tyro

from agents.commands.run_argument import with_run_folders
from agents.training.schedule import RunError

Options = TypeVar("Options")

ROOM_REMEDY = "free some disk space: existing files are intact, and a run continues with --resume."
"""Remedy for a full disk or an exhausted quota."""


def fail(message: str) -> NoReturn:
    """Print a mistake of the user on one line and exit with code 2."""
    with contextlib.suppress(OSError):  # if this cannot be written, the exit code suffices
        print("error: " + " ".join(message.split()), file=sys.stderr)
    _give_up_if_closed(sys.stderr)
    raise SystemExit(2)


def parse_options(
    kind: type[Options], program: str, words: Sequence[str], default: Options | None = None
) -> Options:
    """Read options; `pretrained:NAME` as a run becomes the folder of that agent.

    Args:
        kind: A dataclass; the text under each field explains its option.
        program: Name of the command, such as `python -m eval.benchmark`.
        words: The words after it.
        default: Source of the defaults; None: the class.

    Raises:
        SystemExit: 0 after the help was printed, 2 after an error.
        PretrainedError: No agent of this name comes with the package.
    """
    complaint = io.StringIO()
    given: dict[str, Any] = {} if default is None else {"default": default}
    try:
        with contextlib.redirect_stderr(complaint):
            return with_run_folders(tyro.cli(kind, prog=program, args=words, **given))
    except SystemExit as stop:
        if not stop.code:
            raise
    # tyro frames its text and wraps it.
    text = " ".join(re.sub(r"[\u2500-\u257f]|-{5,}", " ", complaint.getvalue()).split())
    fail(text.partition(" For full helptext")[0] + f"; see {program} --help")


def run_command_line(
    command: Callable[[Sequence[str]], None], arguments: Sequence[str] | None = None
) -> NoReturn:
    """Run a command and exit.

    Args:
        command: What to do with the words after the program's name.
        arguments: Those words; None takes the process's.

    Raises:
        SystemExit: Always: 0 after success, 2 after a mistake in the arguments, 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        command(words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader of the output, such as `head`, has closed the pipe
        _give_up_if_closed(sys.stdout)
        raise SystemExit(1) from None
    except OSError as error:
        _give_up_if_closed(sys.stdout)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        fail(f"{error}; {ROOM_REMEDY}" if full else str(error))
    except Exception as error:
        if not isinstance(error, RunError) and not isinstance(error, _user_errors()):
            raise
        fail(str(error))
    raise SystemExit(0)


def _give_up_if_closed(stream: TextIO) -> None:
    """Stop printing where that fails, as into a closed pipe or a file on a full disk.

    Python would try again at exit and set an exit code of its own.
    """
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def choose_command(
    commands: Mapping[str, Callable[[Sequence[str]], None]], overview: str, words: Sequence[str]
) -> None:
    """Run the command that the first word names; without one, print the overview.

    Args:
        commands: What each name does with the words after it.
        overview: Text that explains the commands.
        words: The words after the program's name.
    """
    if not words or words[0] in ("-h", "--help"):
        print(overview)
        return
    name, *rest = words
    if name not in commands:
        fail(f"there is no command {name!r}; choose one of {', '.join(commands)}.")
    commands[name](rest)


def _user_errors() -> tuple[type[Exception], ...]:
    """Return the errors that state a remedy; any other exception is a bug and shows its traceback."""
    from gymnasium.error import DependencyNotInstalled

    from agents.collection.collect import CollectionError
    from selfsup.memory_bank import MemoryBankError
    from thor_interact_env.errors import MainGuardError, PlayerError, RenderingError, ThorInteractError

    return (
        ThorInteractError,
        MainGuardError,
        PlayerError,
        RenderingError,
        MemoryBankError,
        CollectionError,
        DependencyNotInstalled,
        FloatingPointError,
    )
