"""Instances of queried masks: on maps made by hand, and their invariants on any maps."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from grid_maps import make_maps
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_propagation, distance_transform_cdt
from scipy.special import expit

from agents.query_agent.inference import distinct_instances, queried_instances
from agents.query_agent.masks import mask_logits, queries_at
from agents.selfsup_agent.clustering import GridInstance

Maps = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def made_up(seed: int, rows: int = 12, columns: int = 9, clusters: int = 4, radius: float = 1.0) -> Maps:
    scores, forces, embeddings = make_maps(seed, rows, columns, clusters, 0.3, offset=20.0)
    rng = np.random.default_rng(seed)
    queries = rng.normal(0, 0.3, (18, rows, columns)).astype(np.float32)
    queries[17] += np.float32(2 * math.log(radius))
    return scores, forces, embeddings, queries


def two_boxes() -> Maps:
    """Boxes A (rows 2 to 7) and B (rows 20 to 25) that look alike, and C beside them; A's score is best."""
    scores, forces = np.full((30, 30), -9, np.float32), np.zeros((3, 30, 30), np.float32)
    embeddings = np.zeros((16, 30, 30), np.float32)
    embeddings[0, 2:8, 5:15] = embeddings[0, 20:26, 5:15] = 5
    embeddings[1, 2:8, 15:20] = 5
    scores[4, 7], scores[22, 9], scores[5, 16] = 3, 2, 1
    forces[2, 4, 7] = forces[1, 22, 9] = 1
    return scores, forces, embeddings, np.zeros((18, 30, 30), np.float32)


def box(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((30, 30), bool)
    mask[rows, columns] = True
    return mask


def by_point(instances: Sequence[GridInstance]) -> dict[tuple[int, int], GridInstance]:
    return {(instance.row, instance.column): instance for instance in instances}


def test_the_whole_mask_decides_the_force() -> None:
    scores, forces, embeddings, queries = two_boxes()
    forces[:] = 0
    forces[1, 2:8, 5:15], forces[0, 4, 7] = 2, 3  # all of box A but the point itself
    assert queried_instances(scores, forces, embeddings, queries, max_instances=1)[0].force == 1
    # Probabilities count, not logits: one sure cell is outvoted, however sure it is.
    forces[0, 4, 7] = 1000
    assert queried_instances(scores, forces, embeddings, queries, max_instances=1)[0].force == 1


def test_each_point_gets_the_connected_part_of_what_it_asks_for() -> None:
    found = queried_instances(*two_boxes())
    assert [(one.row, one.column, one.force) for one in found] == [(4, 7, 2), (22, 9, 1), (5, 16, 0)]
    for instance, expected in zip(
        found,
        (box(slice(2, 8), slice(5, 15)), box(slice(20, 26), slice(5, 15)), box(slice(2, 8), slice(15, 20))),
        strict=True,
    ):
        np.testing.assert_array_equal(instance.mask, expected)


def test_offset_and_radius_of_the_point_alone_decide_the_mask() -> None:
    scores, forces, embeddings, queries = two_boxes()
    queries[0, 4, 7] = -2.5  # halfway between A and C ...
    queries[1, 4, 7] = 2.5
    queries[17, 4, 7] = math.log(13.5)  # ... at squared distance 12.5 of both, as of the rest
    whole = by_point(queried_instances(scores, forces, embeddings, queries))
    assert whole[4, 7].mask.all()
    queries[2, 4, 7], queries[17, 4, 7] = 0, math.log(12)
    alone = by_point(queried_instances(scores, forces, embeddings, queries))
    assert alone[4, 7].mask.sum() == 1  # nothing is within the radius, but the point stays
    np.testing.assert_array_equal(alone[22, 9].mask, box(slice(20, 26), slice(5, 15)))


def test_a_chosen_mask_holds_no_further_point_nor_do_the_cells_about_a_point() -> None:
    scores, forces, embeddings, queries = two_boxes()
    scores[2:8, 5:15] += 10  # all of A
    queries[0, 10:] = 90  # nothing is so far away: of B each point gets itself alone
    scores[22:24, 9:12] = 2
    found = by_point(queried_instances(scores, forces, embeddings, queries))
    assert (4, 7) in found and sum(row < 8 and column < 15 for row, column in found) == 1
    assert {point for point in found if point[0] > 8} == {(22, 9), (22, 11)}


def test_of_equal_touches_the_surer_mask_comes_first_by_the_expected_iou() -> None:
    scores, forces, embeddings, queries = two_boxes()
    scores[4, 7], scores[22, 9] = 2.1, 2.0
    queries[16, 4, 7], queries[16, 22, 9] = -3, 3
    first, second = queried_instances(scores, forces, embeddings, queries, max_instances=2)
    assert (first.row, second.row) == (22, 4)
    sharp, dull = (math.log1p(math.exp(a + 2)) for a in (3.0, -3.0))
    assert first.score == pytest.approx(1 / (1 + math.exp(-2.0)) / (1 + math.exp(-sharp)), rel=1e-3)
    # A's mask of 60 cells is as doubtful as sigmoid(s); of its surroundings, at squared distance 25 or 50,
    # the image holds 5 + 3 rows of 16 columns less A, 30 of them on C.
    around = 11 * 16 - 60
    on_c = 6 * 3
    inside = 60 / (1 + math.exp(-dull))
    outside = (around - on_c) / (1 + math.exp(24 * dull)) + on_c / (1 + math.exp(49 * dull))
    expected = inside / (60 + outside) / (1 + math.exp(-2.1))
    assert second.score == pytest.approx(expected, rel=1e-3)


def slow_instance(maps: Maps, row: int, column: int) -> tuple[np.ndarray, float]:
    """The mask and the score of a point, by the formulas of training, in float64."""
    scores, _, embeddings, queries = (torch.from_numpy(each.astype(np.float64)) for each in maps)
    asked = queries_at(embeddings[None], queries[None], torch.tensor([0]), torch.tensor([[row, column]]))
    logits = mask_logits(embeddings[None], asked)[0].numpy()
    wanted = logits > 0
    wanted[row, column] = True
    seed = np.zeros_like(wanted)
    seed[row, column] = True
    mask = binary_propagation(seed, np.ones((3, 3)), mask=wanted)
    away = distance_transform_cdt(~mask, metric="chessboard") if not mask.all() else np.zeros(mask.shape)
    shares = expit(logits)
    iou = shares[mask].sum() / (mask.sum() + shares[~mask & (away <= 3)].sum())
    return mask, iou / (1 + math.exp(-float(scores[row, column])))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    clusters=st.integers(1, 6),
    radius=st.sampled_from([0.3, 1.5, 4.0]),
    most=st.integers(0, 40),
)
def test_invariants_of_any_maps(seed: int, clusters: int, radius: float, most: int) -> None:
    maps = made_up(seed, clusters=clusters, radius=radius)
    kept = [each.copy() for each in maps]
    found = queried_instances(*maps, max_instances=most, threshold=-math.inf)
    again = queried_instances(*maps, max_instances=most, threshold=-math.inf)
    for map_, before in zip(maps, kept, strict=True):
        np.testing.assert_array_equal(map_, before)
    assert len(found) <= most
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one, other in zip(found, again, strict=True):
        assert (one.row, one.column, one.score) == (other.row, other.column, other.score)
        np.testing.assert_array_equal(one.mask, other.mask)
    in_turn = sorted(found, key=lambda one: -maps[0][one.row, one.column])
    free = np.ones((12, 9), bool)
    for one in in_turn:
        # The best candidate that was left, outside of all masks of points before it.
        assert free[one.row, one.column]
        assert maps[0][one.row, one.column] == maps[0][free].max()
        each = np.exp(maps[1])[:, one.mask] / np.exp(maps[1])[:, one.mask].sum(axis=0)
        means = each.mean(axis=1)
        assert means[one.force] == pytest.approx(means.max(), rel=1e-5)
        mask, score = slow_instance(maps, one.row, one.column)
        assert (mask != one.mask).sum() <= 1  # a cell at the very border, by rounding
        assert one.score == pytest.approx(score, rel=2e-2)
        free &= ~one.mask
        free[max(one.row - 1, 0) : one.row + 2, max(one.column - 1, 0) : one.column + 2] = False
    assert len(found) == most or not free.any()


def instance(score: float, mask: np.ndarray) -> GridInstance:
    row, column = (int(value) for value in np.argwhere(mask)[0])
    return GridInstance(row, column, 1, score, mask)


def test_of_instances_with_nearly_the_same_mask_the_best_stays() -> None:
    whole, most = box(slice(0, 10), slice(0, 10)), box(slice(0, 10), slice(0, 6))  # IoU 0.6
    half, other = box(slice(0, 10), slice(0, 5)), box(slice(20, 25), slice(0, 5))  # 0.5 with the whole
    found = [instance(score, mask) for score, mask in ((0.9, whole), (0.8, most), (0.7, half), (0.6, other))]
    assert [one.score for one in distinct_instances(found)] == [0.9, 0.7, 0.6]
    # What was left out leaves nothing out: half and most have an IoU of 0.83.
    assert [one.score for one in distinct_instances(found[1:])] == [0.8, 0.6]
    assert distinct_instances([]) == []


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), most_common=st.sampled_from([0.2, 0.5, 0.8]))
def test_no_two_instances_that_stay_are_nearly_the_same(seed: int, most_common: float) -> None:
    found = queried_instances(*made_up(seed, radius=3.0), threshold=-math.inf)
    stay = distinct_instances(found, most_common)
    assert stay[0] is found[0]

    def iou(one: GridInstance, other: GridInstance) -> float:
        return float((one.mask & other.mask).sum() / (one.mask | other.mask).sum())

    for index, one in enumerate(stay):
        assert all(iou(one, other) <= most_common + 1e-6 for other in stay[:index])
    numbers = {id(one): number for number, one in enumerate(found)}
    order = [numbers[id(one)] for one in stay]
    assert order == sorted(order)
    for number, one in enumerate(found):
        better = [other for other in stay if numbers[id(other)] < number]
        assert id(one) in {id(each) for each in stay} or any(
            iou(one, other) > most_common for other in better
        )


def test_doubtful_points_are_left_out_and_so_are_more_than_32() -> None:
    maps = made_up(3, 40, 40, clusters=40, radius=0.2)
    found = queried_instances(*maps)
    assert len(found) == 32
    maps[0][:] = -5
    maps[0][3, 3] = -2
    assert [(one.row, one.column) for one in queried_instances(*maps)] == [(3, 3)]


@pytest.mark.parametrize("index", range(4))
def test_maps_of_another_shape_or_not_finite_are_refused(index: int) -> None:
    def with_map(change: np.ndarray) -> Maps:
        scores, forces, embeddings, queries = (
            change if place == index else one for place, one in enumerate(made_up(0))
        )
        return scores, forces, embeddings, queries

    with pytest.raises(ValueError, match="shape"):
        queried_instances(*with_map(made_up(0)[index][..., :-1]))
    broken = made_up(0)[index]
    broken[..., 0, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        queried_instances(*with_map(broken))


def test_queries_of_another_size_and_negative_counts_are_refused() -> None:
    maps = made_up(0)
    with pytest.raises(ValueError, match="17 channels; they must have 18"):
        queried_instances(*maps[:3], maps[3][:17])
    with pytest.raises(ValueError, match="max_instances is -1"):
        queried_instances(*maps, max_instances=-1)
