"""From a location and a pixel to a push: the camera, the ray through the pixel, and the force."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import AGENT_HEIGHT_Y, CAMERA_HEIGHT
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.mujoco.drawing.rendering import FOCAL_LENGTH
from thor_interact_env.simulators.mujoco.exact import DEGREE, cosine, length, product, sine
from thor_interact_env.simulators.mujoco.physics import CompiledRoom
from thor_interact_env.simulators.mujoco.shapes import cross

TouchAt = Literal["point", "center_of_mass"]
"""Point of a force: the touched point (the paper), or the object's centre of mass (AI2-THOR)."""


@dataclass(frozen=True)
class Viewpoint:
    """The pose of the camera in MuJoCo's frame, metres.

    Attributes:
        eye: (3,) position of the camera.
        axes: (3, 3) its axes right, up, backward as columns.
        right: (3,) the agent's right, a unit vector.
        forward: (3,) the agent's forward, a level unit vector.
    """

    eye: npt.NDArray[np.float64]
    axes: npt.NDArray[np.float64]
    right: npt.NDArray[np.float64]
    forward: npt.NDArray[np.float64]

    @classmethod
    def at(cls, location: Location) -> "Viewpoint":
        """Convert AI2-THOR's left-handed, y-up pose into MuJoCo's frame: (x, y, z) becomes (x, z, y)."""
        yaw, horizon = location.rotation * DEGREE, location.horizon * DEGREE
        x, y, z = location.position
        eye = np.array([x, z, y + CAMERA_HEIGHT - AGENT_HEIGHT_Y])
        forward = np.array([sine(yaw), cosine(yaw), 0.0])
        right = np.array([cosine(yaw), -sine(yaw), 0.0])
        look = cosine(horizon) * forward - sine(horizon) * np.array([0.0, 0.0, 1.0])
        return cls(eye, np.column_stack([right, cross(right, look), -look]), right, forward)

    def ray(self, row: int, column: int) -> npt.NDArray[np.float64]:
        """Return the direction of a pixel's ray, a (3,) unit vector."""
        middle = (IMAGE_SIZE - 1) / 2
        seen = np.array([(column - middle) / FOCAL_LENGTH, (middle - row) / FOCAL_LENGTH, -1.0])
        return product(self.axes, seen / length(seen))


def touch(
    room: CompiledRoom,
    viewpoint: Viewpoint,
    pixel: tuple[int, int],
    force: float,
    direction: npt.NDArray[np.float64],
    reach: float,
    touch_at: TouchAt = "point",
) -> list[npt.NDArray[np.float64]]:
    """Apply a force to the object at a pixel.

    Args:
        room: The room, everything in it at rest.
        viewpoint: The pose of the camera.
        pixel: Row and column.
        force: Newtons.
        direction: (3,) right, up and forward of the agent; it is normalised.
        reach: Metres from the camera within which a touch acts.
        touch_at: Point of the force.

    Returns:
        The motion, see `CompiledRoom.push`: empty if nothing moved.
    """
    ray = viewpoint.ray(*pixel)
    index, distance = room.first_hit(viewpoint.eye, ray)
    if index is None or distance > reach:
        return []
    up = np.array([0.0, 0.0, 1.0])
    along = direction[0] * viewpoint.right + direction[1] * up + direction[2] * viewpoint.forward
    point = viewpoint.eye + distance * ray
    if touch_at == "center_of_mass":
        point = room.data.xipos[room.movables[index].body].copy()
    return room.push(index, force * along / length(along), point)
