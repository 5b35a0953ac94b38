"""From an entry of the table to an object that a room can hold: axes, scale, colliders and checks."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from thor_interact_env.simulators.mujoco.shapes import Blueprint, Collider, Hull, Mesh, Vector, Visual
from thor_interact_env.simulators.own_objects.decomposition import decompose
from thor_interact_env.simulators.own_objects.mesh_files import read_mesh_file
from thor_interact_env.simulators.own_objects.mjcf_files import euler_angles, read_mjcf_file
from thor_interact_env.simulators.own_objects.option import part_files
from thor_interact_env.simulators.own_objects.reduction import reduced
from thor_interact_env.simulators.own_objects.table import ObjectEntry

LONGEST: Final = (0.01, 2.0)
"""Minimum and maximum metres of the longest side of an object."""

THINNEST: Final = 0.001
"""Minimum metres of the shortest side: a flat sheet has no volume."""

FACES: Final = 500_000
"""Maximum number of triangles of one object; more than a few thousand are reduced."""

HOLES: Final = 0.01
"""Maximum fraction of edges at holes; CoACD closes the small holes of scans."""

MISMATCH: Final = (0.004, 0.06)
"""Metres, and fraction of the longest side, by which the box around the colliders of a file may differ from
that around its visible meshes; the larger counts. Beyond it, colliders are computed from these meshes."""

_UPRIGHT = {  # turns that make +z of each direction
    "z": np.eye(3),
    "-z": Rotation.from_euler("x", 180, degrees=True).as_matrix(),
    "y": Rotation.from_euler("x", 90, degrees=True).as_matrix(),
    "-y": Rotation.from_euler("x", -90, degrees=True).as_matrix(),
    "x": Rotation.from_euler("y", -90, degrees=True).as_matrix(),
    "-x": Rotation.from_euler("y", 90, degrees=True).as_matrix(),
}


@dataclass(frozen=True)
class OwnBlueprint(Blueprint):
    """The blueprint of an object of a folder, whose mass is spread over its visible surface."""

    def center_of_mass(self) -> npt.NDArray[np.float64]:
        """Return the centre of mass, (3,): the centre of the visible surface."""
        triangles = np.concatenate([visual.mesh.vertices[visual.mesh.faces] for visual in self.visuals])
        normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        areas = np.sqrt((normals**2).sum(axis=1))
        return np.asarray((triangles.mean(axis=1) * areas[:, None]).sum(axis=0) / areas.sum())


@dataclass(frozen=True)
class OwnObject:
    """One object of a folder, ready to be put into a room.

    Attributes:
        entry: Its row of the table.
        blueprint: Its shape, colliders and mass.
    """

    entry: ObjectEntry
    blueprint: Blueprint


def make_object(entry: ObjectEntry) -> OwnObject:
    """Read an object and make its blueprint.

    Done once for each entry, until a file that can be part of it, in its folder or below, is written again.

    Args:
        entry: Its row of the table.

    Raises:
        ObjectError: It has no mesh, or an absurd size, or is flat or open, or cannot be read.
        DependencyNotInstalled: A library for this kind of file is missing.
    """
    try:
        parts = [(path, path.stat()) for path in sorted(part_files(entry.path.parent))]
    except OSError:  # what reads the file says why
        parts = []
    return _made(entry, tuple((path, status.st_mtime_ns, status.st_size) for path, status in parts))


@lru_cache(maxsize=256)
def _made(entry: ObjectEntry, version: tuple[tuple[Path, int, int], ...]) -> OwnObject:
    colliders: tuple[Collider, ...] = ()
    if entry.path.suffix.lower() == ".xml":
        visuals, colliders = read_mjcf_file(entry)
    else:
        visuals = read_mesh_file(entry)
    _check_meshes(entry, visuals)
    turn = _UPRIGHT[entry.up]
    visuals = tuple(_moved(visual, turn, np.zeros(3), 1.0) for visual in visuals)
    low, high = _bounds([visual.mesh.vertices for visual in visuals])
    scale = entry.scale if entry.height is None else entry.height / max(float(high[2] - low[2]), 1e-9)
    _check_size(entry, visuals, (high - low) * scale, scale)
    foot = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    visuals = tuple(_moved(visual, np.eye(3), foot, scale) for visual in visuals)
    colliders = tuple(_placed(collider, turn, foot, scale) for collider in colliders)
    if not colliders or not _fits(colliders, visuals):
        colliders = _computed(entry, visuals)
    # They stand on their lowest visible point.
    lowest = np.array([0.0, 0.0, collider_bounds(colliders)[0][2]])
    colliders = tuple(_placed(collider, np.eye(3), lowest, 1.0) for collider in colliders)
    return OwnObject(entry, OwnBlueprint(reduced(visuals), colliders, mass=entry.mass))


def _check_meshes(entry: ObjectEntry, visuals: tuple[Visual, ...]) -> None:
    if not visuals:
        raise entry.error("has no visible mesh; export it with its faces, or delete its row")
    if not all(np.isfinite(visual.mesh.vertices).all() for visual in visuals):
        raise entry.error("has vertices that are not finite numbers; export it again")
    if (count := sum(len(visual.mesh.faces) for visual in visuals)) > FACES:
        raise entry.error(f"has {count:,} triangles; reduce it to at most {FACES:,}, for example in Blender")


def _check_size(
    entry: ObjectEntry, visuals: tuple[Visual, ...], sides: npt.NDArray[np.float64], scale: float
) -> None:
    longest = float(sides.max())
    if not LONGEST[0] <= longest <= LONGEST[1]:
        raise entry.error(
            f"is {longest:.4g} m long at the scale {scale:.4g}; an object is {LONGEST[0]:g} to "
            f"{LONGEST[1]:g} m long: state its height in metres, or another scale, in the table"
        )
    shortest = min(float(sides.min()), _thickness(visuals, scale))
    if shortest < THINNEST:
        raise entry.error(
            f"is {shortest:.2g} m thin; give it a thickness of at least {THINNEST:g} m, for a volume"
        )


def _thickness(visuals: tuple[Visual, ...], scale: float) -> float:
    """Return the size in the direction of the smallest variance of the vertices; of a tilted sheet 0."""
    vertices = np.concatenate([visual.mesh.vertices for visual in visuals]) * scale
    away = vertices - vertices.mean(axis=0)
    _, directions = np.linalg.eigh(away.T @ away)
    return float(np.ptp(away @ directions[:, 0]))


def _moved(
    visual: Visual, turn: npt.NDArray[np.float64], origin: npt.NDArray[np.float64], scale: float
) -> Visual:
    vertices = (visual.mesh.vertices @ turn.T - origin) * scale
    return Visual(Mesh(vertices, visual.mesh.faces, visual.mesh.uv), visual.material)


def _placed(
    collider: Collider, turn: npt.NDArray[np.float64], origin: npt.NDArray[np.float64], scale: float
) -> Collider:
    if isinstance(collider, Hull):
        return Hull.of((collider.points @ turn.T - origin) * scale)
    turned = Rotation.from_matrix(turn) * Rotation.from_euler("xyz", collider.rotation)
    return replace(
        collider,
        size=_vector(np.asarray(collider.size) * scale),
        position=_vector((turn @ np.asarray(collider.position) - origin) * scale),
        rotation=euler_angles(turned.as_matrix()),
    )


def _vector(values: npt.NDArray[np.float64]) -> Vector:
    x, y, z = values.tolist()
    return x, y, z


def _bounds(
    points: list[npt.NDArray[np.float64]],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    everything = np.concatenate(points)
    return everything.min(axis=0), everything.max(axis=0)


def collider_bounds(
    colliders: tuple[Collider, ...],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the lowest and highest corner, (3,) each, of all colliders.

    Args:
        colliders: In one frame, at least one.
    """
    return _bounds([_extremes(collider) for collider in colliders])


def _extremes(collider: Collider) -> npt.NDArray[np.float64]:
    """Return the lowest and highest corner of a collider, (2, 3)."""
    if isinstance(collider, Hull):
        return np.stack([collider.points.min(axis=0), collider.points.max(axis=0)])
    axes = Rotation.from_euler("xyz", collider.rotation).as_matrix()
    first, second, third = collider.size
    if collider.kind == "box":
        half = np.abs(axes) @ np.array(collider.size)
    elif collider.kind == "ellipsoid":
        half = np.sqrt((axes**2) @ np.array([first, second, third]) ** 2)
    elif collider.kind == "cylinder":
        half = first * np.sqrt(np.maximum(1 - axes[:, 2] ** 2, 0)) + second * np.abs(axes[:, 2])
    elif collider.kind == "capsule":
        half = first + second * np.abs(axes[:, 2])
    else:
        half = np.full(3, first)
    middle = np.array(collider.position)
    return np.stack([middle - half, middle + half])


def _fits(colliders: tuple[Collider, ...], visuals: tuple[Visual, ...]) -> bool:
    low, high = _bounds([visual.mesh.vertices for visual in visuals])
    allowed = max(MISMATCH[0], MISMATCH[1] * float((high - low).max()))
    differences = np.abs(np.stack(collider_bounds(colliders)) - np.stack([low, high]))
    return bool((differences <= allowed).all())


def _computed(entry: ObjectEntry, visuals: tuple[Visual, ...]) -> tuple[Collider, ...]:
    vertices, faces = _joined(visuals)
    if not entry.open and (holes := _open_edges(faces)) > HOLES:
        raise entry.error(
            f"is not closed ({holes:.1%} of its edges belong to an odd number of faces), so its colliders "
            "are uncertain; close its holes, for example in Blender, or say yes in the column open to accept "
            "them"
        )
    parts = decompose(vertices, faces)
    if not parts:
        raise entry.error("cannot be decomposed into convex parts; repair its mesh, for example in Blender")
    return tuple(Hull.of(part) for part in parts)


def _joined(visuals: tuple[Visual, ...]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    """Return all meshes as one, whose vertices at the same place are the same, without empty faces."""
    vertices = np.concatenate([visual.mesh.vertices for visual in visuals])
    starts = np.cumsum([0] + [len(visual.mesh.vertices) for visual in visuals[:-1]])
    faces = np.concatenate([v.mesh.faces + start for v, start in zip(visuals, starts, strict=True)])
    size = float(np.ptp(vertices, axis=0).max())
    _, first, same = np.unique(
        np.rint(vertices / (1e-6 * size)).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    merged = np.asarray(same, np.int32).ravel()[faces]
    solid = (merged != np.roll(merged, 1, axis=1)).all(axis=1)
    return vertices[first], merged[solid]


def _open_edges(faces: npt.NDArray[np.int32]) -> float:
    """Return the fraction of the edges that belong to an odd number of faces: 0 of a closed surface."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    return float((counts % 2 != 0).mean())
