"""Household and sports goods."""

from itertools import pairwise

import numpy as np

from thor_interact_env.simulators.mujoco.exact import cosine, normal, product, sine
from thor_interact_env.simulators.mujoco.objects.parts import (
    block,
    can,
    fitted,
    hollow,
    rounded,
    softened,
    thin,
)
from thor_interact_env.simulators.mujoco.palette import (
    DARK,
    glaze,
    metal,
    one_of,
    paint,
    pick,
    shade,
    vivid,
    wood,
)
from thor_interact_env.simulators.mujoco.shapes import (
    LARGE,
    MEDIUM,
    SMALL,
    TINY,
    Blueprint,
    Collider,
    Mesh,
    Vector,
    arc,
    box,
    cylinder,
    ellipsoid,
    lathe,
    merge,
    rod,
)

Rng = np.random.Generator


def garbage_bag(rng: Rng, size: Vector) -> Blueprint:
    """A full bag, tied at the top into a knot with a tuft."""
    x, y, z = size
    belly, neck = float(rng.uniform(0.5, 1.1)), float(rng.uniform(2.0, 2.5))
    profile = [
        (0.0, 0.0),
        (0.8, 0.0),
        (1.0, belly),
        (0.85, belly + 0.7),
        (0.16, neck),
        (0.35, neck + 0.35),
        (0, neck + 0.2),
    ]
    bag = lathe(profile, MEDIUM)
    waves = sine(product(bag.vertices, normal(rng, (3, 2))) * 3)
    creases = 1 + 0.05 * (waves[:, :1] + waves[:, 1:])
    lumpy = bag.vertices * np.hstack([creases, creases, np.ones_like(creases)])
    knot = ellipsoid((0.24, 0.24, 0.1), (0, 0, neck), TINY)
    colour = vivid(rng)
    if rng.random() < 0.4:
        colour = pick(rng, [(0.13, 0.13, 0.14), (0.8, 0.8, 0.82), (0.2, 0.35, 0.5), (0.22, 0.4, 0.25)])
    sack = paint(rng, colour, "leaves", float(rng.uniform(0.3, 0.8)), 0.6)
    tall = z / (neck + 0.35)
    colliders = [
        block((0.62 * x, 0.62 * y, 0.3 * z)),
        Collider("ellipsoid", (0.48 * x, 0.48 * y, neck * tall / 2), (0, 0, neck * tall / 2)),
        can(0.12 * x, 0.25 * z, 0.72 * z),
    ]
    return fitted(size, [((Mesh(lumpy, bag.faces, bag.uv),), sack), ((knot,), paint(rng))], colliders)


def boots(rng: Rng, size: Vector) -> Blueprint:
    """A pair of boots side by side: soles, feet and shafts."""
    top, foot = float(rng.uniform(0.2, 0.27)), float(rng.uniform(0.22, 0.42))
    uppers, soles, cuffs = [], [], []
    for side in (-0.27, 0.27):
        uppers.append(rounded((0.42, 1.0, foot * 2), (side, 0, foot * 0.9), 0.5, MEDIUM))
        uppers.append(
            lathe([(0.19, 0.1), (0.19, 0.9), (top, 1.8), (top - 0.03, 1.8), (0.15, 0.5)], SMALL).moved(
                (side, 0.26, 0)
            )
        )
        soles.append(box((0.42, 1.02, 0.1), (side, 0, 0.05)))
        cuffs.append(
            lathe([(top, 1.6), (top + 0.03, 1.6), (top + 0.02, 1.85), (top - 0.03, 1.85)], SMALL).moved(
                (side, 0.26, 0)
            )
        )
    x, y, z = size
    tall = [can(0.21 * x, 0.97 * z, at=(side * x, 0.24 * y)) for side in (-0.26, 0.26)]
    flat = [
        block((0.42 * x, 0.96 * y, foot * z * 0.95), (side * x, 0, foot * z * 0.475))
        for side in (-0.27, 0.27)
    ]
    leg = paint(rng, None, str(rng.choice(["plain", "dots", "speckle", "stripes"])), 0.2, 0.4)
    visuals = [(uppers, leg), (soles, one_of(rng, lambda _: DARK, paint)), (cuffs, paint(rng))]
    return fitted(size, visuals, [*tall, *flat])


def baseball_bat(rng: Rng, size: Vector) -> Blueprint:
    """A bat lying along x, thick at the right, with a wrapped grip."""
    x, y, z = size
    barrel, neck = float(rng.uniform(4.5, 8.0)), float(rng.uniform(0.3, 0.62))
    wrap = float(rng.uniform(2.4, 4.0))
    profile = [(neck, wrap), (0.9, barrel), (1, 9.4), (0.75, 9.9), (0, 10)]
    shaft = lathe(profile, SMALL).moved(roll=np.pi / 2)
    grip = lathe([(0, 0), (0.62, 0), (0.62, 0.25), (neck, 0.4), (neck * 0.95, wrap)], SMALL).moved(
        roll=np.pi / 2
    )
    band = lathe([(0.97, barrel), (1.03, barrel), (1.03, barrel + 0.9), (0.97, barrel + 0.9)], SMALL)
    fraction = barrel / 10
    colliders = [
        block((x * (1 - fraction), y * 0.9, z), (x * fraction / 2, 0, z / 2)),
        block((x * fraction, y * 0.6, z * 0.7), (-x * (1 - fraction) / 2, 0, z / 2)),
        block((x * 0.04, y * 0.6, z * 0.8), (-x * 0.48, 0, 0.4 * z)),
    ]
    visuals = [
        ((shaft,), one_of(rng, wood, metal, paint)),
        ((grip,), paint(rng, None, "stripes", 0.06)),
        ((band.moved(roll=np.pi / 2),), paint(rng)),
    ]
    return fitted(size, visuals, colliders)


def tennis_racket(rng: Rng, size: Vector) -> Blueprint:
    """A racket lying along x: a grip, a throat, an oval frame and strings."""
    x, y, z = size
    head = float(rng.uniform(0.25, 0.3)) * x
    middle, deep = x / 2 - head, float(rng.uniform(0.012, 0.018))
    angles = np.linspace(0, 2 * np.pi, 17)
    around = y / 2 * softened(sine(angles), 1 / float(rng.uniform(1.0, 1.15)))
    rim = [(float(x), float(y), z / 2) for x, y in zip(middle + head * cosine(angles), around, strict=True)]
    frame = [rod(a, b, deep * 0.7, TINY) for a, b in pairwise(rim)]
    grip_end = -x / 2 + float(rng.uniform(0.28, 0.36)) * x
    frame += [
        rod((grip_end, 0, z / 2), (middle - head * 0.8, side * y * 0.28, z / 2), deep * 0.6, TINY)
        for side in (-1, 1)
    ]
    lines = []
    for at in np.linspace(-0.75, 0.75, 7):
        across, along = y / 2 * float(np.sqrt(1 - at**2)), head * float(np.sqrt(1 - at**2))
        lines.append(box((0.004, 2 * across, 0.003), (middle + at * head, 0, z / 2)))
        lines.append(box((2 * along, 0.004, 0.003), (middle, at * y / 2, z / 2)))
    grip = rod((-x / 2, 0, z / 2), (grip_end, 0, z / 2), z / 2, TINY)
    visuals = [
        (frame, paint(rng, gloss=0.5)),
        ((grip,), paint(rng, None, "stripes", 0.05)),
        ((merge(*lines),), paint(rng, pick(rng, [(0.9, 0.88, 0.8), (0.85, 0.8, 0.2), (0.15, 0.15, 0.16)]))),
    ]
    colliders = [
        can(min(head, y / 2) * 0.97, 0.03, z / 2 - 0.015, (middle, 0)),
        block((1.9 * head, 0.55 * y, 0.03), (middle, 0, z / 2)),
        block((grip_end + x / 2, z, z), ((grip_end - x / 2) / 2, 0, z / 2)),
        block(
            (middle - head * 0.8 - grip_end, y * 0.3, 0.03), ((middle - head * 0.8 + grip_end) / 2, 0, z / 2)
        ),
    ]
    return fitted(size, visuals, colliders)


def scrub_brush(rng: Rng, size: Vector) -> Blueprint:
    """A toilet brush in its holder."""
    wide, high = float(rng.uniform(0.65, 1.0)), float(rng.uniform(1.8, 3.2))
    facets = int(rng.choice([4, 12, 12]))
    holder = hollow([(1, 0), (wide, high)], 0.12, facets)
    stick = cylinder(float(rng.uniform(0.1, 0.18)), 6.2, (0, 0, 0.8), SMALL)
    knob = lathe([(0.12, 6.6), (float(rng.uniform(0.18, 0.35)), 6.9), (0.15, 7.3), (0, 7.3)], SMALL)
    disc = cylinder(0.55, 0.12, (0, 0, high * 0.9), SMALL)
    radius, z = 0.95 * min(size[:2]) / 2, size[2]
    low = z * high / 7.3
    base = block((2 * radius, 2 * radius, low)) if facets == 4 else can(radius, low)
    colliders = [base, can(radius * 0.25, z - low, low)]
    handle = one_of(rng, paint, metal)
    return fitted(size, [((holder,), one_of(rng, glaze, metal)), ((stick, knob, disc), handle)], colliders)


def plunger(rng: Rng, size: Vector) -> Blueprint:
    """A plunger standing on its cup."""
    dome = float(rng.uniform(0.7, 1.4))
    profile = [
        (0.85, 0),
        (1, 0),
        (0.95, 0.15),
        (float(rng.uniform(0.7, 0.95)), dome * 0.5),
        (0.3, dome),
        (0.16, dome + 0.4),
    ]
    suction = lathe([*profile, (0, dome + 0.4)], MEDIUM)
    stick = cylinder(float(rng.uniform(0.11, 0.17)), 7.2 - dome, (0, 0, dome), SMALL)
    knob = ellipsoid((0.22, 0.22, float(rng.uniform(0.15, 0.4))), (0, 0, 7.1), SMALL)
    radius, z = min(size[:2]) / 2, size[2]
    low = dome / 7.3
    colliders = [can(radius * 0.95, z * low), can(radius * 0.2, z * (1 - low), z * low)]
    rubber = paint(
        rng, pick(rng, [(0.66, 0.16, 0.12), (0.15, 0.15, 0.16), (0.2, 0.4, 0.6), (0.8, 0.6, 0.2), vivid(rng)])
    )
    return fitted(size, [((suction,), rubber), ((stick, knob), one_of(rng, wood, wood, paint))], colliders)


def sponge(rng: Rng, size: Vector) -> Blueprint:
    """A sponge with a scouring side."""
    fraction, soft = float(rng.uniform(0.5, 0.85)), float(rng.uniform(0.08, 0.35))
    low = rounded((1, 1, fraction), (0, 0, fraction / 2), soft, MEDIUM)
    high = rounded((1, 1, 1 - fraction + 0.06), (0, 0, (1 + fraction) / 2 - 0.03), soft * 0.8, MEDIUM)
    colour = pick(
        rng, [(0.9, 0.78, 0.25), (0.9, 0.5, 0.6), (0.4, 0.7, 0.85), (0.6, 0.8, 0.35), (0.92, 0.6, 0.3)]
    )
    return fitted(
        size,
        [((low,), paint(rng, colour, "speckle", 0.05)), ((high,), paint(rng, None, "speckle", 0.04))],
        [block(thin(size))],
    )


def soap_bar(rng: Rng, size: Vector) -> Blueprint:
    """A bar of soap, oval or square, with a stamp."""
    power = float(rng.uniform(0.2, 0.9))
    bar = rounded((2, 2, 2), softness=power)
    stamp = rounded(
        (float(rng.uniform(0.6, 1.1)), float(rng.uniform(0.4, 0.9)), 0.2), (0, 0, 0.93), 0.5, SMALL
    )
    colour = pick(
        rng, [(0.92, 0.86, 0.7), (0.6, 0.8, 0.65), (0.88, 0.6, 0.66), (0.5, 0.66, 0.84), (0.74, 0.6, 0.84)]
    )
    x, y, z = size
    skin = paint(rng, colour, str(rng.choice(["plain", "marble", "speckle"])), 0.1, 0.35)
    return fitted(
        size,
        [((bar,), skin), ((stamp,), paint(rng, shade(colour, 0.8)))],
        [block(thin((x * 0.86, y * 0.86, z)))],
    )


def disc(rng: Rng, size: Vector) -> Blueprint:
    """A compact disc with a printed label ring."""
    edge = float(rng.uniform(0.6, 0.98))
    ring = lathe([(0.14, 0), (1, 0), (1, 0.1), (edge, 0.1)], LARGE, smooth=False)
    label = lathe([(edge, 0.1), (0.3, 0.1)], LARGE)
    hub = lathe([(0.3, 0.1), (0.14, 0.1), (0.14, 0)], LARGE)
    shine = paint(
        rng, pick(rng, [(0.78, 0.79, 0.82), (0.6, 0.68, 0.78), (0.8, 0.72, 0.5)]), "brushed", 0.1, 0.9
    )
    printed = paint(rng, None, str(rng.choice(["plain", "marble", "stripes", "leaves"])), 0.2, 0.6)
    return fitted(
        size, [((ring, hub), shine), ((label,), printed)], [can(min(size[:2]) * 0.48, max(size[2], 0.006))]
    )


def key_chain(rng: Rng, size: Vector) -> Blueprint:
    """A ring with two to four keys and a coloured tag."""
    ring = arc((0, 0, 0), 0.3, 0, 2 * np.pi, 0.05, MEDIUM).moved((-0.6, 0, 0.1), pitch=np.pi / 2)
    keys = []
    for turn in np.linspace(-0.5, 0.5, int(rng.integers(2, 5))):
        length = float(rng.uniform(0.7, 1.0))
        bow = cylinder(0.16, 0.1, (0.3, 0, 0), SMALL)
        shaft = box((length - 0.4, 0.1, 0.08), (0.3 + (length - 0.4) / 2, 0, 0.05))
        bit = box((0.14, 0.1, 0.08), (length - 0.15, -0.08, 0.05))
        keys.append(merge(bow, shaft, bit).moved((-0.55, 0, 0.05), yaw=float(turn + rng.uniform(-0.1, 0.1))))
    tag = rounded(
        (float(rng.uniform(0.35, 0.6)), float(rng.uniform(0.25, 0.4)), 0.15), (-0.95, 0, 0.1), 0.4, SMALL
    )
    visuals = [((ring, *keys), metal(rng)), ((tag.moved((0, float(rng.uniform(-0.3, 0.3)), 0)),), paint(rng))]
    return fitted(size, visuals, [block(thin(size))])


def dumbbell(rng: Rng, size: Vector) -> Blueprint:
    """A dumbbell along x: a bar, and heads of one or more discs."""
    x, y, z = size
    facets, length = int(rng.choice([6, 8, 12])), float(rng.uniform(0.4, 0.75))
    bar = rod((-1, 0, 0.5), (1, 0, 0.5), float(rng.uniform(0.1, 0.17)))
    discs = int(rng.integers(1, 4))
    heads = []
    for side in (-1, 1):
        for index in range(discs):
            radius = 0.5 * (1 - 0.15 * index * float(rng.uniform(0.5, 1)))
            thick = length / discs * 0.92
            disc_ = cylinder(radius, thick, segments=facets).moved(roll=np.pi / 2)
            start = 1 - length + index * length / discs
            heads.append(disc_.moved((side * (start + thick / 2) - thick / 2, 0, 0.5)))
    rubber = one_of(rng, paint, metal, lambda r: paint(r, (0.18, 0.18, 0.2), "speckle", 0.1))
    wide = x * length / 2
    colliders = [block((wide, y * 0.85, z), (side * (x - wide) / 2, 0, z / 2)) for side in (-1, 1)]
    colliders.append(block((x, 0.25 * y, 0.25 * z), (0, 0, z / 2)))
    return fitted(size, [((bar,), metal(rng)), (heads, rubber)], colliders)
