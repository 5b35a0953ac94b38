"""The start of an episode, from the arguments of an environment and of a reset."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from thor_interact_env.actions import REACH
from thor_interact_env.checks import check_reach
from thor_interact_env.errors import InvalidOptionError, UnknownSplitError
from thor_interact_env.locations.dataset import LocationDataset
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.splits import SPLITS, split_rooms
from thor_interact_env.simulators import SIMULATORS, check_simulator_name
from thor_interact_env.simulators.base import Simulator
from thor_interact_env.state import SavedState, unpack_state

OPTIONS: Final = ("location", "state")
"""Names of the options of a reset."""

ALL: Final = "all"
"""What stands for all rooms of a simulator where a split is asked for."""

USUAL: Final = "NovelSpaces/train"
"""The split from which locations are drawn by default."""

_MEMBERS: Final = sorted(
    name for name in {*vars(Simulator), *Simulator.__annotations__} if not name.startswith("_")
)

_OWN_WORDS: Final = (*OPTIONS, *(field.name for field in fields(Location)))


def check_simulator(simulator: object, reach: float, options: Mapping[str, Any] | None) -> None:
    """Raise `InvalidOptionError` unless the argument is a simulator or a name, which alone takes options.

    Args:
        simulator: Its name, or the simulator itself.
        reach: Maximum distance of a touch in metres.
        options: Keyword arguments of a named simulator.
    """
    check_reach(reach)
    if isinstance(simulator, str):
        check_simulator_name(simulator)
        if options is not None and not isinstance(options, Mapping):
            raise InvalidOptionError(f"simulator_options is {options!r}; it must be a mapping, or None")
        if options and "reach" in options:
            raise InvalidOptionError("simulator_options holds 'reach'; give it as the argument of that name")
    elif isinstance(simulator, type):
        raise InvalidOptionError(f"simulator is the class {simulator.__name__}; give an object of it")
    elif not isinstance(simulator, Simulator):
        lacking = [name for name in _MEMBERS if not hasattr(simulator, name)]
        raise InvalidOptionError(
            f"simulator {simulator!r} is neither one of {', '.join(SIMULATORS)} nor a Simulator: it has no "
            f"{', '.join(lacking)}"
        )
    elif reach != REACH or options:
        raise InvalidOptionError("reach and simulator_options are for a simulator given by name only")


def parse_locations(
    locations: str | os.PathLike[str] | Sequence[Location | Mapping[str, Any]] | None,
    simulator: object = "mujoco",
    options: Mapping[str, Any] | None = None,
) -> tuple[tuple[str, ...], tuple[Location, ...] | None]:
    """Return the rooms to draw from, none if from all of a simulator's, or the locations to choose from.

    Args:
        locations: A split, `ALL`, a .json dataset, or locations, also as mappings of their fields. None:
            `ALL` of "mjcf", and of an object without some room of the split `USUAL`; otherwise that split.
        simulator: Its name, or the simulator itself.
        options: Keyword arguments of a named simulator.

    Raises:
        InvalidOptionError: There is no location, or one of them is another object.
        DatasetError: The file is malformed, or has rooms that the named simulator lacks, or was made with
            objects of a folder that the rooms do not hold.
        UnknownSplitError: The text names neither a split nor a .json file.
    """
    if locations is None:
        locations = _usual_locations(simulator)
    if isinstance(locations, str) and locations == ALL:
        return (), None
    if isinstance(locations, str) and locations in SPLITS:
        return split_rooms(locations), None
    if isinstance(locations, str | os.PathLike):
        path = Path(locations)
        if path.suffix != ".json":
            raise UnknownSplitError(
                f"locations {str(locations)!r} is neither a split ({', '.join([*SPLITS, ALL])}) nor a .json "
                "file"
            )
        dataset = LocationDataset.read(path)
        given = isinstance(simulator, str)
        objects = (options or {}).get("objects") if given else getattr(simulator, "added_objects", None)
        if given and simulator != "mjcf":
            dataset.check_rooms(str(path))
        dataset.check_objects(str(path), objects)
        return (), _some(dataset.locations, str(locations))
    if isinstance(locations, Location | Mapping) or not isinstance(locations, Iterable):
        raise InvalidOptionError(f"locations is {locations!r}; put locations into a list")
    return (), _some(tuple(_location(item) for item in locations), locations)


def _usual_locations(simulator: object) -> str:
    if isinstance(simulator, Simulator):
        return USUAL if all(simulator.has_room(room) for room in SPLITS[USUAL]) else ALL
    return ALL if simulator == "mjcf" else USUAL


def _some(found: tuple[Location, ...], locations: object) -> tuple[Location, ...]:
    """Return the locations that an argument holds, of which there must be one."""
    if not found:
        raise InvalidOptionError(f"locations {locations!r} holds no location; at least one is needed")
    return found


def _location(item: object) -> Location:
    """Return a location given as such, as a `thor_meta` mapping, or as Gymnasium's JSON of specs has it."""
    if isinstance(item, Location):
        return item
    if not isinstance(item, Mapping):
        raise InvalidOptionError(f"locations holds {item!r}, which is not a Location")
    position = item.get("position")
    if isinstance(position, list | tuple) and len(position) == 3:
        item = {**item, "position": dict(zip("xyz", position, strict=True))}
    return Location.from_json(item)


def start_option(options: Mapping[str, Any] | None) -> Location | SavedState | None:
    """Return the start that the options of a reset name, None to draw a location.

    Args:
        options: {"location": `Location` or `thor_meta` mapping}, {"state": what `get_state` returned}, or
            None; options for wrappers (see `is_for_a_wrapper`) are ignored.

    Raises:
        InvalidOptionError: An option is unknown or of the wrong type, or both are given.
        InvalidLocationError: A field of the location is missing or wrong.
        InvalidStateError: An entry of the state is missing or does not fit.
    """
    if options is not None and not isinstance(options, Mapping):
        raise InvalidOptionError(f"the options of a reset are {options!r}; give a mapping, or None")
    asked = [name for name in options or () if not is_for_a_wrapper(name)]
    for name in asked:
        if name not in OPTIONS:
            close = get_close_matches(str(name), OPTIONS, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise InvalidOptionError(
                f"unknown reset option {name!r}; the options are 'location' and 'state'{hint} "
                "(one for a wrapper starts with its package's name, like 'minari_autoseed')"
            )
    if len(asked) > 1:
        raise InvalidOptionError("a reset takes the option 'location' or 'state', not both")
    if not options or not asked:
        return None
    if asked == ["state"]:
        return unpack_state(options["state"])
    location = options["location"]
    if isinstance(location, Location):
        return location
    if isinstance(location, Mapping):
        return Location.from_json(location)
    raise InvalidOptionError(f"location {location!r} is neither a Location nor a thor_meta mapping")


def is_for_a_wrapper(option: object) -> bool:
    """Return whether an option of a reset is for a wrapper and not for the environment.

    Gymnasium passes one mapping of options through all wrappers, and not every wrapper removes its own, so
    they reach the environment. Such a name starts with that of a package and an underscore. Names similar to
    the environment's own options are errors, so that `"start_location"` does not give a random room.

    Args:
        option: Name of the option.

    Examples:
        >>> is_for_a_wrapper("minari_autoseed"), is_for_a_wrapper("start_location"), is_for_a_wrapper("state")
        (True, False, False)
    """
    if not isinstance(option, str):
        return False
    words = option.lower().split("_")
    return len(words) > 1 and all(
        word and not get_close_matches(word, _OWN_WORDS, 1, cutoff=0.8) for word in words
    )
