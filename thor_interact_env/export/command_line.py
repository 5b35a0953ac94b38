"""The command line that writes rooms of the embedded world as MJCF scenes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from thor_interact_env.export.writing import ARCHIVES, check_target, is_archive, write_archive, write_folder
from thor_interact_env.locations.location import SEED_LIMIT
from thor_interact_env.locations.splits import room_type
from thor_interact_env.parsing import OneLineParser, reported

PROGRAM: Final = "python -m thor_interact_env.export"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: 2 after a mistake in the arguments, 130 after Ctrl-C.
    """
    parser = OneLineParser(
        prog=PROGRAM,
        description="Write rooms of the embedded world as MJCF scenes, which MuJoCo's own programs open.",
        allow_abbrev=False,
    )
    parser.add_argument("rooms", nargs="+", metavar="ROOM", help="such as FloorPlan1 or Procedural7")
    parser.add_argument(
        "--seed", type=int, default=0, help="spawn seed, which places the movable objects (default: 0)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="PATH",
        help=f"folder, new or empty; or an archive of one room, by its name: {' or '.join(ARCHIVES)}",
    )
    options = parser.parse_args(arguments)
    rooms = list(dict.fromkeys(options.rooms))
    with reported():
        for room in rooms:
            room_type(room)
        if not 0 <= options.seed < SEED_LIMIT:
            parser.error(f"argument --seed: {options.seed} is not in 0..{SEED_LIMIT - 1}")
        check_target(options.out, len(rooms))
        from thor_interact_env.export.exporting import export_room

        scenes = (export_room(room, options.seed) for room in rooms)
        if is_archive(options.out):
            written = [write_archive(options.out, next(scenes).files())]
        else:
            written = write_folder(options.out, (scene.files() for scene in scenes))
        for path in written:
            print(path)
