"""Average precision of boxes and masks by the COCO definition (pycocotools).

The paper's table 1 reports it class-agnostically: every movable object in reach is of one category. The mass
metrics use the same function with the mass class as the category.
"""

import contextlib
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pycocotools import mask as mask_codec
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from agents.base import Instance
from thor_interact_env.simulators.base import Instances

MAX_DETECTIONS = 100
"""Predictions counted per image and category, best first: COCO's own limit."""

IouType = Literal["bbox", "segm"]


@dataclass(frozen=True)
class CocoScores:
    """Class-agnostic average precision of one agent; every number in 0..1.

    Attributes:
        bbox_ap: Boxes, mean over the IoU thresholds 0.50, 0.55 .. 0.95.
        bbox_ap50: Boxes, at IoU 0.5.
        mask_ap: Masks, mean over the same thresholds.
        mask_ap50: Masks, at IoU 0.5.
    """

    bbox_ap: float
    bbox_ap50: float
    mask_ap: float
    mask_ap50: float


@dataclass(frozen=True)
class Regions:
    """The regions of one image, predicted or true, in the format of COCO.

    Attributes:
        codes: n run-length encoded masks, none of them empty.
        boxes: (n, 4) float64, left, top, width, height in pixels. Extents are inclusive: one pixel is 1 x 1.
        scores: (n,) float64; ones for the ground truth.
        categories: (n,) int64, 1 or more.
        sources: (n,) int64, position of each region in the list or array it was made from.
        size: Height and width of the image in pixels, (0, 0) without regions.
    """

    codes: list[dict[str, Any]]
    boxes: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    categories: npt.NDArray[np.int64]
    sources: npt.NDArray[np.int64]
    size: tuple[int, int]

    def __len__(self) -> int:
        """Return the number of regions."""
        return len(self.codes)

    def of_category(self, category: int) -> "Regions":
        """Return the regions of one category, as if it were the only one (1)."""
        chosen = np.flatnonzero(self.categories == category)
        codes = [self.codes[index] for index in chosen]
        ones = np.ones(len(chosen), np.int64)
        return Regions(codes, self.boxes[chosen], self.scores[chosen], ones, self.sources[chosen], self.size)


def predicted_regions(instances: Sequence[Instance], categories: Sequence[int] | None = None) -> Regions:
    """Turn the predictions of one image into regions.

    Instances without a mask, or with an empty one, have no region and are dropped.

    Args:
        instances: Predictions of one image, in any order.
        categories: One category (1 or more) per instance; None puts all in category 1.

    Returns:
        The regions, in the order of `instances`.

    Raises:
        ValueError: A score is not finite, a mask is not two-dimensional, or masks differ in size.
    """
    for instance in instances:
        if not np.isfinite(instance.score):
            raise ValueError(
                f"score {instance.score} of the instance at {instance.point} must be a finite number"
            )
    kept = [
        index for index, instance in enumerate(instances) if instance.mask is not None and instance.mask.any()
    ]
    masks = [np.asarray(instances[index].mask, bool) for index in kept]
    shapes = {mask.shape for mask in masks}
    if len(shapes) > 1 or any(len(shape) != 2 for shape in shapes):
        raise ValueError(
            f"masks of shapes {sorted(shapes)} in one image; all must be (height, width) of the image"
        )
    stacked = np.stack(masks) if masks else np.zeros((0, 0, 0), bool)
    scores = np.array([instances[index].score for index in kept], np.float64)
    chosen = [1] * len(kept) if categories is None else [categories[index] for index in kept]
    return _regions(stacked, scores, np.array(chosen, np.int64), np.array(kept, np.int64))


def true_regions(truth: Instances, categories: Sequence[int] | None = None) -> Regions:
    """Turn the ground truth of one image into regions; an object without a visible pixel is dropped.

    Args:
        truth: Ground truth of one image.
        categories: One category (1 or more) per object; None puts all in category 1.

    Returns:
        The regions, in the order of `truth`.
    """
    kept = np.flatnonzero(truth.masks.any(axis=(1, 2)))
    chosen = np.ones(len(kept), np.int64) if categories is None else np.asarray(categories, np.int64)[kept]
    return _regions(np.asarray(truth.masks[kept], bool), np.ones(len(kept)), chosen, kept)


def _regions(
    masks: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.float64],
    categories: npt.NDArray[np.int64],
    sources: npt.NDArray[np.int64],
) -> Regions:
    if not len(masks):
        return Regions([], np.zeros((0, 4)), scores, categories, sources, (0, 0))
    codes = mask_codec.encode(np.asfortranarray(masks.transpose(1, 2, 0), dtype=np.uint8))
    boxes = np.asarray(mask_codec.toBbox(codes), np.float64).reshape(-1, 4)
    return Regions(codes, boxes, scores, categories, sources, (masks.shape[1], masks.shape[2]))


def match_boxes(predicted: Regions, true: Regions, threshold: float = 0.5) -> list[tuple[int, int]]:
    """Match the boxes of one image as COCO does, regardless of category.

    The best-scored prediction chooses first; each takes the still free true box it overlaps most, if their
    IoU reaches the threshold. Of equal IoUs the first counts, where COCO takes the last.

    Args:
        predicted: Predictions of one image; the best `MAX_DETECTIONS` take part.
        true: Ground truth of the same image.
        threshold: Minimum IoU of a match, in (0, 1].

    Returns:
        Pairs (position in `predicted`, position in `true`), best-scored first.
    """
    if not len(predicted) or not len(true):
        return []
    overlaps = np.asarray(mask_codec.iou(predicted.boxes, true.boxes, [0] * len(true)))
    pairs: list[tuple[int, int]] = []
    free = np.ones(len(true), bool)
    for prediction in np.argsort(-predicted.scores, kind="stable")[:MAX_DETECTIONS]:
        candidates = np.where(free, overlaps[prediction], -1.0)
        best = int(candidates.argmax())
        if candidates[best] >= threshold:
            free[best] = False
            pairs.append((int(prediction), best))
    return pairs


def average_precision(
    predictions: Sequence[Regions], truths: Sequence[Regions], iou_type: IouType
) -> tuple[float, float]:
    """Compute COCO's AP over all images, the mean over the categories that occur in the ground truth.

    Equal scores in different images are ordered by the content of the images, so the order of the
    images does not matter; within an image they keep their order.

    Args:
        predictions: The predictions of each image.
        truths: The ground truth of each image, in the same order. An image without any counts its predictions
            as false.
        iou_type: Compare boxes (`bbox`) or masks (`segm`).

    Returns:
        AP (mean over IoU 0.50 to 0.95) and AP at IoU 0.5, both in 0..1. Without ground truth in any image
        both are 0.

    Raises:
        ValueError: There are not as many images of predictions as of truths, or the masks of an image differ
            in size.
    """
    found = evaluated(predictions, truths, iou_type)
    if found is None:
        return 0.0, 0.0
    evaluation, _ = found
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports every step by print
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, 0]  # IoU thresholds x recalls x categories
    # pycocotools adds the machine epsilon to a divisor; rounding makes a perfect score exactly 1.
    return round(float(precision.mean()), 12), round(float(precision[0].mean()), 12)


def evaluated(
    predictions: Sequence[Regions], truths: Sequence[Regions], iou_type: IouType
) -> tuple[COCOeval, list[int]] | None:
    """Match predictions and truths image by image, which is all but the last step of `average_precision`.

    Args:
        predictions: As in `average_precision`.
        truths: As in `average_precision`.
        iou_type: As in `average_precision`.

    Returns:
        pycocotools' evaluation, whose `evalImgs` are filled (image ids count from 1), and the position in
        `truths` of each of its images. None if nothing is predicted, or there is no ground truth.

    Raises:
        ValueError: As in `average_precision`.
    """
    if len(predictions) != len(truths):
        raise ValueError(
            f"predictions for {len(predictions)} images but ground truth for {len(truths)}; give both"
        )
    for index, (predicted, true) in enumerate(zip(predictions, truths, strict=True)):
        if len(predicted) and len(true) and predicted.size != true.size:
            raise ValueError(
                f"image {index}: masks of {predicted.size} pixels predicted, {true.size} is the truth's"
            )
    if not any(len(true) for true in truths) or not any(len(predicted) for predicted in predictions):
        return None
    order = sorted(
        range(len(truths)), key=lambda index: (_digest(truths[index]), _digest(predictions[index]))
    )
    categories = sorted({int(category) for true in truths for category in true.categories})
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports every step by print
        true_set = _dataset([truths[index] for index in order], categories, iou_type)
        predicted_set = _dataset([predictions[index] for index in order], categories, iou_type)
        evaluation = COCOeval(true_set, predicted_set, iou_type)
        evaluation.params.maxDets = [MAX_DETECTIONS]
        evaluation.params.areaRng = [[0, 1e10]]
        evaluation.params.areaRngLbl = ["all"]
        evaluation.evaluate()
    return evaluation, order


def _digest(regions: Regions) -> bytes:
    digest = hashlib.sha256(regions.scores.tobytes() + regions.categories.tobytes())
    for code in regions.codes:
        digest.update(code["counts"])
    return digest.digest()


def _dataset(images: Sequence[Regions], categories: Sequence[int], iou_type: IouType) -> COCO:
    """Build a COCO data set of one image per entry; `loadRes` would overwrite areas and masks."""
    annotations: list[dict[str, Any]] = []
    for image_id, regions in enumerate(images, start=1):
        for index, code in enumerate(regions.codes):
            annotation: dict[str, Any] = {
                "id": len(annotations) + 1,  # COCOeval reads an id of 0 as "not matched"
                "image_id": image_id,
                "category_id": int(regions.categories[index]),
                "score": float(regions.scores[index]),
                "iscrowd": 0,
            }
            if iou_type == "segm":
                # One by one: of a list, pycocotools 2.0.11 counts the masks in a byte.
                annotation |= {"segmentation": code, "area": float(mask_codec.area(code))}
            else:
                box = regions.boxes[index].tolist()
                annotation |= {"bbox": box, "area": box[2] * box[3]}
            annotations.append(annotation)
    result = COCO()
    result.dataset = {
        "images": [
            {"id": image_id, "height": regions.size[0], "width": regions.size[1]}
            for image_id, regions in enumerate(images, start=1)
        ],
        "annotations": annotations,
        "categories": [{"id": category, "name": str(category)} for category in categories],
    }
    result.createIndex()
    return result


def coco_scores(predictions: Sequence[Sequence[Instance]], truths: Sequence[Instances]) -> CocoScores:
    """Score predictions class-agnostically (paper section 5, table 1).

    Boxes are those of the masks. Instances without a mask, or with an empty one, are dropped.

    Args:
        predictions: The predictions of each image; the best 100 of an image count.
        truths: The ground truth of each image, in the same order.

    Returns:
        The four numbers; 0 when nothing is predicted, and 0 when no image has any ground truth.

    Raises:
        ValueError: The numbers of images differ, a score is not finite, or masks differ in size.
    """
    predicted = [predicted_regions(instances) for instances in predictions]
    true = [true_regions(truth) for truth in truths]
    bbox_ap, bbox_ap50 = average_precision(predicted, true, "bbox")
    mask_ap, mask_ap50 = average_precision(predicted, true, "segm")
    return CocoScores(bbox_ap, bbox_ap50, mask_ap, mask_ap50)
