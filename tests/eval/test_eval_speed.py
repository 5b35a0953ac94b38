"""Speed: the arithmetic of ratios, bars and projections, and what the floors do; no time is judged."""

import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agents.collection.local_collector import LocalCollector
from agents.training.presets import PRESETS, preset
from agents.training.schedule import Schedule, Stage
from eval.speed import workers as speed_workers
from eval.speed.command_line import SpeedOptions, project, projection_table, run
from eval.speed.environment import RawMujoco, find_touch
from eval.speed.learning import (
    PRESETS_WITH_STEPS,
    TRAINING_STEP,
    crowded_maps,
    crowded_queries,
    made_up_instances,
    step_name,
)
from eval.speed.measure import (
    Bar,
    Measurement,
    NothingMovesError,
    device_clock,
    measure,
    measure_together,
    memory_copy,
    speed_table,
)
from eval.speed.sharing import busy_programs, load_measurement, together_measurement
from thor_interact_env.actions import AGENT_HEIGHT_Y
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.base import Instances, Observation

HERE = Location("FloorPlan21", (0.0, 0.9, 0.0), 0.0, 0.0, 1)


class HalfMovable:
    """The left half of the view moves when touched."""

    def __init__(self, width: int = 150) -> None:
        self.width = width

    def _view(self) -> Observation:
        return Observation(rgb=np.zeros((300, 300, 3), np.uint8), depth=np.ones((300, 300), np.float32))

    def load(self, location: Location) -> Observation:
        self.seen = self._view()
        return self.seen

    def touch(self, row: int, column: int, force: float, direction: np.ndarray) -> Observation:
        return self._view() if column < self.width else self.seen

    def instances(self) -> Instances:
        masks = np.zeros((1, 300, 300), bool)
        masks[:, :, : self.width] = True
        return Instances(masks, np.array([1.0]), ("Mug",), ("Mug|1",))


class Clock:
    """A clock that stands still except while something waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[str] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, name: str, seconds: float) -> None:
        self.calls.append(name)
        self.now += seconds


def test_work_is_compared_with_the_floor_of_the_same_rounds() -> None:
    clock = Clock()
    first, second = measure_together(
        {"first": lambda: clock.wait("first", 0.6), "second": lambda: clock.wait("second", 0.1)},
        3,
        lambda: clock.wait("floor", 0.2),
        "waiting",
        {"first": Bar(ratio=2.0)},
        lambda: clock.wait("prepare", 9.0),
        clock,
    )
    assert clock.calls == ["prepare", "floor", "prepare", "first", "prepare", "second"] * 4
    assert (first.ratio, second.ratio) == (pytest.approx(3.0), pytest.approx(0.5))
    assert first.seconds == pytest.approx(0.6)
    assert (first.met, second.met) == (False, None)
    assert json.loads(json.dumps(first.to_json()))["ratio"] == first.ratio


@pytest.mark.parametrize(
    ("bar", "met"),
    [
        (Bar(ratio=1.3), True),
        (Bar(ratio=1.1), False),
        (Bar(seconds=0.013), True),
        (Bar(seconds=0.011), False),
        (Bar(1.3, 0.011), False),
        (None, None),
    ],
)
def test_bars_are_ratios_or_seconds(bar: Bar | None, met: bool | None) -> None:
    assert Measurement("mask", 1, 0.012, "copy", 0.01, bar).met is met


def test_no_round_is_no_measurement() -> None:
    with pytest.raises(ValueError, match="repeats 0"):
        measure("nothing", lambda: None, 0, lambda: None, "nothing")


def test_copies_are_of_the_size_asked_for() -> None:
    copy = memory_copy(12345)
    copy()
    inside = [cell.cell_contents for cell in copy.__closure__ or ()]
    assert [array.nbytes for array in inside] == [12345, 12345]
    np.testing.assert_array_equal(*inside)


@pytest.mark.parametrize("moving", [True, False])
def test_touches_are_found(moving: bool) -> None:
    simulator: Any = HalfMovable()
    _, column, force, _ = find_touch(simulator, HERE, moving, np.random.default_rng(0))
    assert (column < 150) == moving and force == 2


def test_where_nothing_moves_an_error_says_so() -> None:
    simulator: Any = HalfMovable(0)
    with pytest.raises(NothingMovesError, match="moves something"):
        find_touch(simulator, HERE, True, np.random.default_rng(0))


def test_the_table_is_aligned() -> None:
    table = speed_table(
        [
            Measurement("reset", 3, 0.05, "physics", 0.01, Bar(ratio=4.0)),
            Measurement("mask", 3, 0.0123, "copy of both", 0.01, Bar(seconds=0.02)),
            Measurement("forward", 3, 0.01, "bare", 0.01),
        ]
    )
    lines = table.splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split() == ["reset", "physics", "50.00", "10.00", "5.00", "4", "x", "no"]
    assert lines[3].split()[-3:] == ["20", "ms", "yes"]


def made_up(name: str, seconds: float) -> Measurement:
    return Measurement(name, 1, seconds, "floor", 1.0)


def test_projections_add_up_visits_updates_and_evaluations() -> None:
    measurements = [
        made_up("new room", 7.0),
        made_up("reset", 1.0),
        made_up("superpixels", 2.0),
        made_up("forward", 3.0),
        made_up("clustering, 32 instances", 4.0),
        made_up("location (5 + 5 points)", 10.0 + 10 * 0.5),
        made_up(TRAINING_STEP, 8.0),
    ]
    stage = Stage(20, 3, 10, 4, 4, greedy_points=1, random_points=3, joint=True)
    schedule = Schedule((stage,), 16, 1e-3, 1e-3, 0.0, evaluate_every=2, evaluation_locations=7)
    visits = stage.total_locations / 4 * (7.0 - 1.0) + stage.total_locations * (10.0 + 4 * 0.5)
    updates = 12 * 8.0 * 16 / 64
    looks = 1 * 7 * 8.0
    seconds = project(measurements, schedule, batch_size=64, points=5, cores=2)
    assert seconds == pytest.approx((visits + updates + looks) / 2)
    own = project([*measurements, made_up("step of mine", 5.0)], schedule, 64, 5, 2, "step of mine")
    assert own == pytest.approx((visits + 12 * 5.0 + looks) / 2)
    one_room = project(measurements, schedule, 64, 5, 2, rooms=1)
    assert one_room == pytest.approx(seconds - (stage.total_locations / 4 - 2) * (7.0 - 1.0) / 2)
    twice = dataclasses.replace(schedule, stages=(stage, stage))
    assert project(measurements, twice, 64, 5, 1) > 3 * seconds


def test_the_projection_names_every_preset() -> None:
    lines = projection_table({"smoke": 0.01, "paper": 35.5}).splitlines()
    assert lines[-1].split() == [
        "paper",
        str(preset("paper").total_locations),
        str(preset("paper").total_updates),
        "35.50",
    ]


def test_crowded_maps_hold_as_many_instances_as_are_looked_for() -> None:
    from agents.selfsup_agent.clustering import greedy_instances

    assert len(greedy_instances(*crowded_maps(0), 32, -np.inf)) == 32


def test_crowded_maps_hold_as_many_queried_masks_of_the_same_objects() -> None:
    from agents.query_agent.inference import distinct_instances, queried_instances
    from agents.selfsup_agent.clustering import greedy_instances

    maps = crowded_maps(0)
    found = distinct_instances(
        queried_instances(*maps, crowded_queries(maps[2]), max_instances=32, threshold=-np.inf)
    )
    assert len(found) == 32
    clusters = greedy_instances(*maps, 32, -np.inf)
    area, cluster_area = (np.mean([one.mask.sum() for one in each]) for each in (found, clusters))
    assert area == pytest.approx(cluster_area, rel=0.1)


def test_made_up_predictions_are_partly_right() -> None:
    from eval.metrics.coco import coco_scores

    scores = coco_scores(*made_up_instances(0))
    assert 0 < scores.mask_ap < 1


def test_mujoco_alone_repeats_the_motion_of_a_touch() -> None:
    """The floor of a touch ends where the touch ended, and draws one image."""
    from thor_interact_env.locations.sampling import LocationSampler
    from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

    simulator = MujocoSimulator()
    try:
        rng = np.random.default_rng(0)
        sampler = LocationSampler(simulator, ("FloorPlan401",), 0.3)
        for _ in range(20):
            location = sampler.sample(rng)
            try:
                row, column, _, direction = find_touch(simulator, location, True, rng)
                break
            except NothingMovesError:
                continue
        simulator.load(location)
        from thor_interact_env.actions import DIRECTIONS, FORCES

        raw = RawMujoco()
        with raw.noting():
            simulator.touch(row, column, FORCES[2], DIRECTIONS[direction])
        assert raw.views == 1
        # Checks for rest come every ten steps; the force acts in the steps before.
        assert raw.steps >= 10
        end = simulator.get_state()
        raw.prepare()
        raw.repeat()
        np.testing.assert_array_equal(simulator.get_state(), end)  # it works on copies
        again = RawMujoco()
        simulator.load(location)
        with again.noting():
            simulator.touch(row, column, FORCES[2], DIRECTIONS[direction])
        assert again.steps == raw.steps
        assert location.position[1] == pytest.approx(AGENT_HEIGHT_Y)
    finally:
        simulator.close()


def test_everything_is_measured() -> None:
    options = SpeedOptions(
        split="NovelSpaces/val", rooms=1, repeats=1, points=2, batch_size=2, updates=1, threads=1, workers=1
    )
    results, document = run(options)
    assert [each.name for each in results] == [
        "new room",
        "reset",
        "touch that moves",
        "step that moves",
        "step that cannot move",
        "mask",
        "superpixels",
        "forward",
        "2 views, 32 instances each",
        "2 views, 32 queried masks each",
        "clustering, 32 instances",
        "refinement, 32 instances",
        "AP of 20 images",
        "location (2 + 2 points)",
        "losses",
        "optimiser step",
        TRAINING_STEP,
        "bank sample of 2",
        "bank add of 16",
        *map(step_name, PRESETS_WITH_STEPS),
    ]
    assert all(each.seconds > 0 and each.floor_seconds > 0 for each in results)
    # Queried masks are to cost no more than the paper's instances, but for their further output channels.
    queried = next(each for each in results if each.name == "2 views, 32 queried masks each")
    assert (queried.floor, queried.bar) == ("2 views, 32 instances each", Bar(ratio=1.05))
    assert set(document["projected_hours"]) == set(PRESETS)
    assert all(hours > 0 for hours in document["projected_hours"].values())
    assert json.loads(json.dumps(document, allow_nan=False)) == document


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split", "Novel"], "NovelSpaces/val"),
        (["--repeats", "0"], "at least 1"),
        (["--rooms", "5"], "rooms is 5"),
    ],
)
def test_wrong_arguments_are_one_line_and_code_two(arguments: list[str], message: str) -> None:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "eval.speed", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_busy_program_takes_time_from_an_update() -> None:
    turns = []

    def update() -> None:
        turns.append(sum(range(200_000)))

    found = load_measurement(update, programs=2, repeats=5, threads=1, cores=1)
    assert (found.name, found.floor, found.repeats) == ("update of hour beside 2 busy", "alone", 5)
    assert found.bar == Bar(ratio=6.0)  # half of a third
    assert len(turns) == 2 * (5 + 5 + 1 + 1)
    assert load_measurement(update, programs=1, repeats=1, threads=2, cores=4).bar == Bar(ratio=2.0)


def test_the_clock_of_another_device_waits_for_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waited.append)
    assert device_clock("cpu") is time.process_time
    clock = device_clock("cuda")
    before = time.perf_counter()
    assert clock() >= before
    assert waited == ["cuda"]
    # As in torch before 2.6.
    monkeypatch.delattr(torch, "accelerator")
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append("mps"))
    assert device_clock("cuda:1")() >= before and device_clock("mps")() >= before
    assert waited == ["cuda", "cuda:1", "mps"]


def test_busy_programs_end_with_their_block() -> None:
    with pytest.raises(KeyError), busy_programs(2) as programs:
        assert [program.poll() for program in programs] == [None, None]
        raise KeyError
    assert None not in [program.poll() for program in programs]


def test_learner_and_workers_are_compared_with_one_after_the_other() -> None:
    updates: list[int] = []
    tasks = speed_workers.collection_tasks(["FloorPlan1"], 2, seed=3)[:1]
    found = together_measurement(lambda: updates.append(1), tasks, 1, 3, lambda workers: LocalCollector(0))
    assert (found.floor, found.bar) == ("one after the other", Bar(ratio=1.11))
    assert len(updates) == 12  # both ways, each once untimed
