"""Bathroom fixtures: builders from (rng, full extents in metres) to named parts; the back is at +y."""

import numpy as np

from thor_interact_env.simulators.mujoco.layout import Unit
from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.fixtures_units import CHROME, WHITE, Assembly
from thor_interact_env.simulators.mujoco.objects.parts import fabric, shade, tint, wood
from thor_interact_env.simulators.mujoco.shapes import (
    LARGE,
    MEDIUM,
    SMALL,
    Vector,
    arc,
    box,
    cylinder,
    lathe,
    rod,
)

_GLASS = Material("plain", ((0.75, 0.86, 0.86), (0.7, 0.82, 0.83)), 1.0, 0.8, 3, 0.4)
_CURTAIN_HEIGHT = 2.05


def bathtub(rng: np.random.Generator, size: Vector, curtain: bool = False) -> Unit:
    """Build a tub, long along x, with a tap at one end; its apron is tiled or white.

    Args:
        rng: Decides the materials and the end of the tap.
        size: Extents of the tub itself.
        curtain: Whether a drawn shower curtain hangs before it from a rail at 2.05 m.
    """
    x, y, z = size
    unit, rim, floor = Assembly(), 0.09, 0.16
    parts, apron = unit.part("Bathtub"), WHITE
    if rng.random() < 0.5:
        colour = tint(rng, (0.05, 0.3), (0.5, 0.9))
        apron = Material("tiles", (colour, shade(colour, 0.7)), 0.4, 0.4, int(rng.integers(1 << 30)))
    end, flip = 0.24, int(rng.choice([-1, 1]))
    for sign in (-1, 1):
        parts.box(apron, (x, rim - 0.012, z - 0.03), (0, sign * (y - rim - 0.012) / 2, z / 2 - 0.015))
        parts.box(WHITE, (x, rim, 0.03), (0, sign * (y - rim) / 2, z - 0.015))
        wide = end if sign == flip else rim
        parts.box(WHITE, (wide, y - 2 * rim, z - 0.001), (sign * (x - wide) / 2, 0, z / 2))
    ledge = flip * (x - end) / 2
    parts.surface((ledge, 0, z), (end, y), margin=0.015)
    long = x - end - rim
    parts.surface((-flip * end / 2, y / 2 - rim / 2, z), (x - end, rim), margin=0.005)
    basin = unit.part("BathtubBasin")
    basin.box(WHITE, (long, y - 2 * rim, floor), (-flip * (end - rim) / 2, 0, floor / 2))
    basin.add(CHROME, box((0.05, 0.05, 0.002), (flip * (x / 2 - end - 0.12), 0, floor + 0.001)))
    basin.surface((-flip * (end - rim) / 2, 0, floor), (long, y - 2 * rim), margin=0.05)
    spout = unit.part("Faucet")
    at = flip * (x / 2 - end + 0.03)
    spout.cylinder(CHROME, 0.022, 0.1, (at, 0, z))
    spout.add(CHROME, rod((at, 0, z + 0.08), (at - flip * 0.16, 0, z + 0.06), 0.018))
    for sign in (-1, 1):
        spout.cylinder(CHROME, 0.026, 0.05, (at + flip * 0.02, sign * 0.09, z))
    if curtain:
        hung, cloth = unit.part("ShowerCurtain"), fabric(rng)
        front, wide, low = -y / 2 - 0.045, 0.42, 0.13
        hung.add(CHROME, rod((-x / 2, front, _CURTAIN_HEIGHT), (x / 2, front, _CURTAIN_HEIGHT), 0.012))
        for index in range(7):
            bent = 0.075 if index % 2 == 0 else 0.045
            fold = cylinder(0.5, _CURTAIN_HEIGHT - low, segments=SMALL).scaled((wide / 7 * 1.25, bent, 1))
            hung.add(cloth, fold.moved((-flip * (x / 2 - wide * (index + 0.5) / 7 - 0.02), front, low)))
        middle = -flip * (x / 2 - wide / 2 - 0.02)
        # Felt down to the floor, as other curtains are.
        hung.solid((wide, 0.07, _CURTAIN_HEIGHT), (middle, front, _CURTAIN_HEIGHT / 2))
    return unit.finish()


def shower_cabin(rng: np.random.Generator, size: Vector, side: int) -> Unit:
    """Build a shower in a corner: a tray, a glass pane, a glass door and a shower head.

    Args:
        rng: Decides which pane opens.
        size: Extents of the whole.
        side: 1 if the glass pane is at +x (the corner is at -x), -1 the other way round.
    """
    x, y, z = size
    unit, tray = Assembly(), 0.06
    unit.part("ShowerTray").box(WHITE, (x, y, tray), (0, 0, tray / 2))
    tall = z - tray
    pane = unit.part("ShowerGlass")
    pane.box(_GLASS, (0.012, y - 0.06, tall - 0.04), (side * (x / 2 - 0.02), 0, tray + tall / 2))
    for level in (tray + 0.01, z - 0.01):
        pane.add(CHROME, box((0.03, y - 0.02, 0.02), (side * (x / 2 - 0.02), 0, level)))
    door = unit.part("ShowerDoor")
    door.box(_GLASS, (x - 0.08, 0.012, tall - 0.04), (0, -y / 2 + 0.03, tray + tall / 2))
    for sign in (-1, 1):
        door.add(CHROME, box((0.03, 0.03, tall), (sign * (x / 2 - 0.02), -y / 2 + 0.03, tray + tall / 2)))
    for level in (tray + 0.01, z - 0.01):
        door.add(CHROME, box((x - 0.06, 0.03, 0.02), (0, -y / 2 + 0.03, level)))
    grip = -side if rng.random() < 0.5 else side
    door.add(CHROME, box((0.02, 0.03, 0.3), (grip * (x / 2 - 0.1), -y / 2 + 0.015, 1.0)))
    _shower_head(unit, -side * 0.1 * x, y / 2, 1.05)
    return unit.finish()


def shower_head(rng: np.random.Generator, size: Vector) -> Unit:
    """Build a rail with a shower head."""
    unit = Assembly()
    _shower_head(unit, 0.0, size[1] / 2, 0.0)
    return unit.finish()


def _shower_head(unit: Assembly, x: float, back: float, z: float) -> None:
    parts = unit.part("ShowerHead")
    for level in (0.02, 0.9):
        parts.add(CHROME, rod((x, back, z + level), (x, back - 0.05, z + level), 0.012))
    parts.add(CHROME, rod((x, back - 0.045, z), (x, back - 0.045, z + 0.96), 0.011))
    parts.add(CHROME, rod((x, back - 0.045, z + 0.94), (x, back - 0.18, z + 0.98), 0.01))
    parts.add(
        CHROME,
        lathe([(0, 0), (0.06, 0), (0.05, 0.02), (0.015, 0.04), (0, 0.04)], MEDIUM).moved(
            (x, back - 0.19, z + 0.95)
        ),
    )
    parts.solid((0.04, 0.05, 0.96), (x, back - 0.03, z + 0.48))


def toilet(rng: np.random.Generator, size: Vector) -> Unit:
    """Build a toilet with a cistern on which things can stand."""
    x, y, z = size
    unit, tank, seat = Assembly(), 0.21, 0.42
    parts = unit.part("Toilet")
    parts.box(
        WHITE,
        (x * 0.9, tank - 0.01, z - seat + 0.01),
        (0, (y - tank + 0.01) / 2, (z + seat - 0.04) / 2 - 0.005),
    )
    parts.box(WHITE, (x * 0.93, tank, 0.04), (0, (y - tank) / 2, z - 0.02))
    bowl, middle = y - tank, -tank / 2
    profile = [
        (0, 0),
        (0.28, 0),
        (0.26, 0.45 * seat),
        (0.46, 0.9 * seat),
        (0.46, seat - 0.03),
        (0, seat - 0.03),
    ]
    parts.add(WHITE, lathe(profile, LARGE).scaled((x, bowl, 1)).moved((0, middle, 0)))
    lid = WHITE if rng.random() < 0.7 else wood(rng)
    parts.add(lid, cylinder(0.5, 0.03, segments=LARGE).scaled((x, bowl, 1)).moved((0, middle, seat - 0.03)))
    parts.solid((x * 0.85, bowl, seat), (0, middle, seat / 2))
    parts.box(WHITE, (0.5 * x, tank, seat), (0, (y - tank) / 2, seat / 2))
    parts.box(CHROME, (0.05, 0.012, 0.02), (-x / 2 + 0.1, y / 2 - tank - 0.004, z - 0.09), False)
    parts.surface((0, (y - tank) / 2, z), (x * 0.93, tank))
    return unit.finish()


def paper_hanger(rng: np.random.Generator, size: Vector) -> Unit:
    """Build a bar for toilet paper on a plate, with a flap above it."""
    x, y, z = size
    unit = Assembly()
    parts = unit.part("ToiletPaperHanger")
    parts.box(CHROME, (x, 0.012, z), (0, y / 2 - 0.006, z / 2))
    parts.box(CHROME, (x * 0.8, y - 0.012, 0.008), (0, -0.006, z - 0.004), False)
    for sign in (-1, 1):
        parts.box(CHROME, (0.012, y - 0.012, 0.02), (sign * 0.4 * x, -0.006, 0.03), False)
    parts.add(CHROME, rod((-0.4 * x, -y / 2 + 0.02, 0.03), (0.4 * x, -y / 2 + 0.02, 0.03), 0.012))
    return unit.finish()


def towel_holder(rng: np.random.Generator, size: Vector) -> Unit:
    """Build a rack of rails over a towel bar: folded towels lie on it."""
    x, y, z = size
    unit, bar = Assembly(), 0.014
    parts = unit.part("TowelHolder")
    for sign in (-1, 1):
        parts.box(CHROME, (bar, y, bar), (sign * (x - bar) / 2, 0, z - bar / 2), False)
        parts.box(CHROME, (bar, bar, z - bar), (sign * (x - bar) / 2, y / 2 - bar / 2, (z - bar) / 2), False)
        low = (sign * (x - bar) / 2, -y / 2 + bar, 0.01)
        parts.add(CHROME, rod((low[0], y / 2, 0.01), low, 0.006))
    for at in np.linspace(-y / 2 + bar / 2, y / 2 - bar / 2, 5):
        parts.add(CHROME, box((x - 2 * bar, bar, bar), (0, at, z - bar / 2)))
    parts.add(CHROME, rod((-x / 2, -y / 2 + bar, 0.01), (x / 2, -y / 2 + bar, 0.01), 0.008))
    parts.solid((x, y, z), (0, 0, z / 2))
    parts.surface((0, 0, z), (x, y))
    return unit.finish()


def hand_towel_holder(rng: np.random.Generator, size: Vector) -> Unit:
    """Build a ring on a plate."""
    x, y, z = size
    unit, radius = Assembly(), x / 2 - 0.008
    parts = unit.part("HandTowelHolder")
    ring = arc((0, -y / 2 + 0.012, radius + 0.008), radius, 0, 2 * np.pi, 0.008, LARGE)
    parts.add(CHROME, ring, rod((0, y / 2, z - 0.02), (0, -y / 2 + 0.012, z - 0.02), 0.012))
    parts.add(CHROME, box((0.05, 0.01, 0.05), (0, y / 2 - 0.005, z - 0.025)))
    parts.solid(size, (0, 0, z / 2))
    return unit.finish()
