"""The content of the documentation: blocks of code, shell commands, code in the text, and tables."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

PAGES = tuple(
    str(path.relative_to(ROOT))
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").glob("*.md")),
        *sorted((ROOT / "docs" / "results").glob("*/README.md")),
    )
)
"""Every page about the present version: laboratory notes state the commands of their date."""

_FENCE = re.compile(r"^( *)```([a-z]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_COMMENT = re.compile(r"""("[^"]*"|'[^']*')|(?<!\S)#.*$""", re.MULTILINE)
_SHELL = ("sh", "bash", "console")


@dataclass(frozen=True)
class Block:
    """A fenced block of code.

    Attributes:
        page: Path from the root of the checkout.
        number: Its number among the blocks of the page, from 0.
        language: The word after the fence.
        code: Its lines, without the indentation of the fence.
    """

    page: str
    number: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.number}"


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of these languages on all pages."""
    found = []
    for page in PAGES:
        for number, match in enumerate(_FENCE.finditer(read(page))):
            indent, language, code = match.groups()
            if language in languages:
                lines = (line.removeprefix(indent) for line in code.splitlines(keepends=True))
                found.append(Block(page, number, language, "".join(lines)))
    return found


def inline_code() -> Iterator[tuple[str, str]]:
    """Yield page and content of each piece of code in the text, outside of blocks."""
    for page in PAGES:
        for match in _INLINE.finditer(_FENCE.sub("", read(page))):
            yield page, match[1]


def commands_of(code: str) -> list[list[str]]:
    """Return the commands of shell code as words: without comments, redirections and loops.

    The variable of a loop has its first value. Assignments before a command are left out.
    """
    for name, value in re.findall(r"for (\w+) in (\S+)", code):
        code = re.sub(rf"\${name}\b", value, code)
    # A comment starts outside of quotes, after a space or at the start of a line.
    code = _COMMENT.sub(lambda match: match[1] or "", code).replace("\\\n", " ")
    lexer = shlex.shlex(code, posix=True, punctuation_chars=";&|>\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    commands: list[list[str]] = [[]]
    redirected = False
    for token in lexer:
        if set(token) <= set(";&|\n"):
            commands.append([])
        elif set(token) <= set(">"):
            redirected = True
        elif not redirected:
            commands[-1].append(token)
        else:
            redirected = False
    return [words for command in commands if (words := _without_prefix(command))]


def _without_prefix(words: list[str]) -> list[str]:
    while words and (words[0] in ("do", "done", "sudo") or re.match(r"[A-Z_]+=", words[0])):
        words = words[1:]
    return [] if words[:1] == ["for"] else words


def commands() -> list[tuple[str, list[str]]]:
    """Return page and words of every command, in blocks and in the text."""
    found = [(str(block), words) for block in blocks(*_SHELL) for words in commands_of(block.code)]
    for page, code in inline_code():
        if re.match(r"(\w+=\S+ )*(python -m|thor-interact|torchrun|pytest|make|pip) [^=]", code):
            # The text may name a command without its arguments.
            bare = re.fullmatch(r"(python -m|thor-interact) \S+( [a-z-]+)?", code)
            found += [(page, [*words, "--help"] if bare else words) for words in commands_of(code)]
    return found


def table(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table after a heading, without its head."""
    after = read(page).partition(f"\n{heading}\n")[2]
    assert after, f"{page} has no heading {heading!r}"
    rows = re.search(r"(^\|.*\n)+", after, re.MULTILINE)
    assert rows, f"{page} has no table after {heading!r}"
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in rows[0].splitlines()[2:]]
