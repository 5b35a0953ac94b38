"""The furniture of kitchens, living rooms, bedrooms and bathrooms."""

from collections.abc import Callable

import numpy as np

from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG, build
from thor_interact_env.simulators.mujoco.objects.fixtures import bathroom as bathroom_fixtures
from thor_interact_env.simulators.mujoco.objects.fixtures import common
from thor_interact_env.simulators.mujoco.objects.fixtures import kitchen as kitchen_fixtures
from thor_interact_env.simulators.mujoco.objects.fixtures import storage as storage_fixtures
from thor_interact_env.simulators.mujoco.objects.fixtures.units import FAUCET_HEIGHT, alone
from thor_interact_env.simulators.mujoco.objects.parts import shade, tint
from thor_interact_env.simulators.mujoco.rooms import walls as room_walls
from thor_interact_env.simulators.mujoco.rooms.layout import Layout, Placement, Unit
from thor_interact_env.simulators.mujoco.shapes import Vector

COUNTER_HEIGHT = 0.9

SIZES: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "kitchen": ((2.9, 3.4), (2.9, 3.4)),
    "living_room": ((3.7, 4.4), (3.6, 4.3)),
    "bedroom": ((3.2, 3.8), (3.3, 3.9)),
    "bathroom": ((2.2, 2.7), (2.3, 2.8)),
}
"""Minimum and maximum width and depth of each room type, metres."""


def _seeded(seed: int, build_: Callable[[np.random.Generator, Vector], Unit], size: Vector) -> Unit:
    """Build with a fresh generator, so that units of one room share their materials."""
    return build_(np.random.default_rng(seed), size)


def _count(rng: np.random.Generator, mean: float) -> int:
    """Draw a whole number next to the mean."""
    return int(mean) + int(rng.random() < mean % 1)


def _rug(room: Layout) -> None:
    if room.rng.random() < 0.6:
        size = (float(room.rng.uniform(1.2, 2.2)), float(room.rng.uniform(0.9, 1.6)), 0.008)
        room.fixtures.append(
            Placement(
                "Rug", common.rug(room.rng, size), (0.0, 0.0, 0.0), float(room.rng.integers(2)) * np.pi / 2
            )
        )


def _drawn(room: Layout, room_type: str, minimum: dict[str, int]) -> list[str]:
    """Draw how many pieces of furniture of each type a room gets; the largest come first."""
    names = []
    for name, kind in CATALOG.items():
        expected = kind.rooms.get(room_type, 0.0)
        if kind.pickupable:
            continue
        count = int(expected) + int(room.rng.random() < expected % 1)
        names += [name] * max(count, minimum.get(name, 0))
    return sorted(names, key=lambda name: -CATALOG[name].size[0] * CATALOG[name].size[1])


_AROUND = {"Chair": ("DiningTable", "Desk"), "CoffeeTable": ("Sofa",), "Ottoman": ("ArmChair", "Sofa")}
_IN_THE_MIDDLE = ("DiningTable", "CoffeeTable", "DogBed", "Ottoman", "Footstool")
_SMALL = ("Chair", "Stool", "ArmChair", "GarbageCan", "FloorLamp")


def furnish(room: Layout, names: list[str]) -> None:
    """Place furniture: against walls, around tables, or free-standing; what does not fit is omitted."""
    late = [name for name in names if name in _AROUND]
    for name in [name for name in names if name not in _AROUND] + late:
        made = alone(name, build(name, room.rng))
        hosts = [item for item in room.furniture if item.type in _AROUND.get(name, ())]
        room.rng.shuffle(hosts)
        gap = 0.3 if name == "CoffeeTable" else 0.03
        if any(room.facing(made, host, gap) for host in hosts):
            continue
        if name in _IN_THE_MIDDLE and room.standing(made, 0.5):
            continue
        # The back of a chest or a bed is plain, so without a place at a wall it is omitted.
        if not room.along_walls(made, movable=True, tries=80) and name in (*_IN_THE_MIDDLE, *_SMALL):
            room.standing(made, 0.1)


def _storage(room: Layout, cases: int, boards: int) -> None:
    """Fit bookcases and sideboards, which add reachable surfaces to empty walls."""
    rng, seed = room.rng, int(room.rng.integers(1 << 30))
    for _ in range(cases):
        size = (float(rng.uniform(0.6, 0.95)), float(rng.uniform(0.27, 0.34)), float(rng.uniform(1.4, 1.7)))
        room.along_walls(_seeded(seed, storage_fixtures.bookcase, size))
    for _ in range(boards):
        size = (float(rng.uniform(0.7, 1.3)), float(rng.uniform(0.38, 0.46)), float(rng.uniform(0.8, 0.98)))
        room.along_walls(_seeded(seed, storage_fixtures.sideboard, size))


def kitchen(room: Layout) -> None:
    """Place a run of units along two walls, then tables and stools."""
    rng = room.rng
    seed, depth = int(rng.integers(1 << 30)), float(rng.uniform(0.58, 0.64))
    first = int(rng.integers(4))
    turn = int(rng.choice([-1, 1]))
    length = room.length(first)
    fridge, stove = float(rng.uniform(0.7, 0.85)), float(rng.uniform(0.56, 0.62))
    sink = float(rng.uniform(0.8, 1.0))
    left = length - fridge - stove - sink - 0.06
    fraction = float(rng.uniform(0.4, 0.6))
    run = [("fridge", fridge), ("counter", fraction * left), ("sink", sink), ("stove", stove)]
    if rng.random() < 0.5:
        run[2], run[3] = run[3], run[2]
    run.append(("counter", (1 - fraction) * left))  # The last one is in the corner with the second run.
    makers = {
        "fridge": (kitchen_fixtures.fridge, 0.68, float(rng.uniform(1.6, 1.9))),
        "counter": (kitchen_fixtures.counter, depth, COUNTER_HEIGHT),
        "sink": (kitchen_fixtures.sink_counter, depth, COUNTER_HEIGHT + FAUCET_HEIGHT),
        "stove": (kitchen_fixtures.stove, depth, COUNTER_HEIGHT + 0.014),
    }
    start = -length / 2 + 0.02
    upper, open_shelves = float(rng.uniform(1.45, 1.55)), rng.random() < 0.35
    for name, wide in run:
        maker, deep, high = makers[name]
        along = turn * (start + wide / 2)
        room.at_wall(_seeded(seed, maker, (wide - 0.002, deep, high)), first, along)
        if name == "counter" and not open_shelves:
            size = (min(wide, 1.2) - 0.01, 0.34, float(rng.uniform(0.55, 0.75)))
            hung = _seeded(seed, kitchen_fixtures.upper_cabinets, size)
            room.at_wall(hung, first, along, upper, 0.0)
        start += wide
    # Wall k + 1 is to the left of someone who faces wall k.
    second = (first - turn) % 4
    most = room.length(second) - depth - 0.05
    wide = float(rng.uniform(0.55, 0.85)) * most
    made = _seeded(seed, kitchen_fixtures.counter, (wide, depth, COUNTER_HEIGHT))
    corner = room.length(second) / 2 - depth - 0.02 - wide / 2
    room.at_wall(made, second, -turn * corner)
    room_walls.door(room)
    room_walls.windows(room, _count(rng, 1.5), (1.12, 1.2), 0.0, 0.15)
    room_walls.skirting(room)
    furnish(room, _drawn(room, "kitchen", {"DiningTable": int(rng.random() < 0.8), "GarbageCan": 1}))
    room_walls.shelves(room, int(rng.integers(3, 6)))
    room_walls.pictures(room, int(rng.random() < 0.3))


def living_room(room: Layout) -> None:
    """Place a sofa with its table, a stand for the television, shelves and tables."""
    rng = room.rng
    room_walls.door(room)
    room_walls.windows(room, _count(rng, 1.6), (0.7, 0.95), 0.4, 0.03)
    room_walls.skirting(room)
    stand = "TVStand" if rng.random() < 0.6 else "Dresser"
    minimum = {stand: 1, "Sofa": 1, "SideTable": 2, "DiningTable": int(rng.random() < 0.8)}
    furnish(room, _drawn(room, "living_room", minimum))
    _storage(room, 1, 1)
    room_walls.shelves(room, int(rng.integers(4, 7)))
    room_walls.pictures(room, int(rng.integers(1, 4)))
    if rng.random() < 0.1:
        room_walls.mirror(room)
    _rug(room)


def bedroom(room: Layout) -> None:
    """Place a bed, a desk, chests and shelves."""
    rng = room.rng
    room_walls.door(room)
    room_walls.windows(room, _count(rng, 1.6), (0.8, 1.0), 0.07, 0.8)
    room_walls.skirting(room)
    minimum = {"Bed": 1, "Desk": 1, "SideTable": 1, "Chair": 1}
    if rng.random() < 0.8:
        minimum["Dresser"] = 1
    furnish(room, _drawn(room, "bedroom", minimum))
    _storage(room, 1, int(rng.random() < 0.5))
    room_walls.shelves(room, int(rng.integers(3, 6)))
    room_walls.mirror(room)
    room_walls.pictures(room, int(rng.random() < 0.45), _count(rng, 0.33))
    _rug(room)


def bathroom(room: Layout) -> None:
    """Place a bath or a shower, a toilet, a basin with a mirror, a counter and shelves."""
    rng = room.rng
    seed, high = int(rng.integers(1 << 30)), float(rng.uniform(0.82, 0.9))
    room_walls.door(room)
    with_tub = rng.random() < 0.7
    if with_tub:
        size = (float(rng.uniform(1.55, 1.75)), float(rng.uniform(0.7, 0.8)), float(rng.uniform(0.52, 0.6)))
        tub = room.along_walls(bathroom_fixtures.bathtub(rng, size, bool(rng.random() < 0.6)))
        if tub:
            wall, along = room_walls.wall_of(tub)
            side = int(rng.choice([-1, 1]))
            head = bathroom_fixtures.shower_head(rng, (0.12, 0.253, 1.003))
            room.at_wall(head, wall, along + side * 0.3 * size[0], 1.05, 0.002)
    if not with_tub or rng.random() < 0.3:
        _shower(room)
    deep = float(rng.uniform(0.5, 0.55))
    size = (float(rng.uniform(0.85, 1.2)), deep, high + FAUCET_HEIGHT)
    basin = room.along_walls(_seeded(seed, kitchen_fixtures.sink_vanity, size))
    if basin:
        glass = common.mirror(rng, (0.75 * size[0], 0.03, float(rng.uniform(0.7, 0.9))))
        room.at_wall(alone("Mirror", glass), *room_walls.wall_of(basin), high + 0.3, 0.0)
    seat = (float(rng.uniform(0.44, 0.52)), float(rng.uniform(0.68, 0.76)), float(rng.uniform(0.85, 1.0)))
    toilet = room.along_walls(bathroom_fixtures.toilet(rng, seat))
    if toilet:
        wall, along = room_walls.wall_of(toilet)
        hanger = bathroom_fixtures.paper_hanger(rng, (0.227, 0.113, 0.083))
        sides = [along + sign * (seat[0] / 2 + 0.16) for sign in (-1, 1)]
        if not any(room.at_wall(hanger, wall, side, 0.68, 0.012) for side in sides):
            room.along_walls(hanger, 0.68, 0.012)
    counter = (float(rng.uniform(0.6, 1.0)), deep, high)
    room.along_walls(_seeded(seed, kitchen_fixtures.counter, counter))
    room_walls.skirting(room)
    if rng.random() < 0.63:
        window = common.window(rng, (float(rng.uniform(0.5, 0.8)), 0.05, 0.8))
        room.along_walls(alone("Window", window), float(rng.uniform(1.35, 1.5)), 0.0)
    furnish(room, _drawn(room, "bathroom", {"GarbageCan": 1, "SideTable": int(rng.random() < 0.4)}))
    for _ in range(_count(rng, 1.3)):
        rack = bathroom_fixtures.towel_holder(rng, (0.659, 0.24, 0.16))
        room.along_walls(rack, float(rng.uniform(1.1, 1.3)), 0.0)
    for _ in range(_count(rng, 1.5)):
        ring = bathroom_fixtures.hand_towel_holder(rng, (0.171, 0.049, 0.21))
        room.along_walls(ring, float(rng.uniform(1.0, 1.3)), 0.0)
    room_walls.shelves(room, int(rng.integers(2, 5)))


def _shower(room: Layout) -> None:
    """Fit a shower into a corner."""
    rng = room.rng
    size = (float(rng.uniform(0.85, 0.95)), float(rng.uniform(0.8, 0.9)), float(rng.uniform(1.95, 2.05)))
    for _ in range(12):
        wall, side = int(rng.integers(4)), int(rng.choice([-1, 1]))
        cabin = bathroom_fixtures.shower_cabin(rng, size, side)
        tray = room.at_wall(cabin, wall, -side * (room.length(wall) / 2 - size[0] / 2 - 0.012))
        if tray:
            room.keep_free((*tray.box()[:5], size[2]))
            return


FURNISHERS: dict[str, Callable[[Layout], None]] = {
    "kitchen": kitchen,
    "living_room": living_room,
    "bedroom": bedroom,
    "bathroom": bathroom,
}
"""One function per room type."""


def shell(rng: np.random.Generator, room_type: str) -> tuple[Material, Material, Material]:
    """Return the materials of floor, walls and ceiling."""

    def material(
        pattern: str, base: tuple[float, float, float], second: float, repeat: float, gloss: float
    ) -> Material:
        return Material(pattern, (base, shade(base, second)), repeat, gloss, int(rng.integers(1 << 30)))

    brown = tint(rng, (0.25, 0.5), (0.35, 0.75))
    brown = (max(brown), sorted(brown)[1], min(brown))
    pale, wall = tint(rng, (0.02, 0.18), (0.45, 0.85)), tint(rng, (0.03, 0.22), (0.68, 0.93))
    tiles = material("tiles", pale, 0.7, float(rng.uniform(0.5, 0.9)), 0.3)
    planks = material("planks", brown, 0.6, float(rng.uniform(0.6, 1.1)), 0.2)
    carpet = material("fabric", pale, 0.8, 0.25, 0.0)
    choices = {"kitchen": (tiles, planks), "bathroom": (tiles, tiles), "bedroom": (planks, carpet)}
    floor = choices.get(room_type, (planks, planks, carpet))[int(rng.integers(2))]
    walls = material("plain", wall, 0.9, 2.0, 0.02)
    if room_type == "bathroom" and rng.random() < 0.7:
        walls = material("tiles", wall, 0.82, float(rng.uniform(0.3, 0.6)), 0.3)
    elif rng.random() < 0.12:
        walls = material("bricks", wall, 0.8, 0.5, 0.0)
    elif rng.random() < 0.15:
        walls = material("stripes", wall, 0.93, 0.6, 0.0)
    return floor, walls, material("plain", (0.93, 0.93, 0.92), 0.95, 2.0, 0.0)
