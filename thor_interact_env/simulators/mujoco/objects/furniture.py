"""Movable furniture: builders from (rng, full extents in metres) to a blueprint; mass: the catalog."""

import numpy as np

from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.parts import (
    Parts,
    drawers,
    fabric,
    legs,
    metal,
    paint,
    shade,
    tint,
    wood,
    wood_or_paint,
)
from thor_interact_env.simulators.mujoco.shapes import Blueprint, Collider, Vector, ellipsoid, lathe


def _table(
    rng: np.random.Generator, size: Vector, board: float = 0.0, may_be_round: bool = False
) -> Blueprint:
    """Build a table; `board` is the chance of a second board below."""
    x, y, z = size
    parts = Parts()
    top, frame = wood_or_paint(rng), wood(rng) if rng.random() < 0.6 else metal(rng)
    if rng.random() < 0.4:
        frame = top
    thick = float(rng.uniform(0.022, 0.045))
    leg = float(rng.uniform(0.03, 0.07)) * (1 if z > 0.6 else 0.8)
    rounded = may_be_round and abs(x - y) < 0.2 * max(x, y) and rng.random() < 0.5
    if rounded:
        radius = min(x, y) / 2
        x = y = 2 * radius
        parts.cylinder(top, radius, thick, (0, 0, z - thick))
        parts.surface((0, 0, z), (1.38 * radius, 1.38 * radius))
        inner = 1.35 * radius
        legs(parts, frame, (inner, inner, z - thick), leg, 0, True)
    else:
        parts.box(top, (x, y, thick), (0, 0, z - thick / 2))
        parts.surface((0, 0, z), (x, y))
        inner = 0
        inset = float(rng.choice([0.0, 0.03]))
        legs(parts, frame, (x, y, z - thick), leg, inset, bool(rng.random() < 0.4))
        if rng.random() < 0.6:
            height = 0.06 if z > 0.5 else 0.04
            apron = (x - 2 * inset - leg, y - 2 * inset - leg)
            for sign in (-1, 1):
                parts.box(
                    frame, (apron[0], 0.018, height), (0, sign * apron[1] / 2, z - thick - height / 2), False
                )
                parts.box(
                    frame, (0.018, apron[1], height), (sign * apron[0] / 2, 0, z - thick - height / 2), False
                )
    if rng.random() < board:
        level, wide, deep = 0.28 * z, (inner or x - 2 * leg), (inner or y - 2 * leg)
        parts.box(top, (wide, deep, 0.02), (0, 0, level - 0.01))
        parts.surface((0, 0, level), (wide, deep), z - thick - 0.07 - level)
    return parts.finish(size)


def side_table(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a small table, or a night stand with drawers."""
    return _chest(rng, size, columns=1) if rng.random() < 0.4 else _table(rng, size, 0.5, True)


def coffee_table(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a low table, often with a second board."""
    return _table(rng, size, 0.5, True)


def dining_table(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a table to sit at."""
    return _table(rng, size, 0.0, True)


def desk(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a desk: plain, or with panels and a block of drawers."""
    if rng.random() < 0.35:
        return _table(rng, size)
    x, y, z = size
    parts, body, knob = Parts(), wood_or_paint(rng), metal(rng)
    front = paint(rng) if rng.random() < 0.3 else body
    side = int(rng.choice([-1, 1]))
    thick, wide = 0.03, min(0.4, 0.32 * x)
    parts.box(body, (x, y, thick), (0, 0, z - thick / 2))
    parts.box(body, (0.03, y - 0.04, z - thick), (-side * (x / 2 - 0.03), 0, (z - thick) / 2))
    parts.box(body, (x - 0.1, 0.018, 0.3), (0, y / 2 - 0.05, z - thick - 0.15), False)
    block = (side * (x / 2 - wide / 2 - 0.015), 0.0, (z - thick) / 2)
    parts.box(body, (wide, y - 0.05, z - thick), block)
    drawers(parts, front, knob, (wide, z - thick), (block[0], -y / 2 + 0.025, 0), 1, 3)
    parts.surface((0, 0, z), (x, y))
    return parts.finish(size)


def _chest(rng: np.random.Generator, size: Vector, columns: int, rows: int = 0) -> Blueprint:
    x, y, z = size
    parts, body, knob = Parts(), wood_or_paint(rng), metal(rng)
    front = body if rng.random() < 0.6 else paint(rng)
    leg = float(rng.choice([0.0, 0.06, 0.1])) * min(1.0, z)
    top = 0.025
    depth = y - 0.024
    if leg:
        legs(parts, body, (x, y, leg), 0.05, 0.02, False)
    height = z - leg - top
    parts.box(body, (x - 0.02, depth, height), (0, 0.012, leg + height / 2))
    parts.box(body, (x, y, top), (0, 0, z - top / 2))
    rows = rows or max(1, round(height / 0.22))
    drawers(parts, front, knob, (x - 0.02, height), (0, 0.012 - depth / 2, leg), columns, rows)
    parts.surface((0, 0, z), (x, y))
    return parts.finish(size)


def dresser(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a chest of drawers."""
    return _chest(rng, size, columns=1 if size[0] < 0.75 else int(rng.integers(2, 4)))


def _boards(
    parts: Parts, body: Material, size: Vector, levels: list[float], thick: float, back: bool
) -> None:
    """Add two sides and boards whose tops are at `levels`, ascending; the last one covers the sides."""
    x, y, z = size
    for sign in (-1, 1):
        parts.box(body, (thick, y, z - thick), (sign * (x - thick) / 2, 0, (z - thick) / 2))
    for index, level in enumerate(levels):
        last = index == len(levels) - 1
        parts.box(body, (x if last else x - 2 * thick, y, thick), (0, 0, level - thick / 2))
        above = 2.0 if last else levels[index + 1] - thick - level
        parts.surface((0, -0.01, level), (x - (0 if last else 2 * thick), y - 0.02), above)
    if back:
        parts.box(body, (x - 2 * thick, 0.012, z - 2 * thick), (0, y / 2 - 0.006, z / 2))


def tv_stand(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a low open rack or a low chest."""
    if rng.random() < 0.4:
        return _chest(rng, size, int(rng.integers(2, 4)), 1)
    parts, z = Parts(), size[2]
    levels = [0.08, z] if z < 0.5 else [0.08, 0.08 + (z - 0.08) / 2, z]
    _boards(parts, wood_or_paint(rng), size, levels, 0.025, True)
    return parts.finish(size)


def shelving_unit(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a bookcase with three to five boards."""
    parts, z = Parts(), size[2]
    count = int(np.clip(round(z / rng.uniform(0.32, 0.42)), 2, 6))
    levels = [float(level) for level in np.linspace(0.07, z, count + 1)]
    _boards(parts, wood_or_paint(rng), size, levels, 0.022, bool(rng.random() < 0.7))
    return parts.finish(size)


def chair(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a chair with a slatted, solid or padded back."""
    x, y, z = size
    parts, frame = Parts(), wood_or_paint(rng) if rng.random() < 0.8 else metal(rng)
    seat = float(np.clip(0.47 * z, 0.38, 0.5))
    padded, leg = rng.random() < 0.5, float(rng.uniform(0.03, 0.045))
    cover = fabric(rng) if padded else frame
    thick = 0.06 if padded else 0.03
    legs(parts, frame, (x, y, seat - thick), leg, 0.0, bool(rng.random() < 0.4))
    parts.box(cover, (x, y, thick), (0, 0, seat - thick / 2))
    parts.surface((0, -0.03, seat), (x, y - 0.08))
    back, style = z - seat, rng.random()
    at = y / 2 - leg / 2
    for sign in (-1, 1):
        parts.box(frame, (leg, leg, back), (sign * (x - leg) / 2, at, seat + back / 2), False)
    if style < 0.35:
        parts.box(cover, (x - leg, 0.03, back * 0.7), (0, at, z - back * 0.38), False)
    elif style < 0.7:
        for level in (0.35, 0.62, 0.9):
            parts.box(frame, (x - leg, 0.02, 0.06), (0, at, seat + level * back), False)
    else:
        parts.box(frame, (x - leg, 0.025, 0.06), (0, at, z - 0.04), False)
        for offset in np.linspace(-0.3, 0.3, 4):
            parts.box(frame, (0.02, 0.015, back - 0.06), (offset * x, at, seat + back / 2 - 0.02), False)
    parts.solid((x, leg, back), (0, at, seat + back / 2))
    return parts.finish(size)


def stool(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a stool: round or square seat on four legs."""
    x, y, z = size
    parts, frame = Parts(), wood_or_paint(rng) if rng.random() < 0.7 else metal(rng)
    seat = fabric(rng) if rng.random() < 0.4 else frame
    thick, round_ = 0.05, rng.random() < 0.5
    if round_:
        x = y = min(x, y)
        parts.cylinder(seat, x / 2, thick, (0, 0, z - thick))
        inner = 0.72 * x
        parts.surface((0, 0, z), (0.7 * x, 0.7 * x))
    else:
        parts.box(seat, (x, y, thick), (0, 0, z - thick / 2))
        inner = 0
        parts.surface((0, 0, z), (x, y))
    wide, deep = inner or x, inner or y
    legs(parts, frame, (wide, deep, z - thick), 0.035, 0.0, bool(round_))
    if z > 0.45:
        for sign in (-1, 1):
            parts.box(frame, (wide - 0.035, 0.015, 0.025), (0, sign * (deep / 2 - 0.018), 0.35 * z), False)
            parts.box(frame, (0.015, deep - 0.035, 0.025), (sign * (wide / 2 - 0.018), 0, 0.3 * z), False)
    return parts.finish(size)


def _upholstered(rng: np.random.Generator, size: Vector, cushions: int) -> Blueprint:
    x, y, z = size
    parts, cover, foot = Parts(), fabric(rng), wood(rng)
    if rng.random() < 0.3:
        base = tint(rng, (0.2, 0.55), (0.2, 0.55))
        cover = Material("speckle", (base, shade(base, 0.8)), 0.25, 0.3, int(rng.integers(1 << 30)))
    soft = cover if rng.random() < 0.7 else fabric(rng)
    leg, seat = float(rng.choice([0.05, 0.1])), float(np.clip(0.48 * z, 0.34, 0.48))
    arm, back = float(np.clip(0.1 * x, 0.09, 0.2)), 0.22 * y
    arms = seat + float(rng.uniform(0.1, 0.2))
    legs(parts, foot, (x, y, leg), 0.05, 0.03, False)
    parts.box(cover, (x - 2 * arm, y, seat - 0.12 - leg), (0, 0, (seat - 0.12 + leg) / 2))
    parts.box(cover, (x - 2 * arm, back, z - leg), (0, (y - back) / 2, (z + leg) / 2))
    for sign in (-1, 1):
        parts.box(cover, (arm, y, arms - leg), (sign * (x - arm) / 2, 0, (arms + leg) / 2))
    wide, deep = (x - 2 * arm) / cushions, y - back
    for index in range(cushions):
        middle = -x / 2 + arm + (index + 0.5) * wide
        parts.box(soft, (wide - 0.012, deep - 0.01, 0.12), (middle, -back / 2, seat - 0.06), False)
        tall = z - seat - 0.06
        parts.box(soft, (wide - 0.02, 0.1, tall), (middle, y / 2 - back - 0.05, seat + tall / 2), False)
    parts.solid((x - 2 * arm, deep, 0.12), (0, -back / 2, seat - 0.06))
    parts.solid((x - 2 * arm, 0.1, z - seat - 0.06), (0, y / 2 - back - 0.05, (seat + z - 0.06) / 2))
    parts.surface((0, -back / 2 - 0.05, seat), (x - 2 * arm, deep - 0.1))
    return parts.finish(size)


def sofa(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a sofa with two or three seats."""
    return _upholstered(rng, size, 2 if size[0] < 1.6 else 3)


def arm_chair(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build an arm chair."""
    return _upholstered(rng, size, 1)


def bed(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a bed with its headboard at +y and a blanket over the lower part."""
    x, y, z = size
    parts, frame, sheet, blanket = Parts(), wood_or_paint(rng), paint(rng, (0.8, 0.95)), fabric(rng)
    top = float(np.clip(0.55 * z, 0.4, 0.62))
    leg = 0.08
    legs(parts, frame, (x, y, leg), 0.07, 0.02, False)
    parts.box(frame, (x, y, 0.16), (0, 0, leg + 0.08))
    parts.box(frame, (x, 0.06, z - leg), (0, y / 2 - 0.03, (z + leg) / 2))
    tall = top - leg - 0.16
    parts.box(sheet, (x - 0.06, y - 0.1, tall - 0.012), (0, -0.02, top - tall / 2 - 0.006))
    part = float(rng.uniform(0.5, 0.75)) * y
    parts.box(blanket, (x - 0.02, part, 0.16), (0, -y / 2 + part / 2 + 0.01, top - 0.08))
    parts.surface((0, -0.04, top), (x - 0.06, y - 0.14))
    return parts.finish(size)


def ottoman(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build an upholstered block on short feet."""
    x, y, z = size
    parts, cover = Parts(), fabric(rng)
    legs(parts, wood(rng), (x, y, 0.06), 0.04, 0.03, True)
    parts.box(cover, (x, y, z - 0.15), (0, 0, (z - 0.15) / 2 + 0.06))
    parts.box(cover if rng.random() < 0.6 else fabric(rng), (x - 0.01, y - 0.01, 0.09), (0, 0, z - 0.045))
    parts.surface((0, 0, z), (x - 0.02, y - 0.02))
    return parts.finish(size)


def footstool(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a low padded stool."""
    x, y, z = size
    parts, pad = Parts(), min(0.08, z / 3)
    legs(parts, wood(rng), (x, y, z - pad), 0.035, 0.01, bool(rng.random() < 0.5))
    parts.box(fabric(rng), (x, y, pad), (0, 0, z - pad / 2))
    parts.surface((0, 0, z), (x, y))
    return parts.finish(size)


def floor_lamp(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a standing lamp with a fabric or metal shade."""
    x, y, z = size
    x = y = min(x, y)
    parts, stand, radius = Parts(), metal(rng) if rng.random() < 0.7 else wood(rng), x / 2
    base = float(rng.uniform(0.65, 0.9)) * radius
    parts.cylinder(stand, base, 0.03, (0, 0, 0))
    high = float(rng.uniform(0.16, 0.24)) * z
    parts.cylinder(stand, 0.014, z - 0.03 - high * 0.5, (0, 0, 0.03))
    cover = (0.92, 0.87, 0.75) if rng.random() < 0.6 else tint(rng, (0.1, 0.4), (0.5, 0.9))
    shade_ = Material("fabric", (cover, shade(cover, 0.9)), 0.3, 0.02, int(rng.integers(1 << 30)))
    upper = float(rng.uniform(0.5, 1.0)) * radius
    parts.add(
        shade_,
        lathe(
            [(radius, 0), (upper, high), (upper - 0.006, high), (radius - 0.006, 0), (radius, 0)], 20, False
        ).moved((0, 0, z - high)),
        lathe([(0, 0), (upper - 0.006, 0), (upper - 0.006, 0.01), (0, 0.01)], 20, False).moved(
            (0, 0, z - 0.03)
        ),
    )
    middle = (0.0, 0.0, z - high / 2)
    parts.colliders.append(Collider("cylinder", ((radius + upper) / 2, high / 2, 0), middle))
    return parts.finish(size)


def _bin(rng: np.random.Generator, size: Vector, body: Material, rim: Material, lid: bool) -> Blueprint:
    x, y, z = size
    parts = Parts()
    inner = 0.02 if not lid else z - 0.02
    if rng.random() < 0.55:
        lower, radius = float(rng.uniform(0.75, 1.0)) * 0.5, 0.5
        profile = [(0, 0), (lower, 0), (radius, z), (radius - 0.03, z), (lower - 0.03, inner), (0, inner)]
        parts.add(body, lathe(profile, 20, False).scaled((x, y, 1)))
        parts.add(
            rim,
            lathe([(0.5, z - 0.04), (0.515, z - 0.04), (0.515, z), (0.48, z)], 20, False).scaled((x, y, 1)),
        )
        wide = (lower + radius) / 2 * min(x, y)
        parts.colliders.append(Collider("cylinder", (wide, z / 2, 0), (0, 0, z / 2)))
    else:
        wall = 0.012
        for sign in (-1, 1):
            parts.box(body, (wall, y - 0.01, z - 0.01), (sign * (x / 2 - wall), 0, z / 2), False)
            parts.box(body, (x - 0.01, wall, z - 0.01), (0, sign * (y / 2 - wall), z / 2), False)
            parts.box(rim, (wall * 2, y, 0.03), (sign * (x / 2 - wall), 0, z - 0.015), False)
            parts.box(rim, (x, wall * 2, 0.03), (0, sign * (y / 2 - wall), z - 0.015), False)
        parts.box(body, (x - 0.02, y - 0.02, inner), (0, 0, inner / 2), False)
        parts.solid((x - 0.02, y - 0.02, z), (0, 0, z / 2))
    return parts.finish(size)


def garbage_can(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a bin, round or square; it feels solid."""
    base = tint(rng, (0.05, 0.5), (0.15, 0.8))
    body = Material("plain", (base, shade(base, 0.85)), 0.5, 0.3, int(rng.integers(1 << 30)))
    if rng.random() < 0.3:
        body = metal(rng)
    return _bin(rng, size, body, body if rng.random() < 0.5 else metal(rng), bool(rng.random() < 0.3))


def laundry_hamper(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a fabric basket with a lid."""
    return _bin(rng, size, fabric(rng), fabric(rng), True)


def dog_bed(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a round cushion with a thick rim."""
    x, y, z = size
    parts, rim = Parts(), fabric(rng)
    profile = [
        (0, 0),
        (0.45, 0),
        (0.5, 0.35 * z),
        (0.49, 0.8 * z),
        (0.45, z),
        (0.38, 0.85 * z),
        (0.35, 0.4 * z),
    ]
    parts.add(rim, lathe([*profile, (0, 0.4 * z)], 24).scaled((x, y, 1)))
    parts.add(fabric(rng), ellipsoid((0.36 * x, 0.36 * y, 0.2 * z), (0, 0, 0.42 * z)))
    level = 0.58 * z
    parts.colliders.append(Collider("cylinder", (0.47 * min(x, y), level / 2, 0), (0, 0, level / 2)))
    parts.surface((0, 0, level), (0.5 * x, 0.5 * y))
    return parts.finish(size)


def safe(rng: np.random.Generator, size: Vector) -> Blueprint:
    """Build a steel box with a door, a dial and a handle."""
    x, y, z = size
    base = tint(rng, (0.02, 0.2), (0.2, 0.55))
    body = Material("brushed", (base, shade(base, 0.8)), 0.5, 0.4, int(rng.integers(1 << 30)))
    door = Material("plain", (shade(base, 1.25), base), 0.5, 0.4, int(rng.integers(1 << 30)))
    parts, knob = Parts(), metal(rng)
    parts.box(body, (x, y - 0.04, z), (0, 0.02, z / 2))
    parts.box(door, (x - 0.07, 0.015, z - 0.07), (0, -y / 2 + 0.0325, z / 2), False)
    parts.box(knob, (0.02, 0.025, z * 0.3), (-0.3 * x, -y / 2 + 0.0125, z / 2), False)
    parts.box(knob, (0.1, 0.02, 0.1), (0.1 * x, -y / 2 + 0.02, 0.55 * z), False)
    parts.surface((0, 0.02, z), (x, y - 0.04))
    return parts.finish(size)
