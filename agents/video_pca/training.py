"""Training of VideoPCA: record all locations, then regress their soft masks (paper appendix D)."""

import shutil
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import torch

from agents.collection.collector import Collector
from agents.collection.local_collector import LocalCollector
from agents.selfsup_agent.network import image_tensor
from agents.training.checkpoint import Checkpoint, load_last_checkpoint, optimizer_tensors
from agents.training.learner import Learner
from agents.training.metrics import MetricsLogger, read_metrics
from agents.training.progress import Progress, begin_run, note_begin, reading_state
from agents.training.run_folder import keep_checkpoint, note_run
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
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        images = torch.stack([image_tensor(record.rgb, record.depth) for record in records])
        images = images.to(self.fabric.device, memory_format=self.memory_format)
        wanted = torch.from_numpy(np.stack([record.soft for record in records])).to(self.fabric.device)
        found = torch.sigmoid(self.forward(images).scores)
        loss = torch.nn.functional.mse_loss(found, wanted / 255)
        self.stepper.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self.stepper.step()
        value = loss.item()
        if not np.isfinite(value):
            raise FloatingPointError(
                f"The loss is {value}: training has diverged; lower the learning rate, {rate:g}."
            )
        return value


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
    training.go_on(collector, stop_after)
    return VideoPCAAgent.from_run(run, config.device)


class _Training(Progress):
    """A run in progress: the learner and the progress. Every batch is a function of its number."""

    def __init__(self, config: VideoPCAConfig, run: Path) -> None:
        super().__init__()
        self.config, self.run, self.schedule = config, run, config.schedule
        self.videos = Videos(config, run)
        self.learner = SoftMaskLearner(config.counterpart())

    def go_on(self, collector: Collector | None, stop_after: int | None) -> None:
        """Collect missing locations, and make the remaining updates."""
        last = self.schedule.total_episodes
        if stop_after is not None:
            last = min(last, stop_after)
        if self.episode < last:
            with closing(collector or LocalCollector(self.config.workers)) as workers:
                for _ in self.videos.collect(workers):
                    self.note_kept(self.run)
        logged = any(row["episode"] == 0 for row in read_metrics(self.run))
        total = self.schedule.total_updates
        with MetricsLogger(self.run, total, self.episode, self.updates) as logger:
            if self.episode < last and not logged:
                logger.log({"episode": 0, "seconds": round(self.seconds(), 3), **self.videos.summary()})
            while self.episode < last:
                self._episode(logger)
                if self.episode % self.schedule.checkpoint_every == 0 or self.episode == last:
                    self._save()
        note_run(self.run, training_seconds=round(self.seconds(), 1), episodes=self.episode)
        if self.episode == self.schedule.total_episodes:
            # They are large, and only needed to resume.
            shutil.rmtree(self.run / VIDEOS_FOLDER, ignore_errors=True)

    def _episode(self, logger: MetricsLogger) -> None:
        logger.describe(f"episode {self.episode + 1}/{self.schedule.total_episodes}")
        losses, rate, start = [], self.schedule.learning_rate, time.perf_counter()
        for _ in range(self.schedule.stages[0].updates(self.episode)):
            rate = self.schedule.rate(self.updates)
            losses.append(self.learner.regress(self._batch(), rate))
            self.updates += 1
            logger.advance()
        self.episode += 1
        speed = len(losses) * self.schedule.batch_size / max(time.perf_counter() - start, 1e-9)
        row = {"loss": float(np.mean(losses))} if losses else {}
        counters = {"episode": self.episode, "updates": self.updates, "seconds": round(self.seconds(), 3)}
        logger.log({**counters, **row, "learning_rate": rate, "images_per_second": speed})

    def _batch(self) -> list[VideoRecord]:
        sequence = np.random.SeedSequence(self.config.seed, spawn_key=(_BATCHES, self.updates))
        rng = np.random.default_rng(sequence)
        chosen = rng.choice(len(self.videos), self.schedule.batch_size, replace=False)
        jitter = self.schedule.jitter_probability
        return [
            augmented(record, draw_augmentation(rng, jitter)) for record in self.videos.read(list(chosen))
        ]

    def _save(self) -> None:
        state = {"config": self.config.digest(), **self.saved()}
        tensors = optimizer_tensors(self.learner.optimizer)
        keep_checkpoint(self.run, self.episode, Checkpoint(self.learner.weights(), tensors, state))

    def restore(self) -> None:
        """Restore the last checkpoint of the run folder."""
        folder, checkpoint = load_last_checkpoint(self.run, self.config.digest())
        self.learner.load(checkpoint, folder)
        with reading_state(folder):
            self.restored(checkpoint.state)
