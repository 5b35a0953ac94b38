"""Greedy clustering against a slow statement of the paper's algorithm, and what always holds of it."""

import math

import numpy as np
import pytest
from grid_maps import Maps, make_maps
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agents.selfsup_agent.clustering import GridInstance, cell_centre, greedy_instances, upscale_instances


def slow_instances(maps: Maps, max_instances: int, threshold: float) -> tuple[list[GridInstance], float]:
    """The paper's section 4.1 word for word, in float64; also how near any distance came to 1."""
    scores, forces, embeddings = (array.astype(np.float64) for array in maps)
    rows, columns = scores.shape
    cells = [(row, column) for row in range(rows) for column in range(columns)]
    margin = math.inf
    found: list[GridInstance] = []
    while len(found) < max_instances and scores.max() >= threshold and scores.max() > -math.inf:
        best = max(cells, key=lambda cell: scores[cell])
        seed = embeddings[:, best[0], best[1]].copy()
        members = []
        for row, column in cells:
            distance = float(((embeddings[:, row, column] - seed) ** 2).sum())
            margin = min(margin, abs(distance - 1))
            if distance < 1:
                members.append(embeddings[:, row, column])
        mean = np.mean(members, axis=0)
        mask = np.zeros((rows, columns), bool)
        for row, column in cells:
            distance = float(((embeddings[:, row, column] - mean) ** 2).sum())
            margin = min(margin, abs(distance - 1))
            mask[row, column] = distance < 1
        force = int(forces[:, best[0], best[1]].argmax())
        found.append(GridInstance(*best, force, 1 / (1 + math.exp(-scores[best])), mask.copy()))
        mask[best] = True
        scores[mask] = -math.inf
        embeddings[:, mask] = 1e9
    return found, margin


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    clusters=st.integers(1, 5),
    spread=st.sampled_from([0.02, 0.1, 0.2, 0.3, 1.0]),
    offset=st.sampled_from([0.0, 30.0]),
    max_instances=st.integers(0, 12),
    threshold=st.sampled_from([-math.inf, -1.0, 2.0]),
)
def test_agrees_with_the_papers_algorithm(
    seed: int,
    rows: int,
    columns: int,
    clusters: int,
    spread: float,
    offset: float,
    max_instances: int,
    threshold: float,
) -> None:
    maps = make_maps(seed, rows, columns, clusters, spread, offset)
    expected, margin = slow_instances(maps, max_instances, threshold)
    assume(margin > 1e-4)  # a distance this near to 1 may round either way
    found = greedy_instances(*maps, max_instances=max_instances, threshold=threshold)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one.row, one.column, one.force) == (other.row, other.column, other.force)
        assert one.score == pytest.approx(other.score, rel=1e-6)
        np.testing.assert_array_equal(one.mask, other.mask)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    clusters=st.integers(1, 40),
    spread=st.sampled_from([0.0, 0.1, 0.25, 0.5, 2.0]),
    scale=st.sampled_from([0.01, 1.0, 100.0]),
    max_instances=st.integers(0, 50),
    threshold=st.floats(-6, 6),
)
def test_what_always_holds(
    seed: int, clusters: int, spread: float, scale: float, max_instances: int, threshold: float
) -> None:
    scores, forces, embeddings = make_maps(seed, 20, 20, clusters, spread)
    untouched = scores.copy()
    found = greedy_instances(scores, forces, embeddings * np.float32(scale), max_instances, threshold)
    np.testing.assert_array_equal(scores, untouched)
    assert len(found) <= max_instances
    ranks = [instance.score for instance in found]
    assert ranks == sorted(ranks, reverse=True)
    assert all(0 <= rank <= 1 for rank in ranks)
    owners = np.zeros((20, 20), int)
    for instance in found:
        owners += instance.mask
    assert owners.max() <= 1
    for instance in found:
        assert instance.mask[instance.row, instance.column]
        assert scores[instance.row, instance.column] >= threshold
        assert instance.force == forces[:, instance.row, instance.column].argmax()
    if len(found) < max_instances:  # it ended because nothing promising was left
        taken = np.any([instance.mask for instance in found], axis=0) if found else np.zeros((20, 20), bool)
        assert not (scores[~taken] >= threshold).any()


def test_one_blob_is_one_instance() -> None:
    scores, forces = np.zeros((20, 20), np.float32), np.zeros((3, 20, 20), np.float32)
    embeddings = np.zeros((16, 20, 20), np.float32)
    embeddings[0, 4:9, 3:12] = 2.0
    scores[5, 6], forces[2, 5, 6] = 4.0, 1.0
    found = greedy_instances(scores, forces, embeddings)
    assert [(instance.row, instance.column, instance.force) for instance in found[:1]] == [(5, 6, 2)]
    np.testing.assert_array_equal(found[0].mask, embeddings[0] > 1)
    np.testing.assert_array_equal(found[1].mask, embeddings[0] < 1)
    assert len(found) == 2


def test_cells_at_distance_one_stay_outside() -> None:
    embeddings = np.zeros((16, 1, 2), np.float32)
    embeddings[3, 0, 1] = 1.0
    found = greedy_instances(np.zeros((1, 2), np.float32), np.zeros((3, 1, 2), np.float32), embeddings)
    assert [instance.mask.tolist() for instance in found] == [[[True, False]], [[False, True]]]


def test_every_cell_apart_ends_after_all_cells() -> None:
    embeddings = 10 * np.arange(36, dtype=np.float32).reshape(1, 6, 6)
    scores = np.full((6, 6), -50, np.float32)
    maps = (scores, np.zeros((3, 6, 6), np.float32), embeddings)
    assert len(greedy_instances(*maps, max_instances=1000, threshold=-math.inf)) == 36
    assert greedy_instances(*maps, max_instances=1000) == []


def test_upscaling_repeats_cells_and_centres_points() -> None:
    mask = np.random.default_rng(0).random((100, 100)) < 0.3
    (instance,) = upscale_instances([GridInstance(12, 99, 1, 0.25, mask)])
    assert instance.point == (37, 298) == cell_centre(12, 99)
    assert (instance.force, instance.score) == (1, 0.25)
    assert instance.mask is not None
    assert instance.mask.shape == (300, 300)
    assert instance.mask[instance.point] == mask[12, 99]
    np.testing.assert_array_equal(instance.mask, np.kron(mask, np.ones((3, 3))).astype(bool))


def test_wrong_maps_are_named() -> None:
    scores, forces, embeddings = make_maps(0, 4, 5, 2, 0.1)
    with pytest.raises(ValueError, match="force_logits has shape"):
        greedy_instances(scores, forces[:, :3], embeddings)
    embeddings[3, 2, 1] = np.nan
    with pytest.raises(ValueError, match="embeddings holds values that are not finite"):
        greedy_instances(scores, forces, embeddings)
    with pytest.raises(ValueError, match="max_instances is -1"):
        greedy_instances(scores, forces, np.zeros_like(embeddings), max_instances=-1)


def test_by_default_the_best_32_cells_with_a_logit_of_minus_3_or_more_are_seeds() -> None:
    embeddings = 10 * np.arange(36, dtype=np.float32).reshape(1, 6, 6)  # every cell is an instance
    forces = np.zeros((3, 6, 6), np.float32)
    scores = np.full((6, 6), -3.01, np.float32)
    scores[0] = [4, 0.01, -0.01, -2.9, -3.0, -3.01]
    found = greedy_instances(scores, forces, embeddings)
    assert [(instance.row, instance.column) for instance in found] == [(0, column) for column in range(5)]
    assert found[-1].score == pytest.approx(1 / (1 + math.exp(3)))
    assert len(greedy_instances(np.zeros((6, 6), np.float32), forces, embeddings)) == 32
