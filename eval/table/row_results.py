"""The results of finished rows, read from their run folders, and compared with the paper's numbers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from agents.training.schedule import RunError
from eval.evaluation.reporting import NOT_REFINED
from eval.metrics.mass import heavy_lead, separations
from eval.table.rows import MASS_SCORES, ROWS, SCORES, label_of, published

EVALUATION_FILE = "evaluation.json"

RUNS_FOLDER = "runs"
"""Folder of the runs in a folder of kept results; see `eval.results`."""

_SCORED = (*SCORES, *MASS_SCORES)

_SUMMARIZED = (*_SCORED, "heavy_separation", "heavy_lead")

TOUCHING: Mapping[str, str] = {
    "touched_locations": "locations",
    "points_per_location": "points/location",
    "greedy_success_rate": "greedy success %",
    "random_success_rate": "random success %",
    "objects_per_location": "objects/location",
    "objects_per_interaction": "objects/point",
}
"""Headings of the interaction metrics, by name."""


TRAINING: Mapping[str, str] = {
    "locations": "locations",
    "touches": "points",
    "updates": "updates",
    "processor_seconds": "CPU minutes",
    "seconds": "minutes",
}
"""Headings of what a training took, by name."""


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
        not_refined: Scores of the same network by the paper's instances; empty for other agents, and where
            its instances are the paper's already.
        training: Result of `eval.table.run_row.training_of`; empty where it is not recorded.
        touching: Values of the options `interactions` and `touched_locations` of
            `eval.table.run_row.RunOptions`, as far as recorded.
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
    not_refined: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    touching: Mapping[str, Any] = field(default_factory=dict)


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
            values["rows"].get(NOT_REFINED) or {},
            values.get("training") or {},
            {name: int(values[name]) for name in ("interactions", "touched_locations") if name in values},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ResultsError(f"{path} is not the evaluation of a row ({error!r}); run the row again.") from None


def summarize(results: Sequence[RowResult]) -> list[dict[str, Any]]:
    """Summarize results: one entry for each split and preset.

    Args:
        results: As returned by `read_results`.

    Returns:
        JSON-able entries: `split`, `preset`, `locations`, `worlds`, and `rows`, by letter: `name`,
        `seeds`, `scores` (by name: `mean`, number of `seeds`, `spread` over them or None for one, `interval`
        over locations of the first seed or None, `published` or None, `ratio` to row (c) and
        `published_ratio`, or None), `not_refined` (the same of the network by the paper's instances, as far
        as it has others), `confusion` (mean over the seeds), `learns_mass`, `interaction` and `training` (by
        name: `mean`, `seeds`, `spread` and `interval`, as of scores).

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
        "not_refined": _summary_of([one.not_refined for one in several if one.not_refined], _SCORED),
        "confusion": [
            [fmean(cells) for cells in zip(*lines, strict=True)] for lines in zip(*confusions, strict=True)
        ],
        "interaction": _summary_of(touched, TOUCHING),
        "training": _summary_of([one.training for one in several], TRAINING),
    }


def _summary_of(several: Sequence[Mapping[str, Any]], names: Iterable[str]) -> dict[str, Any]:
    """Return the mean of each number over the seeds that have it."""
    return {
        name: _over_seeds(known, several[0].get("intervals", {}).get(name))
        for name in names
        if (known := [float(one[name]) for one in several if one.get(name) is not None])
    }


def _over_seeds(values: Sequence[float], interval: Sequence[float] | None) -> dict[str, Any]:
    """Return mean, number and spread of seeds, and the interval over locations of the first."""
    return {
        "mean": fmean(values),
        "seeds": len(values),
        "spread": stdev(values) if len(values) > 1 else None,
        "interval": interval,
    }
