"""From an event of AI2-THOR to an observation and instances of this package."""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import FIELD_OF_VIEW
from thor_interact_env.simulators.base import Instances, Observation
from thor_interact_env.simulators.mujoco.drawing.rendering import ray_lengths
from thor_interact_env.simulators.mujoco.simulator import MAXIMUM_MASS, MINIMUM_VISIBLE_PIXELS

if TYPE_CHECKING:
    from ai2thor.server import Event


@dataclass(frozen=True)
class View:
    """A view and its event.

    Attributes:
        observation: The images.
        event: The client's event of the same moment.
    """

    observation: Observation
    event: "Event"

    @property
    def movable(self) -> dict[str, Mapping[str, Any]]:
        """The metadata of all objects of the room that can be moved, by identifier."""
        return {
            item["objectId"]: item
            for item in self.event.metadata["objects"]
            if item["pickupable"] or item["moveable"]
        }


def fault_of_images(event: "Event") -> str | None:
    """Return the fault of the images of an event, or None.

    It is the end of a sentence that starts with "the player".
    """
    wanted = {
        "colour": event.frame,
        "depth": event.depth_frame,
        "instance": event.instance_segmentation_frame,
    }
    for name, image in wanted.items():
        if image is None:
            return f"sent no {name} image"
        if image.shape[:2] != (IMAGE_SIZE, IMAGE_SIZE):
            return f"sent a {name} image of {image.shape[:2]}, not of {(IMAGE_SIZE, IMAGE_SIZE)} pixels"
    angle = event.metadata["fov"]
    if not math.isclose(angle, FIELD_OF_VIEW, abs_tol=0.01):
        return f"sent images with a field of view of {angle:g} degrees, not of {FIELD_OF_VIEW:g}"
    return None


def view_of(event: "Event", clip_planes: tuple[float, float]) -> View:
    """Return the view of an event, in arrays of its own.

    The client's images are read-only views with negative strides, which torch rejects; they are copied
    once. Its depth is Unity's `Linear01Depth` times (far - near), which is (far - near) / far = 0.995
    of the distance from the camera's *plane*; divided by that factor, and multiplied by
    sqrt(1 + (x^2 + y^2) / f^2), it is the distance from the camera.

    Args:
        event: An event with all images; see `fault_of_images`.
        clip_planes: Distances of the near and the far plane in metres.
    """
    rgb = np.array(event.frame, np.uint8, order="C")
    depth = np.ascontiguousarray(event.depth_frame * _distance_factor(*clip_planes), np.float32)
    rgb.flags.writeable = depth.flags.writeable = False
    return View(Observation(rgb=rgb, depth=depth), event)


def same_images(first: View, second: View) -> bool:
    """Return whether two views show the same colours and the same depth."""
    return np.array_equal(first.event.frame, second.event.frame) and np.array_equal(
        first.event.depth_frame, second.event.depth_frame
    )


@functools.cache
def _distance_factor(near: float, far: float) -> npt.NDArray[np.float32]:
    return (ray_lengths() * (far / (far - near))).astype(np.float32)


def instances_of(view: View, within: npt.NDArray[np.bool_]) -> Instances:
    """Return the ground truth: objects under 150 kg that can move with 10 pixels in reach (paper appendix D).

    Args:
        view: The view.
        within: (300, 300) bool, the pixels in reach.
    """
    movable, masks = view.movable, view.event.instance_masks
    # Structure also has names with a position, so only listed objects count.
    found: Sequence[str] = sorted(
        name
        for name in masks
        if name in movable
        and movable[name]["mass"] < MAXIMUM_MASS
        and (masks[name] & within).sum() >= MINIMUM_VISIBLE_PIXELS
    )
    return Instances(
        masks=np.array([masks[name] for name in found], bool).reshape(-1, IMAGE_SIZE, IMAGE_SIZE),
        masses=np.array([movable[name]["mass"] for name in found], np.float64),
        types=tuple(movable[name]["objectType"] for name in found),
        ids=tuple(found),
    )
