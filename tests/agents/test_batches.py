"""Batches prepared in the background are those that would be prepared in the foreground."""

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from agents.training.batches import Batch, Batches, make_batch
from agents.training.configuration import TrainConfig
from agents.training.learner import Learner
from agents.training.presets import preset
from selfsup.experience import Experience
from selfsup.memory_bank import MemoryBank, MemoryBankError

CONFIG = TrainConfig(schedule=preset("smoke"), preset="smoke", precision="32-true", device="cpu", workers=0)


def experience(seed: int) -> Experience:
    rng = np.random.default_rng(seed)
    masks = np.zeros((2, 100, 100), bool)
    masks[0, 10:40, 20:60] = masks[1, 50:60, 50:90] = True
    return Experience(
        rgb=rng.integers(0, 256, (300, 300, 3), dtype=np.uint8),
        depth=rng.integers(300, 4000, (300, 300)).astype(np.float32) / np.float32(1000),
        success_points=np.array([[20, 30], [55, 60]], np.int16),
        masks=masks,
        forces=np.array([2, 1], np.int8),
        feedback=np.array([0, 2], np.int8),
        failure_points=np.array([[90, int(rng.integers(100))]], np.int16),
    )


def filled_bank(folder: Path | None = None) -> MemoryBank:
    bank = MemoryBank(10, folder)
    bank.add([experience(seed) for seed in range(8)])
    return bank


def taken(background: bool) -> tuple[list[Batch], MemoryBank, np.random.Generator]:
    """Four batches whose priorities depend on what was in them, so that order matters."""
    bank, rng = filled_bank(), np.random.default_rng(5)
    done = []
    with Batches(bank, rng, 3, 4, background=background) as batches:
        for _ in range(4):
            batch = batches.take()
            batches.use(batch, (batch.images.mean(dim=(1, 2, 3)) * 7 % 1).numpy())
            done.append(batch)
    return done, bank, rng


def test_the_thread_changes_nothing() -> None:
    (ahead, bank, rng), (serial, other_bank, other_rng) = taken(True), taken(False)
    for one, other in zip(ahead, serial, strict=True):
        assert one.indices is not None and other.indices is not None
        assert one.indices.tolist() == other.indices.tolist()
        assert torch.equal(one.images, other.images)
        for name in ("foreground", "background", "force", "masks", "mask_image"):
            assert torch.equal(getattr(one.targets, name), getattr(other.targets, name))
    assert bank.priorities.tolist() == other_bank.priorities.tolist()
    assert rng.bit_generator.state == other_rng.bit_generator.state
    assert len({tuple(one.indices.tolist()) for one in ahead if one.indices is not None}) > 1


def test_a_thread_prepares_a_batch_as_soon_as_the_one_before_has_its_scores() -> None:
    class Watched(MemoryBank):
        def __init__(self) -> None:
            super().__init__(10)
            self.begun = threading.Event()
            self.threads: list[str] = []

        def sample(self, batch_size: int, rng: np.random.Generator):
            self.threads.append(threading.current_thread().name)
            self.begun.set()
            return super().sample(batch_size, rng)

    bank = Watched()
    bank.add([experience(0), experience(1)])
    with Batches(bank, np.random.default_rng(0), 1, 2) as batches:
        batch = batches.take()
        bank.begun.clear()
        batches.use(batch, [0.1])
        assert bank.begun.wait(60)  # without `take`
        batches.use(batches.take(), [0.1])
        with pytest.raises(IndexError, match="no next batch"):
            batches.take()
    assert len(bank.threads) == 2 and all(name.startswith("batches") for name in bank.threads)


@pytest.mark.parametrize("background", [True, False])
def test_what_goes_wrong_in_the_thread_is_raised_by_take(tmp_path: Path, background: bool) -> None:
    bank = filled_bank(tmp_path)
    next(tmp_path.iterdir()).unlink()
    with (
        Batches(bank, np.random.default_rng(0), 3, 2, background=background) as batches,
        pytest.raises(MemoryBankError, match="segment-00000000"),
    ):
        batches.take()


def drawn(count: int, seed: int, score: float = 0.5, background: bool = True) -> list[list[int]]:
    """Indices of batches of 3 of 8 locations, each location drawn once in an episode."""
    found = []
    with Batches(
        filled_bank(),
        np.random.default_rng(seed),
        3,
        count,
        background=background,
        without_replacement="episode",
    ) as batches:
        for _ in range(count):
            batch = batches.take()
            batches.use(batch, np.full(3, score))
            assert batch.indices is not None
            found.append(batch.indices.tolist())
    return found


@pytest.mark.parametrize("background", [True, False])
def test_an_episode_draws_no_location_twice_until_too_few_are_left(background: bool) -> None:
    for seed in range(5):
        batches = drawn(5, seed, background=background)
        assert batches[:2] == drawn(2, seed, background=background)
        for two in (batches[:2], batches[2:4]):
            assert len({index for batch in two for index in batch}) == 6


def test_the_locations_of_an_episode_are_drawn_by_the_priorities_at_its_start() -> None:
    assert drawn(2, 3, score=0.0) == drawn(2, 3, score=0.5)


def test_no_batches_take_no_random_numbers() -> None:
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    with Batches(MemoryBank(2), rng, 3, 0) as batches, pytest.raises(IndexError):
        batches.take()
    assert rng.bit_generator.state == before


def test_scores_are_known_before_the_weights_change() -> None:
    learner = Learner(replace(CONFIG, threads=1))
    batch = make_batch([experience(0), experience(1)], "gaussian")
    before = {name: value.clone() for name, value in learner.weights().items() if "running" not in name}
    seen = []

    def note(scores: np.ndarray) -> None:
        unchanged = all(
            torch.equal(learner.weights()[name], value)
            for name, value in before.items()
            if "num_batches" not in name
        )
        seen.append((scores, unchanged))

    result = learner.update(batch, 1e-3, joint=True, on_scores=note)
    assert len(seen) == 1 and seen[0][1]
    np.testing.assert_array_equal(seen[0][0], result.scores)
    assert not torch.equal(learner.weights()["score_head.weight"], before["score_head.weight"])


THREADS_BESIDE_MINE = """
import os
from functools import partial

import numpy as np
import torch

from agents.training.batches import Batches
from selfsup.augmentation import augment
from selfsup.experience import Experience
from selfsup.memory_bank import MemoryBank

point, zero = np.full((1, 2), 50, np.int16), np.zeros(1, np.int8)
view = Experience(
    rgb=np.zeros((300, 300, 3), np.uint8), depth=np.ones((300, 300), np.float32), success_points=point,
    masks=np.ones((1, 100, 100), bool), forces=zero, feedback=zero, failure_points=point[:0],
)
bank = MemoryBank(16)
bank.add([view] * 16)
torch.set_num_threads(2)
torch.ones(2**22).sqrt()  # starts the second thread of this one
before = len(os.listdir("/proc/self/task"))
for side in (100, 60):
    plain = partial(augment, jitter_probability=0.0)
    with Batches(bank, np.random.default_rng(0), 16, 1, augmentation=plain, side=side) as batches:
        batches.take()
        print(len(os.listdir("/proc/self/task")) - before)
"""
"""Prints how many threads a process has more while batches of whole views, then of windows, are prepared."""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux lists the threads of a process")
def test_the_thread_that_prepares_batches_starts_no_others() -> None:
    result = subprocess.run(
        [sys.executable, "-c", THREADS_BESIDE_MINE], capture_output=True, text=True, check=True, timeout=120
    )
    assert result.stdout.split() == ["1", "1"]
