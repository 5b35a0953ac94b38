"""What the oracles of the paper's rows d, e and f give away, and that nothing is given away without them."""

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest
from fake_simulator import SIDE, FakeSimulator
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.collection.collect import CollectionTask, collect_locations, make_environment
from agents.collection.interact import ATTEMPTS_PER_POINT, InteractionSchedule, interact
from agents.collection.oracles import MAX_ADDED_POINTS, FirstView, OracleOptions
from selfsup.feedback import Feedback
from thor_interact_env.actions import AGENT_HEIGHT_Y
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.base import Instances

LOCATION = Location("FloorPlan1", (0.25, AGENT_HEIGHT_Y, 0.5), 0.0, 0.0, 3)
BOTH = OracleOptions(points=True, masks=True)


def middle(simulator, index):
    row, column = simulator.corners[index] + SIDE // 2
    return int(row) // 3 * 3 + 1, int(column) // 3 * 3 + 1


def visit(points=(), oracles=None, joint=False, random=0, greedy=None, seed=0, simulator=None):
    simulator = simulator or FakeSimulator()
    schedule = InteractionSchedule(len(points) if greedy is None else greedy, random, joint)
    env = make_environment({"simulator": simulator}, schedule, oracles=oracles)
    record = interact(env, LOCATION, lambda _: list(points), schedule, np.random.default_rng(seed), oracles)
    return record, simulator


def first_truth():
    simulator = FakeSimulator()
    simulator.load(LOCATION)
    return simulator, simulator.instances()


def truth_of(*masks):
    count = len(masks)
    shape = (count, 300, 300)
    stacked = np.stack(masks) if masks else np.zeros(shape, bool)
    names = tuple(f"Box|{index}" for index in range(count))
    return Instances(stacked, np.ones(count), ("Box",) * count, names)


def box(top, left, height, width):
    mask = np.zeros((300, 300), bool)
    mask[top : top + height, left : left + width] = True
    return mask


NEAR = np.ones((300, 300), np.float32)
REACH = 1.5


def test_without_oracles_no_truth_is_asked_for(monkeypatch):
    simulator, _ = first_truth()
    points = [(*middle(simulator, index), 2) for index in range(3)]
    asked = 0
    instances = FakeSimulator.instances

    def counted(simulator: FakeSimulator) -> Instances:
        nonlocal asked
        asked += 1
        return instances(simulator)

    monkeypatch.setattr(FakeSimulator, "instances", counted)
    for oracles in (None, OracleOptions()):
        visit(points, oracles, random=4)
    task = CollectionTask((1, 2), ("FloorPlan1",), InteractionSchedule(0, 4, True),
                          environment={"simulator": FakeSimulator()})  # fmt: skip
    collect_locations(task)
    assert asked == 0
    visit(points, OracleOptions(points=True))
    visit(points, OracleOptions(masks=True))
    assert asked == 2


def test_switched_off_they_change_nothing():
    simulator, _ = first_truth()
    points = [(*middle(simulator, 1), 1), (1, 1, 0)]
    plain, off = (visit(points, oracles, True, random=5) for oracles in (None, OracleOptions()))
    for name in ("success_points", "masks", "forces", "feedback", "failure_points"):
        assert np.array_equal(getattr(plain[0].experience, name), getattr(off[0].experience, name))
    assert plain[1].touches == off[1].touches


def test_interaction_oracle_gives_each_object_one_point():
    simulator, truth = first_truth()
    centre = middle(simulator, 0)
    wall = (1, 1, 2)
    points = [(*centre, 2), (centre[0] + 3, centre[1], 2), wall, (4, 4, 2)]
    record, _ = visit(points, OracleOptions(points=True))
    # Of two points on one object the first is kept, those on nothing stay, and two objects were missed.
    assert record.greedy_touches == 1 + 2 + 2
    cells = np.concatenate([record.experience.success_points, record.experience.failure_points]) * 3 + 1
    on_object = [int(truth.masks[index][tuple(cells.T)].sum()) for index in range(3)]
    assert on_object == [1, 1, 1]


def test_interaction_oracle_needs_no_network():
    task = CollectionTask(
        seeds=(1, 2, 3),
        rooms=("FloorPlan1",),
        schedule=InteractionSchedule(0, 0, joint=False),
        environment={"simulator": FakeSimulator()},
        oracles=OracleOptions(points=True),
    )
    for record in collect_locations(task):
        assert (record.greedy_touches, record.random_touches) == (3, 0)
        assert record.greedy_successes >= 2  # one object may be hidden behind another, or hardly shift
        assert record.experience.masks.any(axis=(1, 2)).all()


def test_random_points_and_their_directions_stay_what_they_are():
    actions: list[list[list[int]]] = []

    class Recorder(gymnasium.Wrapper):
        def step(self, action):
            actions[-1].append([int(value) for value in action])
            return super().step(action)

    for oracles in (OracleOptions(), BOTH):
        actions.append([])
        schedule = InteractionSchedule(2, 4, False)
        env = Recorder(make_environment({"simulator": FakeSimulator()}, schedule, oracles=oracles))
        interact(env, LOCATION, lambda _: [(1, 1, 0)], schedule, np.random.default_rng(5), oracles)
    assert actions[0][-4:] == actions[1][-4:]
    assert actions[0][0] == actions[1][0]
    assert len(actions[1]) == len(actions[0]) + 3


def test_mask_oracle_gives_the_true_mask_of_the_first_view():
    simulator, truth = first_truth()
    points = [(*middle(simulator, index), 0) for index in range(4)]
    record, _ = visit([points[0], points[0], *points[1:]], OracleOptions(masks=True))
    experience = record.experience
    # The second touch of the first object still has its first mask, though it was shifted meanwhile.
    assert len(experience.masks) == 4
    for mask, index in zip(experience.masks, (0, 0, 1, 2), strict=True):
        assert np.array_equal(mask, truth.masks[index, 1::3, 1::3])
    row, column = points[3][:2]
    assert experience.failure_points.tolist() == [[row // 3, column // 3]]  # out of reach
    assert record.greedy_successes == 4


@pytest.mark.parametrize(("force", "feedback"), [(0, Feedback.TOO_SMALL), (2, Feedback.CORRECT)])
def test_mask_oracle_keeps_the_feedback_on_forces(force, feedback):
    simulator, _ = first_truth()
    point = (*middle(simulator, 2), force)
    record, _ = visit([point], OracleOptions(masks=True), joint=True)
    assert record.experience.forces.tolist() == [force]
    assert record.experience.feedback.tolist() == [feedback]  # the heavy one moves at the maximum force


def test_an_object_that_never_moves_is_as_heavy_as_can_be(monkeypatch):
    monkeypatch.setattr(FakeSimulator, "touch", lambda self, *_: self.view)
    simulator, _ = first_truth()
    points = [(*middle(simulator, 0), force) for force in range(3)]
    record, _ = visit(points, OracleOptions(masks=True), joint=True)
    assert record.experience.feedback.tolist() == [Feedback.TOO_SMALL, Feedback.TOO_SMALL, Feedback.CORRECT]


def test_both_oracles_find_every_object_with_its_mask():
    record, _ = visit(oracles=BOTH)
    _, truth = first_truth()
    found = {mask.tobytes() for mask in record.experience.masks}
    assert found == {mask[1::3, 1::3].tobytes() for mask in truth.masks}


def test_reach_limits_points_and_successes_but_not_masks():
    mask = box(30, 30, 30, 90)
    depth = np.where(np.arange(300) < 60, 1.0, 2.0).astype(np.float32) + np.zeros((300, 1), np.float32)
    near, far = (45, 40), (45, 100)
    view = FirstView(truth_of(mask), depth, REACH)
    assert view.object_at(*near) == 0
    assert view.object_at(*far) is None
    assert view.mask_at(*far) is None
    seen = view.mask_at(*near)
    assert seen is not None and np.array_equal(seen, mask[1::3, 1::3])
    ((row, column, _),) = view.added([(*far, 0)], np.random.default_rng(0))
    assert mask[row, column] and column < 60
    unlimited = FirstView(truth_of(mask), depth, reach=np.inf)
    assert unlimited.object_at(*far) == 0
    assert unlimited.added([(*far, 0)], np.random.default_rng(0)) == []


def test_objects_thinner_than_a_cell_are_touched_and_masked():
    line = box(30, 60, 1, 12)  # row 30 is no row of centres
    view = FirstView(truth_of(line), NEAR, REACH)
    ((row, column, _),) = view.added([], np.random.default_rng(0))
    assert line[row, column]
    mask = view.mask_at(row, column)
    assert mask is not None
    assert mask.sum() == 1 and mask[row // 3, column // 3]


def test_small_objects_can_be_left_out():
    large, small = box(0, 0, 20, 10), box(30, 60, 19, 10)
    view = FirstView(truth_of(small, large), NEAR, REACH, minimum_pixels=200)
    ((row, column, _),) = view.added([], np.random.default_rng(0))
    assert large[row, column]
    assert view.mask_at(35, 65) is None and view.mask_at(5, 5) is not None
    assert len(FirstView(truth_of(small, large), NEAR, REACH).added([], np.random.default_rng(0))) == 2
    with pytest.raises(ValueError, match="minimum_pixels is -1"):
        OracleOptions(minimum_pixels=-1)


def test_the_oracles_of_a_run_leave_out_what_they_are_told_to():
    point = next(
        (int(rows[0]), int(columns[0]), 2)
        for rows, columns in (np.nonzero(mask) for mask in first_truth()[1].masks)
    )
    record, _ = visit([point], OracleOptions(masks=True))
    assert record.greedy_successes == 1
    record, _ = visit([point], OracleOptions(masks=True, minimum_pixels=300 * 300))
    assert record.greedy_successes == 0 and len(record.experience.masks) == 0


def test_the_largest_objects_come_first_when_there_are_too_many():
    masks = np.zeros((MAX_ADDED_POINTS + 2, 300, 300), bool)
    for index in range(len(masks)):
        row, column = divmod(index, 20)
        masks[index, 12 * row : 12 * row + 3, 12 * column : 12 * column + 3 + (index > 1)] = True
    view = FirstView(truth_of(*masks), NEAR, REACH)
    added = view.added([], np.random.default_rng(0))
    assert len(added) == MAX_ADDED_POINTS
    assert {view.object_at(*point[:2]) for point in added} == set(range(2, len(masks)))
    schedule = InteractionSchedule(2, 1, True)
    assert schedule.allowed_steps(BOTH) == (3 + MAX_ADDED_POINTS) * ATTEMPTS_PER_POINT
    assert schedule.allowed_steps(OracleOptions(masks=True)) == schedule.steps == 9


@settings(max_examples=40, deadline=None)
@given(
    boxes=st.lists(st.tuples(*[st.integers(0, 270)] * 2, *[st.integers(1, 30)] * 2), max_size=5),
    points=st.lists(st.tuples(*[st.integers(0, 299)] * 2, st.integers(0, 2)), max_size=8),
)
def test_every_object_is_on_exactly_one_chosen_point(boxes, points):
    masks: list[npt.NDArray[np.bool_]] = []
    for top, left, height, width in boxes:  # what is seen does not overlap
        mask = (
            box(top, left, height, width) & ~np.any(masks, axis=0) if masks else box(top, left, height, width)
        )
        masks.append(mask)
    view = FirstView(truth_of(*masks), NEAR, REACH)
    kept = view.kept(points)
    added = view.added(kept, np.random.default_rng(0))
    owners = [view.object_at(row, column) for row, column, _ in (*kept, *added)]
    seen = [index for index, mask in enumerate(masks) if mask.any()]
    assert sorted(owner for owner in owners if owner is not None) == seen
    assert None not in owners[len(kept) :]
    background = [point for point in points if view.object_at(*point[:2]) is None]
    assert [point for point in kept if view.object_at(*point[:2]) is None] == background
