"""Any agent beside a person: what `python -m thor_interact_env.play --agent` shows and lets touch."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agents.acting import ActingAgent
from agents.base import Agent, Instance
from agents.commands.options import fail
from agents.source import agent_named, checked_instances, described
from agents.training.schedule import RunError
from thor_interact_env.play.companion import CompanionError, Opinion, Proposal
from thor_interact_env.simulators.base import Observation


class AgentCompanion:
    """An agent as the page needs it; implements `thor_interact_env.play.companion.Companion`.

    What the agent raises, and what it proposes that is no list of instances, is a `CompanionError`. An agent
    with a method `maps(observation)` as that of `agents.selfsup_agent.network_agent.NetworkAgent` has its
    scores shown.
    """

    def __init__(self, agent: Agent, name: str) -> None:
        """Show an agent.

        Args:
            agent: The agent.
            name: How the page calls it.
        """
        self.agent = agent
        self.name = name

    def propose(self, observation: Observation) -> list[Instance]:
        """Return the agent's instances, checked, best first.

        Raises:
            CompanionError: The agent failed.
        """
        try:
            return checked_instances(self.agent.propose(observation))
        except Exception as error:
            raise CompanionError(f"the agent failed: {described(error)}") from error

    def look(self, observation: Observation) -> Opinion:
        """Return what the agent says about a view; see `Companion`."""
        proposals = tuple(
            Proposal(*one.point, one.force, one.score, one.mask) for one in self.propose(observation)
        )
        return Opinion(proposals, self._scores(observation))

    def acting(self, seed: int) -> ActingAgent:
        """Return the agent at the start of an episode; see `Companion`."""
        return ActingAgent(self, seed)

    def _scores(self, observation: Observation) -> npt.NDArray[np.float32] | None:
        maps: Any = getattr(self.agent, "maps", None)
        if not callable(maps):
            return None
        try:
            logits = np.asarray(maps(observation)[0], np.float32)
            return np.asarray(1 / (1 + np.exp(-np.clip(logits, -50, 50))), np.float32)
        except Exception as error:
            raise CompanionError(f"the agent failed: {described(error)}") from error


def load_companion(name: str) -> AgentCompanion:
    """Return the agent that a word of a command line names; its mistakes are one line and exit code 2.

    Args:
        name: As `agent_named` takes it; classes are also looked for in the current folder.
    """
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        return AgentCompanion(agent_named(name), Path(name).name if Path(name).is_dir() else name)
    except RunError as error:
        fail(str(error))
