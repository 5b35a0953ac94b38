"""Programs that start processes, with and without a main guard, from a file and from elsewhere."""

import os
from pathlib import Path

import pytest
from scripts import run_script

from thor_interact_env.errors import MainGuardError
from thor_interact_env.spawning import SpawnedProcesses, check_main_guard

GUARD = 'if __name__ == "__main__":'
PROGRAM = """
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from thor_interact_env.spawning import SpawnedProcesses, check_main_guard

def work():
    check_main_guard()
    context = SpawnedProcesses()
    process = context.Process(target=print, args=("worked",))
    process.start()
    process.check_begun()
    with ProcessPoolExecutor(1, context) as pool:
        try:
            print(pool.submit(abs, -5).result())
        except BrokenProcessPool:
            context.check_begun()
            raise
"""


@pytest.mark.parametrize("how", ["file", "words"])
def test_a_program_that_keeps_to_the_rules_works(tmp_path: Path, how: str) -> None:
    guard = GUARD if how == "file" else "if True:"  # what is given as words is not run again
    ran = run_script(f"{PROGRAM}\n{guard}\n    work()\n", tmp_path, how)
    assert ran.returncode == 0, ran.stderr
    assert sorted(ran.stdout.split()) == ["5", "worked"]


@pytest.mark.parametrize("how", ["file", "stdin"])
@pytest.mark.parametrize("first", ["work()", "work.__globals__['check_main_guard'] = print; work()"])
def test_one_that_does_not_is_told_the_guard(tmp_path: Path, how: str, first: str) -> None:
    """Also where the program run again is stopped by Python itself, as it starts a process."""
    ran = run_script(f"{PROGRAM}\n{first}\n", tmp_path, how)
    assert ran.returncode == 1
    last = ran.stderr.strip().splitlines()[-1]
    assert last.startswith("thor_interact_env.errors.MainGuardError") and GUARD in last
    assert "standard input" in last
    assert "worked" not in ran.stdout


def test_a_pool_is_told_too(tmp_path: Path) -> None:
    program = PROGRAM.replace("process.start()", "").replace("process.check_begun()", "")
    ran = run_script(f"{program}\nwork()\n", tmp_path, "file")
    assert GUARD in ran.stderr.strip().splitlines()[-1], ran.stderr
    assert "5" not in ran.stdout.split()


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_process_that_ends_at_its_own_work_is_another_matter(code: int) -> None:
    context = SpawnedProcesses()
    process = context.Process(target=os._exit, args=(code,))
    process.start()
    process.join()
    assert process.exitcode == code
    context.check_begun()


def test_a_process_that_was_killed_as_it_began_is_another_matter() -> None:
    context = SpawnedProcesses()
    process = context.Process(target=print)
    process.start()
    process.kill()
    context.check_begun()
    assert process.exitcode == -9


def test_a_main_program_may_start_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    check_main_guard()
    monkeypatch.setattr("thor_interact_env.spawning.runs_main_again", lambda: True)
    with pytest.raises(MainGuardError, match=GUARD):
        check_main_guard()


def test_datasets_are_made_under_a_guard(tmp_path: Path) -> None:
    program = (
        "from thor_interact_env.datasets import Drawing, make_dataset\n"
        f"file = {str(tmp_path / 'set.json')!r}\n"
        "make_dataset(Drawing('NovelSpaces/val', 2), file, forces=False, workers=2)\n"
    )
    ran = run_script(program, tmp_path, "file")
    assert ran.returncode == 1
    assert GUARD in ran.stderr.strip().splitlines()[-1], ran.stderr
    assert not (tmp_path / "set.json").exists()
