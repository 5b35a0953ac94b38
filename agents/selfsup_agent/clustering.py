"""From the network's output to instances: clustering seeded by the interaction score (paper section 4.1)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from agents.base import MAX_INSTANCES, Instance
from selfsup.grid import STRIDE

INFERENCE_THRESHOLD = -3.0
"""Minimum logit of a seed at test time, a score of 0.047. The paper does not state its theta. Instances are
in descending order of their scores, so a low threshold only appends uncertain instances, which do not lower
average precision."""

SQUARED_RADIUS = 1.0
"""Cells at less than this squared embedding distance to a cluster's mean belong to it (paper appendix B)."""


Kind = TypeVar("Kind", bound="GridInstance")
"""A kind of proposal."""


@dataclass(frozen=True, eq=False)
class GridInstance:
    """One proposal on the 100 x 100 grid.

    Attributes:
        row: Grid row of the point to touch.
        column: Grid column of the point to touch.
        force: Index 0..2 of the force predicted there.
        score: Sigmoid of the interaction score there, in 0..1; of refined ones it depends on the mask too.
        mask: (100, 100) bool, the cells of the instance; the point is one of them.
    """

    row: int
    column: int
    force: int
    score: float
    mask: npt.NDArray[np.bool_]


def greedy_instances(
    scores: npt.NDArray[np.float32],
    force_logits: npt.NDArray[np.float32],
    embeddings: npt.NDArray[np.float32],
    max_instances: int = MAX_INSTANCES,
    threshold: float = INFERENCE_THRESHOLD,
) -> list[GridInstance]:
    """Pick points by interaction score, each with the cells of similar embedding (paper section 4.1).

    Repeatedly: the free cell p with the highest score; the free cells within distance 1 of its embedding
    and their mean; the free cells within distance 1 of that mean are the instance, and no longer free.

    Args:
        scores: (rows, columns) float32, logits.
        force_logits: (3, rows, columns) float32.
        embeddings: (size, rows, columns) float32.
        max_instances: Maximum number of instances, 0 or more.
        threshold: No seed has a logit below this; `-math.inf` continues until no cell is free.

    Returns:
        Instances by descending score. Their masks do not overlap, and each holds its point.

    Raises:
        ValueError: The shapes do not fit, a value is not finite, or `max_instances` is negative.
    """
    check_maps(scores, force_logits, embeddings)
    if max_instances < 0:
        raise ValueError(f"max_instances is {max_instances}; it must be 0 or more")
    rows, columns = scores.shape
    vectors = np.ascontiguousarray(embeddings.reshape(len(embeddings), -1), dtype=np.float32)
    # Distances do not depend on the origin, but the rounding error of |a|^2 - 2 a.b + |b|^2 is smallest when
    # the origin is the mean.
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    squared_norms = np.einsum("ij,ij->j", vectors, vectors)
    # In place of the paper's infinitely far embeddings: these cells are in no further cluster.
    available = np.ones(rows * columns, dtype=np.bool_)
    remaining = np.array(scores, dtype=np.float32).ravel()  # a copy

    def near(centre: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        offsets = squared_norms - (2 * centre) @ vectors
        return (offsets < SQUARED_RADIUS - centre @ centre) & available

    instances: list[GridInstance] = []
    while len(instances) < max_instances:
        seed = int(remaining.argmax())
        logit = float(remaining[seed])
        if logit < threshold or logit == -math.inf:
            break
        cluster = near(vectors[:, seed])
        cluster[seed] = True
        mask = near((vectors @ cluster.astype(np.float32)) / np.float32(np.count_nonzero(cluster)))
        # The mean of points within distance 1 of the seed is within 1 of it, except for rounding.
        mask[seed] = True
        row, column = divmod(seed, columns)
        force = int(force_logits[:, row, column].argmax())
        instances.append(GridInstance(row, column, force, sigmoid(logit), mask.reshape(rows, columns)))
        available &= ~mask
        remaining[mask] = -math.inf
    return instances


def whole_cells(instance: GridInstance) -> npt.NDArray[np.bool_]:
    """Return the mask of an instance in pixels: each of its cells becomes 3 x 3."""
    return upscale_mask(instance.mask)


def upscale_instances(
    instances: Sequence[Kind], pixel_mask: Callable[[Kind], npt.NDArray[np.bool_]] = whole_cells
) -> list[Instance]:
    """Convert proposals from the grid to the pixels of the image.

    Args:
        instances: Proposals on the 100 x 100 grid.
        pixel_mask: Returns the mask of one of them in pixels.

    Returns:
        The same in pixels and in the same order. The point is the central pixel of its cell.
    """
    return [
        Instance(
            point=cell_centre(instance.row, instance.column),
            force=instance.force,
            score=instance.score,
            mask=pixel_mask(instance),
        )
        for instance in instances
    ]


def cell_centre(row: int, column: int) -> tuple[int, int]:
    """Return the central pixel (row, column) of a grid cell."""
    return row * STRIDE + STRIDE // 2, column * STRIDE + STRIDE // 2


def upscale_mask(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Repeat each cell of a (rows, columns) bool mask 3 x 3 times."""
    # Columns first: then most of the work is copying whole rows.
    return mask.repeat(STRIDE, axis=1).repeat(STRIDE, axis=0)


def sigmoid(logit: float) -> float:
    """Return 1 / (1 + exp(-logit))."""
    # In this form neither branch overflows.
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


def check_maps(
    scores: npt.NDArray[np.float32],
    force_logits: npt.NDArray[np.float32],
    embeddings: npt.NDArray[np.float32],
    queries: npt.NDArray[np.float32] | None = None,
) -> None:
    """Check the output of a network for one view.

    Args:
        scores: What must be (rows, columns), at least one cell.
        force_logits: What must be (forces, rows, columns).
        embeddings: What must be (size, rows, columns).
        queries: Likewise, of a network that has them.

    Raises:
        ValueError: The shapes do not fit, or a value is not finite.
    """
    maps = {"scores": scores, "force_logits": force_logits, "embeddings": embeddings}
    for name, array in (maps if queries is None else {**maps, "queries": queries}).items():
        leading = int(name != "scores")
        if array.ndim != 2 + leading or array.shape[leading:] != scores.shape or array.size == 0:
            raise ValueError(
                f"{name} has shape {array.shape}; its last two axes must be those of the scores, "
                f"{scores.shape}, after {leading} leading ones"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds values that are not finite; the network has diverged")
