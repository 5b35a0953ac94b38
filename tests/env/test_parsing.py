"""Commands end with one line and an exit code: after a mistake, a failure with a remedy, or Ctrl-C."""

from concurrent.futures.process import BrokenProcessPool

import pytest
from command_lines import complaint, exit_code, outcome
from gymnasium.error import DependencyNotInstalled

from thor_interact_env.errors import (
    MainGuardError,
    PlayerDiedError,
    PlayerStartError,
    RenderingError,
    UnknownRoomError,
)
from thor_interact_env.export import command_line as export
from thor_interact_env.gallery import command_line as gallery
from thor_interact_env.parsing import run_command
from thor_interact_env.simulators.mujoco import calibrate


def failing(error):
    """Return a command that fails."""

    def work():
        raise error

    return lambda words: run_command(work, "Stopped.")


KINDS = (
    UnknownRoomError,
    RenderingError,
    PlayerStartError,
    PlayerDiedError,
    MainGuardError,
    DependencyNotInstalled,
    OSError,
)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_that_states_a_remedy_is_one_line(capsys, kind):
    assert complaint(failing(kind("no screen;\nset DISPLAY")), capsys) == "error: no screen; set DISPLAY"


def test_a_worker_that_was_killed_is_one_line(capsys):
    said = complaint(failing(BrokenProcessPool("a process was terminated abruptly")), capsys)
    assert "a worker process was killed" in said and "fewer --workers" in said


def test_a_bug_shows_itself():
    with pytest.raises(RuntimeError, match="a bug"):
        failing(RuntimeError("a bug"))([])


def test_success_and_an_interruption_have_their_codes(capsys):
    assert exit_code(lambda words: run_command(lambda: None)) == 0
    code, _, error = outcome(failing(KeyboardInterrupt()), capsys)
    assert code == 130 and error == "\nStopped.\n"


@pytest.mark.parametrize(
    ("command", "function", "words"),
    [
        (export, "write_folder", ("FloorPlan1",)),
        (gallery, "write_rooms", ()),
        (calibrate, "make_simulator", ()),
    ],
)
def test_ctrl_c_is_one_line_in_every_command(monkeypatch, tmp_path, capsys, command, function, words):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, function, interrupted)
    where = () if command is calibrate else ("--out", tmp_path / "new")
    code, _, error = outcome(command.main, capsys, *words, *where)
    assert code == 130 and error == "\nInterrupted.\n"
