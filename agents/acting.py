"""Any agent in an ordinary Gymnasium loop: it touches the instances it proposes, one after another."""

from collections import deque

import numpy as np
import numpy.typing as npt

from agents.base import Agent, Instance
from agents.source import agent_named
from agents.training.schedule import RunError
from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import DIRECTIONS, FORCES
from thor_interact_env.errors import InvalidOptionError
from thor_interact_env.simulators.base import Observation


class ActingAgent:
    """An agent that acts: `act` turns an observation into an action of the environment.

    The instances of the first observation of an episode are touched in turn, best first, each with its force
    and in a random direction. After the last one, the agent proposes again from the current observation;
    where it proposes nothing, a pixel and a force are drawn uniformly.

    Example:
        >>> from agents.superpixel_agent import SuperpixelAgent
        >>> agent = ActingAgent(SuperpixelAgent(), seed=0)
        >>> observation = Observation(
        ...     rgb=np.zeros((300, 300, 3), np.uint8), depth=np.ones((300, 300), np.float32)
        ... )
        >>> agent.act(observation)[:3].tolist()
        [148, 148, 1]
    """

    def __init__(self, agent: Agent, seed: int | None = None) -> None:
        """Act with an agent.

        Args:
            agent: What proposes instances.
            seed: Seed of the directions, and of the points where nothing is proposed; None: a fresh seed.
        """
        self.agent = agent
        self._rng = np.random.default_rng(seed)
        self._next: deque[Instance] = deque()

    def reset(self, seed: int | None = None) -> None:
        """Discard the proposals, at the start of an episode.

        Args:
            seed: Seed of the episode; None continues with the present generator.
        """
        self._next.clear()
        if seed is not None:
            self._rng = np.random.default_rng(seed)

    def act(self, observation: Observation) -> npt.NDArray[np.int64]:
        """Return the next action.

        Args:
            observation: The current view, as the environment's `reset` or `step` returned it.

        Returns:
            (4,) int64: row, column, force index and direction index.
        """
        if not self._next:
            self._next.extend(self.agent.propose(observation))
        direction = int(self._rng.integers(len(DIRECTIONS)))
        if self._next:
            instance = self._next.popleft()
            return np.array([*instance.point, instance.force, direction])
        row, column = self._rng.integers(IMAGE_SIZE, size=2)
        return np.array([row, column, self._rng.integers(len(FORCES)), direction])


def actor_named(name: str) -> ActingAgent:
    """Return an agent that acts, for commands of the environment.

    Args:
        name: See `agents.source.agent_named`.

    Raises:
        InvalidOptionError: There is no such agent, or it cannot be made.
    """
    try:
        return ActingAgent(agent_named(name), seed=0)
    except RunError as error:
        raise InvalidOptionError(str(error)) from error
