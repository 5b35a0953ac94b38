"""What the page asks of an agent; `agents.playing` makes one of any agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.base import Observation


class CompanionError(RuntimeError):
    """The agent failed at a view: the message has the agent's own error."""


@dataclass(frozen=True, eq=False)
class Proposal:
    """One object that the agent expects to move.

    Attributes:
        row: Pixel row where it would touch the object, 0..299.
        column: Pixel column, 0..299.
        force: Index 0..2 of the force that it predicts.
        score: Its confidence, 0..1.
        mask: (300, 300) bool, the extent of the object, or None.
    """

    row: int
    column: int
    force: int
    score: float
    mask: npt.NDArray[np.bool_] | None


@dataclass(frozen=True, eq=False)
class Opinion:
    """What the agent says about one view.

    Attributes:
        proposals: Objects, best first.
        scores: (100, 100) float32 in 0..1, the probability that a touch of a grid cell moves something; None
            from an agent without such a map.
    """

    proposals: tuple[Proposal, ...]
    scores: npt.NDArray[np.float32] | None


class Acting(Protocol):
    """An agent in one episode."""

    def act(self, observation: Observation) -> npt.NDArray[np.integer[Any]]:
        """Return the next touch, (4,) integers; see the action space.

        Raises:
            CompanionError: The agent failed.
        """


class Companion(Protocol):
    """An agent whose opinion is shown, and which touches beside a person."""

    name: str
    """How the page calls it."""

    def look(self, observation: Observation) -> Opinion:
        """Return its opinion about a view.

        Raises:
            CompanionError: The agent failed.
        """

    def acting(self, seed: int) -> Acting:
        """Return the agent at the start of an episode.

        Args:
            seed: Seed of what it draws.
        """
