"""A room with all its objects, as the files of one MJCF scene."""

import json
from dataclasses import dataclass
from typing import Any, Final

import cv2
import mujoco
import numpy as np
import numpy.typing as npt

from thor_interact_env.actions import AGENT_HEIGHT_Y
from thor_interact_env.checks import is_integer
from thor_interact_env.errors import InvalidLocationError
from thor_interact_env.export.mjcf import textures, write_mjcf
from thor_interact_env.export.scene_objects import describe, scene_objects_of, supports
from thor_interact_env.locations.location import ROTATIONS, SEED_LIMIT, Location
from thor_interact_env.simulators.mjcf.physics import DAMPING, SETTLED
from thor_interact_env.simulators.mujoco.exact import DEGREE, cosine, sine
from thor_interact_env.simulators.mujoco.physics import CompiledRoom
from thor_interact_env.simulators.mujoco.rooms.model import specify
from thor_interact_env.simulators.mujoco.rooms.plan import plan_room, reachable, spawn
from thor_interact_env.simulators.mujoco.touching import Viewpoint
from thor_interact_env.world import world_of

_HORIZON: Final = 30.0


@dataclass(frozen=True)
class Scene:
    """The files of a scene.

    Attributes:
        name: Such as `"FloorPlan1_physics"`.
        model: MJCF, UTF-8.
        metadata: Description of the scene's objects.
        textures: PNG files by name.
    """

    name: str
    model: bytes
    metadata: dict[str, Any]
    textures: dict[str, bytes]

    def files(self) -> dict[str, bytes]:
        """Return all files by their path in the folder of scenes, the model first."""
        metadata = (json.dumps(self.metadata, indent=1) + "\n").encode()
        files = {f"{self.name}.xml": self.model, f"{self.name}_metadata.json": metadata}
        return files | {f"{self.name}/{name}": content for name, content in self.textures.items()}


def export_room(room: str, seed: int = 0) -> Scene:
    """Return a room as an MJCF scene, with everything at rest.

    Args:
        room: Name of a room, such as `"FloorPlan1"` or `"Procedural7"`.
        seed: Spawn seed, 0..2**31 - 1: determines the places of the movable objects.

    Raises:
        UnknownRoomError: There is no such room.
        InvalidLocationError: The seed is out of range.
    """
    if not is_integer(seed) or not 0 <= seed < SEED_LIMIT:
        raise InvalidLocationError(f"seed {seed!r} is not an integer in 0..{SEED_LIMIT - 1}")
    plan = plan_room(room)
    spawned, everything = spawn(plan, seed), scene_objects_of(plan)
    compiled = CompiledRoom(plan)
    compiled.spawn(spawned)
    there = np.array([True] * len(plan.furniture) + [pose is not None for pose in spawned], bool)
    spec = specify(plan)
    for index in np.flatnonzero(~there).tolist():
        spec.delete(spec.body(f"movable{index}"))
    scene_objects = [
        scene_object for index, scene_object in enumerate(everything) if scene_object.static or there[index]
    ]
    poses = compiled.positions().reshape(-1, 7)[there]
    positions = reachable(plan, spawned)
    name = f"{plan.name}_physics"
    # MJCF cannot express them: MuJoCo normalises the quaternions of poses and keyframes, and a free joint has
    # one damping for translation and rotation.
    numerics = {
        SETTLED: poses.ravel(),
        DAMPING: compiled.model.dof_damping.reshape(-1, 6)[there].ravel(),
    }
    metadata = {
        "objects": describe(scene_objects, supports(compiled, everything)),
        "thor_interact": {
            "room": plan.name,
            "room_type": plan.room_type,
            "seed": int(seed),
            "world": world_of("mujoco"),
            "positions": positions.tolist(),
        },
    }
    return Scene(
        name,
        write_mjcf(
            spec,
            scene_objects,
            _normalised(poses),
            _overview(plan.name, positions),
            name,
            compiled.model.opt.sleep_tolerance,
            numerics,
        ),
        metadata,
        {f"{material}.png": _png(image) for material, image in textures(spec).items()},
    )


def _normalised(poses: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return poses with quaternions normalised as by MuJoCo."""
    units = poses.copy()
    for pose in units:
        mujoco.mju_normalize4(pose[3:])
    return units


def _overview(
    room: str, positions: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return position and quaternion of a camera: at the farthest position of an agent, facing the middle."""
    x, y = positions[int(np.argmax(np.abs(positions).sum(axis=1)))].tolist()
    ahead = [(sine(yaw * DEGREE) * -x + cosine(yaw * DEGREE) * -y) for yaw in ROTATIONS]
    location = Location(room, (x, AGENT_HEIGHT_Y, y), ROTATIONS[int(np.argmax(ahead))], _HORIZON, 0)
    viewpoint, quaternion = Viewpoint.at(location), np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, viewpoint.axes.ravel())
    return viewpoint.eye, quaternion


def _png(image: npt.NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes())
