"""Wrappers for image policies."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from env_makers import started
from fake_simulator import FakeSimulator
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from hypothesis import given
from hypothesis import strategies as st

from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.errors import InvalidActionError, InvalidOptionError, UnreachableLocationError
from thor_interact_env.wrappers import DEPTH_LIMIT, GridActions, RGBDImage, RoomByRoom, coarse_pixel

WRAPPED = RGBDImage(ThorInteractEnv(simulator=FakeSimulator()))


def depth_channel(wrapper, depth):
    """Return the grey level of one depth in metres."""
    observation = {"rgb": np.zeros((300, 300, 3), np.uint8), "depth": np.full((300, 300), depth, np.float32)}
    channel = wrapper.observation(observation)[..., 3]
    assert (channel == channel[0, 0]).all()
    return int(channel[0, 0])


def test_the_image_holds_colour_and_depth():
    plain = ThorInteractEnv(simulator=FakeSimulator())
    expected, _ = plain.reset(seed=0)
    image, _ = WRAPPED.reset(seed=0)
    assert WRAPPED.observation_space == spaces.Box(0, 255, (300, 300, 4), np.uint8)
    assert image in WRAPPED.observation_space
    np.testing.assert_array_equal(image[..., :3], expected["rgb"])
    np.testing.assert_allclose(image[..., 3] * (DEPTH_LIMIT / 255), expected["depth"], atol=DEPTH_LIMIT / 510)
    assert WRAPPED.step(np.zeros(4, int))[0].shape == (300, 300, 4)


@given(st.floats(0, 20, width=32))
def test_depth_is_scaled_and_clipped(depth):
    closed_form = 255 * min(depth, DEPTH_LIMIT) / DEPTH_LIMIT
    assert abs(depth_channel(WRAPPED, depth) - closed_form) <= 0.5 + 1e-4


def test_the_ends_of_the_scale():
    assert [depth_channel(WRAPPED, depth) for depth in (0, 2.5, 5, 20)] == [0, 128, 255, 255]
    assert depth_channel(RGBDImage(WRAPPED.unwrapped, depth_limit=1.5), 1.5) == 255


def test_the_spec_records_the_wrapper():
    env = RGBDImage(gymnasium.make("ThorInteract-v0", interactions=2), depth_limit=3.0)
    assert env.spec is not None
    again = gymnasium.make(env.spec)
    assert isinstance(again, RGBDImage)
    assert depth_channel(again, 3.0) == 255


@pytest.mark.parametrize("limit", [0, -1, float("inf"), float("nan")])
def test_a_wrong_limit_is_refused(limit):
    with pytest.raises(InvalidOptionError, match="depth_limit"):
        RGBDImage(WRAPPED.unwrapped, depth_limit=limit)


@pytest.mark.parametrize("size", [0, 301, 7.5, True])
def test_a_wrong_size_is_refused(size):
    with pytest.raises(InvalidOptionError, match="size"):
        RGBDImage(WRAPPED.unwrapped, size=size)


def test_a_small_image_averages_areas():
    env = RGBDImage(ThorInteractEnv(simulator=FakeSimulator()), size=75)
    large, _ = WRAPPED.reset(seed=0)
    small, _ = env.reset(seed=0)
    assert env.observation_space == spaces.Box(0, 255, (75, 75, 4), np.uint8)
    assert small in env.observation_space
    means = large.reshape(75, 4, 75, 4, 4).astype(float).mean(axis=(1, 3))
    np.testing.assert_allclose(small, means, atol=0.51)


@given(st.integers(1, 300), st.data())
def test_the_middle_of_a_coarse_cell_lies_in_it(grid, data):
    cell = data.draw(st.integers(0, grid**2 - 1))
    row, column = coarse_pixel(cell, grid)
    assert 0 <= row < 300 and 0 <= column < 300
    middles = ((2 * row + 1) * grid // 600, (2 * column + 1) * grid // 600)  # of the pixel, in cells
    assert middles == divmod(cell, grid)


def grid_env(seed=0, grid=10, interactions=30):
    env = GridActions(ThorInteractEnv(simulator=FakeSimulator(), interactions=interactions), grid)
    env.reset(seed=seed)
    return env


def test_a_cell_and_a_force_become_an_action():
    env = grid_env()
    assert env.action_space == spaces.MultiDiscrete([100, 3])
    actions = np.array([env.action(np.array([57, 2])) for _ in range(200)])
    assert (actions[:, :3] == (165, 225, 2)).all()
    assert set(actions[:, 3]) == set(range(8))
    again = grid_env()
    assert [again.action(np.array([57, 2]))[3] for _ in range(20)] == actions[:20, 3].tolist()
    assert env.step(np.array([0, 0]))[1] in (0.0, 1.0)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ([100, 0], r"cell 100 .* 0\.\.99"),
        ([0, 3], r"force 3 .* 0\.\.2"),
        ([-1, 0], "cell -1"),
        ([0.5, 1], "an action is .cell, force., 2 integers"),
        ([1, 2, 3], "shape"),
        (5, "shape"),
        ([True, 2], "booleans"),
        ([[1], 2, [3]], "not an array"),
    ],
)
def test_an_action_outside_the_grid_is_refused(action, message):
    with pytest.raises(InvalidActionError, match=message):
        grid_env().action(action)


@pytest.mark.parametrize("grid", [0, 301, 2.0, True])
def test_a_wrong_grid_is_refused(grid):
    with pytest.raises(InvalidOptionError, match="grid"):
        GridActions(WRAPPED.unwrapped, grid)


def visited(env, seed, count):
    """Return the locations of some episodes, the first with a seed."""
    return [started(env, seed=seed if not index else None) for index in range(count)]


def test_several_episodes_share_a_room():
    rooms = ("FloorPlan1", "FloorPlan2", "FloorPlan3", "FloorPlan4")
    env = RoomByRoom(ThorInteractEnv(simulator=FakeSimulator()), rooms, episodes=3)
    seen = visited(env, 0, 36)
    scenes = [location.scene for location in seen]
    groups = [scenes[start : start + 3] for start in range(0, 36, 3)]
    assert all(len(set(group)) == 1 for group in groups)
    assert len({group[0] for group in groups}) > 1
    assert len({(one.seed, one.rotation, one.horizon) for one in seen}) > 30
    assert visited(env, 0, 36) == seen and visited(env, 1, 36) != seen


def test_views_of_a_stay_have_enough_in_reach():
    rooms = ("FloorPlan1", "FloorPlan2")
    env = RoomByRoom(ThorInteractEnv(simulator=FakeSimulator()), rooms, reachable_fraction=0.57)
    assert min(np.mean(env.reset(seed=seed)[0]["depth"] < 1.5) for seed in range(5)) >= 0.57


@pytest.mark.parametrize("name", ["location", "state"])
def test_a_given_start_does_not_end_the_stay(name):
    env = RoomByRoom(ThorInteractEnv(simulator=FakeSimulator()), ("FloorPlan1", "FloorPlan2"), episodes=2)
    (first,) = visited(env, 3, 1)
    elsewhere = replace(first, scene="FloorPlan30")
    other = ThorInteractEnv(simulator=FakeSimulator())
    other.reset(options={"location": elsewhere})
    given = elsewhere if name == "location" else other.get_state()
    assert started(env, options={name: given}) == elsewhere
    assert started(env).scene == first.scene


def test_an_option_for_another_wrapper_neither_ends_nor_skips_the_stay():
    rooms = ("FloorPlan1", "FloorPlan2", "FloorPlan3", "FloorPlan4")
    scenes = []
    for options in (None, {"minari_autoseed": False}):
        env = RoomByRoom(ThorInteractEnv(simulator=FakeSimulator()), rooms, episodes=3)
        env.reset(seed=0)
        scenes.append([started(env, options=options) for _ in range(12)])
    assert scenes[0] == scenes[1]


def test_a_wrong_option_changes_nothing():
    rooms = ("FloorPlan1", "FloorPlan2", "FloorPlan3", "FloorPlan4")
    env = RoomByRoom(ThorInteractEnv(simulator=FakeSimulator()), rooms, episodes=2)
    seen = visited(env, 0, 8)
    place = started(env, seed=0)
    with pytest.raises(InvalidOptionError, match="'loc'"):
        env.reset(seed=5, options={"loc": 1})
    assert env.get_wrapper_attr("simulator").location == env.get_wrapper_attr("location") == place
    env.step([0, 0, 0, 0])
    assert [place, *(started(env) for _ in range(7))] == seen


def test_after_a_failed_draw_a_reset_is_needed(monkeypatch):
    env = RoomByRoom(ThorInteractEnv(simulator=FakeSimulator()), ("FloorPlan1",))
    env.reset(seed=0)
    with monkeypatch.context() as patch, pytest.raises(UnreachableLocationError):
        patch.setattr(FakeSimulator, "reachable_positions", lambda *_: np.zeros((0, 3)))
        env.reset()
    with pytest.raises(ResetNeeded, match="a reset that failed"):
        env.step([0, 0, 0, 0])
    env.reset()
    env.step([0, 0, 0, 0])


def test_a_stay_needs_rooms_and_episodes():
    with pytest.raises(InvalidOptionError, match="rooms"):
        RoomByRoom(WRAPPED.unwrapped, ())
    with pytest.raises(InvalidOptionError, match="rooms is 'FloorPlan1'"):
        RoomByRoom(WRAPPED.unwrapped, "FloorPlan1")
    with pytest.raises(InvalidOptionError, match="reachable_fraction 7"):
        RoomByRoom(WRAPPED.unwrapped, ("FloorPlan1",), reachable_fraction=7)
    with pytest.raises(InvalidOptionError, match="episodes 0"):
        RoomByRoom(WRAPPED.unwrapped, ("FloorPlan1",), episodes=0)


def test_the_learners_library_accepts_the_wrapped_environment():
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    by_room = RoomByRoom(ThorInteractEnv(simulator=FakeSimulator()), ("FloorPlan1",))
    checker.check_env(GridActions(RGBDImage(by_room, size=75)), warn=False, skip_render_check=True)
