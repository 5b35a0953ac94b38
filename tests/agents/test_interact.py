"""One location touched point by point, and many locations by workers; on toy worlds that need no renderer."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest
import torch
from fake_simulator import FakeSimulator
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from agents.base import Point
from agents.collection.choosing import network_points
from agents.collection.collect import CollectionError, CollectionTask, collect_locations, make_environment
from agents.collection.interact import InteractionRecord, InteractionSchedule, interact, random_points
from agents.collection.local_collector import LocalCollector
from agents.selfsup_agent.network import InteractionNet
from selfsup.feedback import Feedback
from thor_interact_env.actions import AGENT_HEIGHT_Y, REACH
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.base import Observation

LOCATION = Location("FloorPlan1", (0.25, AGENT_HEIGHT_Y, 0.5), 0.0, 0.0, 3)


class NeedsForce(gymnasium.Env[dict[str, npt.NDArray[Any]], npt.NDArray[Any]]):
    """Everything at column c moves at force index c // 100 or more; column 299 changes without success."""

    def __init__(self) -> None:
        self.actions: list[list[int]] = []
        self.locations: list[Location] = []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        assert options is not None
        self.locations.append(options["location"])
        self.observation: dict[str, npt.NDArray[Any]] = {
            "rgb": np.full((300, 300, 3), 7, np.uint8),
            "depth": np.full((300, 300), 1.25, np.float32),
        }
        return self.observation, {}

    def step(
        self, action: npt.NDArray[Any]
    ) -> tuple[dict[str, npt.NDArray[Any]], float, bool, bool, dict[str, Any]]:
        row, column, force, _ = (int(value) for value in action)
        self.actions.append([int(value) for value in action])
        success = column != 299 and force >= column // 100
        mask = np.zeros((100, 100), bool)
        mask[row // 3, column // 3] = success
        info = {"mask": mask, "changed": mask if success else mask | (column == 299), "success": success}
        return self.observation, float(success), False, False, info


def visit(
    points: list[Point], random: int = 0, joint: bool = True, seed: int = 0, greedy: int | None = None
) -> tuple[InteractionRecord, NeedsForce]:
    env = NeedsForce()
    schedule = InteractionSchedule(len(points) if greedy is None else greedy, random, joint)
    record = interact(env, LOCATION, lambda _: points, schedule, np.random.default_rng(seed))
    return record, env


@pytest.mark.parametrize(
    ("needed", "predicted", "applied", "feedback"),
    [
        (0, 0, [0], Feedback.CORRECT),
        (1, 0, [0, 0, 2], Feedback.TOO_SMALL),
        (2, 0, [0, 0, 2], Feedback.TOO_SMALL),
        (0, 1, [0], Feedback.TOO_LARGE),
        (1, 1, [0, 1], Feedback.CORRECT),
        (2, 1, [0, 1, 2], Feedback.TOO_SMALL),
        (0, 2, [1], Feedback.TOO_LARGE),
        (1, 2, [1], Feedback.TOO_LARGE),
        (2, 2, [1, 2], Feedback.CORRECT),
    ],
)
def test_forces_escalate_as_in_the_paper(
    needed: int, predicted: int, applied: list[int], feedback: Feedback
) -> None:
    column = 100 * needed + 1
    record, env = visit([(31, column, predicted)])
    assert [action[2] for action in env.actions] == applied
    experience = record.experience
    assert experience.success_points.tolist() == [[10, column // 3]]
    assert experience.forces.tolist() == [predicted]
    assert experience.feedback.tolist() == [feedback]
    assert experience.masks[0, 10, column // 3]
    assert experience.masks.sum() == 1
    assert (record.greedy_successes, record.attempts, record.changes) == (1, len(applied), 1)


@pytest.mark.parametrize(("predicted", "attempts"), [(0, 3), (1, 3), (2, 2)])
def test_a_point_that_never_succeeds_is_a_failure(predicted: int, attempts: int) -> None:
    record, env = visit([(0, 299, predicted)])
    assert record.experience.failure_points.tolist() == [[0, 99]]
    assert len(record.experience.success_points) == len(record.experience.masks) == 0
    assert record.greedy_successes == 0
    assert (record.attempts, record.changes) == (attempts, attempts)
    assert len({action[3] for action in env.actions}) == 1


@settings(max_examples=30, deadline=None)
@given(
    points=st.lists(
        st.tuples(st.integers(0, 299), st.integers(0, 299), st.integers(0, 2)), min_size=0, max_size=6
    ),
    random=st.integers(0, 6),
    joint=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_record_adds_up(points: list[Point], random: int, joint: bool, seed: int) -> None:
    record, env = visit(points, random, joint, seed)
    experience = record.experience
    assert (record.greedy_touches, record.random_touches) == (len(points), random)
    assert record.greedy_successes + record.random_successes == len(experience.success_points)
    assert len(experience.success_points) + len(experience.failure_points) == len(points) + random
    assert record.changes <= record.attempts == len(env.actions)
    schedule = InteractionSchedule(len(points), random, joint)
    assert record.attempts <= schedule.steps
    for (row, column), mask in zip(experience.success_points, experience.masks, strict=True):
        assert mask[row, column]
    if not joint:
        assert {action[2] for action in env.actions} <= {2}
        assert set(experience.forces.tolist()) <= {2}
        assert set(experience.feedback.tolist()) <= {Feedback.CORRECT}


def test_greedy_points_come_first_and_no_more_than_asked_for() -> None:
    points = [(4, 1, 0), (7, 1, 0), (10, 1, 0)]
    record, env = visit(points, random=2, joint=False, greedy=2)
    assert [action[:2] for action in env.actions[:2]] == [[4, 1], [7, 1]]
    assert (record.greedy_touches, record.random_touches) == (2, 2)
    assert [10, 1] not in [action[:2] for action in env.actions]


def test_random_touches_do_not_depend_on_the_greedy_ones() -> None:
    ends = []
    for points in ([], [(4, 1, 0)], [(4, 1, 0), (7, 299, 1)]):
        _, env = visit(points, random=3, joint=False, seed=5, greedy=2)
        ends.append(env.actions[-3:])
    assert ends[0] == ends[1] == ends[2]


def test_an_agent_without_greedy_points_is_not_asked() -> None:
    def refuse(_: Observation) -> list[Point]:
        raise AssertionError("asked")

    record = interact(
        NeedsForce(), LOCATION, refuse, InteractionSchedule(0, 2, True), np.random.default_rng(0)
    )
    assert record.random_touches == 2


def test_the_experience_shows_the_first_view() -> None:
    record, env = visit([(4, 1, 0)])
    assert env.locations == [LOCATION]
    assert (record.experience.rgb == 7).all()
    assert record.experience.depth.dtype == np.float32
    assert (record.experience.depth == 1.25).all()


def test_random_points_are_centres_of_all_cells_and_all_forces() -> None:
    points = np.array(random_points(60_000, np.random.default_rng(0)))
    assert (points[:, :2] % 3 == 1).all()
    counts = np.zeros((100, 100), int)
    np.add.at(counts, (points[:, 0] // 3, points[:, 1] // 3), 1)
    assert (counts > 0).mean() > 0.99  # Poisson with mean 6: empty with probability 0.0025
    assert counts.std() == pytest.approx(np.sqrt(6), rel=0.05)
    assert np.bincount(points[:, 2]).tolist() == pytest.approx([20_000] * 3, rel=0.03)


def test_negative_numbers_of_points_are_refused() -> None:
    with pytest.raises(ValueError, match="greedy is -1"):
        InteractionSchedule(-1, 0, True)


ROOMS = ("FloorPlan1", "FloorPlan2", "FloorPlan203")


def make_task(**changes: Any) -> CollectionTask:
    settings: dict[str, Any] = {
        "seeds": (11, 12, 13),
        "rooms": ROOMS,
        "schedule": InteractionSchedule(0, 4, True),
        "environment": {"simulator": FakeSimulator(rooms=ROOMS)},
        "locations_per_room": 2,
    }
    return CollectionTask(**{**settings, **changes})


def same(one: InteractionRecord, other: InteractionRecord) -> bool:
    names = ("rgb", "depth", "success_points", "masks", "forces", "feedback", "failure_points")
    arrays = all(
        np.array_equal(getattr(one.experience, name), getattr(other.experience, name)) for name in names
    )
    return arrays and (one.attempts, one.changes) == (other.attempts, other.changes)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "model.safetensors"
    save_file(InteractionNet().state_dict(), path)
    return path


@pytest.fixture
def collector() -> Iterator[LocalCollector]:
    with LocalCollector(workers=0) as collector:
        yield collector


def test_a_task_alone_decides_its_records(weights: Path, collector: LocalCollector) -> None:
    task = make_task(schedule=InteractionSchedule(2, 3, True), weights=weights)
    first = collector.submit(task).result()
    collector.submit(make_task(seeds=(99,))).result()
    again = collector.submit(task).result()
    assert len(first) == 3
    assert all(same(one, other) for one, other in zip(first, again, strict=True))
    assert not same(first[0], first[1])
    assert {(1 <= record.greedy_touches <= 2, record.random_touches) for record in first} == {(True, 3)}


def test_splitting_a_task_changes_nothing(collector: LocalCollector) -> None:
    task = make_task(seeds=tuple(range(5)))
    parts = task.split()
    assert [part.seeds for part in parts] == [(0, 1), (2, 3), (4,)]
    whole = collector.submit(task).result()
    pieces = [record for part in parts for record in collector.submit(part).result()]
    assert all(same(one, other) for one, other in zip(whole, pieces, strict=True))


def test_groups_of_locations_share_a_room_and_all_rooms_are_drawn() -> None:
    task = make_task(seeds=tuple(range(200)))
    rooms = [task.room(index) for index in range(200)]
    assert rooms[0::2] == rooms[1::2]
    assert set(rooms) == set(ROOMS)
    alone = make_task(seeds=tuple(range(200)), locations_per_room=1)
    assert any(alone.room(index) != alone.room(index + 1) for index in range(0, 200, 2))


def test_locations_have_the_fraction_in_reach_that_the_task_asks_for() -> None:
    simulator = FakeSimulator(rooms=ROOMS, table_rows=120)  # two fifths of the view; the rectangles decide
    fractions = {
        asked: [
            np.mean(record.experience.depth < REACH)
            for record in collect_locations(
                make_task(
                    seeds=tuple(range(12)), reachable_fraction=asked, environment={"simulator": simulator}
                )
            )
        ]
        for asked in (0.0, 0.46)
    }
    assert min(fractions[0.0]) < 0.46 <= min(fractions[0.46])


def test_a_visit_draws_its_first_view_once_and_another_for_each_touch_that_moves_something() -> None:
    simulator = FakeSimulator(rooms=ROOMS)
    environment = {"simulator": simulator}
    untouched = make_task(
        environment=environment, reachable_fraction=0.0, schedule=InteractionSchedule(0, 0, True)
    )
    collect_locations(untouched)
    assert simulator.pictures == len(untouched.seeds)
    simulator.pictures = 0
    records = collect_locations(replace(untouched, schedule=InteractionSchedule(0, 12, True)))
    moved = sum(record.changes for record in records)
    assert moved > 0 and simulator.pictures == len(records) + moved


def test_other_weights_in_the_same_file_are_seen(weights: Path, collector: LocalCollector) -> None:
    task = make_task(schedule=InteractionSchedule(3, 0, True), weights=weights)
    before = collector.submit(task).result()
    torch.manual_seed(1)
    save_file(InteractionNet(force_branch="separate").state_dict(), weights)
    after = collector.submit(task).result()
    assert not all(same(one, other) for one, other in zip(before, after, strict=True))


def test_network_chooses_its_best_cell_first(weights: Path) -> None:
    network = InteractionNet().eval()
    observation = Observation(rgb=np.zeros((300, 300, 3), np.uint8), depth=np.ones((300, 300), np.float32))
    points = network_points(network, 4, bf16=False)(observation)
    with torch.inference_mode():
        images = torch.cat((torch.zeros(1, 3, 300, 300), torch.ones(1, 1, 300, 300)), dim=1)
        prediction = network(images)
    row, column = divmod(int(prediction.scores[0].argmax()), 100)
    force = int(prediction.force_logits[0, :, row, column].argmax())
    assert points[0] == (3 * row + 1, 3 * column + 1, force)
    assert len(points) <= 4


@pytest.mark.parametrize(("joint", "steps"), [(True, 12), (False, 4)])
def test_an_episode_allows_all_attempts(joint: bool, steps: int) -> None:
    schedule = InteractionSchedule(1, 3, joint)
    env = make_environment({"simulator": FakeSimulator()}, schedule)
    env.reset(options={"location": LOCATION})
    assert schedule.steps == steps
    truncated = [env.step(np.array([0, 0, 2, 0]))[3] for _ in range(steps)]
    assert truncated == [False] * (steps - 1) + [True]


def test_a_location_that_fails_is_named(collector: LocalCollector) -> None:
    future = collector.submit(make_task(environment={"simulator": FakeSimulator(rooms=("FloorPlan5",))}))
    with pytest.raises(CollectionError, match=r"seed 11 in FloorPlan.*UnknownRoomError"):
        future.result()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:1000]),
        lambda path: save_file({"other": torch.zeros(1)}, path),
    ],
)
def test_unusable_weights_are_named(
    weights: Path, collector: LocalCollector, spoil: Callable[[Path], Any]
) -> None:
    spoil(weights)
    task = make_task(schedule=InteractionSchedule(1, 0, True), weights=weights)
    with pytest.raises(CollectionError, match=r"model\.safetensors does not hold the weights"):
        collector.submit(task).result()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": (3, -1)}, "seeds holds -1"),
        ({"rooms": ()}, "rooms is empty"),
        ({"locations_per_room": 0}, "locations_per_room is 0"),
        ({"schedule": InteractionSchedule(1, 0, True)}, "without weights"),
        ({"environment": {"interactions": 3}}, "environment holds interactions"),
    ],
)
def test_wrong_tasks_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_task(**changes)


def test_negative_workers_are_refused() -> None:
    with pytest.raises(ValueError, match="workers is -1"):
        LocalCollector(-1)
