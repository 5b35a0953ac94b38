"""Measure which force moves which objects: `python -m thor_interact_env.simulators.mujoco.calibrate`.

An agent reads an object's mass class from the minimum force that moves it, so each force should move its own
class and not heavier ones. Every movable object in reach is touched once with each force, always from the
same restored state, at a random visible point and in a random direction; the success test decides.
"""

import argparse
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from selfsup.grid import STRIDE
from selfsup.supervisor import Supervisor
from thor_interact_env.actions import DIRECTIONS, FORCES, REACH
from thor_interact_env.files import write_whole
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.locations.splits import ROOM_TYPES
from thor_interact_env.parsing import reported
from thor_interact_env.simulators import make_simulator
from thor_interact_env.simulators.base import Observation, Simulator

PROGRAM = "python -m thor_interact_env.simulators.mujoco.calibrate"

CLASSES: tuple[tuple[str, float], ...] = (("light", 0.5), ("medium", 2.0), ("heavy", float("inf")))
"""Mass classes, and the mass in kilograms below which an object belongs to each."""

SEEN_CELLS = 20
"""Minimum grid cells of an object whose motion the success test detects."""

ROOMS: tuple[str, ...] = tuple(f"FloorPlan{number}" for kind in ROOM_TYPES.values() for number in kind[:16])
"""Rooms that are measured by default: the first 16 of each type, all training rooms."""


@dataclass(frozen=True)
class Touch:
    """One touch of one object.

    Attributes:
        room: Name of the room.
        type: Object type, such as "Mug".
        mass: Kilograms.
        cells: Visible area of the object in grid cells.
        force: Index into `FORCES`.
        direction: Index into `DIRECTIONS`.
        moved: Whether the simulator says that anything moved.
        success: Whether the touch passes the success test.
        overlap: Intersection over union of B+ and the true mask on the grid; None without a success.
    """

    room: str
    type: str
    mass: float
    cells: float
    force: int
    direction: int
    moved: bool
    success: bool
    overlap: float | None


@dataclass(frozen=True)
class SuccessRate:
    """The successes of touches of a mass class with one force.

    Attributes:
        mass_class: "light", "medium" or "heavy".
        force: Newtons.
        touches: Number of touches.
        successes: Number of successful ones.
    """

    mass_class: str
    force: float
    touches: int
    successes: int


def mass_class(mass: float) -> str:
    """Return the class of a mass in kilograms.

    Examples:
        >>> mass_class(0.3), mass_class(0.5), mass_class(30.0)
        ('light', 'medium', 'heavy')
    """
    return next(name for name, limit in CLASSES if mass < limit)


def touch_everything(
    simulator: Simulator, seen: Observation, room: str, rng: np.random.Generator
) -> Iterator[Touch]:
    """Touch each object in reach with each force, and restore the room.

    Args:
        simulator: Simulator that has just loaded the location.
        seen: Its view.
        room: Name of the room, for the record.
        rng: Source of point and direction of each object.

    Yields:
        `len(FORCES)` touches per object, at the same point in the same direction.
    """
    state = simulator.get_state()
    truth = simulator.instances()
    supervisor = Supervisor(seen["rgb"])
    for kind, mass, mask in zip(truth.types, truth.masses, truth.masks, strict=True):
        points = np.argwhere(mask & (seen["depth"] < REACH))
        row, column = (int(value) for value in points[rng.integers(len(points))])
        direction = int(rng.integers(len(DIRECTIONS)))
        target = mask[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
        for force, newtons in enumerate(FORCES):
            after = simulator.touch(row, column, newtons, DIRECTIONS[direction])
            judged = supervisor.judge(seen["rgb"], after["rgb"], row // STRIDE, column // STRIDE)
            overlap = None
            if judged.success:
                overlap = float((target & judged.mask).sum() / (target | judged.mask).sum())
            moved = after is not seen
            yield Touch(
                room,
                kind,
                float(mass),
                float(mask.sum() / STRIDE**2),
                force,
                direction,
                moved,
                judged.success,
                overlap,
            )
            if moved:
                seen = simulator.set_state(state)


def measure(
    simulator: Simulator, rooms: Sequence[str] = ROOMS, locations: int = 3, seed: int = 0
) -> list[Touch]:
    """Touch everything in reach at random locations.

    Args:
        simulator: The simulator.
        rooms: Names of rooms.
        locations: Number of locations per room.
        seed: Each room's draws depend only on this and its name.

    Returns:
        All touches, room by room.

    Raises:
        UnknownRoomError: A room does not exist.
    """
    touches: list[Touch] = []
    for room in rooms:
        sampler = LocationSampler(simulator, [room])
        rng = np.random.default_rng([zlib.crc32(room.encode()), seed])
        for _ in range(locations):
            _, seen = sampler.sample_view(rng)
            touches += touch_everything(simulator, seen, room, rng)
    return touches


def success_rates(touches: Sequence[Touch], minimum_cells: float = 0.0) -> list[SuccessRate]:
    """Count successes per mass class and force.

    Args:
        touches: What `measure` returned.
        minimum_cells: Objects that show fewer grid cells are left out.

    Returns:
        Nine success rates: the classes in order, within each the forces in order.
    """
    counted = []
    for name, _ in CLASSES:
        for force, newtons in enumerate(FORCES):
            chosen = [
                touch.success
                for touch in touches
                if touch.force == force and touch.cells >= minimum_cells and mass_class(touch.mass) == name
            ]
            counted.append(SuccessRate(name, newtons, len(chosen), sum(chosen)))
    return counted


def mean_overlaps(touches: Sequence[Touch]) -> list[float | None]:
    """Return the mean `overlap` of the successes of each force, None where there is none."""
    means: list[float | None] = []
    for force in range(len(FORCES)):
        found = [touch.overlap for touch in touches if touch.force == force and touch.overlap is not None]
        means.append(float(np.mean(found)) if found else None)
    return means


def report(touches: Sequence[Touch]) -> str:
    """Return the tables as Markdown: objects of at least `SEEN_CELLS` cells, all objects, overlaps."""
    lines = []
    for title, minimum in ((f"objects showing at least {SEEN_CELLS} cells", SEEN_CELLS), ("all objects", 0)):
        lines += [f"| {title} | touches | " + " | ".join(f"{force:g} N" for force in FORCES) + " |"]
        lines += ["|---" * (2 + len(FORCES)) + "|"]
        counted = success_rates(touches, minimum)
        for name, _ in CLASSES:
            row = [rate for rate in counted if rate.mass_class == name]
            cells = (f"{rate.successes / rate.touches:.2f}" if rate.touches else "-" for rate in row)
            lines.append(f"| {name} | {row[0].touches} each | " + " | ".join(cells) + " |")
        lines.append("")
    means = ("-" if mean is None else f"{mean:.2f}" for mean in mean_overlaps(touches))
    lines.append("Mean intersection over union of B+ and the true mask, by force: " + ", ".join(means))
    return "\n".join(lines)


def to_json(touches: Sequence[Touch], options: dict[str, Any]) -> dict[str, Any]:
    """Return everything as one JSON object: options, success rates, overlaps, and the single touches."""
    return {
        "options": options,
        "success_rates_seen": [asdict(rate) for rate in success_rates(touches, SEEN_CELLS)],
        "success_rates_all": [asdict(rate) for rate in success_rates(touches)],
        "mean_overlaps": mean_overlaps(touches),
        "touches": [asdict(touch) for touch in touches],
    }


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Measure which force moves which objects.")
    parser.add_argument(
        "--rooms", nargs="+", metavar="ROOM",
        help="names of rooms, such as FloorPlan7 (default: the first 16 of each type; of mjcf all scenes)",
    )  # fmt: skip
    parser.add_argument(
        "--simulator", choices=("mujoco", "mjcf"), default="mujoco",
        help="the embedded one, or scenes on disk, which THOR_INTERACT_MJCF names (default: mujoco)",
    )  # fmt: skip
    parser.add_argument("--locations", type=_positive, default=3, help="locations per room (default: 3)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random draws (default: 0)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write every touch and the tables here")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the tables, and write them if requested.

    Args:
        arguments: Command line; None for the process's own.

    Raises:
        SystemExit: 2 after a mistake in the arguments, 130 after Ctrl-C.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.seed < 0:
        parser.error(f"--seed is {options.seed}; it must be 0 or greater")
    if options.json is not None and not options.json.parent.is_dir():
        parser.error(f"--json is {options.json}; make the folder {options.json.parent} first")
    with reported():
        simulator = make_simulator(options.simulator, room_cache=1)
        rooms = options.rooms or (ROOMS if options.simulator == "mujoco" else simulator.rooms)
        for room in rooms:
            if not simulator.has_room(room):
                parser.error(f"argument --rooms: there is no room {room!r} in {options.simulator}")
        try:
            touches = measure(simulator, rooms, options.locations, options.seed)
        finally:
            simulator.close()
        print(report(touches))
        if options.json is not None:
            described = {"rooms": list(rooms), "locations": options.locations, "seed": options.seed}
            write_whole(options.json, json.dumps(to_json(touches, described)).encode())


if __name__ == "__main__":
    main()
