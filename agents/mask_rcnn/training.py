"""The training loop of Mask R-CNN: collect the views, learn, evaluate, save, and resume after a kill."""

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from agents.collection.collector import Collector
from agents.collection.local_collector import LocalCollector
from agents.mask_rcnn.agent import MaskRCNNAgent
from agents.mask_rcnn.configuration import MaskRCNNConfig
from agents.mask_rcnn.network import build_mask_rcnn
from agents.mask_rcnn.sharing import VIEWS_FOLDER, take_over_views
from agents.mask_rcnn.views import ViewFolder
from agents.training.checkpoint import restore_training
from agents.training.learner import precision_of, resolve_device
from agents.training.metrics import MetricsLogger
from agents.training.optimizer import descend
from agents.training.processor import use_threads
from agents.training.progress import (
    Progress,
    held_out,
    last_episode,
    open_run,
    random_states,
    restore_random_states,
)
from agents.training.ranks import check_ranks, make_fabric
from selfsup.augmentation import draw_augmentation

Evaluate = Callable[[MaskRCNNAgent], dict[str, float]]
"""Evaluates an agent on held-out views: numbers by name."""

_MOMENTUM = 0.9
_AUGMENTATION, _ORDER = 1, 2
"""Branches of the run's seed for the augmentation and the order of the views."""


def train(
    config: MaskRCNNConfig,
    run: Path,
    resume: bool = False,
    evaluate: Evaluate | None = None,
    collector: Collector | None = None,
    stop_after: int | None = None,
) -> MaskRCNNAgent:
    """Train, or continue training.

    Args:
        config: The configuration of the run.
        run: The run folder; see `agents.training.run_folder`.
        resume: Continue from the last complete checkpoint of the folder, or start if there is none yet.
        evaluate: Evaluates the agent on held-out views every `evaluate_every` episodes.
        collector: Visits locations; by default `config.workers` processes of this machine. It is closed.
        stop_after: Stop after this many episodes of the run, at a checkpoint; None continues to the end.

    Returns:
        The trained agent.

    Raises:
        CollectionError: A location cannot be visited.
        OSError, RunError, ThorInteractError, FloatingPointError: As `agents.training.loop.train_with` says.
    """
    training = open_run(config, run, resume, _Training)
    with (
        closing(collector if collector is not None else LocalCollector(config.workers)) as open_collector,
        MetricsLogger(run, config.schedule.updates, training.episode, training.updates) as logger,
    ):
        if training.updates < config.schedule.updates:
            training.collect(open_collector, logger)
        training.go_on(logger, evaluate, stop_after)
    training.note_end()
    return MaskRCNNAgent.from_network(training.network)


class _Training(Progress[MaskRCNNConfig]):
    """A run in progress: the network, the optimizer, the views and the progress."""

    def __init__(self, config: MaskRCNNConfig, run: Path) -> None:
        super().__init__(config, run)
        self.schedule = config.schedule
        check_ranks(1)
        use_threads(config.threads)
        device = resolve_device(config.device)
        same = config.counterpart()
        self._jitter = same.schedule.jitter_probability
        self.fabric = make_fabric(device, precision_of(same, device), ranks=1)
        torch.manual_seed(config.seed)
        self.network = build_mask_rcnn(config).to(self.fabric.device)
        if self.fabric.device.type != "mps":
            self.network.to(memory_format=torch.channels_last)
        self.optimizer = self._new_optimizer()
        _, self._stepper = self.fabric.setup(self.network, self.optimizer, move_to_device=False)
        self.views = ViewFolder(run / VIEWS_FOLDER, config)
        self.rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(_AUGMENTATION,)))
        self._order: tuple[int, npt.NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def _new_optimizer(self) -> torch.optim.Optimizer:
        schedule, parameters = self.schedule, self.network.parameters()
        if schedule.optimizer == "adamw":
            return torch.optim.AdamW(
                parameters, lr=schedule.learning_rate, weight_decay=schedule.weight_decay
            )
        return torch.optim.SGD(
            parameters, lr=schedule.learning_rate, momentum=_MOMENTUM, weight_decay=schedule.weight_decay
        )

    def collect(self, collector: Collector, logger: MetricsLogger) -> None:
        """Collect all missing views, or take them over from another run that has the same."""
        if not (self.run / VIEWS_FOLDER).exists():
            other = take_over_views(self.config, self.run)
            if other is not None:
                self.count_kept_of(other)
                self.note_kept()
        start, visited = time.perf_counter(), 0
        logger.describe(f"{len(self.views)} locations")
        for records in self.views.collect(collector):
            visited += len(records)
            logger.describe(f"{visited} of {len(self.views)} locations")
            self.note_kept()
        if self.episode == 0:
            row = {"masks_per_location": self.views.masks_per_location, "touches": self.views.touches}
            if visited:
                row["locations_per_second"] = visited / max(time.perf_counter() - start, 1e-9)
            logger.log(self._counters(1, "collect") | row)

    def go_on(self, logger: MetricsLogger, evaluate: Evaluate | None, stop_after: int | None) -> None:
        """Run the remaining episodes."""
        last = last_episode(self.schedule.episodes, stop_after)
        while self.episode < last:
            logger.describe(f"episode {self.episode + 1}/{self.schedule.episodes}")
            self.network.train()
            left = self.schedule.updates - self.updates
            count = min(self.schedule.updates_per_episode, left)
            row = self.make_updates(count, self.schedule.rate, self._update, logger).row(
                self.schedule.batch_size
            )
            self.episode += 1
            agent = partial(MaskRCNNAgent.from_network, self.network)
            row |= held_out(evaluate, self.schedule.evaluate_every, self.episode, agent)
            logger.log(self._counters(self.episode, "learn") | row)
            if self.episode % self.schedule.checkpoint_every == 0 or self.episode == last:
                self.keep(self.network.state_dict(), self.optimizer, random=random_states(self.rng))

    def _update(self, rate: float) -> dict[str, float]:
        """Update the weights once; return the losses before."""
        batch = [
            self.views.read(number).augmented(draw_augmentation(self.rng, self._jitter)).tensors()
            for number in self._batch()
        ]
        images, targets = self.fabric.to_device(
            ([image for image, _ in batch], [masks for _, masks in batch])
        )
        # Fabric's own module would also round the boxes to bf16: above pixel 256 to even pixels.
        with self.fabric.autocast():
            losses = self.network(images, targets)
        return descend(self.fabric, self.optimizer, self._stepper, losses, rate)

    def _batch(self) -> list[int]:
        """Return the next views: all in random order, then all in another order, and so on."""
        first = self.updates * self.schedule.batch_size
        numbers = []
        for place in range(first, first + self.schedule.batch_size):
            turn, index = divmod(place, len(self.views))
            if turn != self._order[0]:
                seed = np.random.SeedSequence(self.config.seed, spawn_key=(_ORDER, turn))
                self._order = (turn, np.random.default_rng(seed).permutation(len(self.views)))
            numbers.append(int(self._order[1][index]))
        return numbers

    def _counters(self, episode: int, phase: str) -> dict[str, Any]:
        return {
            "episode": episode,
            "phase": phase,
            "updates": self.updates,
            "locations": len(self.views),
            **self.times(),
        }

    def restore(self) -> None:
        """Restore the last checkpoint of the run folder."""
        with self.restoring(partial(restore_training, self.network, self.optimizer)) as (_, state):
            restore_random_states(state["random"], self.rng)
