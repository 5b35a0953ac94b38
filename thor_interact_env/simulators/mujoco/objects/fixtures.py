"""Things that never move: kitchen and bathroom units, and what hangs on walls.

Builders from (rng, full extents in metres) to a blueprint; the back is at +y, against the wall.
"""

import numpy as np

from thor_interact_env.simulators.mujoco.materials import Material
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
from thor_interact_env.simulators.mujoco.shapes import Blueprint, Vector, arc, box, cylinder, lathe, rod

FAUCET_HEIGHT = 0.22
"""Metres by which a tap rises above its counter: it is part of the unit's height."""
_WHITE = Material("plain", ((0.93, 0.93, 0.91), (0.84, 0.84, 0.83)), 0.8, 0.6)
_BLACK = Material("plain", ((0.08, 0.08, 0.09), (0.13, 0.13, 0.14)), 0.4, 0.5)
_CHROME = Material("brushed", ((0.75, 0.76, 0.78), (0.55, 0.56, 0.58)), 0.3, 0.8)


def _doors(
    parts: Parts, front: Material, knob: Material, size: Vector, y: float, base: float, tall: bool
) -> None:
    """Add cabinet doors (and drawers above them) before the plane y; size is (width, -, height)."""
    count = max(1, round(size[0] / 0.5))
    wide = size[0] / count
    drawer = 0.0 if tall else 0.17
    for index in range(count):
        x = -size[0] / 2 + (index + 0.5) * wide
        high = size[2] - drawer
        parts.add(front, box((wide - 0.012, 0.018, high - 0.012), (x, y - 0.009, base + high / 2)))
        side = 1 if index % 2 == 0 else -1
        level = base + (0.12 if tall else high - 0.12)
        parts.add(knob, box((0.014, 0.022, 0.13), (x + side * (wide / 2 - 0.05), y - 0.029, level)))
        if drawer:
            parts.add(
                front, box((wide - 0.012, 0.018, drawer - 0.012), (x, y - 0.009, base + high + drawer / 2))
            )
            parts.add(knob, box((0.14, 0.022, 0.014), (x, y - 0.029, base + high + drawer / 2)))


def worktop(rng: np.random.Generator) -> Material:
    """Return the material of a countertop."""
    pattern = str(rng.choice(["marble", "speckle", "wood"], p=(0.4, 0.4, 0.2)))
    if pattern == "wood":
        return wood(rng)
    base = tint(rng, (0.02, 0.2), (0.25, 0.9))
    return Material(pattern, (base, shade(base, 0.6)), 0.8, 0.5, int(rng.integers(1 << 30)))


def _unit(parts: Parts, rng: np.random.Generator, size: Vector, top: float) -> tuple[Material, float]:
    """Add a cabinet under a worktop of height `top`; returns the worktop's material and thickness."""
    x, y, _ = size
    front, knob, thick, kick = wood_or_paint(rng), metal(rng), 0.04, 0.09
    parts.box(front, (x, y - 0.07, top - thick - kick), (0, 0.035, (top - thick + kick) / 2))
    parts.box(front, (x, y - 0.12, kick), (0, 0.06, kick / 2))
    _doors(parts, front, knob, (x, 0, top - thick - kick), -y / 2 + 0.07, kick, False)
    return worktop(rng), thick


def counter(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a base cabinet with a worktop."""
    x, y, z = size
    parts = Parts()
    top, thick = _unit(parts, rng, size, z)
    parts.box(top, (x, y, thick), (0, 0, z - thick / 2))
    parts.surface((0, 0, z), (x, y), margin=0.015)
    return parts.finish(size)


def _sink(rng: np.random.Generator, size: Vector, bowl: Material) -> Blueprint:
    x, y, z = size
    top_z = z - FAUCET_HEIGHT
    parts, deep = Parts(), 0.13
    # Drawn in the order of `_unit`, so that units of one seed match.
    front, knob, thick, kick = wood_or_paint(rng), metal(rng), 0.04, 0.09
    top = worktop(rng)
    wide, long = min(0.5, x - 0.16), min(0.36, y - 0.18)
    shift = float(rng.uniform(-1, 1)) * max(0.0, x / 2 - wide / 2 - 0.1)
    low = top_z - thick - deep
    parts.box(front, (x, y - 0.07, low - kick), (0, 0.035, (low + kick) / 2))
    parts.box(front, (x, 0.02, deep), (0, -y / 2 + 0.08, low + deep / 2))
    parts.box(front, (x, y - 0.12, kick), (0, 0.06, kick / 2))
    _doors(parts, front, knob, (x, 0, top_z - thick - kick), -y / 2 + 0.07, kick, False)
    hole = -0.03
    left, right = shift - wide / 2 + x / 2, x / 2 - shift - wide / 2
    ahead, behind = hole - long / 2 + y / 2, y / 2 - hole - long / 2
    level = top_z - thick / 2
    parts.box(top, (left, y, thick), (-x / 2 + left / 2, 0, level))
    parts.box(top, (right, y, thick), (x / 2 - right / 2, 0, level))
    parts.box(top, (wide, ahead, thick), (shift, -y / 2 + ahead / 2, level))
    parts.box(top, (wide, behind, thick), (shift, y / 2 - behind / 2, level))
    parts.box(bowl, (wide, long, 0.01), (shift, hole, low + 0.005))
    for sign in (-1, 1):
        parts.box(bowl, (0.01, long, deep), (shift + sign * wide / 2, hole, low + deep / 2))
        parts.box(bowl, (wide, 0.01, deep), (shift, hole + sign * long / 2, low + deep / 2))
    back = y / 2 - 0.06
    parts.cylinder(bowl if bowl is _CHROME else _CHROME, 0.014, FAUCET_HEIGHT - 0.07, (shift, back, top_z))
    bend = arc((0, 0, 0), 0.06, 0, np.pi, 0.01).moved((shift, back - 0.06, z - 0.07), np.pi / 2)
    parts.add(_CHROME, bend, rod((shift, back - 0.12, z - 0.07), (shift, back - 0.12, z - 0.1), 0.01))
    parts.add(_CHROME, rod((shift + 0.03, back, top_z + 0.03), (shift + 0.09, back, top_z + 0.05), 0.008))
    parts.surface((-x / 2 + left / 2, 0, top_z), (left, y))
    parts.surface((x / 2 - right / 2, 0, top_z), (right, y))
    parts.surface((shift, hole - 0.03, low + 0.01), (wide - 0.03, long - 0.09), margin=0.02)
    parts.add(_CHROME, box((0.02, 0.02, 0.004), (shift, back - 0.06, z - 0.002)))
    return parts.finish(size)


def sink_counter(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a worktop with a steel basin and a tap; the height includes `FAUCET_HEIGHT`."""
    return _sink(rng, size, _CHROME)


def sink_vanity(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a bathroom cabinet with a white basin and a tap; the height includes `FAUCET_HEIGHT`."""
    return _sink(rng, size, _WHITE)


def upper_cabinet(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a cabinet that hangs on the wall."""
    x, y, z = size
    parts, front = Parts(), wood_or_paint(rng)
    parts.box(front, (x, y - 0.04, z), (0, 0.02, z / 2))
    _doors(parts, front, metal(rng), (x, 0, z), -y / 2 + 0.04, 0, True)
    return parts.finish(size)


def fridge(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a fridge with a freezer compartment."""
    x, y, z = size
    body = _WHITE if rng.random() < 0.4 else metal(rng)
    parts, knob, split = Parts(), metal(rng), float(rng.choice([0.35, 0.7])) * z
    parts.box(body, (x, y - 0.06, z - 0.03), (0, 0.03, z / 2 + 0.015))
    parts.box(_BLACK, (x - 0.04, y - 0.1, 0.03), (0, 0.03, 0.015))
    for low, high in ((0.05, split - 0.006), (split + 0.006, z)):
        parts.box(body, (x, 0.03, high - low), (0, -y / 2 + 0.045, (low + high) / 2), False)
        grip = 0.5 * min(high - low, 0.7)
        middle = high - grip / 2 - 0.06 if low < split - 0.1 and split > z / 2 else (low + high) / 2
        parts.box(knob, (0.025, 0.03, grip), (x / 2 - 0.07, -y / 2 + 0.015, middle), False)
    parts.surface((0, 0.03, z), (x, y - 0.1))
    return parts.finish(size)


def stove(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a cooker: oven door, knobs and four burners, each a surface."""
    x, y, z = size
    body = _WHITE if rng.random() < 0.4 else metal(rng)
    parts, flat = Parts(), z - 0.015
    parts.box(body, (x, y - 0.05, flat - 0.012), (0, 0.025, (flat - 0.012) / 2))
    parts.box(_BLACK, (x, y - 0.05, 0.012), (0, 0.025, flat - 0.006))
    parts.box(_BLACK, (0.8 * x, 0.015, 0.42), (0, -y / 2 + 0.043, 0.42), False)
    parts.box(_CHROME, (0.75 * x, 0.02, 0.022), (0, -y / 2 + 0.02, 0.68), False)
    for offset in np.linspace(-0.38, 0.38, 5):
        knob = cylinder(0.022, 0.04).moved((offset * x, -y / 2 + 0.05, flat - 0.07), pitch=np.pi / 2)
        parts.add(_CHROME, knob.moved((0, -0.01, 0)))
    for sign_x in (-1, 1):
        for sign_y in (-1, 1):
            at = (sign_x * 0.25 * x, 0.025 + sign_y * 0.23 * y)
            radius = 0.09 if sign_x * sign_y > 0 else 0.075
            parts.cylinder(_CHROME, radius, 0.015, (*at, flat))
            parts.surface((*at, z), (0.46 * x, 0.42 * y))
    return parts.finish(size)


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


def bathtub(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a tub with a tiled or white apron; long along x."""
    x, y, z = size
    parts, rim, floor = Parts(), 0.09, 0.16
    apron = _WHITE
    if rng.random() < 0.5:
        base = tint(rng, (0.05, 0.3), (0.5, 0.9))
        apron = Material("tiles", (base, shade(base, 0.7)), 0.4, 0.4, int(rng.integers(1 << 30)))
    end = 0.22
    parts.box(_WHITE, (x, y, floor), (0, 0, floor / 2))
    for sign in (-1, 1):
        parts.box(apron, (x, rim - 0.01, z - 0.03), (0, sign * (y - rim - 0.01) / 2, z / 2 - 0.015))
        parts.box(_WHITE, (x, rim, 0.03), (0, sign * (y - rim) / 2, z - 0.015))
        wide = end if sign > 0 else rim
        parts.box(_WHITE, (wide, y - 2 * rim, z), (sign * (x - wide) / 2, 0, z / 2))
    parts.surface((x / 2 - end / 2, 0, z), (end, y))
    parts.surface((-end / 2, y / 2 - rim / 2, z), (x - end, rim), margin=0.0)
    parts.surface(((rim - end) / 2, 0, floor), (x - end - rim, y - 2 * rim), margin=0.04)
    return parts.finish(size)


def toilet(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a toilet with a cistern on which things can stand."""
    x, y, z = size
    parts, tank, seat = Parts(), 0.2, 0.42
    parts.box(_WHITE, (x, tank, z - seat + 0.05), (0, (y - tank) / 2, (z + seat - 0.05) / 2))
    bowl = y - tank
    middle = -tank / 2
    profile = [
        (0, 0),
        (0.28, 0),
        (0.26, 0.45 * seat),
        (0.46, 0.9 * seat),
        (0.46, seat - 0.03),
        (0, seat - 0.03),
    ]
    parts.add(_WHITE, lathe(profile, 20).scaled((x * 0.95, bowl, 1)).moved((0, middle, 0)))
    lid = _WHITE if rng.random() < 0.7 else wood(rng)
    parts.add(lid, cylinder(0.5, 0.03).scaled((x * 0.95, bowl, 1)).moved((0, middle, seat - 0.03)))
    parts.solid((x * 0.85, bowl, seat), (0, middle, seat / 2))
    parts.box(_WHITE, (0.5 * x, tank, seat), (0, (y - tank) / 2, seat / 2))
    parts.box(_CHROME, (0.04, 0.012, 0.02), (-x / 2 + 0.08, y / 2 - tank - 0.006, z - 0.08), False)
    parts.surface((0, (y - tank) / 2, z), (x, tank))
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
    _frame(parts, wood(rng) if rng.random() < 0.6 else _BLACK, size, 0.035)
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


def curtains(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build two drawn curtains with folds on a rod."""
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
                cylinder(0.5, z - 0.03, segments=10)
                .scaled((wide / folds * 1.25, depth, 1))
                .moved((at, 0, 0)),
            )
        parts.solid((wide, y, z - 0.03), (sign * (x / 2 - 0.05 - wide / 2), 0, (z - 0.03) / 2))
    return parts.finish(size)


def towel_holder_with_towel(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a rail with a towel over it."""
    x, y, z = size
    parts, cloth = Parts(), fabric(rng)
    for sign in (-1, 1):
        parts.add(
            _CHROME, rod((sign * (x / 2 - 0.01), y / 2, z - 0.03), (sign * (x / 2 - 0.01), 0, z - 0.03), 0.01)
        )
    parts.add(_CHROME, rod((-x / 2, -0.01, z - 0.03), (x / 2, -0.01, z - 0.03), 0.01))
    parts.box(cloth, (0.75 * x, y * 0.8, z), (0, -0.1 * y, z / 2))
    return parts.finish(size)


def rug(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a rug: seen, not felt (things stand on the floor through it)."""
    x, y, z = size
    parts, cloth = Parts(), fabric(rng)
    if rng.random() < 0.3:
        parts.add(cloth, cylinder(0.5, z, segments=28).scaled((x, y, 1)))
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
    parts.box(white, size, (0, 0, size[2] / 2))
    return parts.finish(size)
