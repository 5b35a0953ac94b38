"""The embedded simulator: rest, touch, restore, ground truth, refusals."""

from dataclasses import replace

import numpy as np
import pytest

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import AGENT_HEIGHT_Y, DIRECTIONS, FORCES, REACH
from thor_interact_env.errors import (
    InvalidOptionError,
    InvalidStateError,
    UnknownRoomError,
    UnreachableLocationError,
)
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.simulators import make_simulator
from thor_interact_env.simulators.base import Simulator
from thor_interact_env.simulators.mujoco import touching
from thor_interact_env.simulators.mujoco.physics import TIME_STEP
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

ROOMS = ("FloorPlan1", "FloorPlan201", "FloorPlan301", "FloorPlan401")


@pytest.fixture(scope="module")
def simulator():
    made = MujocoSimulator()
    yield made
    made.close()


def location_in(simulator, room, seed=0):
    return LocationSampler(simulator, [room]).sample(np.random.default_rng(seed))


def location_with_objects(simulator, room):
    """Return a location with at least three movable objects in reach."""
    for seed in range(50):
        location = location_in(simulator, room, seed)
        simulator.load(location)
        if len(simulator.instances()) >= 3:
            return location
    raise AssertionError(f"no view of {room} shows three objects in reach")


def touch_until_moved(simulator, seen):
    """Touch visible objects with the largest force until the image changes."""
    truth = simulator.instances()
    for mask in truth.masks:
        for row, column in np.argwhere(mask & (seen["depth"] < REACH))[::7]:
            touched = simulator.touch(int(row), int(column), FORCES[2], DIRECTIONS[5])
            if touched is not seen:
                return touched
    return None


def test_it_is_a_simulator(simulator):
    assert isinstance(simulator, Simulator)
    assert len(simulator.rooms) == 120


@pytest.mark.parametrize("room", ROOMS)
def test_an_untouched_room_is_at_rest(simulator, room):
    """Loading twice, and letting time pass, changes neither an image nor a position."""
    location = location_in(simulator, room)
    first = simulator.load(location)
    compiled = simulator.compiled(room)
    before = compiled.positions()
    for movable in compiled.movables:
        if before[movable.position_address + 2] > -1:
            compiled.data.qfrc_applied[movable.velocity_address] = 1e-9
    compiled.step(round(1.0 / TIME_STEP))
    shift = np.abs(compiled.positions() - before).reshape(-1, 7)[:, :3]
    assert shift.max() < 0.01
    again = simulator.load(location)
    assert np.array_equal(first["rgb"], again["rgb"]) and np.array_equal(first["depth"], again["depth"])


def test_the_loaded_location_is_drawn_again_only_once_something_was_touched(simulator):
    location = location_with_objects(simulator, ROOMS[0])
    first = simulator.load(location)
    assert simulator.load(location) is first
    assert touch_until_moved(simulator, first) is not None
    again = simulator.load(location)
    assert again is not first and np.array_equal(again["rgb"], first["rgb"])


def interrupted(*arguments, **options):
    raise KeyboardInterrupt


def test_an_interrupted_load_leaves_no_view_of_before(simulator):
    location = location_with_objects(simulator, ROOMS[0])
    first, truth = simulator.load(location), simulator.instances()
    turned = replace(location, rotation=(location.rotation + 180) % 360)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(type(simulator.renderer), "view", interrupted)
        simulator.load(turned)
    again = simulator.load(location)
    assert np.array_equal(again["rgb"], first["rgb"])
    assert simulator.instances().ids == truth.ids


def test_an_interrupted_touch_leaves_no_view_of_before(simulator):
    location = location_with_objects(simulator, ROOMS[0])
    simulator.load(location)
    state, original = simulator.get_state(), touching.touch
    row, column = np.argwhere(simulator.instances().masks[0])[0]

    def touch_then_interrupted(*arguments):
        original(*arguments)
        simulator.compiled(location.scene).data.qpos[:] += 0.1
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("thor_interact_env.simulators.mujoco.simulator.touch", touch_then_interrupted)
        simulator.touch(int(row), int(column), FORCES[2], DIRECTIONS[5])
    simulator.load(location)
    assert np.array_equal(simulator.get_state(), state)


def test_where_an_agent_can_stand_is_each_callers_own_array(simulator):
    positions = simulator.reachable_positions(ROOMS[0], 3)
    kept = positions.copy()
    positions[:] = 0
    assert np.array_equal(simulator.reachable_positions(ROOMS[0], 3), kept)
    assert not np.array_equal(simulator.reachable_positions(ROOMS[1], 3), kept)
    assert np.array_equal(simulator.reachable_positions(ROOMS[0], 3), kept)


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_falls_out_of_the_room_or_sinks(simulator, room):
    simulator.load(location_in(simulator, room, 1))
    compiled = simulator.compiled(room)
    placed = compiled.positions().reshape(-1, 7)
    placed = placed[placed[:, 2] > -1]
    width, depth, height = compiled.plan.size
    assert np.all(np.abs(placed[:, 0]) < width / 2) and np.all(np.abs(placed[:, 1]) < depth / 2)
    assert np.all(placed[:, 2] > -0.05) and np.all(placed[:, 2] < height)
    assert all(contact.dist > -1e-3 for contact in compiled.data.contact)


def test_touches_move_objects_and_replay_exactly(simulator):
    first = simulator.load(location_with_objects(simulator, "FloorPlan1"))
    state = simulator.get_state()
    moved = touch_until_moved(simulator, first)
    assert moved is not None and not np.array_equal(moved["rgb"], first["rgb"])
    later = simulator.get_state()
    restored = simulator.set_state(state)
    assert np.array_equal(restored["rgb"], first["rgb"]) and np.array_equal(restored["depth"], first["depth"])
    replayed = touch_until_moved(simulator, restored)
    assert np.array_equal(replayed["rgb"], moved["rgb"])
    assert np.array_equal(simulator.get_state(), later)


def test_another_simulator_sees_the_same_bytes(simulator):
    location = location_in(simulator, "FloorPlan301", 3)
    other = MujocoSimulator()
    # A different history must leave no trace.
    other.load(location_in(other, "FloorPlan301", 9))
    assert np.array_equal(other.load(location)["rgb"], simulator.load(location)["rgb"])
    other.close()
    other.close()


def test_looking_at_other_rooms_does_not_disturb_the_loaded_one():
    simulator = MujocoSimulator(room_cache=1)
    seen = simulator.load(location_with_objects(simulator, "FloorPlan2"))
    state = simulator.get_state()
    for room in ("FloorPlan202", "FloorPlan302"):
        simulator.reachable_positions(room, 0)
    assert np.array_equal(simulator.get_state(), state)
    assert np.array_equal(simulator.set_state(state)["rgb"], seen["rgb"])
    simulator.close()


def test_out_of_reach_returns_the_same_object(simulator):
    seen = simulator.load(location_in(simulator, "FloorPlan201", 4))
    far = np.argwhere(seen["depth"] > REACH + 0.1)
    row, column = far[len(far) // 2]
    assert simulator.touch(int(row), int(column), FORCES[2], DIRECTIONS[0]) is seen


def test_the_reach_is_an_option():
    simulator = MujocoSimulator(reach=0.01)
    seen = simulator.load(location_in(simulator, "FloorPlan1", 5))
    assert simulator.touch(150, 150, FORCES[2], DIRECTIONS[0]) is seen
    assert len(simulator.instances()) == 0
    simulator.close()


def test_shadows_are_an_option():
    views = []
    for shadows in (True, False):
        world = MujocoSimulator(shadows=shadows)
        views.append(world.load(location_in(world, "FloorPlan1", 5)))
        world.close()
    assert np.array_equal(views[0]["depth"], views[1]["depth"])
    assert not np.array_equal(views[0]["rgb"], views[1]["rgb"])


def test_ground_truth_is_visible_movable_and_near(simulator):
    for room in ROOMS:
        seen = simulator.load(location_in(simulator, room, 6))
        truth = simulator.instances()
        assert truth.masks.shape == (len(truth), IMAGE_SIZE, IMAGE_SIZE)
        assert len(set(truth.ids)) == len(truth)
        assert np.all(truth.masks.sum(axis=0) <= 1)
        assert np.all((truth.masks & (seen["depth"] < REACH)).sum(axis=(1, 2)) >= 10)
        assert np.all((truth.masses > 0) & (truth.masses < 150))


def test_depth_is_distance_from_the_camera(simulator):
    """Looking down at 60 degrees, the depth of every floor pixel follows from the height of the eye."""
    room = "FloorPlan1"
    x, y, z = simulator.reachable_positions(room, 0)[0].tolist()
    seen = simulator.load(Location(room, (x, y, z), 0.0, 60.0, 0))
    ys, xs = (np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE] - (IMAGE_SIZE - 1) / 2) / (IMAGE_SIZE / 2)
    down = (np.sin(np.radians(60)) + ys * np.cos(np.radians(60))) / np.sqrt(1 + xs**2 + ys**2)
    floor = 1.576 / np.where(down > 0, down, np.nan)
    near_floor = np.abs(seen["depth"] - floor) < 0.01
    assert near_floor.mean() > 0.02
    assert np.nanmax(np.where(down > 0.05, seen["depth"] - floor, 0)) < 0.02


def test_refusals_name_the_value(simulator):
    with pytest.raises(UnknownRoomError, match="FloorPlan77"):
        simulator.reachable_positions("FloorPlan77", 0)
    with pytest.raises(UnreachableLocationError, match="FloorPlan1"):
        simulator.load(Location("FloorPlan1", (40.0, 0.9, 0.0), 0.0, 0.0, 0))
    simulator.load(location_in(simulator, "FloorPlan1", 7))
    with pytest.raises(InvalidStateError, match="FloorPlan1"):
        simulator.set_state(np.zeros(3))
    free = location_in(simulator, "FloorPlan1", 7)
    low = replace(free, position=(free.position[0], 0.0, free.position[2]))
    with pytest.raises(UnreachableLocationError, match=rf"y is {AGENT_HEIGHT_Y:.3f}"):
        simulator.load(low)
    with pytest.raises(RuntimeError, match="load"):
        MujocoSimulator().instances()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"touch_at": "elbow"}, "elbow.*center_of_mass"),
        ({"quality": []}, r"quality is \[\].*fine"),
        ({"reach": -1}, "reach -1"),
        ({"room_cache": "x"}, "room_cache is 'x'"),
        ({"objects": 5}, "objects is 5"),
        ({"objects_per_room": "x"}, "objects_per_room is 'x'"),
        ({"objects_per_room": 0}, "objects_per_room is 0"),
        ({"foo": 1}, "'mujoco' has no option 'foo'; its options are reach, touch_at"),
    ],
)
def test_a_wrong_option_is_named(options, message):
    with pytest.raises(InvalidOptionError, match=message):
        make_simulator("mujoco", **options)
