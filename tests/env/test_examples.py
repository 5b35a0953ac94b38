"""The examples run, and say what they did."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from pictures import read_picture

ROOT = Path(__file__).parents[2]


def run(name, *arguments):
    """Run an example in a new process and return what it printed, with its exit code."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "error::DeprecationWarning:__main__",
    }
    command = [sys.executable, str(ROOT / "examples" / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240, check=False)


def test_quickstart_saves_an_image(tmp_path):
    result = run("quickstart.py", "--out", tmp_path / "touched.png")
    assert result.returncode == 0, result.stderr
    assert "moved something" in result.stdout
    before, after, overlay = read_picture(tmp_path / "touched.png").reshape(300, 3, 300, 3).swapaxes(0, 1)
    assert (before != after).any()
    assert (after != overlay).any()


def test_vector_env_counts_successes():
    result = run("vector_env.py", "--envs", 2, "--steps", 4, "--interactions", 2)
    assert result.returncode == 0, result.stderr
    assert re.fullmatch(r"\d+ of 8 random touches moved something; 4 episodes ended\n", result.stdout)


def test_replay_gives_the_same_bytes_and_notices_others(tmp_path):
    path = tmp_path / "run.json"
    assert run("replay.py", "record", path, "--seed", 3, "--steps", 5).returncode == 0
    result = run("replay.py", "replay", path)
    assert result.returncode == 0, result.stderr
    assert "all 6 results equal" in result.stdout

    recording = json.loads(path.read_text())
    recording["sha256"][2] = "0" * 64
    path.write_text(json.dumps(recording))
    result = run("replay.py", "replay", path)
    assert result.returncode == 1
    assert "touch 2 differs" in result.stderr


def test_replay_of_a_missing_file_is_one_clear_line(tmp_path):
    result = run("replay.py", "replay", tmp_path / "none.json")
    assert result.returncode == 2
    assert "there is no file" in result.stderr
    assert "Traceback" not in result.stderr
