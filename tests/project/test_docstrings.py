"""What docstrings say is true: documented arguments exist, and examples run (ruff checks they are there)."""

import ast
import doctest
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("thor_interact_env", "selfsup", "agents", "eval")
PATHS = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Example|Examples|Note|Notes|References):$")


def documented_names(docstring: str, section: str) -> list[str]:
    """Names that a Google section lists, one an entry; continuation lines are indented deeper."""
    names = []
    inside = False
    for line in docstring.splitlines():
        if SECTION.match(line):
            inside = line == f"{section}:"
        elif inside and (entry := re.match(r"^    \*{0,2}(\w+)(?: \([^)]*\))?:", line)):
            names.append(entry[1])
        elif inside and line and not line.startswith(" "):
            inside = False
    return names


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    arguments = function.args
    several = (arguments.vararg, arguments.kwarg)
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return {argument.arg for argument in plain} | {one.arg for one in several if one is not None}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documented_arguments_exist(path: Path) -> None:
    for function in functions(path):
        documented = documented_names(ast.get_docstring(function) or "", "Args")
        unknown = set(documented) - parameters(function)
        assert not unknown, (
            f"{path.name}:{function.lineno}: {function.name} documents {unknown}, which it lacks"
        )


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documented_attributes_exist(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ClassDef):
            continue
        inside = ast.unparse(node)
        for name in documented_names(ast.get_docstring(node) or "", "Attributes"):
            pattern = rf"^    {name}\s*[:=]|self\.{name}\b|def {name}\("
            assert re.search(pattern, inside, re.MULTILINE), f"{path.name}:{node.lineno}: {node.name}.{name}"


def test_a_documented_argument_that_is_gone_is_noticed() -> None:
    docstring = (
        "Do.\n\nArgs:\n    kept: One.\n        more: of it.\n    gone (int): Two.\n\nReturns:\n    it: all."
    )
    assert documented_names(docstring, "Args") == ["kept", "gone"]


WITH_EXAMPLES = [path for path in PATHS if ">>>" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_examples_in_docstrings_run(path: Path) -> None:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0
