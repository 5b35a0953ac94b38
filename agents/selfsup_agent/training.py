"""Training of the paper's learner, by the loop of `agents.training.loop`."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from agents.collection.collect import CollectionTask
from agents.collection.collector import Collector
from agents.collection.interact import InteractionRecord
from agents.selfsup_agent.agent import SelfSupervisedAgent
from agents.training.batches import Batches
from agents.training.configuration import TrainConfig
from agents.training.learner import Learner
from agents.training.loop import train_with
from selfsup.augmentation import augment
from selfsup.experience import Experience
from selfsup.feedback import ForceArea
from selfsup.memory_bank import MemoryBank

Evaluate = Callable[[SelfSupervisedAgent], Mapping[str, float]]
"""Evaluates an agent on held-out views: numbers by name."""


def train(
    config: TrainConfig,
    run: Path,
    resume: bool = False,
    evaluate: Evaluate | None = None,
    collector: Collector | None = None,
    stop_after: int | None = None,
) -> SelfSupervisedAgent:
    """Train the paper's learner, or continue training; see `agents.training.loop.train_with`."""
    return train_with(PaperMethod(config), config, run, resume, evaluate, collector, stop_after)


class PaperMethod:
    """The parts of training that are the paper's. Implements `agents.training.loop.Method`.

    A learner that differs in one thing overrides that method.

    Attributes:
        config: The run.
    """

    def __init__(self, config: TrainConfig) -> None:
        """Learn as a configuration says."""
        self.config = config

    def learner(self) -> Learner:
        """Return the network of scores, forces and embeddings, and its losses."""
        return Learner(self.config)

    def task(self, task: CollectionTask) -> CollectionTask:
        """Return the task as it is: its greedy points are seeds of clusters."""
        return task

    def experiences(self, record: InteractionRecord) -> Sequence[Experience]:
        """Return the experience of the first view."""
        return record.images

    def batches(
        self,
        bank: MemoryBank,
        rng: np.random.Generator,
        updates: int,
        force_area: ForceArea = "point",
    ) -> Batches:
        """Return batches by priority, augmented, of whole views or of windows; see `Batches`."""
        schedule = self.config.schedule
        return Batches(
            bank,
            rng,
            schedule.batch_size // self.config.ranks,
            updates,
            self.config.kernel_name,
            partial(augment, jitter_probability=schedule.jitter_probability),
            side=schedule.window,
            force_area=force_area,
        )

    def agent(self, learner: Learner) -> SelfSupervisedAgent:
        """Return an agent with the current weights."""
        return SelfSupervisedAgent(learner.network, refined=self.config.schedule.refined_instances)
