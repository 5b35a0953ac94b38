"""Decoration and toys: vases, statues, plants, candles, balls, bears."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from thor_interact_env.simulators.mujoco.exact import cosine, sine
from thor_interact_env.simulators.mujoco.materials import Colour, Material
from thor_interact_env.simulators.mujoco.objects.parts import block, can, fitted, hollow, rounded
from thor_interact_env.simulators.mujoco.palette import (
    DARK,
    contrast,
    glaze,
    metal,
    one_of,
    paint,
    pick,
    shade,
    tint,
    vivid,
    wood,
)
from thor_interact_env.simulators.mujoco.shapes import (
    HUGE,
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
    rod,
)

Rng = np.random.Generator


def _stone(rng: Rng) -> Material:
    base = tint(rng, (0.02, 0.25), (0.3, 0.9))
    return paint(rng, base, str(rng.choice(["marble", "speckle", "plain"])), 0.2, 0.3)


def vase(rng: Rng, size: Vector) -> Blueprint:
    """A vase with a curved profile, some with two ears."""
    x, y, z = size
    wide = (x + y) / 2
    radii = [rng.uniform(0.4, 0.75), rng.uniform(0.7, 1), rng.uniform(0.5, 1), rng.uniform(0.28, 0.55)]
    radii.append(radii[-1] * rng.uniform(1.0, 1.6))
    profile = [(float(radius), 0.7 * step) for step, radius in enumerate(radii)]
    widest = max(radii)
    body = hollow(profile, 0.06, int(rng.choice([6, 14, 14])))
    visuals: list[tuple[list[Mesh], Material]] = [([body], one_of(rng, glaze, glaze, metal))]
    if rng.random() < 0.25:
        neck = float(radii[3])
        ear = arc((neck - 0.02, 0, 2.0), 0.35, -np.pi / 2, np.pi / 2, 0.06, TINY)
        visuals.append(([ear, ear.moved(yaw=np.pi)], paint(rng)))
        widest = max(widest, neck + 0.4)
    rings = [(float(max(low, high)), index * z / 4) for index, (low, high) in enumerate(pairwise(radii))]
    colliders = [can(wide / 2 * radius / widest, z / 4, at) for radius, at in rings]
    return fitted((wide, wide, z), visuals, colliders)


def statue(rng: Rng, size: Vector) -> Blueprint:
    """A figure, a bust, an abstract ring or a stack of stones, on a plinth."""
    x, y, z = size
    style = int(rng.integers(4))
    low = float(rng.uniform(0.25, 0.7))
    base = box((1.6, 1.6, low), (0, 0, low / 2)) if rng.random() < 0.6 else cylinder(0.85, low)
    material = one_of(rng, metal, _stone, glaze)
    if style == 0:
        waist = float(rng.uniform(0.22, 0.5))
        profile = [(0, low), (0.6, low), (waist, 1.5), (0.62, 2.4), (0.2, 2.75), (0, 2.75)]
        parts = [lathe(profile, LARGE).scaled((1, float(rng.uniform(0.55, 0.9)), 1))]
        parts.append(ellipsoid((0.33, 0.36, 0.42), (0, 0, 3.1), LARGE))
        lift = float(rng.uniform(1.2, 3.2))
        parts += [rod((side * 0.55, 0, 2.3), (side * 0.85, -0.2, lift), 0.13) for side in (-1, 1)]
    elif style == 1:
        parts = [
            ellipsoid((0.85, 0.5, 0.5), (0, 0, low + 0.4), LARGE),
            cylinder(0.25, 1.0, (0, 0, low + 0.6)),
        ]
        parts.append(ellipsoid((0.5, 0.6, float(rng.uniform(0.6, 0.85))), (0, -0.05, low + 2.0), LARGE))
        parts.append(ellipsoid((0.1, 0.2, 0.2), (0, -0.65, low + 1.9), MEDIUM))
    elif style == 2:
        radius = float(rng.uniform(0.6, 0.85))
        parts = [
            arc((0, 0, low + radius), radius, 0.0, 2 * np.pi, float(rng.uniform(0.14, 0.25)), HUGE, MEDIUM)
        ]
        parts.append(ellipsoid((0.3, 0.3, 0.3), (0, 0, low + radius), LARGE))
    else:
        parts, level = [], low
        for count in range(int(rng.integers(2, 5))):
            wide, high = float(rng.uniform(0.45, 0.85)), float(rng.uniform(0.3, 0.55))
            lean = float(rng.uniform(-0.2, 0.2)) if count else 0.0
            parts.append(ellipsoid((wide, wide * 0.85, high), (lean, 0, level + high * 0.9), LARGE))
            level += 1.7 * high
    visuals = [(parts, material), ((base,), one_of(rng, wood, _stone, lambda _: DARK))]
    colliders = [block((x * 0.9, y * 0.95, z * 0.2)), block((0.8 * x, 0.7 * y, 0.8 * z), (0, 0, 0.6 * z))]
    return fitted(size, visuals, colliders)


_GREENS: list[Colour] = [
    (0.2, 0.42, 0.15),
    (0.34, 0.52, 0.18),
    (0.14, 0.32, 0.2),
    (0.45, 0.5, 0.3),
    (0.4, 0.2, 0.26),
]


def house_plant(rng: Rng, size: Vector) -> Blueprint:
    """A plant in a pot: long leaves, a bush, a cactus or a small tree."""
    x, y, z = size
    foot, high = float(rng.uniform(0.4, 0.75)), float(rng.uniform(0.7, 1.2))
    facets = int(rng.choice([4, 6, 12, 12]))
    planter = hollow([(foot, 0), (0.75, high)], 0.08, facets)
    soil = cylinder(0.62, 0.05, (0, 0, high - 0.15), facets)
    hue = pick(rng, _GREENS)
    green = paint(rng, hue, "leaves", 0.2, 0.1)
    leaves: list[Mesh] = []
    style = int(rng.integers(4))
    if style == 2 and hue[0] > hue[1]:  # Leaves may be red, a cactus is not.
        hue = (hue[1], hue[0], hue[2])
        green = replace(green, colours=(hue, shade(hue, 0.75)))
    if style == 0:
        for index in range(int(rng.integers(9, 16))):
            leaf = ellipsoid(
                (float(rng.uniform(0.14, 0.26)), 0.05, float(rng.uniform(0.8, 1.2))), (0, 0, 0.95), TINY
            )
            lean = -float(rng.uniform(0.1, 0.9))
            leaves.append(leaf.moved((0, 0, 0), pitch=lean).moved(yaw=index * 2.4).moved((0, 0, high - 0.15)))
    elif style == 1:
        for index in range(int(rng.integers(8, 12))):
            angle, reach = index * 2.4, float(rng.uniform(0.3, 0.75))
            middle = (reach * cosine(angle), reach * sine(angle), high + float(rng.uniform(0.3, 1.7)))
            puff = float(rng.uniform(0.35, 0.55))
            leaves.append(ellipsoid((puff, puff, puff * 0.8), middle, MEDIUM))
    elif style == 2:
        trunk = float(rng.uniform(0.28, 0.45))
        leaves.append(rounded((2 * trunk, 2 * trunk, 2.4), (0, 0, high + 0.9), 0.6, LARGE))
        for index in range(int(rng.integers(1, 4))):
            arm = rounded(
                (0.3, 0.3, float(rng.uniform(0.7, 1.1))), (trunk + 0.25, 0, high + 1.3), 0.6, MEDIUM
            )
            leaves.append(arm.moved(yaw=index * 2.1 + float(rng.uniform(0, 1))))
    else:
        crown = float(rng.uniform(0.75, 1.0))
        leaves.append(ellipsoid((crown, crown, crown), (0, 0, high + 1.9), LARGE))
        leaves += [
            ellipsoid(
                (0.45, 0.45, 0.35),
                (
                    0.7 * crown * cosine(float(a)),
                    0.7 * crown * sine(float(a)),
                    high + float(rng.uniform(1.4, 2.2)),
                ),
                MEDIUM,
            )
            for a in rng.uniform(0, 2 * np.pi, 4)
        ]
        leaves.append(rod((0, 0, high - 0.15), (0, 0, high + 1.2), 0.09))
    visuals = [((planter,), glaze(rng)), ((soil,), paint(rng, (0.2, 0.14, 0.1))), (leaves, green)]
    reach = max(0.75, float(np.abs(np.concatenate([leaf.vertices[:, :2] for leaf in leaves])).max()))
    top = float(max(leaf.vertices[:, 2].max() for leaf in leaves))
    fraction = high / top
    crown_collider = Collider(
        "ellipsoid", (0.46 * x, 0.46 * y, (1 - fraction) * z / 2), (0, 0, (1 + fraction) * z / 2)
    )
    colliders = [can(min(x, y) * 0.52 * min(1.0, 0.75 / reach), z * fraction), crown_collider]
    if style == 2:  # Its trunk, and its arms at half of its height.
        tall = (1 - fraction) * z
        colliders[1] = can(min(x, y) * 0.3, tall, z * fraction)
        colliders.append(Collider("ellipsoid", (0.48 * x, 0.48 * y, 0.3 * tall), (0, 0, z - 0.5 * tall)))
    return fitted(size, visuals, colliders)


def room_decor(rng: Rng, size: Vector) -> Blueprint:
    """A tall floor vase with dry branches or pampas."""
    x, y, z = size
    radii = [rng.uniform(0.4, 0.7), rng.uniform(0.6, 1), rng.uniform(0.7, 1), rng.uniform(0.3, 0.5)]
    body = hollow([(float(radius), 0.9 * step) for step, radius in enumerate(radii)], 0.07, MEDIUM)
    stems, tufts = [], []
    for index in range(int(rng.integers(6, 10))):
        lean, high = float(rng.uniform(0.1, 0.75)), float(rng.uniform(5.2, 6.8))
        tip = (lean * cosine(index * 2.4), lean * sine(index * 2.4), high)
        stems.append(rod((0, 0, 2.2), tip, 0.035, TINY))
        tufts.append(
            ellipsoid((0.16, 0.16, float(rng.uniform(0.4, 0.7))), (tip[0], tip[1], tip[2] - 0.2), TINY)
        )
    branch = paint(rng, pick(rng, [(0.4, 0.28, 0.17), (0.3, 0.36, 0.2)]))
    plume = paint(rng, pick(rng, [(0.85, 0.74, 0.55), (0.6, 0.25, 0.25), (0.42, 0.5, 0.28)]), "leaves", 0.15)
    colliders = [block((0.96 * x, 0.96 * y, z * 0.4)), block((0.96 * x, 0.96 * y, z * 0.6), (0, 0, 0.7 * z))]
    return fitted(size, [((body,), glaze(rng)), (stems, branch), (tufts, plume)], colliders)


def table_top_decor(rng: Rng, size: Vector) -> Blueprint:
    """A wide glass dish with glass balls in it."""
    x, y, z = size
    foot, belly = float(rng.uniform(0.3, 0.55)), float(rng.uniform(0.75, 0.95))
    dish = hollow([(foot, 0), (foot, 0.1), (belly, 0.35), (1, 0.6)], 0.05, int(rng.choice([6, 8, 14])))
    spheres: list[Mesh] = []
    others: list[Mesh] = []
    for index in range(int(rng.integers(4, 8))):
        radius, angle = float(rng.uniform(0.2, 0.28)), index * 2.4
        reach = 0.5 if index else 0.0
        sphere = ellipsoid((radius,) * 3, (reach * cosine(angle), reach * sine(angle), 0.5), SMALL)
        (spheres if index % 2 else others).append(sphere)
    visuals = [((dish,), glaze(rng)), (spheres, paint(rng, gloss=0.8)), (others, paint(rng, gloss=0.8))]
    return fitted(
        size,
        visuals,
        [block((0.55 * x, 0.55 * y, 0.5 * z)), block((0.92 * x, 0.92 * y, 0.5 * z), (0, 0, 0.7 * z))],
    )


def candle(rng: Rng, size: Vector) -> Blueprint:
    """A candle: a pillar, a taper on a foot, or wax in a glass."""
    style, wax = (
        int(rng.integers(3)),
        paint(rng, vivid(rng), str(rng.choice(["plain", "stripes", "speckle"])), 0.06),
    )
    x, y, z = size
    radius = min(x, y) / 2
    wick = cylinder(0.07, 0.5, (0, 0, 3.8), TINY)
    if style == 0:
        slant, dent = float(rng.uniform(0.5, 1.0)), float(rng.uniform(3.3, 3.9))
        meshes = [
            ((lathe([(0, 0), (1, 0), (slant, 4), (0.4, dent), (0, dent)], MEDIUM),), wax),
            ((wick,), DARK),
        ]
        return fitted(size, meshes, [can(radius * slant, z * 0.9)])
    if style == 1:
        stem = float(rng.uniform(0.45, 0.65))
        rise = float(rng.uniform(0.5, 1.4))
        foot = lathe(
            [(0, 0), (1, 0), (0.9, 0.15), (0.3, 0.3), (0.7, rise), (0.7, rise + 0.2), (0, rise + 0.2)], MEDIUM
        )
        stick = lathe([(0, rise), (stem, rise), (stem * 0.85, 4), (0, 4)], SMALL)
        meshes = [((stick,), wax), ((foot,), one_of(rng, metal, glaze)), ((wick,), DARK)]
        return fitted(size, meshes, [can(radius * 0.95, z * 0.12), can(radius * 0.65, z * 0.8, z * 0.1)])
    level = float(rng.uniform(2.2, 3.4))
    jar = hollow([(float(rng.uniform(0.5, 1)), 0), (1, 4)], 0.08, MEDIUM)
    inside = cylinder(0.88, 0.1, (0, 0, level), MEDIUM)
    meshes = [((jar,), glaze(rng)), ((inside,), wax), ((cylinder(0.07, 0.5, (0, 0, level), TINY),), DARK)]
    return fitted(size, meshes, [can(radius * 0.95, z)])


def basket_ball(rng: Rng, size: Vector) -> Blueprint:
    """A basketball: plain or of two colours, with black seams."""
    diameter = (size[0] + size[1] + size[2]) / 3
    turn = rng.uniform(0, 2 * np.pi, 3)
    ring, half = float(rng.uniform(0.45, 0.65)), 0.025
    radius = float(np.sqrt(1 - ring**2))
    around = lathe([(1.0, -half), (1.012, 0), (1.0, half)], HUGE)
    small = lathe([(radius + 0.02, -half), (radius + 0.012, 0), (radius - 0.01, half)], HUGE)
    seams = [around, around.moved(pitch=np.pi / 2)]
    seams += [small.moved((0, 0, ring)).moved(pitch=tilt) for tilt in (0.0, np.pi)]
    spin = [mesh.moved(yaw=turn[0], pitch=turn[1], roll=turn[2]) for mesh in seams]
    skin = pick(
        rng, [(0.8, 0.4, 0.14), (0.64, 0.3, 0.12), (0.86, 0.5, 0.2), (0.2, 0.25, 0.5), (0.7, 0.2, 0.2)]
    )
    ground = paint(
        rng, skin, str(rng.choice(["speckle", "plain", "dots"])), float(rng.uniform(0.1, 0.6)), 0.1
    )
    seam = DARK if rng.random() < 0.7 else paint(rng, contrast(rng, skin))
    sphere = ellipsoid((1, 1, 1), segments=HUGE).moved(pitch=float(turn[1]))
    collider = Collider("sphere", (diameter / 2, 0, 0), (0, 0, diameter / 2))
    return fitted((diameter,) * 3, [((sphere,), ground), (spin, seam)], [collider])


def teddy_bear(rng: Rng, size: Vector) -> Blueprint:
    """A sitting teddy bear, some with a bow or a shirt."""
    x, y, z = size
    head, belly = float(rng.uniform(0.48, 0.62)), float(rng.uniform(0.55, 0.75))
    ears, arms = float(rng.uniform(0.15, 0.28)), float(rng.uniform(-0.6, 1.2))
    apart = float(rng.uniform(0.35, 0.62))
    trunk = ellipsoid((belly, 0.55, 0.8), (0, 0, 0.8), MEDIUM)
    balls = [ellipsoid((head, head, head), (0, -0.05, 1.9), MEDIUM)]
    balls += [
        ellipsoid((ears, 0.12, ears), (side * head * 0.8, 0, 1.95 + head * 0.8), TINY) for side in (-1, 1)
    ]
    balls += [
        ellipsoid((0.22, 0.24, 0.5), (0, 0, -0.4), TINY).moved(
            (side * belly, -0.1, 1.35), pitch=-arms, roll=-side * 0.6
        )
        for side in (-1, 1)
    ]
    balls += [ellipsoid((0.28, 0.6, 0.28), (side * apart, -0.6, 0.3), TINY) for side in (-1, 1)]
    fur = pick(
        rng, [(0.55, 0.34, 0.18), (0.78, 0.62, 0.44), (0.36, 0.24, 0.16), (0.85, 0.83, 0.8), (0.7, 0.45, 0.5)]
    )
    coat = paint(rng, fur, "fabric", 0.2, 0.0)
    snout = ellipsoid((0.24, 0.2, 0.18), (0, -head - 0.02, 1.8), TINY)
    soles = [ellipsoid((0.2, 0.06, 0.2), (side * apart, -1.18, 0.32), TINY) for side in (-1, 1)]
    face = [ellipsoid((0.07, 0.05, 0.07), (side * 0.2, -head * 0.9, 2.08), TINY) for side in (-1, 1)]
    face.append(ellipsoid((0.08, 0.06, 0.06), (0, -head - 0.2, 1.86), TINY))
    shirt = (
        paint(rng, None, str(rng.choice(["stripes", "plain", "dots"])), 0.15) if rng.random() < 0.5 else coat
    )
    visuals = [
        (balls, coat),
        ((trunk,), shirt),
        ((snout, *soles), paint(rng, shade(fur, 1.4))),
        (face, DARK),
    ]
    colliders = [
        block((0.9 * x, 0.96 * y, 0.22 * z), (0, -0.01 * y, 0.11 * z)),
        block((0.96 * x, 0.5 * y, 0.35 * z), (0, 0.18 * y, 0.38 * z)),
        Collider("ellipsoid", (0.28 * x, 0.28 * y, 0.22 * z), (0, 0.16 * y, 0.77 * z)),
    ]
    return fitted(size, visuals, colliders)
