"""The training loop: collect, learn, measure, save; and go on after a kill (paper section 4.2, appendix C).

Episode by episode: the workers collect new locations with the weights as they are at its start, meanwhile
the network makes its updates from the memory bank, then the new locations enter the bank. This fixed lag
of one episode makes a run a function of its configuration alone, however many workers there are and
however fast they are.
"""

import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from agents.checkpoint import (
    Checkpoint,
    CheckpointError,
    last_checkpoint,
    load_checkpoint,
    optimizer_tensors,
    random_states,
    restore_random_states,
    save_checkpoint,
    save_weights,
)
from agents.collect import CollectionTask, LocalCollector
from agents.configuration import TrainConfig
from agents.interact import InteractionRecord, InteractionSchedule
from agents.learner import Learner, resolve_device
from agents.metrics import MetricsLogger
from agents.run_folder import MEMORY_FOLDER, clear_collector, note_run, note_start, prepare_run
from agents.schedule import Stage
from agents.selfsup_agent import SelfSupervisedAgent
from selfsup.memory_bank import MemoryBank, MemoryBankError
from thor_interact_env.splits import split_rooms

Evaluate = Callable[[SelfSupervisedAgent], dict[str, float]]
"""Measures an agent on held-out views: numbers by name."""

_BATCHES = 1
"""Branch of the run's seed that decides batches and augmentation; locations have longer branches."""


class Collector(Protocol):
    """Whatever carries out collection tasks."""

    def submit(self, task: CollectionTask) -> Future[list[InteractionRecord]]:
        """Start a task; its result depends on nothing but the task."""

    def close(self) -> None:
        """Give up what is unfinished and free everything."""


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


def distinct_masks(masks: npt.NDArray[np.bool_]) -> int:
    """Return how many different things moved at a location, going by the masks alone.

    Args:
        masks: (m, 100, 100) bool. Two that overlap with an IoU of at least one half are one thing.
    """
    kept: list[npt.NDArray[np.bool_]] = []
    for mask in masks:
        if all(2 * (mask & other).sum() < (mask | other).sum() for other in kept):
            kept.append(mask)
    return len(kept)


def train(
    config: TrainConfig,
    run: Path,
    resume: bool = False,
    evaluate: Evaluate | None = None,
    collector: Collector | None = None,
    stop_after: int | None = None,
) -> SelfSupervisedAgent:
    """Train, or go on training.

    Args:
        config: What to do.
        run: The run folder; see `agents.run_folder`.
        resume: Go on from the last checkpoint of the folder, or from the start where there is none yet.
        evaluate: Measures the agent on held-out views every `evaluate_every` episodes.
        collector: Visits locations; by default `config.workers` processes of this machine. It is closed.
        stop_after: Stop after this many episodes of the run, at a checkpoint; None goes to the end.

    Returns:
        The trained agent.

    Raises:
        RunExistsError: The folder is not empty and `resume` is false.
        ConfigurationError: The folder's run has another configuration, or the device cannot be used.
        CheckpointError: The checkpoint or its memory bank is missing or corrupt.
        UnknownSplitError: There is no such split.
        FloatingPointError: Training diverged.
    """
    split_rooms(f"{config.split}/train")
    resolve_device(config.device)
    prepare_run(config, run, resume)
    note_start(run, sys.orig_argv)
    training = _Training(config, run)
    if resume and (run / "checkpoints").exists():
        training.restore()
    weights_folder = clear_collector(run)
    try:
        with (
            closing(collector if collector is not None else LocalCollector(config.workers)) as open_collector,
            MetricsLogger(run, config.schedule.total_updates, training.episode, training.updates) as logger,
        ):
            training.go_on(open_collector, weights_folder, logger, evaluate, stop_after)
    finally:
        shutil.rmtree(weights_folder, ignore_errors=True)
    note_run(run, training_seconds=round(training.seconds(), 1), episodes=training.episode)
    return SelfSupervisedAgent.from_network(training.learner.network)


class _Training:
    """A run in progress: the learner, the memory bank, and how far it has come."""

    collector: Collector
    weights_folder: Path
    logger: MetricsLogger
    bank: MemoryBank

    def __init__(self, config: TrainConfig, run: Path) -> None:
        self.config, self.run, self.schedule = config, run, config.schedule
        self.learner = Learner(config)
        self.rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(_BATCHES,)))
        self.episode = self.updates = self.locations = 0
        self.seconds_before, self.started = 0.0, time.perf_counter()

    def seconds(self) -> float:
        """Return the wall-clock time spent, without what a kill undid."""
        return self.seconds_before + time.perf_counter() - self.started

    def go_on(
        self,
        collector: Collector,
        weights_folder: Path,
        logger: MetricsLogger,
        evaluate: Evaluate | None,
        stop_after: int | None,
    ) -> None:
        """Go through the episodes that are left."""
        self.collector, self.weights_folder, self.logger = collector, weights_folder, logger
        last = self.schedule.total_episodes
        if stop_after is not None:
            last = min(last, stop_after)
        while self.episode < last:
            number, local = self.schedule.place(self.episode)
            if local == 0:
                self._start_stage(number)
            self._episode(number, local, evaluate)
            if self.episode % self.schedule.checkpoint_every == 0 or self.episode == last:
                self._save(number, local)

    def _start_stage(self, number: int) -> None:
        """Begin with an empty bank and a fresh optimizer, and fill the bank."""
        stage = self.schedule.stages[number]
        if number > 0:
            self.learner.start_stage()
        shutil.rmtree(self._bank_folder(number), ignore_errors=True)
        self.bank = self._new_bank(number)
        self.logger.describe(f"stage {number + 1}: first {stage.initial_locations} locations")
        row = self._collected(self._submit(number, 0, stage.initial_locations))
        self.logger.log(self._counters(number, self.episode + 1, "fill") | row)

    def _episode(self, number: int, local: int, evaluate: Evaluate | None) -> None:
        stage = self.schedule.stages[number]
        # What the last episode collected would never be learned from.
        wanted = stage.locations_per_episode if local + 1 < stage.episodes else 0
        pending = self._submit(number, local + 1, wanted)
        self.logger.describe(f"stage {number + 1}, episode {local + 1}/{stage.episodes}")
        row = self._learn(stage, local)
        every = self.schedule.evaluate_every
        if evaluate is not None and every and (self.episode + 1) % every == 0:
            scores = evaluate(SelfSupervisedAgent.from_network(self.learner.network))
            row |= {f"held_out/{name}": value for name, value in scores.items()}
        row |= self._collected(pending)
        self.episode += 1
        self.logger.log(self._counters(number, self.episode, "learn") | row)

    def _learn(self, stage: Stage, local: int) -> dict[str, Any]:
        frozen = local < stage.frozen_detection_episodes
        self.learner.freeze_detection(frozen)
        updates, rate = stage.updates(local), self.schedule.rate(self.updates)
        values: dict[str, list[float]] = defaultdict(list)
        start = time.perf_counter()
        for _ in range(updates):
            rate = self.schedule.rate(self.updates)
            for name, value in self.learner.learn(self.bank, self.rng, rate, stage.joint, frozen).items():
                values[name].append(value)
            self.updates += 1
            self.logger.advance()
        seconds = max(time.perf_counter() - start, 1e-9)
        means = {name: float(np.mean(measured)) for name, measured in values.items()}
        speed = updates * self.schedule.batch_size / seconds
        return {**means, "learning_rate": rate, "images_per_second": speed}

    def _submit(self, number: int, episode: int, count: int) -> "_Pending":
        """Start collecting `count` locations with the weights as they are now."""
        weights = self.weights_folder / f"stage-{number + 1}-episode-{episode:06d}.safetensors"
        for old in self.weights_folder.iterdir():
            old.unlink()
        if count:
            save_weights(weights, self.learner.weights())
        stage, config = self.schedule.stages[number], self.config
        task = CollectionTask(
            seeds=tuple(location_seeds(config.seed, number, episode, count)),
            rooms=split_rooms(f"{config.split}/train"),
            schedule=InteractionSchedule(stage.greedy_points, stage.random_points, stage.joint),
            weights=weights,
            environment={
                "simulator": config.simulator,
                "change_test": config.change_test,
                "kernel_name": config.kernel_name,
                "use_superpixels": config.use_superpixels,
                "reach": config.reach,
            },
            reachable_share=self.schedule.reachable_share,
            locations_per_room=self.schedule.locations_per_room,
            oracles=config.oracles,
        )
        return _Pending(self.collector, task.split())

    def _collected(self, pending: "_Pending") -> dict[str, Any]:
        """Wait for locations, put them into the bank, and sum them up."""
        records, seconds = pending.records()
        self.bank.add([record.experience for record in records])
        self.locations += len(records)
        return collection_summary(records) | (
            {"locations_per_second": len(records) / max(seconds, 1e-9)} if records else {}
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
        return self.run / MEMORY_FOLDER / f"stage-{number + 1}"

    def _new_bank(self, number: int) -> MemoryBank:
        schedule = self.schedule
        return MemoryBank(schedule.memory_capacity, self._bank_folder(number), schedule.prioritized)

    def _save(self, number: int, local: int) -> None:
        state = {
            "config": self.config.digest(),
            "stage": number,
            "episode": self.episode,
            "updates": self.updates,
            "locations": self.locations,
            "seconds": self.seconds(),
            "random": random_states(self.rng),
            "memory_bank": self.bank.state(),
        }
        tensors = optimizer_tensors(self.learner.optimizer)
        save_checkpoint(self.run, self.episode, Checkpoint(self.learner.weights(), tensors, state))
        # Checkpoints of earlier stages are gone by now, and nothing else needs their banks.
        if local >= 2 * self.schedule.checkpoint_every:
            for earlier in range(number):
                shutil.rmtree(self._bank_folder(earlier), ignore_errors=True)

    def restore(self) -> None:
        """Go back to the last checkpoint of the run folder."""
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
            self.locations, self.seconds_before = int(state["locations"]), float(state["seconds"])
            self.bank = self._new_bank(int(state["stage"]))
            self.bank.restore(state["memory_bank"])
            restore_random_states(state["random"], self.rng)
        except MemoryBankError as error:
            raise CheckpointError(
                f"The memory bank of {folder} cannot be restored ({error}); restore that file from a copy, "
                "or train into a new folder."
            ) from None
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{folder / 'state.json'} is malformed ({error!r}); train again.") from None


def collection_summary(records: Sequence[InteractionRecord]) -> dict[str, Any]:
    """Return success rates, and the mean number of different things moved at a location."""
    if not records:
        return {}
    row: dict[str, Any] = {}
    for kind in ("greedy", "random"):
        touches = sum(getattr(record, f"{kind}_touches") for record in records)
        successes = sum(getattr(record, f"{kind}_successes") for record in records)
        row |= {f"{kind}_touches": touches, f"{kind}_success": successes / touches if touches else None}
    moved = sum(distinct_masks(record.experience.masks) for record in records)
    return {**row, "distinct_objects_per_location": moved / len(records)}


class _Pending:
    """Locations on their way."""

    def __init__(self, collector: Collector, tasks: Sequence[CollectionTask]) -> None:
        self._started = self._finished = time.perf_counter()
        self._futures = [collector.submit(task) for task in tasks]
        for future in self._futures:
            future.add_done_callback(self._note_time)

    def _note_time(self, future: Future[list[InteractionRecord]]) -> None:
        self._finished = time.perf_counter()

    def records(self) -> tuple[list[InteractionRecord], float]:
        """Wait for all records; return them in the order of the tasks, and the seconds they took."""
        records = [record for future in self._futures for record in future.result()]
        return records, self._finished - self._started
