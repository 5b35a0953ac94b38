"""Cushions, cloths and towels."""

import numpy as np

from thor_interact_env.simulators.mujoco.exact import normal, product, sine
from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.parts import block, fitted, rounded, softened, thin
from thor_interact_env.simulators.mujoco.palette import fabric, paint
from thor_interact_env.simulators.mujoco.shapes import (
    MEDIUM,
    SMALL,
    Blueprint,
    Mesh,
    Vector,
    box,
    cylinder,
    ellipsoid,
    merge,
)

Rng = np.random.Generator


def pillow(rng: Rng, size: Vector) -> Blueprint:
    """A cushion with pointed or soft corners, some with a border or a button."""
    x, y, z = size
    power = float(rng.uniform(0.3, 0.65))
    mesh = ellipsoid((1, 1, 1), segments=MEDIUM)
    soft = softened(mesh.vertices, np.array([power, power, rng.uniform(0.8, 1.2)]))
    cushion = Mesh(soft, mesh.faces, soft[:, :2] * [x / 2, y / 2])
    visuals = [((cushion,), fabric(rng, float(rng.uniform(0.12, 0.4))))]
    extra = rng.random()
    if extra < 0.3:
        wide = float(rng.uniform(1.97, 2.02))
        visuals.append(
            ((rounded((wide, wide, 0.16), softness=power * 0.8, segments=MEDIUM),), paint(rng, gloss=0.02))
        )
    elif extra < 0.5:
        visuals.append(
            (
                (rounded((0.35, 2.01, 2.01), (float(rng.uniform(-0.4, 0.4)), 0, 0), 0.6, MEDIUM),),
                fabric(rng, 0.15),
            )
        )
    return fitted(
        size, visuals, [block((x * 0.93, y * 0.93, z * 0.45), (0, 0, z * 0.5)), block((x * 0.7, y * 0.7, z))]
    )


def _folded(rng: Rng, size: Vector, layers: int, material: Material, edge: Material) -> Blueprint:
    """Stack folded layers with rounded folds on one side and a band at the other."""
    high = 1.0 / layers
    parts = []
    for index in range(layers):
        length = 1 - float(rng.uniform(0.0, 0.05))
        turn = float(rng.uniform(-0.015, 0.015))
        layer = rounded((length, float(rng.uniform(0.95, 1.0)), high * 1.15), softness=0.25, segments=MEDIUM)
        parts.append(layer.moved((float(rng.uniform(-0.01, 0.01)), 0, (index + 0.5) * high), yaw=turn))
    at = float(rng.uniform(0.3, 0.44))
    band = box((float(rng.uniform(0.02, 0.08)), 0.97, high * 0.5), (at, 0, 1 - high * 0.15))
    return fitted(size, [(parts, material), ((band,), edge)], [block(thin(size))])


def _rolled(rng: Rng, size: Vector, material: Material, edge: Material) -> Blueprint:
    """Place a few parallel rolls side by side to fill the flat box."""
    x, y, z = size
    count = max(2, round(y / z))
    rolls, ends = [], []
    for index in range(count):
        middle = -y / 2 + (index + 0.5) * y / count
        length = x * float(rng.uniform(0.94, 1.0))
        roll = cylinder(0.5, length, (0, 0, -length / 2), SMALL).moved(roll=np.pi / 2)
        rolls.append(roll.scaled((1, y / count, z)).moved((0, middle, z / 2)))
        stripe = cylinder(0.505, 0.06 * x, (0, 0, 0.3 * x), SMALL).moved(roll=np.pi / 2)
        ends.append(stripe.scaled((1, y / count, z)).moved((0, middle, z / 2)))
    return fitted(size, [(rolls, material), ((merge(*ends),), edge)], [block(thin(size))])


def folded_cloth(rng: Rng, size: Vector) -> Blueprint:
    """A cloth: folded once or twice, or crumpled."""
    material = fabric(rng, float(rng.uniform(0.06, 0.2)))
    if rng.random() < 0.7:
        return _folded(rng, size, int(rng.integers(2, 4)), material, paint(rng, gloss=0.02))
    x, y, z = size
    mesh = ellipsoid((1, 1, 1), segments=MEDIUM)
    waves = sine(product(mesh.vertices, normal(rng, (3, 3))) * 4)
    heap = mesh.vertices * (1 + 0.12 * product(waves, np.ones(3))[:, None])
    cloth = Mesh(heap, mesh.faces, heap[:, :2] * [x / 2, y / 2])
    return fitted(size, [((cloth,), material)], [block(thin((0.93 * x, 0.93 * y, z)))])


def hand_towel(rng: Rng, size: Vector) -> Blueprint:
    """A small towel, folded lengthwise."""
    return _folded(
        rng, size, int(rng.integers(2, 5)), fabric(rng, float(rng.uniform(0.08, 0.25))), paint(rng)
    )


def towel(rng: Rng, size: Vector) -> Blueprint:
    """A bath towel: folded, or rolled up in parallel rolls."""
    material, edge = fabric(rng, float(rng.uniform(0.1, 0.4))), paint(rng, gloss=0.02)
    if rng.random() < 0.25:
        return _rolled(rng, size, material, edge)
    return _folded(rng, size, int(rng.integers(2, 4)), material, edge)
