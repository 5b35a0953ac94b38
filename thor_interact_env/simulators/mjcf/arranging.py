"""Spawn seeds of a scene: seed 0 is the arrangement on disk, other seeds exchange small free objects."""

import zlib
from dataclasses import dataclass
from typing import Final

import mujoco
import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.mjcf.geometry import box_of
from thor_interact_env.simulators.mjcf.physics import CompiledScene

MAXIMUM_MASS, MAXIMUM_SIDE = 5.0, 0.6
"""Maximum mass in kilograms and maximum side in metres of a portable object."""

_TRIES: Final = 6  # placements tried for an object
_JITTER: Final = 0.15  # maximum distance from the original place of an object, metres
_ABOVE, _LEVEL, _GAP = 0.25, 0.05, 0.002
"""Metres: height from which a support is searched, tolerance of its height, and gap before the simulation."""

_OVERLAP: Final = 1e-3  # maximum overlap of a placed object with another one, metres
_AWAY: Final = 100.0  # metres upwards to a place without objects

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Portable:
    """A free object that other spawn seeds place elsewhere.

    Attributes:
        index: Index of the movable.
        address: Address of its pose in the positions.
        pose: (7,) its pose on disk.
        middle: (2,) the middle of its box there, x and y.
        bottom: The height of its lowest point there.
    """

    index: int
    address: int
    pose: Vector
    middle: Vector
    bottom: float


def portables(room: CompiledScene) -> list[Portable]:
    """Return the free objects of small mass and size; the scene is at rest as on disk."""
    found = []
    for index, movable in enumerate(room.movables):
        low, high = box_of(room, index)
        small = movable.mass <= MAXIMUM_MASS and (high - low).max() <= MAXIMUM_SIDE
        if small and room.is_free(movable.body):
            at = movable.position_address
            pose = room.data.qpos[at : at + 7].copy()
            found.append(Portable(index, at, pose, (low + high)[:2] / 2, float(low[2])))
    return found


def arrange(room: CompiledScene, seed: int) -> Vector:
    """Set the scene to rest in the arrangement of a spawn seed, and return the positions, (nq,).

    A portable object is placed within 0.15 m of the original place of a random one, at a random angle, on a
    support of the same height and without overlaps. Then everything comes to rest by simulation.

    Args:
        room: The scene.
        seed: Spawn seed; 0 is the arrangement on disk.

    Raises:
        SceneError: An object falls out of the scene.
    """
    room.settle()
    if seed == 0:
        return room.positions()
    rng = np.random.default_rng([zlib.crc32(room.scene.path.stem.encode()), seed])
    moved, positions = portables(room), room.positions()
    for index in rng.permutation(len(moved)).tolist():
        portable = moved[index]
        for other in rng.integers(len(moved), size=_TRIES).tolist():
            room.wake(positions)
            pose = pose_near(room, portable, moved[other], rng)
            if pose is not None:
                positions[portable.address : portable.address + 7] = pose
                break
    room.let_rest(positions)
    return room.positions()


def pose_near(
    room: CompiledScene, portable: Portable, other: Portable, rng: np.random.Generator
) -> Vector | None:
    """Return a random pose, (7,), of an object near the original place of another one.

    Args:
        room: The scene, in which the object is moved.
        portable: The object.
        other: The object at whose place it is put.
        rng: Draws the pose.

    Returns:
        The pose, None if there is no support of the same height or the object would overlap another one.
    """
    model, data = room.model, room.data
    x, y = other.middle + rng.uniform(-_JITTER, _JITTER, 2)
    yaw = rng.uniform(-np.pi, np.pi)
    own = data.qpos[portable.address : portable.address + 7]
    own[2] += _AWAY
    mujoco.mj_kinematics(model, data)
    origin, down = np.array([x, y, other.bottom + _ABOVE]), np.array([0.0, 0.0, -1.0])
    distance = mujoco.mj_ray(model, data, origin, down, None, 1, -1, np.array([-1], np.int32))
    support = other.bottom + _ABOVE - distance
    if distance < 0 or abs(support - other.bottom) > _LEVEL:
        return None
    along, across = np.cos(yaw), np.sin(yaw)
    offset = np.array([[along, -across], [across, along]]) @ (portable.pose[:2] - portable.middle)
    own[:3] = x + offset[0], y + offset[1], portable.pose[2] + support + _GAP - portable.bottom
    turn = np.array([np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)])
    mujoco.mju_mulQuat(own[3:], turn, portable.pose[3:])
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    mujoco.mj_collision(model, data)
    for contact in data.contact:
        touching = [room.movable_of_geom(int(geom)) == portable.index for geom in contact.geom]
        if touching[0] != touching[1] and contact.dist < -_OVERLAP:
            return None
    return own.copy()
