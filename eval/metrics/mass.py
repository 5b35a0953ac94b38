"""Relative mass: how often the predicted force is that of the object's mass class (paper section 5, table 2).

An instance predicts the index of the minimum force that moves it; force 0 belongs to light objects (below 0.5
kg), 1 with medium ones (below 2 kg) and 2 with heavy ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agents.base import Instance
from eval.metrics.coco import Regions, average_precision, match_boxes, predicted_regions, true_regions
from thor_interact_env.locations.annotations import mass_class
from thor_interact_env.simulators.base import Instances


@dataclass(frozen=True)
class MassScores:
    """Scores of an agent's predictions of relative mass.

    Attributes:
        confusion: (3, 3) float64 in 0..1, rows the true class, columns the predicted one, over the
            predictions that match a true box at IoU 0.5. Each row adds up to 1; a class that no match belongs
            to has a row of 0.
        counts: (3, 3) int64, the matches behind `confusion`.
        mean_accuracy: Mean of the diagonal over the classes that have a match, in 0..1; 0 without any match.
        bbox_ap50_with_mass: AP50 of boxes with the mass class as category, in 0..1.
    """

    confusion: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    mean_accuracy: float
    bbox_ap50_with_mass: float


def mass_scores(
    predictions: Sequence[Sequence[Instance]],
    truths: Sequence[Instances],
    classes: Sequence[npt.NDArray[np.int64]] | None = None,
) -> MassScores:
    """Score the predicted forces against the true masses.

    Args:
        predictions: The predictions of each image.
        truths: The ground truth of each image, in the same order.
        classes: Mass classes 0..2 of the objects of each image; None takes those of their masses.

    Returns:
        Confusion matrix, mean accuracy per class, and AP50 with the mass class as category.

    Raises:
        ValueError: The numbers of images differ, a score is not finite, a force is not 0, 1 or 2, or masks
            differ in size.
    """
    predicted, true = regions_by_mass(predictions, truths, classes)
    counts = _counts(predicted, true).sum(axis=0)
    matches = counts.sum(axis=1)
    confusion = counts / np.maximum(matches, 1)[:, None]
    return MassScores(
        confusion, counts, float(mean_accuracy(counts)), average_precision(predicted, true, "bbox")[1]
    )


def mass_counts(
    predictions: Sequence[Sequence[Instance]],
    truths: Sequence[Instances],
    classes: Sequence[npt.NDArray[np.int64]] | None = None,
) -> npt.NDArray[np.int64]:
    """Return the counts behind `MassScores.counts` image by image.

    Args:
        predictions: The predictions of each image.
        truths: The ground truth of each image, in the same order.
        classes: As in `mass_scores`.

    Returns:
        (n, 3, 3) int64, rows the true class, columns the predicted one.

    Raises:
        ValueError: As in `mass_scores`.
    """
    return _counts(*regions_by_mass(predictions, truths, classes))


def mean_accuracy(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the mean over the true classes that have a match of the fraction predicted correctly.

    Args:
        counts: (..., 3, 3) matches, rows the true class, columns the predicted one.

    Returns:
        (...) float64 in 0..1; 0 without any match.
    """
    matches = counts.sum(axis=-1)
    fractions = np.diagonal(counts, axis1=-2, axis2=-1) / np.maximum(matches, 1)
    return np.asarray(fractions.sum(axis=-1) / np.maximum((matches > 0).sum(axis=-1), 1))


def separations(counts: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return how well each mass class is separated from the others (Youden's index).

    A class that is always predicted is correct for all its own objects, but has no information.

    Args:
        counts: (..., 3, 3) matches, or fractions of them, rows the true class, columns the predicted one.

    Returns:
        (..., 3) float64: the fraction of a class's own objects that it is predicted for, minus the mean of
        this fraction over the other classes; in -1..1, and 0 for a constant prediction if all classes have a
        match.
    """
    counts = np.asarray(counts, np.float64)
    matches = counts.sum(axis=-1, keepdims=True)
    fractions = np.divide(counts, matches, out=np.zeros_like(counts), where=matches > 0)
    own = np.diagonal(fractions, axis1=-2, axis2=-1)
    return np.asarray(own - (fractions.sum(axis=-2) - own) / (fractions.shape[-1] - 1))


def heavy_lead(counts: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return by how much heavy objects are better separated than any other class.

    Args:
        counts: As in `separations`.

    Returns:
        (...) float64 in -2..2: the separation of heavy minus the larger of the others.
    """
    separated = separations(counts)
    return np.asarray(separated[..., 2] - separated[..., :2].max(axis=-1))


def regions_by_mass(
    predictions: Sequence[Sequence[Instance]],
    truths: Sequence[Instances],
    classes: Sequence[npt.NDArray[np.int64]] | None,
) -> tuple[list[Regions], list[Regions]]:
    """Return the regions of all images with the mass class as category: 1 light, 2 medium, 3 heavy.

    Args:
        predictions: The predictions of each image.
        truths: The ground truth of each image, in the same order.
        classes: As in `mass_scores`.

    Returns:
        The predicted ones and the true ones, image by image.

    Raises:
        ValueError: As in `mass_scores`.
    """
    if len(predictions) != len(truths):
        raise ValueError(
            f"predictions for {len(predictions)} images but ground truth for {len(truths)}; give both"
        )
    for instances in predictions:
        for instance in instances:
            if instance.force not in (0, 1, 2):
                raise ValueError(
                    f"force {instance.force} of the instance at {instance.point} must be 0, 1 or 2"
                )
    predicted = [predicted_regions(each, [instance.force + 1 for instance in each]) for each in predictions]
    if classes is None:
        classes = [np.array([mass_class(float(mass)) for mass in truth.masses], np.int64) for truth in truths]
    true = [
        true_regions(truth, [int(index) + 1 for index in indices])
        for truth, indices in zip(truths, classes, strict=True)
    ]
    return predicted, true


def _counts(predicted: Sequence[Regions], true: Sequence[Regions]) -> npt.NDArray[np.int64]:
    counts = np.zeros((len(true), 3, 3), np.int64)
    for index, (image_predicted, image_true) in enumerate(zip(predicted, true, strict=True)):
        for prediction, truth in match_boxes(image_predicted, image_true):
            counts[index, image_true.categories[truth] - 1, image_predicted.categories[prediction] - 1] += 1
    return counts
