"""The terms of the field are used throughout: minimum and maximum, fraction, image, object."""

import re
import subprocess

import pytest
from documents import ROOT

REPLACEMENTS = {
    r"(?<![Aa]t )\b[Ll]east\b(?! significant| recently)": "minimum, lowest or smallest",
    r"[Gg]reatest|GREATEST|LEAST|(?<!at)_least|\bleast_": "minimum or maximum",
    r"(reachable|min|decay|moved)[ _-]share": "fraction",
    r"\b(felt|mended|dearest|stranger|mourn|whoever)\b": "a plain word",
}


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Return the code and the pages, by path; a page of the laboratory keeps its words."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.py", "*.pyi", "*.md", "*.toml", "*.sh", "*.html", "Makefile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is no checkout: git cannot list its files")
    names = [
        name
        for name in listed.stdout.split("\0")
        if name and not name.startswith(("docs/lab/", "docs/results/"))
    ]
    return {
        name: re.sub(r"\s+", " ", (ROOT / name).read_text(encoding="utf-8"))
        for name in names
        if (ROOT / name).is_file() and name != "tests/project/test_words.py"
    }


@pytest.mark.parametrize("pattern", REPLACEMENTS)
def test_a_word_has_its_replacement(texts, pattern):
    found = {
        name: text[max(match.start() - 30, 0) : match.end() + 30]
        for name, text in texts.items()
        for match in re.finditer(pattern, text)
    }
    assert found == {}, f"use {REPLACEMENTS[pattern]}"


def test_all_packages_are_read(texts):
    assert {name.partition("/")[0] for name in texts} >= {
        "agents",
        "docs",
        "eval",
        "selfsup",
        "thor_interact_env",
    }
