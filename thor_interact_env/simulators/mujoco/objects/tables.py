"""Movable furniture with boards and drawers: tables, desks, chests, shelves."""

import numpy as np

from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.parts import Parts, drawers, legs
from thor_interact_env.simulators.mujoco.palette import lacquer, metal, wood, wood_or_paint
from thor_interact_env.simulators.mujoco.shapes import HUGE, Blueprint, Vector, cylinder

Rng = np.random.Generator


def _table(rng: Rng, size: Vector, board: float = 0.0, may_be_round: bool = False) -> Blueprint:
    """Build a table; `board` is the chance of a second board below."""
    x, y, z = size
    parts = Parts()
    top, frame = wood_or_paint(rng), wood(rng) if rng.random() < 0.6 else metal(rng)
    if rng.random() < 0.4:
        frame = top
    thick = float(rng.uniform(0.018, 0.06))
    leg = float(rng.uniform(0.03, 0.1)) * (1 if z > 0.6 else 0.8)
    rounded = may_be_round and rng.random() < 0.25
    inset = float(rng.uniform(0.0, 0.12)) * min(x, y)
    if rounded:
        parts.add(top, cylinder(0.5, thick, (0, 0, z - thick), HUGE).scaled((x, y, 1)))
        parts.solid((0.72 * x, 0.98 * y, thick), (0, 0, z - thick / 2))
        parts.solid((0.98 * x, 0.72 * y, thick), (0, 0, z - thick / 2))
        parts.surface((0, 0, z), (0.7 * x, 0.7 * y))
        wide, deep = 0.68 * x, 0.68 * y
        if rng.random() < 0.5:  # A column on a plate.
            parts.cylinder(frame, leg, z - thick, (0, 0, 0), solid=False)
            parts.solid((2 * leg, 2 * leg, z - thick), (0, 0, (z - thick) / 2))
            parts.box(frame, (0.7 * x, 0.6 * y, 0.03), (0, 0, 0.015))
            return parts.finish(size)
        legs(parts, frame, (wide, deep, z - thick), leg, 0, True)
        board = 0.0
    else:
        parts.box(top, (x, y, thick), (0, 0, z - thick / 2))
        parts.surface((0, 0, z), (x, y))
        wide, deep = x - 2 * inset, y - 2 * inset
        if rng.random() < 0.25:
            for sign in (-1, 1):  # Panels instead of legs.
                parts.box(frame, (leg * 0.7, deep, z - thick), (sign * (wide - leg) / 2, 0, (z - thick) / 2))
        else:
            legs(parts, frame, (wide, deep, z - thick), leg, 0, bool(rng.random() < 0.4))
            if rng.random() < 0.6:
                height = float(rng.uniform(0.04, 0.1)) * (1 if z > 0.5 else 0.6)
                level = z - thick - height / 2
                for sign in (-1, 1):
                    parts.box(frame, (wide - leg, 0.018, height), (0, sign * (deep - leg) / 2, level), False)
                    parts.box(frame, (0.018, deep - leg, height), (sign * (wide - leg) / 2, 0, level), False)
    if rng.random() < board:
        level = float(rng.uniform(0.2, 0.45)) * z
        parts.box(top, (wide - leg, deep - leg, 0.02), (0, 0, level - 0.01))
        parts.surface((0, 0, level), (wide - 2 * leg, deep - 2 * leg), z - thick - 0.1 - level)
    return parts.finish(size)


def side_table(rng: Rng, size: Vector) -> Blueprint:
    """Build a small table, or a night stand with drawers."""
    return _chest(rng, size, columns=1) if rng.random() < 0.4 else _table(rng, size, 0.5, True)


def coffee_table(rng: Rng, size: Vector) -> Blueprint:
    """Build a low table, often with a second board."""
    return _table(rng, size, 0.5, True)


def dining_table(rng: Rng, size: Vector) -> Blueprint:
    """Build a table to sit at."""
    return _table(rng, size, 0.0, True)


def desk(rng: Rng, size: Vector) -> Blueprint:
    """Build a desk with a rim or a low shelf at its back; legs, or a block of drawers."""
    x, y, z = size
    parts, body, knob = Parts(), wood_or_paint(rng), metal(rng)
    front = lacquer(rng) if rng.random() < 0.4 else body
    frame = metal(rng) if rng.random() < 0.3 else body
    side, thick = int(rng.choice([-1, 1])), float(rng.uniform(0.022, 0.04))
    top = min(z * float(rng.uniform(0.84, 0.93)), 0.79)
    parts.box(body, (x, y, thick), (0, 0, top - thick / 2))
    parts.surface((0, -0.01, top), (x, y - 0.04))
    # Parts above the board: a rim at three sides, or blocks with a shelf.
    rise = z - top
    parts.box(front, (x, 0.02, rise), (0, y / 2 - 0.01, top + rise / 2))
    if rng.random() < 0.5:
        deep = y * float(rng.uniform(0.2, 0.9))
        for sign in (-1, 1):
            parts.box(front, (0.02, deep, rise), (sign * (x / 2 - 0.01), (y - deep) / 2, top + rise / 2))
    style = rng.random()
    if style < 0.35:
        legs(
            parts, frame, (x, y, top - thick), float(rng.uniform(0.04, 0.07)), 0.01, bool(rng.random() < 0.4)
        )
        parts.box(body, (x - 0.16, 0.018, 0.1), (0, y / 2 - 0.05, top - thick - 0.05), False)
    else:
        wide, rows = float(rng.uniform(0.24, 0.34)) * x, int(rng.integers(2, 5))
        sides = (-1, 1) if style > 0.75 else (side,)
        for sign in sides:
            at = sign * (x / 2 - wide / 2 - 0.01)
            parts.box(body, (wide, y - 0.05, top - thick), (at, 0, (top - thick) / 2))
            drawers(parts, front, knob, (wide, top - thick), (at, -y / 2 + 0.025, 0), 1, rows)
        if len(sides) == 1:
            parts.box(frame, (0.03, y - 0.04, top - thick), (-side * (x / 2 - 0.03), 0, (top - thick) / 2))
        parts.box(body, (x - 0.1, 0.018, 0.3), (0, y / 2 - 0.05, top - thick - 0.15), False)
    return parts.finish(size)


def _chest(rng: Rng, size: Vector, columns: int, rows: int = 0) -> Blueprint:
    x, y, z = size
    parts, body, knob = Parts(), wood_or_paint(rng), metal(rng)
    front = body if rng.random() < 0.5 else wood_or_paint(rng)
    leg = float(rng.uniform(0.03, 0.22)) * min(1.0, z) if rng.random() < 0.7 else 0.0
    top, over = float(rng.uniform(0.015, 0.06)), float(rng.uniform(0.0, 0.05)) * x
    depth = y - 0.024
    if leg:
        legs(
            parts,
            body,
            (x - 2 * over, y - 0.02, leg),
            float(rng.uniform(0.035, 0.06)),
            0.01,
            bool(rng.random() < 0.4),
        )
    height = z - leg - top
    parts.box(body, (x - 2 * over, depth, height), (0, 0.012, leg + height / 2))
    parts.box(body, (x, y, top), (0, 0, z - top / 2))
    rows = rows or max(1, round(height / float(rng.uniform(0.16, 0.28))))
    drawers(parts, front, knob, (x - 2 * over, height), (0, 0.012 - depth / 2, leg), columns, rows)
    parts.surface((0, 0, z), (x, y))
    return parts.finish(size)


def dresser(rng: Rng, size: Vector) -> Blueprint:
    """Build a chest of drawers."""
    return _chest(rng, size, columns=1 if size[0] < 0.75 else int(rng.integers(2, 4)))


def _boards(
    parts: Parts, body: Material, shelf: Material, size: Vector, levels: list[float], thick: float
) -> None:
    """Add two sides and boards whose tops are at `levels`, ascending; the last one covers the sides."""
    x, y, z = size
    for sign in (-1, 1):
        parts.box(body, (thick, y, z - thick), (sign * (x - thick) / 2, 0, (z - thick) / 2))
    for index, level in enumerate(levels):
        last = index == len(levels) - 1
        made = body if last else shelf
        parts.box(made, (x if last else x - 2 * thick, y, thick), (0, 0, level - thick / 2))
        above = 2.0 if last else levels[index + 1] - thick - level
        parts.surface((0, -0.01, level), (x - (0 if last else 2 * thick), y - 0.02), above)


def _back(parts: Parts, material: Material, size: Vector, thick: float) -> None:
    x, y, z = size
    parts.box(material, (x - 2 * thick, 0.012, z - 2 * thick), (0, y / 2 - 0.006, z / 2))


def tv_stand(rng: Rng, size: Vector) -> Blueprint:
    """Build an open rack or a low chest."""
    if rng.random() < 0.4:
        return _chest(rng, size, int(rng.integers(2, 4)), int(rng.integers(1, 3)))
    parts, z, thick = Parts(), size[2], float(rng.uniform(0.018, 0.035))
    body = wood_or_paint(rng)
    low, count = float(rng.uniform(0.05, 0.16)), int(rng.integers(2, 4))
    levels = [float(level) for level in np.linspace(low, z, count)]
    levels[1:-1] = [level + float(rng.uniform(-0.12, 0.12)) * z for level in levels[1:-1]]
    _boards(parts, body, body if rng.random() < 0.6 else wood_or_paint(rng), size, levels, thick)
    _back(parts, body if rng.random() < 0.6 else lacquer(rng), size, thick)
    if rng.random() < 0.5:
        # One door hides half of the rack, where objects could not be seen.
        side, x = int(rng.choice([-1, 1])), size[0]
        door = (x * 0.3, 0.016, z - low - 2 * thick)
        parts.box(
            lacquer(rng), door, (side * (x / 2 - thick - x * 0.15), -size[1] / 2 + 0.008, (z + low) / 2)
        )
    return parts.finish(size)


def shelving_unit(rng: Rng, size: Vector) -> Blueprint:
    """Build a bookcase, or an open rack of metal posts, with three to five boards."""
    parts, z, thick = Parts(), size[2], float(rng.uniform(0.018, 0.032))
    count = int(np.clip(round(z / rng.uniform(0.3, 0.45)), 2, 6))
    low = float(rng.uniform(0.04, 0.16))
    levels = [float(level) for level in np.linspace(low, z, count + 1)]
    levels[1:-1] = [level + float(rng.uniform(-0.2, 0.2)) * z / count for level in levels[1:-1]]
    body = wood_or_paint(rng)
    board = body if rng.random() < 0.6 else wood_or_paint(rng)
    if rng.random() < 0.25:
        x, y, _ = size
        legs(parts, metal(rng), size, 0.03, 0.0, bool(rng.random() < 0.5))
        for index, level in enumerate(levels):
            parts.box(board, (x - 0.01, y - 0.01, thick), (0, 0, level - thick / 2))
            above = 2.0 if index == count else levels[index + 1] - thick - level
            parts.surface((0, 0, level), (x - 0.08, y - 0.08), above)
        return parts.finish(size)
    _boards(parts, body, board, size, levels, thick)
    if rng.random() < 0.7:
        _back(parts, body if rng.random() < 0.5 else lacquer(rng), size, thick)
    return parts.finish(size)
