"""Contact sheets of the embedded world: `python -m thor_interact_env.gallery --out gallery`.

One sheet per room type, each room seen from above a corner or by an agent, and sheets of the movable types
with several instances of each. The same arguments give the same bytes.
"""

import argparse
import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NoReturn

import cv2
import numpy as np
import numpy.typing as npt

from thor_interact_env.errors import RenderingError, ThorInteractError
from thor_interact_env.files import write_whole
from thor_interact_env.splits import ALL_ROOMS, ROOM_TYPES, room_type

if TYPE_CHECKING:
    from thor_interact_env.simulators.mujoco.materials import Material
    from thor_interact_env.simulators.mujoco.physics import CompiledRoom
    from thor_interact_env.simulators.mujoco.rendering import Renderer

Picture = npt.NDArray[np.uint8]

INSTANCES: Final = 8
"""Instances of a type on its row of a sheet."""

TYPES_PER_SHEET: Final = 18
"""Types on one sheet."""

ROOM_SPAWN: Final = 0
"""Spawn seed of the rooms on the sheets."""

_CAPTION, _THUMBNAIL = 18, 120
_STUDIO_SIZE = (9.0, 9.0, 3.1)
_ROOM_VIEW, _OBJECT_VIEW = 88.0, 40.0
_SMALL_ROOMS, _SMALL_COLUMNS, _SMALL_QUALITY = 3, 15, 85


class GalleryError(ThorInteractError):
    """What a gallery was asked to show does not exist, or it cannot be written; the message says which."""


def room_picture(name: str) -> Picture:
    """Return a room as seen from above one of its corners.

    Args:
        name: Name of a room.

    Returns:
        (300, 300, 3) uint8 RGB.

    Raises:
        UnknownRoomError: There is no such room.
        RenderingError: There is no way to render.
    """
    room_type(name)
    from thor_interact_env.simulators.mujoco.physics import CompiledRoom
    from thor_interact_env.simulators.mujoco.rendering import Renderer
    from thor_interact_env.simulators.mujoco.rooms import plan_room, spawn

    room = CompiledRoom(plan_room(name))
    room.spawn(spawn(room.plan, ROOM_SPAWN))
    renderer = Renderer(room.model)
    try:
        half = np.array(room.plan.size[:2]) / 2 - 0.15
        pictures = []
        for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            eye = np.array([x * half[0], y * half[1], room.plan.size[2] - 0.25])
            pictures.append(_look(room, renderer, eye, np.array([0.0, 0.0, 0.55]), _ROOM_VIEW))
        # From some corners a tall cupboard fills the view: the one with the most detail shows most.
        return max(pictures, key=lambda picture: float(cv2.Laplacian(picture, cv2.CV_32F).std()))
    finally:
        renderer.close()


def agent_picture(name: str) -> Picture:
    """Return a room as an agent sees it at a sampled location with enough in reach.

    Args:
        name: Name of a room.

    Returns:
        (300, 300, 3) uint8 RGB.

    Raises:
        UnknownRoomError: There is no such room.
        RenderingError: There is no way to render.
    """
    room_type(name)
    from thor_interact_env.locations import LocationSampler
    from thor_interact_env.simulators import make_simulator

    simulator = make_simulator("mujoco")
    try:
        rng = np.random.default_rng(ROOM_SPAWN)
        return LocationSampler(simulator, [name]).sample_view(rng)[1].rgb.copy()
    finally:
        simulator.close()


def type_pictures(name: str, instances: int = INSTANCES) -> list[Picture]:
    """Return instances of a movable type, each alone on a neutral floor and as large as fits.

    Args:
        name: A key of the object catalog, such as `"Mug"`.
        instances: How many.

    Returns:
        Pictures, (300, 300, 3) uint8 RGB.

    Raises:
        GalleryError: There is no such type.
        RenderingError: There is no way to render.
    """
    from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG, build
    from thor_interact_env.simulators.mujoco.physics import CompiledRoom
    from thor_interact_env.simulators.mujoco.rendering import Renderer
    from thor_interact_env.simulators.mujoco.rooms import RoomPlan

    _require_types([name], CATALOG)
    built = [(name, build(name, np.random.default_rng(seed))) for seed in range(instances)]
    room = CompiledRoom(
        RoomPlan("studio", "studio", _STUDIO_SIZE, *_studio(), (), (), tuple(built), (0, -1, 2.9))
    )
    renderer = Renderer(room.model)
    pictures = []
    try:
        for shown in range(instances):
            room.spawn([(0.0, 0.0, 0.001, 0.0) if index == shown else None for index in range(instances)])
            low, high = built[shown][1].bounds()
            middle, radius = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
            away = np.array([0.5, -1.0, 0.65])
            distance = 1.05 * radius / np.sin(np.radians(_OBJECT_VIEW) / 2)
            eye = middle + distance * away / np.linalg.norm(away)
            pictures.append(_look(room, renderer, eye, middle, _OBJECT_VIEW))
    finally:
        renderer.close()
    return pictures


def write_rooms(
    folder: Path, rooms: Sequence[str] | None = None, view: Literal["overview", "agent"] = "overview"
) -> list[Path]:
    """Write one sheet per room type.

    Args:
        folder: Where to; it exists.
        rooms: Names of rooms; None takes all 120.
        view: From above a corner, or what an agent sees.

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
        folder: Where to; it exists.
        types: Names of movable types; None takes all.

    Returns:
        The files, `types_<number>.png`.

    Raises:
        GalleryError: There is no such type.
    """
    from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG

    names = sorted(CATALOG) if types is None else list(types)
    _require_types(names, CATALOG)
    files = []
    for number, first in enumerate(range(0, len(names), TYPES_PER_SHEET), 1):
        tiles = []
        for name in names[first : first + TYPES_PER_SHEET]:
            tiles += [_captioned(_shrink(picture), name) for picture in type_pictures(name)]
        files.append(_write(folder / f"types_{number}.png", _sheet(tiles, INSTANCES)))
    return files


def write_small(
    folder: Path,
    rooms: Sequence[str] | None = None,
    types: Sequence[str] | None = None,
    view: Literal["overview", "agent"] = "overview",
) -> list[Path]:
    """Write a small sheet of rooms and one of types, for a page that shows what there is.

    Args:
        folder: Where to; it exists.
        rooms: Names of rooms; None takes three of each type, and an empty list leaves the sheet out.
        types: Names of movable types; None takes all, and an empty list leaves the sheet out.
        view: From above a corner, or what an agent sees.

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
    _require_types(names, CATALOG)
    files = []
    if rooms:
        pictures = [_shrink(_VIEWS[view](name), 220) for name in rooms]
        sheet = _sheet(pictures, min(len(ROOM_TYPES), len(pictures)))
        files.append(_write(folder / "rooms_small.jpg", sheet))
    if names:
        pictures = [_shrink(type_pictures(name, 1)[0], 64) for name in names]
        sheet = _sheet(pictures, min(_SMALL_COLUMNS, len(pictures)))
        files.append(_write(folder / "types_small.jpg", sheet))
    return files


_VIEWS: Final = {"overview": room_picture, "agent": agent_picture}


def _look(
    room: "CompiledRoom",
    renderer: "Renderer",
    eye: npt.NDArray[np.float64],
    target: npt.NDArray[np.float64],
    field_of_view: float,
) -> Picture:
    """Return what the room's camera sees after it was put at `eye`, turned to `target`."""
    import mujoco

    from thor_interact_env.simulators.mujoco.building import CAMERA

    backward = (eye - target) / np.linalg.norm(eye - target)
    right = np.cross([0.0, 0.0, 1.0], backward)
    right /= np.linalg.norm(right)
    axes = np.column_stack([right, np.cross(backward, right), backward])
    camera = room.model.camera(CAMERA).id
    room.model.cam_pos[camera] = eye
    room.model.cam_fovy[camera] = field_of_view
    mujoco.mju_mat2Quat(room.model.cam_quat[camera], axes.ravel())
    # While all sleeps MuJoCo moves the camera only after a reset.
    room.rest(room.positions())
    return renderer.rgb(room.data, CAMERA).copy()


def _studio() -> "tuple[Material, Material, Material]":
    """Return the materials of floor, walls and ceiling of the neutral studio."""
    from thor_interact_env.simulators.mujoco.materials import Material

    def plain(shade: float) -> Material:
        return Material("plain", ((shade,) * 3, (shade - 0.02,) * 3), 2.0, 0.0)

    return plain(0.72), plain(0.8), plain(0.9)


def _require_types(names: Sequence[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise GalleryError(f"There is no object type {name!r}; the types are {', '.join(sorted(known))}.")


def _shrink(picture: Picture, side: int = _THUMBNAIL) -> Picture:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _captioned(picture: Picture, text: str) -> Picture:
    strip = np.full((_CAPTION, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(strip, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([picture, strip])


def _sheet(tiles: Sequence[Picture], columns: int) -> Picture:
    blank = np.full_like(tiles[0], 255)
    padded = [*tiles, *[blank] * (-len(tiles) % columns)]
    return np.vstack([np.hstack(padded[first : first + columns]) for first in range(0, len(padded), columns)])


def _write(path: Path, picture: Picture) -> Path:
    # OpenCV warns about a setting that the format does not have.
    quality = [cv2.IMWRITE_JPEG_QUALITY, _SMALL_QUALITY] if path.suffix == ".jpg" else []
    encoded = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)[1]
    return write_whole(path, encoded.tobytes())


def _require_folder(folder: Path) -> None:
    """Make the folder; rendering takes minutes, so a folder that takes no files is refused before."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(None, "no permission to write")
    except OSError as error:
        raise GalleryError(
            f"No files can be written to the folder {str(folder)!r} ({error.strerror}); "
            "choose another with --out."
        ) from None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Complain in one line."""
        _fail(f"{message}; see {self.prog} --help")


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: 2 after a mistake in what was asked for.
    """
    parser = _Parser(
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
    parser.add_argument("--small", action="store_true", help="two small sheets, at most, instead")
    options = parser.parse_args(arguments)
    # None takes all; a list that was not asked for beside the other one is left out.
    everything = options.rooms is None and options.types is None
    rooms = (options.rooms or None) if everything or options.rooms is not None else []
    types = (options.types or None) if everything or options.types is not None else []
    try:
        from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG

        for name in rooms or ():
            room_type(name)
        _require_types(types or (), CATALOG)
        _require_folder(options.out)
        files: list[Path] = []
        if options.small:
            files += write_small(options.out, rooms, types, options.view)
        else:
            files += write_rooms(options.out, rooms, options.view)
            files += write_types(options.out, types)
    except (ThorInteractError, RenderingError, OSError) as error:
        _fail(str(error))
    for file in files:
        print(file)


if __name__ == "__main__":
    main()
