"""Round things: cups, bowls, bottles, pots, vases, plants, fruit."""

import numpy as np

from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.fittings import (
    BRIGHT,
    block,
    can,
    fitted,
    metal,
    one_of,
    paint,
    pick,
    wood,
)
from thor_interact_env.simulators.mujoco.objects.parts import shade
from thor_interact_env.simulators.mujoco.shapes import (
    Blueprint,
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


def _ceramic(rng: Rng) -> Material:
    return paint(rng, None, str(rng.choice(["plain", "plain", "stripes", "dots", "speckle"])), 0.12, 0.4)


def _hollow(bottom: float, top: float, height: float, wall: float, bulge: float = 0.0) -> Mesh:
    """Return an open vessel with the given radii."""
    middle = (bottom + top) / 2 + bulge
    outside = [(0, 0), (bottom, 0), (middle, height * 0.5), (top, height)]
    inside = [
        (top - wall, height),
        (max(middle - wall, 0.001), height * 0.5),
        (max(bottom - wall, 0.001), wall),
        (0, wall),
    ]
    return lathe(outside + inside, 18)


def mug(rng: Rng, size: Vector) -> Blueprint:
    """A cylindrical cup with a handle."""
    body = _hollow(0.9, 1, rng.uniform(1.9, 2.3), 0.1)
    handle = arc((0.95, 0, 1.05), rng.uniform(0.45, 0.6), -np.pi / 2, np.pi / 2, 0.1)
    radius = min(size[0], size[1]) * 0.42
    return fitted(size, [((body, handle), _ceramic(rng))], [can(radius, size[2])])


def cup(rng: Rng, size: Vector) -> Blueprint:
    """A tumbler without a handle, wider at the top."""
    body = _hollow(rng.uniform(0.65, 0.9), 1, 2.4, 0.08)
    return fitted(size, [((body,), _ceramic(rng))], [can(min(size[:2]) * 0.43, size[2])])


def bowl(rng: Rng, size: Vector) -> Blueprint:
    """A wide open bowl."""
    body = _hollow(0.45, 1, 0.8, 0.07, rng.uniform(0.05, 0.2))
    low = can(min(size[:2]) * 0.3, size[2] * 0.5)
    return fitted(
        size, [((body,), _ceramic(rng))], [low, can(min(size[:2]) * 0.46, size[2] * 0.5, size[2] * 0.5)]
    )


def plate(rng: Rng, size: Vector) -> Blueprint:
    """A flat plate with a raised rim."""
    body = lathe([(0, 0), (0.6, 0), (1, 0.16), (1, 0.2), (0.62, 0.06), (0, 0.05)], 24)
    return fitted(size, [((body,), _ceramic(rng))], [can(min(size[:2]) * 0.47, size[2])])


def pot(rng: Rng, size: Vector) -> Blueprint:
    """A cooking pot with two handles, with or without a lid."""
    body = _hollow(0.95, 1, 1.1, 0.06)
    handles = [arc((side * 1.05, 0, 0.9), 0.18, 0, 2 * np.pi, 0.05) for side in (-1, 1)]
    visuals: list[tuple[list[Mesh], Material]] = [([body, *handles], one_of(rng, metal, paint))]
    if rng.random() < 0.5:
        lid = lathe([(1, 1.1), (0.6, 1.25), (0.1, 1.3), (0.12, 1.42), (0, 1.42)], 18)
        visuals.append(([lid], metal(rng)))
    return fitted(size, visuals, [can(min(size[:2]) * 0.45, size[2])])


def pan(rng: Rng, size: Vector) -> Blueprint:
    """A frying pan with a long handle along x."""
    radius = size[1] / 2
    body = _hollow(radius * 0.85, radius, size[2], 0.006)
    handle = box((size[0] - size[1], 0.025, 0.018), (radius + (size[0] - size[1]) / 2, 0, size[2] * 0.75))
    start = -size[0] / 2 + radius
    colliders = [
        can(radius * 0.9, size[2]),
        block(
            (size[0] - size[1], 0.03, size[2] * 0.5),
            (start + radius + (size[0] - size[1]) / 2, 0, size[2] * 0.7),
        ),
    ]
    colliders[0] = type(colliders[0])("cylinder", (radius * 0.9, size[2] / 2, 0), (start, 0, size[2] / 2))
    return fitted(
        size, [((body,), one_of(rng, metal, paint)), ((handle,), paint(rng, (0.15, 0.14, 0.14)))], colliders
    )


def bottle(rng: Rng, size: Vector) -> Blueprint:
    """A bottle with shoulders, a neck and a label."""
    neck, shoulder = rng.uniform(0.25, 0.4), rng.uniform(0.5, 0.7)
    body = lathe([(0, 0), (1, 0), (1, shoulder * 4), (neck, shoulder * 4 + 0.7), (neck, 4), (0, 4)], 18)
    label = lathe([(1.01, shoulder * 1), (1.01, shoulder * 3)], 18)
    tint = pick(rng, [(0.2, 0.36, 0.24), (0.36, 0.22, 0.12), (0.3, 0.42, 0.5), (0.65, 0.2, 0.18)])
    visuals = [
        ((body,), paint(rng, tint, gloss=0.8)),
        ((label,), paint(rng, (0.9, 0.88, 0.8), "label", 0.25)),
    ]
    return fitted(size, visuals, [can(min(size[:2]) * 0.46, size[2])])


def pump_bottle(rng: Rng, size: Vector) -> Blueprint:
    """A soap dispenser: a body with a pump on top."""
    body = lathe([(0, 0), (1, 0), (1, 2.2), (0.6, 2.7), (0, 2.7)], 16, smooth=bool(rng.random() < 0.5))
    pump = (cylinder(0.18, 0.8, (0, 0, 2.7)), box((0.9, 0.35, 0.25), (-0.3, 0, 3.5)))
    return fitted(size, [((body,), _ceramic(rng)), (pump, metal(rng))], [can(min(size[:2]) * 0.44, size[2])])


def spray_bottle(rng: Rng, size: Vector) -> Blueprint:
    """A flat spray bottle with a trigger."""
    body = lathe([(0, 0), (1, 0), (1, 2.2), (0.35, 3.2), (0.35, 3.6), (0, 3.6)], 16)
    head = (box((1.7, 0.6, 0.7), (-0.3, 0, 3.9)), box((0.15, 0.3, 0.9), (-0.7, 0, 3.2)))
    colliders = [block((size[0] * 0.8, max(size[1], 0.05), size[2]))]
    return fitted(size, [((body,), paint(rng, None, "label", 0.2)), (head, paint(rng))], colliders)


def shaker(rng: Rng, size: Vector) -> Blueprint:
    """A salt or pepper shaker."""
    body = lathe([(0, 0), (1, 0), (0.75, 2.2), (0, 2.2)], 14)
    cap = lathe([(0.78, 2.2), (0.7, 2.9), (0, 3.1)], 14)
    return fitted(
        size,
        [((body,), one_of(rng, _ceramic, wood)), ((cap,), metal(rng))],
        [can(min(size[:2]) * 0.46, size[2])],
    )


def candle(rng: Rng, size: Vector) -> Blueprint:
    """A pillar candle with a wick."""
    body, wick = cylinder(1, 4), cylinder(0.08, 0.5, (0, 0, 4))
    wax = pick(rng, [(0.92, 0.88, 0.76), (0.7, 0.3, 0.28), (0.85, 0.8, 0.6), (0.5, 0.6, 0.7)])
    return fitted(
        size,
        [((body,), paint(rng, wax)), ((wick,), paint(rng, (0.1, 0.1, 0.1)))],
        [can(min(size[:2]) * 0.48, size[2])],
    )


def vase(rng: Rng, size: Vector) -> Blueprint:
    """A vase with a curved profile."""
    radii = [
        rng.uniform(0.4, 0.7),
        rng.uniform(0.8, 1),
        rng.uniform(0.6, 1),
        rng.uniform(0.3, 0.5),
        rng.uniform(0.4, 0.7),
    ]
    outside = [(0, 0)] + [(radius, step * 0.7) for step, radius in enumerate(radii)]
    inside = [(radii[-1] - 0.06, 2.8), (radii[-2] - 0.06, 2.1), (0, 2.0)]
    return fitted(
        size, [((lathe(outside + inside, 18),), _ceramic(rng))], [can(min(size[:2]) * 0.42, size[2])]
    )


def kettle(rng: Rng, size: Vector) -> Blueprint:
    """A kettle with a spout and a handle over the top."""
    body = lathe([(0, 0), (1, 0), (0.95, 0.8), (0.5, 1.3), (0.12, 1.35), (0.12, 1.5), (0, 1.5)], 18)
    parts = (rod((0.8, 0, 0.6), (1.35, 0, 1.2), 0.12), arc((0, 0, 1.2), 0.75, 0.15, np.pi - 0.15, 0.08))
    return fitted(
        size,
        [((body,), one_of(rng, metal, paint)), (parts, paint(rng, (0.15, 0.15, 0.16)))],
        [can(min(size[:2]) * 0.42, size[2])],
    )


def watering_can(rng: Rng, size: Vector) -> Blueprint:
    """A can with a long spout and a handle."""
    body = _hollow(1, 0.95, 1.7, 0.08)
    parts = (
        rod((0.9, 0, 0.3), (2.0, 0, 1.6), 0.12),
        arc((-0.95, 0, 1.0), 0.6, np.pi / 2, 3 * np.pi / 2, 0.09),
    )
    return fitted(size, [((body, *parts), paint(rng))], [can(min(size[:2]) * 0.4, size[2])])


def roll(rng: Rng, size: Vector) -> Blueprint:
    """A standing roll of paper with a hole."""
    body = lathe([(0.3, 0), (1, 0), (1, 2), (0.3, 2), (0.3, 0)], 20, smooth=False)
    return fitted(
        size,
        [((body,), paint(rng, (0.92, 0.91, 0.88), "speckle", 0.1, 0.02))],
        [can(min(size[:2]) * 0.48, size[2])],
    )


def statue(rng: Rng, size: Vector) -> Blueprint:
    """An abstract figure on a plinth."""
    tiers = rng.uniform(0.3, 0.8, 5)
    profile = [(0, 0.5)] + [(float(r), 0.5 + 0.6 * i) for i, r in enumerate(tiers)] + [(0, 3.6)]
    figure = lathe(profile, 10).scaled((1, float(rng.uniform(0.5, 1)), 1))
    head = ellipsoid((0.4, 0.4, 0.45), (0, 0, 3.7))
    plinth = box((1.8, 1.8, 0.5), (0, 0, 0.25))
    stone = one_of(rng, metal, lambda r: paint(r, (0.75, 0.73, 0.7), "marble", 0.2))
    return fitted(size, [((figure, head, plinth), stone)], [block((size[0] * 0.95, size[1] * 0.95, size[2]))])


def house_plant(rng: Rng, size: Vector) -> Blueprint:
    """A leafy plant in a pot."""
    pot_mesh = lathe([(0, 0), (0.55, 0), (0.8, 1.1), (0.7, 1.1), (0.68, 0.95), (0, 0.95)], 16)
    leaves = []
    for index in range(int(rng.integers(9, 15))):
        lean = rng.uniform(0.15, 0.9)
        leaf = ellipsoid((0.24, 0.07, rng.uniform(0.8, 1.2)), (0, 0, 0.9), 8)
        leaves.append(leaf.moved(pitch=-lean, yaw=index * 2.4).moved((0, 0, 0.9)))
    green = pick(rng, [(0.2, 0.42, 0.18), (0.3, 0.5, 0.22), (0.16, 0.34, 0.22)])
    visuals = [((pot_mesh,), _ceramic(rng)), (tuple(leaves), paint(rng, green, "leaves", 0.2, 0.1))]
    radius = min(size[:2]) / 2
    return fitted(
        size, visuals, [can(radius * 0.62, size[2] * 0.4), can(radius * 0.5, size[2] * 0.6, size[2] * 0.4)]
    )


def apple(rng: Rng, size: Vector) -> Blueprint:
    """A red, green or yellow apple."""
    return _fruit(rng, size, [(0.72, 0.16, 0.14), (0.55, 0.62, 0.22), (0.78, 0.6, 0.2)])


def tomato(rng: Rng, size: Vector) -> Blueprint:
    """A tomato."""
    return _fruit(rng, size, [(0.74, 0.17, 0.12), (0.68, 0.13, 0.11), (0.78, 0.26, 0.14)])


def _fruit(rng: Rng, size: Vector, hues: list[tuple[float, float, float]]) -> Blueprint:
    ball = ellipsoid((1, 1, 1), segments=14)
    bumps = 1 + 0.04 * np.sin(ball.vertices @ rng.uniform(1, 4, (3, 1)))
    body = Mesh(ball.vertices * bumps, ball.faces, ball.uv)
    stem = rod((0, 0, 0.9), (0.05, 0, 1.12), 0.05, 6)
    hue = pick(rng, hues)
    visuals = [((body,), paint(rng, hue, "speckle", 0.1, 0.3)), ((stem,), paint(rng, (0.3, 0.2, 0.1)))]
    return fitted(size, visuals, [can(min(size[:2]) * 0.4, size[2])])


def potato(rng: Rng, size: Vector) -> Blueprint:
    """A brown lump."""
    return _lump(rng, size, (0.6, 0.46, 0.28))


def egg(rng: Rng, size: Vector) -> Blueprint:
    """An egg."""
    return _lump(rng, size, pick(rng, [(0.93, 0.87, 0.76), (0.75, 0.55, 0.4)]), lumpy=0)


def lettuce(rng: Rng, size: Vector) -> Blueprint:
    """A head of lettuce."""
    return _lump(rng, size, (0.42, 0.62, 0.25), lumpy=0.12, pattern="leaves")


def bread(rng: Rng, size: Vector) -> Blueprint:
    """A loaf."""
    return _lump(rng, size, pick(rng, [(0.7, 0.47, 0.24), (0.55, 0.34, 0.17)]), lumpy=0.03)


def _lump(
    rng: Rng, size: Vector, colour: tuple[float, float, float], lumpy: float = 0.05, pattern: str = "speckle"
) -> Blueprint:
    ball = ellipsoid((1, 1, 1), segments=14)
    bumps = 1 + lumpy * np.sin(ball.vertices @ rng.uniform(2, 6, (3, 1)))
    body = Mesh(ball.vertices * bumps, ball.faces, ball.uv)
    return fitted(
        size,
        [((body,), paint(rng, colour, pattern, 0.12, 0.1))],
        [block((size[0] * 0.75, size[1] * 0.75, size[2]))],
    )


def ball(rng: Rng, size: Vector) -> Blueprint:
    """A basketball."""
    stripes = Material("stripes", ((0.78, 0.4, 0.16), (0.2, 0.12, 0.08)), 0.25, 0.1, int(rng.integers(2**31)))
    radius = min(size) / 2
    collider = type(can(1, 1))("sphere", (radius, 0, 0), (0, 0, radius))
    return fitted((2 * radius,) * 3, [((ellipsoid((1, 1, 1)),), stripes)], [collider])


def teddy_bear(rng: Rng, size: Vector) -> Blueprint:
    """A sitting teddy bear."""
    balls = [ellipsoid((0.7, 0.55, 0.8), (0, 0, 0.8)), ellipsoid((0.5, 0.5, 0.5), (0, 0, 1.9))]
    balls += [ellipsoid((0.2, 0.15, 0.2), (side * 0.4, 0, 2.35), 8) for side in (-1, 1)]
    balls += [ellipsoid((0.25, 0.25, 0.5), (side * 0.8, -0.1, 1.1), 8) for side in (-1, 1)]
    balls += [ellipsoid((0.28, 0.6, 0.28), (side * 0.5, -0.6, 0.3), 8) for side in (-1, 1)]
    fur = pick(rng, [(0.55, 0.36, 0.2), (0.75, 0.6, 0.45), (0.4, 0.28, 0.2)])
    snout = ellipsoid((0.22, 0.2, 0.16), (0, -0.48, 1.8), 8)
    visuals = [(balls, paint(rng, fur, "fabric", 0.2, 0.0)), ((snout,), paint(rng, shade(fur, 1.4)))]
    return fitted(size, visuals, [block((size[0] * 0.8, size[1] * 0.85, size[2] * 0.95))])


def plunger(rng: Rng, size: Vector) -> Blueprint:
    """A plunger standing on its cup."""
    cup_mesh = lathe([(0, 0), (1, 0), (0.9, 0.5), (0.2, 1.0), (0, 1.0)], 16)
    visuals = [((cup_mesh,), paint(rng, pick(rng, BRIGHT))), ((cylinder(0.14, 6.2, (0, 0, 1)),), wood(rng))]
    radius = min(size[:2]) / 2
    return fitted(
        size,
        visuals,
        [can(radius * 0.95, size[2] * 0.14), can(radius * 0.25, size[2] * 0.86, size[2] * 0.14)],
    )
