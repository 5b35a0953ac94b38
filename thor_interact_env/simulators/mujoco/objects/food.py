"""Food: fruit, vegetables, eggs and bread."""

from collections.abc import Sequence

import numpy as np

from thor_interact_env.simulators.mujoco.exact import cosine, exponential, length, normal, product, sine
from thor_interact_env.simulators.mujoco.materials import Colour
from thor_interact_env.simulators.mujoco.objects.parts import ball, block, can, fitted, rounded
from thor_interact_env.simulators.mujoco.palette import paint, pick
from thor_interact_env.simulators.mujoco.shapes import (
    MEDIUM,
    SMALL,
    TINY,
    Blueprint,
    Mesh,
    Vector,
    ellipsoid,
    lathe,
    rod,
)

Rng = np.random.Generator

_SPECKLED = ("speckle", "speckle", "plain")


def _lumpy(rng: Rng, mesh: Mesh, amount: float, waves: tuple[float, float] = (2, 5)) -> Mesh:
    """Return a mesh with smooth random bumps of a relative height."""
    direction = normal(rng, (3, 2))
    direction *= rng.uniform(*waves, 2) / length(direction.T)
    bumps = sine(product(mesh.vertices, direction) + rng.uniform(0, 6, 2))
    return Mesh(mesh.vertices * (1 + amount * (bumps[:, :1] + bumps[:, 1:])), mesh.faces, mesh.uv)


def _fruit(rng: Rng, size: Vector, hues: Sequence[Colour], dent: float, taper: float) -> Blueprint:
    angles = np.linspace(-np.pi / 2, np.pi / 2, 10)
    radii, heights = cosine(angles), sine(angles)
    heights = heights - dent * exponential(-((radii / 0.4) ** 2)) * np.sign(heights)
    radii = radii * (1 + taper * sine(angles))
    radii[[0, -1]] = 0
    body = _lumpy(rng, lathe(np.column_stack([radii, heights]), MEDIUM), float(rng.uniform(0.015, 0.04)))
    stem = rod((0, 0, 0.75), (float(rng.uniform(-0.15, 0.15)), 0.05, 1.12), 0.05, TINY)
    pattern = str(rng.choice([*_SPECKLED, "leaves"]))
    skin = pick(rng, hues)
    second = pick(rng, hues)
    material = paint(rng, skin, pattern, 0.12, 0.35)
    if pattern == "leaves":
        material = type(material)(pattern, (skin, second), 0.25, 0.35, material.seed)
    x, y, z = size
    return fitted(
        size,
        [((body,), material), ((stem,), paint(rng, (0.28, 0.24, 0.1)))],
        [can(min(x, y) * 0.3, z * 0.3), ball((0.98 * x, 0.98 * y, 0.94 * z))],
    )


def apple(rng: Rng, size: Vector) -> Blueprint:
    """A red, green or yellow apple, dented at both ends."""
    hues = [(0.74, 0.13, 0.12), (0.5, 0.62, 0.18), (0.82, 0.66, 0.2), (0.6, 0.1, 0.16), (0.8, 0.38, 0.16)]
    return _fruit(rng, size, hues, float(rng.uniform(0.2, 0.4)), float(rng.uniform(0.05, 0.2)))


def tomato(rng: Rng, size: Vector) -> Blueprint:
    """A tomato: red, orange, yellow or dark."""
    hues = [(0.76, 0.15, 0.1), (0.66, 0.11, 0.1), (0.84, 0.35, 0.1), (0.86, 0.6, 0.16), (0.42, 0.16, 0.14)]
    return _fruit(rng, size, hues, float(rng.uniform(0.1, 0.3)), float(rng.uniform(-0.1, 0.05)))


def _lump(rng: Rng, size: Vector, mesh: Mesh, colour: Colour, pattern: str, repeat: float) -> Blueprint:
    x, y, z = size
    return fitted(
        size,
        [((mesh,), paint(rng, colour, pattern, repeat, 0.15))],
        [block((0.5 * x, 0.5 * y, 0.3 * z)), ball((x, y, z))],
    )


def potato(rng: Rng, size: Vector) -> Blueprint:
    """A brown, red or yellow lump."""
    colour = pick(rng, [(0.6, 0.44, 0.25), (0.72, 0.58, 0.34), (0.5, 0.26, 0.22), (0.42, 0.3, 0.18)])
    mesh = _lumpy(rng, ellipsoid((1, 1, 1), segments=MEDIUM), float(rng.uniform(0.05, 0.1)))
    return _lump(rng, size, mesh, colour, str(rng.choice(_SPECKLED)), float(rng.uniform(0.06, 0.15)))


def egg(rng: Rng, size: Vector) -> Blueprint:
    """An egg: white, brown, blue or speckled, one end more pointed."""
    colour = pick(rng, [(0.93, 0.88, 0.78), (0.72, 0.5, 0.34), (0.68, 0.78, 0.76), (0.85, 0.68, 0.52)])
    mesh = ellipsoid((1, 1, 1), segments=MEDIUM)
    point = 1 - float(rng.uniform(0.05, 0.4)) * mesh.vertices[:, :1]
    shape = Mesh(mesh.vertices * np.hstack([np.ones_like(point), point, point]), mesh.faces, mesh.uv)
    shape = _lumpy(rng, shape, float(rng.uniform(0.0, 0.012)))
    return _lump(rng, size, shape, colour, str(rng.choice(_SPECKLED)), 0.08)


def lettuce(rng: Rng, size: Vector) -> Blueprint:
    """A head of lettuce or cabbage: crumpled leaves around a heart."""
    colour = pick(rng, [(0.42, 0.62, 0.22), (0.3, 0.5, 0.2), (0.58, 0.7, 0.36), (0.42, 0.2, 0.36)])
    heart = _lumpy(rng, ellipsoid((0.85, 0.85, 0.85), segments=MEDIUM), 0.06, (4, 8))
    leaves = []
    for index in range(int(rng.integers(5, 9))):
        leaf = _lumpy(rng, ellipsoid((0.6, 0.14, 0.7), segments=SMALL), 0.12, (5, 9))
        tilt = float(rng.uniform(-0.5, -0.1))
        leaves.append(leaf.moved((0, -0.78, 0), pitch=tilt).moved(yaw=index * 2.4))
    x, y, z = size
    visuals = [
        ((heart,), paint(rng, colour, "leaves", 0.1, 0.1)),
        (leaves, paint(rng, pick(rng, [colour]), "leaves", 0.2, 0.1)),
    ]
    return fitted(size, visuals, [block((0.45 * x, 0.45 * y, 0.3 * z)), ball(size)])


def bread(rng: Rng, size: Vector) -> Blueprint:
    """A loaf: round, oblong or baked in a tin, with slashes across the crust."""
    colour = pick(rng, [(0.7, 0.45, 0.2), (0.52, 0.31, 0.15), (0.8, 0.6, 0.34), (0.38, 0.22, 0.13)])
    power = float(rng.choice([0.35, 0.6, 1.0])) * float(rng.uniform(0.85, 1.1))
    mesh = _lumpy(rng, rounded((2, 2, 2), softness=power, segments=MEDIUM), 0.025)
    high = np.where(mesh.vertices[:, 2:] < 0, 0.7, 1.0)
    loaf = Mesh(
        mesh.vertices * np.hstack([np.ones_like(high), np.ones_like(high), high]), mesh.faces, mesh.uv
    )
    slashes = [
        rounded((0.16, 1.0, 0.14), (at, 0, 0.9 + 0.04 * power - 0.35 * at * at * power), 0.8, TINY)
        for at in np.linspace(-0.55, 0.55, int(rng.integers(2, 5)))
    ]
    x, y, z = size
    crust = paint(rng, colour, "speckle", float(rng.uniform(0.08, 0.3)), 0.1)
    flour = paint(rng, pick(rng, [(0.88, 0.76, 0.55), (0.93, 0.87, 0.74)]), "speckle", 0.1, 0.05)
    return fitted(
        size, [((loaf,), crust), (slashes, flour)], [block((0.7 * x, 0.7 * y, 0.8 * z)), ball(size)]
    )
