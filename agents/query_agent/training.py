"""Training of queried masks, by the loop of `agents.training.loop`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from agents.collection.choosing import ChoosePoints, network_points
from agents.collection.collect import CollectionTask
from agents.collection.collector import Collector
from agents.collection.interact import InteractionRecord
from agents.query_agent.agent import QueryAgent
from agents.query_agent.configuration import QueryConfig
from agents.query_agent.inference import queried_instances
from agents.query_agent.learner import QueryLearner
from agents.query_agent.network import QueryNet
from agents.selfsup_agent.clustering import GridInstance
from agents.selfsup_agent.network import fused
from agents.selfsup_agent.training import PaperMethod
from agents.training.batches import Batches
from agents.training.learner import Learner
from agents.training.loop import train_with
from selfsup.experience import Experience
from selfsup.memory_bank import MemoryBank

Map = npt.NDArray[np.float32]

Evaluate = Callable[[QueryAgent], Mapping[str, float]]
"""Measures an agent on held-out views: numbers by name."""


def train(
    config: QueryConfig,
    run: Path,
    resume: bool = False,
    evaluate: Evaluate | None = None,
    collector: Collector | None = None,
    stop_after: int | None = None,
) -> QueryAgent:
    """Train queried masks, or go on training; see `agents.training.loop.train_with`."""
    return train_with(QueryMethod(config), config, run, resume, evaluate, collector, stop_after)


def queried_points(weights: Mapping[str, Tensor]) -> ChoosePoints:
    """Return what chooses the points of queried masks, each with the force that most such touches took.

    An agent's instances count all forces alike (`agents.query_agent.forces`); a touch is to succeed, and
    here the frequencies of the forces count too.

    Args:
        weights: State dict of a `QueryNet`.

    Raises:
        KeyError: They are of another network.
        RuntimeError: A value is missing, unknown, or of another shape.
    """
    network = fused(QueryNet.from_weights(weights)).to(memory_format=torch.channels_last)
    prior = network.force_frequencies.log().numpy()[:, None, None]

    def find(scores: Map, force_logits: Map, *others: Any) -> Sequence[GridInstance]:
        return queried_instances(scores, force_logits + prior, *others)

    return lambda count, threshold: network_points(network, count, threshold, find=find)


class QueryMethod:
    """What the learner of queried masks has of its own. Implements `agents.training.loop.Method`.

    Attributes:
        config: The run.
    """

    def __init__(self, config: QueryConfig) -> None:
        """Learn as a configuration says."""
        self.config = config
        self._paper = PaperMethod(config)

    def learner(self) -> QueryLearner:
        """Return the network of scores, forces, embeddings and queries, and its losses."""
        return QueryLearner(self.config)

    def task(self, task: CollectionTask) -> CollectionTask:
        """Return the task with the points of queried masks, which are touched in turn."""
        return replace(self._paper.task(task), chooser=queried_points)

    def experiences(self, record: InteractionRecord) -> Sequence[Experience]:
        """Return the training images of one visited location."""
        return self._paper.experiences(record)

    def batches(self, bank: MemoryBank, rng: np.random.Generator, updates: int) -> Batches:
        """Return the batches of the paper's learner."""
        return self._paper.batches(bank, rng, updates)

    def agent(self, learner: Learner) -> QueryAgent:
        """Return an agent with the weights as they are now."""
        return QueryAgent(learner.network)
