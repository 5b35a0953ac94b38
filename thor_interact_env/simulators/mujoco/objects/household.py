"""Household objects: lamps, bins, hampers, dog beds, vacuum cleaners."""

import numpy as np

from thor_interact_env.simulators.mujoco.exact import cosine, length, sine
from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.parts import Parts, can, disc, fitted, softened
from thor_interact_env.simulators.mujoco.palette import (
    DARK,
    PALE,
    STEEL,
    fabric,
    lacquer,
    metal,
    one_of,
    paint,
    pick,
    tint,
    wood,
)
from thor_interact_env.simulators.mujoco.shapes import (
    LARGE,
    MEDIUM,
    SMALL,
    Blueprint,
    Collider,
    Mesh,
    Vector,
    cylinder,
    ellipsoid,
    lathe,
    rod,
)

Rng = np.random.Generator


def floor_lamp(rng: Rng, size: Vector) -> Blueprint:
    """Build a standing lamp with a fabric or metal shade, on a plate or three legs."""
    z, radius = size[2], (size[0] + size[1]) / 4
    parts, stand = Parts(), metal(rng) if rng.random() < 0.6 else one_of(rng, wood, lacquer)
    high = float(rng.uniform(0.13, 0.26)) * z
    upper, pole = float(rng.uniform(0.45, 1.0)) * radius, float(rng.uniform(0.01, 0.02))
    if rng.random() < 0.6:
        base = float(rng.uniform(0.5, 0.9)) * radius
        parts.cylinder(stand, base, 0.03, (0, 0, 0))
        parts.cylinder(stand, pole, z - 0.03 - high * 0.5, (0, 0, 0.03))
    else:
        knee, spread = float(rng.uniform(0.35, 0.75)) * z, float(rng.uniform(0.7, 0.92)) * radius
        for turn in np.linspace(0, 2 * np.pi, 3, endpoint=False) + np.pi / 2:
            foot = (spread * cosine(float(turn)), spread * sine(float(turn)), pole)
            parts.add(stand, rod(foot, (0, 0, knee), pole), cylinder(pole, 0.01, (foot[0], foot[1], 0)))
        parts.cylinder(stand, pole, z - knee - high * 0.5, (0, 0, knee), solid=False)
        parts.colliders.append(Collider("cylinder", (spread * 0.95, 0.02, 0), (0, 0, 0.02)))
        parts.colliders.append(Collider("cylinder", (0.04, (z - high) / 2, 0), (0, 0, (z - high) / 2)))
    colour = (0.92, 0.87, 0.75) if rng.random() < 0.4 else tint(rng, (0.15, 0.6), (0.35, 0.9))
    cover = one_of(rng, lambda r: paint(r, colour, "fabric", 0.3, 0.02), lambda r: fabric(r, 0.3))
    facets = int(rng.choice([4, 14, 14]))
    wall = [(radius, 0), (upper, high), (upper - 0.006, high), (radius - 0.006, 0), (radius, 0)]
    parts.add(
        cover,
        lathe(wall, facets, False).moved((0, 0, z - high)),
        cylinder(upper - 0.008, 0.01, (0, 0, z - 0.03), facets),
    )
    for level, fraction in ((z - 0.75 * high, 0.0), (z - 0.25 * high, 0.6)):
        wide = radius + (upper - radius) * fraction
        if facets == 4:
            parts.solid((2 * wide, 2 * wide, high / 2), (0, 0, level))
        else:
            disc(parts, (2 * wide, 2 * wide, high / 2), level - high / 4)
    return parts.finish(size)


def desk_lamp(rng: Rng, size: Vector) -> Blueprint:
    """A lamp with a foot, a slim or bulbous stem and a shade."""
    z, radius = size[2], (size[0] + size[1]) / 4
    upper, low = float(rng.uniform(0.4, 0.95)), float(rng.uniform(1.6, 2.0))
    foot = float(rng.uniform(0.5, 0.75))
    if rng.random() < 0.5:
        stand = [cylinder(foot, 0.12, segments=MEDIUM), rod((0, 0, 0.1), (0, 0, 2.5), 0.06)]
        trunk = 0.14
    else:
        bulge = [float(value) for value in rng.uniform(0.2, 0.6, 3)]
        stand = [
            lathe(
                [(0, 0), (foot, 0), (bulge[0], 0.3), (bulge[1], 0.8), (bulge[2], 1.3), (0.1, low), (0, low)],
                MEDIUM,
            )
        ]
        trunk = 0.35
    facets = int(rng.choice([4, 14, 14]))
    cover = lathe([(1, low), (upper, 3), (upper - 0.05, 3), (0.95, low)], facets, smooth=facets > 4)
    inner = cylinder(upper * 0.9, 0.03, (0, 0, 2.85), facets)
    fraction = low / 3
    half = z * (1 - fraction) / 2
    colliders = [
        can(radius * foot, z * 0.05),
        can(radius * trunk, z * fraction, z * 0.02),
        can(radius * (0.9 + 0.1 * upper), half, z * fraction),
        can(radius * (0.3 + 0.7 * upper), half, z * fraction + half),
    ]
    shade = one_of(
        rng, lambda r: fabric(r, 0.2), lambda r: paint(r, pick(r, [(0.92, 0.86, 0.7)]), "fabric", 0.2), paint
    )
    square = (2 * radius, 2 * radius, z)
    visuals = [(stand, one_of(rng, metal, wood, paint)), ((cover,), shade), ((inner,), PALE)]
    return fitted(square, visuals, colliders)


def _bin(rng: Rng, size: Vector, body: Material, rim: Material, lid: int) -> Blueprint:
    """Build a round or square bin; lid 0: open, 1: flat, 2: a dome."""
    x, y, z = size
    parts, level = Parts(), z
    if lid == 2:
        level = z * float(rng.uniform(0.78, 0.9))
    elif lid == 1:
        level = z - 0.03
    lower, high = float(rng.uniform(0.7, 1.0)) * 0.5, 0.035
    inner = 0.05 if not lid else level - 0.02
    facets = 14 if rng.random() < 0.55 else 4

    def placed(mesh: Mesh) -> Mesh:
        return mesh.scaled((x, y, 1))

    at = [(0, 0), (lower, 0), (0.485, level), (0.455, level), (lower - 0.03, inner), (0, inner)]
    parts.add(body, placed(lathe(at, facets, False)))
    band = [(0.485, level - high), (0.5, level - high), (0.5, level), (0.45, level)]
    parts.add(rim, placed(lathe(band, facets, False)))
    if lid == 1:
        parts.add(rim, placed(lathe([(0.5, level), (0.5, z), (0, z)], facets, False)))
    elif lid == 2:
        dome = [(0.485, level), (0.42, (level + 2 * z) / 3), (0.2, z), (0, z)]
        parts.add(rim, placed(lathe(dome, facets, facets > 4)))
    if rng.random() < 0.35:
        stripe, wide = float(rng.uniform(0.2, 0.6)) * level, float(rng.uniform(0.04, 0.15)) * level
        edge = lower + (0.485 - lower) * (stripe + wide) / level + 0.004
        parts.add(rim, placed(lathe([(edge, stripe), (edge, stripe + wide)], facets, False)))
    tall = z / 3
    for step, height in enumerate((0.5, 0.75, 1.0)):  # Its taper collides as three steps.
        base, wide = step * tall, lower + (0.5 - lower) * (step + height) / 3
        if facets > 4:
            disc(parts, (2 * wide * x, 2 * wide * y, tall), base)
        else:
            parts.solid((2 * wide * x, 2 * wide * y, tall), (0, 0, base + tall / 2))
    return parts.finish(size)


def garbage_can(rng: Rng, size: Vector) -> Blueprint:
    """Build a bin, round or square, open or closed; it collides as a solid."""
    body = metal(rng) if rng.random() < 0.25 else paint(rng, repeat=0.5)
    rim = one_of(rng, lambda _: body, metal, paint, lambda _: DARK)
    return _bin(rng, size, body, rim, int(rng.choice([0, 0, 1, 2])))


def laundry_hamper(rng: Rng, size: Vector) -> Blueprint:
    """Build a fabric basket, with or without a lid."""
    return _bin(rng, size, fabric(rng), one_of(rng, fabric, wood), int(rng.choice([0, 1, 2])))


def dog_bed(rng: Rng, size: Vector) -> Blueprint:
    """Build a cushion with a thick rim: round or nearly square."""
    x, y, z = size
    parts, rim, power = Parts(), fabric(rng), float(rng.choice([1.0, 0.75, 0.55]))
    thick, floor = float(rng.uniform(0.1, 0.17)), float(rng.uniform(0.3, 0.5))
    outer = [(0, 0), (0.45, 0), (0.5, 0.35), (0.49, 0.8), (0.5 - thick / 2, 1), (0.51 - thick, 0.85)]
    ring = lathe([*outer, (0.49 - thick, floor), (0, floor)], LARGE).scaled((x, y, z))
    pad = ellipsoid((0.37, 0.37, 0.2), (0, 0, floor + 0.03), MEDIUM).scaled((x, y, z))

    def squared(mesh: Mesh) -> Mesh:
        flat = mesh.vertices[:, :2] / (np.array([x, y]) / 2)
        away = length(flat)[:, None]
        soft = softened(flat / np.maximum(away, 1e-9), power) * away * np.array([x, y]) / 2
        return Mesh(np.hstack([soft, mesh.vertices[:, 2:]]), mesh.faces, mesh.uv)

    parts.add(rim, squared(ring))
    parts.add(fabric(rng), squared(pad))
    level = (floor + 0.15) * z
    parts.solid((0.7 * x, 0.7 * y, level), (0, 0, level / 2))
    for sign in (-1, 1):
        parts.solid((0.7 * x, 0.14 * y, z * 0.95), (0, sign * 0.42 * y, z * 0.475))
        parts.solid((0.14 * x, 0.7 * y, z * 0.95), (sign * 0.42 * x, 0, z * 0.475))
    parts.surface((0, 0, level), (0.5 * x, 0.5 * y))
    return parts.finish(size)


def vacuum_cleaner(rng: Rng, size: Vector) -> Blueprint:
    """Build an upright vacuum cleaner: a foot, a leaning body with its dust cup, and a handle."""
    x, y, z = size
    parts, shell, cup = Parts(), paint(rng, gloss=0.5), paint(rng, gloss=0.7)
    foot, deep = float(rng.uniform(0.1, 0.15)) * z, float(rng.uniform(0.55, 0.75)) * y
    wide = float(rng.uniform(0.45, 0.62)) * x
    parts.box(shell, (x, deep, foot), (0, -(y - deep) / 2, foot / 2))
    parts.box(DARK, (x * 0.96, 0.03, foot * 0.5), (0, -y / 2 + 0.015, foot * 0.3), False)
    for sign in (-1, 1):
        wheel = cylinder(0.5, 0.04, segments=SMALL).moved(roll=np.pi / 2)
        radius = 0.16 * z
        parts.add(
            DARK, wheel.scaled((1, radius, radius)).moved((sign * 0.4 * wide, y / 2 - radius / 2, radius / 2))
        )
    high = float(rng.uniform(0.5, 0.62)) * z
    lean = 0.12 * y
    parts.box(shell, (wide, 0.28 * y, high - foot), (0, y / 2 - 0.26 * y, (high + foot) / 2))
    tall = (high - foot) * float(rng.uniform(0.5, 0.75))
    bottle = cylinder(0.42 * wide, tall, (0, y / 2 - 0.4 * y, foot + (high - foot - tall) * 0.6), MEDIUM)
    parts.add(cup, bottle)
    start, end = (0.0, y / 2 - 0.22 * y, high - 0.02), (0.0, y / 2 - 0.05, z - 0.06)
    parts.add(STEEL, rod(start, end, 0.018))
    parts.add(DARK, rod((0, end[1] - lean * 0.1, z - 0.08), (0, y / 2 - lean - 0.02, z - 0.015), 0.02))
    parts.solid((0.12, 0.3 * y, z - high), (0, y / 2 - 0.16 * y, (z + high) / 2))
    return parts.finish(size)
