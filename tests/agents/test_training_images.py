"""What collection keeps of a location to learn from, beyond the paper's first view."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_simulator import FakeSimulator

from agents.collection.collect import CollectionTask, collect_locations
from agents.collection.interact import InteractionRecord, InteractionSchedule
from agents.collection.oracles import OracleOptions
from agents.selfsup_agent.training import PaperMethod
from agents.training.configuration import TrainConfig
from agents.training.presets import preset
from agents.training.schedule import ConfigurationError
from selfsup.experience import Experience
from selfsup.feedback import Feedback, ForceArea
from selfsup.memory_bank import MemoryBank
from selfsup.training_images.options import TargetOptions

TARGETS = [TargetOptions("own"), TargetOptions("first", "cleaned"), TargetOptions("own", "cleaned", "moved")]
COUNTS = ("greedy_successes", "greedy_touches", "random_successes", "random_touches", "attempts", "changes")


class Recorder(FakeSimulator):
    """Notes every touch."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[int, int, float, tuple[float, ...]]] = []

    def touch(self, row, column, force, direction):
        self.noted.append((row, column, force, tuple(direction)))
        return super().touch(row, column, force, direction)


def collected(targets: TargetOptions | None) -> tuple[list[InteractionRecord], Recorder]:
    simulator = Recorder()
    task = CollectionTask(
        tuple(range(5)),
        ("FloorPlan1",),
        InteractionSchedule(0, 50, True),
        environment={"simulator": simulator},
    )
    return collect_locations(task if targets is None else replace(task, targets=targets)), simulator


@pytest.mark.parametrize("targets", TARGETS)
def test_what_is_kept_changes_no_touch(targets: TargetOptions) -> None:
    plain, simulator = collected(None)
    more, other = collected(targets)
    assert simulator.noted == other.noted
    for one, two in zip(plain, more, strict=True):
        assert one.images == (one.experience,)
        assert [getattr(one, name) for name in COUNTS] == [getattr(two, name) for name in COUNTS]
        for name in ("rgb", "success_points", "masks", "forces", "feedback", "failure_points"):
            np.testing.assert_array_equal(getattr(one.experience, name), getattr(two.experience, name))


def test_each_view_before_a_success_is_an_image() -> None:
    records, _ = collected(TargetOptions("own"))
    assert sum(record.random_successes for record in records) > 5
    for record in records:
        assert len(record.images) == max(1, record.random_successes)
        assert all(image.masks.any(axis=(1, 2)).all() for image in record.images)
        views = [image.rgb.tobytes() for image in record.images]
        assert len(set(views)) == len(views)


def test_masks_of_the_oracle_belong_to_the_first_view() -> None:
    own, schedule = TargetOptions("own"), InteractionSchedule(0, 1, True)
    for oracles in (OracleOptions(masks=True), OracleOptions(points=True, masks=True)):
        with pytest.raises(ValueError, match="switch the mask oracle off"):
            CollectionTask((0,), ("FloorPlan1",), schedule, oracles=oracles, targets=own)
        with pytest.raises(ConfigurationError, match="switch the mask oracle off"):
            TrainConfig.from_preset("smoke", oracles=oracles, targets=own)
    points = OracleOptions(points=True)
    assert CollectionTask((0,), ("FloorPlan1",), schedule, oracles=points, targets=own).targets == own


@pytest.mark.parametrize("targets", [TargetOptions(), *TARGETS])
def test_a_configuration_keeps_its_targets(targets: TargetOptions) -> None:
    config = TrainConfig.from_preset("smoke", targets=targets)
    again = TrainConfig.from_json(json.loads(json.dumps(config.to_json())))
    assert again == config and again.targets == targets
    assert (again.digest() == TrainConfig.from_preset("smoke").digest()) == (targets == TargetOptions())


@pytest.mark.parametrize("force_area", ["point", "mask"])
def test_a_configuration_says_where_a_touch_tells_about_the_force(force_area: ForceArea) -> None:
    config = TrainConfig.from_preset("smoke", force_area=force_area)
    mask = np.zeros((1, 100, 100), bool)
    mask[0, 40:60, 45:70] = True
    experience = Experience(
        rgb=np.zeros((300, 300, 3), np.uint8),
        depth=np.ones((300, 300), np.float32),
        success_points=np.array([[50, 50]], np.int16),
        masks=mask,
        forces=np.array([2], np.int8),
        feedback=np.array([Feedback.CORRECT], np.int8),
        failure_points=np.zeros((0, 2), np.int16),
    )
    bank = MemoryBank(config.schedule.batch_size)
    bank.add([experience] * config.schedule.batch_size)
    with PaperMethod(config).batches(bank, np.random.default_rng(0), 1) as batches:
        targets = batches.take().targets
    told = (targets.force != 0).any(dim=1)
    assert torch.equal(told, targets.masks) == (force_area == "mask")
    assert told.sum() == len(told) * (mask.sum() if force_area == "mask" else 25)


def test_options_reach_the_batches_and_the_touches(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "agents.selfsup_agent.training.Batches", lambda *given, **named: seen.append((given, named))
    )
    config = TrainConfig(preset("smoke"), kernel_name="exponential", without_replacement="episode")
    PaperMethod(config).batches(MemoryBank(4), np.random.default_rng(0), 1)
    ((given, named),) = seen
    assert "exponential" in given and named["without_replacement"] == "episode"
    assert config.environment()["kernel_name"] == "exponential"
