"""The tables of finished rows as text."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eval.evaluation.reporting import NOT_REFINED
from eval.table.row_results import TOUCHING, TRAINING
from eval.table.rows import MASS_SCORES, PUBLISHED_CONFUSION, SCORES
from thor_interact_env.locations.annotations import MASS_CLASSES

HEADINGS: Mapping[str, str] = {
    "bbox_ap50": "bbox AP50",
    "bbox_ap": "bbox AP",
    "mask_ap50": "mask AP50",
    "mask_ap": "mask AP",
    "mass_accuracy": "accuracy",
    "mass_bbox_ap50": "mass+box AP50",
}
"""Headings of the scores, by name."""


def show(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return the tables of `summarize` as text, in percent."""
    parts = []
    for entry in entries:
        rows = entry["rows"]
        where = f"{entry['split']}, preset {entry['preset']}, {_locations(entry['locations'])}"
        if len(entry["worlds"]) > 1:
            parts.append(mixed_worlds(entry["worlds"]))
        if len(entry["locations"]) > 1:
            parts.append(mixed_locations(entry["locations"]))
        parts.append(f"Table 1, {where}; percent, [95 % over locations] or mean +- spread over seeds")
        parts.append(_scores_table(rows, SCORES))
        if "c" in rows:
            parts.append(f"Ratio to row (c), {where}")
            parts.append(_ratio_table(rows))
        massy = {letter: row for letter, row in rows.items() if row["learns_mass"]}
        if massy:
            parts.append(f"Table 2, mass, {where}; percent (chance of the accuracy: 33.3)")
            parts.append(_scores_table(massy, MASS_SCORES))
            parts.append("Confusion, rows true light, medium, heavy; columns predicted")
            parts.append(_confusion_table(massy, entry["split"]))
        touched = {letter: row for letter, row in rows.items() if row["interaction"]}
        if touched:
            parts.append(
                f"Interaction, {entry['split']}, preset {entry['preset']}; its own points, and as many "
                "random ones as it may touch"
            )
            parts.append(_interaction_table(touched))
        trained = {letter: row for letter, row in rows.items() if row["training"]}
        if trained:
            parts.append(f"Training, {entry['split']}, preset {entry['preset']}; mean over seeds")
            parts.append(_training_table(trained))
    return "\n\n".join(parts)


def mixed_worlds(worlds: Sequence[str]) -> str:
    """Return a remark on rows of different versions of the world."""
    return (
        f"These rows are of {len(worlds)} versions of the world ({', '.join(worlds)}): it is not the systems "
        "alone that separate them."
    )


def mixed_locations(counts: Sequence[int]) -> str:
    """Return a remark on rows or seeds that were measured at different numbers of locations."""
    return (
        f"These rows were measured at {_locations(counts)}: it is not the systems alone that separate them, "
        "and a mean over seeds may be of both."
    )


def _locations(counts: Sequence[int]) -> str:
    return " or ".join(f"{count:,}" for count in counts) + " locations"


def _scores_table(rows: Mapping[str, Any], names: Sequence[str]) -> str:
    lines = [["", "row", "seeds", *(text for name in names for text in (HEADINGS[name], "paper"))]]
    for letter, row in rows.items():
        cells = [letter, row["name"], str(len(row["seeds"]))]
        for name in names:
            score = row["scores"][name]
            cells += [measured(score), published_percent(score["published"])]
        lines.append(cells)
        if row["not_refined"]:
            scores = [measured(row["not_refined"][name]) for name in names]
            cells = ["", NOT_REFINED, str(len(row["seeds"]))]
            lines.append([*cells, *(text for score in scores for text in (score, ""))])
    return aligned(lines)


def _training_table(rows: Mapping[str, Any]) -> str:
    lines = [["", "row", *TRAINING.values()]]
    for letter, row in rows.items():
        cells = [letter, row["name"]]
        for name in TRAINING:
            cells.append(training_number(name, row["training"].get(name)))
        lines.append(cells)
    return aligned(lines)


def training_number(name: str, score: Mapping[str, Any] | None) -> str:
    """Return what a training took, times in minutes; a dash where it is not known.

    Args:
        name: One of `eval.table.row_results.TRAINING`.
        score: Its entry of a summary.
    """
    if score is None:
        return "-"
    return f"{score['mean'] / 60:.1f}" if name.endswith("seconds") else f"{score['mean']:,.0f}"


def measured(score: Mapping[str, Any], text: Callable[[float], str] | None = None) -> str:
    """Return a mean with its spread over seeds, or with its interval over locations if there is one seed.

    Args:
        score: An entry of a summary, with `mean`, `spread` and `interval`.
        text: Writes a number; None writes it in percent.
    """
    text = text or percent
    shown = text(score["mean"])
    if score["spread"] is not None:
        return f"{shown} +- {text(score['spread'])}"
    if score["interval"] is not None:
        return f"{shown} [{text(score['interval'][0])}, {text(score['interval'][1])}]"
    return shown


def _ratio_table(rows: Mapping[str, Any]) -> str:
    lines = [["", "row", *(text for name in SCORES for text in (HEADINGS[name], "paper"))]]
    for letter, row in rows.items():
        cells = [letter, row["name"]]
        for name in SCORES:
            score = row["scores"][name]
            cells += [number(score["ratio"]), number(score["published_ratio"])]
        lines.append(cells)
    return aligned(lines)


def _confusion_table(rows: Mapping[str, Any], split: str) -> str:
    lines = [["", "true", *MASS_CLASSES]]
    shown = {letter: row["confusion"] for letter, row in rows.items()}
    if "a" in shown:
        shown["a, paper"] = PUBLISHED_CONFUSION[split]
    for name, confusion in shown.items():
        for mass, line in zip(MASS_CLASSES, confusion, strict=True):
            lines.append([name, mass, *(f"{value:.2f}" for value in line)])
    return aligned(lines)


def _interaction_table(rows: Mapping[str, Any]) -> str:
    lines = [["", "row", *TOUCHING.values()]]
    for letter, row in rows.items():
        cells = [letter, row["name"]]
        for name in TOUCHING:
            text = percent if name.endswith("rate") else number
            score = row["interaction"].get(name)
            if score is not None and name == "touched_locations":
                cells.append(f"{score['mean']:g}")
            else:
                cells.append("-" if score is None else measured(score, text))
        lines.append(cells)
    return aligned(lines)


def percent(value: float | None) -> str:
    """Return a fraction in percent with one decimal, or a dash."""
    return "-" if value is None else f"{100 * value:.1f}"


def published_percent(value: float | None) -> str:
    """Return a published number with the paper's own two decimals."""
    return "-" if value is None else f"{100 * value:.2f}"


def number(value: float | None) -> str:
    """Return a number with two decimals, or a dash."""
    return "-" if value is None else f"{value:.2f}"


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Return a text table whose first line is the heading; the first two columns are flush left."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    ruled = [lines[0], ["-" * width for width in widths], *lines[1:]]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in ruled
    )
