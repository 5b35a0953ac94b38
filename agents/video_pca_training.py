"""Training of VideoPCA: watch all locations, then regress their soft masks (paper appendix D)."""

import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import torch

from agents.checkpoint import (
    Checkpoint,
    CheckpointError,
    last_checkpoint,
    load_checkpoint,
    optimizer_tensors,
    read_json,
    save_checkpoint,
    write_json,
)
from agents.collect import LocalCollector
from agents.learner import Learner, resolve_device
from agents.metrics import MetricsLogger, read_metrics
from agents.network import image_tensor
from agents.run_folder import CONFIG_FILE, RunExistsError, note_run, note_start
from agents.schedule import ConfigurationError
from agents.video_pca_configuration import VideoPCAConfig
from agents.video_pca_videos import VIDEOS_FOLDER, Collector, VideoRecord, Videos
from selfsup.augmentation import FLIP_PROBABILITY, JITTER_PROBABILITY, JITTER_STRENGTH, jitter_colours
from thor_interact_env.splits import split_rooms

_BATCHES = 1
"""Branch of the run's seed that decides batches and augmentation."""


def load_video_pca_config(path: Path) -> VideoPCAConfig:
    """Return the configuration of a VideoPCA run.

    Args:
        path: The run folder, or the folder of one of its checkpoints.

    Raises:
        CheckpointError: The folder or its configuration is missing or malformed, or of another system.
    """
    folders = [path, path.resolve().parent.parent]
    file = next((folder / CONFIG_FILE for folder in folders if (folder / CONFIG_FILE).exists()), None)
    if file is None:
        raise CheckpointError(f"{path} holds no {CONFIG_FILE}; name the folder of a VideoPCA run.")
    try:
        return VideoPCAConfig.from_json(read_json(file, "name the folder of a run."))
    except (ConfigurationError, TypeError, ValueError) as error:
        raise CheckpointError(f"{file} is not the configuration of a VideoPCA run: {error}") from None


def prepare_folder(config: VideoPCAConfig, run: Path, resume: bool) -> None:
    """Create a run folder, or check that the run there can go on.

    Raises:
        RunExistsError: Something is there and `resume` is false.
        CheckpointError: `resume` is true and there is no run.
        ConfigurationError: `resume` is true and the run there has another configuration.
    """
    if resume:
        mine, others = config.decisive(), load_video_pca_config(run).decisive()
        for name, value in mine.items():
            if value != others[name]:
                raise ConfigurationError(
                    f"{run} was trained with another {name} ({others[name]}, not {value}); resume with its "
                    "own settings, or start a new run."
                )
    elif run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise RunExistsError(
            f"{run} exists and is not empty; add --resume to go on with it, or name another --out."
        )
    else:
        run.mkdir(parents=True, exist_ok=True)
        write_json(run / CONFIG_FILE, config.to_json())


def augmented(record: VideoRecord, rng: np.random.Generator) -> VideoRecord:
    """Flip a record with probability 0.5 and change its colours with probability 0.8, as `selfsup.augment`.

    Args:
        record: It is not changed.
        rng: As many numbers are drawn whatever the outcome.
    """
    flip, jitter = rng.random() < FLIP_PROBABILITY, rng.random() < JITTER_PROBABILITY
    brightness, contrast, saturation = rng.uniform(1 - JITTER_STRENGTH, 1 + JITTER_STRENGTH, size=3)
    hue = rng.uniform(-JITTER_STRENGTH, JITTER_STRENGTH)
    order = tuple(rng.permutation(4))
    rgb, depth, soft = record.rgb, record.depth, record.soft
    if flip:
        rgb, depth, soft = rgb[:, ::-1], depth[:, ::-1], soft[:, ::-1]
    if jitter:
        rgb = jitter_colours(np.ascontiguousarray(rgb), brightness, contrast, saturation, hue, order)
    return VideoRecord(rgb, depth, soft, record.touches, record.moved)


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
            group["lr"] = rate * group["rate"]
        images = torch.stack([image_tensor(record.rgb, record.depth) for record in records])
        images = images.to(self.fabric.device, memory_format=self._memory_format)
        wanted = torch.from_numpy(np.stack([record.soft for record in records])).to(self.fabric.device)
        found = torch.sigmoid(self._forward(images).scores)
        loss = torch.nn.functional.mse_loss(found, wanted / 255)
        self._stepper.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self._stepper.step()
        value = loss.item()
        if not np.isfinite(value):
            raise FloatingPointError(
                f"The loss is {value}: training has diverged; lower the learning rate, {rate:g}."
            )
        return value


def train_network(
    config: VideoPCAConfig,
    run: Path,
    resume: bool = False,
    collector: Collector | None = None,
    stop_after: int | None = None,
) -> None:
    """Train, or go on training; see `agents.video_pca.train` for arguments and errors."""
    split_rooms(f"{config.split}/train")
    resolve_device(config.device)
    prepare_folder(config, run, resume)
    note_start(run, sys.orig_argv)
    _Training(config, run, resume).go_on(collector, stop_after)


class _Training:
    """A run in progress: the learner, and how far it has come. Every batch is a function of its number."""

    def __init__(self, config: VideoPCAConfig, run: Path, resume: bool) -> None:
        self.config, self.run, self.schedule = config, run, config.schedule
        self.videos = Videos(config, run)
        self.learner = SoftMaskLearner(config.training)
        self.episode = self.updates = 0
        self.seconds_before, self.started = 0.0, time.perf_counter()
        if resume and (run / "checkpoints").exists():
            self._restore()

    def seconds(self) -> float:
        """Return the wall-clock time spent, without what a kill undid."""
        return self.seconds_before + time.perf_counter() - self.started

    def go_on(self, collector: Collector | None, stop_after: int | None) -> None:
        """Collect what is missing, and make the updates that are left."""
        last = self.schedule.total_episodes
        if stop_after is not None:
            last = min(last, stop_after)
        if self.episode < last:
            with closing(collector or LocalCollector(self.config.workers)) as workers:
                self.videos.collect(workers)
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
            # They are large, and only needed to go on.
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
        return [augmented(record, rng) for record in self.videos.read(list(chosen))]

    def _save(self) -> None:
        state = {
            "config": self.config.digest(),
            "episode": self.episode,
            "updates": self.updates,
            "seconds": self.seconds(),
        }
        tensors = optimizer_tensors(self.learner.optimizer)
        save_checkpoint(self.run, self.episode, Checkpoint(self.learner.weights(), tensors, state))

    def _restore(self) -> None:
        folder = last_checkpoint(self.run)
        checkpoint = load_checkpoint(folder)
        state = checkpoint.state
        if state.get("config") != self.config.digest():
            raise CheckpointError(
                f"{folder} is of a run with another configuration; train into a new folder."
            )
        self.learner.load(checkpoint, folder)
        try:
            self.episode, self.updates = int(state["episode"]), int(state["updates"])
            self.seconds_before = float(state["seconds"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{folder / 'state.json'} is malformed ({error!r}); train again.") from None
