"""Environments over the toy world and over the embedded simulator."""

import pytest
from env_makers import make, mujoco_locations


@pytest.fixture
def env():
    env = make()
    yield env
    env.close()


@pytest.fixture(params=["fake", "mujoco"])
def any_env(request):
    """An environment over each world; on the embedded simulator, in one room."""
    locations = "NovelSpaces/train" if request.param == "fake" else mujoco_locations()
    env = make(request.param, locations=locations, render_mode="rgb_array")
    yield env
    env.close()
