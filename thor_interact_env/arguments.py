"""Reading of what users hand to the environment: its locations, and the options of a reset."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from thor_interact_env.errors import InvalidOptionError, UnknownSplitError
from thor_interact_env.locations import SPLITS, Location, LocationDataset, split_rooms


def parse_locations(
    locations: str | os.PathLike[str] | Sequence[Location],
) -> tuple[tuple[str, ...], tuple[Location, ...] | None]:
    """Return the rooms to draw from, or the locations to choose from."""
    if isinstance(locations, str) and locations in SPLITS:
        return split_rooms(locations), None
    if isinstance(locations, str | os.PathLike):
        path = Path(locations)
        if path.suffix != ".json":
            raise UnknownSplitError(
                f"locations {str(locations)!r} is neither a split ({', '.join(SPLITS)}) nor a .json file"
            )
        chosen: tuple[Any, ...] = LocationDataset.read(path).locations
    else:
        chosen = tuple(locations)
    for item in chosen:
        if not isinstance(item, Location):
            raise InvalidOptionError(f"locations holds {item!r}, which is not a Location")
    if not chosen:
        raise InvalidOptionError(f"locations {locations!r} holds no location; at least one is needed")
    return (), chosen


def location_option(options: dict[str, Any] | None) -> Location | None:
    """Return the location that `reset` was given, or None."""
    unknown = set(options or ()) - {"location"}
    if unknown:
        names = ", ".join(sorted(map(repr, unknown)))
        raise InvalidOptionError(f"unknown reset option {names}; the only option is 'location'")
    if not options:
        return None
    location = options["location"]
    if isinstance(location, Location):
        return location
    if isinstance(location, Mapping):
        return Location.from_json(location)
    raise InvalidOptionError(f"location {location!r} is neither a Location nor a thor_meta mapping")
