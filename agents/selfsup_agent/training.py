"""The training loop: collect, learn, evaluate, save, and resume after a kill (paper section 4.2, appendix C).

In each episode the workers collect new locations with the weights from its start, while the network is
updated from the memory bank; then the new locations enter the bank. This fixed lag of one episode makes a run
a function of its configuration alone, independent of the number of workers and their speed.
"""

import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from agents.collection.collect import CollectionTask
from agents.collection.collector import Collector
from agents.collection.engines import make_collector
from agents.collection.interact import InteractionSchedule
from agents.collection.pending import Pending, collection_counts, collection_summary
from agents.selfsup_agent.agent import SelfSupervisedAgent
from agents.training.batches import Batches
from agents.training.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_last_checkpoint,
    optimizer_tensors,
    save_weights,
)
from agents.training.configuration import TrainConfig
from agents.training.learner import Learner
from agents.training.metrics import MetricsLogger
from agents.training.progress import Progress, begin_run, note_begin, reading_state
from agents.training.random_states import random_states, restore_random_states
from agents.training.ranks import gather
from agents.training.run_folder import MEMORY_FOLDER, clear_collector, keep_checkpoint, note_run
from agents.training.schedule import Stage, require
from selfsup.augmentation import augment
from selfsup.memory_bank import MemoryBank, MemoryBankError
from thor_interact_env.locations.splits import split_rooms

Evaluate = Callable[[SelfSupervisedAgent], dict[str, float]]
"""Evaluates an agent on held-out views: numbers by name."""

_BATCHES = 1
"""Branch of the run's seed for batches and augmentation; locations have longer branches."""


def location_seeds(seed: int, stage: int, episode: int, count: int) -> list[int]:
    """Return the seed of each location of an episode.

    Args:
        seed: The run's seed.
        stage: Stage number, from 0.
        episode: 0 for the filling of the bank, 1 for the first episode of the stage, ...
        count: Locations.

    Returns:
        Seeds in 0..2^63 - 1; each depends on its own index and not on `count`.
    """
    sequences = (np.random.SeedSequence(seed, spawn_key=(stage, episode, index)) for index in range(count))
    return [int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1)) for sequence in sequences]


def train(
    config: TrainConfig,
    run: Path,
    resume: bool = False,
    evaluate: Evaluate | None = None,
    collector: Collector | None = None,
    stop_after: int | None = None,
) -> SelfSupervisedAgent:
    """Train, or continue training.

    Args:
        config: The configuration of the run.
        run: The run folder; see `agents.training.run_folder`.
        resume: Continue from the last complete checkpoint of the folder, or start if there is none yet.
        evaluate: Evaluates the agent on held-out views every `evaluate_every` episodes.
        collector: Visits locations; by default that of the configuration. It is closed.
        stop_after: Stop after this many episodes of the run, at a checkpoint; None continues to the end.

    Returns:
        The trained agent.

    Raises:
        RunExistsError: The folder is not empty and `resume` is false.
        ConfigurationError: The folder's run has another configuration, or the device cannot be used.
        CheckpointError: The checkpoints or the memory bank are missing or corrupt; nothing was changed.
        UnknownSplitError: There is no such split.
        MainGuardError: Workers cannot start, because the main program runs again in each of them.
        OSError: The folder cannot be written to, or the disk is full; the last checkpoint remains complete.
        FloatingPointError: Training diverged.
    """
    going_on = begin_run(config, run, resume)
    training = _Training(config, run)
    rank = training.learner.fabric.global_rank
    if going_on:
        training.restore()
    note_begin(config, run, training.episode)
    weights_folder = clear_collector(run, rank)
    try:
        with (
            closing(collector if collector is not None else make_collector(config)) as open_collector,
            # The records of the other ranks are equal, and are deleted with their weights.
            MetricsLogger(
                weights_folder if rank else run,
                config.schedule.total_updates,
                training.episode,
                training.updates,
            ) as logger,
        ):
            training.go_on(open_collector, weights_folder, logger, None if rank else evaluate, stop_after)
    finally:
        shutil.rmtree(weights_folder, ignore_errors=True)
    note_run(run, training_seconds=round(training.seconds(), 1), episodes=training.episode)
    return training.agent()


class _Training(Progress):
    """A run in progress: the learner, the memory bank and the progress."""

    collector: Collector
    weights_folder: Path
    logger: MetricsLogger
    bank: MemoryBank

    def __init__(self, config: TrainConfig, run: Path) -> None:
        super().__init__()
        self.config, self.run, self.schedule = config, run, config.schedule
        self.learner = Learner(config)
        self.rank, self.ranks = self.learner.fabric.global_rank, config.ranks
        branch = (_BATCHES, self.rank) if self.rank else (_BATCHES,)
        self.rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=branch))
        self.locations = 0
        self.late: list[Pending] = []
        self.late_episodes: list[int] = []

    def agent(self) -> SelfSupervisedAgent:
        """Return an agent with the current weights."""
        return SelfSupervisedAgent(self.learner.network, refined=self.schedule.refined_instances)

    def go_on(
        self,
        collector: Collector,
        weights_folder: Path,
        logger: MetricsLogger,
        evaluate: Evaluate | None,
        stop_after: int | None,
    ) -> None:
        """Run the remaining episodes."""
        self.collector, self.weights_folder, self.logger = collector, weights_folder, logger
        last = self.schedule.total_episodes
        if stop_after is not None:
            last = min(last, stop_after)
        if self.late_episodes and self.episode < last:
            # Only without `wait_for_workers`, where a run is not a function of its configuration.
            number, _ = self.schedule.place(self.episode - 1)
            wanted = self.schedule.stages[number].locations_per_episode
            self.late = [self._submit(number, episode, wanted) for episode in self.late_episodes]
        while self.episode < last:
            number, local = self.schedule.place(self.episode)
            if local == 0:
                self._start_stage(number)
            self._episode(number, local, evaluate)
            if self.episode % self.schedule.checkpoint_every == 0 or self.episode == last:
                self._save(number, local)

    def _start_stage(self, number: int) -> None:
        """Start with an empty bank and a fresh optimizer, and fill the bank."""
        stage = self.schedule.stages[number]
        if number > 0:
            self.learner.start_stage()
        shutil.rmtree(self._bank_folder(number), ignore_errors=True)
        self.bank = self._new_bank(number)
        self.logger.describe(f"stage {number + 1}: first {stage.initial_locations} locations")
        row = self._collected([self._submit(number, 0, stage.initial_locations)])
        per_rank = self.schedule.batch_size // self.ranks
        require(
            len(self.bank) >= per_rank,
            f"Rank {self.rank} got {len(self.bank)} of the first {stage.initial_locations} locations, fewer "
            f"than its {per_rank} of a batch; lower locations_per_room or batch_size.",
        )
        self.logger.log(self._counters(number, self.episode + 1, "fill") | row)

    def _episode(self, number: int, local: int, evaluate: Evaluate | None) -> None:
        stage = self.schedule.stages[number]
        # Locations of the last episode would never be used.
        wanted = stage.locations_per_episode if local + 1 < stage.episodes else 0
        pending = self._submit(number, local + 1, wanted)
        self.logger.describe(f"stage {number + 1}, episode {local + 1}/{stage.episodes}")
        row = self._learn(stage, local)
        every = self.schedule.evaluate_every
        if evaluate is not None and every and (self.episode + 1) % every == 0:
            scores = evaluate(self.agent())
            row |= {f"held_out/{name}": value for name, value in scores.items()}
        arrived = [*self.late, pending]
        may_be_late = not self.config.wait_for_workers and local + 1 < stage.episodes
        self.late = [arrived.pop()] if may_be_late and not pending.done else []
        row |= self._collected(arrived)
        self.episode += 1
        self.logger.log(self._counters(number, self.episode, "learn") | row)

    def _learn(self, stage: Stage, local: int) -> dict[str, Any]:
        frozen = local < stage.frozen_detection_episodes
        self.learner.freeze_detection(frozen)
        updates, rate = stage.updates(local), self.schedule.rate(self.updates)
        values: dict[str, list[float]] = defaultdict(list)
        start = time.perf_counter()
        size, kernel = self.schedule.batch_size // self.ranks, self.config.kernel_name
        augmentation = partial(augment, jitter_probability=self.schedule.jitter_probability)
        side = self.schedule.window
        with Batches(self.bank, self.rng, size, updates, kernel, augmentation, side=side) as batches:
            for _ in range(updates):
                rate = self.schedule.rate(self.updates)
                for name, value in self.learner.learn(batches, rate, stage.joint, frozen).items():
                    values[name].append(value)
                self.updates += 1
                self.logger.advance()
        seconds = max(time.perf_counter() - start, 1e-9)
        parts = gather(dict(values), self.ranks)
        together = {name: [one for part in parts for one in part.get(name, [])] for name in values}
        means = {name: float(np.mean(measured)) for name, measured in together.items()}
        speed = updates * self.schedule.batch_size / seconds
        return {**means, "learning_rate": rate, "images_per_second": speed}

    def _submit(self, number: int, episode: int, count: int) -> Pending:
        """Start collecting `count` locations with the current weights."""
        weights = self.weights_folder / f"stage-{number + 1}-episode-{episode:06d}.safetensors"
        needed = {path for pending in self.late for path in pending.weights}
        for old in set(self.weights_folder.glob("*.safetensors")) - needed:
            old.unlink()
        if count:
            save_weights(weights, self.learner.weights())
        stage, config = self.schedule.stages[number], self.config
        task = CollectionTask(
            seeds=tuple(location_seeds(config.seed, number, episode, count)),
            rooms=split_rooms(f"{config.split}/train"),
            schedule=InteractionSchedule(stage.greedy_points, stage.random_points, stage.joint),
            weights=weights,
            environment=config.environment(),
            reachable_fraction=self.schedule.reachable_fraction,
            locations_per_room=self.schedule.locations_per_room,
            oracles=config.oracles,
        )
        return Pending(self.collector, task.split()[self.rank :: self.ranks], episode)

    def _collected(self, arrived: Sequence[Pending]) -> dict[str, Any]:
        """Wait for locations, add them to the bank, and return their statistics."""
        parts = [pending.records() for pending in arrived]
        records = [record for found, _ in parts for record in found]
        seconds = sum(took for _, took in parts)
        self.bank.add([record.experience for record in records])
        everywhere = [each for part in gather(collection_counts(records), self.ranks) for each in part]
        self.locations += len(everywhere)
        return collection_summary(everywhere) | (
            {"locations_per_second": len(everywhere) / max(seconds, 1e-9)} if everywhere else {}
        )

    def _counters(self, number: int, episode: int, phase: str) -> dict[str, Any]:
        return {
            "episode": episode,
            "stage": number + 1,
            "phase": phase,
            "updates": self.updates,
            "locations": self.locations,
            "seconds": round(self.seconds(), 3),
        }

    def _bank_folder(self, number: int) -> Path:
        folder = self.run / MEMORY_FOLDER / f"stage-{number + 1}"
        return folder / f"rank-{self.rank}" if self.ranks > 1 else folder

    def _new_bank(self, number: int) -> MemoryBank:
        schedule = self.schedule
        capacity = schedule.memory_capacity // self.ranks
        return MemoryBank(capacity, self._bank_folder(number), schedule.prioritized)

    def _save(self, number: int, local: int) -> None:
        mine = {
            "random": random_states(self.rng),
            "memory_bank": self.bank.state(),
            "late_episodes": [pending.episode for pending in self.late],
        }
        first, *others = gather(mine, self.ranks)
        state = {
            "config": self.config.digest(),
            **self.saved(),
            "stage": number,
            "locations": self.locations,
            **first,
            "other_ranks": others,
        }
        if self.rank == 0:
            tensors = optimizer_tensors(self.learner.optimizer)
            keep_checkpoint(self.run, self.episode, Checkpoint(self.learner.weights(), tensors, state))
        self.learner.fabric.barrier()
        # Checkpoints of earlier stages are deleted, and nothing else needs their banks.
        if local >= 2 * self.schedule.checkpoint_every:
            for earlier in range(number):
                shutil.rmtree(self._bank_folder(earlier), ignore_errors=True)

    def restore(self) -> None:
        """Restore the last checkpoint of the run folder."""
        folder, checkpoint = load_last_checkpoint(self.run, self.config.digest())
        state = checkpoint.state
        self.learner.load(checkpoint, folder)
        with reading_state(folder):
            self.restored(state)
            self.locations = int(state["locations"])
            self.bank = self._new_bank(int(state["stage"]))
            mine = state["other_ranks"][self.rank - 1] if self.rank else state
            restore_random_states(mine["random"], self.rng)
            self.late_episodes = [int(episode) for episode in mine["late_episodes"]]
            try:
                self.bank.restore(mine["memory_bank"])
            except MemoryBankError as error:
                raise CheckpointError(
                    f"The memory bank of {folder} cannot be restored ({error}); restore that file from a "
                    f"copy, delete {folder} to continue from an older checkpoint, or train into a new folder."
                ) from None
