"""Frames that can be learned from: well exposed, not broken into noise, the same bytes again."""

import mujoco
import numpy as np
import pytest
from skimage.segmentation import felzenszwalb

from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.locations.splits import ROOM_TYPES
from thor_interact_env.simulators.mujoco.drawing import rendering
from thor_interact_env.simulators.mujoco.drawing.rendering import Renderer
from thor_interact_env.simulators.mujoco.physics import CompiledRoom
from thor_interact_env.simulators.mujoco.rooms.model import CAMERA
from thor_interact_env.simulators.mujoco.rooms.plan import plan_room
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

LUMINANCE = (0.2126, 0.7152, 0.0722)


@pytest.mark.parametrize("kind", ROOM_TYPES)
def test_frames_are_well_exposed(kind):
    simulator = MujocoSimulator(room_cache=1)
    luminances, blank, segments = [], [], []
    try:
        for number in ROOM_TYPES[kind][2::9]:
            sampler = LocationSampler(simulator, [f"FloorPlan{number}"], 0.2)
            rng = np.random.default_rng(number)
            for _ in range(5):
                view = sampler.sample_view(rng)[1]["rgb"]
                luminances.append(float((view @ LUMINANCE).mean()) / 255)
                blank.append(float(((view >= 250).all(axis=2) | (view <= 5).all(axis=2)).mean()))
                labels = felzenszwalb(view, scale=200, sigma=0.5, min_size=200)
                segments.append(int(labels.max()) + 1)
    finally:
        simulator.close()
    # One odd frame, such as a nose against a black fridge, is allowed.
    assert sum(not 0.2 <= value <= 0.8 for value in luminances) <= 1, luminances
    assert sum(value >= 0.1 for value in blank) <= 1, blank
    # Textures that superpixels cannot hold together would give 450, the most of 200 pixels that there can be.
    assert np.mean(segments) < 120, segments


def test_a_frame_is_rendered_again_byte_for_byte():
    views = []
    for _ in range(2):
        simulator = MujocoSimulator()
        sampler = LocationSampler(simulator, ["FloorPlan7"], 0.2)
        views.append(sampler.sample_view(np.random.default_rng(3))[1])
        simulator.close()
    assert np.array_equal(views[0]["rgb"], views[1]["rgb"]) and np.array_equal(
        views[0]["depth"], views[1]["depth"]
    )


def test_no_grid_is_uploaded_for_planes_that_are_not_drawn(monkeypatch):
    """An infinite plane would be a grid that takes more time and memory than all else in a room."""
    uploaded = []
    make = mujoco.MjrContext

    def noted(model, scale):
        uploaded.append(model.geom_size[model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE)].copy())
        return make(model, scale)

    room = CompiledRoom(plan_room("FloorPlan410"))
    sizes = room.model.geom_size.copy()
    monkeypatch.setattr(mujoco, "MjrContext", noted)
    Renderer(room.model).close()
    assert (uploaded[0] > 0).all() and len(uploaded[0]) == 6
    np.testing.assert_array_equal(room.model.geom_size, sizes)


@pytest.mark.parametrize("room", ["FloorPlan4", "FloorPlan206", "FloorPlan410"])
def test_what_is_not_drawn_could_not_be_seen(monkeypatch, room):
    """Images are the same when everything is drawn: shadows from outside the view are not lost either."""
    simulator = MujocoSimulator()
    sampler, rng = LocationSampler(simulator, [room], 0.2), np.random.default_rng(1)
    chosen = rendering.in_view
    fractions = []

    def counted(*arguments):
        seen = chosen(*arguments)
        fractions.append(seen.mean())
        return seen

    for _ in range(4):
        sampler.sample(rng)
        compiled, renderer = simulator.compiled(room), simulator.renderer
        data, groups = compiled.data, compiled.model.geom_group.copy()
        images = []
        for draw in (counted, lambda model, data, camera, geoms, shadows: np.ones(len(geoms), bool)):
            monkeypatch.setattr(rendering, "in_view", draw)
            takes = (renderer.rgb, renderer.depth, renderer.geoms)
            images.append([take(data, CAMERA).copy() for take in takes])
        monkeypatch.setattr(rendering, "in_view", chosen)
        for few, every in zip(*images, strict=True):
            assert np.array_equal(few, every)
        assert np.array_equal(compiled.model.geom_group, groups), "what was left out comes back"
    simulator.close()
    assert np.mean(fractions) < 0.7


def test_shadows_of_floor_and_walls_could_not_be_seen(monkeypatch):
    simulator = MujocoSimulator()
    sampler, rng = LocationSampler(simulator, ["FloorPlan206"], 0.2), np.random.default_rng(1)
    room = simulator.compiled("FloorPlan206")
    monkeypatch.setattr(rendering, "SHELL", "world")  # a body that shows nothing, so that nothing is spared
    every = Renderer(room.model)
    for _ in range(3):
        few = sampler.sample_view(rng)[1]["rgb"]
        assert np.array_equal(every.rgb(room.data, CAMERA), few)
    every.close()
    simulator.close()


def test_fine_images_show_the_same_objects_with_smoother_edges():
    simulator = MujocoSimulator()
    LocationSampler(simulator, ["FloorPlan7"], 0.2).sample(np.random.default_rng(3))
    room = simulator.compiled("FloorPlan7")
    taken = {}
    for quality in ("fast", "fine"):
        renderer = Renderer(room.model, quality=quality)
        takes = (renderer.rgb, renderer.depth, renderer.geoms)
        taken[quality] = [take(room.data, CAMERA).copy() for take in takes]
        renderer.close()
    simulator.close()
    fast, fine = taken["fast"], taken["fine"]
    assert np.array_equal(fast[1], fine[1]) and np.array_equal(fast[2], fine[2])
    assert 0.005 < np.any(fast[0] != fine[0], axis=2).mean() < 0.6
    # The stairs of an edge are the largest steps between neighbours.
    steps = [np.abs(np.diff(rgb.astype(int), axis=1)).sum() for rgb in (fast[0], fine[0])]
    assert steps[1] < steps[0]


@pytest.mark.parametrize("make", [MujocoSimulator, lambda quality: Renderer(None, quality=quality)])
def test_an_unknown_quality_is_refused(make):
    with pytest.raises(ValueError, match=r"'best'.*'fast', 'fine'"):
        make(quality="best")
