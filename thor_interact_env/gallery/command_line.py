"""Contact sheets of the embedded world: `python -m thor_interact_env.gallery --out gallery`.

One sheet per room type, each room seen from above a corner or by an agent, and sheets of the movable types
with several instances of each. The same arguments give the same bytes.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import cv2
import numpy as np

from thor_interact_env.files import write_whole
from thor_interact_env.gallery.portraits import (
    INSTANCES,
    GalleryError,
    Image,
    agent_image,
    portraits,
    require_types,
    room_image,
    type_images,
)
from thor_interact_env.locations.splits import ALL_ROOMS, ROOM_TYPES, room_type
from thor_interact_env.parsing import OneLineParser, reported

if TYPE_CHECKING:
    from thor_interact_env.simulators.mujoco.shapes import Blueprint

TYPES_PER_SHEET: Final = 18
"""Types on one sheet."""

_CAPTION, _THUMBNAIL = 18, 120
_SMALL_ROOMS, _SMALL_COLUMNS, _SMALL_QUALITY = 3, 15, 85


def write_rooms(
    folder: Path, rooms: Sequence[str] | None = None, view: Literal["overview", "agent"] = "overview"
) -> list[Path]:
    """Write one sheet per room type.

    Args:
        folder: Existing folder for the files.
        rooms: Names of rooms; None takes all 120.
        view: From above a corner, or the view of an agent.

    Returns:
        The files, `rooms_<type>.png`.
    """
    names = ALL_ROOMS if rooms is None else rooms
    take = _VIEWS[view]
    kinds = [room_type(name) for name in names]
    files = []
    for kind in dict.fromkeys(kinds):
        chosen = [name for name, its in zip(names, kinds, strict=True) if its == kind]
        tiles = [_captioned(take(name), name) for name in chosen]
        files.append(_write(folder / f"rooms_{kind}.png", _sheet(tiles, min(6, len(tiles)))))
    return files


def write_types(folder: Path, types: Sequence[str] | None = None) -> list[Path]:
    """Write sheets of types, a row of instances each.

    Args:
        folder: Existing folder for the files.
        types: Names of movable types; None takes all.

    Returns:
        The files, `types_<number>.png`.

    Raises:
        GalleryError: There is no such type.
    """
    from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG

    names = sorted(CATALOG) if types is None else list(types)
    require_types(names, CATALOG)
    rows = [[_captioned(_shrink(image), name) for image in type_images(name)] for name in names]
    return _write_rows(folder, "types", rows)


def write_fixtures(folder: Path, rooms: Sequence[str] | None = None) -> list[Path]:
    """Write sheets of static objects: a row of instances of each static type that the rooms have.

    Args:
        folder: Existing folder for the files.
        rooms: Names of rooms; None takes all 120.

    Returns:
        The files, `fixtures_<number>.png`.
    """
    from thor_interact_env.simulators.mujoco.rooms.plan import plan_room

    found: dict[str, list[Blueprint]] = {}
    for name in ALL_ROOMS if rooms is None else rooms:
        for placement in plan_room(name).fixtures:
            found.setdefault(placement.type, []).append(placement.blueprint)
    rows = []
    for name, blueprints in sorted(found.items()):
        # Those of one room are similar: take some from the whole list.
        step = max(1, len(blueprints) // INSTANCES)
        images = portraits(name, blueprints[::step][:INSTANCES])
        tiles = [_captioned(_shrink(image), name) for image in images]
        rows.append([*tiles, *[np.full_like(tiles[0], 255)] * (INSTANCES - len(tiles))])
    return _write_rows(folder, "fixtures", rows)


def _write_rows(folder: Path, prefix: str, rows: Sequence[Sequence[Image]]) -> list[Path]:
    files = []
    for number, first in enumerate(range(0, len(rows), TYPES_PER_SHEET), 1):
        tiles = [tile for row in rows[first : first + TYPES_PER_SHEET] for tile in row]
        files.append(_write(folder / f"{prefix}_{number}.png", _sheet(tiles, INSTANCES)))
    return files


def write_small(
    folder: Path,
    rooms: Sequence[str] | None = None,
    types: Sequence[str] | None = None,
    view: Literal["overview", "agent"] = "overview",
) -> list[Path]:
    """Write a small sheet of rooms and one of types, for a page of the documentation.

    Args:
        folder: Existing folder for the files.
        rooms: Names of rooms; None takes three of each type, and an empty list omits the sheet.
        types: Names of movable types; None takes all, and an empty list omits the sheet.
        view: From above a corner, or the view of an agent.

    Returns:
        The files, `rooms_small.jpg` and `types_small.jpg`.

    Raises:
        GalleryError: There is no such type.
    """
    from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG

    if rooms is None:
        rooms = [
            f"FloorPlan{numbers[index * len(numbers) // _SMALL_ROOMS]}"
            for index in range(_SMALL_ROOMS)
            for numbers in ROOM_TYPES.values()
        ]
    names = sorted(CATALOG) if types is None else types
    require_types(names, CATALOG)
    files = []
    if rooms:
        images = [_shrink(_VIEWS[view](name), 220) for name in rooms]
        sheet = _sheet(images, min(len(ROOM_TYPES), len(images)))
        files.append(_write(folder / "rooms_small.jpg", sheet))
    if names:
        images = [_shrink(type_images(name, 1)[0], 64) for name in names]
        sheet = _sheet(images, min(_SMALL_COLUMNS, len(images)))
        files.append(_write(folder / "types_small.jpg", sheet))
    return files


_VIEWS: Final = {"overview": room_image, "agent": agent_image}


def _shrink(image: Image, side: int = _THUMBNAIL) -> Image:
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _captioned(image: Image, text: str) -> Image:
    strip = np.full((_CAPTION, image.shape[1], 3), 255, np.uint8)
    cv2.putText(strip, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([image, strip])


def _sheet(tiles: Sequence[Image], columns: int) -> Image:
    blank = np.full_like(tiles[0], 255)
    padded = [*tiles, *[blank] * (-len(tiles) % columns)]
    return np.vstack([np.hstack(padded[first : first + columns]) for first in range(0, len(padded), columns)])


def _write(path: Path, image: Image) -> Path:
    # OpenCV warns about a setting that the format does not have.
    quality = [cv2.IMWRITE_JPEG_QUALITY, _SMALL_QUALITY] if path.suffix == ".jpg" else []
    encoded = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)[1]
    return write_whole(path, encoded.tobytes())


def _require_folder(folder: Path) -> None:
    """Make the folder; rendering takes minutes, so a folder without write permission is an error before."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(None, "no permission to write")
    except OSError as error:
        raise GalleryError(
            f"No files can be written to the folder {str(folder)!r} ({error.strerror}); "
            "choose another with --out."
        ) from None


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: 2 after a mistake in the arguments, 130 after Ctrl-C.
    """
    parser = OneLineParser(
        prog="python -m thor_interact_env.gallery", description="Contact sheets of the embedded world."
    )
    parser.add_argument("--out", type=Path, default=Path("gallery"), help="folder; made if missing")
    parser.add_argument(
        "--rooms", nargs="*", metavar="ROOM", help="only rooms: these, or all if none is named"
    )
    parser.add_argument(
        "--types", nargs="*", metavar="TYPE", help="only types: these, or all if none is named"
    )
    parser.add_argument(
        "--view", choices=tuple(_VIEWS), default="overview", help="rooms from above a corner or by an agent"
    )
    parser.add_argument("--fixtures", action="store_true", help="static objects of these rooms instead")
    parser.add_argument("--small", action="store_true", help="two small sheets, at most, instead")
    options = parser.parse_args(arguments)
    if options.fixtures and options.types is not None:
        parser.error("argument --fixtures: not allowed with --types, which are of movable objects")
    if options.fixtures and options.small:
        parser.error("argument --fixtures: not allowed with --small")
    if options.fixtures and options.view != "overview":
        parser.error("argument --fixtures: not allowed with --view")
    # None takes all; if only one list is given, the other sheet is omitted.
    everything = options.rooms is None and options.types is None
    rooms = (options.rooms or None) if everything or options.rooms is not None else []
    types = (options.types or None) if everything or options.types is not None else []
    with reported():
        from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG

        for name in rooms or ():
            room_type(name)
        require_types(types or (), CATALOG)
        _require_folder(options.out)
        files: list[Path] = []
        if options.small:
            files += write_small(options.out, rooms, types, options.view)
        elif options.fixtures:
            files += write_fixtures(options.out, rooms)
        else:
            files += write_rooms(options.out, rooms, options.view)
            files += write_types(options.out, types)
        for file in files:
            print(file)
