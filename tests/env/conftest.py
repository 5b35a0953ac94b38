"""Environments over the toy world, the embedded simulator, scenes on disk, and AI2-THOR's client."""

import json

import pytest
from env_makers import ON_DISK, make, mujoco_locations
from player_launcher import client_environment, shared_simulator

from thor_interact_env.export.exporting import export_room
from thor_interact_env.export.writing import write_folder
from thor_interact_env.simulators.mjcf.simulator import VARIABLE


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


@pytest.fixture(scope="session")
def scenes_on_disk(tmp_path_factory):
    """A room of the embedded simulator as MJCF, for the simulator "mjcf" of this and other processes."""
    folder = tmp_path_factory.mktemp("scenes") / "exported"
    write_folder(folder, [export_room(ON_DISK).files()])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, json.dumps({"scenes": str(folder)}))
        yield folder


@pytest.fixture(params=["fake", "mujoco", "mjcf", "ai2thor"])
def any_world(request):
    """What to make an environment over each world with; where there are rooms, in one of them."""
    if request.param == "mjcf":
        request.getfixturevalue("scenes_on_disk")
        return {"simulator": "mjcf", "locations": mujoco_locations("mjcf")}
    locations = "NovelSpaces/train" if request.param == "fake" else mujoco_locations()
    world = request.getfixturevalue("thor_simulator") if request.param == "ai2thor" else request.param
    return {"simulator": world, "locations": locations}


@pytest.fixture
def any_env(any_world):
    """An environment over each world."""
    env = make(**any_world, render_mode="rgb_array")
    yield env
    env.close()
