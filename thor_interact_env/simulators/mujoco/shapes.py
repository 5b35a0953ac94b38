"""Meshes and blueprints: the parts of an object, independent of MuJoCo.

A blueprint's frame has its origin at the middle of the resting face: z = 0 is its support, z
points up, x to the right and the front of the object faces -y. Lengths are metres.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.mujoco.exact import cosine, length, product, sine
from thor_interact_env.simulators.mujoco.materials import ImageMaterial, Material

Vector = tuple[float, float, float]

TINY, SMALL, MEDIUM, LARGE, HUGE = 6, 8, 12, 14, 20
"""Corners of round shapes, by their size in an image: a stem, a knob, a cup, a vase, a table top."""


@dataclass(frozen=True)
class Mesh:
    """A textured triangle mesh.

    Attributes:
        vertices: (n, 3) float64, metres.
        faces: (m, 3) int32, counter-clockwise seen from outside.
        uv: (n, 2) float64, texture coordinates in metres.
    """

    vertices: npt.NDArray[np.float64]
    faces: npt.NDArray[np.int32]
    uv: npt.NDArray[np.float64]

    def moved(self, offset: Vector = (0, 0, 0), yaw: float = 0, pitch: float = 0, roll: float = 0) -> "Mesh":
        """Return the mesh turned (radians, about x by `pitch`, y by `roll`, z by `yaw`), then shifted."""
        turned = self.vertices
        if yaw or pitch or roll:
            turned = product(turned, rotation_matrix(pitch, roll, yaw).T)
        return Mesh(turned + np.asarray(offset), self.faces, self.uv)

    def scaled(self, factors: Vector) -> "Mesh":
        """Return the mesh stretched along x, y and z by positive factors."""
        return Mesh(self.vertices * np.asarray(factors), self.faces, self.uv)


@dataclass(frozen=True)
class Visual:
    """A visible mesh and its material."""

    mesh: Mesh
    material: Material | ImageMaterial


@dataclass(frozen=True)
class Collider:
    """A convex primitive that collides.

    Attributes:
        kind: "box", "cylinder", "sphere", "capsule" or "ellipsoid", and "hull" of a `Hull`; cylinders and
            capsules stand along z.
        size: MuJoCo's half sizes: box and ellipsoid (x, y, z); cylinder and capsule (radius, half length, 0);
            sphere (radius, 0, 0).
        position: Centre in the blueprint's frame.
        rotation: Radians about x, y, z, applied in this order.
    """

    kind: str
    size: Vector
    position: Vector
    rotation: Vector = (0, 0, 0)


@dataclass(frozen=True)
class Hull(Collider):
    """A collider that is the convex hull of points; `size` and `position` are those of the box around it.

    Attributes:
        points: (n, 3) float64 in the blueprint's frame, not all on one plane.
    """

    points: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3)))

    @classmethod
    def of(cls, points: npt.NDArray[np.float64]) -> "Hull":
        """Return the hull of points, (n, 3)."""
        low, high = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        half = tuple((b - a) / 2 for a, b in zip(low, high, strict=True))
        middle = tuple((a + b) / 2 for a, b in zip(low, high, strict=True))
        return cls("hull", half, middle, points=points)


@dataclass(frozen=True)
class Surface:
    """A horizontal rectangle on which other objects may stand.

    Attributes:
        center: Middle of the rectangle in the blueprint's frame; z is the height of the surface.
        half_size: Half extents along x and y.
        clearance: Free height above it; taller objects do not fit.
    """

    center: Vector
    half_size: tuple[float, float]
    clearance: float = 2.0


@dataclass(frozen=True)
class Blueprint:
    """One object, ready to be put into a room.

    Attributes:
        visuals: Visible meshes.
        colliders: Collision shapes.
        surfaces: Surfaces for other objects.
        mass: Kilograms; 0 for a fixture that never moves.
    """

    visuals: tuple[Visual, ...]
    colliders: tuple[Collider, ...]
    surfaces: tuple[Surface, ...] = field(default=())
    mass: float = 0.0

    def bounds(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the lowest and highest corner, (3,) each, of all visible meshes; read-only."""
        return self._bounds

    def center_of_mass(self) -> npt.NDArray[np.float64]:
        """Return the centre of mass, (3,): below the middle, since most objects have their mass there."""
        low, high = self._bounds
        middle: npt.NDArray[np.float64] = (low + high) / 2 - [0, 0, 0.08 * (high - low)[2]]
        return middle

    @cached_property
    def _bounds(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        # Furnishing a room needs them at every attempt to place an object.
        points = np.concatenate([visual.mesh.vertices for visual in self.visuals])
        low, high = points.min(axis=0), points.max(axis=0)
        _freeze(low, high)
        return low, high


def _freeze(*arrays: npt.NDArray[Any]) -> None:
    """Make arrays that are shared read-only."""
    for array in arrays:
        array.flags.writeable = False


def cross(first: Iterable[float], second: Iterable[float]) -> npt.NDArray[np.float64]:
    """Return the cross product of two vectors, (3,): NumPy's takes ten times as long for a single pair."""
    (a, b, c), (x, y, z) = first, second
    return np.array([b * z - c * y, c * x - a * z, a * y - b * x])


def rotation_matrix(pitch: float = 0, roll: float = 0, yaw: float = 0) -> npt.NDArray[np.float64]:
    """Return the (3, 3) matrix that turns about x by `pitch`, then y by `roll`, then z by `yaw`, radians."""
    return product(_about(2, yaw), product(_about(1, roll), _about(0, pitch)))


def _about(axis: int, angle: float) -> npt.NDArray[np.float64]:
    along, across = cosine(float(angle)), sine(float(angle))
    first, second = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = along
    matrix[first, second], matrix[second, first] = -across, across
    return matrix


def merge(*meshes: Mesh) -> Mesh:
    """Return all meshes as one (one draw call, one material)."""
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]).astype(
            np.int32
        ),
        np.concatenate([mesh.uv for mesh in meshes]),
    )


def _box_corners() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    """Return the corners of a cube's faces as signs, (24, 3) of -1 and 1, and its triangles, (12, 3)."""
    corners = []
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        for sign in (-1, 1):
            face = np.zeros((4, 3))
            face[:, axis], face[:, first], face[:, second] = sign, [-1, 1, 1, -1], [-1, -1, 1, 1]
            corners.append(face[::sign])
    triangles = [np.array([[0, 1, 2], [0, 2, 3]]) + 4 * side for side in range(6)]
    return np.concatenate(corners), np.concatenate(triangles).astype(np.int32)


_CORNERS, _TRIANGLES = _box_corners()
_freeze(_CORNERS, _TRIANGLES)


def box(size: Vector, center: Vector = (0, 0, 0)) -> Mesh:
    """Return a box with flat faces and a texture unfolded in metres.

    Args:
        size: Full extents along x, y and z.
        center: Its middle.
    """
    half = np.asarray(size) / 2
    vertices = _CORNERS * half
    uv = np.empty((24, 2))
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        # The longer in-plane side is u, along which wood grain runs.
        along, across = (first, second) if half[first] >= half[second] else (second, first)
        sides = slice(8 * axis, 8 * axis + 8)
        uv[sides, 0], uv[sides, 1] = vertices[sides, along], vertices[sides, across]
    return Mesh(vertices + np.asarray(center), _TRIANGLES, uv)


def lathe(profile: npt.ArrayLike, segments: int = LARGE, smooth: bool = True) -> Mesh:
    """Return the surface that a profile sweeps around the z axis.

    Args:
        profile: (n, 2) radius and height, from the bottom outside, over the top, to the inside bottom
            (the material lies to the left of the walk: start at (0, bottom) for a closed bottom).
        segments: Corners of the circle. Four make a square, its sides along x and y, as wide as the circle.
        smooth: Share normals between profile steps (round shapes); otherwise every step has a sharp edge.
    """
    points = np.asarray(profile, dtype=np.float64)
    angles, circle, _ = _circle(segments)
    walked = np.concatenate([[0], np.cumsum(length(np.diff(points, axis=0)))])
    steps = np.arange(len(points) - 1)
    # Each ring is a point of the profile; a sharp edge has one for either side of it.
    rings = np.arange(len(points)) if smooth else np.column_stack([steps, steps + 1]).ravel()
    vertices = np.empty((len(rings), segments + 1, 3))
    vertices[..., :2] = points[rings, 0, None, None] * circle
    vertices[..., 2] = points[rings, 1, None]
    uv = np.empty((len(rings), segments + 1, 2))
    uv[..., 0] = angles * max(points[:, 0].max(), 1e-3)
    uv[..., 1] = walked[rings, None]
    # Of the two triangles of each patch one is missing where the profile touches the axis.
    kept = points[:, 0] > 1e-9
    return _tube(vertices, uv, steps if smooth else 2 * steps, np.column_stack([kept[:-1], kept[1:]]))


def _tube(
    vertices: npt.NDArray[np.float64],
    uv: npt.NDArray[np.float64],
    lower: npt.NDArray[np.int_],
    kept: npt.NDArray[np.bool_],
) -> Mesh:
    """Return the surface between rings of points.

    Args:
        vertices: (rings, corners + 1, 3): the first point of a ring is also its last.
        uv: (rings, corners + 1, 2) texture coordinates.
        lower: (n,) rings that are joined to the next one.
        kept: (n, 2) whether the triangles with two corners on the lower, and on the upper ring are there.
    """
    corners = vertices.shape[1] - 1
    faces = (lower * (corners + 1))[:, None, None, None] + _circle(corners)[2]
    return Mesh(vertices.reshape(-1, 3), faces[kept].reshape(-1, 3).astype(np.int32), uv.reshape(-1, 2))


def _cap(corners: npt.NDArray[np.float64], uv: npt.NDArray[np.float64], reverse: bool) -> Mesh:
    """Return the flat face inside a convex ring of corners, (n, 3), seen from the other side if reversed."""
    count = len(corners)
    fan = np.column_stack([np.zeros(count - 2), np.arange(1, count - 1), np.arange(2, count)])
    return Mesh(corners, (fan[:, ::-1] if reverse else fan).astype(np.int32), uv)


@lru_cache(maxsize=64)
def _circle(
    segments: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int_]]:
    """Return a circle's angles, its points (segments + 1, 2), and the patches between two such rings.

    The patches are (2, segments, 3): the triangles with two corners on the lower ring, then the others.
    """
    angles = np.linspace(0, 2 * np.pi, segments + 1)
    low = np.arange(segments)
    high = low + segments + 1
    patches = np.stack([np.column_stack([low, low + 1, high + 1]), np.column_stack([low, high + 1, high])])
    circle = np.stack([cosine(angles), sine(angles)], axis=1)
    circle[-1] = circle[0]
    if segments == 4:
        circle = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1], [1, 1]], np.float64)
    _freeze(angles, circle, patches)
    return angles, circle, patches


def cylinder(radius: float, height: float, base: Vector = (0, 0, 0), segments: int = MEDIUM) -> Mesh:
    """Return an upright closed cylinder that stands on `base`; of four segments a box, see `lathe`."""
    profile = [(0, 0), (radius, 0), (radius, height), (0, height)]
    return lathe(profile, segments, smooth=False).moved(base)


def ellipsoid(radii: Vector, center: Vector = (0, 0, 0), segments: int = MEDIUM) -> Mesh:
    """Return an ellipsoid with half axes `radii`."""
    return _unit_sphere(segments).scaled(radii).moved(center)


@lru_cache(maxsize=64)
def _unit_sphere(segments: int) -> Mesh:
    angles = np.linspace(-np.pi / 2, np.pi / 2, max(segments // 2, 4) + 1)
    profile = np.column_stack([cosine(angles), sine(angles)])
    profile[[0, -1], 0] = 0
    sphere = lathe(profile, segments)
    _freeze(sphere.vertices, sphere.faces, sphere.uv)
    return sphere


def rod(start: Vector, end: Vector, radius: float, segments: int = TINY) -> Mesh:
    """Return a round bar from `start` to `end`, closed at both ends."""
    first, last = np.asarray(start, np.float64), np.asarray(end, np.float64)
    long = length(last - first)
    up = (last - first) / long
    side = cross(up, (1.0, 0.0, 0.0) if abs(up[0]) < 0.9 else (0.0, 1.0, 0.0))
    side /= length(side)
    frame = np.column_stack([side, cross(up, side), up])
    mesh = cylinder(radius, long, segments=segments)
    return Mesh(product(mesh.vertices, frame.T) + first, mesh.faces, mesh.uv)


def arc(
    center: Vector,
    radius: float,
    start: float,
    end: float,
    thickness: float,
    segments: int = SMALL,
    sides: int = TINY,
) -> Mesh:
    """Return a round bar bent along a circle in the x-z plane (handles), closed at both ends.

    Args:
        center: Of the circle along which it is bent.
        radius: Of that circle.
        start: Where it begins, radians from +x to +z.
        end: Where it ends, more than `start`.
        thickness: The bar's radius.
        segments: Straight pieces along the bar.
        sides: Corners of the bar's section.
    """
    bends = np.linspace(start, end, segments + 1)
    angles, circle, _ = _circle(sides)
    # The section's first axis points away from the centre, its second along y.
    away = radius + thickness * circle[:, 0]
    vertices = np.empty((segments + 1, sides + 1, 3))
    vertices[..., 0] = cosine(bends)[:, None] * away
    vertices[..., 1] = thickness * circle[:, 1]
    vertices[..., 2] = sine(bends)[:, None] * away
    uv = np.stack(np.broadcast_arrays(angles * thickness, bends[:, None] * radius), axis=-1)
    tube = _tube(vertices, uv, np.arange(segments), np.ones((segments, 2), bool))
    flat = thickness * circle[:-1]
    caps = [_cap(vertices[index, :-1], flat, reverse) for index, reverse in ((0, True), (-1, False))]
    return merge(tube, *caps).moved(center)


def extrude(outline: npt.ArrayLike, height: float) -> Mesh:
    """Return a prism over a convex or star-shaped outline.

    Args:
        outline: (n, 2) x and y, counter-clockwise, every corner visible from the mean of the corners.
        height: Along z, from 0.
    """
    points = np.asarray(outline, dtype=np.float64)
    following = np.roll(points, -1, axis=0)
    walked = np.concatenate([[0], np.cumsum(length(following - points))])
    # Each wall is a square of four corners of its own: its edges are sharp.
    corners = np.stack([points, following, following, points], axis=1)
    levels = np.array([0.0, 0.0, height, height])
    vertices = np.concatenate([corners, np.broadcast_to(levels[:, None], (len(points), 4, 1))], axis=2)
    along = np.stack([walked[:-1], walked[1:], walked[1:], walked[:-1]], axis=1)
    uv = np.stack([along, np.broadcast_to(levels, along.shape)], axis=2)
    faces = 4 * np.arange(len(points))[:, None, None] + np.array([[0, 1, 2], [0, 2, 3]])
    walls = Mesh(vertices.reshape(-1, 3), faces.reshape(-1, 3).astype(np.int32), uv.reshape(-1, 2))
    # All corners are visible from their mean, but not from each of them.
    middle = product(np.ones(len(points)), points) / len(points)
    fan = np.concatenate([[middle], points, points[:1]])
    caps = [
        _cap(np.column_stack([fan, np.full(len(fan), level)]), fan, reverse)
        for level, reverse in ((0.0, True), (height, False))
    ]
    return merge(walls, *caps)
