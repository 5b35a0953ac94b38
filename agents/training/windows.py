"""Learning from a square window of each view instead of the whole view (not in the paper).

The targets of a view are around the few points that were touched. A window around one of them costs a
fraction of the whole view, so that short runs can make more updates, and each use of a location differs.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from agents.selfsup_agent.network import View
from selfsup.grid import GRID, MINIMUM_SUPERPIXEL, STRIDE
from selfsup.targets import Targets

Scalar = TypeVar("Scalar", bound=np.generic)

MARGIN = 8
"""Cells between the point that a window was drawn for and the window's border: some of its surroundings."""

MINIMUM_AREA = MINIMUM_SUPERPIXEL // STRIDE**2
"""Cells of a mask in a window below which it is left out, unless the whole mask is there: a small part of a
large mask would have the weight of the whole mask, since masks are weighted with 1 / area."""


def cut_windows(targets: Targets, side: int, rng: np.random.Generator) -> tuple[Targets, Tensor]:
    """Draw a window of each view, and cut the targets out; `cut_views` does so with the images.

    A window is drawn uniformly from those that hold a point of the view, at least `MARGIN` cells inside if
    the view is large enough. The point is one of the successful ones, or of the unsuccessful ones if none
    was successful.

    Args:
        targets: Of the views, on the CPU.
        side: n, cells along a side of a window, up to the whole view's 100.
        rng: Source of the windows. The number of draws does not depend on the points.

    Returns:
        In new memory: the targets of the windows, with n in place of 100, and their corners, (B, 2) int64:
        row and column of the first cell of each. Masks of which a window shows fewer than `MINIMUM_AREA`
        cells, and not all, are left out.

    Raises:
        ValueError: The side is not in 1..100.
    """
    if not 1 <= side <= GRID:
        raise ValueError(f"the side of a window is {side}; it must be in 1..{GRID}")
    # NumPy, for the thread of `agents.training.batches`.
    foreground, background, whole = (
        maps.numpy() for maps in (targets.foreground, targets.background, targets.masks)
    )
    successes, failures = targets.success_cells.numpy(), targets.failure_cells.numpy()
    corners = np.stack([_corner(image, successes, failures, side, rng) for image in range(len(foreground))])
    owners = targets.mask_image.numpy()
    masks = _cut(whole, corners[owners], side)
    shown, areas = masks.sum(axis=(1, 2)), whole.sum(axis=(1, 2))
    kept = (shown >= MINIMUM_AREA) | ((shown == areas) & (shown > 0))
    windows = Targets(
        foreground=torch.from_numpy(_cut(foreground, corners, side)),
        background=torch.from_numpy(_cut(background, corners, side)),
        force=torch.from_numpy(_cut(targets.force.numpy(), corners, side)),
        masks=torch.from_numpy(masks[kept]),
        mask_image=torch.from_numpy(owners[kept]),
        mask_cells=torch.from_numpy((targets.mask_cells.numpy() - corners[owners])[kept]),
        success_cells=torch.from_numpy(_inside(successes, corners, side)),
        failure_cells=torch.from_numpy(_inside(failures, corners, side)),
    )
    return windows, torch.from_numpy(corners)


def cut_views(views: Sequence[View], corners: Tensor, side: int) -> list[View]:
    """Return the windows of RGB and depth images, each (3 n, 3 n, ...), in the memory of the views.

    Args:
        views: RGB and depth of each view.
        corners: (B, 2) int64, drawn by `cut_windows`.
        side: n, cells along a side.
    """
    size = side * STRIDE
    pixels = [
        (slice(row, row + size), slice(column, column + size)) for row, column in (STRIDE * corners).tolist()
    ]
    return [(rgb[there], depth[there]) for (rgb, depth), there in zip(views, pixels, strict=True)]


def _corner(
    image: int,
    successes: npt.NDArray[np.int64],
    failures: npt.NDArray[np.int64],
    side: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Draw the row and the column of the first cell of an image's window."""
    choice, *places = rng.random(3)
    of_image = (cells[cells[:, 0] == image, 1:] for cells in (successes, failures))
    points = next((cells for cells in of_image if len(cells)), np.array([[GRID // 2, GRID // 2]]))
    point = points[int(choice * len(points))]
    margin = min(MARGIN, (side - 1) // 2)
    first = np.clip(point + margin - side + 1, 0, GRID - side)
    last = np.clip(point - margin, 0, GRID - side)
    return first + np.floor(np.array(places) * (last - first + 1)).astype(np.int64)


def _cut(maps: npt.NDArray[Scalar], corners: npt.NDArray[np.int64], side: int) -> npt.NDArray[Scalar]:
    """Return the windows of (n, ..., 100, 100) maps, in new memory."""
    cut = np.empty_like(maps, shape=(*maps.shape[:-2], side, side))
    for one, whole, (row, column) in zip(cut, maps, corners, strict=True):
        one[...] = whole[..., row : row + side, column : column + side]
    return cut


def _inside(cells: npt.NDArray[np.int64], corners: npt.NDArray[np.int64], side: int) -> npt.NDArray[np.int64]:
    """Return those of (n, 3) cells inside their image's window, by row and column of the window."""
    moved = np.concatenate([cells[:, :1], cells[:, 1:] - corners[cells[:, 0]]], axis=1)
    return moved[((moved[:, 1:] >= 0) & (moved[:, 1:] < side)).all(axis=1)]
