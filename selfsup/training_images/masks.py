"""What a touch moved, from colour and depth: masks closer to the moved object than B+ (not in the paper).

B sees a tenth of the range of hue, saturation and value: large objects that slide by a little keep most of
their cells. B+ holds every superpixel of which a quarter changed, and so also much of what a moved object
uncovered, of what it now covers, and of whatever else moved. Here smaller changes count, of colour and of
depth, and of superpixels the greater part; depth tells what arrived from what was there.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from selfsup.feedback import KERNEL_RADIUS
from selfsup.grid import STRIDE
from selfsup.superpixels import align_to_superpixels, superpixel_labels
from selfsup.training_images.visit_log import View

MOST_PIXELS = STRIDE * STRIDE // 2 + 1
"""Pixels of a cell, 5 of 9, that must have changed for the cell to count."""

MARGIN = 10
"""Cells around what changed of which superpixels are computed, so that few of them are cut."""

COLOUR_TOLERANCE = 8
"""Maximum difference of a channel, in 0..255, between pixels of which nothing changed."""

DEPTH_TOLERANCE = 0.005
"""Maximum difference in depth, in metres, between pixels of which nothing changed."""


@dataclass(frozen=True)
class CleaningOptions:
    """Thresholds of `cleaned_mask`.

    Attributes:
        colour_change: A cell changed if a channel of most of its pixels differs by more than this, in 0..255.
        depth_change: A cell changed if the depth of most of its pixels differs by more than this, in metres.
        depth_step: Metres of depth by which most pixels of a cell lie farther where something left, and
            nearer where something arrived.
        min_fraction: A superpixel moved if at least this fraction of its cells changed and nothing arrived
            there, in (0, 1].
        whole_fraction: A superpixel moved as well if at least this fraction of its cells changed in any way,
            in (0, 1]: then it came nearer itself.
    """

    colour_change: int = 2
    depth_change: float = 0.002
    depth_step: float = 0.01
    min_fraction: float = 0.6
    whole_fraction: float = 0.9

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: A threshold is negative, or a fraction not in (0, 1].
        """
        for name in ("colour_change", "depth_change", "depth_step"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must not be negative")
        for name in ("min_fraction", "whole_fraction"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be greater than 0 and at most 1")


@dataclass(frozen=True, eq=False)
class CellChanges:
    """How the cells of two views differ.

    Attributes:
        changed: (rows, columns) bool, cells that differ in colour or in depth.
        left: (rows, columns) bool, cells that lie farther in the second view: something left.
        arrived: (rows, columns) bool, cells that lie nearer in the second view: something arrived.
    """

    changed: npt.NDArray[np.bool_]
    left: npt.NDArray[np.bool_]
    arrived: npt.NDArray[np.bool_]


def cell_changes(before: View, after: View, options: CleaningOptions | None = None) -> CellChanges:
    """Compare two views of a location cell by cell.

    Args:
        before: The earlier view.
        after: The later view.
        options: Thresholds; by default those of `CleaningOptions`.
    """
    options = CleaningOptions() if options is None else options
    farther = after.depth - before.depth
    colour = _colour_difference(before, after) > options.colour_change
    return CellChanges(
        changed=_most_pixels(colour) | _most_pixels(np.abs(farther) > options.depth_change),
        left=_most_pixels(farther > options.depth_step),
        arrived=_most_pixels(farther < -options.depth_step),
    )


def cleaned_mask(
    changes: CellChanges,
    labels: npt.NDArray[np.int32],
    row: int,
    column: int,
    options: CleaningOptions | None = None,
) -> npt.NDArray[np.bool_] | None:
    """Return the cells of the object that a touch moved, in the view before the touch.

    The superpixels of which `min_fraction` of the cells changed without anything arriving there, and the
    cells that something left, but no cell at which something arrived; and the superpixels of which
    `whole_fraction` changed in any way. Of these the part that is connected (8 neighbours) with the touched
    cell, or with the nearest cell within the neighbourhood of the success test.

    Args:
        changes: Between the views before and after the touch.
        labels: (rows, columns) int32, superpixel of each cell of the view before.
        row: Touched grid row.
        column: Touched grid column.
        options: Thresholds; by default those of `CleaningOptions`.

    Returns:
        (rows, columns) bool, the touched cell included; None where nothing moved around the touched cell.

    Raises:
        ValueError: The shapes differ.
    """
    options = CleaningOptions() if options is None else options
    there = ~changes.arrived
    moved = align_to_superpixels(changes.changed & there, labels, options.min_fraction) | changes.left
    whole = align_to_superpixels(changes.changed, labels, options.whole_fraction)
    return connected_part(moved & there | whole, row, column)


def superpixels_around(
    rgb: npt.NDArray[np.uint8], cells: npt.NDArray[np.bool_], margin: int = MARGIN
) -> npt.NDArray[np.int32]:
    """Return the superpixels of that part of an image that holds some cells, at a fraction of the time.

    Args:
        rgb: (H, W, 3) uint8.
        cells: (rows, columns) bool, one or more of them true.
        margin: Cells around their bounding box that are looked at as well.

    Returns:
        (rows, columns) int32, labels from 0; all that lies farther away has one label of its own.
    """
    rows, columns = (np.flatnonzero(cells.any(axis=axis)) for axis in (1, 0))
    top, left = max(int(rows[0]) - margin, 0), max(int(columns[0]) - margin, 0)
    window = (slice(top, int(rows[-1]) + margin + 1), slice(left, int(columns[-1]) + margin + 1))
    pixels = tuple(slice(STRIDE * part.start, STRIDE * part.stop) for part in window)
    labels = superpixel_labels(np.ascontiguousarray(rgb[pixels]))
    around = np.full(cells.shape, labels.max() + 1, np.int32)
    around[window] = labels
    return around


def connected_part(
    mask: npt.NDArray[np.bool_], row: int, column: int, radius: int = KERNEL_RADIUS
) -> npt.NDArray[np.bool_] | None:
    """Return the part of a mask that is connected with a cell, or with the nearest cell around it.

    Args:
        mask: (rows, columns) bool.
        row: Grid row.
        column: Grid column.
        radius: Cells along both axes within which the nearest cell of the mask is taken.

    Returns:
        (rows, columns) bool, the given cell included, in new memory; None where the mask has no cell around.
    """
    top, left = max(row - radius, 0), max(column - radius, 0)
    near = np.argwhere(mask[top : row + radius + 1, left : column + radius + 1]) + np.array([top, left])
    if not len(near):
        return None
    nearest = near[np.square(near - (row, column)).sum(axis=1).argmin()]
    _, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    part = np.asarray(parts == parts[tuple(nearest)])
    part[row, column] = True
    return part


def unchanged_cells(
    one: View,
    other: View,
    colour_tolerance: int = COLOUR_TOLERANCE,
    depth_tolerance: float = DEPTH_TOLERANCE,
) -> npt.NDArray[np.bool_]:
    """Return the cells that look the same in two views of a location.

    Args:
        one: A view.
        other: Another view.
        colour_tolerance: Maximum difference of a channel, in 0..255, of each pixel of a cell.
        depth_tolerance: Maximum difference in depth, in metres, of each pixel of a cell.

    Returns:
        (rows, columns) bool.
    """
    colour = _colour_difference(one, other) > colour_tolerance
    return ~_minimum(colour | (np.abs(one.depth - other.depth) > depth_tolerance), 1)


def _colour_difference(one: View, other: View) -> npt.NDArray[np.uint8]:
    """Return the maximum difference of a channel for each pixel, (H, W) uint8."""
    difference = cv2.absdiff(one.rgb, other.rgb)
    return np.maximum(np.maximum(difference[..., 0], difference[..., 1]), difference[..., 2])


def _most_pixels(pixels: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the cells of which most pixels of (H, W) are true."""
    return _minimum(pixels, MOST_PIXELS)


def _minimum(pixels: npt.NDArray[np.bool_], count: int) -> npt.NDArray[np.bool_]:
    """Return the cells of which at least so many pixels of (H, W) are true."""
    size = (pixels.shape[1] // STRIDE, pixels.shape[0] // STRIDE)
    # For a whole factor INTER_AREA is the mean of each block, much faster than NumPy's.
    means = cv2.resize(pixels.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(means > (count - 0.5) / STRIDE**2)
