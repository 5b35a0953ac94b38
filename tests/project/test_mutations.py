"""The list of mutations fits the code, so that `make mutations` breaks what it says."""

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("mutations", ROOT / "tools" / "mutations.py")
assert SPEC is not None and SPEC.loader is not None
mutations = importlib.util.module_from_spec(SPEC)
sys.modules["mutations"] = mutations
SPEC.loader.exec_module(mutations)


def test_every_mutation_changes_one_place_of_a_valid_file():
    for mutation in mutations.MUTATIONS:
        text = (ROOT / mutation.file).read_text(encoding="utf-8")
        changed = mutations.mutated(mutation, text)
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(text)), mutation.name
        assert all((ROOT / "tests" / name).is_file() for name in mutation.tests), mutation.name


def test_a_mutation_whose_place_is_gone_is_named():
    gone = mutations.Mutation("no such place", "selfsup/grid.py", "nowhere", "", ())
    with pytest.raises(ValueError, match=r"no such place: 'nowhere' occurs 0 times in selfsup/grid\.py"):
        mutations.mutated(gone, "text")
