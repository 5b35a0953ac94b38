"""The set-up script behind `make`, run on a copy with stand-ins for Python, pip and apt."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("bash", "cat", "cut", "dirname", "env", "id", "rm", "sha256sum", "touch")

# Answers for python: the real one runs `-c` and probe_opengl.py, as the variables below allow.
FAKE_PYTHON = """#!{bash}
echo "$@" >> "{log}"
case "$*" in
    *"import ensurepip"*) [ -z "${{NO_ENSUREPIP:-}}" ] ;;
    *"probe_opengl"*) [ -z "${{NO_OPENGL:-}}" ] ;;
    "-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    "-m pip install"*) [ -z "${{PIP_FAILS:-}}" ] ;;
    "-m pip --version") true ;;
    *) exec "{python}" "$@" ;;
esac
"""


class Checkout:
    """A copy of the parts of the repository that set-up reads, and a PATH with nothing surprising on it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.bin = folder / "bin"
        self.log = folder / "python.log"
        (self.root / "tools").mkdir(parents=True)
        self.bin.mkdir()
        for name in ("tools/setup.sh", "tools/probe_opengl.py", "pyproject.toml"):
            shutil.copy(ROOT / name, self.root / name)
        for tool in (*TOOLS, "mkdir", "cp"):
            found = shutil.which(tool)
            assert found is not None, f"{tool} is not on this machine's PATH"
            (self.bin / tool).symlink_to(found)
        self.add_program(
            "python3", FAKE_PYTHON.format(bash=self.bin / "bash", log=self.log, python=sys.executable)
        )

    def add_program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def set_up(self, **variables: str) -> subprocess.CompletedProcess[str]:
        self.log.write_text("")
        return subprocess.run(
            [str(self.bin / "bash"), "tools/setup.sh"],
            cwd=self.root,
            env={"PATH": str(self.bin), "HOME": os.environ.get("HOME", "/"), **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def installed(self) -> bool:
        return "-m pip install" in self.log.read_text()

    @property
    def stamps(self) -> list[Path]:
        return list((self.root / ".venv").glob(".installed-*"))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def assert_one_sentence(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 1
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0]


def test_second_run_installs_nothing(checkout: Checkout) -> None:
    first = checkout.set_up()
    assert first.returncode == 0, first.stderr
    assert checkout.installed
    assert len(checkout.stamps) == 1
    second = checkout.set_up()
    assert second.returncode == 0, second.stderr
    assert second.stdout == ""
    assert not checkout.installed


def test_changed_dependencies_are_installed(checkout: Checkout) -> None:
    checkout.set_up()
    with (checkout.root / "pyproject.toml").open("a") as file:
        file.write("\n# changed\n")
    assert checkout.set_up().returncode == 0
    assert checkout.installed
    assert len(checkout.stamps) == 1


def test_interrupted_installation_is_continued(checkout: Checkout) -> None:
    result = checkout.set_up(PIP_FAILS="1")
    assert_one_sentence(result, "pip could not install")
    assert checkout.stamps == []
    assert checkout.set_up().returncode == 0
    assert checkout.installed
    assert len(checkout.stamps) == 1


def test_failed_reinstallation_leaves_no_stamp(checkout: Checkout) -> None:
    checkout.set_up()
    with (checkout.root / "pyproject.toml").open("a") as file:
        file.write("\n# changed\n")
    assert checkout.set_up(PIP_FAILS="1").returncode == 1
    assert checkout.stamps == []


def test_python_that_does_not_exist_is_named(checkout: Checkout) -> None:
    assert_one_sentence(checkout.set_up(PYTHON="python9"), "python9", "3.11")


def test_old_python_is_refused(checkout: Checkout) -> None:
    bash = checkout.bin / "bash"
    checkout.add_program(
        "python3", f'#!{bash}\n[ "$1" = --version ] && echo Python 3.9.2 && exit 0\nexit 1\n'
    )
    assert_one_sentence(checkout.set_up(), "3.11", "Python 3.9.2")


def test_newest_python_serves_when_the_default_is_old(checkout: Checkout) -> None:
    shutil.copy(checkout.bin / "python3", checkout.bin / "python3.11")
    checkout.add_program("python3", f"#!{checkout.bin / 'bash'}\nexit 1\n")
    result = checkout.set_up()
    assert result.returncode == 0, result.stderr
    assert checkout.installed


def test_missing_opengl_without_apt_names_the_packages(checkout: Checkout) -> None:
    assert_one_sentence(checkout.set_up(NO_OPENGL="1"), "OpenGL", "libegl1", "libgl1-mesa-dri")
    assert not checkout.installed


def test_missing_venv_module_without_apt_names_the_package(checkout: Checkout) -> None:
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    assert_one_sentence(checkout.set_up(NO_ENSUREPIP="1"), version)
    assert not checkout.installed


def test_without_root_apt_is_left_to_the_user(checkout: Checkout) -> None:
    bash = checkout.bin / "bash"
    checkout.add_program("apt-get", f"#!{bash}\necho apt was called >&2\n")
    (checkout.bin / "id").unlink()
    checkout.add_program("id", f"#!{bash}\necho 1000\n")
    assert_one_sentence(checkout.set_up(NO_OPENGL="1"), "sudo apt-get install libegl1")


def test_apt_installs_what_is_missing(checkout: Checkout) -> None:
    bash = checkout.bin / "bash"
    log = checkout.root / "apt.log"
    checkout.add_program("apt-get", f'#!{bash}\necho "$@" >> "{log}"\n')
    (checkout.bin / "id").unlink()
    checkout.add_program("id", f"#!{bash}\necho 0\n")
    result = checkout.set_up(NO_ENSUREPIP="1")
    assert result.returncode == 0, result.stderr
    update, install = log.read_text().splitlines()
    assert update.startswith("update")
    assert install.startswith("install -y") and install.endswith("-venv")


def test_failing_apt_is_one_sentence(checkout: Checkout) -> None:
    bash = checkout.bin / "bash"
    checkout.add_program("apt-get", f"#!{bash}\nexit 100\n")
    (checkout.bin / "id").unlink()
    checkout.add_program("id", f"#!{bash}\necho 0\n")
    assert_one_sentence(checkout.set_up(NO_OPENGL="1"), "failed", "by hand")
