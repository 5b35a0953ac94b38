"""What every agent can do, learned or not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.base import Observation

Point = tuple[int, int, int]
"""Pixel row and column, each in 0..299, and force index 0..2."""

MAX_INSTANCES = 32
"""Maximum number of instances proposed in one view."""

VIEWS_AT_ONCE = 2
"""Views that are shown to an agent at once: two cost a network 4 to 7% less than one after the other. The
tensors of more are so large that the C library returns their memory after every pass, unless told otherwise
(`agents.training.processor.keep_freed_memory`), which costs more than is gained."""


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


@runtime_checkable
class BatchAgent(Agent, Protocol):
    """An agent that is faster at several views at once."""

    def propose_many(self, observations: Sequence[Observation]) -> list[list[Instance]]:
        """Return what `propose` returns for each of several views, in their order.

        Args:
            observations: Views; they are independent of each other.
        """


def propose_all(
    agent: Agent, observations: Sequence[Observation], views: int = VIEWS_AT_ONCE
) -> Iterator[list[list[Instance]]]:
    """Show views to an agent, several at once to one that can take them.

    Args:
        agent: The agent.
        observations: Independent views.
        views: Maximum number of views shown at once.

    Yields:
        The instances of the next views, in their order; of one view for an agent that takes them one by one.
    """
    if isinstance(agent, BatchAgent):
        for first in range(0, len(observations), views):
            yield agent.propose_many(observations[first : first + views])
    else:
        for observation in observations:
            yield [agent.propose(observation)]
