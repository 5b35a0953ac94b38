"""Run a command line inside a test, as a shell would see it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

Main = Callable[[Sequence[str]], object]


class Outcome(NamedTuple):
    """How a command left, and what it printed on the way."""

    code: int
    out: str
    err: str


def exit_code(main: Main, *words: object) -> int:
    """Run a command to its end."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def outcome(main: Main, capsys: pytest.CaptureFixture[str], *words: object) -> Outcome:
    """Run a command to its end, and read what it printed."""
    capsys.readouterr()
    return Outcome(exit_code(main, *words), *capsys.readouterr())


def complaint(main: Main, capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run a command that must refuse, and return the one line it says."""
    code, _, err = outcome(main, capsys, *words)
    assert code == 2
    assert err.startswith("error: ") and err.count("\n") == 1, err
    return err.rstrip("\n")
