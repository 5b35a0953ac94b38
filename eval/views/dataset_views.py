"""The locations of a dataset file as an evaluation set, with the truth of the file or of the simulator.

The annotations of a file hold for the simulator, and the build of it, that the file was made with. Another
one shows other objects at the same locations; then only its own ground truth is valid.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from eval.views.evaluation_set import EvaluationSet
from selfsup.grid import IMAGE_SIZE
from thor_interact_env.errors import DatasetError
from thor_interact_env.locations.dataset import DatasetEntry, LocationDataset
from thor_interact_env.simulators.base import Instances, Simulator

TruthSource = Literal["file", "simulator"]
"""`file`: the masks and mass classes of the file. `simulator`: those of the simulator."""

AGREEMENT_IOU = 0.5
"""Minimum IoU at which an object of the file and one of the simulator are the same."""


@dataclass(frozen=True)
class DatasetViews:
    """The views of a dataset file in a simulator.

    Attributes:
        views: The views with the chosen truth; its `left_out` lists locations where the agent cannot stand.
        truth: Source of the ground truth.
        agreement: Fraction, in 0..1, of the file's objects that overlap an object of the simulator with an
            IoU of at least one half; None if the file has no object.
    """

    views: EvaluationSet
    truth: TruthSource
    agreement: float | None


def read_dataset(path: Path) -> LocationDataset:
    """Read a dataset file for an evaluation.

    Args:
        path: A file in the authors' format; see `thor_interact_env.locations.LocationDataset`.

    Raises:
        DatasetError: It is not such a file, or has no location, or an image is not of 300 x 300 pixels.
        OSError: It cannot be read.
    """
    dataset = LocationDataset.read(path)
    if not len(dataset):
        raise DatasetError(f"{path} has no location; there is nothing to evaluate")
    for index, entry in enumerate(dataset):
        if (entry.width, entry.height) != (IMAGE_SIZE, IMAGE_SIZE):
            raise DatasetError(
                f"{path}: entry {index}: width and height are {entry.width} and {entry.height}; agents see "
                f"images of {IMAGE_SIZE} x {IMAGE_SIZE} pixels"
            )
    return dataset


def dataset_views(
    entries: Sequence[DatasetEntry],
    name: str,
    truth: TruthSource,
    *,
    simulator: Callable[[], Simulator] | None = None,
    progress: bool | None = None,
) -> DatasetViews:
    """Render the locations of a dataset.

    Args:
        entries: A `LocationDataset`, or some of its entries, at least one.
        name: Name of the set in reports.
        truth: Source of the ground truth.
        simulator: Makes the simulator; None makes the embedded one.
        progress: Show a progress bar; None shows it on a terminal only.

    Returns:
        The views, rooms together. Locations where the agent cannot stand are omitted and listed.

    Raises:
        ValueError: There is no entry, or no such truth.
        UnknownRoomError: The simulator lacks one of the rooms.
        UnreachableLocationError: The agent can stand at none of the locations.
        DatasetError: A mask of the file does not fill its image.
    """
    if truth not in ("file", "simulator"):
        raise ValueError(f"unknown truth {truth!r}; choose 'file' or 'simulator'")
    # A room is prepared once if its locations are consecutive.
    ordered = sorted(entries, key=lambda entry: (entry.location.scene, entry.location.seed))
    seen = EvaluationSet.at(
        [entry.location for entry in ordered],
        name,
        leave_out_unreachable=True,
        simulator=simulator,
        progress=progress,
    )
    remaining = iter(ordered)
    kept = [next(entry for entry in remaining if entry.location == place) for place in seen.locations]
    stated = tuple(stated_truth(entry) for entry in kept)
    overlaps = [
        overlap
        for one, other in zip(stated, seen.truths, strict=True)
        for overlap in best_overlaps(one.masks, other.masks)
    ]
    agreement = float(np.mean(np.array(overlaps) >= AGREEMENT_IOU)) if overlaps else None
    if truth == "file":
        classes = tuple(
            np.array([item.category_id for item in entry.annotations], np.int64) for entry in kept
        )
        seen = replace(seen, truths=stated, mass_classes=classes)
    return DatasetViews(seen, truth, agreement)


def stated_truth(entry: DatasetEntry) -> Instances:
    """Return the objects that an entry of a dataset states.

    Args:
        entry: One entry. Files of this package name each object's type and id; where they are missing,
            the type is `"object"` and the id is made of the image's and the object's number.

    Raises:
        DatasetError: A mask does not fill the image.
    """
    masks = np.zeros((len(entry.annotations), entry.height, entry.width), np.bool_)
    for index, annotation in enumerate(entry.annotations):
        masks[index] = annotation.mask()
    return Instances(
        masks,
        np.array([annotation.gt_mass for annotation in entry.annotations], np.float64),
        tuple(str(annotation.extra.get("object_type", "object")) for annotation in entry.annotations),
        tuple(
            str(annotation.extra.get("object_id", f"{entry.image_id}|{index}"))
            for index, annotation in enumerate(entry.annotations)
        ),
    )


def best_overlaps(masks: npt.NDArray[np.bool_], others: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the IoU of each mask with that of the others that it overlaps most.

    Args:
        masks: (n, height, width).
        others: (m, height, width).

    Returns:
        (n,) in 0..1; 0 where there are no others.
    """
    pixels = masks.shape[1] * masks.shape[2]  # -1 would be ambiguous where there is no mask
    one = masks.reshape(len(masks), pixels).astype(np.float32)
    other = others.reshape(len(others), pixels).astype(np.float32)
    common = one @ other.T
    union = one.sum(1)[:, None] + other.sum(1)[None, :] - common
    return (common / np.maximum(union, 1)).max(axis=1, initial=0.0).astype(np.float64)
