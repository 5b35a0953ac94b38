"""A workbench: collects or stretches the meshes, colliders and surfaces of one object."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.mujoco.exact import power
from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.palette import (
    fabric,
    metal,
    shade,
    tint,
    trim,
    wood,
    wood_or_paint,
)
from thor_interact_env.simulators.mujoco.shapes import (
    MEDIUM,
    Blueprint,
    Collider,
    Mesh,
    Surface,
    Vector,
    Visual,
    box,
    cylinder,
    ellipsoid,
    lathe,
    merge,
)

# The colours are re-exported: builders of objects need both.
__all__ = [
    "Parts",
    "ball",
    "block",
    "can",
    "disc",
    "drawers",
    "fabric",
    "fitted",
    "hollow",
    "legs",
    "metal",
    "rounded",
    "shade",
    "softened",
    "thin",
    "tint",
    "trim",
    "wood",
    "wood_or_paint",
]


class Parts:
    """Collects the parts of one object, one mesh per material."""

    def __init__(self) -> None:
        """Start without parts."""
        self.meshes: dict[Material, list[Mesh]] = {}
        self.colliders: list[Collider] = []
        self.surfaces: list[Surface] = []

    def add(self, material: Material, *meshes: Mesh) -> None:
        """Add visible meshes without colliders."""
        self.meshes.setdefault(material, []).extend(meshes)

    def solid(self, size: Vector, center: Vector) -> None:
        """Add an invisible box that collides."""
        self.colliders.append(Collider("box", (size[0] / 2, size[1] / 2, size[2] / 2), center))

    def box(self, material: Material, size: Vector, center: Vector, solid: bool = True) -> None:
        """Add a visible box that collides by default."""
        self.add(material, box(size, center))
        if solid:
            self.solid(size, center)

    def cylinder(
        self, material: Material, radius: float, height: float, base: Vector, solid: bool = True
    ) -> None:
        """Add a visible upright cylinder that collides by default."""
        self.add(material, cylinder(radius, height, base))
        if solid:
            middle = (base[0], base[1], base[2] + height / 2)
            self.colliders.append(Collider("cylinder", (radius, height / 2, 0), middle))

    def surface(
        self, center: Vector, size: tuple[float, float], clearance: float = 2.0, margin: float = 0.01
    ) -> None:
        """Add a place for other objects: full extents less a margin on each side."""
        half = (size[0] / 2 - margin, size[1] / 2 - margin)
        if min(half) > 0.02:
            self.surfaces.append(Surface(center, half, clearance))

    def finish(self, size: Vector) -> Blueprint:
        """Return the blueprint, everything stretched so that the visible meshes fill `size` exactly."""
        merged = [(merge(*meshes), material) for material, meshes in self.meshes.items()]
        points = np.concatenate([mesh.vertices for mesh, _ in merged])
        low, high = points.min(axis=0), points.max(axis=0)
        factors = np.asarray(size) / (high - low)
        shift = np.array([-size[0] / 2, -size[1] / 2, 0.0]) - low * factors

        def moved(point: Vector) -> Vector:
            x, y, z = (float(value) for value in np.asarray(point) * factors + shift)
            return x, y, z

        colliders = []
        for collider in self.colliders:
            scale = factors.copy()
            if collider.kind in ("cylinder", "capsule"):
                scale = np.array([min(factors[0], factors[1]), factors[2], 1.0])
            a, b, c = (float(value) for value in np.asarray(collider.size) * scale)
            if collider.kind == "capsule":  # The caps come on top of its half length.
                whole = float((collider.size[0] + collider.size[1]) * factors[2])
                a = min(a, 0.8 * whole)
                b = whole - a
            colliders.append(replace(collider, size=(a, b, c), position=moved(collider.position)))
        surfaces = tuple(
            Surface(
                moved(place.center),
                (float(place.half_size[0] * factors[0]), float(place.half_size[1] * factors[1])),
                float(place.clearance * factors[2]) if place.clearance < 2 else place.clearance,
            )
            for place in self.surfaces
        )
        visuals = tuple(
            Visual(Mesh(mesh.vertices * factors + shift, mesh.faces, mesh.uv), material)
            for mesh, material in merged
        )
        return Blueprint(visuals, tuple(colliders), surfaces)


def legs(
    parts: Parts,
    material: Material,
    size: Vector,
    thick: float,
    inset: float,
    round_: bool,
    solid: bool = True,
) -> None:
    """Add four legs in the corners of `size`, from the ground to size[2]; `solid` ones collide."""
    x, y, z = size
    for sign_x in (-1, 1):
        for sign_y in (-1, 1):
            at = (sign_x * (x / 2 - inset - thick / 2), sign_y * (y / 2 - inset - thick / 2))
            if round_:
                parts.cylinder(material, thick / 2, z, (*at, 0), solid=False)
            else:
                parts.box(material, (thick, thick, z), (*at, z / 2), False)
            if solid:
                # A round end touches the floor in one point: a box touches it in four, each of them work.
                radius = min(thick, 0.8 * z) / 2
                parts.colliders.append(Collider("capsule", (radius, z / 2 - radius, 0), (*at, z / 2)))


def drawers(
    parts: Parts,
    front: Material,
    knob: Material,
    size: tuple[float, float],
    base: Vector,
    columns: int,
    rows: int,
) -> None:
    """Add drawer fronts (12 mm) and knobs (10 mm) in front of y = base[1]; (width, height) in all."""
    wide, high = size[0] / columns, (size[1] - 0.04) / rows
    for column in range(columns):
        for row in range(rows):
            x = base[0] - size[0] / 2 + (column + 0.5) * wide
            z = base[2] + 0.02 + (row + 0.5) * high
            parts.box(front, (wide - 0.02, 0.012, high - 0.015), (x, base[1] - 0.006, z), False)
            parts.box(knob, (min(0.12, wide / 3), 0.01, 0.015), (x, base[1] - 0.017, z + high * 0.15), False)


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


def can(radius: float, height: float, base: float = 0.0, at: tuple[float, float] = (0, 0)) -> Collider:
    """Return an upright cylinder collider that stands at height `base` over the point `at`."""
    return Collider("cylinder", (radius, height / 2, 0), (*at, base + height / 2))


def disc(parts: Parts, size: Vector, base: float) -> None:
    """Make an elliptical disc of full extents `size` collide: two crossing boxes at height `base`."""
    x, y, z = size
    parts.solid((0.96 * x, 0.62 * y, z), (0, 0, base + z / 2))
    parts.solid((0.62 * x, 0.96 * y, z), (0, 0, base + z / 2))


def ball(size: Vector) -> Collider:
    """Return an ellipsoid collider of full extents `size`, standing on z = 0."""
    x, y, z = size
    return Collider("ellipsoid", (x / 2, y / 2, z / 2), (0, 0, z / 2))


def thin(size: Vector) -> Vector:
    """Return the extents of a collider that is thick enough to simulate."""
    return max(size[0], 0.012), max(size[1], 0.012), max(size[2], 0.006)


def softened(
    values: npt.NDArray[np.float64], exponent: float | npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the magnitudes to a positive exponent, with their signs: below 1 makes round shapes squarer."""
    return np.sign(values) * power(np.abs(values), exponent)


def rounded(size: Vector, center: Vector = (0, 0, 0), softness: float = 0.5, segments: int = MEDIUM) -> Mesh:
    """Return a soft block of full extents `size`: softness 1 is an ellipsoid, near 0 a box."""
    mesh = ellipsoid((1, 1, 1), segments=segments)
    soft = softened(mesh.vertices, softness)
    half: npt.NDArray[np.float64] = np.asarray(size, np.float64) / (2 * np.abs(soft).max(axis=0))
    x, y = soft[:, 0] * half[0], soft[:, 1] * half[1]
    return Mesh(soft * half + np.asarray(center), mesh.faces, np.column_stack([x, y]))


def hollow(profile: Sequence[tuple[float, float]], wall: float, segments: int = MEDIUM) -> Mesh:
    """Return an open vessel from its outer (radius, height) profile, bottom to rim, and its wall.

    Few segments give a faceted vessel, four a square one; see `lathe`.
    """
    outside = [(0.0, profile[0][1]), *profile]
    inside = [(max(radius - wall, 0.001), max(height, profile[0][1] + wall)) for radius, height in profile]
    return lathe([*outside, *reversed(inside), (0.0, profile[0][1] + wall)], segments, smooth=segments > 8)
