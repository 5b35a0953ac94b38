"""Environments over the toy world, over the embedded simulator, and over AI2-THOR's client and protocol."""

import pytest
from env_makers import make, mujoco_locations
from player_launcher import client_environment, shared_simulator


@pytest.fixture
def env():
    env = make()
    yield env
    env.close()


@pytest.fixture(scope="session")
def thor_simulator(tmp_path_factory):
    """The adapter to AI2-THOR over a stand-in player that all tests share: starting one is what costs."""
    pytest.importorskip("ai2thor")
    simulator = shared_simulator()
    with client_environment(tmp_path_factory.mktemp("home")):
        simulator.load(mujoco_locations()[0])
    yield simulator
    simulator.end()


@pytest.fixture(params=["fake", "mujoco", "ai2thor"])
def any_world(request):
    """What to make an environment over each world with; where there are rooms, in one of them."""
    locations = "NovelSpaces/train" if request.param == "fake" else mujoco_locations()
    world = request.getfixturevalue("thor_simulator") if request.param == "ai2thor" else request.param
    return {"simulator": world, "locations": locations}


@pytest.fixture
def any_env(any_world):
    """An environment over each world."""
    env = make(**any_world, render_mode="rgb_array")
    yield env
    env.close()
