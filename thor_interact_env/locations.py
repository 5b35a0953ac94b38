"""Where an agent can be put: single locations, their sampling and the authors' files."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from thor_interact_env.actions import REACH
from thor_interact_env.annotations import Annotation, require_integer, require_object, without_fields
from thor_interact_env.checks import check_reachable_share, is_integer, is_number
from thor_interact_env.errors import (
    DatasetError,
    InvalidLocationError,
    InvalidOptionError,
    UnknownRoomError,
    UnreachableLocationError,
)
from thor_interact_env.files import write_whole
from thor_interact_env.splits import ALL_ROOMS, ROOM_TYPES, SPLITS, room_type, split_rooms
from thor_interact_env.world import OtherWorldWarning, world_of

if TYPE_CHECKING:  # simulators/base.py imports this module
    from thor_interact_env.simulators.base import Observation, Simulator

__all__ = [
    "ALL_ROOMS",
    "HORIZONS",
    "HORIZON_LIMITS",
    "MAX_DRAWS",
    "ROOM_TYPES",
    "ROTATIONS",
    "SEED_LIMIT",
    "SPLITS",
    "Annotation",
    "DatasetEntry",
    "Location",
    "LocationDataset",
    "LocationSampler",
    "room_type",
    "split_rooms",
]

ROTATIONS: Final[tuple[float, ...]] = (0.0, 90.0, 180.0, 270.0)
"""Yaws in degrees from which locations are drawn: 0 looks along +z, 90 along +x."""

HORIZONS: Final[tuple[float, ...]] = (-30.0, 0.0, 30.0, 60.0)
"""Camera pitches in degrees from which locations are drawn: positive looks down."""

HORIZON_LIMITS: Final[tuple[float, float]] = (-30.0, 60.0)
"""Least and greatest camera pitch in degrees."""

SEED_LIMIT: Final = 2**31
"""Spawn seeds are in 0..`SEED_LIMIT` - 1: the non-negative 32-bit integers, which every simulator takes."""

MAX_DRAWS: Final = 30
"""Number of poses a `LocationSampler` looks at before it takes the best of them."""


def _finite(name: str, value: object) -> float:
    if not is_number(value) or not math.isfinite(value):
        raise InvalidLocationError(f"{name} {value!r} of a location is not a finite number")
    return float(value)


@dataclass(frozen=True)
class Location:
    """A room, what stands where in it, and the agent's pose: all that determines the first image.

    Coordinates are AI2-THOR's: left-handed, y up. Whether the agent can stand there is known to the
    simulator alone.

    Attributes:
        scene: Name of the room, such as `"FloorPlan7"`.
        position: x, y and z of the agent's body in metres; y is `actions.AGENT_HEIGHT_Y` on the floor.
        rotation: Yaw in degrees; 0 looks along +z, 90 along +x.
        horizon: Camera pitch in degrees, -30..60; positive looks down.
        seed: Spawn seed, 0..2**31 - 1: decides where the movable objects are.

    Raises:
        InvalidLocationError: A field has the wrong type or is out of range.
    """

    scene: str
    position: tuple[float, float, float]
    rotation: float
    horizon: float
    seed: int

    def __post_init__(self) -> None:
        """Check the fields and bring numbers to plain Python types."""
        if not isinstance(self.scene, str) or not self.scene:
            raise InvalidLocationError(f"scene {self.scene!r} of a location is not the name of a room")
        position = self.position
        if isinstance(position, str | Mapping) or not hasattr(position, "__len__") or len(position) != 3:
            raise InvalidLocationError(f"position {position!r} of a location is not three numbers x, y, z")
        coordinates = tuple(
            _finite(f"position {axis}", value) for axis, value in zip("xyz", position, strict=True)
        )
        rotation = _finite("rotation", self.rotation)
        horizon = _finite("horizon", self.horizon)
        if not HORIZON_LIMITS[0] <= horizon <= HORIZON_LIMITS[1]:
            raise InvalidLocationError(f"horizon {horizon:g} of a location is not in -30..60 degrees")
        if not is_integer(self.seed):
            raise InvalidLocationError(f"seed {self.seed!r} of a location is not an integer")
        if not 0 <= self.seed < SEED_LIMIT:
            raise InvalidLocationError(f"seed {self.seed} of a location is not in 0..{SEED_LIMIT - 1}")
        for name, value in (("position", coordinates), ("rotation", rotation), ("horizon", horizon)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "seed", int(self.seed))

    def to_json(self) -> dict[str, Any]:
        """Return the location as the `thor_meta` object of the authors' files."""
        x, y, z = self.position
        return {
            "scene": self.scene,
            "position": {"x": x, "y": y, "z": z},
            "rotation": self.rotation,
            "horizon": self.horizon,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, thor_meta: object) -> Location:
        """Read the `thor_meta` object of the authors' files.

        Args:
            thor_meta: Mapping with scene (also as AI2-THOR's client names it, `"FloorPlan7_physics"`),
                position {x, y, z}, rotation (degrees, or {x, y, z} whose y is the yaw), horizon and seed;
                other keys are ignored.

        Raises:
            InvalidLocationError: A field is missing, has the wrong type or is out of range.
        """
        if not isinstance(thor_meta, Mapping):
            raise InvalidLocationError(
                f"thor_meta is {thor_meta!r}, not an object with the fields of a location"
            )
        missing = [
            name for name in ("scene", "position", "rotation", "horizon", "seed") if name not in thor_meta
        ]
        if missing:
            raise InvalidLocationError(
                f"thor_meta has no field {missing[0]!r}; it has {sorted(map(str, thor_meta))}"
            )
        scene, position, rotation = thor_meta["scene"], thor_meta["position"], thor_meta["rotation"]
        if isinstance(scene, str):
            scene = scene.removesuffix("_physics")
        if not isinstance(position, Mapping) or any(axis not in position for axis in "xyz"):
            raise InvalidLocationError(f"position {position!r} of thor_meta is not an object with x, y and z")
        if isinstance(rotation, Mapping):
            if "y" not in rotation:
                raise InvalidLocationError(f"rotation {rotation!r} of thor_meta has no field 'y'")
            rotation = rotation["y"]
        coordinates = (position["x"], position["y"], position["z"])
        return cls(scene, coordinates, rotation, thor_meta["horizon"], thor_meta["seed"])


class LocationSampler:
    """Draws locations by the paper's rule, and keeps those with enough of the view in reach.

    A room of the list, a spawn seed, one of the positions at which the agent can stand, a rotation of
    `ROTATIONS` and a horizon of `HORIZONS`, each uniform (paper section 5.1). While less than
    `reachable_share` of the depth image is nearer than 1.5 m, the pose is drawn again in the same room and
    spawn, so rooms stay uniform; after `MAX_DRAWS` poses the one with the greatest share is taken.

    Args:
        simulator: The world; its loaded room is replaced by each draw.
        rooms: Names of the rooms to draw from, such as `split_rooms("NovelSpaces/train")`.
        reachable_share: Least share of the pixels within `REACH`, in 0..1. 0 is the paper's unfiltered rule.

    Raises:
        UnknownRoomError: The simulator lacks one of the rooms.
        InvalidOptionError: There is no room, or the share is not in 0..1.
    """

    def __init__(self, simulator: Simulator, rooms: Sequence[str], reachable_share: float = 0.2) -> None:
        """Check the arguments; see the class."""
        check_reachable_share(reachable_share)
        if not rooms:
            raise InvalidOptionError("a LocationSampler needs at least one room, and got none")
        for room in rooms:
            if not simulator.has_room(room):
                raise UnknownRoomError(
                    f"the simulator has no room {room!r}; it has {', '.join(sorted(simulator.rooms))}"
                )
        self._simulator = simulator
        self._rooms = tuple(rooms)
        self._reachable_share = float(reachable_share)

    def sample(self, rng: np.random.Generator) -> Location:
        """Draw one location at which the agent can stand; see `sample_view`."""
        return self.sample_view(rng)[0]

    def sample_view(self, rng: np.random.Generator) -> tuple[Location, Observation]:
        """Draw one location and return it with its first image; it is the loaded one afterwards.

        Raises:
            UnreachableLocationError: No pose that the simulator accepts was found in `MAX_DRAWS` draws.
        """
        best: Location | None = None
        best_share = -1.0
        room, seed, positions = self._draw_spawn(rng)
        for _ in range(MAX_DRAWS):
            if len(positions) == 0:
                room, seed, positions = self._draw_spawn(rng)
                continue
            location = Location(
                scene=room,
                position=tuple(positions[rng.integers(len(positions))]),
                rotation=ROTATIONS[rng.integers(len(ROTATIONS))],
                horizon=HORIZONS[rng.integers(len(HORIZONS))],
                seed=seed,
            )
            try:
                view = self._simulator.load(location)
            except UnreachableLocationError:
                if best is None:  # perhaps nothing in this spawn can be reached
                    room, seed, positions = self._draw_spawn(rng)
                continue
            share = np.count_nonzero(view["depth"] < REACH) / view["depth"].size
            if share >= self._reachable_share:
                return location, view
            if share > best_share:
                best, best_share = location, share
        if best is None:
            raise UnreachableLocationError(
                f"no reachable position in {MAX_DRAWS} draws from the rooms {', '.join(self._rooms)}"
            )
        return best, self._simulator.load(best)

    def _draw_spawn(self, rng: np.random.Generator) -> tuple[str, int, np.ndarray]:
        room = self._rooms[rng.integers(len(self._rooms))]
        seed = int(rng.integers(2**30))  # the range of the authors' code
        return room, seed, self._simulator.reachable_positions(room, seed)


@dataclass(frozen=True)
class DatasetEntry:
    """One location of a dataset with its ground truth.

    Attributes:
        image_id: Number of the image, unique in its file.
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        location: Where the image is taken.
        annotations: The movable objects in reach.
        thor_meta: `location` as the file states it, or None; written back as it was (a rotation may be
            an object, and keys may be added) as long as it means the same location.
        extra: Further keys of the entry in the file, kept as they are.
    """

    image_id: int
    width: int
    height: int
    location: Location
    annotations: tuple[Annotation, ...] = ()
    thor_meta: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the object that stands in the file."""
        meta = self.thor_meta
        if meta is None or Location.from_json(meta) != self.location:
            meta = self.location.to_json()
        own = {"image_id": self.image_id, "width": self.width, "height": self.height, "thor_meta": dict(meta)}
        return {**own, "annotations": [item.to_json() for item in self.annotations], **self.extra}

    @classmethod
    def from_json(cls, value: object, where: str = "entry") -> DatasetEntry:
        """Check and read one entry; `where` begins the message of a `DatasetError`."""
        names = ("image_id", "width", "height", "thor_meta", "annotations")
        data = require_object(value, where, names)
        try:
            location = Location.from_json(data["thor_meta"])
            room_type(location.scene)
        except (InvalidLocationError, UnknownRoomError) as error:
            raise DatasetError(f"{where}.thor_meta: {error}") from error
        width = require_integer(data["width"], f"{where}.width", 1)
        height = require_integer(data["height"], f"{where}.height", 1)
        items = data["annotations"]
        if not isinstance(items, list):
            raise DatasetError(f"{where}.annotations: expected a list, found {items!r}")
        annotations = tuple(
            Annotation.from_json(item, f"{where}.annotations[{index}]") for index, item in enumerate(items)
        )
        for index, annotation in enumerate(annotations):
            if (size := annotation.segmentation["size"]) != [height, width]:
                place = f"{where}.annotations[{index}].segmentation.size"
                raise DatasetError(
                    f"{place}: expected the image's {[height, width]} (height, width), found {size}"
                )
        return cls(
            image_id=require_integer(data["image_id"], f"{where}.image_id", 0),
            width=width,
            height=height,
            location=location,
            annotations=annotations,
            thor_meta=data["thor_meta"],
            extra=without_fields(data, names),
        )


class LocationDataset(Sequence[DatasetEntry]):
    """A list of locations in the authors' file format (paper section 5.1): JSON, read and written as is.

    Args:
        entries: The locations in order.
    """

    def __init__(self, entries: Sequence[DatasetEntry]) -> None:
        """Keep the entries; see the class."""
        self._entries = tuple(entries)

    def __len__(self) -> int:
        """Return the number of locations."""
        return len(self._entries)

    def __getitem__(self, index: Any) -> Any:
        """Return one entry, or a tuple of them for a slice."""
        return self._entries[index]

    def __iter__(self) -> Iterator[DatasetEntry]:
        """Iterate over the entries in order."""
        return iter(self._entries)

    @property
    def locations(self) -> tuple[Location, ...]:
        """The locations in order."""
        return tuple(entry.location for entry in self._entries)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> LocationDataset:
        """Read and check a file.

        Raises:
            FileNotFoundError: There is no such file.
            DatasetError: The file is not JSON, or a field is missing or wrong; the message names the
                file, the index of the entry, the field, what was found and what is allowed.

        Warns:
            OtherWorldWarning: The entries name another version of the embedded world ("world") than this one.
        """
        file = Path(path)
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise DatasetError(f"{file} is not a JSON file (cut short or damaged?): {error}") from error
        if not isinstance(content, list):
            raise DatasetError(f"{file}: expected a list of entries, found {type(content).__name__}")
        entries: dict[int, DatasetEntry] = {}  # by image_id, in the order of the file
        for index, item in enumerate(content):
            entry = DatasetEntry.from_json(item, f"{file}: entry {index}")
            if entry.image_id in entries:
                first = list(entries).index(entry.image_id)
                raise DatasetError(
                    f"{file}: entry {index}.image_id: expected a number that no other entry has, "
                    f"found {entry.image_id}, which entry {first} has"
                )
            entries[entry.image_id] = entry
        worlds = {str(entry.extra["world"]) for entry in entries.values() if "world" in entry.extra}
        here = world_of("mujoco")
        for other in sorted(worlds - {here}):
            if other.startswith("mujoco"):
                warnings.warn(
                    f"{file} was made in {other}, and this is {here}: its views and ground truth are others; "
                    "make it anew with python -m thor_interact_env.datasets make",
                    OtherWorldWarning,
                    stacklevel=2,
                )
        return cls(tuple(entries.values()))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file under a temporary name, then rename it: readers never see half of it."""
        file = Path(path)
        text = json.dumps([entry.to_json() for entry in self._entries], allow_nan=False)
        write_whole(file, text.encode("utf-8"))
