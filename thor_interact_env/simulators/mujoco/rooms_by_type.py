"""How kitchens, living rooms, bedrooms and bathrooms are furnished."""

from collections.abc import Callable

import numpy as np

from thor_interact_env.simulators.mujoco.layout import Layout, Placement
from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects import fixtures
from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG, build
from thor_interact_env.simulators.mujoco.objects.parts import shade, tint
from thor_interact_env.simulators.mujoco.shapes import Blueprint, Vector

COUNTER_HEIGHT = 0.9

SIZES: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "kitchen": ((2.9, 3.7), (2.8, 3.6)),
    "living_room": ((3.5, 4.4), (3.4, 4.3)),
    "bedroom": ((3.1, 4.0), (3.2, 4.0)),
    "bathroom": ((2.2, 2.9), (2.3, 3.0)),
}
"""Least and greatest width and depth of each room type, metres."""


def _seeded(seed: int, build_: Callable[[np.random.Generator, Vector], Blueprint], size: Vector) -> Blueprint:
    """Build with a fresh generator, so that units of one room share their materials."""
    return build_(np.random.default_rng(seed), size)


def _door_and_windows(room: Layout, windows: int, sill: tuple[float, float]) -> None:
    rng = room.rng
    size = (float(rng.uniform(0.82, 0.92)), 0.09, float(rng.uniform(1.98, 2.1)))
    door = room.along_walls("Door", fixtures.door(rng, size), gap=0.0)
    if door:
        x, y, _ = door.position
        depth = 0.75
        inward = np.array([np.sin(door.yaw), -np.cos(door.yaw)]) * depth
        side = np.abs([np.cos(door.yaw), np.sin(door.yaw)]) * size[0] / 2
        corners = np.array([[x, y], [x + inward[0], y + inward[1]]])
        low, high = corners.min(axis=0) - side, corners.max(axis=0) + side
        room.keep_free((float(low[0]), float(low[1]), 0.0, float(high[0]), float(high[1]), 2.0))
    for _ in range(windows):
        base, curtains = float(rng.uniform(*sill)), rng.random() < 0.5
        size = (float(rng.uniform(0.8, 1.5)), 0.05, float(rng.uniform(0.9, 2.3 - base - 0.05)))
        window = room.along_walls("Window", fixtures.window(rng, size), base, 0.0)
        if window and curtains and base < 1.0 and sill[0] < 1.0:
            wide, high = size[0] + 0.5, base + size[2] + 0.05
            made = fixtures.curtains(rng, (wide, 0.09, high - 0.15))
            wall = round(window.yaw / (np.pi / 2))
            along = float(np.cos(window.yaw) * window.position[0] + np.sin(window.yaw) * window.position[1])
            room.at_wall("Curtains", made, wall, along, 0.15, 0.055)


def _skirting(room: Layout) -> None:
    seed = int(room.rng.integers(1 << 30))
    doors = [item for item in room.fixtures if item.type == "Door"]
    for wall in range(4):
        half = room.length(wall) / 2 - 0.011
        spans = [(-half, half)]
        for door in doors:
            if round(door.yaw / (np.pi / 2)) == wall:
                middle = float(np.cos(door.yaw) * door.position[0] + np.sin(door.yaw) * door.position[1])
                wide = float(door.blueprint.bounds()[1][0])
                spans = [(-half, middle - wide), (middle + wide, half)]
        for start, end in spans:
            if end - start > 0.05:
                strip = _seeded(seed, fixtures.skirting, (end - start, 0.01, 0.08))
                room.at_wall("Skirting", strip, wall, (start + end) / 2, 0.0, 0.0)


def _hang(room: Layout, pictures: int, shelves: int, shelf_height: tuple[float, float] = (0.95, 1.4)) -> None:
    rng = room.rng
    for _ in range(shelves):
        size = (float(rng.uniform(0.6, 1.1)), float(rng.uniform(0.2, 0.3)), float(rng.uniform(0.1, 0.2)))
        height = float(rng.uniform(*shelf_height)) - size[2]
        made = fixtures.shelf(rng, size)
        found = room.along_walls("Shelf", made, height, 0.0)
        if found:  # What stands on it needs room.
            x0, y0, _, x1, y1, z1 = found.box()
            room.keep_free((x0, y0, z1, x1, y1, z1 + 0.4))
    for _ in range(pictures):
        size = (float(rng.uniform(0.35, 0.95)), 0.035, float(rng.uniform(0.35, 0.8)))
        room.along_walls("Painting", fixtures.painting(rng, size), float(rng.uniform(1.25, 1.55)), 0.0)


def _rug(room: Layout) -> None:
    if room.rng.random() < 0.6:
        size = (float(room.rng.uniform(1.2, 2.2)), float(room.rng.uniform(0.9, 1.6)), 0.008)
        room.fixtures.append(
            Placement(
                "Rug", fixtures.rug(room.rng, size), (0.0, 0.0, 0.0), float(room.rng.integers(2)) * np.pi / 2
            )
        )


def _drawn(room: Layout, room_type: str, least: dict[str, int]) -> list[str]:
    """Draw how many pieces of furniture of each type a room gets; the largest come first."""
    names = []
    for name, kind in CATALOG.items():
        expected = kind.rooms.get(room_type, 0.0)
        if kind.pickupable:
            continue
        count = int(expected) + int(room.rng.random() < expected % 1)
        names += [name] * max(count, least.get(name, 0))
    return sorted(names, key=lambda name: -CATALOG[name].size[0] * CATALOG[name].size[1])


_AROUND = {"Chair": ("DiningTable", "Desk"), "CoffeeTable": ("Sofa",), "Ottoman": ("ArmChair", "Sofa")}
_IN_THE_MIDDLE = ("DiningTable", "CoffeeTable", "DogBed", "Ottoman", "Footstool")
_SMALL = ("Chair", "Stool", "ArmChair", "GarbageCan", "FloorLamp")


def furnish(room: Layout, names: list[str]) -> None:
    """Place furniture: against walls, around tables, or free-standing; what does not fit is left out."""
    late = [name for name in names if name in _AROUND]
    for name in [name for name in names if name not in _AROUND] + late:
        made = build(name, room.rng)
        hosts = [item for item in room.furniture if item.type in _AROUND.get(name, ())]
        room.rng.shuffle(hosts)
        gap = 0.3 if name == "CoffeeTable" else 0.03
        if any(room.facing(name, made, host, gap) for host in hosts):
            continue
        if name in _IN_THE_MIDDLE and room.standing(name, made, 0.5):
            continue
        # The back of a chest or a bed is not for show: what has no place at a wall is left out.
        if not room.along_walls(name, made, movable=True, tries=80) and name in (*_IN_THE_MIDDLE, *_SMALL):
            room.standing(name, made, 0.1)


def kitchen(room: Layout) -> None:
    """Lay a run of units along one or two walls, then tables and stools."""
    rng = room.rng
    seed, depth = int(rng.integers(1 << 30)), float(rng.uniform(0.58, 0.64))
    first = int(rng.integers(4))
    turn = int(rng.choice([-1, 1]))
    length = room.length(first)
    fridge, stove = float(rng.uniform(0.65, 0.8)), float(rng.uniform(0.56, 0.62))
    sink = float(rng.uniform(0.8, 1.0))
    left = length - fridge - stove - sink - 0.06
    share = float(rng.uniform(0.4, 0.6))
    run = [("Fridge", fridge), ("CounterTop", share * left), ("Sink", sink), ("StoveBurner", stove)]
    if rng.random() < 0.5:
        run[2], run[3] = run[3], run[2]
    run.append(("CounterTop", (1 - share) * left))  # The last one is in the corner with the second run.
    makers = {
        "Fridge": (fixtures.fridge, 0.68, float(rng.uniform(1.65, 1.9))),
        "CounterTop": (fixtures.counter, depth, COUNTER_HEIGHT),
        "Sink": (fixtures.sink_counter, depth, COUNTER_HEIGHT + fixtures.FAUCET_HEIGHT),
        "StoveBurner": (fixtures.stove, depth, COUNTER_HEIGHT + 0.012),
    }
    start = -length / 2 + 0.02
    upper = float(rng.uniform(1.42, 1.55))
    for name, wide in run:
        maker, deep, high = makers[name]
        along = turn * (start + wide / 2)
        made = _seeded(seed, maker, (wide - 0.002, deep, high))
        room.at_wall(name, made, first, along)
        if name == "CounterTop" and rng.random() < 0.75:
            size = (min(wide, 1.2) - 0.01, 0.34, float(rng.uniform(0.55, 0.75)))
            room.at_wall("Cabinet", _seeded(seed, fixtures.upper_cabinet, size), first, along, upper, 0.0)
        start += wide
    # Wall k + 1 is to the left of someone who faces wall k.
    second = (first - turn) % 4
    most = room.length(second) - depth - 0.05
    wide = float(rng.uniform(0.5, 0.75)) * most
    made = _seeded(seed, fixtures.counter, (wide, depth, COUNTER_HEIGHT))
    corner = room.length(second) / 2 - depth - 0.02 - wide / 2
    room.at_wall("CounterTop", made, second, -turn * corner)
    _door_and_windows(room, int(rng.integers(1, 3)), (1.05, 1.2))
    _skirting(room)
    _hang(room, int(rng.integers(0, 2)), int(rng.integers(1, 3)), (1.2, 1.45))
    furnish(room, _drawn(room, "kitchen", {"DiningTable": int(rng.random() < 0.8), "GarbageCan": 1}))


def living_room(room: Layout) -> None:
    """Lay a sofa with its table, a stand for the television, shelves and tables."""
    rng = room.rng
    _door_and_windows(room, int(rng.integers(1, 3)), (0.7, 0.95))
    _skirting(room)
    stand = "TVStand" if rng.random() < 0.6 else "Dresser"
    names = _drawn(
        room, "living_room", {stand: 1, "Sofa": 1, "SideTable": 2, "DiningTable": int(rng.random() < 0.8)}
    )
    furnish(room, names)
    _hang(room, int(rng.integers(2, 4)), int(rng.integers(2, 5)))
    _rug(room)


def bedroom(room: Layout) -> None:
    """Lay a bed, a desk, chests and shelves."""
    rng = room.rng
    _door_and_windows(room, int(rng.integers(1, 3)), (0.8, 1.0))
    _skirting(room)
    least = {"Bed": 1, "Desk": 1, "SideTable": 1, "Chair": 1}
    if rng.random() < 0.8:
        least["Dresser"] = 1
    furnish(room, _drawn(room, "bedroom", least))
    _hang(room, int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    _rug(room)


def bathroom(room: Layout) -> None:
    """Lay a bath, a toilet, a basin with a mirror, a counter and shelves."""
    rng = room.rng
    seed = int(rng.integers(1 << 30))
    high = float(rng.uniform(0.82, 0.9))
    _door_and_windows(room, 0, (1.2, 1.3))
    tub = (float(rng.uniform(1.45, 1.65)), float(rng.uniform(0.68, 0.76)), float(rng.uniform(0.48, 0.58)))
    room.along_walls("Bathtub", fixtures.bathtub(rng, tub))
    size = (float(rng.uniform(0.75, 1.1)), float(rng.uniform(0.46, 0.54)), high + fixtures.FAUCET_HEIGHT)
    basin = room.along_walls("Sink", _seeded(seed, fixtures.sink_vanity, size))
    if basin:
        glass = fixtures.mirror(rng, (0.8 * size[0], 0.03, float(rng.uniform(0.7, 0.9))))
        wall = round(basin.yaw / (np.pi / 2))
        along = float(np.cos(basin.yaw) * basin.position[0] + np.sin(basin.yaw) * basin.position[1])
        room.at_wall("Mirror", glass, wall, along, high + 0.3, 0.0)
    seat = (float(rng.uniform(0.38, 0.44)), float(rng.uniform(0.62, 0.7)), float(rng.uniform(0.74, 0.85)))
    room.along_walls("Toilet", fixtures.toilet(rng, seat))
    counter = (float(rng.uniform(0.5, 0.9)), size[1], high)
    room.along_walls("CounterTop", _seeded(seed, fixtures.counter, counter))
    _skirting(room)
    window = fixtures.window(rng, (float(rng.uniform(0.5, 0.8)), 0.05, 0.8))
    room.along_walls("Window", window, 1.35, 0.0)
    towel = (float(rng.uniform(0.45, 0.6)), 0.07, float(rng.uniform(0.45, 0.65)))
    room.along_walls("TowelHolder", fixtures.towel_holder_with_towel(rng, towel), 0.85, 0.0)
    _hang(room, int(rng.integers(0, 2)), int(rng.integers(1, 3)))
    furnish(room, _drawn(room, "bathroom", {"GarbageCan": 1, "SideTable": int(rng.random() < 0.4)}))


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
