"""A world of one made-up view, so that command lines are tested without a simulator."""

from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

import agents.collection.engines
import eval.evaluation.reporting
from agents.collection.collect import CollectionTask
from agents.collection.interact import InteractionRecord
from agents.training.configuration import TrainConfig
from eval.views.evaluation_set import EvaluationSet
from selfsup.experience import Experience
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.base import Instances, Observation

LOCATION = Location("FloorPlan1", (1.0, 0.9009992, 0.5), 90.0, 30.0, 7)
SMOKE = [
    *("--preset", "smoke", "--workers", "0", "--device", "cpu", "--threads", "1"),
    *("--schedule.window", "48"),
]


def view(seed: int = 0) -> Observation:
    """A bright square on noise."""
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 50, (300, 300, 3), dtype=np.uint8)
    rgb[60:150, 90:180] += np.uint8(150)
    return Observation(rgb=rgb, depth=np.full((300, 300), 1.2, np.float32))


def truth() -> Instances:
    """The square."""
    masks = np.zeros((1, 300, 300), bool)
    masks[0, 60:150, 90:180] = True
    return Instances(masks, np.array([0.3]), ("Mug",), ("Mug|1",))


class MadeUpCollector:
    """Answers at once: the square moved."""

    def __init__(self, workers: int | None = None, room_memory: float | None = None) -> None:
        self.workers = workers

    def submit(self, task: CollectionTask) -> Future[list[InteractionRecord]]:
        mask = truth().masks[:, 1::3, 1::3]
        point = np.array([[30, 40]], np.int16)
        experience = Experience(
            view()["rgb"],
            view()["depth"].astype(np.float16),
            point,
            mask,
            np.array([2], np.int8),
            np.array([0], np.int8),
            np.array([[1, 1]], np.int16),
        )
        future: Future[list[InteractionRecord]] = Future()
        future.set_result([InteractionRecord(experience, 1, 1, 0, 1, 2, 1) for _ in task.seeds])
        return future

    def close(self) -> None:
        pass


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Make that world, and go to an empty folder, which is returned."""

    def evaluation_set(
        config: TrainConfig, split: str, locations: int, seed: int, reachable_fraction: float | None = None
    ) -> EvaluationSet:
        fraction = config.schedule.reachable_fraction if reachable_fraction is None else reachable_fraction
        views, truths = (view(1),) * locations, (truth(),) * locations
        return EvaluationSet(split, seed, fraction, (LOCATION,) * locations, views, truths)

    monkeypatch.setattr(eval.evaluation.reporting, "evaluation_set", evaluation_set)
    monkeypatch.setattr(agents.collection.engines, "LocalCollector", MadeUpCollector)
    monkeypatch.chdir(tmp_path)
    return tmp_path
