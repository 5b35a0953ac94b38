"""Recorded episodes: a start, its actions, and a digest of every result, which a replay must reproduce.

`examples/replay.py` records random touches and replays any recording; `python -m thor_interact_env.play`
saves the episodes of a person.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from thor_interact_env.actions import check_action
from thor_interact_env.checks import is_integer
from thor_interact_env.errors import InvalidActionError, InvalidLocationError, RecordingError
from thor_interact_env.files import write_whole
from thor_interact_env.locations.location import Location


def digest(item: Any) -> str:
    """Return the SHA-256 of the result of `reset` or `step`: of every array's bytes and every number.

    Args:
        item: Arrays, numbers and text, in mappings and tuples of any depth; the order of a mapping's entries
            does not matter.

    Returns:
        64 hexadecimal digits.

    Examples:
        >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
        True
        >>> digest(np.zeros(2, np.int8)) == digest(np.zeros(2, np.uint8))
        False
    """
    sha = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, Mapping):
            for key in sorted(value):
                sha.update(key.encode())
                add(value[key])
        elif isinstance(value, tuple):
            for part in value:
                add(part)
        elif isinstance(value, np.ndarray):
            sha.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
        else:
            sha.update(repr(value).encode())

    add(item)
    return sha.hexdigest()


@dataclass(frozen=True)
class Recording:
    """An episode that can be repeated.

    Attributes:
        seed: Seed of the reset.
        actions: The touches in order, each row, column, force index and direction index.
        sha256: `digest` of the result of the reset and of each step, with the default arguments of
            `ThorInteract-v0` and as many interactions as there are actions.
        location: Where the episode starts; None: where the seed alone leads.
    """

    seed: int
    actions: Sequence[tuple[int, int, int, int]]
    sha256: Sequence[str]
    location: Location | None = None

    @property
    def options(self) -> dict[str, Any] | None:
        """The options of the reset."""
        return None if self.location is None else {"location": self.location}

    def to_json(self) -> dict[str, Any]:
        """Return the recording as a JSON object."""
        place = {} if self.location is None else {"location": self.location.to_json()}
        actions = [list(action) for action in self.actions]
        return {"seed": self.seed, **place, "actions": actions, "sha256": list(self.sha256)}

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a JSON file, whole or not at all."""
        write_whole(path, json.dumps(self.to_json(), indent=1).encode())

    @classmethod
    def from_json(cls, value: object) -> Recording:
        """Return the recording that `to_json` described.

        Raises:
            RecordingError: An entry is missing or malformed; the message names it.
            InvalidLocationError: A field of the location is missing or wrong.
        """
        if not isinstance(value, Mapping):
            raise RecordingError(f"a recording is a JSON object, not {type(value).__name__}")
        missing = [name for name in ("seed", "actions", "sha256") if name not in value]
        if missing:
            raise RecordingError(f"the recording has no {missing[0]!r}; it needs seed, actions and sha256")
        seed, actions, digests = value["seed"], value["actions"], value["sha256"]
        if not is_integer(seed) or seed < 0:
            raise RecordingError(f"seed {seed!r} of the recording is not an integer of at least 0")
        if not isinstance(actions, list) or not isinstance(digests, list):
            raise RecordingError("actions and sha256 of the recording must be lists")
        try:
            checked = tuple(check_action(action) for action in actions)
        except InvalidActionError as error:
            raise RecordingError(f"the recording: {error}") from error
        if len(digests) != len(checked) + 1 or not all(isinstance(one, str) for one in digests):
            raise RecordingError(
                f"sha256 of the recording has {len(digests)} entries; its {len(checked)} actions need "
                f"{len(checked) + 1} texts, the first of the reset"
            )
        place = value.get("location")
        return cls(seed, checked, tuple(digests), None if place is None else Location.from_json(place))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Recording:
        """Read a file that `write` wrote.

        Raises:
            RecordingError: It is not a recording, or a field of its location is missing or wrong.
            OSError: It cannot be read.
        """
        try:
            value = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError as error:  # also covers text that is not UTF-8
            raise RecordingError(f"{path} is not JSON text: {error}") from error
        try:
            return cls.from_json(value)
        except (RecordingError, InvalidLocationError) as error:
            raise RecordingError(f"{path}: {error}") from error
