"""Fewer triangles for the meshes of scans, which cost time in every image and memory in every room.

By clustering of vertices (Rossignac and Borrel, 1993): all vertices in a cell of a grid become one. Each
chart of the texture, a part that is connected in its coordinates, keeps coordinates of its own; seams stay
closed, since the vertices in a cell share their position.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from thor_interact_env.simulators.mujoco.shapes import Mesh, Visual

FACES: Final = 6000
"""Maximum number of triangles of one object; meshes of more are reduced."""

FINEST: Final = 256
"""Maximum number of cells along the longest side of a mesh."""

SMALL: Final = 100
"""Triangles that each mesh keeps, or all that it has if they are fewer."""

_PARTS: Final = 16


def reduced(visuals: Sequence[Visual]) -> tuple[Visual, ...]:
    """Return meshes with at most `FACES` triangles in total, and up to `SMALL` more for each.

    Each mesh keeps its part of the triangles, but at least `SMALL` or all that it has: small parts of a large
    object stay as they are. The finest grid of at most `FINEST` cells is taken that allows it.

    Args:
        visuals: The meshes of one object.
    """
    count = sum(len(visual.mesh.faces) for visual in visuals)
    if count <= FACES:
        return tuple(visuals)
    return tuple(
        Visual(_reduced(visual.mesh, max(FACES * len(visual.mesh.faces) // count, SMALL)), visual.material)
        for visual in visuals
    )


def _reduced(mesh: Mesh, maximum: int) -> Mesh:
    if len(mesh.faces) <= maximum:
        return mesh
    charts = charts_of(mesh)
    coarse, fine = 1, FINEST + 1  # of so many cells one has few triangles enough, the other perhaps not
    best = clustered(mesh, coarse, charts)
    while fine - coarse > 1:
        middle = (coarse + fine) // 2
        found = clustered(mesh, middle, charts)
        if len(found.faces) <= maximum:
            coarse, best = middle, found
        else:
            fine = middle
    return best


def charts_of(mesh: Mesh) -> npt.NDArray[np.int64]:
    """Return the chart of each vertex, (n,): those that triangles join are in one, cut into 16 x 16 parts.

    Vertices of equal position and texture coordinates are the same here. The parts of the image keep the two
    sides of a thin wall apart.
    """
    _, same = np.unique(np.column_stack([mesh.vertices, mesh.uv]), axis=0, return_inverse=True)
    same = same.ravel()
    faces = same[mesh.faces]
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    joined = coo_array((np.ones(len(ends), bool), (ends[:, 0], ends[:, 1])), shape=(len(same), len(same)))
    connected = np.asarray(connected_components(joined, directed=False)[1], np.int64)[same]
    return _numbered(np.column_stack([connected, np.floor(mesh.uv * _PARTS).astype(np.int64)]))


def clustered(mesh: Mesh, cells: int, charts: npt.NDArray[np.int64]) -> Mesh:
    """Return a mesh whose vertices are the means of those in each cell of a grid; triangles collapse.

    Args:
        mesh: The mesh.
        cells: Number of cells along its longest side.
        charts: The chart of each vertex, (n,).
    """
    low = mesh.vertices.min(axis=0)
    side = float(np.ptp(mesh.vertices, axis=0).max()) / cells
    places = np.floor((mesh.vertices - low) / max(side, 1e-12)).astype(np.int64)
    cell = _numbered(places)
    vertex = _numbered(np.column_stack([cell, charts]))
    positions, uv = _means(mesh.vertices, cell), _means(mesh.uv, vertex)
    cell_of_vertex = np.zeros(len(uv), np.int64)
    cell_of_vertex[vertex] = cell
    corners = cell[mesh.faces]
    faces = vertex[mesh.faces][(corners != np.roll(corners, 1, axis=1)).all(axis=1)]
    used, joined = np.unique(faces, return_inverse=True)
    return Mesh(positions[cell_of_vertex[used]], joined.reshape(-1, 3).astype(np.int32), uv[used])


def _numbered(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the number of each row of keys, equal rows having equal numbers."""
    low = keys.min(axis=0)
    code = np.zeros(len(keys), np.int64)
    for column, size in zip((keys - low).T, (np.ptp(keys, axis=0) + 1).tolist(), strict=True):
        # Renumbered after each column, so that the codes cannot overflow.
        code = np.unique(code * size + column, return_inverse=True)[1]
    return code


def _means(values: npt.NDArray[np.float64], groups: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the mean of the values, (n, k), in each group."""
    counts = np.bincount(groups)
    return np.stack([np.bincount(groups, column) / counts for column in values.T], axis=1)
