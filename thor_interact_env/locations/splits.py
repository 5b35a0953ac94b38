"""The 120 rooms by type, the splits with held-out rooms, and the procedural rooms."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from thor_interact_env.errors import UnknownRoomError, UnknownSplitError

ROOM_TYPES: Final[Mapping[str, range]] = MappingProxyType(
    {
        "kitchen": range(1, 31),
        "living_room": range(201, 231),
        "bedroom": range(301, 331),
        "bathroom": range(401, 431),
    }
)
"""The numbers of the rooms of each type: room 7 is called `"FloorPlan7"`."""

ALL_ROOMS: Final[tuple[str, ...]] = tuple(
    f"FloorPlan{number}" for numbers in ROOM_TYPES.values() for number in numbers
)
"""The names of all 120 rooms: kitchens, living rooms, bedrooms, bathrooms."""

_PROCEDURAL = re.compile(r"Procedural(0|[1-9][0-9]*)", re.ASCII)
_TYPE_OF_ROOM = {f"FloorPlan{number}": name for name, numbers in ROOM_TYPES.items() for number in numbers}


def room_type(scene: str) -> str:
    """Return `"kitchen"`, `"living_room"`, `"bedroom"` or `"bathroom"`.

    The rooms `"Procedural0"`, `"Procedural1"`, ... of the embedded simulator take the four types in turn.

    Args:
        scene: Name of a room, such as `"FloorPlan7"` or `"Procedural12"`.

    Raises:
        UnknownRoomError: There is no such room.

    Examples:
        >>> room_type("FloorPlan301")
        'bedroom'
        >>> room_type("Procedural3")
        'bathroom'
    """
    found = _PROCEDURAL.fullmatch(scene) if isinstance(scene, str) else None
    if found:
        return tuple(ROOM_TYPES)[int(found[1][-2:]) % 4]
    try:
        return _TYPE_OF_ROOM[scene]
    except (KeyError, TypeError):
        ranges = ", ".join(f"FloorPlan{n[0]}-{n[-1]} ({name})" for name, n in ROOM_TYPES.items())
        raise UnknownRoomError(
            f"there is no room {scene!r}; the rooms are {ranges}, and Procedural0, Procedural1, ... "
            "(the four types in turn)"
        ) from None


def _rooms(types: Sequence[str], first: int, last: int) -> tuple[str, ...]:
    """Names of the `first`-th to `last`-th room (from 1, inclusive) of each of the types."""
    return tuple(f"FloorPlan{number}" for name in types for number in ROOM_TYPES[name][first - 1 : last])


SPLITS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "NovelSpaces/train": _rooms(tuple(ROOM_TYPES), 1, 20),
        "NovelSpaces/val": _rooms(tuple(ROOM_TYPES), 21, 25),
        "NovelSpaces/test": _rooms(tuple(ROOM_TYPES), 26, 30),
        "NovelObjects/train": _rooms(("kitchen", "living_room"), 1, 30),
        "NovelObjects/val": _rooms(("bathroom",), 1, 30),
        "NovelObjects/test": _rooms(("bedroom",), 1, 30),
    }
)
"""Rooms of each split (paper section 5): NovelSpaces holds out rooms, NovelObjects a type of room.

The paper has no rooms for validation. For NovelSpaces they come from its 30 rooms of a type. For
NovelObjects they are the bathrooms, which the paper uses neither for training nor for the test: their objects
are equally novel, and the 60 training rooms and 30 test rooms are unchanged.
"""


def split_rooms(name: str) -> tuple[str, ...]:
    """Return the names of the rooms of a split.

    Args:
        name: A key of `SPLITS`, such as `"NovelSpaces/train"`.

    Raises:
        UnknownSplitError: There is no such split.
    """
    try:
        return SPLITS[name]
    except (KeyError, TypeError):
        raise UnknownSplitError(f"there is no split {name!r}; the splits are {', '.join(SPLITS)}") from None
