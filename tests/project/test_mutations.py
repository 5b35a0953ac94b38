"""Each listed mutation is one place of a file, still parses, and names tests that exist."""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def load_tool() -> ModuleType:
    specification = importlib.util.spec_from_file_location("mutations", ROOT / "tools" / "mutations.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module
    specification.loader.exec_module(module)
    return module


TOOL = load_tool()


def test_a_mutation_is_one_place_of_a_file_that_still_parses(subtests: pytest.Subtests) -> None:
    for mutation in TOOL.MUTATIONS:
        with subtests.test(mutation=mutation.name):
            source = (ROOT / mutation.file).read_text(encoding="utf-8")
            assert source.count(mutation.old) == 1
            mutated = source.replace(mutation.old, mutation.new)
            assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source))
            paths = [word for word in mutation.tests.split() if word.startswith("tests/")]
            assert paths and all((ROOT / path).is_file() for path in paths)


def test_names_tell_mutations_apart() -> None:
    assert len({mutation.name for mutation in TOOL.MUTATIONS}) == len(TOOL.MUTATIONS)
