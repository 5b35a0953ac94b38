"""How the memory bank keeps experiences: many at a time, in memory or in one safetensors file.

Both hold the same bytes: images compressed without loss, some 0.1 MB per location in rendered rooms, where
the plain arrays take 0.45 MB. 20,000 locations are 2.3 GB. A further view of a location is kept as its
difference from the first one. Files are mapped into memory only while they are read: the system's file cache
keeps as much as fits, and a process itself holds almost nothing.
"""

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from zstandard import ZstdCompressor, ZstdDecompressor, ZstdError

from selfsup.experience import Experience
from selfsup.files import write_whole
from selfsup.grid import GRID, IMAGE_SIZE

MILLIMETRES = 1000
"""Steps of stored depth in a metre."""

_ENDS = ("rgb_ends", "depth_ends", "success_ends", "failure_ends")

_REFERENCE = "reference"

_LEVEL = 3
"""Of the compression: Zstandard's default."""

_IMAGES: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
    "rgb": ((IMAGE_SIZE, IMAGE_SIZE, 3), np.dtype(np.uint8)),
    "depth": ((IMAGE_SIZE, IMAGE_SIZE), np.dtype(np.uint16)),
}
"""Shape and type of each image of an experience, as stored."""

MIN_EQUAL_FRACTION = 0.5
"""A view is kept as its difference from another one when at least this fraction of the pixels is equal."""


class MemoryBankError(RuntimeError):
    """The stored content of a memory bank cannot be read, or does not fit the bank."""


class Segment(Protocol):
    """Experiences that were added together."""

    @property
    def locations(self) -> int:
        """Number of experiences."""

    def read(self, index: int) -> Experience:
        """Return one of the experiences, 0..locations-1."""


class ArraySegment:
    """A segment held in memory: the arrays that a file would hold."""

    def __init__(self, experiences: Sequence[Experience]) -> None:
        """Pack the experiences.

        Args:
            experiences: At least one.
        """
        self._arrays = pack(experiences)

    @property
    def locations(self) -> int:
        """Number of experiences."""
        return len(self._arrays["rgb_ends"])

    @property
    def size(self) -> int:
        """Bytes of memory that the experiences take."""
        return sum(array.nbytes for array in self._arrays.values())

    def read(self, index: int) -> Experience:
        """Return an experience, in new memory.

        Args:
            index: 0..locations-1.
        """

        def rows(name: str, start: int, stop: int) -> npt.NDArray[Any]:
            return self._arrays[name][start:stop].copy()

        return unpack(rows, _index(self._arrays), index)


class FileSegment:
    """A segment in a file, of which only the requested experiences are read."""

    def __init__(self, path: Path, ends: Mapping[str, npt.NDArray[np.int64]]) -> None:
        """Describe a file; use `write` or `open` instead."""
        self.path = path
        self._ends = ends

    @classmethod
    def write(cls, path: Path, experiences: Sequence[Experience]) -> tuple["FileSegment", int]:
        """Write experiences to a new file, which appears under its name only when complete.

        Args:
            path: The file; an existing one is replaced.
            experiences: At least one.

        Returns:
            The segment, and the CRC-32 of its file.

        Raises:
            OSError: The folder cannot be written to, or the disk is full; no file remains.
        """
        arrays = pack(experiences)
        content = save(arrays)
        write_whole(path, content)
        return cls(path, _index(arrays)), zlib.crc32(content)

    @classmethod
    def open(cls, path: Path, locations: int, checksum: int) -> "FileSegment":
        """Open a file that `write` made, and check that it is unchanged.

        Args:
            path: The file.
            locations: How many experiences it must hold.
            checksum: The CRC-32 it must have.

        Raises:
            MemoryBankError: The file is missing, or is not the one that was written.
        """
        try:
            found = file_checksum(path)
            if found != checksum:
                raise MemoryBankError(
                    f"segment {path} is corrupt: its CRC-32 is {found:08x}, not {checksum:08x}; "
                    "restore the file or start from an earlier checkpoint"
                )
            with safe_open(path, framework="numpy") as file:
                ends = {name: file.get_tensor(name) for name in (*_ENDS, _REFERENCE)}
        except (OSError, SafetensorError) as error:
            raise _unreadable(path, error) from error
        if len(ends["rgb_ends"]) != locations:
            raise MemoryBankError(
                f"segment {path} holds {len(ends['rgb_ends'])} locations, not {locations}; "
                "restore the file that belongs to this state"
            )
        return cls(path, ends)

    @property
    def locations(self) -> int:
        """Number of experiences."""
        return len(self._ends["rgb_ends"])

    def read(self, index: int) -> Experience:
        """Read an experience.

        Args:
            index: 0..locations-1.

        Raises:
            MemoryBankError: The file is missing or cannot be read.
        """
        try:
            # Opened for each read: a bank may have more segments than a process may have open files.
            with safe_open(self.path, framework="numpy") as file:

                def rows(name: str, start: int, stop: int) -> npt.NDArray[Any]:
                    # The library refuses an empty slice at the end; those arrays are the small ones.
                    empty = start == stop
                    array: npt.NDArray[Any] = (
                        file.get_tensor(name)[:0] if empty else file.get_slice(name)[start:stop]
                    )
                    return array

                return unpack(rows, self._ends, index)
        except (OSError, SafetensorError, ValueError) as error:
            raise _unreadable(self.path, error) from error


def file_checksum(path: Path) -> int:
    """Return the CRC-32 of a file, read in pieces.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be read.
    """
    checksum = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 22):
            checksum = zlib.crc32(piece, checksum)
    return checksum


def _unreadable(path: Path, error: Exception) -> MemoryBankError:
    return MemoryBankError(
        f"segment {path} cannot be read ({error}); restore the file or start from an earlier checkpoint"
    )


def encode_image(image: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """Return the bytes of a Zstandard frame, from which `decode_image` restores an image exactly.

    Depth is stored as differences from the pixel on the left, modulo their range, which takes half the size.

    Args:
        image: (300, 300, 3) uint8 or (300, 300) uint16.

    Returns:
        (n,) uint8.
    """
    stored = image
    if image.ndim == 2:
        stored = image.copy()
        stored[:, 1:] -= image[:, :-1]
    # Rendered views take a third of their size, depth a sixth; higher levels gain little.
    frame = ZstdCompressor(_LEVEL).compress(stored.tobytes())
    return np.frombuffer(frame, np.uint8)


def decode_image(encoded: npt.NDArray[np.uint8], kind: str) -> npt.NDArray[Any]:
    """Return the image that `encode_image` was given, in new memory.

    Args:
        encoded: (n,) uint8.
        kind: `rgb` or `depth`.

    Raises:
        ValueError: The bytes are not those of such an image.
    """
    shape, dtype = _IMAGES[kind]
    wanted = math.prod(shape) * dtype.itemsize
    try:
        content = ZstdDecompressor().decompress(encoded.tobytes(), max_output_size=wanted)
    except ZstdError as error:
        raise ValueError(f"{encoded.size} bytes are no {kind} image: {error}") from None
    if len(content) != wanted:
        raise ValueError(f"{kind} image has {len(content)} bytes; it must have {wanted}")
    image = np.frombuffer(content, dtype).reshape(shape)
    return np.add.accumulate(image, axis=1, dtype=dtype) if image.ndim == 2 else image.copy()


def depth_to_millimetres(depth: npt.NDArray[np.floating]) -> npt.NDArray[np.uint16]:
    """Return depth in whole millimetres, the usual encoding of depth cameras.

    The error is at most 0.5 mm up to 65.535 m; a half-precision float in metres is off by up to 1.95 mm
    from 4 m on. Tenths of a millimetre would reach only 6.55 m and compress half as well.

    Args:
        depth: Any shape, metres, at least 0; larger values are clipped to the range.
    """
    millimetres = np.rint(depth.astype(np.float32) * MILLIMETRES)
    return np.clip(millimetres, 0, np.iinfo(np.uint16).max).astype(np.uint16)


def pack(experiences: Sequence[Experience]) -> dict[str, npt.NDArray[Any]]:
    """Return n experiences as few arrays, whose items follow one another location by location.

    RGB and depth are compressed (`encode_image`), `rgb_ends` and `depth_ends` (n,) say after how many bytes
    each ends; masks are packed to bits. `reference` (n,) is the index of the experience whose images must be
    added to the decoded ones, modulo their range; its own index where they are whole. All but depth, which is
    rounded to millimetres, is restored exactly.

    Args:
        experiences: At least one.
    """
    masks = np.concatenate([experience.masks for experience in experiences])
    references = _references(experiences)
    depths = [depth_to_millimetres(experience.depth) for experience in experiences]
    rgb, depth = [], []
    for number, reference in enumerate(references):
        whole = number == reference
        seen = experiences[number].rgb
        rgb.append(encode_image(seen if whole else seen - experiences[reference].rgb))
        depth.append(encode_image(depths[number] if whole else depths[number] - depths[reference]))
    return {
        "rgb": np.concatenate(rgb),
        "rgb_ends": np.cumsum([len(encoded) for encoded in rgb]),
        "depth": np.concatenate(depth),
        "depth_ends": np.cumsum([len(encoded) for encoded in depth]),
        "success_ends": np.cumsum([len(experience.success_points) for experience in experiences]),
        "failure_ends": np.cumsum([len(experience.failure_points) for experience in experiences]),
        "success_points": np.concatenate([experience.success_points for experience in experiences]),
        "failure_points": np.concatenate([experience.failure_points for experience in experiences]),
        "masks": np.packbits(masks.reshape(len(masks), GRID * GRID), axis=1),
        "forces": np.concatenate([experience.forces for experience in experiences]),
        "feedback": np.concatenate([experience.feedback for experience in experiences]),
        _REFERENCE: np.array(references, np.int64),
    }


def _references(experiences: Sequence[Experience]) -> list[int]:
    """Return the number of the experience to which each is compared: the last whole one, or itself."""
    references: list[int] = []
    whole = 0
    for number, experience in enumerate(experiences):
        equal = (experience.rgb == experiences[whole].rgb).all(axis=2)
        if equal.mean() < MIN_EQUAL_FRACTION:
            whole = number
        references.append(whole)
    return references


def _index(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.int64]]:
    """Return those of the packed arrays that say where the parts of each experience are."""
    return {name: arrays[name] for name in (*_ENDS, _REFERENCE)}


def unpack(
    rows: Callable[[str, int, int], npt.NDArray[Any]],
    ends: Mapping[str, npt.NDArray[np.int64]],
    index: int,
) -> Experience:
    """Return one of the experiences that `pack` was given.

    Args:
        rows: Returns the items start..stop-1 of the packed array of a name.
        ends: The packed arrays whose names end in `_ends`, and `reference`.
        index: 0..n-1.

    Raises:
        ValueError: An image cannot be decoded, or a value is out of range.
    """

    def part(name: str, kind: str, number: int = index) -> npt.NDArray[Any]:
        return rows(name, int(ends[kind][number - 1]) if number else 0, int(ends[kind][number]))

    def image(name: str) -> npt.NDArray[Any]:
        seen = decode_image(part(name, f"{name}_ends"), name)
        reference = int(ends[_REFERENCE][index])
        if reference != index:
            seen += decode_image(part(name, f"{name}_ends", reference), name)
        return seen

    bits = np.unpackbits(part("masks", "success_ends"), axis=1, count=GRID * GRID)
    fields: Mapping[str, npt.NDArray[Any]] = {
        name: part(name, "success_ends") for name in ("success_points", "forces", "feedback")
    }
    return Experience(
        rgb=image("rgb"),
        depth=image("depth") / np.float32(MILLIMETRES),
        masks=bits.view(np.bool_).reshape(-1, GRID, GRID),
        failure_points=part("failure_points", "failure_ends"),
        **fields,
    )
