"""Built-in storage: builders from (rng, full extents in metres) to named parts; the back is at +y."""

import numpy as np

from thor_interact_env.simulators.mujoco.layout import Unit
from thor_interact_env.simulators.mujoco.objects.fixtures_units import Assembly, Style, cabinet, drawer
from thor_interact_env.simulators.mujoco.shapes import Vector, box

_BOARD = 0.025


def bookcase(rng: np.random.Generator, size: Vector) -> Unit:
    """Build two sides and boards, each a shelf; the lowest ones may hide behind cabinet doors."""
    x, y, z = size
    style, unit = Style.draw(rng), Assembly()
    count = max(3, round(z / float(rng.uniform(0.34, 0.42))))
    levels = [float(level) for level in np.linspace(0.08, z, count + 1)]
    sides = unit.part("Bookcase")
    for sign in (-1, 1):
        sides.box(style.front, (_BOARD, y, z - _BOARD), (sign * (x - _BOARD) / 2, 0, (z - _BOARD) / 2))
    sides.box(style.front, (x - 2 * _BOARD, 0.01, z - _BOARD - 0.002), (0, y / 2 - 0.005, z / 2))
    closed = 2 if rng.random() < 0.4 else 0
    for index, level in enumerate(levels):
        last = index == count
        wide = x if last else x - 2 * _BOARD
        board = unit.part("Shelf")
        deep = y if last else y - 0.012
        board.box(style.front, (wide, deep, _BOARD), (0, (deep - y) / 2, level - _BOARD / 2))
        if index >= closed:
            above = 2.0 if last else levels[index + 1] - _BOARD - level
            board.surface((0, (deep - y) / 2, level), (wide, deep), above)
    if closed:
        low, high = levels[0], levels[closed] - _BOARD
        inner = (x - 2 * _BOARD) / 2
        for sign in (-1, 1):
            size_ = (inner - 0.002, y - 0.08, high - low)
            cabinet(unit, style, size_, (sign * inner / 2, 0.02), low, high - low, False)
    return unit.finish()


def sideboard(rng: np.random.Generator, size: Vector) -> Unit:
    """Build a fitted sideboard: cabinets and drawers under a board, which is a shelf."""
    x, y, z = size
    style, unit, kick = Style.draw(rng), Assembly(), 0.07
    top = unit.part("Shelf")
    top.box(style.front, (x, y, _BOARD), (0, 0, z - _BOARD / 2))
    top.surface((0, 0, z), (x, y))
    base = unit.part("Kickboard")
    base.add(style.front, box((x - 0.04, y - 0.1, kick), (0, 0.04, kick / 2)))
    base.solid((x - 0.04, y - 0.1, kick), (0, 0.04, kick / 2))
    count = max(1, round(x / 0.55))
    wide, high = x / count, z - _BOARD - kick
    for index in range(count):
        at = -x / 2 + (index + 0.5) * wide
        all_drawers = rng.random() < 0.45
        rows = 3 if all_drawers else 1
        tall = high / 3 if all_drawers else 0.19
        door = 0.0 if all_drawers else high - tall
        cabinet(unit, style, (wide, y - 0.05, high), (at, 0.025), kick, door, False)
        for row in range(rows):
            level = z - _BOARD - (row + 1) * tall
            drawer(unit, style, (wide, tall), at, -y / 2 + 0.05, level)
    return unit.finish()
