"""A workbench: collects meshes, colliders and surfaces of one object; common material choices."""

import colorsys
from dataclasses import replace

import numpy as np

from thor_interact_env.simulators.mujoco.materials import Colour, Material
from thor_interact_env.simulators.mujoco.shapes import (
    Blueprint,
    Collider,
    Mesh,
    Surface,
    Vector,
    Visual,
    box,
    cylinder,
    merge,
)


class Parts:
    """Collects the parts of one object, one mesh per material."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.meshes: dict[Material, list[Mesh]] = {}
        self.colliders: list[Collider] = []
        self.surfaces: list[Surface] = []

    def add(self, material: Material, *meshes: Mesh) -> None:
        """Add meshes that are seen but not felt."""
        self.meshes.setdefault(material, []).extend(meshes)

    def solid(self, size: Vector, center: Vector) -> None:
        """Add a box that is felt but not seen."""
        self.colliders.append(Collider("box", (size[0] / 2, size[1] / 2, size[2] / 2), center))

    def box(self, material: Material, size: Vector, center: Vector, solid: bool = True) -> None:
        """Add a box that is seen and, unless told otherwise, felt."""
        self.add(material, box(size, center))
        if solid:
            self.solid(size, center)

    def cylinder(
        self, material: Material, radius: float, height: float, base: Vector, solid: bool = True
    ) -> None:
        """Add an upright cylinder that is seen and, unless told otherwise, felt."""
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
        """Return the blueprint, everything stretched so that what is seen fills `size` exactly."""
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


def tint(
    rng: np.random.Generator,
    saturation: tuple[float, float] = (0.1, 0.5),
    value: tuple[float, float] = (0.3, 0.85),
) -> Colour:
    """Return a random colour of limited saturation."""
    return colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value))


def shade(colour: Colour, factor: float) -> Colour:
    """Return a darker (factor < 1) or lighter colour."""
    red, green, blue = (min(1.0, channel * factor) for channel in colour)
    return red, green, blue


def wood(rng: np.random.Generator) -> Material:
    """Return a random kind of wood, from birch to dark walnut."""
    base = colorsys.hsv_to_rgb(rng.uniform(0.05, 0.1), rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.82))
    return Material("wood", (base, shade(base, 0.72)), 0.6, 0.15, int(rng.integers(1 << 30)))


def paint(rng: np.random.Generator, value: tuple[float, float] = (0.5, 0.92)) -> Material:
    """Return a lacquered, mostly pale surface."""
    base = tint(rng, (0.02, 0.3), value)
    return Material("plain", (base, shade(base, 0.88)), 0.8, 0.25, int(rng.integers(1 << 30)))


def wood_or_paint(rng: np.random.Generator) -> Material:
    """Return wood more often than paint."""
    return wood(rng) if rng.random() < 0.7 else paint(rng)


def metal(rng: np.random.Generator) -> Material:
    """Return brushed metal: steel, dark iron or brass."""
    base = ((0.72, 0.73, 0.75), (0.2, 0.2, 0.22), (0.66, 0.55, 0.33))[int(rng.choice(3, p=(0.5, 0.35, 0.15)))]
    return Material("brushed", (base, shade(base, 0.7)), 0.3, 0.6, int(rng.integers(1 << 30)))


def fabric(rng: np.random.Generator) -> Material:
    """Return upholstery: woven, sometimes striped or checked."""
    pattern = str(rng.choice(["fabric", "stripes", "checks", "dots"], p=(0.7, 0.12, 0.1, 0.08)))
    base = tint(rng, (0.08, 0.55), (0.25, 0.85))
    second = shade(base, 0.6 if base[0] + base[1] + base[2] > 1.2 else 1.6)
    return Material(pattern, (base, second), float(rng.uniform(0.15, 0.35)), 0.02, int(rng.integers(1 << 30)))


def trim(rng: np.random.Generator) -> Material:
    """Return the near-white paint of frames and skirting."""
    base = tint(rng, (0.0, 0.06), (0.82, 0.95))
    return Material("plain", (base, shade(base, 0.95)), 0.8, 0.2, int(rng.integers(1 << 30)))


def legs(parts: Parts, material: Material, size: Vector, thick: float, inset: float, round_: bool) -> None:
    """Add four legs in the corners of `size`, from the ground to size[2]."""
    x, y, z = size
    for sign_x in (-1, 1):
        for sign_y in (-1, 1):
            at = (sign_x * (x / 2 - inset - thick / 2), sign_y * (y / 2 - inset - thick / 2))
            if round_:
                parts.cylinder(material, thick / 2, z, (*at, 0), solid=False)
                parts.solid((thick, thick, z), (*at, z / 2))
            else:
                parts.box(material, (thick, thick, z), (*at, z / 2))


def drawers(
    parts: Parts,
    front: Material,
    knob: Material,
    size: tuple[float, float],
    base: Vector,
    columns: int,
    rows: int,
) -> None:
    """Add drawer fronts (12 mm) and knobs (10 mm) before the plane y = base[1]; (width, height) in all."""
    wide, high = size[0] / columns, (size[1] - 0.04) / rows
    for column in range(columns):
        for row in range(rows):
            x = base[0] - size[0] / 2 + (column + 0.5) * wide
            z = base[2] + 0.02 + (row + 0.5) * high
            parts.box(front, (wide - 0.02, 0.012, high - 0.015), (x, base[1] - 0.006, z), False)
            parts.box(knob, (min(0.12, wide / 3), 0.01, 0.015), (x, base[1] - 0.017, z + high * 0.15), False)
