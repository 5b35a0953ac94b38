"""Everything a player can do wrong is survived, or reported in one sentence, within its time-out."""

import json
import os
import re
import signal
import time
import warnings

import numpy as np
import pytest
from env_makers import make
from player_launcher import PLAYER_COMMAND, client_environment
from thor_simulators import one_sentence

from thor_interact_env.actions import DIRECTIONS
from thor_interact_env.errors import (
    PlayerDiedError,
    PlayerProtocolError,
    PlayerStartError,
    PlayerTimeoutError,
)
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.simulators.ai2thor.simulator import Ai2thorSimulator
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

pytest.importorskip("ai2thor")

ROOM = "FloorPlan402"
PATIENCE = 300.0
"""Seconds for a player that behaves, on a machine that does other things as well."""

SHORT = 2.0
"""Seconds for a player that will not start."""

STALL = 4.0
"""Seconds for one that starts and will not answer."""

MARGIN = 60.0
"""Seconds beyond a time-out within which a busy machine reports it."""


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
                if not np.array_equal(after["rgb"], before["rgb"]):
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
        assert one_sentence(caught.value)
        assert time.monotonic() - start < options.get("start_timeout", PATIENCE) + MARGIN
        assert not simulator.world.player.running


class TestStep:
    def test_whatever_fails_the_episode_goes_on_with_another_player(self, faulty, location):
        here, pixel, before, after = location
        kinds = ("crash", "garbage", "stall")
        faults = [{"kind": kind, "after": 1, "action": "TouchThenApplyForce"} for kind in kinds]
        env = make(faulty(*faults, step_timeout=STALL, start_timeout=PATIENCE), locations=[here])
        np.testing.assert_array_equal(env.reset()[0]["rgb"], before["rgb"])
        np.testing.assert_array_equal(env.step([*pixel, 2, 3])[0]["rgb"], after["rgb"])
        with pytest.warns(RuntimeWarning, match="started again") as caught:
            observation = env.step([0, 0, 0, 0])[0]  # fails three times over
        told = [str(item.message) for item in caught if item.category is RuntimeWarning]
        assert ["of at most 3" in text for text in told] == [True] * 3
        np.testing.assert_array_equal(observation["rgb"], after["rgb"])
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            np.testing.assert_array_equal(env.reset()[0]["rgb"], before["rgb"])

    @pytest.mark.parametrize(
        ("kind", "error", "options"),
        [
            ("crash", PlayerDiedError, {"restarts": 1}),
            ("garbage", PlayerProtocolError, {"restarts": 0}),
            ("half", PlayerTimeoutError, {"restarts": 0, "step_timeout": STALL}),
            ("flood", PlayerTimeoutError, {"restarts": 0, "step_timeout": STALL}),
        ],
    )
    def test_one_that_goes_on_failing_is_reported(self, faulty, location, kind, error, options):
        here, pixel, before, _ = location
        faults = [{"kind": kind, "after": 0, "action": "TouchThenApplyForce"}] * (1 + options["restarts"])
        simulator = faulty(*faults, **options)
        simulator.load(here)
        start = time.monotonic()
        with warnings.catch_warnings(record=True) as caught, pytest.raises(error) as reported:
            warnings.simplefilter("always")
            simulator.touch(*pixel, 200.0, DIRECTIONS[3])
        if error is PlayerTimeoutError:
            assert re.search(r"did not answer within 4 s.*step_timeout", str(reported.value))
            assert STALL <= time.monotonic() - start < STALL + MARGIN
        assert len([item for item in caught if item.category is RuntimeWarning]) == options["restarts"]
        assert one_sentence(reported.value)
        if options["restarts"]:  # the next player behaves
            np.testing.assert_array_equal(simulator.load(here)["rgb"], before["rgb"])


class TestUnreliable:
    """What a player does that is no failure: AI2-THOR is like that."""

    def test_the_first_view_is_of_a_room_at_rest_whatever_the_player_says(self, faulty, location):
        here, pixel, before, after = location
        simulator = faulty({"kind": "stale"}, restarts=0)
        np.testing.assert_array_equal(simulator.load(here)["rgb"], before["rgb"])
        np.testing.assert_array_equal(simulator.touch(*pixel, 200.0, DIRECTIONS[3])["rgb"], after["rgb"])

    def test_between_actions_nothing_moves_however_long_they_take(self, faulty, location):
        here, pixel, before, after = location
        simulator = faulty(restarts=0, settle_seconds=0.2)  # not enough for the touch
        np.testing.assert_array_equal(simulator.load(here)["rgb"], before["rgb"])
        seen = simulator.touch(*pixel, 200.0, DIRECTIONS[3])
        assert not np.array_equal(seen["rgb"], after["rgb"])
        for _ in range(2):
            time.sleep(0.1)
            np.testing.assert_array_equal(simulator.world.player.step("Pass").frame, seen["rgb"])

    def test_a_new_player_that_names_objects_otherwise_loses_no_touch(self, faulty, location):
        here, pixel, before, after = location
        crash = {"kind": "crash", "after": 0, "action": "TouchThenApplyForce"}
        simulator = faulty(crash, {"kind": "renames"}, restarts=1)
        np.testing.assert_array_equal(simulator.load(here)["rgb"], before["rgb"])
        with pytest.warns(RuntimeWarning) as caught:
            seen = simulator.touch(*pixel, 200.0, DIRECTIONS[3])
        assert ["have other identifiers" in str(item.message) for item in caught] == [False, True]
        np.testing.assert_array_equal(seen["rgb"], after["rgb"])
        assert len(simulator.get_state()) == 7 + 7

    def test_another_spawn_is_drawn_where_positions_cannot_be_listed(self, faulty):
        simulator = faulty({"kind": "fails", "action": "GetReachablePositions", "after": 0}, restarts=0)
        sampler = LocationSampler(simulator, [ROOM], reachable_fraction=0.0)
        with pytest.warns(RuntimeWarning, match=r"is beyond the scene bounds\.\); FloorPlan402 with seed"):
            location, view = sampler.sample_view(np.random.default_rng(0))
        assert simulator.load(location) is view


def test_a_late_player_is_waited_for_and_one_that_is_killed_does_not_disturb_closing(faulty, location):
    simulator = faulty({"kind": "late", "seconds": 0.5}, restarts=0)
    np.testing.assert_array_equal(simulator.load(location[0])["rgb"], location[2]["rgb"])
    process = simulator.world.player.process_id
    os.kill(process, signal.SIGKILL)
    simulator.close()
    simulator.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
