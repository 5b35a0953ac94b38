"""What the training loop hands to the learner, update by update; the learner only notes it."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from made_up_runs import CONFIG, MadeUpCollector

from agents.selfsup_agent.training import train
from agents.training.learner import Learner
from selfsup.experience import Experience

SCHEDULE = replace(
    CONFIG.schedule,
    stages=(
        replace(CONFIG.schedule.stages[0], updates_start=3, updates_end=5),
        replace(CONFIG.schedule.stages[1], updates_start=4, updates_end=6),
    ),
    window=100,
)


class RememberingCollector(MadeUpCollector):
    """Keeps the images, to be found again by their depths, which augmentation only mirrors."""

    def __init__(self) -> None:
        super().__init__()
        self.experiences: list[Experience] = []

    def submit(self, task: Any) -> Any:
        future = super().submit(task)
        self.experiences += [record.experience for record in future.result()]
        return future

    def image(self, depth: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.uint8], bool]:
        """Return the colours of the image with this depth, and whether it is mirrored."""
        for flipped, turned in ((False, depth), (True, depth[:, ::-1])):
            for one in self.experiences:
                if np.abs(one.depth - turned).max() < 0.01:
                    return (one.rgb[:, ::-1] if flipped else one.rgb), flipped
        raise AssertionError("a batch holds an image that nobody collected")


@dataclass
class Updates:
    """What the learner was given.

    Attributes:
        rates: Of each update.
        options: Whether forces count and whether detection is frozen, of each update.
        stages: Number of updates before each start of a stage.
        flipped: Whether it was mirrored, of each image.
        jittered: Whether its colours were changed, of each image.
    """

    rates: list[float] = field(default_factory=list)
    options: list[tuple[bool, bool]] = field(default_factory=list)
    stages: list[int] = field(default_factory=list)
    flipped: list[bool] = field(default_factory=list)
    jittered: list[bool] = field(default_factory=list)


def updates_of(monkeypatch: pytest.MonkeyPatch, run: Path, jitter_probability: float) -> Updates:
    """Train, with a learner that learns nothing."""
    noted, collector = Updates(), RememberingCollector()

    def learn(
        self: Learner, batches: Any, rate: float, joint: bool, frozen: bool = False
    ) -> dict[str, float]:
        batch = batches.take()
        for image in batch.images:
            rgb, flipped = collector.image(image[3].numpy())
            seen = torch.round(image[:3] * 255).permute(1, 2, 0).numpy().astype(np.uint8)
            noted.flipped.append(flipped)
            noted.jittered.append(not np.array_equal(seen, rgb))
        batches.use(batch, np.full(len(batch), 0.5))
        noted.rates.append(rate)
        noted.options.append((joint, frozen))
        return {"loss": 0.0}

    monkeypatch.setattr(Learner, "learn", learn)
    monkeypatch.setattr(Learner, "start_stage", lambda self: noted.stages.append(len(noted.rates)))
    schedule = replace(SCHEDULE, jitter_probability=jitter_probability)
    train(replace(CONFIG, schedule=schedule), run, collector=collector)
    return noted


@pytest.fixture(scope="module", params=[0.0, 1.0])
def jitter_probability(request: pytest.FixtureRequest) -> float:
    return float(request.param)


@pytest.fixture(scope="module")
def updates(jitter_probability: float, tmp_path_factory: pytest.TempPathFactory) -> Updates:
    with pytest.MonkeyPatch.context() as monkeypatch:
        return updates_of(monkeypatch, tmp_path_factory.mktemp("runs") / "run", jitter_probability)


def test_each_update_has_the_rate_of_the_schedule(updates: Updates) -> None:
    assert updates.rates == [SCHEDULE.rate(update) for update in range(SCHEDULE.total_updates)]
    assert updates.rates[0] > updates.rates[-1] == pytest.approx(SCHEDULE.final_learning_rate)


def test_the_second_stage_begins_with_a_fresh_optimizer(updates: Updates) -> None:
    assert updates.stages == [SCHEDULE.stages[0].total_updates]


def test_detection_is_frozen_for_so_many_episodes_of_the_joint_stage(updates: Updates) -> None:
    first, second = SCHEDULE.stages
    assert second.frozen_detection_episodes == 1
    assert updates.options == [
        *[(False, False)] * first.total_updates,
        *[(True, True)] * second.updates(0),
        *[(True, False)] * second.updates(1),
    ]


def test_about_half_the_images_are_flipped(updates: Updates) -> None:
    assert len(updates.flipped) == SCHEDULE.total_updates * SCHEDULE.batch_size == 36
    assert 9 <= sum(updates.flipped) <= 27


def test_colours_change_with_the_probability_of_the_schedule(
    updates: Updates, jitter_probability: float
) -> None:
    assert updates.jittered == [jitter_probability == 1] * 36
