"""Wrappers for image policies."""

import gymnasium
import numpy as np
import pytest
from fake_simulator import FakeSimulator
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.errors import InvalidOptionError
from thor_interact_env.wrappers import DEPTH_LIMIT, RGBDImage

WRAPPED = RGBDImage(ThorInteractEnv(simulator=FakeSimulator()))


def depth_channel(wrapper, depth):
    """Return the grey level of one depth in metres."""
    observation = {"rgb": np.zeros((300, 300, 3), np.uint8), "depth": np.full((300, 300), depth, np.float32)}
    channel = wrapper.observation(observation)[..., 3]
    assert (channel == channel[0, 0]).all()
    return int(channel[0, 0])


def test_the_picture_holds_colour_and_depth():
    plain = ThorInteractEnv(simulator=FakeSimulator())
    expected, _ = plain.reset(seed=0)
    picture, info = WRAPPED.reset(seed=0)
    assert WRAPPED.observation_space == spaces.Box(0, 255, (300, 300, 4), np.uint8)
    assert picture in WRAPPED.observation_space
    np.testing.assert_array_equal(picture[..., :3], expected["rgb"])
    np.testing.assert_allclose(
        picture[..., 3] * (DEPTH_LIMIT / 255), expected["depth"], atol=DEPTH_LIMIT / 510
    )
    assert info == {"location": info["location"]}
    assert WRAPPED.step([0, 0, 0, 0])[0].shape == (300, 300, 4)


@given(st.floats(0, 20, width=32))
def test_depth_is_scaled_and_clipped(depth):
    closed_form = 255 * min(depth, DEPTH_LIMIT) / DEPTH_LIMIT
    assert abs(depth_channel(WRAPPED, depth) - closed_form) <= 0.5 + 1e-4


def test_the_ends_of_the_scale():
    assert [depth_channel(WRAPPED, depth) for depth in (0, 2.5, 5, 20)] == [0, 128, 255, 255]
    assert depth_channel(RGBDImage(WRAPPED.unwrapped, depth_limit=1.5), 1.5) == 255


def test_the_spec_records_the_wrapper():
    env = RGBDImage(gymnasium.make("ThorInteract-v0", interactions=2), depth_limit=3.0)
    again = gymnasium.make(env.spec)
    assert isinstance(again, RGBDImage)
    assert depth_channel(again, 3.0) == 255


@pytest.mark.parametrize("limit", [0, -1, float("inf"), float("nan")])
def test_a_wrong_limit_is_refused(limit):
    with pytest.raises(InvalidOptionError, match="depth_limit"):
        RGBDImage(WRAPPED.unwrapped, depth_limit=limit)
