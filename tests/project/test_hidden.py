"""Files of a user that have the names of this project's packages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("file", "command"),
    [("selfsup.py", "agents.selfsup_agent"), ("selfsup.py", "eval.table"), ("agents.py", "eval.table")],
)
def test_a_file_that_hides_a_package_is_named(tmp_path, file, command):
    (tmp_path / file).write_text("")
    result = run(tmp_path, "-m", command, "--help")
    last = result.stderr.strip().splitlines()[-1]
    assert result.returncode and last.startswith("ImportError")
    assert str(tmp_path / file) in last and str(ROOT / Path(file).stem / "__init__.py") in last


def test_the_console_script_is_not_in_the_users_way(tmp_path):
    for name in ("selfsup.py", "eval.py", "agents.py"):
        (tmp_path / name).write_text("raise SystemExit('hidden')")
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "script.py").write_text("from eval.console import main\nmain()\n")
    result = run(tmp_path, str(bare / "script.py"), "table", "rows")
    assert result.returncode == 0, result.stderr
    assert "joint self-supervised" in result.stdout


def test_modules_of_the_current_folder_are_found_after_all_others(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "script.py").write_text(
        "import contextlib\n"
        "from eval.console import main\n"
        "with contextlib.suppress(SystemExit):\n"
        "    main()\n"
        "import mine\n"
    )
    (tmp_path / "mine.py").write_text("print('mine is imported')\n")
    result = run(tmp_path, str(tmp_path / "bin" / "script.py"), "table", "rows")
    assert result.stdout.endswith("mine is imported\n"), result.stderr


@pytest.mark.parametrize("words", [["--help"], []])
def test_the_console_script_lists_its_commands(tmp_path, words):
    result = run(tmp_path, "-c", f"import sys; sys.argv[1:] = {words}; from eval.console import main; main()")
    for name in ("train", "evaluate", "predict", "benchmark", "table", "report", "doctor", "export"):
        assert f"\n  {name} " in result.stdout
    wrong = run(tmp_path, "-c", "import sys; sys.argv[1:] = ['no']; from eval.console import main; main()")
    assert wrong.returncode == 2 and "no command 'no'" in wrong.stderr
