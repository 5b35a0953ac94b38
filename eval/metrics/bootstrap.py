"""Intervals of scores over the choice of locations, by the bootstrap.

Predictions are matched in each image separately, so the matches are computed once and each resample only
counts them. A location that is drawn twice counts as two images, exactly as if both were given to COCO,
unless scores are equal: the copies of a prediction follow each other here, COCO alternates those of an image.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agents.base import Instance
from eval.metrics.coco import IouType, Regions, evaluated, predicted_regions, true_regions
from eval.metrics.mass import heavy_lead, mass_counts, mean_accuracy, regions_by_mass, separations
from thor_interact_env.simulators.base import Instances

RESAMPLES = 1000
"""Resamples behind the intervals of a run's evaluation."""

CONFIDENCE = 0.95
"""Fraction of the resamples inside an interval."""

_IOU_TYPES: Mapping[str, IouType] = {"bbox": "bbox", "mask": "segm"}


@dataclass(frozen=True)
class Matches:
    """Every prediction of all images, best first, and at which IoU thresholds it is correct.

    Attributes:
        images: (d,) int64, the image of each prediction.
        right: (t, d) bool, whether it matches a true object at the IoU thresholds 0.50, 0.55 .. 0.95.
        truths: (n,) int64, true objects of each image.
        recalls: (r,) float64, the recalls at which COCO reads off the precision.
    """

    images: npt.NDArray[np.int64]
    right: npt.NDArray[np.bool_]
    truths: npt.NDArray[np.int64]
    recalls: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls, predictions: Sequence[Regions], truths: Sequence[Regions], iou_type: IouType
    ) -> "Matches | None":
        """Match all images with pycocotools; None if nothing is predicted, or there is no ground truth.

        Args:
            predictions: The predictions of each image, all of one category.
            truths: The ground truth of each image, in the same order and of the same category.
            iou_type: Compare boxes (`bbox`) or masks (`segm`).

        Raises:
            ValueError: The numbers of images differ, or masks differ in size.
        """
        found = evaluated(predictions, truths, iou_type)
        if found is None:
            return None
        evaluation, order = found
        # Images without predictions and without truth have no entry.
        entries = [entry for entry in evaluation.evalImgs if entry is not None]
        places = [order[entry["image_id"] - 1] for entry in entries]
        scores = np.concatenate([np.asarray(entry["dtScores"], np.float64) for entry in entries])
        images = np.repeat(places, [len(entry["dtScores"]) for entry in entries]).astype(np.int64)
        right = np.concatenate([np.asarray(entry["dtMatches"]) > 0 for entry in entries], axis=1)
        best_first = np.argsort(-scores, kind="mergesort")  # pycocotools' own
        return cls(
            images[best_first],
            right[:, best_first],
            np.array([len(truth) for truth in truths], np.int64),
            np.asarray(evaluation.params.recThrs, np.float64),
        )

    def average_precision(self, weights: npt.NDArray[np.int64]) -> tuple[float, float]:
        """Return AP and AP50 if each image occurs as often as its weight says.

        A prediction of weight w stands for w equal ones in a row. COCO's precision is the highest at a
        recall or any higher one, and within such a row it only rises (right) or only falls (wrong), so its
        end suffices.

        Args:
            weights: (n,) int64, how often each image occurs.

        Returns:
            Both in 0..1, as `eval.metrics.coco.average_precision` of the repeated images if no two scores
            are equal; 0 without any truth.
        """
        objects = int(self.truths @ weights)
        counts = weights[self.images]
        kept = counts > 0
        if not objects or not kept.any():
            return 0.0, 0.0
        right = np.cumsum(self.right[:, kept] * counts[kept], axis=1, dtype=np.float64)
        precision = right / np.cumsum(counts[kept])
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        values = np.zeros(len(precision))
        for threshold, (hits, row) in enumerate(zip(right, precision, strict=True)):
            places = np.searchsorted(hits / objects, self.recalls, side="left")
            # A recall that is never reached has precision 0.
            values[threshold] = row[places[places < len(row)]].sum() / len(self.recalls)
        return float(values.mean()), float(values[0])


def bootstrap_scores(
    predictions: Sequence[Sequence[Instance]],
    truths: Sequence[Instances],
    weights: npt.NDArray[np.int64],
    classes: Sequence[npt.NDArray[np.int64]] | None = None,
) -> dict[str, npt.NDArray[np.float64]]:
    """Score repeated images, for many ways to repeat them.

    Args:
        predictions: The predictions of each image.
        truths: The ground truth of each image, in the same order.
        weights: (b, n) int64: in each resample, how often each image occurs.
        classes: Mass classes 0..2 of the objects of each image; None takes those of their masses.

    Returns:
        (b,) float64 each: in 0..1 `bbox_ap`, `bbox_ap50`, `mask_ap`, `mask_ap50`, `mass_accuracy` and
        `mass_bbox_ap50`; `heavy_separation` and `heavy_lead`, see `eval.metrics.mass`.

    Raises:
        ValueError: The numbers of images differ, a score is not finite, a force is not 0, 1 or 2, or masks
            differ in size.
    """
    if weights.ndim != 2 or weights.shape[1] != len(truths):
        raise ValueError(f"weights is of shape {weights.shape}; it must be (resamples, {len(truths)})")
    counts = np.tensordot(weights, mass_counts(predictions, truths, classes), axes=1)
    predicted = [predicted_regions(instances) for instances in predictions]
    true = [true_regions(truth) for truth in truths]
    scores: dict[str, npt.NDArray[np.float64]] = {}
    for name, iou_type in _IOU_TYPES.items():
        matches = Matches.of(predicted, true, iou_type)
        found = np.zeros((len(weights), 2))
        if matches is not None:
            found = np.array([matches.average_precision(one) for one in weights]).reshape(-1, 2)
        scores |= {f"{name}_ap": found[:, 0], f"{name}_ap50": found[:, 1]}
    counted = _mass_ap50(predictions, truths, weights, classes)
    return scores | {
        "mass_accuracy": mean_accuracy(counts),
        "mass_bbox_ap50": counted,
        "heavy_separation": separations(counts)[:, 2],
        "heavy_lead": heavy_lead(counts),
    }


def _mass_ap50(
    predictions: Sequence[Sequence[Instance]],
    truths: Sequence[Instances],
    weights: npt.NDArray[np.int64],
    classes: Sequence[npt.NDArray[np.int64]] | None,
) -> npt.NDArray[np.float64]:
    """Return AP50 with the mass class as category: the mean over those that a resample has an object of."""
    predicted, true = regions_by_mass(predictions, truths, classes)
    total = np.zeros(len(weights))
    present = np.zeros(len(weights), np.int64)
    for category in (1, 2, 3):
        chosen = [regions.of_category(category) for regions in true]
        exists = weights @ np.array([len(regions) for regions in chosen], np.int64) > 0
        matches = Matches.of([regions.of_category(category) for regions in predicted], chosen, "bbox")
        if matches is not None:
            total += np.array([matches.average_precision(one)[1] for one in weights]) * exists
        present += exists
    return total / np.maximum(present, 1)


def bootstrap_intervals(
    predictions: Sequence[Sequence[Instance]],
    truths: Sequence[Instances],
    resamples: int = RESAMPLES,
    seed: int = 0,
    confidence: float = CONFIDENCE,
    classes: Sequence[npt.NDArray[np.int64]] | None = None,
) -> dict[str, list[float]]:
    """Return percentile bootstrap intervals of an agent's scores over locations.

    They measure the effect of the choice of locations; the effect of the training seed needs several runs.

    Args:
        predictions: The predictions of each location's view.
        truths: The ground truth of each view, in the same order.
        resamples: Number of resamples with replacement, at least 1.
        seed: Seed of the draws.
        confidence: Fraction of the resamples inside an interval, in (0, 1).
        classes: As in `bootstrap_scores`.

    Returns:
        Lower and upper end of each score of `bootstrap_scores`.

    Raises:
        ValueError: An argument is outside its range, or as in `bootstrap_scores`.
    """
    weights = _draws(len(truths), resamples, seed)
    scores = bootstrap_scores(predictions, truths, weights, classes)
    return {name: _ends(values, confidence) for name, values in scores.items()}


def ratio_intervals(
    ratios: Mapping[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]],
    resamples: int = RESAMPLES,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> dict[str, list[float]]:
    """Return percentile bootstrap intervals of rates that are sums over locations, one divided by another.

    Args:
        ratios: By name, the part and the whole at each location, (n,) each.
        resamples: As in `bootstrap_intervals`.
        seed: As there.
        confidence: As there.

    Returns:
        Lower and upper end by name; a rate without any whole is 0.

    Raises:
        ValueError: An argument is outside its range.
    """
    intervals = {}
    for name, (part, whole) in ratios.items():
        weights = _draws(len(part), resamples, seed)
        intervals[name] = _ends((weights @ part) / np.maximum(weights @ whole, 1), confidence)
    return intervals


def _draws(count: int, resamples: int, seed: int) -> npt.NDArray[np.int64]:
    """Return how often each location occurs in each resample, (resamples, count)."""
    if resamples < 1:
        raise ValueError(f"resamples is {resamples}; it must be at least 1")
    if not count:
        raise ValueError("there is no location to draw; give at least one")
    rng = np.random.default_rng(seed)
    return rng.multinomial(count, np.full(count, 1 / count), size=resamples)


def _ends(values: npt.NDArray[np.float64], confidence: float) -> list[float]:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it must be greater than 0 and less than 1")
    ends = (0.5 - confidence / 2, 0.5 + confidence / 2)
    return [round(float(value), 6) for value in np.quantile(values, ends)]
