"""The positions at which an agent can stand in a scene: on a grid, on the floor, without collisions."""

import json
from pathlib import Path
from typing import Final

import cv2
import mujoco
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from thor_interact_env.simulators.mjcf.geometry import Points, corners_of
from thor_interact_env.simulators.mjcf.physics import SEEN_GROUPS, CompiledScene
from thor_interact_env.simulators.mujoco.rooms.plan import AGENT_RADIUS, AGENT_TOP, POSITION_SPACING

_PIXELS: Final = 100  # per metre of the image of obstacles
_STEP: Final = 0.05  # maximum height of objects that are no obstacles, metres
_MARGIN: Final = 0.75  # maximum distance from the bounding box of all obstacles, metres
_STEEP: Final = 0.7  # vertical part of a plane's normal from which it is a floor or a ceiling
_WIDE: Final = 1.0  # minimum length and width of a geom that is a floor by its name, metres
_MAXIMUM_SIDE: Final = 200.0  # of a scene, metres


def floor_height(room: CompiledScene) -> float:
    """Return the height of the floor, metres.

    It is the height of the highest fixed plane that faces up, or fixed geom with "floor" in its name of at
    least `_WIDE` in both horizontal directions, unlike a floor lamp. Where there is neither, it is that of
    the widest such geom.

    Raises:
        SceneError: There is no such geom.
    """
    model, data = room.model, room.data
    heights: list[float] = []
    narrow: list[tuple[float, float]] = []
    for geom in range(model.ngeom):
        if model.body_weldid[model.geom_bodyid[geom]] != 0:
            continue
        if model.geom_type[geom] == int(mujoco.mjtGeom.mjGEOM_PLANE):
            if data.geom_xmat[geom].reshape(3, 3)[2, 2] > _STEEP:
                heights.append(float(data.geom_xpos[geom][2]))
        elif "floor" in _name(room, geom):
            corners = corners_of(room, geom)
            width, top = float(np.ptp(corners[:, :2], axis=0).min()), float(corners[:, 2].max())
            if width >= _WIDE:
                heights.append(top)
            narrow.append((width, top))
    if not heights and not narrow:
        raise room.scene.error("has no floor; add a plane that faces up, or a geom with 'floor' in its name")
    return max(heights) if heights else max(narrow)[1]


def standing_positions(
    room: CompiledScene, map_file: Path | None = None, named: npt.ArrayLike | None = None
) -> Points:
    """Return where an agent can stand and walk to, on a grid of 0.25 m.

    Args:
        room: The scene, everything at rest.
        map_file: A map of free space in the format of MolmoSpaces; None: the floor must be visible.
        named: (n, 2) positions to return instead, x and y; None finds them.

    Returns:
        (n, 3) x, y and height of the floor, metres: the largest connected set of positions.

    Raises:
        SceneError: There is no floor, the scene is too large, or the map cannot be read.
    """
    floor = floor_height(room)
    if named is not None:
        ground = np.array(named, float).reshape(-1, 2)
        return np.column_stack([ground, np.full(len(ground), floor)])
    shapes, halves = _obstacles(room, floor)
    points = np.concatenate(shapes) if shapes else np.zeros((1, 2))
    low, high = points.min(axis=0) - _MARGIN, points.max(axis=0) + _MARGIN
    if (high - low).max() > _MAXIMUM_SIDE:
        raise room.scene.error(
            f"is {(high - low).max():.0f} m wide; the maximum is {_MAXIMUM_SIDE:.0f} m; correct its scale"
        )
    first, last = np.ceil(low / POSITION_SPACING), np.floor(high / POSITION_SPACING)
    x, y = np.meshgrid(
        *(np.arange(start, stop + 1) * POSITION_SPACING for start, stop in zip(first, last, strict=True)),
        indexing="ij",
    )
    free = _apart(shapes, low, high, x, y)
    for normal, offset in halves:
        free &= x * normal[0] + y * normal[1] - offset >= AGENT_RADIUS
    free &= _on_floor(room, floor, x, y, free) if map_file is None else _on_map(room, map_file, x, y)
    labels, count = ndimage.label(free)
    if count == 0:
        return np.zeros((0, 3))
    chosen = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    return np.column_stack([x[chosen], y[chosen], np.full(int(chosen.sum()), floor)])


def _obstacles(room: CompiledScene, floor: float) -> tuple[list[Points], list[tuple[Points, float]]]:
    """Return the outlines of obstacles seen from above, (n, 2) each, and half planes.

    A half plane is a normal, (2,), and an offset: an agent can be where normal . (x, y) > offset.
    """
    model, data = room.model, room.data
    shapes, halves = [], []
    for geom in np.flatnonzero((model.geom_contype | model.geom_conaffinity) != 0).tolist():
        if model.geom_type[geom] == int(mujoco.mjtGeom.mjGEOM_PLANE):
            normal = data.geom_xmat[geom].reshape(3, 3)[:, 2]
            if abs(normal[2]) < _STEEP:
                flat = normal[:2] / np.hypot(*normal[:2])
                halves.append((flat, float(flat @ data.geom_xpos[geom][:2])))
            continue
        corners = corners_of(room, geom)
        if corners[:, 2].max() > floor + _STEP and corners[:, 2].min() < floor + AGENT_TOP:
            shapes.append(corners[:, :2])
    return shapes, halves


def _apart(shapes: list[Points], low: Points, high: Points, x: Points, y: Points) -> npt.NDArray[np.bool_]:
    """Return at which points of a grid an agent does not collide with the shapes."""
    size = np.ceil((high - low) * _PIXELS).astype(int) + 1
    picture = np.full(size[::-1], 255, np.uint8)
    for shape in shapes:
        hull = cv2.convexHull(np.round((shape - low) * _PIXELS).astype(np.int32))
        cv2.fillConvexPoly(picture, hull, 0)
    distance = cv2.distanceTransform(picture, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / _PIXELS
    columns, rows = (
        np.clip(np.round((values - start) * _PIXELS).astype(int), 0, limit - 1)
        for values, start, limit in zip((x, y), low, size, strict=True)
    )
    return np.asarray(distance[rows, columns] >= AGENT_RADIUS)


def _on_floor(
    room: CompiledScene, floor: float, x: Points, y: Points, wanted: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Return at which of the wanted points of a grid the floor is visible."""
    groups = np.array([group in SEEN_GROUPS for group in range(mujoco.mjNGROUP)], np.uint8)
    seen, geom = np.zeros(x.shape, bool), np.array([-1], np.int32)
    for index in np.argwhere(wanted):
        origin = np.array([x[tuple(index)], y[tuple(index)], floor + _STEP])
        down = np.array([0.0, 0.0, -1.0])
        distance = mujoco.mj_ray(room.model, room.data, origin, down, groups, 1, -1, geom)
        seen[tuple(index)] = 0 <= distance <= 2 * _STEP
    return seen


def _on_map(room: CompiledScene, file: Path, x: Points, y: Points) -> npt.NDArray[np.bool_]:
    """Return which points of a grid are free on a map: white in a PNG whose text has "world_to_map"."""
    try:
        with Image.open(file) as picture:
            to_map = np.array(json.loads(picture.info["world_to_map"]), float).reshape(2, 4)
            free = np.array(picture.convert("L")) > 0
    except (OSError, ValueError, KeyError) as error:
        raise room.scene.error(
            f"has a map {file.name!r} that cannot be read ({type(error).__name__}: {error}); remove it"
        ) from None
    world = np.stack([x, y, np.zeros_like(x), np.ones_like(x)], axis=-1)
    rows, columns = np.moveaxis(np.round(world @ to_map.T).astype(int), -1, 0)
    inside = (rows >= 0) & (rows < free.shape[0]) & (columns >= 0) & (columns < free.shape[1])
    return inside & free[np.clip(rows, 0, free.shape[0] - 1), np.clip(columns, 0, free.shape[1] - 1)]


def _name(room: CompiledScene, geom: int) -> str:
    body = room.model.body(room.model.geom_bodyid[geom]).name
    return f"{room.model.geom(geom).name} {body}".lower()
