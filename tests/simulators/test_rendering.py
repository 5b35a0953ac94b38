"""Frames that can be learned from: neither black nor blown out, and the same bytes again."""

import numpy as np
import pytest

from thor_interact_env.locations import ROOM_TYPES, LocationSampler
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator


@pytest.mark.parametrize("kind", ROOM_TYPES)
def test_frames_are_well_exposed(kind):
    simulator = MujocoSimulator(room_cache=1)
    dim = bright = count = 0
    try:
        for number in ROOM_TYPES[kind][2::9]:
            sampler = LocationSampler(simulator, [f"FloorPlan{number}"], 0.2)
            rng = np.random.default_rng(number)
            for _ in range(5):
                view = sampler.sample_view(rng)[1].rgb
                luminance = view.mean() / 255
                assert 0.05 < luminance < 0.95
                dim += luminance < 0.15
                bright += luminance > 0.85
                blank = (view >= 250).all(axis=2) | (view <= 5).all(axis=2)
                assert blank.mean() < 0.5
                count += 1
    finally:
        simulator.close()
    assert dim + bright <= 0.1 * count


def test_a_frame_is_rendered_again_byte_for_byte():
    views = []
    for _ in range(2):
        simulator = MujocoSimulator()
        sampler = LocationSampler(simulator, ["FloorPlan7"], 0.2)
        views.append(sampler.sample_view(np.random.default_rng(3))[1])
        simulator.close()
    assert np.array_equal(views[0].rgb, views[1].rgb) and np.array_equal(views[0].depth, views[1].depth)
