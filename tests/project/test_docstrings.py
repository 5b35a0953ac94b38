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


def test_documented_arguments_exist() -> None:
    unknown = []
    for path in PATHS:
        for function in functions(path):
            documented = documented_names(ast.get_docstring(function) or "", "Args")
            where = f"{path.relative_to(ROOT)}:{function.lineno}: {function.name}"
            unknown += [f"{where}: {name}" for name in documented if name not in parameters(function)]
    assert not unknown, "documented arguments that functions lack:\n" + "\n".join(unknown)


def test_documented_attributes_exist() -> None:
    unknown = []
    for path in PATHS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef):
                continue
            inside = ast.unparse(node)
            for name in documented_names(ast.get_docstring(node) or "", "Attributes"):
                pattern = rf"^    {name}\s*[:=]|self\.{name}\b|def {name}\("
                if not re.search(pattern, inside, re.MULTILINE):
                    unknown.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}.{name}")
    assert not unknown, "documented attributes that classes lack:\n" + "\n".join(unknown)


def test_a_documented_argument_that_is_gone_is_noticed() -> None:
    docstring = (
        "Do.\n\nArgs:\n    kept: One.\n        more: of it.\n    gone (int): Two.\n\nReturns:\n    it: all."
    )
    assert documented_names(docstring, "Args") == ["kept", "gone"]


def test_examples_in_docstrings_run(subtests: pytest.Subtests) -> None:
    with_examples = [path for path in PATHS if ">>>" in path.read_text(encoding="utf-8")]
    assert with_examples
    for path in with_examples:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        with subtests.test(module=name):
            result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
            assert result.failed == 0
