"""How the memory bank keeps experiences: many at a time, in memory or in one safetensors file."""

import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from selfsup.change import GRID
from selfsup.feedback import Experience

PARTIAL_SUFFIX = ".partial"
"""Ending of a segment file while it is being written."""


class MemoryBankError(RuntimeError):
    """What the memory bank has stored cannot be read, or does not fit what is asked of it."""


class Segment(Protocol):
    """Experiences that were added together."""

    @property
    def locations(self) -> int:
        """Number of experiences."""

    def read(self, index: int) -> Experience:
        """Return one of the experiences, 0..locations-1."""


class ArraySegment:
    """A segment held in memory."""

    def __init__(self, experiences: Sequence[Experience]) -> None:
        """Copy the experiences; masks are packed to bits.

        Args:
            experiences: At least one.
        """
        self._arrays = _packed(experiences)
        for array in self._arrays.values():
            array.setflags(write=False)

    @property
    def locations(self) -> int:
        """Number of experiences."""
        return len(self._arrays["rgb"])

    def read(self, index: int) -> Experience:
        """Return an experience; its arrays are read-only, except for the masks.

        Args:
            index: 0..locations-1.
        """

        def rows(name: str, start: int, stop: int) -> npt.NDArray[Any]:
            return self._arrays[name][start:stop]

        return _unpacked(rows, self._arrays["success_ends"], self._arrays["failure_ends"], index)


class FileSegment:
    """A segment in a file, of which only the experiences asked for are read."""

    def __init__(self, path: Path, success_ends: npt.NDArray[np.int64], failure_ends: npt.NDArray[np.int64]):
        """Describe a file; use `write` or `open` instead."""
        self.path = path
        self._success_ends = success_ends
        self._failure_ends = failure_ends

    @classmethod
    def write(cls, path: Path, experiences: Sequence[Experience]) -> tuple["FileSegment", int]:
        """Write experiences to a new file, which appears under its name only when complete.

        Args:
            path: The file; an existing one is replaced.
            experiences: At least one.

        Returns:
            The segment, and the CRC-32 of its file.
        """
        arrays = _packed(experiences)
        partial = path.with_name(path.name + PARTIAL_SUFFIX)
        save_file(arrays, partial)
        checksum = file_checksum(partial)
        os.replace(partial, path)
        return cls(path, arrays["success_ends"], arrays["failure_ends"]), checksum

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
                success_ends, failure_ends = file.get_tensor("success_ends"), file.get_tensor("failure_ends")
        except (OSError, SafetensorError) as error:
            raise _unreadable(path, error) from error
        if len(success_ends) != locations:
            raise MemoryBankError(
                f"segment {path} holds {len(success_ends)} locations, not {locations}; "
                "restore the file that belongs to this state"
            )
        return cls(path, success_ends, failure_ends)

    @property
    def locations(self) -> int:
        """Number of experiences."""
        return len(self._success_ends)

    def read(self, index: int) -> Experience:
        """Read an experience.

        Args:
            index: 0..locations-1.

        Raises:
            MemoryBankError: The file is missing or cannot be read.
        """
        try:
            # Opened anew each time: a bank may have more segments than a process may have open files.
            with safe_open(self.path, framework="numpy") as file:

                def rows(name: str, start: int, stop: int) -> npt.NDArray[Any]:
                    # The library refuses an empty slice at the end; those arrays are the small ones.
                    empty = start == stop
                    array: npt.NDArray[Any] = (
                        file.get_tensor(name)[:0] if empty else file.get_slice(name)[start:stop]
                    )
                    return array

                return _unpacked(rows, self._success_ends, self._failure_ends, index)
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


def _packed(experiences: Sequence[Experience]) -> dict[str, npt.NDArray[Any]]:
    """Return n experiences as few arrays: per location, and one after another for the points."""
    masks = np.concatenate([experience.masks for experience in experiences])
    return {
        "rgb": np.stack([experience.rgb for experience in experiences]),
        "depth": np.stack([experience.depth for experience in experiences]),
        "success_ends": np.cumsum([len(experience.success_points) for experience in experiences]),
        "failure_ends": np.cumsum([len(experience.failure_points) for experience in experiences]),
        "success_points": np.concatenate([experience.success_points for experience in experiences]),
        "failure_points": np.concatenate([experience.failure_points for experience in experiences]),
        "masks": np.packbits(masks.reshape(len(masks), GRID * GRID), axis=1),
        "forces": np.concatenate([experience.forces for experience in experiences]),
        "feedback": np.concatenate([experience.feedback for experience in experiences]),
    }


def _unpacked(
    rows: Callable[[str, int, int], npt.NDArray[Any]],
    success_ends: npt.NDArray[np.int64],
    failure_ends: npt.NDArray[np.int64],
    index: int,
) -> Experience:
    """Return one experience, given access to rows start..stop-1 of the packed arrays."""

    def span(ends: npt.NDArray[np.int64]) -> tuple[int, int]:
        return (int(ends[index - 1]) if index else 0), int(ends[index])

    successes, failures = span(success_ends), span(failure_ends)
    bits = np.unpackbits(rows("masks", *successes), axis=1, count=GRID * GRID)
    fields: Mapping[str, npt.NDArray[Any]] = {
        name: rows(name, *successes) for name in ("success_points", "forces", "feedback")
    }
    return Experience(
        rgb=rows("rgb", index, index + 1)[0],
        depth=rows("depth", index, index + 1)[0],
        masks=bits.view(np.bool_).reshape(-1, GRID, GRID),
        failure_points=rows("failure_points", *failures),
        **fields,
    )
