"""What every agent can do, learned or not."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.base import Observation

Point = tuple[int, int, int]
"""Pixel row and column, each in 0..299, and force index 0..2."""

MAX_INSTANCES = 32
"""Maximum number of instances proposed in one view (paper section 4.1)."""


@dataclass(frozen=True, eq=False)
class Instance:
    """One object that an agent predicts it can move.

    Attributes:
        point: Pixel (row, column), each in 0..299, where to touch it.
        force: Index 0..2 of the minimum force predicted to move it (5, 30 or 200 N): its mass class.
        score: Confidence in 0..1.
        mask: (300, 300) bool, its extent, or None from an agent that predicts points only.
    """

    point: tuple[int, int]
    force: int
    score: float
    mask: npt.NDArray[np.bool_] | None


@runtime_checkable
class Agent(Protocol):
    """Anything that proposes objects from a single view, without touching anything."""

    def propose(self, observation: Observation) -> list[Instance]:
        """Return the objects of a view that could be moved.

        Args:
            observation: One egocentric view, as the environment's `reset` and `step` return it.

        Returns:
            Instances, best first.
        """
