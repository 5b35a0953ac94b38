"""Bootstrap over locations: counting matches anew is scoring the repeated images."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.base import Instance
from eval.metrics.bootstrap import bootstrap_intervals, bootstrap_scores, ratio_intervals
from eval.metrics.coco import coco_scores
from eval.metrics.mass import heavy_lead, mass_scores, separations
from thor_interact_env.simulators.base import Instances

SIZE = 40
MASSES = (0.2, 1.0, 5.0)


def made_up_images(seed: int, count: int) -> tuple[list[list[Instance]], list[Instances]]:
    """Rectangles, some found, some found in part, some missed, some made up; all scores differ."""
    rng = np.random.default_rng(seed)
    ranks = iter(rng.permutation(10 * count))
    predictions, truths = [], []
    for _ in range(count):
        masks = np.zeros((int(rng.integers(4)), SIZE, SIZE), bool)
        found: list[Instance] = []
        for mask in masks:
            top, left, height, width = (*rng.integers(0, 28, 2), *rng.integers(3, 12, 2))
            mask[top : top + height, left : left + width] = True
        proposals = [np.roll(mask, rng.integers(3), axis=1) for mask in masks if rng.random() < 0.7]
        proposals += [np.roll(mask, 15, axis=0) for mask in masks if rng.random() < 0.3]
        for mask in proposals:
            score = (int(next(ranks)) + 1) / (10 * count + 1)
            found.append(Instance((0, 0), int(rng.integers(3)), score, mask))
        predictions.append(found)
        names = tuple(f"Mug|{index}" for index in range(len(masks)))
        truths.append(Instances(masks, rng.choice(MASSES, len(masks)), ("Mug",) * len(masks), names))
    return predictions, truths


def scored(predictions: list[list[Instance]], truths: list[Instances]) -> dict[str, float]:
    mass = mass_scores(predictions, truths)
    return dataclasses.asdict(coco_scores(predictions, truths)) | {
        "mass_accuracy": mass.mean_accuracy,
        "mass_bbox_ap50": mass.bbox_ap50_with_mass,
        "heavy_separation": float(separations(mass.confusion)[2]),
        "heavy_lead": float(heavy_lead(mass.confusion)),
    }


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 8))
def test_each_image_once_is_what_coco_says(seed: int, count: int) -> None:
    predictions, truths = made_up_images(seed, count)
    found = bootstrap_scores(predictions, truths, np.ones((1, count), np.int64))
    expected = scored(predictions, truths)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].shape == (1,)
        assert found[name][0] == pytest.approx(value, abs=1e-9), name


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), weights=st.lists(st.integers(0, 3), min_size=2, max_size=6))
def test_a_resample_is_what_coco_says_of_the_repeated_images(seed: int, weights: list[int]) -> None:
    predictions, truths = made_up_images(seed, len(weights))
    drawn = [index for index, times in enumerate(weights) for _ in range(times)]
    expected = scored([predictions[index] for index in drawn], [truths[index] for index in drawn])
    found = bootstrap_scores(predictions, truths, np.array([weights], np.int64))
    for name, value in expected.items():
        assert found[name][0] == pytest.approx(value, abs=1e-9), name


def test_intervals_hold_the_score_and_narrow_with_more_locations() -> None:
    widths = []
    for count in (12, 120):
        predictions, truths = made_up_images(3, count)
        intervals = bootstrap_intervals(predictions, truths, resamples=200)
        for name, value in scored(predictions, truths).items():
            low, high = intervals[name]
            assert (-2 if name.startswith("heavy") else 0) <= low <= value <= high <= 1, name
        widths.append(intervals["mask_ap50"][1] - intervals["mask_ap50"][0])
    assert 0 < widths[1] < 0.6 * widths[0]  # a tenth of the variance: about 0.32


def test_equal_locations_leave_nothing_to_chance() -> None:
    predictions, truths = made_up_images(5, 3)
    index = max(range(3), key=lambda each: len(truths[each]))
    intervals = bootstrap_intervals([predictions[index]] * 6, [truths[index]] * 6, resamples=50)
    assert all(high - low < 1e-6 for low, high in intervals.values())


def test_a_rate_has_the_interval_of_its_repeated_locations() -> None:
    part, whole = np.array([3, 0, 1, 4]), np.array([10, 2, 10, 5])
    ends = ratio_intervals({"rate": (part, whole), "none": (part, 0 * whole)}, resamples=400)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(4, np.full(4, 0.25), size=400)
    rates = [sum(n * p for n, p in zip(d, part, strict=True)) / (d @ whole) for d in draws]
    assert ends["rate"] == pytest.approx(np.quantile(rates, [0.025, 0.975]).tolist(), abs=1e-6)
    assert ends["rate"][0] < part.sum() / whole.sum() < ends["rate"][1]
    same = ratio_intervals({"rate": (np.full(9, 2), np.full(9, 8))})
    assert same == {"rate": [0.25, 0.25]}


def test_the_seed_decides_the_draws() -> None:
    predictions, truths = made_up_images(1, 9)
    one, again, other = (bootstrap_intervals(predictions, truths, 30, seed) for seed in (0, 0, 1))
    assert one == again != other


def test_without_predictions_or_truth_all_is_zero() -> None:
    _, truths = made_up_images(0, 3)
    nothing = Instances(np.zeros((0, SIZE, SIZE), bool), np.zeros(0), (), ())
    for given_truths in (truths, [nothing] * 3):
        intervals = bootstrap_intervals([[]] * 3, given_truths, resamples=5)
        assert all(ends == [0.0, 0.0] for ends in intervals.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resamples": 0}, "resamples is 0"),
        ({"confidence": 1.0}, "confidence is 1.0"),
        ({"truths": [], "predictions": []}, "no location"),
        ({"predictions": []}, "0 images"),
    ],
)
def test_impossible_requests_are_refused(changes: dict, message: str) -> None:
    predictions, truths = made_up_images(0, 2)
    with pytest.raises(ValueError, match=message):
        bootstrap_intervals(**({"predictions": predictions, "truths": truths, "resamples": 5} | changes))


def test_weights_need_one_entry_per_location() -> None:
    predictions, truths = made_up_images(0, 2)
    with pytest.raises(ValueError, match=r"shape \(1, 3\); it must be \(resamples, 2\)"):
        bootstrap_scores(predictions, truths, np.ones((1, 3), np.int64))
