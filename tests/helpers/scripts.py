"""Programs that a user runs: from a file, from standard input, or as words of the command line."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]


def run_script(program: str, folder: Path, how: str = "file") -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, which can import the packages and the tests' helpers.

    Args:
        program: Python.
        folder: Where the file is written.
        how: "file", "stdin" or "words".
    """
    file = folder / "program.py"
    file.write_text(program)
    words = {"file": [str(file)], "stdin": ["-"], "words": ["-c", program]}[how]
    return subprocess.run(
        [sys.executable, *words],
        input=program if how == "stdin" else "",
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(TESTS.parent), str(TESTS / "env")))},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
