"""Convex colliders of a mesh, by CoACD, kept in the cache folder."""

import hashlib
import io
import warnings
import zipfile
import zlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from gymnasium.error import DependencyNotInstalled
from scipy.spatial import ConvexHull

from thor_interact_env.files import default_cache_folder, write_whole
from thor_interact_env.simulators.own_objects.mesh_files import INSTALL
from thor_interact_env.world import distribution_version

SETTINGS: Final = {
    "threshold": 0.08,
    "max_convex_hull": 12,
    "max_ch_vertex": 32,
    "decimate": True,
    "resolution": 500,
    "mcts_iterations": 30,
    "mcts_nodes": 10,
    "seed": 0,
}
"""Settings of CoACD: at most 12 parts, in some seconds for a mesh of 15,000 faces."""

CONVEX: Final = 0.8
"""Fraction of its convex hull that a mesh fills at least to be its own single part: cans, boxes, fruit."""


class ObjectCacheWarning(UserWarning):
    """Colliders could not be kept in the cache folder: they are computed again in every process."""


def decompose(
    vertices: npt.NDArray[np.float64], faces: npt.NDArray[np.int32]
) -> list[npt.NDArray[np.float64]]:
    """Return convex parts that together approximate a mesh: a pure function of the mesh.

    A mesh that fills `CONVEX` of its convex hull is one part; others are decomposed by CoACD.

    Args:
        vertices: (n, 3).
        faces: (m, 3), without holes.

    Returns:
        The corners of each part, (k, 3).

    Raises:
        DependencyNotInstalled: CoACD is needed and not installed.
    """
    hull = ConvexHull(vertices)
    if _volume(vertices, faces) >= CONVEX * hull.volume:
        return [vertices[hull.vertices]]
    folder = default_cache_folder()
    path = None if folder is None else folder / f"hulls-{_key(vertices, faces)}.npz"
    if path is not None and path.is_file():
        try:
            with np.load(path, allow_pickle=False) as kept:
                return [kept[name] for name in sorted(kept.files)]
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
            pass  # a damaged file is written again
    parts = _coacd(vertices, faces)
    if path is not None:
        buffer = io.BytesIO()
        np.savez(buffer, **{f"{index:03}": part for index, part in enumerate(parts)})  # type: ignore[arg-type]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, buffer.getvalue())
        except OSError as error:
            message = f"colliders could not be kept ({error}); set THOR_INTERACT_CACHE to a folder"
            warnings.warn(message, ObjectCacheWarning, stacklevel=2)
    return parts


def _volume(vertices: npt.NDArray[np.float64], faces: npt.NDArray[np.int32]) -> float:
    """Return the volume that a closed mesh encloses, whichever way its faces are turned."""
    first, second, third = (vertices[faces[:, corner]] for corner in range(3))
    return abs(float(np.einsum("ij,ij->i", first, np.cross(second, third)).sum())) / 6


def _key(vertices: npt.NDArray[np.float64], faces: npt.NDArray[np.int32]) -> str:
    digest = hashlib.sha256(repr((SETTINGS, distribution_version("coacd"))).encode())
    for array in (np.ascontiguousarray(vertices, np.float64), np.ascontiguousarray(faces, np.int32)):
        digest.update(f"{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()[:32]


def _coacd(vertices: npt.NDArray[np.float64], faces: npt.NDArray[np.int32]) -> list[npt.NDArray[np.float64]]:
    try:
        import coacd
    except ImportError as error:
        raise DependencyNotInstalled(f"colliders of meshes need coacd: {INSTALL}") from error
    coacd.set_log_level("error")
    settings: dict[str, Any] = dict(SETTINGS)
    return [
        np.asarray(part, np.float64) for part, _ in coacd.run_coacd(coacd.Mesh(vertices, faces), **settings)
    ]
