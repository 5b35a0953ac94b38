"""The memory bank: experiences, their priorities, and sampling by them (paper section 4.2-IV, appendix C)."""

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from selfsup.experience import Experience
from selfsup.files import remove_temporaries
from selfsup.segments import ArraySegment, FileSegment, MemoryBankError, Segment

__all__ = ["NEW_PRIORITY", "MemoryBank", "MemoryBankError", "image_scores", "priority"]

NEW_PRIORITY = 0.5
"""Priority of a location that was never used."""

PRIORITY_OFFSET = 0.02
"""The minimum priority: every location can still be drawn."""

MASKLESS_SCORE = 0.5
"""Score of an image without masks; it gives the minimum priority."""

ScoreRule = Literal["minimum", "mean"]
"""How the IoU of an image's masks make its score: their minimum (paper), or their mean, where a mean of 0
counts as 0.5 (authors' code): what is not found at all has the lowest priority there."""

SEGMENT_PREFIX = "segment-"
SEGMENT_SUFFIX = ".safetensors"
STATE_FORMAT = 2


def priority(score: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the priority of a location of this score: (score - 0.5)^2 + 0.02 (paper eq. 7).

    Args:
        score: Any shape, in [0, 1].

    Returns:
        The same shape, float64 in [0.02, 0.27].
    """
    return np.square(np.asarray(score, dtype=np.float64) - 0.5) + PRIORITY_OFFSET


def image_scores(
    ious: npt.ArrayLike, mask_image: npt.ArrayLike, images: int, rule: ScoreRule = "minimum"
) -> npt.NDArray[np.float64]:
    """Return the score of each image: how well its masks are known, or 0.5 without masks.

    Args:
        ious: (M,) in [0, 1], IoU of each mask with its prediction (an array, or a tensor on the CPU).
        mask_image: (M,) integers, the image of each mask, 0..images-1.
        images: Number of images, B.
        rule: How the IoU of its masks make one score.

    Returns:
        (B,) float64.

    Raises:
        ValueError: The lengths differ, a mask belongs to no image, or there is no such rule.
    """
    if rule not in get_args(ScoreRule):
        raise ValueError(f"unknown rule {rule!r}; choose one of {get_args(ScoreRule)}")
    values = np.asarray(ious, dtype=np.float64)
    owners = np.asarray(mask_image, dtype=np.int64)
    if values.ndim != 1 or values.shape != owners.shape:
        raise ValueError(f"ious are {values.shape} but mask_image is {owners.shape}; both must be (M,)")
    if owners.size and (owners.min() < 0 or owners.max() >= images):
        raise ValueError(f"mask_image spans {owners.min()}..{owners.max()}; it must be in 0..{images - 1}")
    if rule == "minimum":
        lowest = np.full(images, np.inf)
        np.minimum.at(lowest, owners, values)
        return np.where(np.isinf(lowest), MASKLESS_SCORE, lowest)
    counts = np.bincount(owners, minlength=images)
    means = np.bincount(owners, values, minlength=images) / np.maximum(counts, 1)
    return np.where(means == 0, MASKLESS_SCORE, means)


class MemoryBank:
    """Keeps the last `capacity` experiences and samples them by priority.

    With a folder, experiences live in its segment files, one per `add`, and only those sampled are
    read; without, the same bytes are in memory, about 0.1 MB per location of rendered rooms. A segment
    file is deleted when all its locations are replaced and neither of the last two states refers to it:
    the last one may belong to a checkpoint that is still being written, and then a run resumes from the one
    before.
    """

    def __init__(self, capacity: int = 20_000, folder: Path | None = None, prioritized: bool = True) -> None:
        """Make an empty bank.

        Args:
            capacity: Experiences kept, one or more of each location; the oldest is replaced first.
            folder: Where segment files go; made by the first `add`. Segments that an earlier bank left there
                are overwritten as the new bank grows, unless `restore` brings them back.
            prioritized: Whether sampling follows the priorities; otherwise it is uniform.

        Raises:
            ValueError: The capacity is not positive.
        """
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}; it must be at least 1")
        self.capacity = capacity
        self.folder = Path(folder) if folder is not None else None
        self.prioritized = prioritized
        self._cursor = 0
        self._slots: list[tuple[Segment, int]] = []
        self._priorities = np.empty(0, dtype=np.float64)
        self._segments_written = 0
        self._checksums: dict[str, int] = {}
        self._saved: deque[frozenset[str]] = deque(maxlen=2)

    def __len__(self) -> int:
        """Return the number of locations held."""
        return len(self._slots)

    @property
    def priorities(self) -> npt.NDArray[np.float64]:
        """Priority of each location held, (len(self),) float64; a copy."""
        return self._priorities.copy()

    def add(self, experiences: Sequence[Experience]) -> None:
        """Add locations with the priority of new ones, replacing the oldest if there is no room.

        Args:
            experiences: In the order in which they will be replaced. Of more than `capacity` only
                the last ones are kept; of none, nothing is done.

        Raises:
            OSError: The folder cannot be written to, or the disk is full; the bank is unchanged.
        """
        kept = list(experiences)[-self.capacity :]
        if not kept:
            return
        segment = self._make_segment(kept)
        growth = min(len(kept), self.capacity - len(self._slots))
        self._priorities = np.append(self._priorities, np.empty(growth))
        for index in range(len(kept)):
            # While the bank grows the cursor is at its end, so this appends; later it replaces.
            self._slots[self._cursor : self._cursor + 1] = [(segment, index)]
            self._priorities[self._cursor] = NEW_PRIORITY
            self._cursor = (self._cursor + 1) % self.capacity
        self._delete_unused()

    def sample(
        self, batch_size: int, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.int64], list[Experience]]:
        """Draw locations without replacement, with probability proportional to priority.

        Args:
            batch_size: How many; at least 1, at most `len(self)`.
            rng: Source of randomness.

        Returns:
            Indices (batch_size,) int64 for `update_priorities`, valid until the next `add`, and the
            experiences.

        Raises:
            ValueError: The bank holds fewer locations.
            MemoryBankError: A segment file is missing or cannot be read.
        """
        indices = self.draw(batch_size, rng)
        return indices, self.read(indices)

    def draw(self, batch_size: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Draw the indices of locations; see `sample` for arguments and errors.

        Location i gets an exponentially distributed time of rate priority_i, and those that come first are
        taken: this is exactly a sequence of draws, each in proportion to the priorities of the locations left
        (Efraimidis and Spirakis, 2006), in time linear in the bank's size.

        Returns:
            (batch_size,) int64 in the order of the drawing. `len(self)` numbers are drawn from `rng`,
            regardless of the priorities.
        """
        if not 1 <= batch_size <= len(self):
            raise ValueError(f"batch_size is {batch_size}; the bank can give 1..{len(self)} locations")
        times = rng.standard_exponential(len(self))
        if self.prioritized:
            times /= self._priorities
        first = np.argpartition(times, batch_size - 1)[:batch_size]
        return np.asarray(first[np.argsort(times[first])], dtype=np.int64)

    def read(self, indices: npt.NDArray[np.int64]) -> list[Experience]:
        """Return the experiences of indices that `draw` gave.

        Raises:
            MemoryBankError: A segment file is missing or cannot be read.
        """
        return [self._slots[index][0].read(self._slots[index][1]) for index in indices]

    def update_priorities(self, indices: npt.NDArray[np.int64], scores: npt.ArrayLike) -> None:
        """Set the priorities of locations that were just used.

        Args:
            indices: (n,) int64, as given by `sample`.
            scores: (n,) in [0, 1], as given by `image_scores`.

        Raises:
            ValueError: The lengths differ, an index is not in the bank, or a score is not in [0, 1].
        """
        indices = np.asarray(indices, dtype=np.int64)
        values = np.asarray(scores, dtype=np.float64)
        if indices.ndim != 1 or indices.shape != values.shape:
            raise ValueError(f"indices are {indices.shape} but scores are {values.shape}; both must be (n,)")
        if indices.size and (indices.min() < 0 or indices.max() >= len(self)):
            raise ValueError(
                f"indices span {indices.min()}..{indices.max()}; the bank holds 0..{len(self) - 1}"
            )
        wrong = values[~((values >= 0) & (values <= 1))]
        if wrong.size:
            raise ValueError(f"a score is {wrong[0]}; scores must be in [0, 1]")
        self._priorities[indices] = priority(values)

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs besides the segment files, as JSON-able values.

        The files it names are kept at least until two further states have been taken.

        Raises:
            MemoryBankError: The bank has no folder, so its experiences would be lost.
        """
        if self.folder is None:
            raise MemoryBankError("a bank without a folder cannot be saved; give it a folder")
        segments = list(dict.fromkeys(slot[0] for slot in self._slots))
        files = [segment for segment in segments if isinstance(segment, FileSegment)]
        numbers = {segment: number for number, segment in enumerate(segments)}
        self._saved.append(frozenset(segment.path.name for segment in files))
        return {
            "format": STATE_FORMAT,
            "capacity": self.capacity,
            "cursor": self._cursor,
            "segments_written": self._segments_written,
            "priorities": self._priorities.tolist(),
            "segments": [
                {
                    "name": segment.path.name,
                    "locations": segment.locations,
                    "crc32": self._checksums[segment.path.name],
                }
                for segment in files
            ],
            "slots": [[numbers[segment], index] for segment, index in self._slots],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Return to a state, reading the segment files of the folder.

        Every file the state names is checked against its checksum. If that fails the bank is unchanged.

        Args:
            state: What `state` returned, possibly converted to JSON and back.

        Raises:
            MemoryBankError: The bank has no folder, the state is of another format or capacity or is
                inconsistent, or a segment file is missing or corrupt.
        """
        if self.folder is None:
            raise MemoryBankError("a bank without a folder cannot be restored; give it a folder")
        if state.get("format") != STATE_FORMAT:
            raise MemoryBankError(f"the state has format {state.get('format')}, not {STATE_FORMAT}")
        if state.get("capacity") != self.capacity:
            raise MemoryBankError(
                f"the state is of a bank of capacity {state.get('capacity')}, this one has {self.capacity}; "
                "make the bank with the capacity of the state"
            )
        try:
            checksums = {entry["name"]: entry["crc32"] for entry in state["segments"]}
            segments = [
                FileSegment.open(self.folder / entry["name"], entry["locations"], entry["crc32"])
                for entry in state["segments"]
            ]
            slots: list[tuple[Segment, int]] = [(segments[number], index) for number, index in state["slots"]]
            priorities = np.array(state["priorities"], dtype=np.float64)
            cursor, segments_written = int(state["cursor"]), int(state["segments_written"])
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise MemoryBankError(f"the state is damaged ({type(error).__name__}: {error})") from error
        cursors = range(self.capacity) if len(slots) == self.capacity else [len(slots)]
        if len(slots) > self.capacity or priorities.shape != (len(slots),) or cursor not in cursors:
            raise MemoryBankError(
                f"the state is damaged: {len(slots)} locations, {priorities.size} priorities and cursor "
                f"{cursor} do not fit a bank of capacity {self.capacity}"
            )
        for segment, index in slots:
            if not 0 <= index < segment.locations:
                raise MemoryBankError(f"the state is damaged: {index} of {segment.locations} in a segment")
        self._slots, self._priorities = slots, priorities
        self._cursor, self._segments_written = cursor, segments_written
        self._checksums = checksums
        self._saved.clear()
        self._saved.append(frozenset(checksums))

    def _make_segment(self, experiences: Sequence[Experience]) -> Segment:
        if self.folder is None:
            return ArraySegment(experiences)
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{SEGMENT_PREFIX}{self._segments_written:08d}{SEGMENT_SUFFIX}"
        segment, checksum = FileSegment.write(self.folder / name, experiences)
        self._segments_written += 1
        self._checksums[name] = checksum
        return segment

    def _delete_unused(self) -> None:
        """Delete the segment files that nothing refers to any more."""
        if self.folder is None:
            return
        remove_temporaries(self.folder)
        live = {slot[0].path.name for slot in self._slots if isinstance(slot[0], FileSegment)}
        needed = live.union(*self._saved)
        for path in self.folder.glob(f"{SEGMENT_PREFIX}*{SEGMENT_SUFFIX}"):
            number = path.name.removeprefix(SEGMENT_PREFIX).removesuffix(SEGMENT_SUFFIX)
            # Later numbers were left by a run that was killed, and may belong to its newer checkpoints.
            if path.name not in needed and number.isdigit() and int(number) < self._segments_written:
                path.unlink(missing_ok=True)
                self._checksums.pop(path.name, None)
