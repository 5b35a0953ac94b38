"""The stand-in players take the requests that AI2-THOR 5.0.0 takes, and refuse the others in its words."""

import importlib.util
import sys
from pathlib import Path

import pytest

pytest.importorskip("ai2thor")
from thor_simulators import AWAY, HERE, ON_MUG, asked_of, flat_simulator

from thor_interact_env.errors import PlayerActionError

# The players' modules are found by players alone: their names are too common for every test.
_FILE = Path(__file__).parents[1] / "thor_player" / "dispatching.py"
_SPEC = importlib.util.spec_from_file_location("thor_player_dispatching", _FILE)
assert _SPEC is not None and _SPEC.loader is not None
dispatching = sys.modules[_SPEC.name] = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(dispatching)
refusal = dispatching.refusal

POSE = {"rotation": {"y": 90}, "horizon": 0}
PLACE = {"x": 0, "y": 0, "z": 0}


@pytest.mark.parametrize(
    ("action", "arguments", "code", "message"),
    [
        ("Fly", {}, "InvalidAction", "Invalid action: Fly"),
        ("Pass", {"speed": 3}, "InvalidArgument", "called with invalid argument: 'speed'"),
        ("Pass", {"speed": 3, "size": 2}, "InvalidArgument", "invalid arguments: 'speed', 'size'"),
        ("Pass", {"renderDepthImage": True}, "InvalidArgument", "argument: 'renderDepthImage'"),
        ("Pass", {"visibilityDistance": 1.5}, "InvalidArgument", "argument: 'visibilityDistance'"),
        ("PausePhysicsAutoSim", {"timeStep": 0.02}, "InvalidArgument", "argument: 'timeStep'"),
        (
            "AdvancePhysicsStep",
            {"seconds": 1},
            "InvalidArgument",
            "Expected arguments: Single timeStep = 0.02",
        ),
        (
            "AdvancePhysicsStep",
            {"timeStep": "long"},
            "InvalidArgument",
            "timeStep (==long). Cannot convert to",
        ),
        ("GetReachablePositions", {"gridsize": 1}, "InvalidArgument", "Your arguments: 'gridsize'"),
        ("InitialRandomSpawn", {"seed": 3}, "InvalidArgument", "InitialRandomSpawn(Int32 randomSeed = 0, "),
        (
            "ChangeQuality",
            {},
            "MissingArguments",
            "ChangeQuality is missing the following arguments: quality",
        ),
        ("TeleportFull", PLACE | POSE, "MissingArguments", "arguments: standing"),
        ("TeleportFull", POSE | {"standing": True}, "MissingArguments", "arguments: position"),
        ("TeleportFull", POSE | {"standing": True, "x": 0}, "MissingArguments", "arguments: y,z"),
        ("TeleportFull", PLACE | POSE | {"standing": True, "seed": 1}, "InvalidArgument", "'seed'"),
        (
            "TeleportFull",
            PLACE | {"rotation": 3, "horizon": 0, "standing": 1},
            "InvalidArgument",
            "rotation (==3)",
        ),
    ],
)
def test_what_is_refused_and_how(action, arguments, code, message):
    outcome = refusal({"action": action, "sequenceId": 4, **arguments})
    assert not outcome.success
    assert outcome.code == code
    assert message in outcome.message


@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        ("Pass", dict.fromkeys(dispatching.ENVELOPE - {"action"}, 0)),
        ("TeleportFull", PLACE | POSE | {"standing": True}),
        ("TeleportFull", POSE | {"position": PLACE, "standing": True, "forceAction": True}),
        ("AdvancePhysicsStep", {"timeStep": 0.05, "simSeconds": None}),
        ("TouchThenApplyForce", {"x": 0.5, "anything": 1}),
        ("Initialize", {"fieldOfView": 90, "anything": 1}),
    ],
)
def test_what_is_taken(action, arguments):
    assert refusal({"action": action, **arguments}) is None


def test_a_refusal_reaches_the_client_as_an_error(tmp_path):
    with flat_simulator(tmp_path) as simulator:
        simulator.load(HERE)
        step = simulator.world.player.step
        with pytest.raises(PlayerActionError, match="invalid argument: 'seed'"):
            step("InitialRandomSpawn", seed=3)
        with pytest.raises(PlayerActionError, match="missing the following arguments: quality"):
            step("ChangeQuality")
        assert step("Pass")


def test_all_that_the_adapter_asks_for_is_taken(tmp_path, monkeypatch):
    with flat_simulator(tmp_path) as simulator:
        actions = asked_of(simulator, monkeypatch)
        simulator.reachable_positions(HERE.scene, HERE.seed)
        simulator.load(HERE)
        simulator.touch_with_frames(*ON_MUG, 30.0, AWAY)
        asked = {name: told for name, told in actions if name != "Reset"}
        assert len(asked) == 8
        for name, told in asked.items():
            assert refusal({"action": name, **told}) is None
