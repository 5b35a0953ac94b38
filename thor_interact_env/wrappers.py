"""Wrappers for agents that want another view of the environment."""

from typing import Any, Final

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from thor_interact_env.actions import IMAGE_SIZE
from thor_interact_env.errors import InvalidOptionError

DEPTH_LIMIT: Final = 5.0
"""Depth in metres that `RGBDImage` shows as 255."""


class RGBDImage(
    gymnasium.ObservationWrapper[
        npt.NDArray[np.uint8], npt.NDArray[np.integer[Any]], dict[str, npt.NDArray[Any]]
    ],
    RecordConstructorArgs,
):
    """Packs the observation into one picture, (300, 300, 4) uint8, for image policies.

    The channels are red, green, blue and depth: round(255 * min(depth, limit) / limit), so 0..`depth_limit`
    metres become 0..255 and all that is farther is 255. With the default limit one grey level is 2 cm.

    Args:
        env: `ThorInteract-v0`, wrapped or not.
        depth_limit: Depth in metres that becomes 255.

    Raises:
        InvalidOptionError: `depth_limit` is not a positive finite number.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], depth_limit: float = DEPTH_LIMIT) -> None:
        """Replace the observation space; see the class."""
        if not 0 < depth_limit < np.inf:
            raise InvalidOptionError(f"depth_limit {depth_limit!r} is not a positive finite number of metres")
        RecordConstructorArgs.__init__(self, depth_limit=depth_limit)
        gymnasium.ObservationWrapper.__init__(self, env)
        self.observation_space = spaces.Box(0, 255, (IMAGE_SIZE, IMAGE_SIZE, 4), np.uint8)
        self._scale = np.float32(255 / depth_limit)

    def observation(self, observation: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.uint8]:
        """Return the packed picture of an observation with the keys "rgb" and "depth"."""
        image = np.empty((IMAGE_SIZE, IMAGE_SIZE, 4), dtype=np.uint8)
        image[..., :3] = observation["rgb"]
        image[..., 3] = np.rint(np.clip(observation["depth"] * self._scale, 0, 255))
        return image
