"""The results of finished rows, read from their run folders, and their comparison with the paper."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from agents.training.schedule import RunError
from eval.metrics.mass import heavy_lead, separations
from eval.table.rows import MASS_SCORES, PUBLISHED_CONFUSION, ROWS, SCORES, label_of, published
from thor_interact_env.locations.annotations import MASS_CLASSES

EVALUATION_FILE = "evaluation.json"

HEADINGS: Mapping[str, str] = {
    "bbox_ap50": "bbox AP50",
    "bbox_ap": "bbox AP",
    "mask_ap50": "mask AP50",
    "mask_ap": "mask AP",
    "mass_accuracy": "accuracy",
    "mass_bbox_ap50": "mass+box AP50",
}

_SUMMARIZED = (*SCORES, *MASS_SCORES, "heavy_separation", "heavy_lead")

_TOUCHING: Mapping[str, str] = {
    "touched_locations": "locations",
    "points_per_location": "points/location",
    "greedy_success_rate": "greedy success %",
    "random_success_rate": "random success %",
    "objects_per_location": "objects/location",
    "objects_per_interaction": "objects/interaction",
}


class ResultsError(RunError):
    """A folder holds no results of rows, or a file of them is malformed."""


@dataclass(frozen=True)
class RowResult:
    """One finished run of a row.

    Attributes:
        path: The file of the result.
        letter: The row.
        split: NovelSpaces or NovelObjects.
        preset: Its size.
        seed: Its seed.
        scores: Result of `eval.evaluation.evaluate.evaluate_agent`, with `heavy_separation` and
            `heavy_lead` (see `eval.metrics.mass`) of its confusion.
        interaction: Result of `eval.evaluation.touching.touch_everywhere`; empty if nothing was touched.
        locations: Held-out locations behind the scores.
        worlds: The versions of the world of training and evaluation, as far as recorded.
    """

    path: Path
    letter: str
    split: str
    preset: str
    seed: int
    scores: Mapping[str, Any]
    interaction: Mapping[str, Any]
    locations: int
    worlds: tuple[str, ...]


def read_results(folders: Iterable[Path]) -> list[RowResult]:
    """Return the results of all rows in some folders and the folders inside them.

    Evaluations of runs that are not rows of the table are omitted.

    Args:
        folders: Run folders, or folders that hold some.

    Returns:
        By split, preset, row and seed.

    Raises:
        ResultsError: A folder holds no results, or a file is malformed.
    """
    results: dict[Path, RowResult] = {}
    for folder in folders:
        if not folder.is_dir():
            raise ResultsError(f"{folder} is not a folder; name run folders, or a folder that holds some.")
        files = sorted(folder.rglob(EVALUATION_FILE))
        found = {path.resolve(): result for path in files if (result := _read(path)) is not None}
        if not found:
            raise ResultsError(
                f"{folder} holds no finished row; make one: python -m eval.table run ROW --out {folder}"
            )
        results |= found
    order = list(ROWS)
    return sorted(
        results.values(), key=lambda one: (one.split, one.preset, order.index(one.letter), one.seed)
    )


def _read(path: Path) -> RowResult | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path} is not the evaluation of a row ({error}); run the row again.") from None
    return row_result(values, path)


def row_result(values: Any, path: Path) -> RowResult | None:
    """Return the result of a row from an evaluation, or None if its run is not a row.

    Args:
        values: The content of the file.
        path: The file, for error messages.

    Raises:
        ResultsError: The values are malformed.
    """
    try:
        if "table" not in values:
            return None
        said = values["table"]
        scores = dict(values["rows"][label_of(ROWS[said["row"]].agent)])
        scores["heavy_separation"] = separations(scores["confusion"])[2]
        scores["heavy_lead"] = heavy_lead(scores["confusion"])
        for name in _SUMMARIZED:
            float(scores[name])
        return RowResult(
            path,
            said["row"],
            str(said["split"]),
            str(said["preset"]),
            int(said["seed"]),
            scores,
            values.get("interaction") or {},
            int(values["locations"]),
            tuple(sorted({str(values["world"]), *map(str, values["learned_in"])})),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ResultsError(f"{path} is not the evaluation of a row ({error!r}); run the row again.") from None


def summarize(results: Sequence[RowResult]) -> list[dict[str, Any]]:
    """Summarize results: one entry for each split and preset.

    Args:
        results: As returned by `read_results`.

    Returns:
        JSON-able entries: `split`, `preset`, `locations`, `worlds`, and `rows`, by letter: `name`,
        `seeds`,
        `scores` (by name: `mean`, number of `seeds`, `spread` over them or None for one, `interval` over
        locations of the first seed or None, `published` or None, `ratio` to row (c) and `published_ratio`, or
        None), `confusion` (mean over the seeds), `learns_mass`, and `interaction` (by name: `mean`, `seeds`,
        `spread` and `interval`, as of scores).

    Raises:
        ResultsError: Two results are of the same row, split, preset and seed.
    """
    groups: dict[tuple[str, str], dict[str, list[RowResult]]] = {}
    known: dict[tuple[str, str, str, int], Path] = {}
    for one in results:
        first = known.setdefault((one.letter, one.split, one.preset, one.seed), one.path)
        if first != one.path:
            raise ResultsError(
                f"{one.path.parent} and {first.parent} are the same row, split, preset and seed: together "
                "they would count as two seeds; name one of them."
            )
        groups.setdefault((one.split, one.preset), {}).setdefault(one.letter, []).append(one)
    return [
        {
            "split": split,
            "preset": preset,
            "locations": sorted({one.locations for several in rows.values() for one in several}),
            "worlds": sorted({world for several in rows.values() for one in several for world in one.worlds}),
            "rows": {letter: _summary(several, rows.get("c")) for letter, several in rows.items()},
        }
        for (split, preset), rows in groups.items()
    ]


def _summary(several: Sequence[RowResult], reference: Sequence[RowResult] | None) -> dict[str, Any]:
    row, split = ROWS[several[0].letter], several[0].split
    theirs, theirs_c = published(row.letter, split), published("c", split)
    scores = {}
    for name in _SUMMARIZED:
        values = [float(one.scores[name]) for one in several]
        measured = _over_seeds(values, several[0].scores.get("intervals", {}).get(name))
        base = fmean(float(one.scores[name]) for one in reference) if reference and name in SCORES else 0.0
        score = theirs.get(name)
        scores[name] = {
            **measured,
            "published": score,
            "ratio": measured["mean"] / base if base else None,
            "published_ratio": score / theirs_c[name] if score and name in theirs_c else None,
        }
    touched = [one.interaction for one in several if one.interaction]
    confusions = [one.scores["confusion"] for one in several]
    return {
        "name": row.name,
        "seeds": [one.seed for one in several],
        "learns_mass": row.forces,
        "scores": scores,
        "confusion": [
            [fmean(cells) for cells in zip(*lines, strict=True)] for lines in zip(*confusions, strict=True)
        ],
        "interaction": {
            name: _over_seeds(known, touched[0].get("intervals", {}).get(name))
            for name in _TOUCHING
            if (known := [float(one[name]) for one in touched if one.get(name) is not None])
        },
    }


def _over_seeds(values: Sequence[float], interval: Sequence[float] | None) -> dict[str, Any]:
    """Return mean, number and spread of seeds, and the interval over locations of the first."""
    return {
        "mean": fmean(values),
        "seeds": len(values),
        "spread": stdev(values) if len(values) > 1 else None,
        "interval": interval,
    }


def show(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return the tables of `summarize` as text, in percent."""
    parts = []
    for entry in entries:
        rows = entry["rows"]
        where = f"{entry['split']}, preset {entry['preset']}, {_locations(entry['locations'])}"
        if len(entry["worlds"]) > 1:
            parts.append(mixed_worlds(entry["worlds"]))
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
    return "\n\n".join(parts)


def mixed_worlds(worlds: Sequence[str]) -> str:
    """Return a remark on rows of different versions of the world."""
    return (
        f"These rows are of {len(worlds)} versions of the world ({', '.join(worlds)}): it is not the systems "
        "alone that separate them."
    )


def _locations(counts: Sequence[int]) -> str:
    return " or ".join(f"{count:,}" for count in counts) + " locations"


def _scores_table(rows: Mapping[str, Any], names: Sequence[str]) -> str:
    lines = [["", "row", "seeds", *(text for name in names for text in (HEADINGS[name], "paper"))]]
    for letter, row in rows.items():
        cells = [letter, row["name"], str(len(row["seeds"]))]
        for name in names:
            score = row["scores"][name]
            cells += [_measured(score), _published(score["published"])]
        lines.append(cells)
    return aligned(lines)


def _measured(score: Mapping[str, Any], text: Callable[[float], str] | None = None) -> str:
    text = text or _percent
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
            cells += [_number(score["ratio"]), _number(score["published_ratio"])]
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
    lines = [["", "row", *_TOUCHING.values()]]
    for letter, row in rows.items():
        cells = [letter, row["name"]]
        for name in _TOUCHING:
            text = _percent if name.endswith("rate") else _number
            score = row["interaction"].get(name)
            if score is not None and name == "touched_locations":
                cells.append(f"{score['mean']:g}")
            else:
                cells.append("-" if score is None else _measured(score, text))
        lines.append(cells)
    return aligned(lines)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _published(value: float | None) -> str:
    """Return a published number with the paper's own two decimals."""
    return "-" if value is None else f"{100 * value:.2f}"


def _number(value: float | None) -> str:
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
