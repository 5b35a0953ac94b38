"""What every command line does with faults of the system: one line, exit code 2, and nothing else."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_lines import complaint, outcome

from agents.commands.options import run_command_line
from thor_interact_env.errors import MainGuardError


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_file_that_cannot_be_written_is_one_line(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    def command(words: object) -> None:
        print("what was found out")
        raise OSError(number, os.strerror(number), "run/metrics.jsonl")

    said = outcome(lambda words: run_command_line(command, words), capsys)
    assert said.code == 2 and said.out == "what was found out\n"
    assert said.err.startswith(f"error: [Errno {number}] {os.strerror(number)}: 'run/metrics.jsonl'")
    assert said.err.count("\n") == 1
    assert ("free some disk space" in said.err) is (number in (errno.ENOSPC, errno.EDQUOT))


def test_a_main_program_without_a_guard_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def command(words: object) -> None:
        raise MainGuardError("put it under a guard.")

    assert complaint(lambda words: run_command_line(command, words), capsys) == "error: put it under a guard."


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("both", [False, True])
def test_output_into_a_file_on_a_full_disk_is_one_line(both: bool) -> None:
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "eval.table", "rows"],
            cwd=Path(__file__).parents[2],
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
            stdout=full,
            stderr=full if both else subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
    assert ran.returncode == 2
    if not both:
        assert ran.stderr.startswith("error: [Errno 28] No space left on device; free some disk space")
        assert ran.stderr.count("\n") == 1
