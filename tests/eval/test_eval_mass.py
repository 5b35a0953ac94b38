"""Mass metrics: the classes, who is matched, and the confusion matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.base import Instance
from eval.metrics.mass import mass_class, mass_scores
from thor_interact_env.simulators.base import Instances

SIZE = 60
MASSES = (0.2, 1.0, 9.0)


def cell(index: int) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[10 * (index // 6) :, 10 * (index % 6) :][:8, :8] = True
    return mask


def as_truth(masses: list[float]) -> Instances:
    masks = (
        np.stack([cell(index) for index in range(len(masses))]) if masses else np.zeros((0, SIZE, SIZE), bool)
    )
    return Instances(
        masks, np.array(masses, np.float64), ("Mug",) * len(masses), tuple(map(str, range(len(masses))))
    )


def found(truth: Instances, forces: list[int]) -> list[Instance]:
    return [
        Instance(point=(0, 0), force=force, score=0.9 - 0.01 * index, mask=truth.masks[index])
        for index, force in enumerate(forces)
    ]


@pytest.mark.parametrize(
    ("kilograms", "expected"), [(0.01, 0), (0.4999, 0), (0.5, 1), (1.99, 1), (2.0, 2), (149.0, 2)]
)
def test_mass_classes(kilograms: float, expected: int) -> None:
    assert mass_class(kilograms) == expected


@pytest.mark.parametrize("kilograms", [0.0, -1.0, float("nan")])
def test_impossible_masses(kilograms: float) -> None:
    with pytest.raises(ValueError, match="must be a number greater than 0"):
        mass_class(kilograms)


def test_perfect_predictions_score_exactly_one() -> None:
    truth = as_truth([*MASSES])
    scores = mass_scores([found(truth, [0, 1, 2])], [truth])
    assert scores.confusion.tolist() == np.eye(3).tolist()
    assert (scores.mean_accuracy, scores.bbox_ap50_with_mass) == (1.0, 1.0)


def test_classes_without_truth_are_left_out_of_the_mean() -> None:
    truth = as_truth([0.1, 0.1, 5.0])
    scores = mass_scores([found(truth, [0, 2, 2])], [truth])
    assert scores.confusion.tolist() == [[0.5, 0, 0.5], [0, 0, 0], [0, 0, 1]]
    assert scores.mean_accuracy == 0.75
    assert scores.counts.sum() == 3


def test_nothing_matched_is_zero_not_nan() -> None:
    truth = as_truth([*MASSES])
    elsewhere = Instance(point=(0, 0), force=0, score=1.0, mask=cell(20))
    for predictions, true in (([], truth), ([elsewhere], truth), ([elsewhere], as_truth([]))):
        scores = mass_scores([predictions], [true])
        assert not scores.confusion.any()
        assert scores.mean_accuracy == scores.bbox_ap50_with_mass == 0.0


def test_only_boxes_of_half_overlap_count() -> None:
    truth = as_truth([0.2])
    for width, matches in ((4, 1), (3, 0)):  # IoU 4/8 and 3/8
        mask = np.zeros((SIZE, SIZE), bool)
        mask[:8, :width] = True
        instance = Instance(point=(0, 0), force=0, score=0.5, mask=mask)
        assert mass_scores([[instance]], [truth]).counts.sum() == matches


def test_the_best_scored_of_two_predictions_of_an_object_counts() -> None:
    truth = as_truth([0.2])
    twice = [Instance((0, 0), force, score, truth.masks[0]) for force, score in ((2, 0.3), (0, 0.8))]
    assert mass_scores([twice], [truth]).confusion[0].tolist() == [1, 0, 0]


def test_a_wrong_class_costs_ap() -> None:
    truth = as_truth([0.2, 9.0])
    assert mass_scores([found(truth, [0, 0])], [truth]).bbox_ap50_with_mass == pytest.approx(0.5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(MASSES), st.integers(0, 2)), max_size=12))
def test_confusion_is_the_fractions_of_the_predicted_forces(pairs: list[tuple[float, int]]) -> None:
    truth = as_truth([mass for mass, _ in pairs])
    scores = mass_scores([found(truth, [force for _, force in pairs])], [truth])
    accuracies = []
    for row, mass in enumerate(MASSES):
        forces = [force for each, force in pairs if each == mass]
        expected = [forces.count(column) / len(forces) if forces else 0.0 for column in range(3)]
        assert scores.confusion[row].tolist() == pytest.approx(expected)
        accuracies += [expected[row]] if forces else []
    assert scores.mean_accuracy == pytest.approx(np.mean(accuracies) if accuracies else 0.0)
    assert np.isfinite(scores.confusion).all()


def test_a_force_out_of_range_is_named() -> None:
    truth = as_truth([0.2])
    with pytest.raises(ValueError, match="force 3"):
        mass_scores([[Instance((0, 0), 3, 0.5, truth.masks[0])]], [truth])
    with pytest.raises(ValueError, match="1 images but ground truth for 0"):
        mass_scores([[]], [])
