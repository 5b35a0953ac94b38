"""The player's side of AI2-THOR's FIFO protocol (ai2thor 5.0.0, `fifo_server.py`).

Two named pipes. A message is a sequence of fields, each a header (type: one byte, length: four bytes, big
endian) and a body, and ends with a header of type 255 and length 0. The player opens its own pipe first and
speaks first, unasked; from then on each action of the client gets one answer.
"""

import contextlib
import fcntl
import json
import os
import struct
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

import msgpack
import numpy as np
import numpy.typing as npt

HEADER: Final = struct.Struct("!BI")

PIPE_BYTES: Final = 1 << 20
"""Capacity asked for: an image with depth and identifiers (990 kB) then takes one write, not fifteen."""


class Field(IntEnum):
    """Types of the fields that this player sends or reads."""

    METADATA = 1
    ACTION = 2
    RGB = 4
    DEPTH = 5
    IDS = 9
    METADATA_PATCH = 11
    END = 255


END: Final = HEADER.pack(Field.END, 0)


def field(kind: int, body: bytes) -> bytes:
    """Return one field with its header."""
    return HEADER.pack(kind, len(body)) + body


def bottom_up(image: npt.NDArray[Any]) -> bytes:
    """Return the bytes of an image as Unity sends them: the lowest row first."""
    return np.ascontiguousarray(image[::-1]).tobytes()


class Connection:
    """The two pipes.

    Args:
        environment: Holds `AI2THOR_FIFO_SERVER_PIPE_PATH` and `AI2THOR_FIFO_CLIENT_PIPE_PATH`.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Open the pipe to the client; blocks until the client opens it too."""
        self._client_path = environment["AI2THOR_FIFO_CLIENT_PIPE_PATH"]
        self._out = os.open(environment["AI2THOR_FIFO_SERVER_PIPE_PATH"], os.O_WRONLY)
        with contextlib.suppress(OSError):  # the system's limit may be lower: slower, not wrong
            fcntl.fcntl(self._out, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._in: Any = None

    def read_action(self) -> dict[str, Any] | None:
        """Wait for the next action; None once the client has closed its pipe."""
        if self._in is None:  # the client opens its end only with the first action
            self._in = open(self._client_path, "rb")  # noqa: SIM115
        action: dict[str, Any] | None = None
        while True:
            header = self._in.read(HEADER.size)
            if len(header) < HEADER.size:
                return None
            kind, length = HEADER.unpack(header)
            if kind == Field.END:
                return action
            body = self._in.read(length)
            if kind == Field.ACTION:
                action = json.loads(body)

    def send_event(
        self, agent: Mapping[str, Any], sequence: int, images: Sequence[tuple[Field, bytes]]
    ) -> None:
        """Send one agent's metadata and its images.

        Args:
            agent: The metadata.
            sequence: Number of the action that is answered; the client refuses any other.
            images: Type and raw bytes, rows bottom up.
        """
        metadata = {"agents": [agent], "thirdPartyCameras": [], "activeAgentId": 0, "sequenceId": sequence}
        parts = [field(Field.METADATA, msgpack.packb(metadata))]
        for kind, body in images:
            parts += [HEADER.pack(kind, len(body)), body]
        self.write(b"".join([*parts, END]))

    def send_patch(self, patch: Mapping[str, Any]) -> None:
        """Send a few entries of the metadata; the client keeps the other entries and the images."""
        self.write(field(Field.METADATA_PATCH, msgpack.packb(dict(patch))) + END)

    def write(self, message: bytes) -> None:
        """Write all of it."""
        rest = memoryview(message)
        while rest:
            rest = rest[os.write(self._out, rest) :]
