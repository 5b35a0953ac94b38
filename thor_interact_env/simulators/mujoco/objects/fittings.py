"""Colours, materials and fittings that the small objects share."""

from collections.abc import Callable, Sequence

import numpy as np

from thor_interact_env.simulators.mujoco.materials import Colour, Material
from thor_interact_env.simulators.mujoco.objects.parts import shade
from thor_interact_env.simulators.mujoco.shapes import Blueprint, Collider, Mesh, Vector, Visual, merge

WOODS: tuple[tuple[Colour, Colour], ...] = (
    ((0.62, 0.44, 0.27), (0.44, 0.29, 0.16)),
    ((0.42, 0.27, 0.16), (0.27, 0.17, 0.1)),
    ((0.78, 0.64, 0.45), (0.65, 0.5, 0.33)),
    ((0.3, 0.24, 0.21), (0.2, 0.16, 0.14)),
)
METALS: tuple[Colour, ...] = ((0.72, 0.73, 0.75), (0.5, 0.51, 0.54), (0.3, 0.3, 0.32), (0.72, 0.6, 0.38))
BRIGHT: tuple[Colour, ...] = (
    (0.72, 0.25, 0.2),
    (0.25, 0.42, 0.66),
    (0.3, 0.55, 0.36),
    (0.85, 0.68, 0.28),
    (0.55, 0.33, 0.55),
    (0.83, 0.5, 0.28),
    (0.9, 0.88, 0.83),
    (0.3, 0.58, 0.6),
    (0.25, 0.25, 0.28),
    (0.82, 0.6, 0.62),
)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def pick(rng: np.random.Generator, colours: Sequence[Colour]) -> Colour:
    """Return one of the colours, slightly varied."""
    chosen = np.asarray(colours[int(rng.integers(len(colours)))])
    red, green, blue = np.clip(chosen * rng.uniform(0.85, 1.12) + rng.normal(0, 0.02, 3), 0.03, 0.97)
    return (float(red), float(green), float(blue))


def wood(rng: np.random.Generator) -> Material:
    """Return a random wood."""
    return Material("wood", WOODS[int(rng.integers(len(WOODS)))], 0.8, 0.15, _seed(rng))


def metal(rng: np.random.Generator) -> Material:
    """Return a random brushed metal."""
    colour = pick(rng, METALS)
    return Material("brushed", (colour, shade(colour, 1.25)), 0.3, 0.7, _seed(rng))


def paint(
    rng: np.random.Generator,
    colour: Colour | None = None,
    pattern: str = "plain",
    repeat: float = 0.3,
    gloss: float = 0.25,
) -> Material:
    """Return a material of a given or random colour; patterned ones get a second random colour."""
    base = colour if colour is not None else pick(rng, BRIGHT)
    one_colour = pattern in ("plain", "fabric", "speckle", "leaves")
    second = shade(base, 0.75) if one_colour else pick(rng, BRIGHT)
    return Material(pattern, (base, second), repeat, gloss, _seed(rng))


def cloth(rng: np.random.Generator, repeat: float = 0.4) -> Material:
    """Return a random textile."""
    pattern = str(rng.choice(["fabric", "fabric", "stripes", "checks", "dots"]))
    return paint(rng, None, pattern, repeat, 0.02)


def one_of(rng: np.random.Generator, *makers: Callable[[np.random.Generator], Material]) -> Material:
    """Return a material made by one of the given makers."""
    return makers[int(rng.integers(len(makers)))](rng)


def fitted(
    size: Vector, visuals: Sequence[tuple[Sequence[Mesh], Material]], colliders: Sequence[Collider]
) -> Blueprint:
    """Return a blueprint whose meshes are stretched to fill exactly `size`, standing on z = 0.

    Colliders are given in the final frame, already in metres.
    """
    merged = [(merge(*meshes), material) for meshes, material in visuals]
    points = np.concatenate([mesh.vertices for mesh, _ in merged])
    low, high = points.min(axis=0), points.max(axis=0)
    x, y, z = (float(value) for value in np.asarray(size) / np.maximum(high - low, 1e-9))
    shift = (-float(low[0] + high[0]) / 2, -float(low[1] + high[1]) / 2, -float(low[2]))
    placed = tuple(Visual(mesh.moved(shift).scaled((x, y, z)), material) for mesh, material in merged)
    return Blueprint(placed, tuple(colliders))


def block(size: Vector, center: Vector | None = None) -> Collider:
    """Return a box collider of full extents `size`, standing on z = 0 unless `center` is given."""
    x, y, z = size
    return Collider("box", (x / 2, y / 2, z / 2), center if center is not None else (0, 0, z / 2))


def can(radius: float, height: float, base: float = 0.0) -> Collider:
    """Return an upright cylinder collider that stands at height `base`."""
    return Collider("cylinder", (radius, height / 2, 0), (0, 0, base + height / 2))
