"""Wrappers with other observations, simpler actions, or cheaper episodes."""

from collections.abc import Sequence
from typing import Any, Final

import cv2
import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import DIRECTIONS, FORCES, check_integers
from thor_interact_env.checks import check_reachable_fraction, is_integer
from thor_interact_env.errors import InvalidOptionError
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.locations.starting import start_option
from thor_interact_env.simulators.base import Observation
from thor_interact_env.simulators.sharing import use_simulator

DEPTH_LIMIT: Final = 5.0
"""Depth in metres that `RGBDImage` shows as 255."""


def rgbd_image(
    rgb: npt.NDArray[np.uint8],
    depth: npt.NDArray[np.floating[Any]],
    depth_limit: float = DEPTH_LIMIT,
    size: int = IMAGE_SIZE,
) -> npt.NDArray[np.uint8]:
    """Pack colour and depth into one image; see `RGBDImage`.

    Args:
        rgb: (300, 300, 3) uint8.
        depth: (300, 300) metres.
        depth_limit: Depth in metres that becomes 255.
        size: Side of the image in pixels; a smaller image is averaged over areas.

    Returns:
        (size, size, 4) uint8.
    """
    image = np.empty((IMAGE_SIZE, IMAGE_SIZE, 4), dtype=np.uint8)
    image[..., :3] = rgb
    image[..., 3] = np.rint(np.clip(depth * np.float32(255 / depth_limit), 0, 255))
    if size == IMAGE_SIZE:
        return image
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


class RGBDImage(
    gymnasium.ObservationWrapper[npt.NDArray[np.uint8], npt.NDArray[np.integer[Any]], Observation],
    RecordConstructorArgs,
):
    """Packs the observation into one image, (size, size, 4) uint8, for image policies.

    The channels are red, green, blue and depth: round(255 * min(depth, limit) / limit), so 0..`depth_limit`
    metres become 0..255 and larger depths are 255. With the default limit one grey level is 2 cm.

    Args:
        env: `ThorInteract-v0`, wrapped or not.
        depth_limit: Depth in metres that becomes 255.
        size: Side of the image in pixels, 1..300; below 300 it is averaged over areas, for speed.

    Raises:
        InvalidOptionError: `depth_limit` is not a positive finite number, or `size` not an integer in 1..300.
    """

    def __init__(
        self, env: gymnasium.Env[Any, Any], depth_limit: float = DEPTH_LIMIT, size: int = IMAGE_SIZE
    ) -> None:
        """Replace the observation space; see the class."""
        if not 0 < depth_limit < np.inf:
            raise InvalidOptionError(f"depth_limit {depth_limit!r} is not a positive finite number of metres")
        if not is_integer(size) or not 1 <= size <= IMAGE_SIZE:
            raise InvalidOptionError(f"size {size!r} is not an integer in 1..{IMAGE_SIZE}")
        RecordConstructorArgs.__init__(self, depth_limit=depth_limit, size=size)
        gymnasium.ObservationWrapper.__init__(self, env)
        self.observation_space = spaces.Box(0, 255, (size, size, 4), np.uint8)
        self._depth_limit = float(depth_limit)
        self._size = int(size)

    def observation(self, observation: Observation) -> npt.NDArray[np.uint8]:
        """Return the packed image of an observation."""
        return rgbd_image(observation["rgb"], observation["depth"], self._depth_limit, self._size)


def coarse_pixel(cell: int, grid: int) -> tuple[int, int]:
    """Return the pixel (row, column) in the middle of a cell of a coarse grid, each in 0..299.

    Args:
        cell: Number of the cell, row by row, in 0..grid^2 - 1.
        grid: Cells along each side, 1..300.

    Examples:
        >>> coarse_pixel(0, 10), coarse_pixel(99, 10)
        ((15, 15), (285, 285))
    """
    row, column = divmod(int(cell), grid)
    side = IMAGE_SIZE / grid
    return int((row + 0.5) * side), int((column + 0.5) * side)


class GridActions(
    gymnasium.ActionWrapper[Any, npt.NDArray[np.integer[Any]], npt.NDArray[np.integer[Any]]],
    RecordConstructorArgs,
):
    """Few actions: `MultiDiscrete([grid * grid, 3])`, a cell of a coarse grid and a force.

    The cell's middle pixel is touched, in one of the eight directions that the environment's own seeded
    generator draws. A cell is one number, not row and column, so that a policy whose entries are independent
    can still prefer several separate places.

    Args:
        env: `ThorInteract-v0`, wrapped or not.
        grid: Cells along each side, 1..300.

    Raises:
        InvalidOptionError: `grid` is not an integer in 1..300.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], grid: int = 10) -> None:
        """Replace the action space; see the class."""
        if not is_integer(grid) or not 1 <= grid <= IMAGE_SIZE:
            raise InvalidOptionError(f"grid {grid!r} is not an integer in 1..{IMAGE_SIZE}")
        RecordConstructorArgs.__init__(self, grid=grid)
        gymnasium.ActionWrapper.__init__(self, env)
        self._grid = int(grid)
        self.action_space = spaces.MultiDiscrete([self._grid**2, len(FORCES)])

    def action(self, action: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.integer[Any]]:
        """Return the environment's action for a cell and a force.

        Raises:
            InvalidActionError: The action is not two integers in range.
        """
        fields = (("cell", self._grid**2), ("force", len(FORCES)))
        cell, force = check_integers(action, fields)
        direction = int(self.unwrapped.np_random.integers(len(DIRECTIONS)))
        return np.array([*coarse_pixel(cell, self._grid), force, direction])


class RoomByRoom(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Stays in a room for several episodes, each with a new spawn and pose, because preparing a room is slow.

    Rooms, spawns and poses are drawn as `LocationSampler` does, so every room has the same probability. A
    reset with a location or a state is not counted; one with a seed starts a new series.

    Args:
        env: `ThorInteract-v0`, wrapped or not.
        rooms: Names of the rooms.
        reachable_fraction: Minimum fraction of each view within 1.5 m, in 0..1.
        episodes: Episodes in a room, at least 1.

    Raises:
        InvalidOptionError: There is no room, the fraction is not in 0..1, or `episodes` is not an integer of
            at least 1.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        rooms: Sequence[str],
        reachable_fraction: float = 0.2,
        episodes: int = 4,
    ) -> None:
        """Check the arguments; see the class."""
        if isinstance(rooms, str) or len(rooms) == 0:
            raise InvalidOptionError(f"rooms is {rooms!r}; give a sequence of at least one room's name")
        check_reachable_fraction(reachable_fraction)
        if not is_integer(episodes) or episodes < 1:
            raise InvalidOptionError(f"episodes {episodes!r} is not an integer of at least 1")
        RecordConstructorArgs.__init__(
            self, rooms=rooms, reachable_fraction=reachable_fraction, episodes=episodes
        )
        gymnasium.Wrapper.__init__(self, env)
        self._rooms = tuple(rooms)
        self._reachable_fraction = reachable_fraction
        self._episodes = int(episodes)
        self._left = 0
        self._room = self._rooms[0]
        self._generator = np.random.default_rng()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode in the current room, or in a new one after `episodes` of them.

        Args:
            seed: Seed of the draws and of the environment.
            options: As in the environment; without a location or a state, a location is drawn.

        Returns:
            The result of the environment's `reset`.

        Raises:
            InvalidOptionError: An option is unknown or of the wrong type; the episode goes on.
            UnreachableLocationError: No location was found in the room; the environment needs a reset.
        """
        given = start_option(options)  # before anything changes
        if seed is not None:
            self._generator = np.random.default_rng(seed)
            self._left = 0
        if given is not None:
            return self.env.reset(seed=seed, options=options)
        if not self._left:
            self._left = self._episodes
            self._room = self._rooms[self._generator.integers(len(self._rooms))]
        self._left -= 1
        # Drawing loads other rooms: if it fails, the last episode must not go on in one of them.
        simulator = use_simulator(self.unwrapped.simulator, self)  # type: ignore[attr-defined]
        location = LocationSampler(simulator, (self._room,), self._reachable_fraction).sample(self._generator)
        return self.env.reset(seed=seed, options={**(options or {}), "location": location})
