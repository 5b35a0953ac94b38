"""Tables in Markdown pages, written from the results: no number of them is typed.

A page marks the place of a table by two comments, between which its lines are replaced::

    <!-- table: scores NovelSpaces hour a,c,o -->
    <!-- end of table -->

The kinds are `scores`, `mass`, `training`, `touches` and `findings`, each with a split and a preset; letters
of rows, with commas between them, choose some rows of the first four. Findings about a row that is not there
are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agents.training.schedule import RunError
from eval.evaluation.reporting import NOT_REFINED
from eval.findings import findings, verdict
from eval.table.row_results import TOUCHING, TRAINING
from eval.table.rows import MASS_SCORES, SCORES
from eval.table.text import HEADINGS, measured, number, percent, published_percent, training_number

_TABLE = re.compile(r"(<!-- table: ([^>]*?) -->\n).*?(<!-- end of table -->)", re.DOTALL)


class MarkdownError(RunError):
    """A page names a table that does not exist."""


def fill(text: str, entries: Sequence[Mapping[str, Any]], page: Path) -> str:
    """Return a page with its tables written anew.

    Args:
        text: The page.
        entries: As `eval.table.row_results.summarize` returns them.
        page: Its name, for messages.

    Raises:
        MarkdownError: It has no mark of a table, or one of a table that does not exist.
    """

    def replaced(found: re.Match[str]) -> str:
        if "<!-- table:" in found[0][len(found[1]) :]:
            raise MarkdownError(
                f"{page} has no <!-- end of table --> after <!-- table: {found[2]} -->; add one before the "
                "next table."
            )
        return f"{found[1]}{table(found[2].split(), entries, page)}\n{found[3]}"

    filled, count = _TABLE.subn(replaced, text)
    if not count:
        raise MarkdownError(f"{page} marks no table; write <!-- table: scores NovelSpaces hour --> there.")
    return filled


def table(words: Sequence[str], entries: Sequence[Mapping[str, Any]], page: Path) -> str:
    """Return one table.

    Args:
        words: Its kind, split and preset, and the letters of rows.
        entries: As for `fill`.
        page: As for `fill`.

    Raises:
        MarkdownError: There is no such table.
    """
    kind, split, preset, letters, *more = [*words, "", "", "", ""][: max(len(words), 4)]
    if kind not in _KINDS or more:
        raise MarkdownError(
            f"{page} names the table {' '.join(words)!r}; give one of {', '.join(_KINDS)}, a split, a preset "
            "and possibly letters of rows."
        )
    for entry in entries:
        if (entry["split"], entry["preset"]) == (split, preset):
            named = [letter for letter in letters.split(",") if letter]
            missing = [letter for letter in named if letter not in entry["rows"]]
            if missing:
                raise MarkdownError(f"{page} names the row {missing[0]!r} of {split} {preset}: not run yet.")
            return _KINDS[kind]({letter: entry["rows"][letter] for letter in named or entry["rows"]})
    known = ", ".join(f"{entry['split']} {entry['preset']}" for entry in entries)
    raise MarkdownError(f"{page} names a table of {split} {preset}; there are results of {known}.")


def _scores(rows: Mapping[str, Any]) -> str:
    return _compared(rows, SCORES)


def _mass(rows: Mapping[str, Any]) -> str:
    return _compared({letter: row for letter, row in rows.items() if row["learns_mass"]}, MASS_SCORES)


def _compared(rows: Mapping[str, Any], names: Sequence[str]) -> str:
    lines = [["row", "seeds", *(HEADINGS[name] for name in names), "published"]]
    for letter, row in rows.items():
        scores = [row["scores"][name] for name in names]
        published = [published_percent(score["published"]) for score in scores]
        known = "" if set(published) == {"-"} else " / ".join(published)
        seeds = str(len(row["seeds"]))
        lines.append([f"({letter}) {row['name']}", seeds, *map(measured, scores), known])
        if row["not_refined"]:
            lines.append([NOT_REFINED, seeds, *(measured(row["not_refined"][name]) for name in names), ""])
    return _markdown(lines)


def _training(rows: Mapping[str, Any]) -> str:
    lines = [["row", *TRAINING.values()]]
    for letter, row in rows.items():
        if row["training"]:
            cells = [training_number(name, row["training"].get(name)) for name in TRAINING]
            lines.append([f"({letter}) {row['name']}", *cells])
    return _markdown(lines)


def _touches(rows: Mapping[str, Any]) -> str:
    names = [name for name in TOUCHING if name not in ("touched_locations", "points_per_location")]
    lines = [["row", *(TOUCHING[name] for name in names)]]
    for letter, row in rows.items():
        cells = []
        for name in names:
            score = row["interaction"].get(name)
            text = percent if name.endswith("rate") else number
            cells.append("-" if score is None else measured(score, text))
        lines.append([f"({letter}) {row['name']}", *cells])
    return _markdown(lines)


def _findings(rows: Mapping[str, Any]) -> str:
    """Return the findings about which the rows say something."""
    lines = [["finding of the paper", "here", "numbers"]]
    known = [one for one in findings(rows) if one.holds is not None]
    lines += [[one.text, verdict(asdict(one)), one.numbers] for one in known]
    return _markdown(lines)


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    ruled = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in ruled)


_KINDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "scores": _scores,
    "mass": _mass,
    "training": _training,
    "touches": _touches,
    "findings": _findings,
}
