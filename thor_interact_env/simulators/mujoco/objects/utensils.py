"""Long thin objects along x: cutlery, kitchen tools, pens."""

import numpy as np

from thor_interact_env.simulators.mujoco.exact import arctangent, length
from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.parts import block, fitted, hollow, rounded, thin
from thor_interact_env.simulators.mujoco.palette import DARK, metal, one_of, paint, pick, wood
from thor_interact_env.simulators.mujoco.shapes import (
    MEDIUM,
    SMALL,
    TINY,
    Blueprint,
    Collider,
    Mesh,
    Vector,
    box,
    cylinder,
    ellipsoid,
    extrude,
    lathe,
    merge,
    rod,
)

Rng = np.random.Generator


def _grip(rng: Rng) -> Material:
    return one_of(rng, metal, wood, paint, lambda _: DARK)


def _handle(rng: Rng, length: float, width: float, height: float) -> tuple[Mesh, float]:
    """Return a handle from x = -0.5 of a given length, in units of the tool, and where it ends."""
    middle = length / 2 - 0.5
    style = int(rng.integers(3))
    if style == 0:
        return box((length, width, height), (middle, 0, height / 2)), length - 0.5
    if style == 1:
        return rounded((length, width, height), (middle, 0, height / 2), 0.5, SMALL), length - 0.5
    wide = width * float(rng.uniform(1.15, 1.5))
    outline = [(-0.5, -wide / 2), (length - 0.5, -width / 3), (length - 0.5, width / 3), (-0.5, wide / 2)]
    return extrude(outline, height), length - 0.5


def _tool(
    rng: Rng, size: Vector, handle: Mesh, head: Mesh, head_fraction: float, head_material: Material
) -> Blueprint:
    """Put a handle and a head together; both collide as boxes of their own widths."""
    x, y, z = size
    grip = _grip(rng)
    width = float(
        np.ptp(handle.vertices[:, 1]) / max(np.ptp(head.vertices[:, 1]), np.ptp(handle.vertices[:, 1]))
    )
    colliders = [
        block(thin((x * (1 - head_fraction), y * width, z)), (-x * head_fraction / 2, 0, max(z, 0.006) / 2)),
        block(thin((x * head_fraction, y, z)), (x * (1 - head_fraction) / 2, 0, max(z, 0.006) / 2)),
    ]
    return fitted(size, [((handle,), grip), ((head,), head_material)], colliders)


def knife(rng: Rng, size: Vector) -> Blueprint:
    """A kitchen knife: a broad, pointed or square blade."""
    handle, end = _handle(rng, float(rng.uniform(0.36, 0.46)), float(rng.uniform(0.4, 0.6)), 1.0)
    belly, tip = float(rng.uniform(0.2, 0.42)), float(rng.uniform(-0.1, 0.5))
    outline = [(end, -0.5), (belly, -0.5), (0.5, tip), (0.5 - 0.05, 0.5), (end, 0.5)]
    blade = extrude(outline, 0.3).moved((0, 0, 0.35))
    steel = paint(
        rng, pick(rng, [(0.74, 0.75, 0.77), (0.2, 0.2, 0.22), (0.6, 0.62, 0.66)]), "brushed", 0.3, 0.8
    )
    return _tool(rng, size, handle.moved((0, 0.2, 0)), blade, 0.5 - end, steel)


def butter_knife(rng: Rng, size: Vector) -> Blueprint:
    """A table knife: a narrow blade with a round tip."""
    handle, end = _handle(rng, float(rng.uniform(0.4, 0.55)), float(rng.uniform(0.5, 0.9)), 1.0)
    edge = float(rng.uniform(0.3, 0.42))
    outline = [(end, -0.3), (edge, -0.5), (0.47, -0.3), (0.5, 0.1), (0.46, 0.4), (end, 0.35)]
    blade = extrude(outline, 0.4).moved((0, 0, 0.2))
    return _tool(rng, size, handle, blade, 0.5 - end, metal(rng))


def fork(rng: Rng, size: Vector) -> Blueprint:
    """A fork with three or four tines."""
    handle, end = _handle(rng, float(rng.uniform(0.58, 0.7)), float(rng.uniform(0.25, 0.45)), 0.6)
    count, root = int(rng.integers(3, 5)), end + float(rng.uniform(0.08, 0.14))
    tines = [
        box((0.5 - root, 0.5 / count, 0.35), ((0.5 + root) / 2, at, 0.75))
        for at in np.linspace(-0.5 + 0.25 / count, 0.5 - 0.25 / count, count)
    ]
    neck = rounded((root - end + 0.05, 1, 0.4), ((root + end) / 2, 0, 0.6), 0.6, SMALL)
    return _tool(rng, size, handle, merge(neck, *tines), 0.5 - end, metal(rng))


def spoon(rng: Rng, size: Vector) -> Blueprint:
    """A spoon with an oval bowl."""
    length = float(rng.uniform(0.32, 0.45))
    handle, end = _handle(rng, 1.03 - length, float(rng.uniform(0.2, 0.4)), 0.55)
    head = ellipsoid((length / 2, 0.5, 0.5), ((end + 0.5) / 2, 0, 0.5), SMALL)
    return _tool(rng, size, handle, head, length, metal(rng))


def ladle(rng: Rng, size: Vector) -> Blueprint:
    """A ladle: a deep bowl on a long handle."""
    x, y, z = size
    radius = y / 2
    depth = z * float(rng.uniform(0.7, 1.0))
    head = hollow([(radius * 0.4, 0), (radius * 0.9, depth * 0.45), (radius, depth)], 0.003, MEDIUM)
    wide = float(rng.uniform(0.012, 0.022))
    # It lies on its bowl and on the end of its handle.
    start, end = np.array([radius - x, 0, wide / 2 + 0.002]), np.array([-0.95 * radius, 0, depth - 0.006])
    handle = rod(tuple(start), tuple(end), wide / 2, TINY)
    along = end - start
    middle = (start + end) / 2 + np.array([x / 2 - radius, 0, 0])
    half = (length(along) / 2, wide / 2, 0.006)
    lean = (0.0, -arctangent(float(along[2]), float(along[0])), 0.0)
    colliders = [
        block((0.9 * y, 0.95 * y, depth), (x / 2 - radius, 0, depth / 2)),
        Collider("box", half, (float(middle[0]), 0.0, float(middle[2])), lean),
    ]
    made = one_of(rng, metal, paint, wood)
    grip = _grip(rng) if rng.random() < 0.6 else made
    return fitted(size, [((head,), made), ((handle,), grip)], colliders)


def spatula(rng: Rng, size: Vector) -> Blueprint:
    """A spatula: slotted or solid, straight or fan-shaped."""
    handle, end = _handle(rng, float(rng.uniform(0.52, 0.68)), float(rng.uniform(0.14, 0.24)), 1.0)
    wide = float(rng.uniform(0.3, 0.5))
    if rng.random() < 0.5:
        head = extrude([(end - 0.03, -wide * 0.5), (0.5, -0.5), (0.5, 0.5), (end - 0.03, wide * 0.5)], 0.35)
    else:
        count = int(rng.integers(3, 6))
        middle, length = (end + 0.52) / 2, 0.48 - end
        bars = [
            box((length, 0.55 / count, 0.3), (middle, at, 0.2))
            for at in np.linspace(-0.5 + 0.3 / count, 0.5 - 0.3 / count, count)
        ]
        ends = [box((0.05, 1, 0.3), (at, 0, 0.2)) for at in (end, 0.475)]
        head = merge(*bars, *ends)
    return _tool(rng, size, handle, head, 0.5 - end, one_of(rng, metal, paint, lambda _: DARK))


def _written(
    rng: Rng, size: Vector, facets: int, material: Material, tip: Material, point: float
) -> Blueprint:
    body = lathe([(0, 0), (0.9, 0), (1, 0.1), (1, 8), (0, 8)], facets, smooth=facets > 6)
    cone = lathe([(0.95, 8), (0.15, 8 + point), (0, 8 + point)], facets)
    cap = cylinder(float(rng.uniform(1.02, 1.2)), float(rng.uniform(0.5, 3.0)), (0, 0, -0.3), facets)
    visuals = [
        ((body.moved(roll=np.pi / 2),), material),
        ((cone.moved(roll=np.pi / 2),), tip),
        ((cap.moved(roll=np.pi / 2),), paint(rng)),
    ]
    return fitted(size, visuals, [block(thin(size))])


def pen(rng: Rng, size: Vector) -> Blueprint:
    """A ballpoint pen."""
    return _written(
        rng, size, 10, paint(rng), one_of(rng, metal, lambda _: DARK), float(rng.uniform(0.5, 1.2))
    )


def pencil(rng: Rng, size: Vector) -> Blueprint:
    """A six-sided pencil with a sharpened end and a rubber."""
    sharpened = paint(rng, (0.8, 0.64, 0.42))
    return _written(rng, size, 6, paint(rng), sharpened, float(rng.uniform(0.8, 1.6)))
