"""Lists of locations with their ground truth, in the authors' file format."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from thor_interact_env.errors import (
    DatasetError,
    InvalidLocationError,
    UnknownRoomError,
)
from thor_interact_env.files import write_whole
from thor_interact_env.locations.annotations import (
    Annotation,
    require_integer,
    require_object,
    without_fields,
)
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.splits import room_type
from thor_interact_env.world import WITH_OBJECTS, OtherWorldWarning, world_of

_NUMBERED: Final = re.compile(r"(FloorPlan|Procedural)[0-9]+", re.ASCII)
"""Names of rooms of iTHOR and of the embedded simulator; scenes on disk have any others."""


@dataclass(frozen=True)
class DatasetEntry:
    """One location of a dataset with its ground truth.

    Attributes:
        image_id: Number of the image, unique in its file.
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        location: Location of the image.
        annotations: The movable objects in reach.
        thor_meta: `location` as the file states it, or None; written unchanged (a rotation may be
            an object, and keys may be added) as long as it means the same location.
        extra: Further keys of the entry in the file, kept unchanged.
    """

    image_id: int
    width: int
    height: int
    location: Location
    annotations: tuple[Annotation, ...] = ()
    thor_meta: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the object in the format of the file."""
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
            if _NUMBERED.fullmatch(location.scene):
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
    """A list of locations in the authors' file format: JSON, read and written as is.

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
        for other in sorted({world.partition(WITH_OBJECTS)[0] for world in worlds} - {here}):
            if other.startswith("mujoco"):
                warnings.warn(
                    f"{file} was made in {other}, and this is {here}: its views and ground truth differ; "
                    "make it again with python -m thor_interact_env.datasets make",
                    OtherWorldWarning,
                    stacklevel=2,
                )
        return cls(tuple(entries.values()))

    def check_rooms(self, name: str) -> None:
        """Check that all rooms are iTHOR's or procedural, as those of every simulator but "mjcf" are.

        Args:
            name: Name of the list, for messages.

        Raises:
            DatasetError: A room is another: a scene on disk, or misspelt.
        """
        for index, location in enumerate(self.locations):
            try:
                room_type(location.scene)
            except UnknownRoomError as error:
                raise DatasetError(
                    f'{name}: entry {index}.thor_meta: {error}; scenes on disk need the simulator "mjcf"'
                ) from error

    def check_objects(self, name: str, objects: str | os.PathLike[str] | None) -> bool:
        """Check that rooms hold the objects with which the locations and the ground truth were made.

        Args:
            name: Name of the list, for messages.
            objects: Folder of the objects that are added to the rooms, or "Elsewhere"; None adds none.

        Returns:
            Whether the list was made with objects; one made without is possible in all rooms, and its ground
            truth holds only without objects.

        Raises:
            DatasetError: The rooms hold no objects or others.
            ObjectError: The folder cannot be used.
        """
        stated = {
            (str(entry.extra["world"]).partition(WITH_OBJECTS)[2], str(entry.extra.get("objects", "?")))
            for entry in self
            if WITH_OBJECTS in str(entry.extra.get("world"))
        }
        here = world_of("mujoco", objects).partition(WITH_OBJECTS)[2] if stated else ""
        for digest, folder in sorted(stated):
            if digest != here:
                found = (
                    f"those of {os.fspath(objects)!r} ({here}) are others" if objects else "there are none"
                )
                raise DatasetError(
                    f"{name} was made with the objects of {folder!r} ({digest}) in the rooms, and here "
                    f"{found}: name the folder of these objects as the option objects"
                )
        return bool(stated)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file under a temporary name, then rename it: readers never see an incomplete file."""
        file = Path(path)
        text = json.dumps([entry.to_json() for entry in self._entries], allow_nan=False)
        write_whole(file, text.encode("utf-8"))
