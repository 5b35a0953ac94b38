"""Scores of only the objects of a folder, in rooms that hold other objects as well.

Predictions of the rooms' own objects are neither right nor wrong, as COCO ignores regions that do not count.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from agents.base import Instance
from eval.views.evaluation_set import EvaluationSet
from thor_interact_env.simulators.base import Instances
from thor_interact_env.simulators.own_objects.identifiers import is_own

SAME = 0.5
"""Minimum IoU at which a prediction is of one of the rooms' own objects."""


def own_truths(views: EvaluationSet) -> tuple[Instances, ...]:
    """Return the ground truth of each view with the objects of the folder only.

    Args:
        views: Views of rooms to which objects were added.
    """
    return tuple(_chosen(truth, _own(truth)) for truth in views.truths)


def of_own_objects(
    predictions: Sequence[Sequence[Instance]], views: EvaluationSet
) -> tuple[list[list[Instance]], EvaluationSet]:
    """Return predictions and views as if there were only the objects of the folder.

    A prediction is left out if its mask and one of the rooms' own objects have an IoU of at least `SAME` that
    is higher than with any object of the folder. All others remain, false ones included.

    Args:
        predictions: The predictions of each view.
        views: Views of rooms to which objects were added.

    Returns:
        The remaining predictions, and views whose truths are `own_truths`.

    Raises:
        ValueError: There are not as many predictions as views.
    """
    if len(predictions) != len(views):
        raise ValueError(
            f"predictions for {len(predictions)} images but {len(views)} views; give one for each"
        )
    kept = [
        [instance for instance in instances if not _of_the_room(instance, truth)]
        for instances, truth in zip(predictions, views.truths, strict=True)
    ]
    classes = views.mass_classes and tuple(
        each[_own(truth)] for each, truth in zip(views.mass_classes, views.truths, strict=True)
    )
    return kept, replace(views, truths=own_truths(views), mass_classes=classes, objects=None)


def _own(truth: Instances) -> np.ndarray:
    return np.array([is_own(identifier) for identifier in truth.ids], bool)


def _chosen(truth: Instances, chosen: np.ndarray) -> Instances:
    indices = np.flatnonzero(chosen)
    return Instances(
        truth.masks[indices],
        truth.masses[indices],
        tuple(truth.types[index] for index in indices),
        tuple(truth.ids[index] for index in indices),
    )


def _of_the_room(instance: Instance, truth: Instances) -> bool:
    if instance.mask is None or not len(truth):
        return False
    mask = np.asarray(instance.mask, bool)
    common = (truth.masks & mask).sum(axis=(1, 2))
    overlaps = common / np.maximum((truth.masks | mask).sum(axis=(1, 2)), 1)
    own = _own(truth)
    best = float(overlaps[~own].max(initial=0.0))
    return best >= SAME and best > float(overlaps[own].max(initial=0.0))
