"""The training loop: collect, learn, evaluate, save, and resume after a kill (paper section 4.2, appendix C).

In each episode the workers collect new locations with the weights from its start, while the network is
updated from the memory bank; then the new locations enter the bank. This fixed lag of one episode makes a run
a function of its configuration alone, independent of the number of workers and their speed.

The loop contains no network and no loss: a `Method` provides the parts that differ between learners.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from agents.collection.collect import CollectionTask, location_seeds
from agents.collection.collector import Collector
from agents.collection.engines import make_collector
from agents.collection.interact import InteractionRecord, InteractionSchedule
from agents.collection.pending import Pending, collection_counts, collection_summary
from agents.training.batches import Batches
from agents.training.checkpoint import CheckpointError, save_weights
from agents.training.configuration import TrainConfig
from agents.training.learner import Learner
from agents.training.metrics import MetricsLogger
from agents.training.progress import (
    Progress,
    held_out,
    last_episode,
    open_run,
    random_states,
    restore_random_states,
)
from agents.training.ranks import gather
from agents.training.run_folder import MEMORY_FOLDER, clear_collector
from agents.training.schedule import Stage, require
from selfsup.experience import Experience
from selfsup.memory_bank import MemoryBank, MemoryBankError
from thor_interact_env.locations.splits import split_rooms

_BATCHES = 1
"""Branch of the run's seed for batches and augmentation; locations have longer branches."""

Trained = TypeVar("Trained")
Trained_co = TypeVar("Trained_co", covariant=True)


class Method(Protocol[Trained_co]):
    """What a learner that is trained by this loop has of its own."""

    def learner(self) -> Learner:
        """Return the network with its optimizer and losses, as the run's seed decides them."""

    def task(self, task: CollectionTask) -> CollectionTask:
        """Return a collection task with what is to be done otherwise: its chooser of points, its visit."""

    def experiences(self, record: InteractionRecord) -> Sequence[Experience]:
        """Return what enters the memory bank of one visited location."""

    def batches(self, bank: MemoryBank, rng: np.random.Generator, updates: int) -> Batches:
        """Return the batches of an episode, this rank's part of each.

        Args:
            bank: Where they are drawn from.
            rng: Decides them.
            updates: How many.
        """

    def agent(self, learner: Learner) -> Trained_co:
        """Return an agent with the current weights, which stay as they are in it."""


def train_with(
    method: Method[Trained],
    config: TrainConfig,
    run: Path,
    resume: bool = False,
    evaluate: Callable[[Trained], Mapping[str, float]] | None = None,
    collector: Collector | None = None,
    stop_after: int | None = None,
) -> Trained:
    """Train, or continue training.

    Args:
        method: What learns.
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
    state = open_run(config, run, resume, partial(LearningRun, method.learner))
    weights_folder = clear_collector(run, state.rank)
    try:
        with (
            closing(collector if collector is not None else make_collector(config)) as open_collector,
            # The records of the other ranks are equal, and are deleted with their weights.
            MetricsLogger(
                weights_folder if state.rank else run,
                config.schedule.total_updates,
                state.episode,
                state.updates,
            ) as logger,
        ):
            loop = TrainingLoop(method, state, open_collector, weights_folder, logger)
            loop.go_on(None if state.rank else evaluate, stop_after)
    finally:
        shutil.rmtree(weights_folder, ignore_errors=True)
    state.note_end()
    return method.agent(state.learner)


class LearningRun(Progress[TrainConfig]):
    """What a checkpoint holds: the learner, the memory bank, random numbers, and how far the run has come.

    Attributes:
        schedule: That of the configuration.
        learner: What learns.
        rank: Number of this process among those that learn together.
        ranks: How many these are.
        rng: Decides batches and augmentation.
        bank: Memory bank of the present stage.
        locations: Locations collected, by all ranks.
        late_episodes: Episodes whose locations were on their way when the checkpoint was saved.
    """

    def __init__(self, make_learner: Callable[[], Learner], config: TrainConfig, run: Path) -> None:
        """Begin at nothing.

        Args:
            make_learner: Makes the learner as the run's seed decides it.
            config: The run.
            run: Its folder.
        """
        super().__init__(config, run)
        self.schedule = config.schedule
        self.learner = make_learner()
        self.rank, self.ranks = self.learner.fabric.global_rank, config.ranks
        branch = (_BATCHES, self.rank) if self.rank else (_BATCHES,)
        self.rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=branch))
        self.bank = self._new_bank(0)
        self.locations = 0
        self.late_episodes: list[int] = []

    def start_stage(self, number: int) -> None:
        """Start a stage with an empty bank and a fresh optimizer."""
        if number > 0:
            self.learner.start_stage()
        shutil.rmtree(self._bank_folder(number), ignore_errors=True)
        self.bank = self._new_bank(number)

    def save(self, late_episodes: Sequence[int]) -> None:
        """Save a checkpoint; all ranks do so together.

        Args:
            late_episodes: Episodes whose locations are still on their way.
        """
        number, local = self.schedule.place(self.episode - 1)
        mine = {
            "random": random_states(self.rng),
            "memory_bank": self.bank.state(),
            "late_episodes": list(late_episodes),
        }
        first, *others = gather(mine, self.ranks)
        if self.rank == 0:
            rest = {"stage": number, "locations": self.locations, **first, "other_ranks": others}
            self.keep(self.learner.weights(), self.learner.optimizer, **rest)
        self.learner.fabric.barrier()
        # Checkpoints of earlier stages are deleted, and nothing else needs their banks.
        if local >= 2 * self.schedule.checkpoint_every:
            for earlier in range(number):
                shutil.rmtree(self._bank_folder(earlier), ignore_errors=True)

    def restore(self) -> None:
        """Restore the last checkpoint of the run folder; see `Progress`."""
        with self.restoring(self.learner.load) as (folder, state):
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
                    f"copy, delete {folder} to go on from an older checkpoint, or train into a new folder."
                ) from None

    def _bank_folder(self, number: int) -> Path:
        folder = self.run / MEMORY_FOLDER / f"stage-{number + 1}"
        return folder / f"rank-{self.rank}" if self.ranks > 1 else folder

    def _new_bank(self, number: int) -> MemoryBank:
        schedule = self.schedule
        capacity = schedule.memory_capacity // self.ranks
        return MemoryBank(capacity, self._bank_folder(number), schedule.prioritized)


class TrainingLoop(Generic[Trained]):
    """Episode after episode of a run, while its collector and its files are open."""

    def __init__(
        self,
        method: Method[Trained],
        state: LearningRun,
        collector: Collector,
        weights_folder: Path,
        logger: MetricsLogger,
    ) -> None:
        """Get ready.

        Args:
            method: What learns.
            state: How far it has come.
            collector: Visits locations.
            weights_folder: Where the workers find the weights to choose points with.
            logger: Notes what is measured.
        """
        self._method, self._state, self._collector = method, state, collector
        self._weights_folder, self._logger = weights_folder, logger
        self._config, self._schedule = state.config, state.schedule
        self._late: list[Pending] = []

    def go_on(
        self, evaluate: Callable[[Trained], Mapping[str, float]] | None, stop_after: int | None
    ) -> None:
        """Run the remaining episodes; see `train_with`."""
        state, last = self._state, last_episode(self._schedule.total_episodes, stop_after)
        if state.late_episodes and state.episode < last:
            # Only without `wait_for_workers`, where a run is not a function of its configuration.
            number, _ = self._schedule.place(state.episode - 1)
            wanted = self._schedule.stages[number].locations_per_episode
            self._late = [self._submit(number, episode, wanted) for episode in state.late_episodes]
        while state.episode < last:
            number, local = self._schedule.place(state.episode)
            if local == 0:
                self._start_stage(number)
            self._episode(number, local, evaluate)
            if state.episode % self._schedule.checkpoint_every == 0 or state.episode == last:
                state.save([pending.episode for pending in self._late])

    def _start_stage(self, number: int) -> None:
        """Start with an empty bank and a fresh optimizer, and fill the bank."""
        stage, state = self._schedule.stages[number], self._state
        state.start_stage(number)
        self._logger.describe(f"stage {number + 1}: first {stage.initial_locations} locations")
        row = self._collected([self._submit(number, 0, stage.initial_locations)])
        per_rank = self._schedule.batch_size // state.ranks
        require(
            len(state.bank) >= per_rank,
            f"Rank {state.rank} got {len(state.bank)} of the first {stage.initial_locations} locations, "
            f"fewer than its {per_rank} of a batch; lower locations_per_room or batch_size.",
        )
        self._logger.log(self._counters(number, state.episode + 1, "fill") | row)

    def _episode(
        self, number: int, local: int, evaluate: Callable[[Trained], Mapping[str, float]] | None
    ) -> None:
        stage, state = self._schedule.stages[number], self._state
        # Locations of the last episode would never be used.
        wanted = stage.locations_per_episode if local + 1 < stage.episodes else 0
        pending = self._submit(number, local + 1, wanted)
        self._logger.describe(f"stage {number + 1}, episode {local + 1}/{stage.episodes}")
        row: dict[str, Any] = self._learn(stage, local)
        every = self._schedule.evaluate_every
        row |= held_out(evaluate, every, state.episode + 1, lambda: self._method.agent(state.learner))
        arrived = [*self._late, pending]
        may_be_late = not self._config.wait_for_workers and local + 1 < stage.episodes
        self._late = [arrived.pop()] if may_be_late and not pending.done else []
        row |= self._collected(arrived)
        state.episode += 1
        self._logger.log(self._counters(number, state.episode, "learn") | row)

    def _learn(self, stage: Stage, local: int) -> dict[str, float]:
        state, learner = self._state, self._state.learner
        frozen = local < stage.frozen_detection_episodes
        learner.choose_parts(frozen, stage.joint)
        updates = stage.updates(local)
        with self._method.batches(state.bank, state.rng, updates) as batches:
            made = state.make_updates(
                updates,
                self._schedule.rate,
                lambda rate: learner.learn(batches, rate, stage.joint, frozen),
                self._logger,
            )
        return made.row(self._schedule.batch_size, state.ranks)

    def _submit(self, number: int, episode: int, count: int) -> Pending:
        """Start collecting `count` locations with the current weights."""
        weights = self._weights_folder / f"stage-{number + 1}-episode-{episode:06d}.safetensors"
        needed = {path for pending in self._late for path in pending.weights}
        for old in set(self._weights_folder.glob("*.safetensors")) - needed:
            old.unlink()
        if count:
            save_weights(weights, self._state.learner.weights())
        stage, config = self._schedule.stages[number], self._config
        task = CollectionTask(
            seeds=tuple(location_seeds(config.seed, number, episode, count)),
            rooms=split_rooms(f"{config.split}/train"),
            schedule=InteractionSchedule(stage.greedy_points, stage.random_points, stage.joint),
            weights=weights,
            environment=config.environment(),
            reachable_fraction=self._schedule.reachable_fraction,
            locations_per_room=self._schedule.locations_per_room,
            oracles=config.oracles,
            targets=config.targets,
        )
        parts = self._method.task(task).split()
        return Pending(self._collector, parts[self._state.rank :: self._state.ranks], episode)

    def _collected(self, arrived: Sequence[Pending]) -> dict[str, Any]:
        """Wait for locations, add them to the bank, and return their statistics."""
        state = self._state
        parts = [pending.records() for pending in arrived]
        records = [record for found, _ in parts for record in found]
        seconds = sum(took for _, took in parts)
        state.bank.add([one for record in records for one in self._method.experiences(record)])
        everywhere = [each for part in gather(collection_counts(records), state.ranks) for each in part]
        state.locations += len(everywhere)
        return collection_summary(everywhere) | (
            {"locations_per_second": len(everywhere) / max(seconds, 1e-9)} if everywhere else {}
        )

    def _counters(self, number: int, episode: int, phase: str) -> dict[str, Any]:
        return {
            "episode": episode,
            "stage": number + 1,
            "phase": phase,
            "updates": self._state.updates,
            "locations": self._state.locations,
            **self._state.times(),
        }
