"""The tables of a report about runs of any system."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from agents.training.configuration import COLLECTED_BY, digest_of
from agents.training.run_folder import worlds_of
from eval.findings import judge
from eval.report.runs import RunFolder
from eval.table.row_results import row_result, summarize
from eval.table.rows import MASS_SCORES, PUBLISHED_CONFUSION, SCORES, published


def percent(value: Any) -> str:
    """Return a fraction in percent with one decimal, or a dash."""
    return f"{100 * value:.1f}" if _is_finite(value) else "-"


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _published(value: Any) -> str:
    """Return a published fraction in percent with the paper's two decimals, or a dash."""
    return f"{100 * value:.2f}" if _is_finite(value) else "-"


def _ratio(value: Any, reference: Any) -> str:
    if not (_is_finite(value) and _is_finite(reference) and reference):
        return "-"
    return f"{value / reference:.2f}"


def _by_row(run: RunFolder) -> tuple[str, str, str]:
    return run.split, run.compared_row or "z", run.name


def table_1(runs: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """Compare the AP of runs with the published numbers.

    Args:
        runs: The runs; those without an evaluation are omitted.

    Returns:
        One mapping per run, by split and then by letter: `title`, `name`, `split`, `seed`, and in the order
        of `SCORES` the texts `measured` and `published` (percent), `intervals` (95% over locations, empty
        where unknown), and `ratios` and `published_ratios` to row (c) of the same split. A measured
        ratio is between rows of one preset, to the mean of their rows (c).
    """
    rows = []
    for run in sorted(runs, key=_by_row):
        if not any(_is_finite(run.results.get(name)) for name in SCORES):
            continue
        paper_reference = published("c", run.split)
        rows.append(
            {
                "title": run.title,
                "name": run.name,
                "split": run.split,
                "seed": run.config.get("seed", "-"),
                "measured": [percent(run.results.get(name)) for name in SCORES],
                "intervals": [_interval(run, name) for name in SCORES],
                "published": [_published(run.published.get(name)) for name in SCORES],
                "ratios": [_ratio(run.results.get(name), _reference(run, runs, name)) for name in SCORES],
                "published_ratios": [
                    _ratio(run.published.get(name), paper_reference.get(name)) for name in SCORES
                ],
            }
        )
    return rows


def _reference(run: RunFolder, runs: Sequence[RunFolder], name: str) -> float | None:
    """Return the mean score of the rows (c) that a run may be compared with, or None."""
    if run.row is None:
        return None
    values = [
        one.results[name]
        for one in runs
        if (one.split, one.preset, one.row) == (run.split, run.preset, "c")
        and _is_finite(one.results.get(name))
    ]
    return fmean(values) if values else None


def seed_rows(runs: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """Group runs that differ only in their seed.

    Args:
        runs: The runs; those without an evaluation, and without another seed, are omitted.

    Returns:
        One mapping per row, split and configuration: `title`, `split`, `preset`, `seeds`, and `measured`
        (mean and standard deviation in percent, in the order of `SCORES` and `MASS_SCORES`, then the
        success of own points; a dash where a seed has none).
    """
    groups: dict[tuple[str, ...], list[RunFolder]] = {}
    for run in runs:
        if run.compared_row is not None and all(_is_finite(run.results.get(name)) for name in SCORES):
            # A preset is not the row of the table with its name: the whole configuration counts.
            others = {name: run.config[name] for name in run.config if name not in COLLECTED_BY | {"seed"}}
            groups.setdefault((run.split, run.compared_row, digest_of(others)), []).append(run)
    rows = []
    for (split, *_), several in sorted(groups.items()):
        if len({run.config.get("seed") for run in several}) < len(several) or len(several) == 1:
            continue
        values = [[run.results[name] for run in several] for name in SCORES]
        values += [
            [run.results.get(name) if run.learns_mass else None for run in several] for name in MASS_SCORES
        ]
        touched = [run.evaluation.get("interaction") or {} for run in several]
        values.append([each.get("greedy_success_rate") for each in touched])
        rows.append(
            {
                "title": several[0].title,
                "split": split,
                "preset": several[0].preset,
                "seeds": ", ".join(str(run.config.get("seed", "-")) for run in several),
                "measured": [
                    f"{percent(fmean(each))} ± {percent(stdev(each))}" if all(map(_is_finite, each)) else "-"
                    for each in values
                ],
            }
        )
    return rows


def _interval(run: RunFolder, name: str) -> str:
    return _range(run.results.get("intervals", {}).get(name), percent)


def _range(ends: Sequence[float] | None, shown: Callable[[Any], str]) -> str:
    return f"{shown(ends[0])} to {shown(ends[1])}" if ends else ""


def finding_groups(runs: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """Judge which of the paper's findings hold in runs that are rows of the table.

    Args:
        runs: The runs; those that are not rows, such as a plain preset, are omitted.

    Returns:
        As `eval.findings.judge`: one mapping per split and preset of which at least two rows were run.

    Raises:
        ResultsError: An evaluation is malformed.
    """
    results = [row_result(run.evaluation, run.path / "evaluation.json") for run in runs if run.evaluation]
    entries = summarize([one for one in results if one is not None])
    return judge([entry for entry in entries if len(entry["rows"]) > 1])


def table_2(runs: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """Compare mass accuracy and confusion with the published ones.

    Args:
        runs: The runs; those that learn no mass, measured no confusion, or matched no object, are omitted.

    Returns:
        One mapping per run: `title`, `name`, `split`, `accuracy`, `ap50`, their `intervals` (two texts, empty
        where unknown), `matches`, `confusion` (3 x 3 in 0..1), and `published` (`accuracy`, `ap50`,
        `confusion` or None) or None.
    """
    found = []
    for run in sorted(runs, key=_by_row):
        results = run.results
        if not (run.learns_mass and results.get("confusion") and results.get("mass_matches")):
            continue
        found.append(
            {
                "title": run.title,
                "name": run.name,
                "split": run.split,
                "accuracy": percent(results.get("mass_accuracy")),
                "ap50": percent(results.get("mass_bbox_ap50")),
                "intervals": [_interval(run, name) for name in MASS_SCORES],
                "matches": results["mass_matches"],
                "confusion": results["confusion"],
                "published": _published_mass(run),
            }
        )
    return found


def _published_mass(run: RunFolder) -> dict[str, Any] | None:
    if "mass_accuracy" not in run.published:
        return None
    return {
        "accuracy": _published(run.published["mass_accuracy"]),
        "ap50": _published(run.published["mass_bbox_ap50"]),
        "confusion": PUBLISHED_CONFUSION.get(run.split) if run.compared_row == "a" else None,
    }


def interaction_rows(
    runs: Sequence[RunFolder], leaderboard: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the results of touches, of runs and of a leaderboard, best first.

    Args:
        runs: The runs.
        leaderboard: Lines of `eval.benchmark.leaderboard.read_leaderboard`.

    Returns:
        One mapping per agent, by split and by the success of own points, of texts: `label`, `source`,
        `split`, `locations`, `points` (touched at a location), `own`, `random`, `objects`,
        `objects_per_touch`, `mask_ap50`, `failed`, and `intervals` of `own`, `random`, `objects` and
        `objects_per_touch`.
    """
    entries = []
    for run in runs:
        for name, results in (run.evaluation.get("rows") or {}).items():
            if "greedy_success_rate" in results:
                entries.append((name, run.name, run.evaluation, results, results, results))
        if touched := run.evaluation.get("interaction"):
            settings = {**run.evaluation, "locations": touched.get("touched_locations", "-")}
            entries.append((run.title, run.name, settings, touched, run.results, {}))
    for one in leaderboard:
        entries.append(
            (one["label"], _origin(one), one, one["interaction"] or {}, one["perception"] or {}, one)
        )
    entries.sort(key=lambda entry: (entry[2].get("split", ""), -(entry[3].get("greedy_success_rate") or 0)))
    return [
        {
            "label": label,
            "source": source,
            "split": settings.get("split", "-"),
            "locations": settings.get("locations", "-"),
            "points": _decimal(touched.get("points_per_location")),
            "own": percent(touched.get("greedy_success_rate")),
            "random": percent(touched.get("random_success_rate")),
            "objects": _decimal(touched.get("objects_per_location")),
            "objects_per_touch": _decimal(touched.get("objects_per_interaction")),
            "mask_ap50": percent(seen.get("mask_ap50")),
            "failed": other.get("failed_views", "-"),
            "intervals": [
                _range(touched.get("intervals", {}).get(name), shown)
                for name, shown in (
                    ("greedy_success_rate", percent),
                    ("random_success_rate", percent),
                    ("objects_per_location", _decimal),
                    ("objects_per_interaction", _decimal),
                )
            ],
        }
        for label, source, settings, touched, seen, other in entries
    ]


def _origin(line: Mapping[str, Any]) -> str:
    """Return on which views, and in which world, a line of a leaderboard was measured."""
    seed = line.get("views_seed")
    views = "given views" if seed is None else f"views of seed {seed}"
    if line.get("shipped"):
        views = "shipped views"
    world = line.get("world") or "unknown"
    if line.get("scenes"):  # the name of the simulator does not say which
        world += f", scenes {line['scenes'][:12]}"
    return f"leaderboard, {views}, world {world}"


def _decimal(value: Any) -> str:
    return f"{value:.2f}" if _is_finite(value) else "-"


def baseline_rows(runs: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """Return the AP of the baselines of the runs: `name`, `run`, `split`, `measured`."""
    return [
        {
            "name": name,
            "run": run.name,
            "split": run.split,
            "measured": [percent(results.get(score)) for score in SCORES],
        }
        for run in runs
        for name, results in run.baselines.items()
        if any(_is_finite(results.get(score)) for score in SCORES)
    ]


def provenance(run: RunFolder) -> list[tuple[str, str]]:
    """Return the origin of a run as pairs of name and text: commands, seed, versions, hardware, times."""
    pairs = [("folder", run.name), ("split", str(run.config.get("split", "-")))]
    pairs += [(name, str(run.config[name])) for name in ("preset", "seed") if name in run.config]
    for start in run.notes.get("starts", []):
        pairs.append((f"started {start.get('time', '')}", start.get("command", "-")))
    learned_in = ", ".join(worlds_of(run.notes))
    pairs += [("learned in the world", learned_in)] if learned_in else []
    if "training_seconds" in run.notes:
        pairs.append(("training", f"{run.notes['training_seconds'] / 60:.1f} minutes"))
    for name in ("hardware", "versions"):
        values = run.notes.get(name, {})
        text = ", ".join(f"{key} {value}" for key, value in values.items() if value is not None)
        pairs += [(name, text)] if text else []
    evaluation = run.evaluation
    if evaluation:
        seed = evaluation.get("seed", "-")
        text = f"{evaluation.get('split', '-')}, {evaluation.get('locations', '-')} locations, seed {seed}"
        text += f", in the world {evaluation['world']}" if "world" in evaluation else ""
        pairs.append(("evaluated on", text))
    return pairs
