"""Success rates and distinct objects, from records of touches."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from eval.metrics.interaction import InteractionCounts, moved_objects
from thor_interact_env.simulators.base import Instances


def record(points: list[tuple[int, int]], greedy: tuple[int, int], random: tuple[int, int]) -> Any:
    return SimpleNamespace(
        experience=SimpleNamespace(success_points=np.array(points, np.int16).reshape(-1, 2)),
        greedy_successes=greedy[0],
        greedy_touches=greedy[1],
        random_successes=random[0],
        random_touches=random[1],
    )


def two_objects() -> Instances:
    masks = np.zeros((2, 300, 300), bool)
    masks[0, 0:30, 0:30] = True
    masks[1, 100:160, 200:260] = True
    return Instances(masks, np.array([0.3, 4.0]), ("Mug", "Pot"), ("Mug|1", "Pot|1"))


def test_an_object_touched_twice_counts_once() -> None:
    touched = record([(0, 0), (9, 9), (40, 70)], (3, 4), (0, 2)).experience
    assert moved_objects(touched, two_objects()) == {"Mug|1", "Pot|1"}
    assert moved_objects(record([(60, 10)], (1, 1), (0, 0)).experience, two_objects()) == frozenset()


def test_a_point_belongs_to_the_object_with_most_of_its_pixels() -> None:
    masks = np.zeros((2, 300, 300), bool)
    masks[0, 0:1, 0:3] = True
    masks[1, 1:3, 0:3] = True
    truth = Instances(masks, np.array([1.0, 1.0]), ("Mug", "Mug"), ("above", "below"))
    assert moved_objects(record([(0, 0)], (1, 1), (0, 0)).experience, truth) == {"below"}


def test_the_last_cell_of_the_grid_has_its_pixels() -> None:
    masks = np.zeros((1, 300, 300), bool)
    masks[0, 297:, 297:] = True
    truth = Instances(masks, np.array([1.0]), ("Mug",), ("corner",))
    assert moved_objects(record([(99, 99)], (1, 1), (0, 0)).experience, truth) == {"corner"}


def test_rates_are_over_all_touches() -> None:
    records = [record([(0, 0)], (1, 2), (0, 5)), record([(0, 0), (40, 70)], (1, 6), (1, 5))]
    scores = InteractionCounts.of(records, [two_objects(), two_objects()]).scores()
    assert scores.greedy_success_rate == pytest.approx(2 / 8)
    assert scores.random_success_rate == pytest.approx(1 / 10)
    assert scores.objects_per_location == pytest.approx(3 / 2)
    assert scores.objects_per_interaction == pytest.approx(3 / 18)
    assert (scores.locations, scores.interactions) == (2, 18)


def test_nothing_touched_is_zero() -> None:
    scores = InteractionCounts.of([], []).scores()
    assert (scores.greedy_success_rate, scores.random_success_rate, scores.objects_per_location) == (
        0.0,
        0.0,
        0.0,
    )
    nowhere = Instances(np.zeros((0, 300, 300), bool), np.zeros(0), (), ())
    assert (
        InteractionCounts.of([record([(3, 3)], (1, 1), (0, 0))], [nowhere]).scores().objects_per_location
        == 0.0
    )


def test_without_ground_truth_objects_are_not_counted() -> None:
    scores = InteractionCounts.of([record([(0, 0)], (1, 1), (0, 0))]).scores()
    assert scores.objects_per_location is scores.objects_per_interaction is None
    assert scores.greedy_success_rate == 1.0


def test_each_record_needs_its_truth() -> None:
    with pytest.raises(ValueError, match="1 records but ground truth of 2 locations"):
        InteractionCounts.of([record([], (0, 1), (0, 1))], [two_objects(), two_objects()]).scores()
