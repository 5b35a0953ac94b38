"""Things of one piece that never move: what hangs on walls and lies on the floor.

Builders from (rng, full extents in metres) to a blueprint; the back is at +y, against the wall.
"""

import numpy as np

from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.fixtures_units import BLACK
from thor_interact_env.simulators.mujoco.objects.parts import (
    Parts,
    fabric,
    metal,
    shade,
    tint,
    trim,
    wood,
    wood_or_paint,
)
from thor_interact_env.simulators.mujoco.shapes import HUGE, SMALL, Blueprint, Vector, box, cylinder, rod


def shelf(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a board on two brackets; it is the top of `size`."""
    x, y, z = size
    parts, body, hold = Parts(), wood_or_paint(rng), metal(rng)
    thick = min(0.03, z / 2)
    parts.box(body, (x, y, thick), (0, 0, z - thick / 2))
    for sign in (-1, 1):
        parts.box(hold, (0.02, 0.02, z - thick), (sign * 0.35 * x, y / 2 - 0.01, (z - thick) / 2), False)
        parts.add(
            hold, rod((sign * 0.35 * x, y / 2 - 0.02, 0.01), (sign * 0.35 * x, -0.3 * y, z - thick), 0.006)
        )
    parts.surface((0, 0, z), (x, y))
    return parts.finish(size)


def _frame(parts: Parts, material: Material, size: Vector, wide: float) -> None:
    x, y, z = size
    for sign in (-1, 1):
        parts.add(material, box((wide, y, z), (sign * (x - wide) / 2, 0, z / 2)))
        parts.add(material, box((x - 2 * wide, y, wide), (0, 0, z / 2 + sign * (z - wide) / 2)))
    parts.solid(size, (0, 0, z / 2))


def mirror(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a framed mirror (a pale glossy pane: nothing is reflected)."""
    x, y, z = size
    parts = Parts()
    _frame(parts, metal(rng) if rng.random() < 0.5 else wood(rng), size, 0.03)
    glass = Material("plain", ((0.72, 0.78, 0.82), (0.8, 0.86, 0.9)), 1.0, 0.9, int(rng.integers(1 << 30)))
    parts.add(glass, box((x - 0.06, y * 0.5, z - 0.06), (0, y * 0.1, z / 2)))
    return parts.finish(size)


def painting(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a framed picture of blobs, stripes or veins."""
    x, y, z = size
    parts = Parts()
    _frame(parts, wood(rng) if rng.random() < 0.6 else BLACK, size, 0.035)
    pattern = str(rng.choice(["marble", "leaves", "stripes", "checks", "dots", "bricks"]))
    colours = (tint(rng, (0.1, 0.6), (0.3, 0.95)), tint(rng, (0.1, 0.6), (0.3, 0.95)))
    canvas = Material(pattern, colours, float(max(x, z)), 0.05, int(rng.integers(1 << 30)))
    parts.add(canvas, box((x - 0.07, y * 0.5, z - 0.07), (0, y * 0.1, z / 2)))
    return parts.finish(size)


def window(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a window: a bright pane, a frame with bars and a sill."""
    x, y, z = size
    parts, frame = Parts(), trim(rng) if rng.random() < 0.7 else wood(rng)
    _frame(parts, frame, (x, y, z), 0.05)
    parts.add(frame, box((0.03, y * 0.8, z - 0.1), (0, 0, z / 2)))
    if rng.random() < 0.6:
        parts.add(frame, box((x - 0.1, y * 0.8, 0.03), (0, 0, float(rng.uniform(0.4, 0.7)) * z)))
    sky = Material("plain", ((0.86, 0.93, 1.0), (0.98, 0.98, 0.96)), 1.5, 0.0, int(rng.integers(1 << 30)))
    parts.add(sky, box((x - 0.1, y * 0.4, z - 0.1), (0, y * 0.2, z / 2)))
    return parts.finish(size)


def door(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a closed door with panels in its frame."""
    x, y, z = size
    parts, leaf, knob = Parts(), wood_or_paint(rng), metal(rng)
    _frame(parts, trim(rng), (x, y - 0.04, z), 0.06)
    parts.add(leaf, box((x - 0.12, 0.03, z - 0.06), (0, 0.0, z / 2 - 0.03)))
    for low, high in ((0.1, 0.45), (0.52, 0.92)):
        parts.add(leaf, box((x - 0.36, 0.05, (high - low) * z), (0, 0, (low + high) / 2 * z)))
    at = (x / 2 - 0.12, -y / 2 + 0.02, 1.0)
    parts.add(
        knob, rod((at[0], 0, at[2]), (at[0], -y / 2, at[2]), 0.012), rod(at, (at[0] - 0.1, *at[1:]), 0.01)
    )
    parts.add(knob, rod((at[0], 0, at[2]), (at[0], y / 2, at[2]), 0.005))
    return parts.finish(size)


CURTAIN_LIFT = 0.15
"""Metres between the floor and the lower edge of curtains, through which one sees but nothing fits."""


def curtains(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build two drawn curtains with folds on a rod, to hang `CURTAIN_LIFT` above the floor."""
    x, y, z = size
    parts, cloth, wide = Parts(), fabric(rng), size[0] * float(rng.uniform(0.18, 0.26))
    parts.add(metal(rng), rod((-x / 2, 0, z - 0.015), (x / 2, 0, z - 0.015), 0.012))
    for sign in (-1, 1):
        folds = 7
        for index in range(folds):
            at = sign * (x / 2 - 0.05 - wide * (index + 0.5) / folds)
            depth = y * (0.95 if index % 2 == 0 else 0.55)
            parts.add(
                cloth,
                cylinder(0.5, z - 0.03, segments=SMALL)
                .scaled((wide / folds * 1.25, depth, 1))
                .moved((at, 0, 0)),
            )
        # Felt down to the floor: a lamp was wedged between the two, 5 cm deep in both.
        high, middle = z - 0.03 + CURTAIN_LIFT, (z - 0.03 - CURTAIN_LIFT) / 2
        parts.solid((wide, y, high), (sign * (x / 2 - 0.05 - wide / 2), 0, middle))
    return parts.finish(size)


def rug(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a rug: seen, not felt (things stand on the floor through it)."""
    x, y, z = size
    parts, cloth = Parts(), fabric(rng)
    if rng.random() < 0.3:
        parts.add(cloth, cylinder(0.5, z, segments=HUGE).scaled((x, y, 1)))
    else:
        parts.add(cloth, box(size, (0, 0, z / 2)))
        parts.add(fabric(rng), box((x - 0.2, y - 0.2, z * 0.5), (0, 0, z * 0.76)))
    return parts.finish(size)


def skirting(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a strip along the foot of a wall."""
    parts = Parts()
    tone = float(rng.uniform(0.7, 0.92))
    white = Material(
        "plain", ((tone, tone, tone * 0.97), (tone * 0.9,) * 3), 0.5, 0.1, int(rng.integers(2**31))
    )
    x, y, z = size
    parts.box(white, size, (0, 0, z / 2), False)
    # Felt far into the wall: a pen that is thrown at a strip this thin could end up behind it.
    parts.solid((x, y + 0.2, z), (0, 0.1, z / 2))
    return parts.finish(size)


def wainscot(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build wall panels or tiles with a rail on top."""
    x, y, z = size
    parts = Parts()
    base = tint(rng, (0.03, 0.3), (0.45, 0.9))
    pattern = str(rng.choice(["plain", "planks", "tiles"]))
    repeat = 1.2 if pattern == "planks" else 0.5
    face = Material(pattern, (base, shade(base, 0.85)), repeat, 0.15, int(rng.integers(1 << 30)))
    rail = Material("plain", (shade(base, 0.9), shade(base, 0.85)), 0.8, 0.2, int(rng.integers(1 << 30)))
    parts.box(face, (x, y * 0.7, z - 0.03), (0, y * 0.15, (z - 0.03) / 2))
    parts.box(rail, (x, y, 0.03), (0, 0, z - 0.015), False)
    return parts.finish(size)


def poster(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a sheet with a picture and a caption, without a frame."""
    x, y, z = size
    parts = Parts()
    paper = tint(rng, (0.05, 0.4), (0.6, 0.97))
    parts.box(Material("plain", (paper, shade(paper, 0.95)), 0.8, 0.0), (x, y * 0.6, z), (0, y * 0.2, z / 2))
    pattern = str(rng.choice(["dots", "checks", "leaves", "stripes", "marble"]))
    colours = (tint(rng, (0.3, 0.8), (0.3, 0.95)), tint(rng, (0.1, 0.6), (0.2, 0.9)))
    picture = Material(pattern, colours, float(max(x, z)), 0.0, int(rng.integers(1 << 30)))
    parts.add(picture, box((0.84 * x, y * 0.4, 0.68 * z), (0, -y * 0.3, 0.6 * z)))
    ink = Material("label", ((0.9, 0.9, 0.88), (0.15, 0.15, 0.2)), 0.84 * x, 0.0, int(rng.integers(1 << 30)))
    parts.add(ink, box((0.84 * x, y * 0.4, 0.14 * z), (0, -y * 0.3, 0.13 * z)))
    return parts.finish(size)


def light_switch(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a switch: a plate with one or two rockers."""
    x, y, z = size
    parts, tone = Parts(), float(rng.uniform(0.75, 0.95))
    plate = Material("plain", ((tone, tone, tone * 0.97), (tone * 0.95,) * 3), 0.5, 0.3)
    rocker = Material("plain", ((tone * 0.86,) * 3, (tone * 0.8,) * 3), 0.5, 0.4)
    parts.box(plate, (x, y * 0.6, z), (0, y * 0.2, z / 2))
    count = int(rng.integers(1, 3))
    for index in range(count):
        at = (index - (count - 1) / 2) * 0.36 * x
        parts.add(rocker, box((0.3 * x, y * 0.4, 0.5 * z), (at, -y * 0.3, z / 2)))
    return parts.finish(size)


def blinds(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build slats, partly lowered over a window."""
    x, y, z = size
    parts, slat = Parts(), trim(rng) if rng.random() < 0.6 else wood(rng)
    parts.box(slat, (x, y, 0.04), (0, 0, z - 0.02), False)
    count = max(2, round((z - 0.04) / 0.035))
    for index in range(count):
        level = (index + 0.4) * (z - 0.04) / count
        parts.add(slat, box((x * 0.98, y * 0.8, 0.006), (0, 0, 0)).moved((0, 0, level), pitch=0.5))
    for sign in (-1, 1):
        parts.add(slat, box((0.006, 0.004, z - 0.04), (sign * 0.35 * x, 0, (z - 0.04) / 2)))
    parts.solid(size, (0, 0, z / 2))
    return parts.finish(size)
