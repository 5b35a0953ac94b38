"""The test lists that come with the package: locations without ground truth."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tqdm.auto import tqdm

from thor_interact_env.datasets.drawing import Drawing, draw_room, rooms_with_counts
from thor_interact_env.errors import DatasetError, InvalidLocationError, UnknownSplitError
from thor_interact_env.files import write_whole
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators import make_simulator
from thor_interact_env.world import WORLD_VERSION, OtherWorldWarning

FILES: Final[Mapping[str, str]] = MappingProxyType(
    {"NovelSpaces/test": "novel_spaces_test.json", "NovelObjects/test": "novel_objects_test.json"}
)
"""The file of each test list."""

FOLDER: Final = Path(__file__).parent
"""Where the files are."""

SHIPPED_SPLITS: Final[tuple[str, ...]] = tuple(FILES)
"""The splits whose test list comes with the package."""

REMAKE: Final = "python -m thor_interact_env.datasets ship"
"""The command that makes the shipped lists again."""


def shipped_locations(split: str) -> tuple[Location, ...]:
    """Return the test list of a split that comes with the package: the same views for everyone.

    It equals the result of `Drawing(split, number, seed=0)`, in the same order.

    Args:
        split: One of `SHIPPED_SPLITS`.

    Returns:
        The locations, rooms together.

    Raises:
        UnknownSplitError: No list of this split is shipped.
        DatasetError: The file is damaged.

    Warns:
        OtherWorldWarning: The list was drawn in another version of the world: views differ, and the
            agent may be unable to stand at some of the locations.
    """
    if split not in FILES:
        raise UnknownSplitError(
            f"no locations of {split!r} are shipped; choose one of {', '.join(FILES)}, or make a file with "
            "python -m thor_interact_env.datasets make"
        )
    name = FILES[split]
    try:
        content = json.loads((FOLDER / name).read_text(encoding="utf-8"))
        drawn_in = content["world"]
        locations = tuple(
            Location(scene, (x, y, z), rotation, horizon, seed)
            for scene, rows in content["locations"].items()
            for x, y, z, rotation, horizon, seed in rows
        )
    except (ValueError, KeyError, TypeError, AttributeError, InvalidLocationError) as error:
        raise DatasetError(
            f"{name} is damaged ({error}); install the package again, or run {REMAKE}"
        ) from error
    if drawn_in != WORLD_VERSION:
        warnings.warn(
            f"the shipped locations of {split} were drawn in version {drawn_in} of the embedded world, and "
            f"this is version {WORLD_VERSION}: remake them with {REMAKE}",
            OtherWorldWarning,
            stacklevel=2,
        )
    return locations


def ship(drawing: Drawing, folder: str | os.PathLike[str] | None = None) -> Path:
    """Draw the test list of a split on the embedded simulator and write it to the package or a folder.

    Args:
        drawing: The list; its split is one of `SHIPPED_SPLITS`.
        folder: Folder to write to; None takes that of the package.

    Returns:
        The file.

    Raises:
        UnknownSplitError: No list of this split is shipped.
    """
    if drawing.split not in FILES:
        raise UnknownSplitError(f"no locations of {drawing.split!r} are shipped, only of {', '.join(FILES)}")
    simulator = make_simulator("mujoco")
    locations: list[Location] = []
    try:
        with tqdm(total=drawing.locations, desc=drawing.split, unit=" locations", disable=None) as bar:
            for room, count in rooms_with_counts(drawing):
                for location, _ in draw_room(simulator, drawing, room, count):
                    locations.append(location)
                    bar.update()
    finally:
        simulator.close()
    path = Path(folder if folder is not None else FOLDER) / FILES[drawing.split]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, _text(drawing, locations).encode())
    return path


def _text(drawing: Drawing, locations: Sequence[Location]) -> str:
    """Return the file's JSON, a room a line: `[x, y, z, rotation, horizon, seed]` of each location."""
    rooms: dict[str, list[list[Any]]] = {}
    for one in locations:
        row = [*one.position, one.rotation, one.horizon, one.seed]
        rooms.setdefault(one.scene, []).append(row)
    lines = [
        f"{json.dumps(scene)}: {json.dumps(rows, separators=(',', ':'), allow_nan=False)}"
        for scene, rows in rooms.items()
    ]
    head = {
        "split": drawing.split,
        "seed": drawing.seed,
        "reachable_fraction": drawing.reachable_fraction,
        "world": WORLD_VERSION,
    }
    return json.dumps(head)[:-1] + ', "locations": {\n' + ",\n".join(lines) + "\n}}\n"
