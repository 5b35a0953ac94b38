"""Vessels of kitchens and bathrooms: cups, bowls, pots, bottles."""

import numpy as np

from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.parts import block, can, fitted, hollow
from thor_interact_env.simulators.mujoco.palette import (
    DARK,
    PALE,
    STEEL,
    appliance,
    glaze,
    metal,
    one_of,
    paint,
    pick,
    shade,
    wood,
)
from thor_interact_env.simulators.mujoco.shapes import (
    LARGE,
    MEDIUM,
    SMALL,
    TINY,
    Blueprint,
    Mesh,
    Vector,
    arc,
    box,
    cylinder,
    lathe,
    rod,
)

Rng = np.random.Generator


def mug(rng: Rng, size: Vector) -> Blueprint:
    """A cup with a handle; it points between x and y, so that the box is nearly square."""
    radius, z = 0.046 * size[0] / 0.112, size[2]
    waist, foot = float(rng.uniform(0.85, 1.08)), float(rng.uniform(0.75, 1.0))
    body = hollow([(foot * radius, 0), (waist * radius, 0.5 * z), (radius, z)], 0.005)
    reach, flat = float(rng.uniform(0.022, 0.03)), float(rng.uniform(0.9, 1.5))
    handle = arc((0, 0, 0), reach, -np.pi / 2, np.pi / 2, 0.005, TINY).scaled((1, 1, flat))
    turn = -float(rng.uniform(0.6, 0.95))
    handle = handle.moved((radius * min(1.0, waist) - 0.003, 0, 0.5 * z)).moved(yaw=turn)
    cover = glaze(rng)
    visuals: list[tuple[list[Mesh], Material]] = [([body, handle], cover)]
    if rng.random() < 0.4:
        ring = float(rng.uniform(0.15, 0.7)) * z
        band = lathe([(radius * 1.03, ring), (radius * 1.03, ring + 0.2 * z)], MEDIUM)
        visuals = [([body], cover), ([band, handle], paint(rng))]
    x, y, _ = size
    return fitted(
        size,
        visuals,
        [
            block((0.72 * x, 0.72 * y, z), (-0.1 * x, 0.1 * y, z / 2)),
            block((0.2 * x, 0.2 * y, 0.5 * z), (0.34 * x, -0.34 * y, 0.5 * z)),
        ],
    )


def cup(rng: Rng, size: Vector) -> Blueprint:
    """A beaker without a handle: straight, conical or with a foot."""
    foot, waist = float(rng.uniform(0.5, 0.98)), float(rng.uniform(-0.15, 0.18))
    profile = [(foot, 0.0), ((foot + 1) / 2 + waist, float(rng.uniform(0.5, 1.9))), (1, 2.4)]
    low = 0.4
    if rng.random() < 0.3:  # A goblet.
        profile = [(0.7, 0.0), (0.65, 0.1), (0.16, 0.2), (0.16, 0.8), (0.8, 1.2), (1, 1.8), (0.9, 2.4)]
        low = 0.34
    z = size[2]
    body = hollow(profile, 0.08, LARGE)
    return fitted(
        size,
        [((body,), one_of(rng, glaze, glaze, metal))],
        [can(min(size[:2]) * low, z * 0.5), can(min(size[:2]) * 0.46, z * 0.5, z * 0.5)],
    )


def bowl(rng: Rng, size: Vector) -> Blueprint:
    """A wide open bowl, some with a foot ring and some with a flat rim."""
    foot, belly = float(rng.uniform(0.35, 0.55)), float(rng.uniform(0.72, 0.95))
    profile = [(foot, 0.0), (foot, 0.08), (belly, float(rng.uniform(0.3, 0.5))), (0.9, 0.75), (1, 0.8)]
    if rng.random() < 0.3:
        profile[-2:] = [(0.82, 0.72), (1, 0.78)]
    x, y, z = size
    wide = (x + y) / 2
    inside, outside = glaze(rng), glaze(rng)
    outer = lathe([(0, 0.0), *profile], LARGE)
    inner = lathe([*[(max(r - 0.05, 0.001), max(h, 0.07)) for r, h in reversed(profile)], (0, 0.07)], LARGE)
    same = rng.random() < 0.5
    return fitted(
        (wide, wide, z),
        [((outer,), outside), ((inner,), outside if same else inside)],
        [can(wide * 0.3, z * 0.5), can(wide * 0.48, z * 0.5, z * 0.5)],
    )


def plate(rng: Rng, size: Vector) -> Blueprint:
    """A plate with a raised rim, often of a second colour."""
    well, rise = float(rng.uniform(0.5, 0.75)), float(rng.uniform(0.1, 0.19))
    segments = int(rng.choice([8, 16, 16, 16]))
    base = lathe([(0, 0), (well, 0), (1, rise), (1, 0.2)], segments)
    rim = lathe([(1, 0.2), (well + 0.02, 0.06)], segments)
    middle = lathe([(well + 0.02, 0.06), (0, 0.05)], segments)
    cover = glaze(rng)
    return fitted(
        size,
        [((base, rim), cover), ((middle,), cover if rng.random() < 0.5 else glaze(rng))],
        [can(min(size[:2]) * 0.3, size[2] * 0.6), can(sum(size[:2]) * 0.245, size[2] * 0.5, size[2] * 0.5)],
    )


def pot(rng: Rng, size: Vector) -> Blueprint:
    """A cooking pot with two handles, with or without a lid."""
    lid = rng.random() < 0.5
    height = float(rng.uniform(0.7, 1.3))
    body = hollow([(float(rng.uniform(0.8, 1.0)), 0), (1, height * 0.3), (1, height)], 0.05)
    loop, level = float(rng.uniform(0.16, 0.24)), height * float(rng.uniform(0.75, 0.92))
    handles = [
        arc((0, 0, 0), loop, -np.pi / 2, np.pi / 2, 0.05, TINY)
        .moved(pitch=np.pi / 2)
        .moved((0.98, 0, level))
        .moved(yaw=turn)
        for turn in (0, np.pi)
    ]
    cover = one_of(rng, metal, paint, glaze)
    grips = cover if rng.random() < 0.4 else DARK
    visuals: list[tuple[list[Mesh], Material]] = [([body], cover), (handles, grips)]
    if lid:
        top = height + float(rng.uniform(0.08, 0.25))
        knob = [lathe([(0.08, top), (0.14, top + 0.14), (0, top + 0.14)], SMALL)]
        visuals.append(([lathe([(1.02, height), (0.6, top - 0.03), (0, top)], MEDIUM)], cover))
        visuals[1] = ([*handles, *knob], grips)
    x, y, z = size
    fraction = 0.85 if lid else 1.0
    return fitted(
        size,
        visuals,
        [
            can(y * 0.47, z * fraction) if y < 0.85 * x else can(0.42 * x, z * fraction),
            block((x, 0.28 * y, 0.15 * z), (0, 0, 0.7 * z * fraction)),
            *([can(0.15 * x, 0.15 * z, 0.85 * z)] if lid else []),
        ],
    )


def pan(rng: Rng, size: Vector) -> Blueprint:
    """A frying pan, round or square, with a long handle along x."""
    x, y, z = size
    radius, level = y / 2, float(rng.uniform(0.6, 0.9)) * z
    body = hollow([(radius * float(rng.uniform(0.75, 0.92)), 0), (radius, z)], 0.005, LARGE)
    thick, reach = float(rng.uniform(0.016, 0.026)), x - y
    grip = box((reach + 0.01, thick, 0.014), (radius + reach / 2 - 0.005, 0, level - 0.007))
    if rng.random() < 0.5:
        grip = rod((radius - 0.005, 0, level * 0.8), (radius + reach, 0, z - thick / 2), thick / 2)
    start = -x / 2 + radius
    colliders = [
        can(radius * 0.93, z, at=(start, 0)),
        block((reach, 0.024, 0.4 * z), (x / 2 - reach / 2, 0, 0.75 * z)),
    ]
    handle = one_of(rng, lambda _: DARK, wood, paint)
    outside, inside = one_of(rng, metal, paint), paint(rng, (0.14, 0.14, 0.15), "speckle", 0.1, 0.4)
    pad = cylinder(radius * 0.74, 0.002, (0, 0, 0.005), LARGE)
    return fitted(size, [((body,), outside), ((pad,), inside), ((grip,), handle)], colliders)


_GLASS = [(0.13, 0.3, 0.17), (0.32, 0.18, 0.09), (0.3, 0.45, 0.55), (0.55, 0.16, 0.14), (0.14, 0.22, 0.42)]


def _bottle(rng: Rng, size: Vector, neck: float, shoulder: float, slope: float, cap: Material) -> Blueprint:
    waist = float(rng.uniform(0.82, 1.0)) if shoulder < 2.4 else 1.0
    body = lathe(
        [
            (0, 0),
            (0.95, 0),
            (1, 0.12),
            (waist, shoulder * 0.5),
            (1, shoulder),
            (neck, shoulder + slope),
            (neck, 3.75),
            (0, 3.75),
        ],
        MEDIUM,
    )
    lid = cylinder(neck * 1.15, 0.25 + (0.5 if shoulder > 2 else 0.05), (0, 0, 3.75 - 0.2), SMALL)
    low, high = float(rng.uniform(0.1, 0.3)) * shoulder, float(rng.uniform(0.75, 0.95)) * shoulder
    label = lathe([(1.015, low), (1.015, high)], MEDIUM)
    glass = paint(rng, pick(rng, _GLASS), gloss=0.8)
    printed = paint(rng, None, str(rng.choice(["label", "stripes", "plain"])), 0.2)
    x, y, z = size
    radius, top = min(x, y) / 2, (shoulder + slope * 0.5) / 4.0
    colliders = [can(radius * 0.97, z * top), can(radius * neck, z * (1 - top), z * top)]
    return fitted(size, [((body,), glass), ((label,), printed), ((lid,), cap)], colliders)


def bottle(rng: Rng, size: Vector) -> Blueprint:
    """A squat bottle for oil or drinks: shoulders, a neck, a label and a cap."""
    neck, shoulder = float(rng.uniform(0.3, 0.55)), float(rng.uniform(1.6, 2.6))
    return _bottle(rng, size, neck, shoulder, float(rng.uniform(0.3, 0.9)), paint(rng))


def wine_bottle(rng: Rng, size: Vector) -> Blueprint:
    """A wine bottle: a slender neck with a capsule."""
    neck, shoulder = float(rng.uniform(0.3, 0.38)), float(rng.uniform(1.9, 2.6))
    return _bottle(rng, size, neck, shoulder, float(rng.uniform(0.35, 0.8)), paint(rng))


def pump_bottle(rng: Rng, size: Vector) -> Blueprint:
    """A soap dispenser: a round, square or tapered body with a pump on top."""
    shoulder, taper = float(rng.uniform(2.0, 2.6)), float(rng.uniform(0.7, 1.0))
    segments = int(rng.choice([4, 6, 12, 12]))
    body = lathe(
        [(0, 0), (1, 0), (taper, shoulder), (0.3, shoulder + 0.35), (0, shoulder + 0.35)],
        segments,
        smooth=segments == 12,
    )
    neck, reach = shoulder + 0.3, float(rng.uniform(0.6, 1.05))
    pump = (
        cylinder(0.3, 0.25, (0, 0, neck), SMALL),
        cylinder(0.12, 0.7, (0, 0, neck), TINY),
        box((reach, 0.3, 0.2), (0.15 - reach / 2, 0, neck + 0.75)),
    )
    x, y, z = size
    colliders = [
        block((0.92 * x, 0.92 * y, z * 0.7)),
        block((0.5 * x, 0.15 * y, z * 0.3), (-0.1 * x, 0, z * 0.85)),
    ]
    top = one_of(rng, lambda _: STEEL, lambda _: DARK, lambda _: PALE)
    visuals = [((body,), one_of(rng, glaze, paint)), (pump, top)]
    if rng.random() < 0.5 and segments == 12:
        label = lathe([((1.01 + 0.01), 0.3), (1.02 * taper + 0.02, 1.6)], MEDIUM)
        visuals.append(((label,), paint(rng, None, "label", 0.15)))
    return fitted(size, visuals, colliders)


def spray_bottle(rng: Rng, size: Vector) -> Blueprint:
    """A flat spray bottle with a trigger."""
    belly, shoulder = float(rng.uniform(0.75, 1.0)), float(rng.uniform(1.8, 2.6))
    profile = [(0, 0), (1, 0), (belly, 1.2), (0.95, shoulder), (0.3, shoulder + 0.7), (0.3, 3.6), (0, 3.6)]
    body = lathe(profile, MEDIUM)
    label = lathe([(belly * 0.99 + 0.03, 0.5), (belly + 0.03, 1.3), (0.98, shoulder * 0.85)], MEDIUM)
    reach = float(rng.uniform(0.9, 1.5))
    head = (
        box((reach, 0.7, 0.6), (-reach / 2 + 0.4, 0, 3.9)),
        box((0.16, 0.4, 0.9), (-0.55, 0, 3.3)).moved(roll=0.1),
        cylinder(0.4, 0.35, (0, 0, 3.4), SMALL),
    )
    x, y, z = size
    colliders = [
        block((x * 0.95, max(y, 0.03), z * 0.6)),
        block((x * 0.6, max(y * 0.7, 0.02), z * 0.4), (-0.1 * x, 0, 0.8 * z)),
    ]
    visuals = [((body,), paint(rng)), ((label,), paint(rng, None, "label", 0.15)), (head, paint(rng))]
    return fitted(size, visuals, colliders)


def salt_shaker(rng: Rng, size: Vector) -> Blueprint:
    """A salt shaker: a straight or bulbous pot with a cap."""
    return _shaker(rng, size, float(rng.uniform(0.85, 1.1)), one_of(rng, glaze, paint, lambda _: PALE))


def pepper_shaker(rng: Rng, size: Vector) -> Blueprint:
    """A pepper shaker: a slim-waisted mill with a cap."""
    return _shaker(rng, size, float(rng.uniform(0.5, 0.85)), one_of(rng, wood, wood, glaze, metal))


def _shaker(rng: Rng, size: Vector, waist: float, cover: Material) -> Blueprint:
    body = lathe([(0, 0), (1, 0), (waist, 1.1), (float(rng.uniform(0.6, 0.95)), 2.2), (0, 2.2)], MEDIUM)
    dome = float(rng.uniform(2.5, 3.1))
    cap = lathe([(0.78, 2.2), (0.72, dome - 0.15), (0, dome)], MEDIUM)
    radius, z = min(size[:2]) / 2, size[2]
    return fitted(
        size,
        [((body,), cover), ((cap,), one_of(rng, metal, lambda _: DARK, paint))],
        [can(radius * 0.95, z * 0.7), can(radius * 0.7, z * 0.3, z * 0.7)],
    )


def kettle(rng: Rng, size: Vector) -> Blueprint:
    """A kettle: a spout, and a handle over the top."""
    shoulder, top = float(rng.uniform(0.35, 1.0)), float(rng.uniform(0.35, 0.75))
    foot = float(rng.uniform(0.75, 1.0))
    body = lathe([(0, 0), (foot, 0), (0.98, shoulder), (top, 1.25), (0.12, 1.32)], MEDIUM)
    knob = lathe([(0.1, 1.3), (0.16, 1.45), (0, 1.48)], SMALL)
    spout = rod((0.75, 0, 0.55), (1.35, 0, 1.15), 0.13)
    handle = arc((0, 0, 1.15), float(rng.uniform(0.65, 0.85)), 0.15, np.pi - 0.15, 0.07, SMALL)
    x, y, z = size
    return fitted(
        size,
        [((body, spout), appliance(rng)), ((handle, knob), one_of(rng, lambda _: DARK, wood, paint))],
        [
            block((0.76 * x, 0.92 * y, 0.6 * z), (-0.09 * x, 0, 0.3 * z)),
            block((0.62 * x, 0.1 * y, 0.38 * z), (-0.08 * x, 0, 0.81 * z)),
            block((0.2 * x, 0.12 * y, 0.2 * z), (0.38 * x, 0, 0.48 * z)),
        ],
    )


def watering_can(rng: Rng, size: Vector) -> Blueprint:
    """A can with a long spout, a rose and a handle."""
    taper, high = float(rng.uniform(0.75, 1.0)), float(rng.uniform(1.3, 1.8))
    body = hollow([(1, 0), (taper, high)], 0.08, MEDIUM)
    spout = rod((0.9, 0, 0.3), (2.0, 0, float(rng.uniform(1.4, 1.9))), 0.11)
    tip = spout.vertices.max(axis=0)
    rose = lathe([(0, 0), (0.1, 0), (0.26, 0.22), (0, 0.22)], SMALL).moved(
        (2.0, 0, float(tip[2]) - 0.15), 0, 0, 0.7
    )
    handle = arc((-0.95, 0, high / 2), high * 0.4, np.pi / 2, 3 * np.pi / 2, 0.09, SMALL)
    cover = one_of(rng, paint, metal, glaze)
    x, y, z = size
    colliders = [
        can(y * 0.45, z * 0.75, at=(-0.06 * x, 0)),
        block((0.3 * x, 0.12 * y, 0.4 * z), (0.34 * x, 0, 0.79 * z)),
        block((0.12 * x, 0.12 * y, 0.5 * z), (-0.43 * x, 0, 0.4 * z)),
    ]
    rim = Material(
        "plain", (shade(cover.colours[0], 0.7), shade(cover.colours[0], 0.6)), 0.3, 0.3, cover.seed
    )
    return fitted(size, [((body, spout), cover), ((handle, rose), rim)], colliders)
