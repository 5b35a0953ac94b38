"""The outlines of a scene's geoms."""

from typing import Final

import mujoco
import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.mjcf.physics import CompiledScene

Points = npt.NDArray[np.float64]

ROUND: Final = 16
"""Points along a circle."""


def corners_of(room: CompiledScene, geom: int) -> Points:
    """Return points, (n, 3), whose convex hull contains the geom."""
    model, data = room.model, room.data
    kind, size = model.geom_type[geom], model.geom_size[geom]
    if kind == int(mujoco.mjtGeom.mjGEOM_MESH):
        mesh = model.geom_dataid[geom]
        start = model.mesh_vertadr[mesh]
        points = model.mesh_vert[start : start + model.mesh_vertnum[mesh]].astype(float)
    elif kind in (int(mujoco.mjtGeom.mjGEOM_CYLINDER), int(mujoco.mjtGeom.mjGEOM_CAPSULE)):
        turns = np.arange(ROUND) * 2 * np.pi / ROUND
        circle = size[0] * np.column_stack([np.cos(turns), np.sin(turns)])
        top = size[1] + (size[0] if kind == int(mujoco.mjtGeom.mjGEOM_CAPSULE) else 0.0)
        points = np.concatenate([np.column_stack([circle, np.full(ROUND, z)]) for z in (-top, top)])
    else:
        center, half = model.geom_aabb[geom][:3], model.geom_aabb[geom][3:]
        signs = np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1).T
        points = center + half * signs
    turned: Points = points @ data.geom_xmat[geom].reshape(3, 3).T
    return turned + data.geom_xpos[geom]


def box_of(room: CompiledScene, index: int) -> tuple[Points, Points]:
    """Return the lowest and highest corner, (3,) each, of the colliders of a movable."""
    model = room.model
    solid = (model.geom_contype | model.geom_conaffinity) != 0
    geoms = [geom for geom in range(model.ngeom) if room.movable_of_geom(geom) == index]
    points = np.concatenate([corners_of(room, geom) for geom in geoms if solid[geom]] or [np.zeros((0, 3))])
    if len(points) == 0:
        points = room.data.xpos[room.movables[index].body][None]
    return points.min(axis=0), points.max(axis=0)
