"""In which direction a touch pushes, and what counts as ground truth: the smallest facts of a simulator."""

from importlib import import_module

import numpy as np
import pytest

from thor_interact_env.actions import AGENT_HEIGHT_Y, REACH
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.simulators.mujoco.drawing.opengl import choose_backend
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

# MuJoCo reads the backend when it is imported, and other tests of this process render.
choose_backend()
touching = import_module("thor_interact_env.simulators.mujoco.touching")

RIGHT, UP, FORWARD = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
EAST, NORTH, SKY = (1, 0, 0), (0, 1, 0), (0, 0, 1)
"""Of MuJoCo's frame: AI2-THOR's x, z and y."""


class WallRoom:
    """Whatever is touched is the object 7 at a distance of 1 m; notes the pushes."""

    def __init__(self):
        self.pushes = []

    def first_hit(self, eye, ray):
        return 7, 1.0

    def push(self, index, force, point):
        self.pushes.append((index, force, point))
        return [point]


def pushed(rotation, direction, pixel=(150, 150), horizon=0.0):
    """Return the force of 30 N and the point it acts at, for an agent in the middle of a room."""
    room = WallRoom()
    viewpoint = touching.Viewpoint.at(Location("FloorPlan1", (0, AGENT_HEIGHT_Y, 0), rotation, horizon, 0))
    assert touching.touch(room, viewpoint, pixel, 30.0, np.array(direction), REACH)
    ((index, force, point),) = room.pushes
    assert index == 7
    return force, point - viewpoint.eye


@pytest.mark.parametrize(
    ("rotation", "direction", "expected"),
    [
        (0, RIGHT, (30, 0, 0)),
        (0, FORWARD, (0, 30, 0)),
        (90, RIGHT, (0, -30, 0)),
        (90, FORWARD, (30, 0, 0)),
        (180, RIGHT, (-30, 0, 0)),
        (180, FORWARD, (0, -30, 0)),
        (270, RIGHT, (0, 30, 0)),
        (270, FORWARD, (-30, 0, 0)),
        (0, UP, (0, 0, 30)),
        (90, UP, (0, 0, 30)),
        (0, (-2.0, 0.0, 0.0), (-30, 0, 0)),
        (0, (3.0, 4.0, 0.0), (18, 0, 24)),
    ],
)
def test_a_push_goes_right_up_and_forward_of_the_agent(rotation, direction, expected):
    for horizon in (-30.0, 0.0, 60.0):
        force, _ = pushed(rotation, direction, horizon=horizon)
        np.testing.assert_allclose(force, expected, atol=1e-9, err_msg=f"horizon {horizon}")


@pytest.mark.parametrize(
    ("rotation", "right"), [(0, EAST), (90, (0, -1, 0)), (180, (-1, 0, 0)), (270, NORTH)]
)
def test_pixels_to_the_right_of_the_middle_lie_where_a_push_to_the_right_goes(rotation, right):
    force, point = pushed(rotation, RIGHT, pixel=(150, 299))
    np.testing.assert_allclose(force, 30 * np.array(right), atol=1e-9)
    assert point @ right > 0.6
    _, above = pushed(rotation, RIGHT, pixel=(0, 150))
    assert above @ SKY > 0.6


@pytest.fixture(scope="module")
def simulator():
    made = MujocoSimulator()
    yield made
    made.close()


def test_an_object_is_ground_truth_from_10_pixels_in_reach_on(simulator):
    """With a reach between the depths of an object's pixels, exactly so many of them are within it."""
    seen = None
    for seed in range(20):
        seen = simulator.load(LocationSampler(simulator, ["FloorPlan1"]).sample(np.random.default_rng(seed)))
        truth = simulator.instances()
        if len(truth):
            break
    assert seen is not None and len(truth)
    depths = np.sort(seen["depth"][truth.masks[0]])
    assert depths[8] < depths[9] < depths[10]
    for pixels, enough in ((9, False), (10, True)):
        simulator.reach = float((depths[pixels - 1].astype(float) + depths[pixels]) / 2)
        found = simulator.instances()
        assert (truth.ids[0] in found.ids) is enough
        if enough:  # with its whole mask, in reach or not
            assert np.array_equal(found.masks[found.ids.index(truth.ids[0])], truth.masks[0])
    simulator.reach = REACH
