"""Refined instances: connected, scored by their masks, and otherwise those of the paper."""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from grid_maps import make_maps
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_propagation, distance_transform_cdt

from agents.selfsup_agent.clustering import GridInstance, greedy_instances
from agents.selfsup_agent.refinement import (
    SURROUNDINGS,
    connected_part,
    expected_iou,
    refined_instances,
    surroundings,
)


def slow_expected_iou(instance: GridInstance, part: npt.NDArray[np.bool_], embeddings: np.ndarray) -> float:
    """Cell by cell, in float64."""
    vectors = embeddings.astype(np.float64)
    centre = vectors[:, instance.mask].mean(axis=1)
    away = distance_transform_cdt(~part, metric="chessboard")
    intersection, union = 0.0, float(part.sum())
    for row, column in np.ndindex(part.shape):
        membership = 2 ** -float(((vectors[:, row, column] - centre) ** 2).sum())
        if part[row, column]:
            intersection += membership
        elif away[row, column] <= SURROUNDINGS:
            union += membership
    return intersection / union


def refined_one_by_one(instances: list[GridInstance], embeddings: np.ndarray) -> list[GridInstance]:
    """The same, of each instance alone and over the whole grid."""
    embeddings = np.ascontiguousarray(embeddings)
    refined = []
    for instance in instances:
        mask = connected_part(instance.mask, instance.row, instance.column)
        flat = embeddings.reshape(len(embeddings), -1)
        centre = flat.take(np.flatnonzero(instance.mask), axis=1).mean(axis=1)
        score = instance.score * expected_iou(mask, embeddings, centre)
        refined.append(replace(instance, mask=mask, score=score))
    return sorted(refined, key=lambda instance: -instance.score)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    clusters=st.integers(1, 12),
    spread=st.sampled_from([0.02, 0.2, 0.3, 1.0]),
    last=st.booleans(),
)
def test_instances_refined_together_are_those_refined_alone(
    seed: int, rows: int, columns: int, clusters: int, spread: float, last: bool
) -> None:
    scores, forces, embeddings = make_maps(seed, rows, columns, clusters, spread)
    if last:  # as the network's, the components last in memory
        embeddings = np.ascontiguousarray(embeddings.transpose(1, 2, 0)).transpose(2, 0, 1)
    whole = greedy_instances(scores, forces, embeddings, threshold=-math.inf)
    together, alone = refined_instances(whole, embeddings), refined_one_by_one(whole, embeddings)
    assert len(together) == len(alone) == len(whole)
    for one, other in zip(together, alone, strict=True):
        assert (one.row, one.column, one.force) == (other.row, other.column, other.force)
        assert one.score == pytest.approx(other.score, rel=1e-6)
        np.testing.assert_array_equal(one.mask, other.mask)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), clusters=st.integers(1, 6), spread=st.sampled_from([0.02, 0.2, 0.3]))
def test_refined_instances_are_the_papers_connected_and_scored_by_their_masks(
    seed: int, clusters: int, spread: float
) -> None:
    maps = make_maps(seed, 12, 9, clusters, spread, offset=20.0)
    whole = greedy_instances(*maps, threshold=-math.inf)
    kept = [instance.mask.copy() for instance in whole]
    refined = refined_instances(whole, maps[2])
    assert all((one.mask == mask).all() for one, mask in zip(whole, kept, strict=True))
    scores = [instance.score for instance in refined]
    assert scores == sorted(scores, reverse=True) and all(0 <= score <= 1 for score in scores)
    by_point = {(instance.row, instance.column): instance for instance in refined}
    assert len(by_point) == len(refined) == len(whole)
    for cluster in whole:
        part = by_point[cluster.row, cluster.column]
        assert part.force == cluster.force
        reached = np.zeros_like(cluster.mask)
        reached[part.row, part.column] = True
        connected = binary_propagation(reached, np.ones((3, 3)), mask=cluster.mask)
        np.testing.assert_array_equal(part.mask, connected)
        expected = slow_expected_iou(cluster, connected, maps[2])
        assert part.score == pytest.approx(cluster.score * expected, rel=1e-3, abs=1e-6)


def test_of_equal_touches_the_one_with_the_sharper_mask_comes_first() -> None:
    scores, forces = np.full((40, 40), -9, np.float32), np.zeros((3, 40, 40), np.float32)
    embeddings = np.zeros((16, 40, 40), np.float32)
    embeddings[0, 5:15, 5:15] = 9.0  # sharp
    rows = np.arange(40)[:, None]
    embeddings[1, :, 20:] = np.clip(rows / 5, 0, 8)  # fades out over many rows
    scores[30, 30], scores[10, 10] = 4.1, 4.0
    plain = greedy_instances(scores, forces, embeddings)
    assert [(each.row, each.column) for each in plain] == [(30, 30), (10, 10)]
    refined = refined_instances(plain, embeddings)
    assert [(each.row, each.column) for each in refined] == [(10, 10), (30, 30)]
    assert refined[0].score == pytest.approx(plain[1].score, rel=1e-5)
    assert refined[1].score < 0.9 * plain[0].score


def iou_at(mask: npt.NDArray[np.bool_], squared_distances: npt.NDArray[np.floating]) -> float:
    """The expected IoU where cells have these squared distances from the centre."""
    centre = np.array([3, 1, 0, 0], np.float32)
    embeddings = np.zeros((4, *mask.shape), np.float32) + centre[:, None, None]
    embeddings[2] += np.sqrt(squared_distances, dtype=np.float32)
    return expected_iou(mask, embeddings, centre)


def test_expected_iou_of_known_distances() -> None:
    mask = np.zeros((30, 30), bool)
    mask[10:20, 10:20] = True
    assert iou_at(mask, np.where(mask, 0.0, 100.0)) == pytest.approx(1)
    assert iou_at(mask, np.where(mask, 1.0, 100.0)) == pytest.approx(0.5)
    doubtful_around = np.where(mask, 0.0, 1.0)
    ring = (10 + 2 * SURROUNDINGS) ** 2 - 100
    assert iou_at(mask, doubtful_around) == pytest.approx(100 / (100 + ring / 2))
    far = doubtful_around.copy()
    far[: 10 - SURROUNDINGS] = 0  # beyond the surroundings
    assert iou_at(mask, far) == iou_at(mask, doubtful_around)


def test_sides_and_corners_connect() -> None:
    mask = np.eye(5, dtype=bool)
    mask[0, 4] = True
    np.testing.assert_array_equal(connected_part(mask, 2, 2), np.eye(5, dtype=bool))
    assert connected_part(mask, 0, 4).sum() == 1


def test_surroundings_end_with_the_view() -> None:
    mask = np.zeros((30, 20), bool)
    mask[10:12, 1] = mask[14, 9] = True
    rows, columns = surroundings(mask)
    assert (rows, columns) == (slice(10 - SURROUNDINGS, 15 + SURROUNDINGS), slice(0, 10 + SURROUNDINGS))
    everything = np.ones((30, 20), bool)
    assert everything[surroundings(everything)].shape == (30, 20)


def test_nothing_refined_is_nothing() -> None:
    assert refined_instances([], np.zeros((16, 5, 5), np.float32)) == []
