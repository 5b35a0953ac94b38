"""The distribution: what a wheel holds, and that it works outside the checkout."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("thor_interact_env", "selfsup", "agents", "eval")
WEIGHTS = ("model.safetensors", "README.md", "config.json", "state.json", "run.json", "evaluation.json")


def run(arguments: list[str], cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, cwd=cwd, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy, so that nothing is left in the checkout and nothing left in it gets in."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in WEIGHTS:
        file = source / "agents" / "pretrained" / "made-up" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    built = run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist"], source)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = (source / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's contents and nothing else."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    result = run([*pip, str(target), str(wheel)], target)
    assert result.returncode == 0, result.stderr
    return target


def run_installed(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run python in another folder, with the installed copy before whatever else is installed."""
    return run([sys.executable, *arguments], folder, PYTHONPATH=str(installed))


def test_wheel_holds_every_module_every_page_and_the_type_markers(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for package in PACKAGES:
        assert f"{package}/py.typed" in names
        for ending in ("py", "html", "css", "js"):
            for path in (ROOT / package).rglob(f"*.{ending}"):
                assert path.relative_to(ROOT).as_posix() in names


def test_wheel_holds_the_pretrained_agents(wheel: Path) -> None:
    folder = ROOT / "agents" / "pretrained"
    shipped = {path.relative_to(ROOT).as_posix() for path in folder.rglob("*") if path.is_file()}
    made_up = {f"agents/pretrained/made-up/{name}" for name in WEIGHTS}
    assert shipped | made_up <= set(zipfile.ZipFile(wheel).namelist())


def test_wheel_holds_nothing_but_the_packages(wheel: Path) -> None:
    top = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)


def test_wheel_carries_licence(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (licence,) = (name for name in archive.namelist() if name.endswith("/LICENSE"))
    assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize(
    "making",
    ["import thor_interact_env; name = 'ThorInteract-v0'", "name = 'thor_interact_env:ThorInteract-v0'"],
    ids=["imported", "named by its module"],
)
def test_installed_copy_makes_the_environment(installed: Path, tmp_path: Path, making: str) -> None:
    program = f"""
import sys
import gymnasium
{making}
env = gymnasium.make(name)
module = sys.modules[type(env.unwrapped).__module__]
assert module.__file__.startswith({str(installed)!r}), module.__file__
print(env.action_space)
"""
    result = run_installed(installed, tmp_path, "-c", program)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "MultiDiscrete([300 300   3   8])"


def test_installed_copy_explains_its_command_line(installed: Path, tmp_path: Path) -> None:
    result = run_installed(installed, tmp_path, "-m", "agents.selfsup_agent", "--help")
    assert result.returncode == 0, result.stderr
    for command in ("train", "evaluate", "predict"):
        assert command in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_all_extra_holds_every_feature() -> None:
    extras = project()["optional-dependencies"]
    (everything,) = extras["all"]
    named = set(re.fullmatch(r"thor-interact\[(.*)\]", everything)[1].split(","))  # type: ignore[index]
    # The objects of an evaluation set are data of 143 MB.
    assert named == set(extras) - {"all", "dev", "docs", "elsewhere"}


def test_requirements_are_floors_not_caps() -> None:
    groups = [project()["dependencies"], *project()["optional-dependencies"].values()]
    for requirement in (item for group in groups for item in group if not item.startswith("thor-interact[")):
        assert re.fullmatch(r"[a-zA-Z0-9-]+(\[[a-z]+\])?>=[0-9.]+", requirement), requirement


def test_set_up_installs_extras_that_exist() -> None:
    script = (ROOT / "tools" / "setup.sh").read_text()
    (names,) = re.findall(r'^extras="(.*)"$', script, re.MULTILINE)
    assert set(names.split(",")) <= set(project()["optional-dependencies"])


def test_version_is_the_same_everywhere() -> None:
    version = project()["version"]
    assert re.search(rf"^version: {re.escape(version)}$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_readme_names_every_make_verb_that_help_lists() -> None:
    verbs = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    readme = (ROOT / "README.md").read_text()
    assert {"demo", "test", "lint", "format", "type", "clean", "help"} <= set(verbs)
    for verb in verbs:
        assert re.search(rf"\bmake {verb}\b", readme), verb
