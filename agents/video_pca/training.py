"""Training of VideoPCA: record all locations, then regress their soft masks (paper appendix D)."""

import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import torch

from agents.collection.collector import Collector
from agents.collection.local_collector import LocalCollector
from agents.selfsup_agent.network import image_batch
from agents.training.learner import Learner
from agents.training.metrics import MetricsLogger, read_metrics
from agents.training.progress import Progress, last_episode, open_run
from agents.video_pca.agent import VideoPCAAgent
from agents.video_pca.configuration import VideoPCAConfig
from agents.video_pca.videos import VIDEOS_FOLDER, VideoRecord, Videos
from selfsup.augmentation import Augmentation, draw_augmentation

_BATCHES = 1
"""Branch of the run's seed for batches and augmentation."""


def augmented(record: VideoRecord, drawn: Augmentation) -> VideoRecord:
    """Return a record mirrored and with changed colours, as drawn; the original is not changed."""
    rgb, depth, soft = record.rgb, record.depth, record.soft
    if drawn.flip:
        rgb, depth, soft = np.ascontiguousarray(rgb[:, ::-1]), depth[:, ::-1], soft[:, ::-1]
    return VideoRecord(drawn.colours(rgb), depth, soft, record.touches, record.moved)


class SoftMaskLearner(Learner):
    """The self-supervised learner's network and optimizer; its scores, as probabilities, are regressed."""

    def regress(self, records: Sequence[VideoRecord], rate: float) -> float:
        """Update the weights once, and return the loss before: the mean squared error of the soft masks.

        Args:
            records: One batch.
            rate: Learning rate.

        Raises:
            FloatingPointError: The loss is not finite.
        """
        images = image_batch([(record.rgb, record.depth) for record in records])
        images = images.to(self.fabric.device, memory_format=self.memory_format)
        wanted = torch.from_numpy(np.stack([record.soft for record in records])).to(self.fabric.device)
        found = torch.sigmoid(self.forward(images).scores)
        loss = torch.nn.functional.mse_loss(found, wanted / 255)
        return self.descend({"soft_mask_loss": loss}, rate)["loss"]


def train(
    config: VideoPCAConfig,
    run: Path,
    resume: bool = False,
    collector: Collector | None = None,
    stop_after: int | None = None,
) -> VideoPCAAgent:
    """Train, or continue training.

    Args:
        config: The configuration of the run.
        run: The run folder: config.json, run.json, metrics.jsonl, checkpoints.
        resume: Continue the run in the folder, exactly as if it had not stopped.
        collector: Visits locations; by default `config.workers` processes of this machine. It is closed.
        stop_after: Stop after this many episodes, at a checkpoint; None continues to the end.

    Returns:
        The trained agent.

    Raises:
        CollectionError: A location cannot be visited.
        OSError, RunError, ThorInteractError, FloatingPointError: As `agents.training.loop.train_with` says.
    """
    training = open_run(config, run, resume, _Training)
    training.go_on(collector, stop_after)
    return VideoPCAAgent.from_run(run, config.device)


class _Training(Progress[VideoPCAConfig]):
    """A run in progress: the learner, and how far it has come. Every batch is a function of its number."""

    def __init__(self, config: VideoPCAConfig, run: Path) -> None:
        super().__init__(config, run)
        self.schedule = config.schedule
        self.videos = Videos(config, run)
        self.learner = SoftMaskLearner(config.counterpart())

    def go_on(self, collector: Collector | None, stop_after: int | None) -> None:
        """Collect what is missing, and make the updates that are left."""
        last = last_episode(self.schedule.total_episodes, stop_after)
        if self.episode < last:
            with closing(collector or LocalCollector(self.config.workers)) as workers:
                for _ in self.videos.collect(workers):
                    self.note_kept()
        logged = any(row["episode"] == 0 for row in read_metrics(self.run))
        total = self.schedule.total_updates
        with MetricsLogger(self.run, total, self.episode, self.updates) as logger:
            if self.episode < last and not logged:
                logger.log({"episode": 0, **self.times(), **self.videos.summary()})
            while self.episode < last:
                self._episode(logger)
                if self.episode % self.schedule.checkpoint_every == 0 or self.episode == last:
                    self.keep(self.learner.weights(), self.learner.optimizer)
        self.note_end()
        if self.episode == self.schedule.total_episodes:
            # They are large, and only needed to resume.
            shutil.rmtree(self.run / VIDEOS_FOLDER, ignore_errors=True)

    def _episode(self, logger: MetricsLogger) -> None:
        logger.describe(f"episode {self.episode + 1}/{self.schedule.total_episodes}")
        made = self.make_updates(
            self.schedule.stages[0].updates(self.episode),
            self.schedule.rate,
            lambda rate: {"loss": self.learner.regress(self._batch(), rate)},
            logger,
        )
        self.episode += 1
        counters = {"episode": self.episode, "updates": self.updates, **self.times()}
        logger.log({**counters, **made.row(self.schedule.batch_size)})

    def _batch(self) -> list[VideoRecord]:
        sequence = np.random.SeedSequence(self.config.seed, spawn_key=(_BATCHES, self.updates))
        rng = np.random.default_rng(sequence)
        chosen = rng.choice(len(self.videos), self.schedule.batch_size, replace=False)
        jitter = self.schedule.jitter_probability
        return [
            augmented(record, draw_augmentation(rng, jitter)) for record in self.videos.read(list(chosen))
        ]

    def restore(self) -> None:
        """Go back to the last checkpoint of the run folder."""
        with self.restoring(self.learner.load):
            pass  # every batch is a function of its number
