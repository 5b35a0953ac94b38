"""Any agent on an evaluation set: detection, mass classes and speed.

`evaluate_agent` gives one row of the paper's table 1 (section 5); `comparison_table` makes a table of rows.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from agents.base import Agent, Instance, propose_all
from eval.evaluation.own_objects import of_own_objects
from eval.metrics.bootstrap import bootstrap_intervals
from eval.metrics.coco import coco_scores
from eval.metrics.mass import mass_scores
from eval.views.evaluation_set import EvaluationSet, EvaluationSetWarning, default_cache_folder

__all__ = [
    "COLUMNS",
    "EvaluationSet",
    "EvaluationSetWarning",
    "comparison_table",
    "default_cache_folder",
    "evaluate_agent",
    "evaluate_predictions",
]

COLUMNS: Mapping[str, str] = {
    "bbox_ap50": "bbox AP50",
    "bbox_ap": "bbox AP",
    "mask_ap50": "mask AP50",
    "mask_ap": "mask AP",
    "mass_accuracy": "mass",
    "instances_per_image": "found/image",
    "images_per_second": "images/s",
}
"""Results shown by `comparison_table` and their headings, in the order of the paper's table 1."""

_AS_THEY_ARE = {"instances_per_image", "images_per_second"}
_COUNTS = {"failed_views"}
_WITH_TWO_DECIMALS = {"objects_per_location", "objects_per_interaction"}


def evaluate_agent(
    agent: Agent, evaluation_set: EvaluationSet, *, progress: bool | None = False, resamples: int = 0
) -> dict[str, Any]:
    """Score the instances that an agent proposes in every view.

    Args:
        agent: Anything with `propose`; a `BatchAgent` is shown several views at once.
        evaluation_set: The views and their ground truth.
        progress: Show a progress bar; None shows it on a terminal only.
        resamples: As in `evaluate_predictions`.

    Returns:
        What `evaluate_predictions` returns, and `images_per_second`: views per second of wall-clock time
        of its proposals, without the first views if there are more (they include one-time costs).
    """
    predictions: list[list[Instance]] = []
    times: list[tuple[int, float]] = []
    silent = None if progress is None else not progress
    views = evaluation_set.observations
    with tqdm(total=len(views), desc="evaluating", unit=" views", disable=silent) as bar:
        start = time.perf_counter()
        for found in propose_all(agent, views):
            times.append((len(found), time.perf_counter() - start))
            predictions += found
            bar.update(len(found))
            start = time.perf_counter()
    timed = times[1:] or times
    speed = sum(count for count, _ in timed) / max(sum(seconds for _, seconds in timed), 1e-9)
    return evaluate_predictions(predictions, evaluation_set, resamples) | {"images_per_second": speed}


def evaluate_predictions(
    predictions: Sequence[Sequence[Instance]], evaluation_set: EvaluationSet, resamples: int = 0
) -> dict[str, Any]:
    """Score predictions that were made on the views of an evaluation set.

    Args:
        predictions: The predictions for each view, in the order of the set.
        evaluation_set: The views and their ground truth.
        resamples: Bootstrap samples of the locations behind the intervals; 0 computes no intervals.

    Returns:
        A JSON-able dict. In 0..1: `bbox_ap`, `bbox_ap50`, `mask_ap`, `mask_ap50`, `mass_accuracy`,
        `mass_bbox_ap50`, and `confusion` (3 rows: true light, medium, heavy; 3 columns: predicted). Counts:
        `mass_matches` (predictions behind the confusion), `images`, `images_without_truth`, `truths`. Means:
        `truths_per_image`, and `instances_per_image` (proposals, those without a mask included). With
        `resamples`: `intervals`, the two ends by name; see `eval.metrics.bootstrap.bootstrap_intervals`.
        If objects of a folder were added to the rooms, the scores are of these objects (see
        `eval.evaluation.own_objects.of_own_objects`), and `all_objects` has the same results of all objects,
        without intervals.

    Raises:
        ValueError: There are not as many predictions as views, or a prediction is malformed.
    """
    if evaluation_set.objects is not None:
        everything = replace(evaluation_set, objects=None)
        own = evaluate_predictions(*of_own_objects(predictions, evaluation_set), resamples)
        proposals = sum(len(instances) for instances in predictions) / max(len(predictions), 1)
        return own | {
            "instances_per_image": proposals,
            "all_objects": evaluate_predictions(predictions, everything),
        }
    coco = coco_scores(predictions, evaluation_set.truths)
    mass = mass_scores(predictions, evaluation_set.truths, evaluation_set.mass_classes)
    objects = [len(truth) for truth in evaluation_set.truths]
    images = max(len(objects), 1)
    intervals = {}
    if resamples:
        classes = evaluation_set.mass_classes
        found = bootstrap_intervals(predictions, evaluation_set.truths, resamples, classes=classes)
        intervals["intervals"] = found
    return {
        "bbox_ap": coco.bbox_ap,
        "bbox_ap50": coco.bbox_ap50,
        "mask_ap": coco.mask_ap,
        "mask_ap50": coco.mask_ap50,
        "mass_accuracy": mass.mean_accuracy,
        "mass_bbox_ap50": mass.bbox_ap50_with_mass,
        "confusion": mass.confusion.tolist(),
        "mass_matches": int(mass.counts.sum()),
        "instances_per_image": sum(len(instances) for instances in predictions) / images,
        "truths_per_image": sum(objects) / images,
        "truths": sum(objects),
        "images": len(objects),
        "images_without_truth": int(np.count_nonzero(np.array(objects) == 0)),
        **intervals,
    }


def comparison_table(rows: Mapping[str, Mapping[str, Any]], columns: Mapping[str, str] = COLUMNS) -> str:
    """Return a table of the results of several agents.

    Args:
        rows: Name of each agent, and what `evaluate_agent` returned for it. A result it lacks, or has as
            None, is shown as a dash. A result with `all_objects` has a second line.
        columns: The results to show, and their headings.

    Returns:
        A text table without a final newline: one agent a line, columns aligned, scores in percent.

    Examples:
        >>> row = {"bbox_ap50": 0.0123, "bbox_ap": 0.004, "mass_accuracy": 0.3}
        >>> print(comparison_table({"untrained": row}))
        agent      bbox AP50  bbox AP  mask AP50  mask AP  mass  found/image  images/s
        ---------  ---------  -------  ---------  -------  ----  -----------  --------
        untrained        1.2      0.4          -        -  30.0            -         -
    """
    table = [["agent", *columns.values()]]
    for name, result in rows.items():
        table.append([name, *(cell(key, result.get(key)) for key in columns)])
        if "all_objects" in result:
            everything = result["all_objects"]
            table.append([f"{name}, all objects", *(cell(key, everything.get(key)) for key in columns)])
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    table.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    )


def cell(key: str, value: float | None) -> str:
    """Return a result as text for a table: in percent if it is a fraction, a dash if it is None.

    Args:
        key: Its name in what `evaluate_predictions` or `eval.evaluation.touching.touch_everywhere` returned.
        value: The result.
    """
    if value is None:
        return "-"
    if key in _COUNTS:
        return str(value)
    if key in _WITH_TWO_DECIMALS:
        return f"{value:.2f}"
    return f"{value:.1f}" if key in _AS_THEY_ARE else f"{100 * value:.1f}"
