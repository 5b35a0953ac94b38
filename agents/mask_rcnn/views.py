"""The training data of Mask R-CNN: views with true or self-supervised masks, kept in the run folder.

The locations are those that the self-supervised run of the same preset, split and seed visits. A folder holds
one pair of files for each of its episodes::

    views/segment-000000.safetensors    the views, and what moved when the oracle's points were touched
          truth-000000.safetensors      the true masks and masses of these views, for full supervision only
          index.json                    how many views each segment holds, and the checksums

Each location is a function of its seed, so a missing or damaged file is made again.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor

from agents.collection.collect import CollectionTask, location_seeds
from agents.collection.collector import Collector
from agents.collection.interact import InteractionRecord, InteractionSchedule
from agents.collection.oracles import OracleOptions
from agents.mask_rcnn.configuration import MaskRCNNConfig
from agents.selfsup_agent.network import image_tensor
from agents.training.checkpoint import CheckpointError, read_json, write_json
from selfsup.augmentation import Augmentation
from selfsup.files import remove_temporaries
from selfsup.grid import IMAGE_SIZE, STRIDE
from selfsup.memory_bank import MemoryBankError
from selfsup.segments import FileSegment, file_checksum
from thor_interact_env.files import write_whole
from thor_interact_env.locations.annotations import mass_class
from thor_interact_env.locations.splits import split_rooms
from thor_interact_env.simulators.base import Instances

INDEX_FILE = "index.json"
SAME_OBJECT_IOU = 0.5
"""Self-supervised masks of one location with at least this IoU are of one object; the first is kept."""

_AHEAD = 2
"""Episodes that are collected while an earlier one is written."""


@dataclass(frozen=True, eq=False)
class LabelledView:
    """One view with masks to learn from.

    Attributes:
        rgb: (300, 300, 3) uint8.
        depth: (300, 300) float, metres from the camera.
        masks: (n, 300, 300) bool, none of them empty.
        labels: (n,) int64, the class of each mask: 1, or 1 + mass class 0..2.
    """

    rgb: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.floating]
    masks: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int64]

    def augmented(self, drawn: Augmentation) -> "LabelledView":
        """Return the view mirrored and with other colours, as drawn; depth keeps its values."""
        view = replace(self, rgb=drawn.colours(self.rgb))
        if not drawn.flip:
            return view
        return replace(
            view, rgb=view.rgb[:, ::-1], depth=view.depth[:, ::-1], masks=np.flip(view.masks, axis=2)
        )

    def tensors(self) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the network's input, (4, 300, 300) float32, and torchvision's targets."""
        masks = np.ascontiguousarray(self.masks)
        targets = {
            "boxes": torch.from_numpy(mask_boxes(masks)),
            "labels": torch.from_numpy(self.labels),
            "masks": torch.from_numpy(masks.view(np.uint8)),
        }
        return image_tensor(self.rgb, self.depth), targets


def mask_boxes(masks: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return the boxes of masks.

    Args:
        masks: (n, h, w) bool, none of them empty.

    Returns:
        (n, 4) float32: left, top, right and bottom edge, so that one pixel has a box of 1 x 1.
    """
    boxes = np.empty((len(masks), 4), np.float32)
    for axis, first, last in ((1, 0, 2), (2, 1, 3)):  # columns remain when rows are merged
        line = np.asarray(masks.any(axis=axis))
        boxes[:, first] = line.argmax(axis=1)
        boxes[:, last] = line.shape[1] - line[:, ::-1].argmax(axis=1)
    return boxes


def collection_tasks(config: MaskRCNNConfig) -> list[CollectionTask]:
    """Return the tasks of collection, one for each episode of the self-supervised counterpart.

    Args:
        config: The run.

    Returns:
        Tasks of `config.schedule.locations` locations in all: the same seeds and rooms, in the same order.
        For full supervision nothing is touched; otherwise the interaction oracle's points are.
    """
    counterpart = config.counterpart()
    schedule, left = counterpart.schedule, config.schedule.locations
    self_supervised = config.targets == "self_supervised"
    tasks: list[CollectionTask] = []
    for number, stage in enumerate(schedule.stages):
        for episode in range(stage.episodes):
            count = min(left, stage.locations_per_episode if episode else stage.initial_locations)
            left -= count
            if not count:
                return tasks
            task = CollectionTask(
                seeds=tuple(location_seeds(config.seed, number, episode, count)),
                rooms=split_rooms(f"{config.split}/train"),
                schedule=InteractionSchedule(greedy=0, random=0, joint=False),
                environment=counterpart.environment(),
                reachable_fraction=schedule.reachable_fraction,
                locations_per_room=schedule.locations_per_room,
                oracles=OracleOptions(points=self_supervised),
                truth=not self_supervised,
            )
            tasks.append(task)
    return tasks


class ViewFolder:
    """The views of a run in its folder; only the requested ones are read."""

    def __init__(self, folder: Path, config: MaskRCNNConfig) -> None:
        """Set the folder; `collect` makes it.

        Args:
            folder: Where the files are or will be.
            config: The run.
        """
        self._folder, self._mass = folder, config.mass
        self._truth = config.targets == "truth"
        self._tasks = collection_tasks(config)
        self._segments: list[FileSegment | None] = [None] * len(self._tasks)
        self._masks = [0] * len(self._tasks)
        self._touches = [0] * len(self._tasks)
        self._ends = np.cumsum([len(task.seeds) for task in self._tasks])

    def __len__(self) -> int:
        """Return the number of views when all are collected."""
        return int(self._ends[-1])

    @property
    def masks_per_location(self) -> float:
        """Masks that were recorded, self-supervised or true, at a location, when all are collected."""
        return sum(self._masks) / len(self)

    @property
    def touches(self) -> int:
        """Points that were touched, when all views are collected."""
        return sum(self._touches)

    def collect(self, collector: Collector) -> Iterator[list[InteractionRecord]]:
        """Open the existing files and collect the rest, episode by episode.

        Args:
            collector: Visits locations.

        Yields:
            The records of each episode, after they are written.

        Raises:
            CollectionError: A location cannot be visited.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        remove_temporaries(self._folder)
        index = self._read_index()
        waiting: deque[tuple[int, list[Future[list[InteractionRecord]]]]] = deque()
        for number, task in enumerate(self._tasks):
            if self._open(number, index.get(str(number))):
                continue
            waiting.append((number, [collector.submit(part) for part in task.split()]))
            if len(waiting) > _AHEAD:
                yield self._write(*waiting.popleft(), index)
        while waiting:
            yield self._write(*waiting.popleft(), index)

    def read(self, number: int) -> LabelledView:
        """Return one view.

        Args:
            number: 0..len(self)-1.

        Raises:
            MemoryBankError: The file is missing or damaged, or not collected yet.
        """
        part = int(np.searchsorted(self._ends, number, side="right"))
        segment = self._segments[part]
        if segment is None:
            raise MemoryBankError(f"the views of {self._folder} are not collected yet; call collect first")
        place = number - (int(self._ends[part - 1]) if part else 0)
        experience = segment.read(place)
        if self._truth:
            masks, masses = self._read_truth(part, place)
            kinds = [1 + mass_class(float(mass)) if self._mass else 1 for mass in masses]
        else:
            masks = distinct(experience.masks).repeat(STRIDE, axis=1).repeat(STRIDE, axis=2)
            kinds = [1] * len(masks)
        return LabelledView(experience.rgb, experience.depth, masks, np.array(kinds, np.int64))

    def _segment_path(self, number: int) -> Path:
        return self._folder / f"segment-{number:06d}.safetensors"

    def _truth_path(self, number: int) -> Path:
        return self._folder / f"truth-{number:06d}.safetensors"

    def _read_index(self) -> dict[str, Any]:
        path = self._folder / INDEX_FILE
        if not path.exists():
            return {}
        try:
            index = read_json(path, "")
        except CheckpointError:
            return {}
        return index if isinstance(index, dict) else {}

    def _open(self, number: int, entry: Any) -> bool:
        """Open the files of an episode, if they exist and are complete."""
        try:
            if self._truth and file_checksum(self._truth_path(number)) != entry["truth_crc32"]:
                return False
            self._masks[number], self._touches[number] = int(entry["masks"]), int(entry["touches"])
            locations = len(self._tasks[number].seeds)
            self._segments[number] = FileSegment.open(self._segment_path(number), locations, entry["crc32"])
        except (OSError, KeyError, TypeError, ValueError, MemoryBankError):
            return False
        return True

    def _write(
        self, number: int, futures: Sequence[Future[list[InteractionRecord]]], index: dict[str, Any]
    ) -> list[InteractionRecord]:
        records = [record for future in futures for record in future.result()]
        experiences = [record.experience for record in records]
        segment, checksum = FileSegment.write(self._segment_path(number), experiences)
        self._masks[number] = sum(
            len(record.experience.masks) if record.truth is None else len(record.truth) for record in records
        )
        self._touches[number] = sum(record.greedy_touches + record.random_touches for record in records)
        index[str(number)] = {
            "crc32": checksum,
            "masks": self._masks[number],
            "touches": self._touches[number],
        }
        if self._truth:
            truths = [record.truth for record in records]
            path = write_whole(self._truth_path(number), save(_packed_truth(truths)))
            index[str(number)]["truth_crc32"] = file_checksum(path)
        write_json(self._folder / INDEX_FILE, index)
        self._segments[number] = segment
        return records

    def _read_truth(self, number: int, place: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
        path = self._truth_path(number)
        try:
            with safe_open(path, framework="numpy") as file:
                ends = file.get_tensor("ends")
                first, last = (int(ends[place - 1]) if place else 0), int(ends[place])
                if first == last:  # the library rejects an empty slice at the end
                    return np.zeros((0, IMAGE_SIZE, IMAGE_SIZE), np.bool_), np.zeros(0)
                packed = file.get_slice("masks")[first:last]
                masses = file.get_slice("masses")[first:last]
        except (OSError, SafetensorError) as error:
            raise MemoryBankError(
                f"the ground truth {path} cannot be read ({error}); resume the run, which makes it again"
            ) from error
        bits = np.unpackbits(packed, axis=1, count=IMAGE_SIZE * IMAGE_SIZE)
        return bits.view(np.bool_).reshape(-1, IMAGE_SIZE, IMAGE_SIZE), masses


def distinct(masks: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return masks without those that overlap an earlier one with an IoU of at least one half.

    Args:
        masks: (m, h, w) bool.

    Returns:
        (n, h, w) bool, n <= m, in the same order.
    """
    kept: list[int] = []
    for number, mask in enumerate(masks):
        others = masks[kept]
        intersections = (others & mask).sum(axis=(1, 2))
        if not (intersections >= SAME_OBJECT_IOU * (others | mask).sum(axis=(1, 2))).any():
            kept.append(number)
    return masks[kept]


def _packed_truth(truths: Sequence[Instances | None]) -> dict[str, npt.NDArray[Any]]:
    known = [truth for truth in truths if truth is not None]
    if len(known) != len(truths):
        raise ValueError("a record lacks its ground truth; collect it with a task whose truth is True")
    masks = np.concatenate([truth.masks for truth in known])
    return {
        "masks": np.packbits(masks.reshape(len(masks), IMAGE_SIZE * IMAGE_SIZE), axis=1),
        "masses": np.concatenate([np.asarray(truth.masses, np.float64) for truth in known]),
        "ends": np.cumsum([len(truth) for truth in known]),
    }
