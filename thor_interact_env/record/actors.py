"""What chooses the touches of a record: random touches, or an agent of another package, by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from thor_interact_env.actions import DIRECTIONS, FORCES, REACH
from thor_interact_env.errors import InvalidOptionError
from thor_interact_env.simulators.base import Observation

RANDOM: Final = "random"
"""The name of `RandomTouches`."""


class Actor(Protocol):
    """Anything that chooses touches, such as `agents.ActingAgent`."""

    def reset(self, seed: int) -> None:
        """Start an episode, whose touches are a function of the seed and the views alone."""

    def act(self, observation: Observation) -> npt.NDArray[np.integer[Any]]:
        """Return the next action, (4,) integers, for the current view."""


ActorFactory = Callable[[str], Actor]
"""Returns an actor for the name of an agent, or raises `InvalidOptionError`. It is a function of a module,
which worker processes import, such as `agents.acting.actor_named`."""


class RandomTouches:
    """Touches a random pixel in reach with a random force in a random direction, each uniform.

    Where nothing is in reach, every pixel can be chosen.
    """

    def __init__(self) -> None:
        """Start with seed 0."""
        self._rng = np.random.default_rng(0)

    def reset(self, seed: int) -> None:
        """Start an episode."""
        self._rng = np.random.default_rng(seed)

    def act(self, observation: Observation) -> npt.NDArray[np.int64]:
        """Return the next action, (4,) int64: row, column, force index and direction index."""
        depth = observation["depth"]
        pixels = np.flatnonzero(depth < REACH)
        pixel = int(self._rng.choice(pixels) if len(pixels) else self._rng.integers(depth.size))
        row, column = divmod(pixel, depth.shape[1])
        return np.array([row, column, self._rng.integers(len(FORCES)), self._rng.integers(len(DIRECTIONS))])


def make_actor(name: str, agents: ActorFactory | None = None) -> Actor:
    """Return what chooses the touches.

    Args:
        name: `random`, or a name for `agents`.
        agents: Makes all other actors; None: there are no others.

    Raises:
        InvalidOptionError: There is no such actor, or it cannot be made.
    """
    if name == RANDOM:
        return RandomTouches()
    if agents is None:
        raise InvalidOptionError(
            f"agent {name!r} is not {RANDOM!r}; for others give agents=agents.acting.actor_named"
        )
    return agents(name)
