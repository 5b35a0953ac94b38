"""The numbers of a report's tables and figures as CSV files inside the page, each one click away."""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.base import Instance
from eval.figures.touches import Touch
from eval.table.rows import MASS_SCORES, SCORES
from thor_interact_env.actions import FORCES
from thor_interact_env.locations.annotations import MASS_CLASSES

_ROW = ("row", "run", "split", "seed")


@dataclass(frozen=True)
class Csv:
    """Numbers to download.

    Attributes:
        title: What they are, for the name of the file and for screen readers.
        header: Names of the columns.
        rows: One sequence of values per line; None is an empty cell.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]

    @property
    def name(self) -> str:
        """Name of the file."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-") + ".csv"

    @property
    def uri(self) -> str:
        """The file as a data URI, UTF-8."""
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows([self.header, *self.rows])
        return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(stream.getvalue().encode()).decode()}"


def detection_csv(rows: Sequence[Mapping[str, Any]]) -> Csv:
    """Return the numbers of `eval.report.data.table_1`, percent and ratios."""
    kinds = ("measured", "intervals", "published", "ratios", "published_ratios")
    header = [*_ROW, *(f"{kind} {score}" for kind in kinds for score in SCORES)]
    lines = [
        [
            row["title"],
            row["name"],
            row["split"],
            row["seed"],
            *(value for kind in kinds for value in row[kind]),
        ]
        for row in rows
    ]
    return Csv("Table 1 detection", header, lines)


def seeds_csv(rows: Sequence[Mapping[str, Any]]) -> Csv:
    """Return the numbers of `eval.report.data.seed_rows`, percent."""
    header = ["row", "split", "preset", "seeds", *SCORES, *MASS_SCORES, "success of own points"]
    lines = [[row["title"], row["split"], row["preset"], row["seeds"], *row["measured"]] for row in rows]
    return Csv("Several seeds", header, lines)


def baselines_csv(rows: Sequence[Mapping[str, Any]]) -> Csv:
    """Return the numbers of `eval.report.data.baseline_rows`, percent."""
    lines = [[row["name"], row["run"], row["split"], *row["measured"]] for row in rows]
    return Csv("Baselines", ["agent", "run", "split", *SCORES], lines)


def findings_csv(groups: Sequence[Mapping[str, Any]], verdict: Any) -> Csv:
    """Return `eval.report.data.finding_groups` with their verdicts, `eval.findings.verdict`."""
    lines = [
        [group["split"], group["preset"], finding["text"], verdict(finding), finding["numbers"]]
        for group in groups
        for finding in group["findings"]
    ]
    return Csv("Findings", ["split", "preset", "finding", "here", "numbers"], lines)


def interaction_csv(rows: Sequence[Mapping[str, Any]]) -> Csv:
    """Return the numbers of `eval.report.data.interaction_rows`."""
    names = [name for name in rows[0] if name != "intervals"] if rows else []
    with_intervals = ("own", "random", "objects", "objects_per_touch")
    header = [*names, *(f"interval of {name}" for name in with_intervals)]
    return Csv(
        "Interaction and leaderboard",
        header,
        [[row[name] for name in names] + row["intervals"] for row in rows],
    )


def confusion_csv(name: str, matrix: Sequence[Sequence[float]]) -> Csv:
    """Return a confusion matrix, (3, 3) fractions by true class and predicted class."""
    lines = [[true, *row] for true, row in zip(MASS_CLASSES, matrix, strict=True)]
    return Csv(f"Confusion {name}", ["true \\ predicted", *MASS_CLASSES], lines)


def instances_csv(name: str, instances: Sequence[Instance]) -> Csv:
    """Return the proposals in a view, best first, with the pixels of their masks."""
    lines = [
        [
            rank,
            *one.point,
            f"{FORCES[one.force]:g}",
            one.score,
            None if one.mask is None else int(one.mask.sum()),
        ]
        for rank, one in enumerate(instances, start=1)
    ]
    return Csv(f"Predictions {name}", ["rank", "row", "column", "force (N)", "score", "mask (pixels)"], lines)


def touches_csv(name: str, touches: Sequence[Touch]) -> Csv:
    """Return the touches at a location, in turn, with the cells of their masks."""
    lines = [
        [number, *touch.point, f"{FORCES[touch.force]:g}", touch.success, int(touch.mask.sum())]
        for number, touch in enumerate(touches, start=1)
    ]
    return Csv(f"Touches {name}", ["touch", "row", "column", "force (N)", "success", "mask (cells)"], lines)
