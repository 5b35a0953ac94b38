"""Tests use what is public: no attribute with a leading underscore of another module, class or object."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]

ALLOWED = {
    "os._exit": "documented by Python under this name",
}
"""What is read all the same, with the reason."""

BY_NAME = {"delattr", "getattr", "hasattr", "object", "patch", "setattr"}
"""Functions, of pytest's `monkeypatch`, `unittest.mock` and Python, that take an attribute's name as text."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not re.fullmatch("__.*__|_", name)


def named(argument: ast.expr) -> str:
    """The attribute that a text names: the last part of a path; of an f-string, as far as it is known."""
    match argument:
        case ast.Constant(value=str(text)):
            return text.rpartition(".")[2]
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return text.rpartition(".")[2]
    return ""


def own_names(tree: ast.AST) -> set[str]:
    """Attributes that the classes of a program define themselves, rather than inherit."""
    own = set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name, ctx=ast.Store()):
                own.add(name)
            case ast.FunctionDef(name=name) | ast.Name(id=name, ctx=ast.Store()):
                own.add(name)
    return own


def private_uses(program: str) -> list[str]:
    """What a program reads of others that is private, by line; programs in its strings are looked at too."""
    found = []
    tree = ast.parse(program)
    own = own_names(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name) if name in own:
                pass
            case ast.Attribute(attr=name) if is_private(name) and ast.unparse(node) not in ALLOWED:
                found.append(f"{node.lineno}: {ast.unparse(node)}")
            case ast.ImportFrom(module=module, names=names):
                parts = [*(module or "").split("."), *(alias.name for alias in names)]
                found += [f"{node.lineno}: from {module} import {part}" for part in parts if is_private(part)]
            case ast.Import(names=names):
                parts = [part for alias in names for part in alias.name.split(".")]
                found += [f"{node.lineno}: import {part}" for part in parts if is_private(part)]
            case ast.Call(func=ast.Attribute(attr=function) | ast.Name(id=function), args=arguments):
                if function in BY_NAME:
                    texts = map(named, arguments)
                    found += [f"{node.lineno}: {function} {text!r}" for text in texts if is_private(text)]
            case ast.Constant(value=str(text)) if "import " in text:
                try:
                    inner = private_uses(text)
                except SyntaxError:
                    continue
                found += [f"{node.lineno}: in a program, line {use}" for use in inner]
    return found


def test_tests_read_nothing_private_of_others() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{use}"
        for path in sorted(TESTS.rglob("*.py"))
        if path != Path(__file__)
        for use in private_uses(path.read_text(encoding="utf-8"))
    ]
    assert not found, "test what is public, or make it public with a docstring:\n" + "\n".join(found)


PRIVATE = [
    "simulator._room",
    "self.simulator._room",
    "simulator._renderer().close()",
    "simulator._room = 'FloorPlan1'",
    "self._inherited()",
    "from ai2thor._quality_settings import QUALITY_SETTINGS",
    "from agents.training.processor import _has",
    "import torch._dynamo",
    "monkeypatch.setattr(doctor, '_command', None)",
    "monkeypatch.setattr('thor_interact_env.doctor._command', None)",
    "patch.object(renderer, '_visible')",
    "getattr(torch.cpu, f'_is_{feature}_supported')",
    "PROGRAM = 'import torch; torch._dynamo.reset()'",
]


def test_what_is_private_is_found() -> None:
    missed = [line for line in PRIVATE if not private_uses(line)]
    assert not missed, f"found nothing private in {missed}"


def test_what_is_public_or_ones_own_is_not() -> None:
    lines = (
        *("self._room = 1; self._room += 1", "os._exit(0)", "type(self).__name__", "_helper(simulator)"),
        *("monkeypatch.setattr(doctor, 'command', None)", "for _ in range(3): pass", "'_visible'"),
    )
    assert [use for line in lines for use in private_uses(line)] == []
