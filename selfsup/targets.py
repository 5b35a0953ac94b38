"""From a batch of experiences to the tensors the losses compare predictions with (paper appendix B)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import get_args

import numpy as np
import numpy.typing as npt
import torch

from selfsup.experience import Experience
from selfsup.feedback import FORCE_COUNT, KERNEL_RADIUS, Feedback, ForceArea, KernelName, kernel
from selfsup.grid import GRID


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets of a batch of B images with M masks in all.

    Attributes:
        foreground: (B, 100, 100) float32, at least 0: the successful points, spread with the kernel.
        background: (B, 100, 100) float32, at least 0: likewise the unsuccessful points.
        force: (B, 3, 100, 100) float32: how much each force logit should rise or fall.
        masks: (M, 100, 100) bool, all masks, image after image.
        mask_image: (M,) int64, the image of each mask, 0..B-1, ascending.
        mask_cells: (M, 2) int64, row and column of the touched cell of each mask. Of a window it may lie
            outside.
        success_cells: (S, 3) int64: image, row and column of each cell touched with success, once each,
            ascending.
        failure_cells: (F, 3) int64: likewise of each cell touched without.
    """

    foreground: torch.Tensor
    background: torch.Tensor
    force: torch.Tensor
    masks: torch.Tensor
    mask_image: torch.Tensor
    mask_cells: torch.Tensor
    success_cells: torch.Tensor
    failure_cells: torch.Tensor

    def to(self, device: torch.device | str) -> "Targets":
        """Return the same targets on another device."""
        return Targets(*(getattr(self, field.name).to(device) for field in fields(self)))


def build_targets(
    experiences: Sequence[Experience],
    kernel_name: KernelName = "gaussian",
    force_area: ForceArea = "point",
) -> Targets:
    """Build the targets of a batch.

    A cell that was touched successfully several times counts once in the foreground, as in the
    paper's binary map; the feedback on its force is added before it is normalised.

    Args:
        experiences: One per image, at least one.
        kernel_name: What points are spread with.
        force_area: Where a touch says something about the force.

    Returns:
        Targets on the CPU, in new memory.

    Raises:
        ValueError: There are no experiences, or there is no such kernel or area.
    """
    if not experiences:
        raise ValueError("a batch needs at least one experience, got 0")
    if force_area not in get_args(ForceArea):
        raise ValueError(f"unknown force_area {force_area!r}; choose one of {get_args(ForceArea)}")
    weights = kernel(kernel_name)
    images = len(experiences)
    success_counts = [len(experience.success_points) for experience in experiences]
    success_image = np.repeat(np.arange(images), success_counts)
    failure_image = np.repeat(
        np.arange(images), [len(experience.failure_points) for experience in experiences]
    )
    success_points = np.concatenate([experience.success_points for experience in experiences])
    failure_points = np.concatenate([experience.failure_points for experience in experiences])
    success_cells, point_cell = np.unique(_cell_numbers(success_image, success_points), return_inverse=True)
    failure_cells = np.unique(_cell_numbers(failure_image, failure_points))

    directions = force_directions(
        np.concatenate([experience.forces for experience in experiences]),
        np.concatenate([experience.feedback for experience in experiences]),
    )
    masks = np.concatenate([experience.masks for experience in experiences])
    if force_area == "mask":
        force = _force_over_masks(_normalized(directions), masks, success_image, images, weights.sum())
    else:
        force = _force_around_points(directions, success_cells, point_cell, images, weights)
    return Targets(
        foreground=torch.from_numpy(_spread(success_cells, None, images, weights)),
        background=torch.from_numpy(_spread(failure_cells, None, images, weights)),
        force=torch.from_numpy(force),
        masks=torch.from_numpy(masks),
        mask_image=torch.from_numpy(success_image),
        mask_cells=torch.from_numpy(success_points.astype(np.int64)),
        success_cells=torch.from_numpy(_places(success_cells)),
        failure_cells=torch.from_numpy(_places(failure_cells)),
    )


def _force_around_points(
    directions: npt.NDArray[np.float32],
    success_cells: npt.NDArray[np.int64],
    point_cell: npt.NDArray[np.int64],
    images: int,
    weights: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Return (B, 3, 100, 100): the directions of each cell added, normalised and spread with the kernel."""
    cell_directions = np.zeros((len(success_cells), FORCE_COUNT), dtype=np.float32)
    np.add.at(cell_directions, point_cell, directions)
    cell_directions = _normalized(cell_directions)
    image, cell = np.divmod(success_cells, GRID * GRID)
    force_planes = image[:, None] * FORCE_COUNT + np.arange(FORCE_COUNT)
    force_cells = force_planes * (GRID * GRID) + cell[:, None]
    spread = _spread(force_cells.ravel(), cell_directions.ravel(), images * FORCE_COUNT, weights)
    return spread.reshape(images, FORCE_COUNT, GRID, GRID)


def _force_over_masks(
    directions: npt.NDArray[np.float32],
    masks: npt.NDArray[np.bool_],
    mask_image: npt.NDArray[np.int64],
    images: int,
    weight: float,
) -> npt.NDArray[np.float32]:
    """Return (B, 3, 100, 100): each touch's direction spread evenly over its mask, `weight` in all, added."""
    force = np.zeros((images, FORCE_COUNT, GRID, GRID), dtype=np.float32)
    for direction, mask, image in zip(directions, masks, mask_image, strict=True):
        force[image, :, mask] += direction * (weight / max(int(mask.sum()), 1))
    return force


def force_directions(
    forces: npt.NDArray[np.integer], feedback: npt.NDArray[np.integer]
) -> npt.NDArray[np.float32]:
    """Return which force logits the feedback raises (paper section 4.3).

    The predicted one if it was correct, every larger one if it was too small, every smaller one if
    it was too large. (Eq. 3 of the paper has the last two the other way round; section 4.3 is right.)

    Args:
        forces: (n,) predicted force indices, 0..2.
        feedback: (n,) `Feedback`.

    Returns:
        (n, 3) float32, 1 where the logit should rise and 0 elsewhere. Rows are all zero for the two
        impossible cases: the maximum force too small, the smallest too large.
    """
    predicted = np.asarray(forces)[:, None]
    verdict = np.asarray(feedback)[:, None]
    index = np.arange(FORCE_COUNT)
    raised = np.where(
        verdict == Feedback.CORRECT,
        index == predicted,
        np.where(verdict == Feedback.TOO_SMALL, index > predicted, index < predicted),
    )
    return raised.astype(np.float32)


def _normalized(directions: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give each row of (n, 3) mean 0 and L1 norm 1; rows of equal entries become 0."""
    # Entries are small integers: compared before the division, they are equal exactly.
    centred = FORCE_COUNT * directions - directions.sum(axis=1, keepdims=True)
    norms = np.abs(centred).sum(axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(norms, 1), dtype=np.float32)


def _cell_numbers(images: npt.NDArray[np.int64], points: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """Return the position of (n, 2) grid points in a flattened (B, 100, 100) array, (n,)."""
    return (images * GRID + points[:, 0]) * GRID + points[:, 1]


def _places(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return what `_cell_numbers` was given: (n, 3) image, row and column."""
    image, cell = np.divmod(numbers, GRID * GRID)
    return np.stack([image, *np.divmod(cell, GRID)], axis=1)


def _spread(
    cells: npt.NDArray[np.int64],
    values: npt.NDArray[np.float32] | None,
    planes: int,
    weights: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Return (planes, 100, 100): values (or ones) at numbered cells, convolved with the kernel.

    The few points are scattered, which is much cheaper than convolving whole planes.
    """
    spread = np.zeros((planes, GRID, GRID), dtype=np.float32)
    plane, cell = np.divmod(cells, GRID * GRID)
    offsets = np.arange(-KERNEL_RADIUS, KERNEL_RADIUS + 1)
    rows = (cell // GRID)[:, None, None] + offsets[:, None]
    columns = (cell % GRID)[:, None, None] + offsets[None, :]
    inside = (rows >= 0) & (rows < GRID) & (columns >= 0) & (columns < GRID)
    targets = ((plane[:, None, None] * GRID + rows) * GRID + columns)[inside]
    amounts = np.broadcast_to(weights, inside.shape)
    if values is not None:
        amounts = values[:, None, None] * weights
    np.add.at(spread.reshape(-1), targets, amounts[inside])
    return spread
