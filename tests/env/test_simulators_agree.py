"""The same room, pose and touches through AI2-THOR's client and protocol, and without them."""

import numpy as np
import pytest
from env_makers import mujoco_locations
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thor_interact_env.actions import DIRECTIONS, FORCES
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator


@pytest.fixture(scope="module")
def embedded():
    simulator = MujocoSimulator(touch_at="center_of_mass")  # where AI2-THOR's forces act
    yield simulator
    simulator.close()


def assert_same_view(first, second):
    np.testing.assert_array_equal(first["rgb"], second["rgb"])
    np.testing.assert_allclose(first["depth"], second["depth"], rtol=0.01)
    for view in (first, second):
        assert view["rgb"].dtype == np.uint8
        assert view["depth"].dtype == np.float32
        assert not view["rgb"].flags.writeable
        assert not view["depth"].flags.writeable


def assert_same_truth(first, second):
    assert len(first) == len(second)
    found = [
        {(mask.tobytes(), kind, round(mass, 9)) for mask, kind, mass in zip(*parts, strict=True)}
        for parts in ((truth.masks, truth.types, truth.masses.tolist()) for truth in (first, second))
    ]
    assert found[0] == found[1]


def targets(simulator):
    """Return a pixel in the middle of each object in reach, largest first."""
    masks = simulator.instances().masks
    pixels = []
    for mask in masks[np.argsort(-masks.sum(axis=(1, 2)))]:
        rows, columns = np.nonzero(mask)
        pixels.append((int(rows[len(rows) // 2]), int(columns[len(rows) // 2])))
    return pixels


@pytest.mark.parametrize("index", range(3))
def test_a_location_and_what_touches_do_to_it(thor_simulator, embedded, index):
    location = mujoco_locations()[index]
    assert_same_view(thor_simulator.load(location), embedded.load(location))
    assert len(embedded.instances()) > 1
    assert_same_truth(thor_simulator.instances(), embedded.instances())
    moved = 0
    for count, (row, column) in enumerate(targets(embedded)[:4]):
        force, direction = FORCES[2 - count % 3], DIRECTIONS[(index + 3 * count) % 8]
        before = embedded.touch(0, 0, 5.0, direction)
        after = embedded.touch(row, column, force, direction)
        moved += not np.array_equal(before["rgb"], after["rgb"])
        assert_same_view(thor_simulator.touch(row, column, force, direction), after)
        assert_same_truth(thor_simulator.instances(), embedded.instances())
    assert moved


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(0, 299), st.integers(0, 299), st.sampled_from(FORCES), st.integers(0, 7))
def test_any_touch(thor_simulator, embedded, row, column, force, direction):
    location = mujoco_locations()[0]
    thor_simulator.load(location)
    embedded.load(location)
    seen = [one.touch(row, column, force, DIRECTIONS[direction]) for one in (thor_simulator, embedded)]
    assert_same_view(*seen)


def test_a_touch_that_can_move_nothing_returns_the_same_view(thor_simulator, embedded):
    location = mujoco_locations()[0]
    view = thor_simulator.load(location)
    embedded.load(location)
    movable = embedded.instances().masks.any(axis=0)
    row, column = np.argwhere(~movable & (view["depth"] < 1.4))[0]
    assert thor_simulator.touch(int(row), int(column), 200.0, DIRECTIONS[0]) is view
    row, column = np.unravel_index(view["depth"].argmax(), view["depth"].shape)
    assert view["depth"][row, column] > 1.6
    assert thor_simulator.touch(int(row), int(column), 200.0, DIRECTIONS[0]) is view


def test_where_an_agent_can_stand(thor_simulator, embedded):
    for room, seed in (("FloorPlan1", 5), ("FloorPlan402", 0)):
        expected = embedded.reachable_positions(room, seed)
        np.testing.assert_allclose(thor_simulator.reachable_positions(room, seed), expected)


def test_another_spawn_and_another_room(thor_simulator, embedded):
    for room, seed in (("FloorPlan402", 8), ("FloorPlan1", 12)):
        place = tuple(embedded.reachable_positions(room, seed)[3])
        location = Location(room, place, 180, 30, seed)
        assert_same_view(thor_simulator.load(location), embedded.load(location))
        assert_same_truth(thor_simulator.instances(), embedded.instances())


def test_the_frames_of_a_motion(thor_simulator, embedded):
    for location in mujoco_locations():
        embedded.load(location)
        row, column = targets(embedded)[0]
        expected_final, expected = embedded.touch_with_frames(row, column, 200.0, DIRECTIONS[3])
        if len(expected) > 2:
            break
    assert len(expected) > 2
    thor_simulator.load(location)
    final, frames = thor_simulator.touch_with_frames(row, column, 200.0, DIRECTIONS[3])
    assert_same_view(final, expected_final)
    np.testing.assert_array_equal(frames[: len(expected)], expected)
    assert all(np.array_equal(frame, final["rgb"]) for frame in frames[len(expected) :])


def test_a_state_is_restored(thor_simulator, embedded):
    location = mujoco_locations()[0]
    thor_simulator.load(location)
    embedded.load(location)
    for row, column in targets(embedded)[:2]:
        seen = thor_simulator.touch(row, column, 200.0, DIRECTIONS[1])
    state = thor_simulator.get_state()
    thor_simulator.touch(*targets(thor_simulator)[0], 200.0, DIRECTIONS[6])
    assert_same_view(thor_simulator.set_state(state), seen)
