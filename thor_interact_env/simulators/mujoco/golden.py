"""Digests of the world, to compare this machine's world with the recorded one.

    python -m thor_interact_env.simulators.mujoco.golden            # compare
    python -m thor_interact_env.simulators.mujoco.golden --record   # after WORLD_VERSION was raised

The digests of twelve rooms come with the package. Rooms and spawns depend on this package and on NumPy's
generators, motions also on MuJoCo's release, images on the OpenGL renderer; each has its own digest. No
digest depends on the processor.
"""

import argparse
import dataclasses
import hashlib
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import mujoco
import numpy as np

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import AGENT_HEIGHT_Y, DIRECTIONS, FORCES, REACH
from thor_interact_env.files import write_whole
from thor_interact_env.locations.location import HORIZONS, ROTATIONS, Location
from thor_interact_env.simulators.mujoco.drawing.drawing_thread import renderer_name
from thor_interact_env.simulators.mujoco.materials import texture
from thor_interact_env.simulators.mujoco.physics import CompiledRoom
from thor_interact_env.simulators.mujoco.rooms.plan import RoomPlan, plan_room, reachable, spawn
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator
from thor_interact_env.simulators.mujoco.touching import Viewpoint, touch
from thor_interact_env.world import WORLD_VERSION

FILE: Final = Path(__file__).with_name("golden.json")
"""The file of the recorded digests."""

ROOMS: Final = (
    *("FloorPlan1", "FloorPlan12", "FloorPlan26"),
    *("FloorPlan203", "FloorPlan214", "FloorPlan225"),
    *("FloorPlan302", "FloorPlan317", "FloorPlan328"),
    *("FloorPlan404", "FloorPlan415", "FloorPlan430"),
)
"""Rooms of which digests are recorded: three of each type."""

TOUCHES: Final = 8
"""Touches of movable objects in each room."""

SPAWN: Final = 7
"""Seed of the spawn, of the viewpoint and of the touches in each room."""

_RAYS: Final = 4_000  # pixels that are tried at most to find so many things in reach


def digests(name: str) -> dict[str, str]:
    """Return the digests of one room.

    Args:
        name: iTHOR's name of the room.

    Returns:
        Hexadecimal digests by name: "plan" (shapes, materials, masses, places), "spawn" (poses of objects for
        a spawn seed, and positions of the agent) and "motion" (poses at rest, distances of rays, and poses
        after each of `TOUCHES` touches).
    """
    plan = plan_room(name)
    poses = spawn(plan, SPAWN)
    positions = reachable(plan, poses)
    room = CompiledRoom(plan)
    room.spawn(poses)
    states: list[Any] = [room.positions()]
    rng = np.random.default_rng(SPAWN)
    for _ in range(_RAYS):
        if len(states) > 2 * TOUCHES:
            break
        viewpoint = Viewpoint.at(_location(name, positions, rng))
        row, column = (int(value) for value in rng.integers(IMAGE_SIZE, size=2))
        force, direction = FORCES[rng.integers(len(FORCES))], DIRECTIONS[rng.integers(len(DIRECTIONS))]
        index, distance = room.first_hit(viewpoint.eye, viewpoint.ray(row, column))
        if index is None or distance > REACH:
            continue
        touch(room, viewpoint, (row, column), force, direction, REACH)
        states += [distance, room.positions()]
    return {
        "plan": _digest(plan, [texture(material) for material in _materials(plan)]),
        "spawn": _digest(poses, positions),
        "motion": _digest(states),
    }


def image_digest(name: str) -> str:
    """Return the digest of a view of one room: colours, depth, and the masks of the ground truth."""
    simulator = MujocoSimulator()
    try:
        ground = simulator.reachable_positions(name, SPAWN)[:, [0, 2]]
        view = simulator.load(_location(name, ground, np.random.default_rng(SPAWN)))
        return _digest(view["rgb"], view["depth"], simulator.instances())
    finally:
        simulator.close()


def _location(name: str, positions: np.ndarray, rng: np.random.Generator) -> Location:
    x, y = (float(value) for value in positions[rng.integers(len(positions))])
    rotation, horizon = ROTATIONS[rng.integers(len(ROTATIONS))], HORIZONS[rng.integers(len(HORIZONS))]
    return Location(name, (x, AGENT_HEIGHT_Y, y), rotation, horizon, SPAWN)


def recorded() -> dict[str, Any]:
    """Return the recorded content: version, releases of MuJoCo and NumPy, digests of rooms and of images."""
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def releases() -> dict[str, str]:
    """Return the installed releases on which motions and generators depend."""
    return {"mujoco": mujoco.__version__, "numpy": np.__version__}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Comparison of this machine's world with the recorded one.

    Attributes:
        same: Whether all digests that can be compared here are equal; images do not count.
        detail: The result as one sentence without a full stop.
        remedy: A remedy for a difference; "" if there is none.
    """

    same: bool
    detail: str
    remedy: str = ""


def compare(rooms: Sequence[str] = ROOMS) -> Comparison:
    """Compute the digests of rooms here and compare them with the recorded ones."""
    golden = recorded()
    others = {name: parts for name in rooms if (parts := _differing(digests(name), golden["rooms"][name]))}
    here = {name: release for name, release in releases().items() if golden[name] != release}
    version = f"version {WORLD_VERSION}"
    if not others:
        return Comparison(True, f"{version}, the same bits in {len(rooms)} rooms as where it was recorded")
    found = ", ".join(sorted({part for parts in others.values() for part in parts}))
    detail = f"not {version}: {found} differ in {len(others)} of {len(rooms)} rooms ({', '.join(others)})"
    if here:
        wanted = " ".join(f"{name}=={golden[name]}" for name in here)
        return Comparison(False, detail, f"for comparable results: pip install {wanted}.")
    return Comparison(
        False, detail, "report it with the output of this command; results here are not comparable."
    )


def compare_images(rooms: Sequence[str] = ROOMS) -> dict[str, bool] | None:
    """Return for each room whether its image is the recorded one; None if this renderer has none."""
    golden = recorded()["pictures"].get(renderer_name())
    return None if golden is None else {name: image_digest(name) == golden[name] for name in rooms}


def record() -> None:
    """Write the digests of this machine as those of `WORLD_VERSION`.

    Raises:
        ValueError: Different rooms are recorded for this version, so the version must be raised.
    """
    content: dict[str, Any] = {
        "version": WORLD_VERSION,
        **releases(),
        "rooms": {name: digests(name) for name in ROOMS},
        "pictures": {},
    }
    if FILE.exists() and (before := recorded())["version"] == WORLD_VERSION:
        if any(_differing(content["rooms"][name], parts) for name, parts in before["rooms"].items()):
            raise ValueError(
                f"version {WORLD_VERSION} is recorded, and the world has changed: raise WORLD_VERSION "
                "in thor_interact_env/world.py, because results of the two cannot be compared"
            )
        content["pictures"] = before["pictures"]
    content["pictures"][renderer_name()] = {name: image_digest(name) for name in ROOMS}
    write_whole(FILE, (json.dumps(content, indent=1) + "\n").encode())


def _differing(found: dict[str, str], golden: dict[str, str]) -> list[str]:
    return [part for part, digest in found.items() if golden[part] != digest]


def _materials(plan: RoomPlan) -> list[Any]:
    blueprints = [item.blueprint for item in (*plan.fixtures, *plan.furniture)]
    blueprints += [blueprint for _, blueprint in plan.portables]
    seen = dict.fromkeys(visual.material for blueprint in blueprints for visual in blueprint.visuals)
    return [plan.floor, plan.wall, plan.ceiling, *seen]


def _digest(*values: Any) -> str:
    digest = hashlib.sha256()
    for value in values:
        _feed(digest, value)
    return digest.hexdigest()[:16]


def _feed(digest: Any, value: Any) -> None:
    """Add a value to a digest, bit for bit: dataclasses by their fields, arrays by type, shape and bytes."""
    if isinstance(value, np.generic):
        value = value.item()
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            _feed(digest, getattr(value, field.name))
    elif isinstance(value, tuple | list):
        digest.update(f"{len(value)}:".encode())
        for item in value:
            _feed(digest, item)
    elif isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, float):
        digest.update(struct.pack("<d", value))
    else:
        digest.update(f"{value!r};".encode())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line: compare, or record."""
    parser = argparse.ArgumentParser(
        prog="python -m thor_interact_env.simulators.mujoco.golden",
        description="Compare this machine's world with the recorded one.",
    )
    parser.add_argument("--record", action="store_true", help="record this machine's digests instead")
    if parser.parse_args(arguments).record:
        try:
            record()
        except ValueError as error:
            parser.error(str(error))
        return
    found = compare()
    print("\n".join(filter(None, (found.detail, found.remedy))))
    images = compare_images()
    if images is None:
        print(f"images: none were recorded for {renderer_name()}")
    else:
        print(f"images: {sum(images.values())} of {len(images)} are the same bytes")
    raise SystemExit(0 if found.same else 1)


if __name__ == "__main__":
    main()
