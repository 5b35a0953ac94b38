"""Everything a player can do wrong is survived, or reported in one sentence, within its time-out."""

import json
import time
import warnings

import numpy as np
import pytest
from env_makers import make
from player_launcher import PLAYER_COMMAND, client_environment

from thor_interact_env.actions import DIRECTIONS
from thor_interact_env.errors import (
    PlayerDiedError,
    PlayerError,
    PlayerProtocolError,
    PlayerStartError,
    PlayerTimeoutError,
)
from thor_interact_env.locations import Location
from thor_interact_env.simulators.ai2thor.simulator import Ai2thorSimulator
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

pytest.importorskip("ai2thor")

ROOM = "FloorPlan402"
PATIENCE = 300.0
"""Seconds for a player that behaves, on a machine that does other things as well."""

SHORT = 2.0
"""Seconds for a player that will not answer."""


@pytest.fixture(scope="module")
def location():
    """A pose with something to push, and a pixel of it; and the views before and after the push."""
    simulator = MujocoSimulator(touch_at="center_of_mass")
    for place in simulator.reachable_positions(ROOM, 1):
        for yaw in (0, 90, 180, 270):
            here = Location(ROOM, tuple(place), yaw, 30, 1)
            before = simulator.load(here)
            masks = simulator.instances().masks
            if len(masks) and masks.sum(axis=(1, 2)).max() > 400:
                rows, columns = np.nonzero(masks[masks.sum(axis=(1, 2)).argmax()])
                pixel = int(rows[len(rows) // 2]), int(columns[len(rows) // 2])
                after = simulator.touch(*pixel, 200.0, DIRECTIONS[3])
                if not np.array_equal(after.rgb, before.rgb):
                    simulator.close()
                    return here, pixel, before, after
    raise AssertionError("nothing to push")


@pytest.fixture
def faulty(tmp_path):
    """Make simulators whose players misbehave; the i-th entry is for the i-th player that starts."""
    made = []
    with client_environment(tmp_path) as file:

        def make_faulty(*faults, **options):
            file.write_text(json.dumps(faults))
            timeouts = {"start_timeout": PATIENCE, "step_timeout": PATIENCE}
            made.append(Ai2thorSimulator(local_executable_path=PLAYER_COMMAND, **{**timeouts, **options}))
            return made[-1]

        yield make_faulty
        for simulator in made:
            simulator.close()


def is_one_sentence(error):
    """Whether a message is one line that names a log file."""
    text = str(error)
    return "\n" not in text and ".log" in text


class TestStart:
    @pytest.mark.parametrize(
        ("fault", "options", "cause"),
        [
            ({"kind": "silent"}, {"start_timeout": SHORT}, "did not answer within 2 s"),
            ({"kind": "exits", "code": 3}, {}, "exit code 3"),
            ({"kind": "crash", "after": 1}, {}, "exit code -9"),
            ({"kind": "garbage", "after": 1}, {}, "protocol|cannot read|cannot be read"),
            ({"kind": "stall", "after": 1}, {"start_timeout": SHORT}, "did not answer within 2 s"),
        ],
        ids=lambda value: value["kind"] if isinstance(value, dict) and "kind" in value else "",
    )
    def test_a_player_that_does_not_start_is_reported(self, faulty, location, fault, options, cause):
        simulator = faulty(*[fault] * 5, **options)
        start = time.monotonic()
        with pytest.raises(PlayerStartError, match=cause) as caught:
            simulator.load(location[0])
        assert is_one_sentence(caught.value)
        assert time.monotonic() - start < PATIENCE
        assert not simulator._world.player.running

    def test_a_late_player_is_waited_for(self, faulty, location):
        simulator = faulty({"kind": "late", "seconds": 0.5})
        np.testing.assert_array_equal(simulator.load(location[0]).rgb, location[2].rgb)


class TestStep:
    @pytest.mark.parametrize(
        ("fault", "options"),
        [
            ({"kind": "crash"}, {}),
            ({"kind": "garbage"}, {}),
            ({"kind": "stall"}, {"step_timeout": 4.0}),
            ({"kind": "half"}, {"step_timeout": 4.0}),
        ],
        ids=lambda value: value.get("kind", ""),
    )
    def test_a_player_that_fails_is_started_again_where_it_was(self, faulty, location, fault, options):
        here, pixel, before, after = location
        fault = {**fault, "after": 1, "action": "TouchThenApplyForce"}
        simulator = faulty(fault, **options)
        np.testing.assert_array_equal(simulator.load(here).rgb, before.rgb)
        np.testing.assert_array_equal(simulator.touch(*pixel, 200.0, DIRECTIONS[3]).rgb, after.rgb)
        with pytest.warns(RuntimeWarning, match="started again"):
            again = simulator.touch(0, 0, 5.0, DIRECTIONS[0])
        np.testing.assert_array_equal(again.rgb, after.rgb)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_array_equal(simulator.load(here).rgb, before.rgb)

    @pytest.mark.parametrize(
        ("kind", "error", "options"),
        [
            ("crash", PlayerDiedError, {}),
            ("garbage", PlayerProtocolError, {}),
            ("stall", PlayerTimeoutError, {"step_timeout": 4.0}),
        ],
    )
    def test_one_that_goes_on_failing_is_reported(self, faulty, location, kind, error, options):
        fault = {"kind": kind, "after": 0, "action": "TouchThenApplyForce"}
        simulator = faulty(fault, fault, restarts=1, **options)
        here, pixel, before, _ = location
        simulator.load(here)
        with pytest.warns(RuntimeWarning, match="1 of at most 1"), pytest.raises(error) as caught:
            simulator.touch(*pixel, 200.0, DIRECTIONS[3])
        assert is_one_sentence(caught.value)
        assert isinstance(caught.value, PlayerError)
        np.testing.assert_array_equal(simulator.load(here).rgb, before.rgb)  # the next one behaves

    def test_an_environment_survives_too(self, tmp_path, location):
        here, pixel, _, after = location
        fault = {"kind": "crash", "after": 0, "action": "TouchThenApplyForce"}
        timeouts = {"start_timeout": PATIENCE, "step_timeout": PATIENCE}
        options = {"local_executable_path": PLAYER_COMMAND, **timeouts}
        with client_environment(tmp_path, [fault]):
            env = make("ai2thor", locations=[here], simulator_options=options)
            env.reset()
            with pytest.warns(RuntimeWarning, match="started again"):
                observation = env.step([*pixel, 2, 3])[0]
            np.testing.assert_array_equal(observation["rgb"], after.rgb)
            env.close()
            env.close()


def test_a_player_killed_from_outside_does_not_disturb_closing(faulty, location):
    simulator = faulty(restarts=0)
    simulator.load(location[0])
    player = simulator._world.player._controller.server.unity_proc
    player.kill()
    simulator.close()
    simulator.close()
    assert player.poll() is not None
