"""The training loop of Mask R-CNN: collect the views, learn, evaluate, save, and resume after a kill."""

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
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
from agents.mask_rcnn.views import ViewFolder
from agents.training.checkpoint import (
    Checkpoint,
    load_last_checkpoint,
    optimizer_tensors,
    restore_training,
)
from agents.training.learner import precision_of, resolve_device
from agents.training.metrics import MetricsLogger
from agents.training.processor import use_threads
from agents.training.progress import Progress, begin_run, note_begin, reading_state
from agents.training.random_states import random_states, restore_random_states
from agents.training.ranks import make_fabric
from agents.training.run_folder import keep_checkpoint, note_run
from selfsup.augmentation import draw_augmentation

VIEWS_FOLDER = "views"

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
        RunExistsError: The folder is not empty and `resume` is false.
        ConfigurationError: The folder's run has another configuration, or the device cannot be used.
        CheckpointError: The checkpoints are missing or corrupt; nothing was changed.
        CollectionError: A location cannot be visited.
        MainGuardError: Workers cannot start, because the main program runs again in each of them.
        OSError: The folder cannot be written to, or the disk is full; the last checkpoint remains complete.
        UnknownSplitError: There is no such split.
        FloatingPointError: Training diverged.
    """
    going_on = begin_run(config, run, resume)
    training = _Training(config, run)
    if going_on:
        training.restore()
    else:
        training.restore_kept(run)
    note_begin(config, run, training.episode)
    with (
        closing(collector if collector is not None else LocalCollector(config.workers)) as open_collector,
        MetricsLogger(run, config.schedule.updates, training.episode, training.updates) as logger,
    ):
        if training.updates < config.schedule.updates:
            training.collect(open_collector, logger)
        training.go_on(logger, evaluate, stop_after)
    note_run(run, training_seconds=round(training.seconds(), 1), episodes=training.episode)
    return MaskRCNNAgent.from_network(training.network)


class _Training(Progress):
    """A run in progress: the network, the optimizer, the views and the progress."""

    def __init__(self, config: MaskRCNNConfig, run: Path) -> None:
        super().__init__()
        self.config, self.run, self.schedule = config, run, config.schedule
        use_threads(config.threads)
        device = resolve_device(config.device)
        self.fabric = make_fabric(device, precision_of(config.counterpart(), device), ranks=1)
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
        """Collect all missing views."""
        start, visited = time.perf_counter(), 0
        logger.describe(f"{len(self.views)} locations")
        for records in self.views.collect(collector):
            visited += len(records)
            logger.describe(f"{visited} of {len(self.views)} locations")
            self.note_kept(self.run)
        if self.episode == 0:
            row = {"masks_per_location": self.views.masks_per_location}
            if visited:
                row["locations_per_second"] = visited / max(time.perf_counter() - start, 1e-9)
            logger.log(self._counters(1, "collect") | row)

    def go_on(self, logger: MetricsLogger, evaluate: Evaluate | None, stop_after: int | None) -> None:
        """Run the remaining episodes."""
        last = self.schedule.episodes
        if stop_after is not None:
            last = min(last, stop_after)
        while self.episode < last:
            logger.describe(f"episode {self.episode + 1}/{self.schedule.episodes}")
            row = self._learn(logger)
            self.episode += 1
            every = self.schedule.evaluate_every
            if evaluate is not None and every and self.episode % every == 0:
                scores = evaluate(MaskRCNNAgent.from_network(self.network))
                row |= {f"held_out/{name}": value for name, value in scores.items()}
            logger.log(self._counters(self.episode, "learn") | row)
            if self.episode % self.schedule.checkpoint_every == 0 or self.episode == last:
                self._save()

    def _learn(self, logger: MetricsLogger) -> dict[str, Any]:
        self.network.train()
        values: dict[str, list[float]] = defaultdict(list)
        start, before = time.perf_counter(), self.updates
        rate = self.schedule.rate(self.updates)
        for _ in range(min(self.schedule.updates_per_episode, self.schedule.updates - self.updates)):
            rate = self.schedule.rate(self.updates)
            for name, value in self._update(rate).items():
                values[name].append(value)
            self.updates += 1
            logger.advance()
        seconds = max(time.perf_counter() - start, 1e-9)
        means = {name: float(np.mean(measured)) for name, measured in values.items()}
        speed = (self.updates - before) * self.schedule.batch_size / seconds
        return {**means, "learning_rate": rate, "images_per_second": speed}

    def _update(self, rate: float) -> dict[str, float]:
        """Update the weights once; return the losses before."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = [
            self.views.read(number).augmented(draw_augmentation(self.rng)).tensors()
            for number in self._batch()
        ]
        images, targets = self.fabric.to_device(
            ([image for image, _ in batch], [masks for _, masks in batch])
        )
        # Fabric's own module would also round the boxes to bf16: above pixel 256 to even pixels.
        with self.fabric.autocast():
            losses = self.network(images, targets)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise FloatingPointError(
                f"The loss is {total.item()}: training has diverged; lower the learning rate, {rate:g}."
            )
        self._stepper.zero_grad(set_to_none=True)
        self.fabric.backward(total)
        self._stepper.step()
        return {"loss": total.item()} | {name: loss.item() for name, loss in losses.items()}

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
            "seconds": round(self.seconds(), 3),
        }

    def _save(self) -> None:
        state = {
            "config": self.config.digest(),
            **self.saved(),
            "random": random_states(self.rng),
        }
        tensors = optimizer_tensors(self.optimizer)
        keep_checkpoint(self.run, self.episode, Checkpoint(self.network.state_dict(), tensors, state))

    def restore(self) -> None:
        """Restore the last checkpoint of the run folder."""
        folder, checkpoint = load_last_checkpoint(self.run, self.config.digest())
        restore_training(self.network, self.optimizer, checkpoint, folder)
        with reading_state(folder):
            self.restored(checkpoint.state)
            restore_random_states(checkpoint.state["random"], self.rng)
