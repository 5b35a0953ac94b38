"""Instances refined: the part of a cluster around its point, scored by its mask as well (not in the paper).

The paper's instances are whole clusters of embeddings, and their score is that of the touch. But a
distant cell with a similar embedding enlarges the box, and a touch that certainly moves something may have an
uncertain mask. Both are corrected here, after the clustering: the points, the touches during training and the
training itself are the paper's.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from agents.selfsup_agent.clustering import SQUARED_RADIUS, GridInstance

SURROUNDINGS = 3
"""Cells around a mask that count in `expected_iou`: cells farther away have no information about its
border."""

_AROUND = np.ones((2 * SURROUNDINGS + 1, 2 * SURROUNDINGS + 1), np.uint8)


def refined_instances(
    instances: Sequence[GridInstance], embeddings: npt.NDArray[np.float32]
) -> list[GridInstance]:
    """Keep the part of each instance connected with its point, and multiply its score by its `expected_iou`.

    The product is the score of Mask Scoring R-CNN (Huang et al., CVPR 2019), which trains a head for the
    second factor; here it is computed from the embeddings.

    Args:
        instances: As `greedy_instances` found them.
        embeddings: (size, rows, columns) float32 that they were found in.

    Returns:
        The same points with the same forces, by descending score. A mask is the connected part (over sides
        and corners) of the old one that holds the point.
    """
    if not instances:
        return []
    embeddings = np.ascontiguousarray(embeddings)  # the network's have the components last in memory
    cells = np.arange(embeddings[0].size).reshape(embeddings.shape[1:])
    masks, whole, reached, inside = [], [], [], []
    for instance in instances:
        # Whatever depends on the mask alone is computed in its surroundings, mostly a small part of the view.
        near = surroundings(instance.mask)
        cluster, window = instance.mask[near], cells[near]
        part = connected_part(cluster, instance.row - near[0].start, instance.column - near[1].start)
        around = _reached(part)
        whole.append(window[cluster])
        reached.append(window[around])
        inside.append(part[around])
        mask = np.zeros_like(instance.mask)
        mask[near] = part
        masks.append(mask)
    vectors = embeddings.reshape(len(embeddings), -1)
    clusters = _pieces(vectors.take(np.concatenate(whole), axis=1), whole)
    centres = np.stack([cluster.mean(axis=1) for cluster in clusters], axis=1)
    counts = [len(each) for each in reached]
    memberships = _memberships(vectors.take(np.concatenate(reached), axis=1), centres.repeat(counts, axis=1))
    refined = [
        replace(instance, mask=mask, score=instance.score * _iou(values, within))
        for instance, mask, values, within in zip(
            instances, masks, _pieces(memberships, reached), inside, strict=True
        )
    ]
    return sorted(refined, key=lambda instance: -instance.score)


def connected_part(mask: npt.NDArray[np.bool_], row: int, column: int) -> npt.NDArray[np.bool_]:
    """Return the cells of a mask that are connected with one of them, over sides and corners.

    Args:
        mask: (rows, columns) bool; the cell is one of them.
        row: Row of the cell.
        column: Its column.
    """
    cells = mask.astype(np.uint8)
    cv2.floodFill(cells, None, (column, row), 2, flags=8)
    return np.asarray(cells == 2)


def surroundings(mask: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the rows and columns of the smallest rectangle of the mask and what is `SURROUNDINGS` around it.

    Args:
        mask: (rows, columns) bool, at least one cell.
    """
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    return (
        slice(max(top - SURROUNDINGS, 0), top + height + SURROUNDINGS),
        slice(max(left - SURROUNDINGS, 0), left + width + SURROUNDINGS),
    )


def expected_iou(
    mask: npt.NDArray[np.bool_], embeddings: npt.NDArray[np.float32], centre: npt.NDArray[np.float32]
) -> float:
    """Return the expected IoU of a mask with its object, estimated from the embeddings.

    A cell at squared distance d from the centre of the cluster is taken to belong to the object with
    probability 2^(-d / r), for the squared radius r of a cluster: 1 at its centre and 0.5 at its border. With
    these, the mask's expected intersection with the object is divided by their expected union, which reaches
    no farther than `SURROUNDINGS` cells around the mask. A mask with a sharp border gets about 1, a mask with
    a gradual border less.

    Args:
        mask: (rows, columns) bool, at least one cell.
        embeddings: (size, rows, columns) float32.
        centre: (size,) float32, mean embedding of the cluster.

    Returns:
        In 0..1.
    """
    return iou_of_memberships(
        mask, lambda cells: _memberships(_embeddings_of(cells, embeddings), centre[:, None])
    )


def iou_of_memberships(
    mask: npt.NDArray[np.bool_], memberships: Callable[[npt.NDArray[np.bool_]], npt.NDArray[np.float32]]
) -> float:
    """Return the expected IoU of a mask, given the probabilities that cells belong to its object.

    Args:
        mask: (rows, columns) bool, at least one cell.
        memberships: From n marked cells, (rows, columns) bool, to their probabilities, (n,) in 0..1. It is
            asked for the cells of the mask and those no farther than `SURROUNDINGS` around it.

    Returns:
        The sum over the mask divided by the area of the mask plus the sum around it, in 0..1.
    """
    reached = _reached(mask)
    return _iou(memberships(reached), mask[reached])


def _reached(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the cells of a mask and those no farther than `SURROUNDINGS` around it."""
    return cv2.dilate(mask.astype(np.uint8), _AROUND).view(np.bool_)


def _memberships(
    vectors: npt.NDArray[np.float32], centres: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return the probabilities that cells belong to objects.

    Args:
        vectors: (size, n) embeddings.
        centres: (size, n), or (size, 1) for one object.
    """
    distances = ((vectors - centres) ** 2).sum(axis=0)
    return np.asarray(np.exp2(-distances / SQUARED_RADIUS))


def _iou(values: npt.NDArray[np.float32], inside: npt.NDArray[np.bool_]) -> float:
    """Return the expected IoU of a mask, given the probabilities of cells and which of them it holds."""
    return float(values[inside].sum() / (np.count_nonzero(inside) + values[~inside].sum()))


def _pieces(
    array: npt.NDArray[np.float32], parts: Sequence[npt.NDArray[np.int_]]
) -> list[npt.NDArray[np.float32]]:
    """Cut the last axis into pieces as long as the parts."""
    return np.split(array, np.cumsum([len(part) for part in parts])[:-1], axis=-1)


def _embeddings_of(
    cells: npt.NDArray[np.bool_], embeddings: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return the (size, n) embeddings of n marked cells."""
    return embeddings.reshape(len(embeddings), -1).take(np.flatnonzero(cells), axis=1)
