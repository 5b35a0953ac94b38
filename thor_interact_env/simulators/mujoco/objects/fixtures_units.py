"""Units of several named parts: kitchen runs, vanities and what they share.

A unit's parts have one frame; each is a blueprint of its own with iTHOR's name for it (`"Drawer"`,
`"SinkBasin"`), so that it can be told apart from its neighbours. The back is at +y, against the wall.
"""

from dataclasses import dataclass

import numpy as np

from thor_interact_env.simulators.mujoco.layout import Unit
from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.parts import Parts, metal, shade, tint, wood, wood_or_paint
from thor_interact_env.simulators.mujoco.shapes import Blueprint, Vector, Visual, arc, box, merge, rod

WHITE = Material("plain", ((0.93, 0.93, 0.91), (0.84, 0.84, 0.83)), 0.8, 0.6)
"""Porcelain and enamel."""
BLACK = Material("plain", ((0.08, 0.08, 0.09), (0.13, 0.13, 0.14)), 0.4, 0.5)
"""Black enamel and glass."""
CHROME = Material("brushed", ((0.75, 0.76, 0.78), (0.55, 0.56, 0.58)), 0.3, 0.8)
"""Taps, rails and basins."""

FAUCET_HEIGHT = 0.22
"""Metres by which a tap rises above what it stands on."""

BASIN_DEPTH = 0.14
"""Metres from a worktop down to the floor of its basin."""

TOP_THICKNESS = 0.04
"""Metres, of a worktop."""

_FRONT, _HANDLE, _OVERHANG, _KICK = 0.018, 0.022, 0.03, 0.09
_BEFORE = _FRONT + _HANDLE + _OVERHANG
_DRAWER = 0.19


def alone(name: str, blueprint: Blueprint) -> Unit:
    """Return a unit of one part."""
    return ((name, blueprint),)


class Assembly:
    """Collects the parts of one unit."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._parts: list[tuple[str, Parts]] = []

    def part(self, name: str) -> Parts:
        """Start a part of a type and return its workbench."""
        self._parts.append((name, Parts()))
        return self._parts[-1][1]

    def finish(self) -> Unit:
        """Return the parts, none of them moved or stretched."""
        return tuple((name, _as_drawn(parts)) for name, parts in self._parts)


def _as_drawn(parts: Parts) -> Blueprint:
    visuals = tuple(Visual(merge(*meshes), material) for material, meshes in parts.meshes.items())
    return Blueprint(visuals, tuple(parts.colliders), tuple(parts.surfaces))


def worktop(rng: np.random.Generator) -> Material:
    """Return the material of a countertop."""
    pattern = str(rng.choice(["marble", "speckle", "wood"], p=(0.4, 0.4, 0.2)))
    if pattern == "wood":
        return wood(rng)
    base = tint(rng, (0.02, 0.2), (0.25, 0.9))
    return Material(pattern, (base, shade(base, 0.6)), 0.8, 0.5, int(rng.integers(1 << 30)))


@dataclass(frozen=True)
class Style:
    """What the units of one room share: carcass and fronts, handles, worktop."""

    front: Material
    knob: Material
    top: Material

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Style":
        """Draw a style."""
        return cls(wood_or_paint(rng), metal(rng), worktop(rng))


def drawer(unit: Assembly, style: Style, size: tuple[float, float], x: float, y: float, z: float) -> None:
    """Add a drawer: a front of (width, height) with a handle, its back at y, its lower edge at z."""
    made = unit.part("Drawer")
    wide, high = size
    middle = z + high / 2
    made.add(style.front, box((wide - 0.012, _FRONT, high - 0.012), (x, y - _FRONT / 2, middle)))
    handle = (min(0.14, wide / 2), _HANDLE, 0.014)
    made.add(style.knob, box(handle, (x, y - _FRONT - _HANDLE / 2, middle)))


def cabinet(
    unit: Assembly, style: Style, size: Vector, center: tuple[float, float], z: float, door: float, low: bool
) -> None:
    """Add a cabinet: a carcass of the given extents and a door before its lower part.

    Args:
        unit: What it is added to.
        style: Its materials.
        size: Width, depth and height of the carcass.
        center: x and y of its middle.
        z: Its lower edge.
        door: Height of the door; 0 for a carcass that drawers will cover.
        low: Whether the handle is near the door's lower edge (wall cabinets).
    """
    made = unit.part("Cabinet")
    wide, deep, high = size
    x, y = center
    made.box(style.front, size, (x, y, z + high / 2))
    if door:
        front = y - deep / 2
        made.add(
            style.front, box((wide - 0.012, _FRONT, door - 0.012), (x, front - _FRONT / 2, z + door / 2))
        )
        level = z + (0.12 if low else door - 0.12)
        side = -1 if x > 0 else 1
        at = (x + side * (wide / 2 - 0.05), front - _FRONT - _HANDLE / 2, level)
        made.add(style.knob, box((0.014, _HANDLE, 0.13), at))


def base(
    unit: Assembly, style: Style, size: Vector, top: float, hollow: float, rng: np.random.Generator
) -> None:
    """Add cabinets with drawers up to the worktop.

    Args:
        unit: What they are added to.
        style: Their materials.
        size: Width, depth and height of the unit; only width and depth are used.
        top: Height of the worktop's upper face.
        hollow: Depth below the worktop that stays free for a basin.
        rng: Draws which columns are all drawers.
    """
    x, y, _ = size
    count = max(1, round(x / 0.52))
    wide, under = x / count, top - TOP_THICKNESS
    front = -y / 2 + _BEFORE
    high = under - hollow - _KICK
    for index in range(count):
        middle = -x / 2 + (index + 0.5) * wide
        drawers = rng.random() < 0.3
        door = 0.0 if drawers else min(high, under - _KICK - _DRAWER)
        cabinet(unit, style, (wide, y - _BEFORE, high), (middle, _BEFORE / 2), _KICK, door, False)
        rows = 3 if drawers and not hollow else 1
        start = _KICK if drawers and not hollow else under - _DRAWER
        for row in range(rows):
            tall = (under - start) / rows
            drawer(unit, style, (wide, tall), middle, front, start + row * tall)
        if drawers and hollow:
            drawer(unit, style, (wide, under - _DRAWER - _KICK), middle, front, _KICK)
    kick = unit.part("Kickboard")
    kick.box(style.front, (x, y - _BEFORE - 0.05, _KICK), (0, _BEFORE / 2 + 0.025, _KICK / 2))
    if hollow:
        kick.box(style.front, (x, 0.02, hollow), (0, front + 0.01, under - hollow / 2))


def faucet(unit: Assembly, x: float, y: float, z: float, height: float = FAUCET_HEIGHT) -> None:
    """Add a tap that stands at (x, y, z) and bends towards -y."""
    made = unit.part("Faucet")
    bend = height * 0.28
    neck = height - bend - 0.01
    made.cylinder(CHROME, 0.014, neck, (x, y, z))
    made.add(CHROME, arc((0, 0, 0), bend, 0, np.pi, 0.01).moved((x, y - bend, z + neck), np.pi / 2))
    made.add(CHROME, rod((x, y - 2 * bend, z + neck), (x, y - 2 * bend, z + neck - 0.03), 0.01))
    for sign in (-1, 1):
        made.add(CHROME, rod((x + sign * 0.015, y, z + 0.03), (x + sign * 0.09, y, z + 0.045), 0.009))


def with_basin(
    unit: Assembly,
    style: Style,
    size: Vector,
    top: float,
    bowl: Material,
    shift: float,
    wide: float,
    long: float,
) -> None:
    """Add a worktop with a hole, a sink in it, its basin and its tap.

    Args:
        unit: What they are added to.
        style: Materials.
        size: Width, depth and height of the unit; only width and depth are used.
        top: Height of the worktop's upper face.
        bowl: Material of sink and basin.
        shift: x of the hole's middle.
        wide: Width of the hole.
        long: Depth of the hole.
    """
    x, y, _ = size
    hole, rim = -0.03, 0.045
    left, right = shift - wide / 2 + x / 2, x / 2 - shift - wide / 2
    ahead, behind = hole - long / 2 + y / 2, y / 2 - hole - long / 2
    counter, level = unit.part("CounterTop"), top - TOP_THICKNESS / 2
    counter.box(style.top, (left, y, TOP_THICKNESS), (-x / 2 + left / 2, 0, level))
    counter.box(style.top, (right, y, TOP_THICKNESS), (x / 2 - right / 2, 0, level))
    counter.box(style.top, (wide, ahead, TOP_THICKNESS), (shift, -y / 2 + ahead / 2, level))
    counter.box(style.top, (wide, behind, TOP_THICKNESS), (shift, y / 2 - behind / 2, level))
    counter.surface((-x / 2 + (left - rim) / 2, 0, top), (left - rim, y))
    counter.surface((x / 2 - (right - rim) / 2, 0, top), (right - rim, y))
    sink, thick = unit.part("Sink"), 0.008
    for sign in (-1, 1):
        side = (shift + sign * (wide + rim) / 2, hole, top + thick / 2)
        sink.box(bowl, (rim, long + 2 * rim, thick), side)
        sink.box(bowl, (wide, rim, thick), (shift, hole + sign * (long + rim) / 2, top + thick / 2))
    basin, deep = unit.part("SinkBasin"), BASIN_DEPTH
    floor, wall = top - deep, 0.01
    basin.box(bowl, (wide, long, wall), (shift, hole, floor + wall / 2))
    for sign in (-1, 1):
        basin.box(bowl, (wall, long, deep), (shift + sign * (wide - wall) / 2, hole, floor + deep / 2))
        inner = wide - 2 * wall
        basin.box(bowl, (inner, wall, deep), (shift, hole + sign * (long - wall) / 2, floor + deep / 2))
    basin.add(BLACK, box((0.05, 0.05, 0.002), (shift, hole, floor + wall + 0.001)))
    basin.surface((shift, hole, floor + wall), (wide - 0.03, long - 0.03), margin=0.01)
    faucet(unit, shift, y / 2 - 0.045, top)
