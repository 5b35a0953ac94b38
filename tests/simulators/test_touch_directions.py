"""Which way a push goes, and which objects count as seen."""

import numpy as np
import pytest

from thor_interact_env.locations.location import HORIZONS, ROTATIONS, Location
from thor_interact_env.simulators.mujoco import simulator as simulator_module
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator
from thor_interact_env.simulators.mujoco.touching import Viewpoint, touch


class Room:
    """Something is hit wherever one looks; what is pushed is noted."""

    def first_hit(self, eye, ray):
        return 0, 1.0

    def push(self, index, force, point):
        self.force = force
        return [force]


@pytest.mark.parametrize("rotation", ROTATIONS)
@pytest.mark.parametrize("horizon", HORIZONS)
def test_right_is_where_the_right_of_the_image_is(rotation, horizon):
    viewpoint = Viewpoint.at(Location("FloorPlan1", (1.0, 0.9, 2.0), rotation, horizon, 0))
    right = viewpoint.ray(150, 299) - viewpoint.ray(150, 0)
    up = viewpoint.ray(0, 150) - viewpoint.ray(299, 150)
    room = Room()
    touch(room, viewpoint, (150, 150), 30.0, np.array([1.0, 0.0, 0.0]), 1.5)
    assert room.force @ right > 0 and np.linalg.norm(room.force) == pytest.approx(30)
    assert room.force @ up == pytest.approx(0, abs=1e-9)
    touch(room, viewpoint, (150, 150), 30.0, np.array([0.0, 1.0, 0.0]), 1.5)
    assert room.force.tolist() == pytest.approx([0, 0, 30])
    touch(room, viewpoint, (150, 150), 30.0, np.array([0.0, 0.0, 1.0]), 1.5)
    assert room.force @ viewpoint.ray(150, 150) > 0 and room.force[2] == pytest.approx(0)


def test_yaw_90_looks_along_x():
    """AI2-THOR's x is MuJoCo's x, its z is MuJoCo's y."""
    assert Viewpoint.at(Location("FloorPlan1", (0.0, 0.9, 0.0), 90.0, 0.0, 0)).forward == pytest.approx(
        [1, 0, 0]
    )
    assert Viewpoint.at(Location("FloorPlan1", (0.0, 0.9, 0.0), 0.0, 0.0, 0)).right == pytest.approx(
        [1, 0, 0]
    )


def test_objects_need_ten_visible_pixels(monkeypatch):
    """With a smaller minimum more objects count; none of those that do has fewer than ten pixels in reach."""
    simulator = MujocoSimulator()
    more = fewer = 0
    rng = np.random.default_rng(0)
    for seed in range(12):
        position = rng.choice(simulator.reachable_positions("FloorPlan201", seed))
        view = simulator.load(Location("FloorPlan201", tuple(position), 90.0 * (seed % 4), 30.0, seed))
        seen = simulator.instances()
        near = view["depth"] < 1.5
        assert all((mask & near).sum() >= 10 for mask in seen.masks)
        fewer += len(seen)
        monkeypatch.setattr(simulator_module, "MINIMUM_VISIBLE_PIXELS", 1)
        more += len(simulator.instances())
        monkeypatch.undo()
    simulator.close()
    assert more > fewer > 0
