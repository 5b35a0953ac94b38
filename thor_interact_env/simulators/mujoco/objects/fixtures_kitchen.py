"""Kitchen units: builders from (rng, full extents in metres) to named parts; the back is at +y.

Units that are built with generators of one seed match: they draw their style first.
"""

import numpy as np

from thor_interact_env.simulators.mujoco.layout import Unit
from thor_interact_env.simulators.mujoco.objects.fixtures_units import (
    BASIN_DEPTH,
    BLACK,
    CHROME,
    FAUCET_HEIGHT,
    TOP_THICKNESS,
    WHITE,
    Assembly,
    Style,
    base,
    cabinet,
    with_basin,
)
from thor_interact_env.simulators.mujoco.objects.parts import metal
from thor_interact_env.simulators.mujoco.shapes import Vector, cylinder


def counter(rng: np.random.Generator, size: Vector) -> Unit:
    """Build cabinets and drawers under a worktop."""
    x, y, z = size
    style, unit = Style.draw(rng), Assembly()
    top = unit.part("CounterTop")
    top.box(style.top, (x, y, TOP_THICKNESS), (0, 0, z - TOP_THICKNESS / 2))
    top.surface((0, 0, z), (x, y), margin=0.015)
    base(unit, style, size, z, 0.0, rng)
    return unit.finish()


def sink_counter(rng: np.random.Generator, size: Vector) -> Unit:
    """Build a worktop with a steel sink and a tap; the height includes `FAUCET_HEIGHT`."""
    return _sink(rng, size, False)


def sink_vanity(rng: np.random.Generator, size: Vector) -> Unit:
    """Build a bathroom cabinet with a white sink and a tap; the height includes `FAUCET_HEIGHT`."""
    return _sink(rng, size, True)


def _sink(rng: np.random.Generator, size: Vector, white: bool) -> Unit:
    x, y, z = size
    style, unit = Style.draw(rng), Assembly()
    top = z - FAUCET_HEIGHT
    wide, long = min(0.53, x - 0.16), min(0.34, y - 0.2)
    shift = float(rng.uniform(-1, 1)) * max(0.0, x / 2 - wide / 2 - 0.06)
    with_basin(unit, style, size, top, WHITE if white else CHROME, shift, wide, long)
    base(unit, style, size, top, BASIN_DEPTH - TOP_THICKNESS, rng)
    return unit.finish()


def upper_cabinets(rng: np.random.Generator, size: Vector) -> Unit:
    """Build a row of cabinets that hang on the wall."""
    x, y, z = size
    style, unit = Style.draw(rng), Assembly()
    count = max(1, round(x / 0.45))
    wide = x / count
    for index in range(count):
        middle = -x / 2 + (index + 0.5) * wide
        cabinet(unit, style, (wide, y - 0.04, z), (middle, 0.02), 0.0, z, True)
    return unit.finish()


def fridge(rng: np.random.Generator, size: Vector) -> Unit:
    """Build a fridge with a freezer compartment."""
    x, y, z = size
    body = WHITE if rng.random() < 0.4 else metal(rng)
    unit, knob, split = Assembly(), metal(rng), float(rng.choice([0.35, 0.7])) * z
    parts = unit.part("Fridge")
    parts.box(body, (x, y - 0.06, z - 0.03), (0, 0.03, z / 2 + 0.015))
    parts.box(BLACK, (x - 0.04, y - 0.1, 0.03), (0, 0.03, 0.015))
    for low, high in ((0.05, split - 0.006), (split + 0.006, z)):
        parts.box(body, (x, 0.03, high - low), (0, -y / 2 + 0.045, (low + high) / 2), False)
        grip = 0.5 * min(high - low, 0.7)
        middle = high - grip / 2 - 0.06 if low < split - 0.1 and split > z / 2 else (low + high) / 2
        parts.box(knob, (0.025, 0.03, grip), (x / 2 - 0.07, -y / 2 + 0.015, middle), False)
    parts.surface((0, 0.03, z), (x, y - 0.1))
    return unit.finish()


def stove(rng: np.random.Generator, size: Vector) -> Unit:
    """Build a cooker with an oven door, four knobs and four burners; the height includes the burners."""
    x, y, z = size
    body = WHITE if rng.random() < 0.4 else metal(rng)
    unit, flat = Assembly(), z - 0.023
    parts = unit.part("Stove")
    parts.box(body, (x, y - 0.05, flat - 0.012), (0, 0.025, (flat - 0.012) / 2))
    parts.box(BLACK, (x, y - 0.05, 0.012), (0, 0.025, flat - 0.006))
    parts.box(BLACK, (0.8 * x, 0.015, 0.42), (0, -y / 2 + 0.043, 0.42), False)
    parts.box(CHROME, (0.75 * x, 0.02, 0.022), (0, -y / 2 + 0.025, 0.68), False)
    knob_style = CHROME if rng.random() < 0.6 else BLACK
    for offset in (-0.36, -0.14, 0.14, 0.36):
        dial = cylinder(0.034, 0.05).moved((offset * x, -y / 2 + 0.05, flat - 0.08), pitch=np.pi / 2)
        unit.part("StoveKnob").add(knob_style, dial)
    for sign_x in (-1, 1):
        for sign_y in (-1, 1):
            at = (sign_x * 0.25 * x, 0.025 + sign_y * 0.23 * y)
            radius = 0.11 if sign_x * sign_y > 0 else 0.095
            burner = unit.part("StoveBurner")
            burner.cylinder(CHROME if body is WHITE else BLACK, radius, z - flat, (*at, flat))
            burner.cylinder(CHROME, 0.4 * radius, 0.002, (*at, z - 0.0015), solid=False)
            burner.surface((*at, z + 0.0005), (0.46 * x, 0.42 * y))
    return unit.finish()
