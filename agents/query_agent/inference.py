"""From the network's output to instances: points by their score, each with the mask that it asks for.

Masks are found on the grid of cells and brought to pixels by the probabilities of the cells at their border.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from agents.base import MAX_INSTANCES, Instance
from agents.query_agent.masks import BEYOND_OFFSET, LOG_RADIUS_LIMIT, SHARPNESS_SHIFT
from agents.selfsup_agent.clustering import (
    INFERENCE_THRESHOLD,
    GridInstance,
    Kind,
    check_maps,
    sigmoid,
    upscale_instances,
)
from agents.selfsup_agent.refinement import connected_part, iou_of_memberships, surroundings
from selfsup.grid import STRIDE

MOST_COMMON = 0.5
"""Maximum IoU of the masks of two instances of one view."""

PIXEL_THRESHOLD = 0.4
"""Minimum probability of the pixels of an instance. Chosen on validation rooms: between 0.35 and 0.45 AP is
the same within 0.3 points; with 0.5 masks are too small (docs/learning.md)."""

_NEIGHBOURS = np.ones((3, 3), np.uint8)

_LOG_LIMIT = np.float32(LOG_RADIUS_LIMIT)

_NEAR = 1
"""Rows and columns about a point in which no further point is chosen."""


@dataclass(frozen=True, eq=False)
class QueriedInstance(GridInstance):
    """A proposal on the 100 x 100 grid, with what its query says about the cells around its mask.

    Attributes:
        near: Rows and columns of a rectangle that holds the mask and the cells around it.
        logits: (rows, columns) float32, m_q of the cells of this rectangle.
    """

    near: tuple[slice, slice]
    logits: npt.NDArray[np.float32]


def queried_instances(
    scores: npt.NDArray[np.float32],
    force_logits: npt.NDArray[np.float32],
    embeddings: npt.NDArray[np.float32],
    queries: npt.NDArray[np.float32],
    max_instances: int = MAX_INSTANCES,
    threshold: float = INFERENCE_THRESHOLD,
) -> list[QueriedInstance]:
    """Pick points by interaction score, each with the mask of its query.

    Repeatedly: the candidate p with the highest score; the cells q with m_q > 0 in the mask that p asks for
    (`agents.query_agent.masks`), as far as they are connected to p, are the instance. These cells and the
    3 x 3 about p are candidates no more. The force is the one whose probability, the softmax of the logits,
    has the highest mean over these cells. The score of the touch is multiplied by the mask's expected IoU
    (`iou_of_memberships`) under its own probabilities.

    Args:
        scores: (rows, columns) float32, logits.
        force_logits: (3, rows, columns) float32.
        embeddings: (size, rows, columns) float32.
        queries: (size + 2, rows, columns) float32.
        max_instances: Most instances to return, 0 or more.
        threshold: No point has a logit below this; `-math.inf` goes on until no candidate is left.

    Returns:
        Instances by descending score. Each mask is connected (over sides and corners) and holds its point,
        which is in no mask of a point chosen before it. Masks may overlap.

    Raises:
        ValueError: The shapes do not fit, a value is not finite, or `max_instances` is negative.
    """
    check_maps(scores, force_logits, embeddings, queries)
    if max_instances < 0:
        raise ValueError(f"max_instances is {max_instances}; it must be 0 or more")
    size, (rows, columns) = len(embeddings), scores.shape
    if len(queries) != size + BEYOND_OFFSET:
        raise ValueError(f"queries have {len(queries)} channels; they must have {size + BEYOND_OFFSET}")
    vectors = np.ascontiguousarray(embeddings.reshape(size, -1), dtype=np.float32)
    # Distances do not change with the origin, but |a|^2 - 2 a.b + |b|^2 rounds little when it is central.
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    squared_norms = np.einsum("ij,ij->j", vectors, vectors)
    candidates = np.array(scores, dtype=np.float32)  # a copy; those that are none any more are at -inf
    forces = softmax(force_logits, axis=0)
    instances: list[QueriedInstance] = []
    while len(instances) < max_instances:
        row, column = divmod(int(candidates.argmax()), columns)
        logit = float(candidates[row, column])
        if logit < threshold or logit == -math.inf:
            break
        asked = queries[:, row, column].astype(np.float32)
        centre = vectors[:, row * columns + column] + asked[:size]
        distances = (2 * centre) @ vectors
        np.subtract(squared_norms, distances, out=distances)
        distances += centre @ centre
        sharpness, squared_radius = _sharpness_and_squared_radius(asked[size:])
        mask = (distances < squared_radius).reshape(rows, columns)  # m_q > 0
        mask[row, column] = True
        mask = connected_part(mask, row, column)
        # Whatever depends on the mask alone is computed in its surroundings, mostly a small part of the view.
        near = surroundings(mask)
        logits = sharpness * (1 - distances.reshape(rows, columns)[near] / squared_radius)
        score = sigmoid(logit) * iou_of_memberships(mask[near], _probabilities(logits))
        force = int(forces[:, *near][:, mask[near]].sum(axis=1).argmax())
        instances.append(QueriedInstance(row, column, force, score, mask, near, logits))
        candidates[near][mask[near]] = -math.inf
        candidates[
            max(row - _NEAR, 0) : row + _NEAR + 1, max(column - _NEAR, 0) : column + _NEAR + 1
        ] = -math.inf
    return sorted(instances, key=lambda instance: -instance.score)


def distinct_instances(instances: Sequence[Kind], most_common: float = MOST_COMMON) -> list[Kind]:
    """Leave out instances whose mask is nearly that of a better one (non-maximum suppression).

    Several points of one object ask for about the same mask.

    Args:
        instances: By descending score.
        most_common: Maximum IoU, in 0..1, of the masks of two instances that both stay.

    Returns:
        Those that stay, in their order.
    """
    if not instances:
        return []
    cells = np.stack([instance.mask.ravel() for instance in instances])
    cells = cells[:, cells.any(axis=0)].astype(np.float32)  # mostly a small part of the view
    areas = cells.sum(axis=1)
    common = cells @ cells.T
    ious = common / (areas[:, None] + areas - common)
    kept: list[int] = []
    for index in range(len(instances)):
        if not (ious[index, kept] > most_common).any():
            kept.append(index)
    return [instances[index] for index in kept]


def upscale_queried(instances: Sequence[QueriedInstance]) -> list[Instance]:
    """Convert proposals from the grid to the pixels of the image.

    Between the centres of cells the probabilities sigmoid(m_q) are interpolated linearly. Those of the mask
    count as at least 0.5, and as 0 beyond the mask and the cells next to it. The mask in pixels has a
    probability of at least `PIXEL_THRESHOLD`.

    Args:
        instances: Proposals on the grid.

    Returns:
        The same in the same order. The point is the central pixel of its cell; the central pixels of all
        cells of the mask are in the new mask.
    """
    return upscale_instances(instances, _pixel_mask)


def _pixel_mask(instance: QueriedInstance) -> npt.NDArray[np.bool_]:
    """Return the mask of an instance in pixels."""
    cells = instance.mask[instance.near]
    reached = cv2.dilate(cells.view(np.uint8), _NEIGHBOURS)
    probabilities = expit(instance.logits) * reached
    np.maximum(probabilities, np.float32(0.5), out=probabilities, where=cells)
    # The rectangle ends beyond the neighbours or with the image: the rest of the image makes no difference.
    pixels = cv2.resize(probabilities, None, fx=STRIDE, fy=STRIDE, interpolation=cv2.INTER_LINEAR)
    rows, columns = instance.mask.shape
    mask = np.zeros((STRIDE * rows, STRIDE * columns), np.bool_)
    top, left = (STRIDE * axis.start for axis in instance.near)
    height, width = pixels.shape
    np.greater_equal(pixels, PIXEL_THRESHOLD, out=mask[top : top + height, left : left + width])
    return mask


def _sharpness_and_squared_radius(asked: npt.NDArray[np.float32]) -> tuple[np.float32, np.float32]:
    """Return both of a query, given its channels a and b."""
    sharpness = np.logaddexp(np.float32(0), asked[0] + np.float32(SHARPNESS_SHIFT))
    # Of single numbers `clip` takes several times as long.
    return sharpness, np.exp(np.minimum(np.maximum(asked[1], -_LOG_LIMIT), _LOG_LIMIT))


def _probabilities(
    logits: npt.NDArray[np.float32],
) -> Callable[[npt.NDArray[np.bool_]], npt.NDArray[np.float32]]:
    """Return the function from marked cells to the probabilities of their logits."""
    return lambda cells: np.asarray(expit(logits[cells]))
