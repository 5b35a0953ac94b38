"""The house rules that no linter knows: which package may import which, and how long a file may be."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_LINES = 400
MAX_MODULES = 15
FORBIDDEN = {
    "selfsup": {"thor_interact_env", "agents", "eval"},
    "thor_interact_env": {"agents", "eval"},
    "agents": {"eval"},
    "eval": set(),
}
# An entry point of an agent may measure what it has trained; one of the environment lets an agent take part.
ALLOWED = {"agents": {"eval"}, "thor_interact_env": {"agents"}}
# Loaded only by the modules that need them.
OPTIONAL = {
    *(
        "ai2thor",
        "coacd",
        "h5py",
        "jax",
        "jinja2",
        "matplotlib",
        "minari",
        "numba",
        "pyarrow",
        "pygame",
        "ray",
    ),
    *("stable_baselines3", "torchvision", "trimesh"),
}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Full names that a file imports, wherever in it and for whatever purpose; of names, their modules."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import; write the full name"
            names |= {
                inner if (inner := f"{node.module}.{alias.name}") in MODULES else str(node.module)
                for alias in node.names
            }
    return names


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for package in FORBIDDEN for path in modules(package)}


def imports(path: Path) -> set[str]:
    """Top-level names that a file imports."""
    return {name.split(".")[0] for name in imported(path)}


def named(wrong: Mapping[Path, set[str]]) -> str:
    """What files import, a line each."""
    return "\n".join(f"{path.relative_to(ROOT)} imports {sorted(names)}" for path, names in wrong.items())


def test_arrows_between_packages_point_one_way() -> None:
    wrong = {}
    for package, forbidden in FORBIDDEN.items():
        assert modules(package)
        for path in modules(package):
            allowed = ALLOWED.get(package, set()) if path.name == "__main__.py" else set()
            if found := imports(path) & forbidden - allowed:
                wrong[path] = found
    assert not wrong, named(wrong)


def test_entry_points_are_imported_by_nobody() -> None:
    entries = {
        path: {name for name in imported(path) if name.endswith(".__main__")} for path in MODULES.values()
    }
    wrong = {path: names for path, names in entries.items() if names}
    assert not wrong, named(wrong)


def circles(arrows: Mapping[str, set[str]]) -> list[str]:
    """Return the names on circles, by removing all that begin or end nowhere, one after another."""
    left = {name: set(targets) & set(arrows) for name, targets in arrows.items()}
    while ends := [name for name, targets in left.items() if not targets]:
        for name in ends:
            del left[name]
        for targets in left.values():
            targets.difference_update(ends)
    while starts := set(left) - {name for targets in left.values() for name in targets}:
        for name in starts:
            del left[name]
    return sorted(left)


def test_no_circle_of_imports_between_modules() -> None:
    assert not circles({name: imported(path) - {name} for name, path in MODULES.items()})


def test_a_circle_is_found() -> None:
    arrows = {"a": {"b"}, "b": {"c", "numpy"}, "c": {"b"}, "d": {"a"}, "e": set()}
    assert circles(arrows) == ["b", "c"]


def test_folders_are_small_enough_to_read() -> None:
    counts = Counter(path.parent for package in FORBIDDEN for path in modules(package))
    full = {str(folder.relative_to(ROOT)): count for folder, count in counts.items() if count > MAX_MODULES}
    assert not full, f"make folders in those of more than {MAX_MODULES} modules: {full}"


def test_environment_does_not_touch_the_learners_libraries() -> None:
    learners = {"torch", "lightning_fabric", "tensorboard", "tyro"}
    wrong = {path: found for path in modules("thor_interact_env") if (found := imports(path) & learners)}
    assert not wrong, named(wrong)


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


def test_files_are_short_enough_to_read() -> None:
    paths = [path for folder in (*FORBIDDEN, "tests", "examples", "tools") for path in modules(folder)]
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in paths
    }
    long = {path: count for path, count in lines.items() if count >= MAX_LINES}
    assert not long, f"split files of {MAX_LINES} lines or more: {long}"
