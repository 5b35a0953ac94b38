"""Which views of a location are learned from, and which of its touches count in each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from selfsup.experience import Experience
from selfsup.feedback import KERNEL_RADIUS, Feedback
from selfsup.grid import GRID
from selfsup.training_images.masks import cell_changes, cleaned_mask, superpixels_around, unchanged_cells
from selfsup.training_images.options import TargetOptions
from selfsup.training_images.visit_log import TouchedPoint, View, VisitLog


@dataclass(frozen=True, eq=False)
class _Success:
    """A successful touch: what an image in which it counts says of it."""

    point: TouchedPoint
    mask: npt.NDArray[np.bool_]

    @property
    def feedback(self) -> Feedback:
        return self.point.feedback[-1]


def first_view_image(log: VisitLog) -> Experience:
    """Return what the paper learns from a location: its first view, with all touches and their B+."""
    return _image(log.views[0], *_judged(log, TargetOptions()))


def training_images(log: VisitLog, options: TargetOptions) -> tuple[Experience, ...]:
    """Return the training images of a location.

    Args:
        log: What was seen and touched there.
        options: Which views, and which masks.

    Returns:
        At least one; each with at least one success, unless the location has none.
    """
    successes, failures = _judged(log, options)
    if options.views == "first":
        return (_image(log.views[0], successes, failures),)
    unchanged = _comparison(log.views)
    numbers = sorted({success.point.views[0] for success in successes}) or [0]
    return tuple(
        _image(
            log.views[number],
            [each for each in successes if unchanged(each.point.views[0], number)[each.mask].all()],
            [each for each in failures if _around(unchanged(each.views[0], number), each).all()],
        )
        for number in numbers
    )


def _judged(log: VisitLog, options: TargetOptions) -> tuple[list[_Success], list[TouchedPoint]]:
    """Return the successful touches with their masks, and the failed ones."""
    successes, failures = [], []
    for point in log.points:
        mask = point.mask
        if options.masks == "cleaned" if point.success else options.successes == "moved":
            mask = _moved(log, point)
        if mask is not None:
            successes.append(_Success(point, mask))
        elif not point.success:
            failures.append(point)
    return successes, failures


def _moved(log: VisitLog, point: TouchedPoint) -> npt.NDArray[np.bool_] | None:
    """Return what all attempts at a point moved around it, if anything."""
    before, after = log.views[point.views[0]], log.views[point.views[-1]]
    changes = cell_changes(before, after)
    if not changes.changed.any():
        return None
    labels = superpixels_around(before.rgb, changes.changed)
    return cleaned_mask(changes, labels, point.row, point.column)


def _comparison(views: Sequence[View]) -> Callable[[int, int], npt.NDArray[np.bool_]]:
    """Return the function that compares views by their numbers, each two once."""

    @cache
    def compared(low: int, high: int) -> npt.NDArray[np.bool_]:
        if low == high:
            return np.ones((GRID, GRID), np.bool_)
        return unchanged_cells(views[low], views[high])

    return lambda one, other: compared(min(one, other), max(one, other))


def _around(cells: npt.NDArray[np.bool_], point: TouchedPoint) -> npt.NDArray[np.bool_]:
    """Return the cells around a point over which its failure is spread."""
    top, left = max(point.row - KERNEL_RADIUS, 0), max(point.column - KERNEL_RADIUS, 0)
    return cells[top : point.row + KERNEL_RADIUS + 1, left : point.column + KERNEL_RADIUS + 1]


def _image(view: View, successes: Sequence[_Success], failures: Sequence[TouchedPoint]) -> Experience:
    return Experience(
        rgb=view.rgb,
        depth=view.depth,
        success_points=_cells([success.point for success in successes]),
        masks=np.array([success.mask for success in successes], np.bool_).reshape(-1, GRID, GRID),
        forces=np.array([success.point.force for success in successes], np.int8),
        feedback=np.array([success.feedback for success in successes], np.int8),
        failure_points=_cells(failures),
    )


def _cells(points: Sequence[TouchedPoint]) -> npt.NDArray[np.int16]:
    return np.array([(point.row, point.column) for point in points], np.int16).reshape(-1, 2)
