"""Objects on the walls of rooms of any type: door, switch, windows, panels, pictures, shelves."""

import numpy as np

from thor_interact_env.simulators.mujoco.exact import cosine, sine
from thor_interact_env.simulators.mujoco.objects.fixtures import common as fixtures
from thor_interact_env.simulators.mujoco.objects.fixtures.units import alone
from thor_interact_env.simulators.mujoco.rooms.layout import Layout, Placement
from thor_interact_env.simulators.mujoco.shapes import Vector

_HEADROOM = 0.42
"""Metres kept free above a shelf for objects on it."""


def wall_of(item: Placement) -> tuple[int, float]:
    """Return the wall of an object, and its position along it."""
    wall = round(item.yaw / (np.pi / 2))
    along = cosine(item.yaw) * item.position[0] + sine(item.yaw) * item.position[1]
    return wall, along


def door(room: Layout) -> None:
    """Add a door with free floor in front of it and a light switch next to it."""
    rng = room.rng
    size = (float(rng.uniform(0.82, 0.92)), 0.09, float(rng.uniform(1.98, 2.1)))
    found = room.along_walls(alone("Door", fixtures.door(rng, size)), gap=0.0)
    switch = alone("LightSwitch", fixtures.light_switch(rng, (0.121, 0.025, 0.154)))
    height = float(rng.uniform(1.05, 1.2))
    if not found:
        room.along_walls(switch, height, 0.0)
        return
    x, y, _ = found.position
    inward = np.array([sine(found.yaw), -cosine(found.yaw)]) * 0.75
    side = np.abs([cosine(found.yaw), sine(found.yaw)]) * size[0] / 2
    corners = np.array([[x, y], [x + inward[0], y + inward[1]]])
    low, high = corners.min(axis=0) - side, corners.max(axis=0) + side
    room.keep_free((float(low[0]), float(low[1]), 0.0, float(high[0]), float(high[1]), 2.0))
    wall, along = wall_of(found)
    for sign in (-1, 1):
        if room.at_wall(switch, wall, along + sign * (size[0] / 2 + 0.12), height, 0.0):
            return
    room.along_walls(switch, height, 0.0)


def windows(
    room: Layout, count: int, sill: tuple[float, float], curtains: float = 0.0, blinds: float = 0.0
) -> None:
    """Add windows.

    Args:
        room: The room.
        count: Number of windows.
        sill: Minimum and maximum height of their lower edge.
        curtains: Chance that one has curtains; only windows that start below 1 m.
        blinds: Chance that one without curtains has blinds.
    """
    rng = room.rng
    for _ in range(count):
        start = float(rng.uniform(*sill))
        size = (float(rng.uniform(0.8, 1.5)), 0.05, float(rng.uniform(0.9, 2.3 - start - 0.05)))
        found = room.along_walls(alone("Window", fixtures.window(rng, size)), start, 0.0)
        if not found:
            continue
        wall, along = wall_of(found)
        if start < 1.0 and rng.random() < curtains:
            wide, high = size[0] + 0.5, start + size[2] + 0.05
            lift = fixtures.CURTAIN_LIFT
            made = alone("Curtains", fixtures.curtains(rng, (wide, 0.09, high - lift)))
            room.at_wall(made, wall, along, lift, 0.055)
        elif rng.random() < blinds:
            high = float(rng.choice([0.2, 0.2, float(rng.uniform(0.3, 0.8))]))
            made = alone("Blinds", fixtures.blinds(rng, (size[0] - 0.02, 0.03, high)))
            room.at_wall(made, wall, along, start + size[2] - high, 0.052)


def skirting(room: Layout) -> None:
    """Run a skirting along all walls, in a third of the rooms panels up to the windows."""
    rng = room.rng
    seed, panelled = int(rng.integers(1 << 30)), rng.random() < 0.35
    sills = [item.position[2] for item in room.fixtures if item.type == "Window"]
    high = min([float(rng.uniform(0.7, 0.85)), *(sill - 0.03 for sill in sills)]) if panelled else 0.08
    doors = [item for item in room.fixtures if item.type == "Door"]
    for wall in range(4):
        half = room.length(wall) / 2 - 0.011
        spans = [(-half, half)]
        for item in doors:
            at, middle = wall_of(item)
            if at == wall:
                wide = float(item.blueprint.bounds()[1][0])
                spans = [(-half, middle - wide), (middle + wide, half)]
        for start, end in spans:
            if end - start > 0.05:
                size = (end - start, 0.01, high)
                maker = fixtures.wainscot if panelled else fixtures.skirting
                strip = alone("Skirting", maker(np.random.default_rng(seed), size))
                room.at_wall(strip, wall, (start + end) / 2, 0.0, 0.0)


def shelves(room: Layout, count: int, height: tuple[float, float] = (1.25, 1.55)) -> None:
    """Hang boards, wide ones first, with free space above them.

    Args:
        room: The room.
        count: Maximum number of boards.
        height: Minimum and maximum height of their upper face: near the eye, in reach.
    """
    rng = room.rng
    for index in range(count):
        for widest in (1.2, 0.8, 0.5):
            deep = float(rng.uniform(0.2, 0.27))
            size = (float(rng.uniform(0.75, 1.0)) * widest, deep, float(rng.uniform(0.1, 0.16)))
            top = float(rng.uniform(*height))
            made = alone("Shelf", fixtures.shelf(rng, size))
            found = room.along_walls(made, top - size[2], 0.0, tries=12, headroom=_HEADROOM)
            if found:
                if index % 2 == 0 and top > 1.4:  # A second one below it.
                    again = (("Shelf", found.blueprint),)
                    lower = top - size[2] - _HEADROOM - 0.03
                    room.at_wall(again, *wall_of(found), lower, 0.0, headroom=_HEADROOM)
                break


def pictures(room: Layout, count: int, posters: int = 0) -> None:
    """Hang paintings and posters above furniture at the walls."""
    rng = room.rng
    for name, builder, number in (
        ("Painting", fixtures.painting, count),
        ("Poster", fixtures.poster, posters),
    ):
        for _ in range(number):
            deep = 0.035 if name == "Painting" else 0.008
            size: Vector = (float(rng.uniform(0.45, 1.0)), deep, float(rng.uniform(0.45, 0.85)))
            room.along_walls(alone(name, builder(rng, size)), float(rng.uniform(1.3, 1.55)), 0.0)


def mirror(room: Layout) -> None:
    """Hang a mirror."""
    rng = room.rng
    size = (float(rng.uniform(0.45, 0.75)), 0.035, float(rng.uniform(0.7, 1.0)))
    room.along_walls(alone("Mirror", fixtures.mirror(rng, size)), float(rng.uniform(1.0, 1.15)), 0.0)
