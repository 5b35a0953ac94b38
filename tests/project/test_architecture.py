"""The house rules that no linter knows: which package may import which, and how long a file may be."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_LINES = 400
FORBIDDEN = {
    "selfsup": {"thor_interact_env", "agents", "eval"},
    "thor_interact_env": {"agents", "eval"},
    "agents": {"eval"},
    "eval": set(),
}
# Loaded only by the modules that need them.
OPTIONAL = {"ai2thor", "jinja2", "matplotlib", "pygame", "ray", "stable_baselines3", "torchvision"}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(path: Path, everywhere: bool) -> Iterator[str]:
    """Top-level names that a file imports: everywhere in it, or only when it is itself imported."""

    def visit(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (name.name.split(".")[0] for name in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}:{child.lineno}: a relative import; write the full name"
                yield (child.module or "").split(".")[0]
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not everywhere:
                continue
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test) and not everywhere:
                for other in child.orelse:
                    yield from visit(other)
            else:
                yield from visit(child)

    return visit(ast.parse(path.read_text(encoding="utf-8"), str(path)))


@pytest.mark.parametrize("package", FORBIDDEN)
def test_arrows_between_packages_point_one_way(package: str) -> None:
    assert modules(package)
    # A command line in agents may call the evaluation when it runs; a module may not need it to be imported.
    everywhere = package != "agents"
    for path in modules(package):
        wrong = set(imports(path, everywhere)) & FORBIDDEN[package]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_environment_does_not_touch_the_learners_libraries() -> None:
    for path in modules("thor_interact_env"):
        wrong = set(imports(path, everywhere=True)) & {"torch", "lightning_fabric", "tensorboard", "tyro"}
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def loaded_after(statement: str) -> set[str]:
    """Names of the modules that a fresh interpreter has loaded after a statement."""
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_importing_the_environment_package_is_light() -> None:
    assert not loaded_after("import thor_interact_env") & ({"torch", "mujoco", "cv2", "skimage"} | OPTIONAL)


def test_importing_the_environment_needs_no_learner() -> None:
    loaded = loaded_after("import thor_interact_env.env")
    assert not loaded & ({"torch", "lightning_fabric", "tensorboard", "tyro", "pycocotools"} | OPTIONAL)


@pytest.mark.parametrize("package", ["selfsup", "agents", "eval"])
def test_importing_a_package_loads_no_extra(package: str) -> None:
    assert not loaded_after(f"import {package}") & OPTIONAL


@pytest.mark.parametrize("folder", [*FORBIDDEN, "tests", "examples", "tools"])
def test_files_are_short_enough_to_read(folder: str) -> None:
    for path in modules(folder):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines < MAX_LINES, f"{path.relative_to(ROOT)} has {lines} lines; split it"
