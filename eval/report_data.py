"""What a report says about runs of any system, read from the files that all of them write."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from agents.configuration import COLLECTED_BY, ENVIRONMENT_FIELDS, digest_of
from agents.schedule import RunError
from eval.findings import judge
from eval.row_results import row_result, summarize
from eval.rows import LABELS, MASS_SCORES, PUBLISHED_CONFUSION, ROWS, SCORES, row_beside

SELF_SUPERVISED = "self_supervised"
"""System of a run whose `config.json` names none."""


class ReportError(RunError):
    """A folder or file cannot be reported on; the message names it and what is wrong."""


@dataclass(frozen=True)
class RunFolder:
    """What is known of a run.

    Attributes:
        path: Its folder.
        config: `config.json`.
        notes: `run.json`, empty without: starts, hardware, versions.
        evaluation: `evaluation.json`, empty without.
        metrics: Lines of `metrics.jsonl`.
    """

    path: Path
    config: Mapping[str, Any]
    notes: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, path: Path) -> RunFolder:
        """Read a run folder.

        Raises:
            ReportError: There is no such folder, it has no configuration, or a file is not JSON.
        """
        if not path.is_dir():
            raise ReportError(
                f"{path} is not a folder; name run folders, such as runs/quick-NovelSpaces-seed0."
            )
        config = _read_object(path / "config.json")
        if not config:
            raise ReportError(f"{path} has no config.json; name the folder of a run.")
        notes, evaluation = (_read_object(path / name) for name in ("run.json", "evaluation.json"))
        return cls(path, config, notes, evaluation, _read_lines(path / "metrics.jsonl"))

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def system(self) -> str:
        """Which learner it is: `self_supervised`, `mask_rcnn`, `video_pca`, `ppo`, ..."""
        return str(self.config.get("system", SELF_SUPERVISED))

    @property
    def row(self) -> str | None:
        """Letter of the row of the table that the run was made for by `eval.table`, or None."""
        named = self.evaluation.get("table", {}).get("row")
        return str(named) if named in ROWS else None

    @property
    def beside(self) -> str | None:
        """Letter of the row whose published numbers it is set beside: its own, or the one of its options."""
        return self.row or row_beside(self.system, self.config)

    @property
    def published(self) -> Mapping[str, float]:
        """The paper's scores of that row on the same split, in 0..1 by name; empty where it gives none."""
        return ROWS[self.beside].published.get(self.split, {}) if self.beside else {}

    @property
    def preset(self) -> str:
        """Its size, or a dash."""
        return str(self.config.get("preset", "-"))

    @property
    def title(self) -> str:
        """Name of the row with its letter; of what is no row of the table, the system and its size."""
        if self.row is not None:
            return f"({self.row}) {ROWS[self.row].name}"
        system = LABELS.get(self.system, self.system)  # type: ignore[call-overload]
        return f"{system}, {self.preset}" + (f", beside ({self.beside})" if self.beside else "")

    @property
    def learns_mass(self) -> bool:
        """Whether it learns forces: without, its mass classes are an accident."""
        return self.beside is not None and ROWS[self.beside].joint

    @property
    def environment(self) -> Mapping[str, Any]:
        """Options of the environment that it learned in, as far as its configuration names them."""
        return {name: self.config[name] for name in ENVIRONMENT_FIELDS if name in self.config}

    @property
    def split(self) -> str:
        """`NovelObjects` or `NovelSpaces`: that of the evaluation, else of the training."""
        return str(self.evaluation.get("split", self.config.get("split", ""))).partition("/")[0]

    @property
    def results(self) -> Mapping[str, Any]:
        """Results of the run's own agent: the first row of its evaluation; empty without."""
        rows = self.evaluation.get("rows") or {}
        return next(iter(rows.values()), {})

    @property
    def baselines(self) -> Mapping[str, Mapping[str, Any]]:
        """Results of the agents that were measured beside it, by name."""
        rows = self.evaluation.get("rows") or {}
        return dict(list(rows.items())[1:])


def _read_object(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReportError(f"{path} cannot be read as JSON ({error}).") from None
    if not isinstance(values, dict):
        raise ReportError(f"{path} holds {type(values).__name__}, not an object.")
    return values


def read_calibration(path: Path) -> dict[str, Any]:
    """Return what the calibration of forces wrote with `--json`.

    Raises:
        ReportError: It is missing, or something else.
    """
    values = _read_object(path)
    if not {"shares_seen", "shares_all", "options"} <= set(values):
        raise ReportError(
            f"{path} is no calibration; write one with "
            "python -m thor_interact_env.simulators.mujoco.calibrate --json FILE."
        )
    return values


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a JSON-lines file; one cut short by a kill is left out."""
    if not path.exists():
        return []
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1], start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ReportError(f"{path} line {number} is not JSON ({error}).") from None
        rows.append(row)
    return rows


def percent(value: Any) -> str:
    """Return a share in percent with one decimal, or a dash."""
    return f"{100 * value:.1f}" if _is_finite(value) else "-"


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _published(value: Any) -> str:
    """Return a published share in percent with the paper's two decimals, or a dash."""
    return f"{100 * value:.2f}" if _is_finite(value) else "-"


def _ratio(value: Any, reference: Any) -> str:
    if not (_is_finite(value) and _is_finite(reference) and reference):
        return "-"
    return f"{value / reference:.2f}"


def _by_row(run: RunFolder) -> tuple[str, str, str]:
    return run.split, run.beside or "z", run.name


def table_1(runs: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """Set the AP of runs beside the published numbers.

    Args:
        runs: The runs; those without an evaluation are left out.

    Returns:
        One mapping per run, by split and then by letter: `title`, `name`, `split`, `seed`, and in the order
        of `SCORES` the texts `measured` and `published` (percent), `intervals` (95% over locations, empty
        where unknown), and `ratios` and `published_ratios` to row (c) of the same split. A ratio that is
        measured is of rows of one preset, to the mean of their rows (c).
    """
    rows = []
    for run in sorted(runs, key=_by_row):
        if not any(_is_finite(run.results.get(name)) for name in SCORES):
            continue
        paper_reference = ROWS["c"].published.get(run.split, {})
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
    """Bring runs together that differ in their seed only.

    Args:
        runs: The runs; those without an evaluation, and without another seed beside them, are left out.

    Returns:
        One mapping per row, split and configuration: `title`, `split`, `preset`, `seeds`, and `measured`
        (mean and standard deviation in percent, in the order of `SCORES`).
    """
    groups: dict[tuple[str, ...], list[RunFolder]] = {}
    for run in runs:
        if run.beside is not None and all(_is_finite(run.results.get(name)) for name in SCORES):
            # A preset by itself is not the row of the table with its name: the whole configuration counts.
            others = {name: run.config[name] for name in run.config if name not in COLLECTED_BY | {"seed"}}
            groups.setdefault((run.split, run.beside, digest_of(others)), []).append(run)
    rows = []
    for (split, *_), several in sorted(groups.items()):
        if len({run.config.get("seed") for run in several}) < len(several) or len(several) == 1:
            continue
        values = [[run.results[name] for run in several] for name in SCORES]
        rows.append(
            {
                "title": several[0].title,
                "split": split,
                "preset": several[0].preset,
                "seeds": ", ".join(str(run.config.get("seed", "-")) for run in several),
                "measured": [f"{percent(fmean(each))} ± {percent(stdev(each))}" for each in values],
            }
        )
    return rows


def _interval(run: RunFolder, name: str) -> str:
    ends = run.results.get("intervals", {}).get(name)
    return f"{percent(ends[0])} to {percent(ends[1])}" if ends else ""


def finding_groups(runs: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """Judge which of the paper's findings hold in runs that are rows of the table.

    Args:
        runs: The runs; those that are no rows, such as a preset by itself, are left out.

    Returns:
        As `eval.findings.judge`: one mapping per split and preset of which at least two rows were run.

    Raises:
        ResultsError: An evaluation is malformed.
    """
    results = [row_result(run.evaluation, run.path / "evaluation.json") for run in runs if run.evaluation]
    entries = summarize([one for one in results if one is not None])
    return judge([entry for entry in entries if len(entry["rows"]) > 1])


def table_2(runs: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """Set mass accuracy and confusion beside the published ones.

    Args:
        runs: The runs; those that learn no mass, measured no confusion, or matched no object, are left out.

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
        "confusion": PUBLISHED_CONFUSION.get(run.split) if run.beside == "a" else None,
    }


def interaction_rows(
    runs: Sequence[RunFolder], leaderboard: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return what is known of touches: of runs that measured them, and of a leaderboard, best first.

    Args:
        runs: The runs.
        leaderboard: Lines of `eval.leaderboard.read_leaderboard`.

    Returns:
        One mapping per agent: `label`, `source`, `split`, `locations`, `own`, `random`, `objects`,
        `objects_per_touch`, `mask_ap50`, `failed` (texts), sorted by split and by the success of own points.
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
            (one["label"], "leaderboard", one, one["interaction"] or {}, one["perception"] or {}, one)
        )
    entries.sort(key=lambda entry: (entry[2].get("split", ""), -(entry[3].get("greedy_success_rate") or 0)))
    return [
        {
            "label": label,
            "source": source,
            "split": settings.get("split", "-"),
            "locations": settings.get("locations", "-"),
            "own": percent(touched.get("greedy_success_rate")),
            "random": percent(touched.get("random_success_rate")),
            "objects": _decimal(touched.get("objects_per_location")),
            "objects_per_touch": _decimal(touched.get("objects_per_interaction")),
            "mask_ap50": percent(seen.get("mask_ap50")),
            "failed": other.get("failed_views", "-"),
        }
        for label, source, settings, touched, seen, other in entries
    ]


def _decimal(value: Any) -> str:
    return f"{value:.2f}" if _is_finite(value) else "-"


def baseline_rows(runs: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """Return the AP of what was measured beside the runs: `name`, `run`, `split`, `measured`."""
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
    """Return how a run was made, as pairs of what and how: commands, seed, versions, hardware, times."""
    pairs = [("folder", run.name), ("split", str(run.config.get("split", "-")))]
    pairs += [(name, str(run.config[name])) for name in ("preset", "seed") if name in run.config]
    for start in run.notes.get("starts", []):
        pairs.append((f"started {start.get('time', '')}", start.get("command", "-")))
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
        pairs.append(("evaluated on", text))
    return pairs
