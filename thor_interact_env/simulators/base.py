"""The interface between the environment and any simulator.

Coordinates are AI2-THOR's: left-handed, y up, metres. Yaw 0 faces +z, yaw 90 faces +x;
a positive horizon looks down.
"""

from dataclasses import dataclass
from typing import Final, Protocol, TypedDict, runtime_checkable

import numpy as np
import numpy.typing as npt

from thor_interact_env.locations.location import Location

FIRST_FRAME_SECONDS: Final = 0.01
"""Seconds from the end of a force to the first frame of the motion."""

FRAME_SECONDS: Final = 0.05
"""Seconds between two frames of a motion."""

MAX_FRAMES: Final = 26
"""Maximum number of frames of a motion: its first 1.26 s."""


class Observation(TypedDict):
    """One egocentric view: a plain dictionary, as Gymnasium's `Dict` space requires.

    Simulators and the environment return it, and agents receive it. A simulator's arrays are
    read-only, and its depth may be infinite; the environment's are copies, with depth of at most
    `env.MAX_DEPTH`.

    Attributes:
        rgb: (300, 300, 3) uint8.
        depth: (300, 300) float32, metres from the camera (not from its plane).
    """

    rgb: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Instances:
    """Ground truth of one view: the movable objects in reach. For evaluation only.

    Attributes:
        masks: (n, 300, 300) bool, the whole visible part of each object.
        masses: (n,) float64, kilograms.
        types: n object types, such as `"Mug"`.
        ids: n identifiers, unique within a room.
    """

    masks: npt.NDArray[np.bool_]
    masses: npt.NDArray[np.float64]
    types: tuple[str, ...]
    ids: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.types)


@runtime_checkable
class Simulator(Protocol):
    """A simulator of rooms in which an agent looks at and touches objects."""

    deterministic: bool
    """Whether equal calls give equal bytes."""

    @property
    def rooms(self) -> tuple[str, ...]:
        """Names of the rooms that can be loaded; there may be more that are not listed, see `has_room`."""

    def has_room(self, room: str) -> bool:
        """Return whether there is a room of this name, listed in `rooms` or not."""

    def reachable_positions(self, room: str, seed: int) -> npt.NDArray[np.float64]:
        """Return the (n, 3) positions at which an agent can stand in `room` spawned with `seed`.

        Raises:
            UnknownRoomError: There is no such room.
        """

    def load(self, location: Location) -> Observation:
        """Spawn the location's room with its seed, place the agent there and return its view.

        Everything is at rest: the image does not change until something is touched. If this location is
        already loaded and nothing was touched since, the view of before is returned and nothing is drawn:
        choosing a location by its view and starting an episode there takes one rendering.

        Raises:
            UnknownRoomError: There is no such room.
            UnreachableLocationError: The agent cannot stand at this position.
        """

    def touch(self, row: int, column: int, force: float, direction: npt.NDArray[np.float64]) -> Observation:
        """Apply a force at a pixel and return the view once the room has come to rest.

        A touch that can move nothing (structure, fixed object, out of reach) returns the same
        object as the previous call.

        Args:
            row: Pixel row, 0..299.
            column: Pixel column, 0..299.
            force: Newtons.
            direction: (3,) right, up and forward of the agent (yaw only), not normalised.
        """

    def touch_with_frames(
        self, row: int, column: int, force: float, direction: npt.NDArray[np.float64]
    ) -> tuple[Observation, npt.NDArray[np.uint8]]:
        """Do the same as `touch`, and also return the views during the motion.

        Args:
            row: Pixel row, 0..299.
            column: Pixel column, 0..299.
            force: Newtons.
            direction: (3,) right, up and forward of the agent (yaw only), not normalised.

        Returns:
            The view at rest, exactly as `touch` returns it, and (n, 300, 300, 3) uint8 frames: one
            `FIRST_FRAME_SECONDS` after the force, then one every `FRAME_SECONDS` until the room rests, at
            most `MAX_FRAMES`; n = 0 if nothing moved, that is, if `touch` returns the current view.
        """

    def instances(self) -> Instances:
        """Return the ground truth of the current view: movable objects with 10 pixels in reach."""

    def get_state(self) -> npt.NDArray[np.float64]:
        """Return the complete state of the loaded room as one vector."""

    def set_state(self, state: npt.NDArray[np.float64]) -> Observation:
        """Restore a state of the loaded room, and return the view.

        Raises:
            ValueError: The vector does not belong to the loaded room.
        """

    def close(self) -> None:
        """Release the renderer; a second call does nothing."""
