"""Average precision: exact ends of the scale, known values, and what must not change it."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from agents.base import Instance
from eval.metrics.coco import (
    average_precision,
    coco_scores,
    match_boxes,
    predicted_regions,
    true_regions,
)
from thor_interact_env.simulators.base import Instances

SIZE = 40


def box_mask(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def as_truth(masks: list[np.ndarray], masses: list[float] | None = None) -> Instances:
    stacked = np.stack(masks) if masks else np.zeros((0, SIZE, SIZE), bool)
    names = tuple(f"Mug|{index}" for index in range(len(masks)))
    weights = np.array([1.0] * len(masks) if masses is None else masses, np.float64)
    return Instances(stacked, weights, ("Mug",) * len(masks), names)


def instance(mask: np.ndarray | None, score: float, force: int = 0) -> Instance:
    return Instance(point=(0, 0), force=force, score=score, mask=mask)


def perfect(truth: Instances) -> list[Instance]:
    return [instance(mask, 0.9 - 0.01 * index) for index, mask in enumerate(truth.masks)]


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[list[Instance]], list[Instances]]:
    """A few images of rectangles; all scores differ, so that no order is left to chance."""
    rectangle = st.builds(
        box_mask, st.integers(0, 30), st.integers(0, 30), st.integers(1, 10), st.integers(1, 10)
    )
    truths = draw(st.lists(st.lists(rectangle, max_size=3), min_size=1, max_size=4))
    predictions: list[list[Instance]] = []
    ranks = iter(draw(st.permutations(range(32))))
    for masks in truths:
        found = [mask for mask in masks if draw(st.booleans())]
        shifted = [np.roll(mask, draw(st.integers(0, 3)), axis=1) for mask in found]
        proposals = shifted + draw(st.lists(rectangle, max_size=2))
        predictions.append([instance(mask, (next(ranks) + 1) / 33) for mask in proposals])
    return predictions, [as_truth(masks) for masks in truths]


@pytest.mark.parametrize("objects", [1, 2, 5])
def test_perfect_predictions_score_exactly_one(objects: int) -> None:
    truth = as_truth([box_mask(7 * index, 3 * index, 6, 5) for index in range(objects)])
    scores = coco_scores([perfect(truth), []], [truth, as_truth([])])
    assert dataclasses.astuple(scores) == (1.0, 1.0, 1.0, 1.0)


def test_hundreds_of_proposals_are_scored() -> None:
    truth = as_truth([box_mask(4, 4, 6, 5)])
    others = [instance(box_mask(20, 20, 2, 2), 0.5 - 0.001 * index) for index in range(299)]
    assert coco_scores([[*perfect(truth), *others]], [truth]).mask_ap == pytest.approx(1.0)


def test_nothing_predicted_scores_zero() -> None:
    scores = coco_scores([[], []], [as_truth([box_mask(0, 0, 5, 5)]), as_truth([])])
    assert dataclasses.astuple(scores) == (0.0, 0.0, 0.0, 0.0)


def test_without_any_ground_truth_scores_are_zero() -> None:
    for predictions in ([], [instance(box_mask(0, 0, 5, 5), 0.9)]):
        assert dataclasses.astuple(coco_scores([predictions], [as_truth([])])) == (0.0, 0.0, 0.0, 0.0)
    assert dataclasses.astuple(coco_scores([], [])) == (0.0, 0.0, 0.0, 0.0)


def test_one_of_two_found_before_and_after_a_false_positive() -> None:
    truth = as_truth([box_mask(0, 0, 8, 8), box_mask(20, 20, 8, 8)])
    hit, miss = instance(truth.masks[0], 0.8), instance(box_mask(0, 30, 4, 4), 0.9)
    # COCO samples the precision at recalls 0, .01 .. 1: 51 of the 101 lie at or below one half.
    assert coco_scores([[hit]], [truth]).bbox_ap == pytest.approx(51 / 101)
    assert coco_scores([[miss, hit]], [truth]).mask_ap == pytest.approx(51 / 101 / 2)


def test_an_image_without_truth_counts_false_positives() -> None:
    truth = as_truth([box_mask(0, 0, 8, 8)])
    wrong = instance(box_mask(5, 5, 8, 8), 0.99)
    assert coco_scores([perfect(truth), [wrong]], [truth, as_truth([])]).bbox_ap == pytest.approx(0.5)


def test_iou_thresholds() -> None:
    truth = as_truth([box_mask(0, 0, 10, 10)])
    scores = coco_scores(
        [[instance(box_mask(0, 0, 10, 7), 0.5)]], [truth]
    )  # IoU 0.7 passes .50 .55 .60 .65 .70
    assert scores.bbox_ap50 == scores.mask_ap50 == 1.0
    assert scores.bbox_ap == scores.mask_ap == pytest.approx(0.5)


def test_boxes_and_masks_are_judged_apart() -> None:
    truth = as_truth([box_mask(0, 0, 10, 10)])
    hollow = box_mask(0, 0, 10, 10) & ~box_mask(1, 1, 8, 8)
    scores = coco_scores([[instance(hollow, 0.5)]], [truth])
    assert (scores.bbox_ap, scores.mask_ap) == (1.0, 0.0)


def test_boxes_are_inclusive_extents_in_xywh() -> None:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[3, 7] = mask[5, 10] = True
    assert predicted_regions([instance(mask, 0.5)]).boxes.tolist() == [[7.0, 3.0, 4.0, 3.0]]


def test_instances_without_pixels_are_dropped() -> None:
    truth = as_truth([box_mask(0, 0, 8, 8), box_mask(0, 0, 0, 0)])
    empty = [instance(None, 1.0), instance(np.zeros((SIZE, SIZE), bool), 1.0)]
    regions = predicted_regions([*empty, instance(truth.masks[0], 0.1)])
    assert regions.sources.tolist() == [2]
    assert coco_scores([[*empty, instance(truth.masks[0], 0.1)]], [truth]).mask_ap == 1.0


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    truth = as_truth([box_mask(0, 0, 8, 8)])
    coco_scores([perfect(truth)], [truth])
    assert capsys.readouterr() == ("", "")


@settings(max_examples=40, deadline=None)
@given(scenes(), st.randoms(use_true_random=False))
def test_the_order_of_images_changes_nothing(scene, random) -> None:
    predictions, truths = scene
    order = list(range(len(truths)))
    random.shuffle(order)
    permuted = coco_scores([predictions[index] for index in order], [truths[index] for index in order])
    assert permuted == coco_scores(predictions, truths)


@settings(max_examples=20, deadline=None)
@given(scenes(), st.randoms(use_true_random=False))
def test_the_order_of_images_changes_nothing_when_scores_are_equal(scene, random) -> None:
    predictions, truths = scene
    tied = [[dataclasses.replace(each, score=0.5) for each in image] for image in predictions]
    order = list(range(len(truths)))
    random.shuffle(order)
    permuted = coco_scores([tied[index] for index in order], [truths[index] for index in order])
    assert permuted == coco_scores(tied, truths)


@settings(max_examples=40, deadline=None)
@given(scenes(), st.integers(0, 3), st.floats(0, 1))
def test_a_false_positive_never_raises_a_score(scene, image, score) -> None:
    predictions, truths = scene
    image %= len(truths)
    # One pixel high and as wide as the image: no rectangle overlaps it by more than 10 of 40 pixels.
    wrong = instance(box_mask(39, 0, 1, SIZE), score)
    more = [[*each, wrong] if index == image else each for index, each in enumerate(predictions)]
    before, after = (
        dataclasses.astuple(coco_scores(predictions, truths)),
        dataclasses.astuple(coco_scores(more, truths)),
    )
    assert all(new <= old + 1e-12 for new, old in zip(after, before, strict=True))


@settings(max_examples=40, deadline=None)
@given(scenes(), st.sampled_from([math.sqrt, lambda x: x**3, lambda x: 5 * x - 2, math.log]))
def test_only_the_order_of_scores_matters(scene, transform) -> None:
    predictions, truths = scene
    other = [
        [dataclasses.replace(each, score=transform(each.score)) for each in image] for image in predictions
    ]
    assert coco_scores(other, truths) == coco_scores(predictions, truths)


@settings(max_examples=30, deadline=None)
@given(scenes())
def test_agrees_with_results_loaded_by_pycocotools(scene) -> None:
    predictions, truths = scene
    regions = [predicted_regions(each) for each in predictions]
    true = [true_regions(truth) for truth in truths]
    if not any(len(each) for each in regions) or not any(len(each) for each in true):
        return
    ground = COCO()
    annotations: list[dict[str, object]] = []
    for image, each in enumerate(true, start=1):
        for code, box in zip(each.codes, each.boxes.tolist(), strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": 1,
                    "segmentation": code,
                    "bbox": box,
                }
                | {"iscrowd": 0, "area": box[2] * box[3]}
            )
    ground.dataset = {
        "images": [{"id": image + 1, "height": SIZE, "width": SIZE} for image in range(len(truths))],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "object"}],
    }
    ground.createIndex()
    results = [
        {"image_id": image, "category_id": 1, "segmentation": code, "score": score}
        for image, each in enumerate(regions, start=1)
        for code, score in zip(each.codes, each.scores.tolist(), strict=True)
    ]
    for kind in ("bbox", "segm"):
        evaluation = COCOeval(ground, ground.loadRes([dict(each) for each in results]), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        assert average_precision(regions, true, kind) == pytest.approx(tuple(evaluation.stats[:2]), abs=1e-9)
        if kind == "bbox":
            everything = [each for each in evaluation.evalImgs if each and each["aRng"] == [0, 1e10]]
            matched = sum(int((each["dtMatches"][0] > 0).sum()) for each in everything)
            assert matched == sum(len(match_boxes(*pair)) for pair in zip(regions, true, strict=True))


def test_the_best_scored_prediction_is_matched_first() -> None:
    truth = true_regions(as_truth([box_mask(0, 0, 10, 10)]))
    predicted = predicted_regions(
        [instance(box_mask(0, 0, 10, 10), 0.3), instance(box_mask(0, 0, 10, 8), 0.6)]
    )
    assert match_boxes(predicted, truth) == [(1, 0)]
    assert match_boxes(predicted, truth, threshold=0.9) == [(0, 0)]


def test_malformed_input_is_named() -> None:
    truth = as_truth([box_mask(0, 0, 8, 8)])
    with pytest.raises(ValueError, match="2 images but ground truth for 1"):
        coco_scores([[], []], [truth])
    with pytest.raises(ValueError, match="score nan"):
        coco_scores([[instance(truth.masks[0], math.nan)]], [truth])
    with pytest.raises(ValueError, match=r"\(20, 20\)"):
        coco_scores([[instance(np.ones((20, 20), bool), 0.5)]], [truth])
    with pytest.raises(ValueError, match="masks of shapes"):
        coco_scores([[instance(np.ones((20, 20), bool), 0.5), instance(truth.masks[0], 0.5)]], [truth])
