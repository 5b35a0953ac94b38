"""Watching a motion: the frames of the embedded simulator, and that watching changes nothing."""

import numpy as np
import pytest

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import DIRECTIONS, FORCES, REACH
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.locations.splits import split_rooms
from thor_interact_env.simulators.base import FIRST_FRAME_SECONDS, FRAME_SECONDS, MAX_FRAMES
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator


@pytest.fixture(scope="module")
def simulator():
    made = MujocoSimulator()
    yield made
    made.close()


def touches_at(simulator, room, seed):
    """Load a location, and return it with one touch of each object in reach."""
    location = LocationSampler(simulator, [room]).sample(np.random.default_rng(seed))
    seen = simulator.load(location)
    touches = []
    for index, mask in enumerate(simulator.instances().masks):
        points = np.argwhere(mask & (seen["depth"] < REACH))
        row, column = points[len(points) // 2]
        touches.append((int(row), int(column), FORCES[2], DIRECTIONS[index % len(DIRECTIONS)]))
    return location, touches


@pytest.mark.parametrize(("room", "seed"), [("FloorPlan1", 0), ("FloorPlan201", 1), ("FloorPlan301", 2)])
def test_watching_changes_nothing(simulator, room, seed):
    location, touches = touches_at(simulator, room, seed)
    assert touches
    simulator.load(location)
    plain = [(simulator.touch(*touch), simulator.get_state()) for touch in touches]
    before = simulator.load(location)
    for touch, (expected, state) in zip(touches, plain, strict=True):
        after, frames = simulator.touch_with_frames(*touch)
        assert np.array_equal(simulator.get_state(), state)
        assert np.array_equal(after["rgb"], expected["rgb"]) and np.array_equal(
            after["depth"], expected["depth"]
        )
        assert frames.dtype == np.uint8 and frames.shape == (len(frames), IMAGE_SIZE, IMAGE_SIZE, 3)
        assert len(frames) <= MAX_FRAMES
        assert (len(frames) == 0) == (after is before)
        before = after


def motions(simulator, minimum):
    """Return so many views before a touch, its frames and views after, of as many rooms as that takes."""
    found = []
    for seed, room in enumerate(split_rooms("NovelSpaces/train")):
        location, touches = touches_at(simulator, room, seed)
        for touch in touches:
            before = simulator.load(location)
            after, frames = simulator.touch_with_frames(*touch)
            if 0 < len(frames) < MAX_FRAMES and not np.array_equal(after["rgb"], before["rgb"]):
                found.append((before["rgb"], frames, after["rgb"]))
        if len(found) >= minimum:
            return found
    raise AssertionError(f"only {len(found)} touches of all training rooms move what is seen")


def test_frames_lead_away_from_the_view_before_to_the_view_after(simulator):
    # Where one touch leads is chance, so all are taken together.
    start = end = rest = 0.0
    for before, frames, after in motions(simulator, 6):
        first, last = frames[0].astype(float), frames[-1].astype(float)
        start += np.abs(first - before).sum()
        end += np.abs(first - after).sum()
        rest += np.abs(last - after).sum()
    assert start > 0 and end > 0, "the first frame shows objects on their way"
    assert rest < 0.1 * min(start, end), "the last one shows them nearly where they come to rest"


def test_a_wall_and_what_is_out_of_reach_give_no_frame():
    simulator = MujocoSimulator(reach=0.01)
    try:
        seen = simulator.load(
            LocationSampler(simulator, ["FloorPlan1"], 0.0).sample(np.random.default_rng(0))
        )
        after, frames = simulator.touch_with_frames(150, 150, FORCES[2], DIRECTIONS[0])
        assert after is seen
        assert frames.shape == (0, IMAGE_SIZE, IMAGE_SIZE, 3)
    finally:
        simulator.close()


def test_motion_is_recorded_at_the_times_of_the_frames(simulator, monkeypatch):
    location, touches = touches_at(simulator, "FloorPlan1", 0)
    simulator.load(location)
    room = simulator.compiled("FloorPlan1")
    moments, pushed, step, push = [], [], room.step, room.push

    def timed(count=1):
        step(count)
        moments.append((room.data.time, room.data.qpos.copy()))

    def noted(*arguments):
        pushed.append(push(*arguments))
        return pushed[-1]

    monkeypatch.setattr(room, "step", timed)
    monkeypatch.setattr(room, "push", noted)
    for touch in touches:
        simulator.touch(*touch)
        if any(pushed):
            break
    monkeypatch.undo()
    motion = pushed[-1]
    start = next(time for time, qpos in moments if np.array_equal(qpos, motion[0]))
    for number, frame in enumerate(motion):
        ((_, qpos),) = [one for one in moments if np.isclose(one[0], start + number * FRAME_SECONDS)]
        np.testing.assert_array_equal(qpos, frame)
    end_of_force = max(time for time, _ in moments if time < start)
    assert start - end_of_force == pytest.approx(FIRST_FRAME_SECONDS)
    assert not np.array_equal(motion[0], room.positions())
