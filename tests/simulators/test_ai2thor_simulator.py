"""The adapter to AI2-THOR, through the real client, over a player that starts at once."""

import os
import pickle
import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from thor_interact_env.env import ThorInteractEnv

pytest.importorskip("ai2thor")
from thor_simulators import AWAY, FLAT_PLAYER, HERE, ON_MUG, ON_SINK, ON_WALL, asked_of, flat_simulator

from thor_interact_env.errors import (
    InvalidStateError,
    PlayerError,
    UnknownRoomError,
    UnreachableLocationError,
)
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators import make_simulator
from thor_interact_env.simulators.ai2thor.simulator import Ai2thorSimulator
from thor_interact_env.simulators.base import Simulator
from thor_interact_env.simulators.mujoco.drawing.rendering import ray_lengths


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with flat_simulator(tmp_path_factory.mktemp("home")) as simulator:
        yield simulator


@pytest.fixture
def simulator(shared):
    """The shared simulator with the location freshly loaded."""
    shared.load(Location("FloorPlan1", (0.0, 0.9, 0.0), 0, 0, 1))
    shared.load(HERE)
    return shared


LOOK = ("AdvancePhysicsStep", {"timeStep": 0.02, "simSeconds": 0.2, "allowAutoSimulation": True})
"""How the adapter looks whether everything rests."""


def names(actions):
    return [name for name, _ in actions]


class TestSettingUp:
    def test_it_is_a_simulator_made_by_name(self):
        made = make_simulator("ai2thor", local_executable_path=sys.executable)
        assert isinstance(made, Simulator)
        assert isinstance(made, Ai2thorSimulator)
        assert not made.deterministic
        made.close()

    def test_a_room_is_set_up_as_in_the_paper(self, shared, monkeypatch):
        shared.load(Location("FloorPlan1", (0.0, 0.9, 0.0), 0, 0, 1))
        actions = asked_of(shared, monkeypatch)
        shared.load(HERE)
        assert actions == [
            ("Reset", {"room": "FloorPlan1"}),
            ("InitialRandomSpawn", {"randomSeed": 7, "forceVisible": True, "numPlacementAttempts": 5}),
            ("PausePhysicsAutoSim", {}),
            ("MakeAllObjectsMoveable", {}),
            *[LOOK] * 3,  # the mug falls for two
            (
                "TeleportFull",
                {
                    "x": 0.25,
                    "y": 0.9,
                    "z": 0.0,
                    "rotation": {"x": 0.0, "y": 90.0, "z": 0.0},
                    "horizon": 30.0,
                    "standing": True,
                },
            ),
            LOOK,
        ]

    def test_another_pose_in_an_untouched_room_only_moves_the_agent(self, simulator, monkeypatch):
        actions = asked_of(simulator, monkeypatch)
        seen = simulator.load(HERE)
        assert simulator.load(HERE) is seen
        assert actions == []
        simulator.load(Location("FloorPlan1", (0.5, 0.9, 0.0), 0, 0, 7))
        assert names(actions) == ["TeleportFull", "AdvancePhysicsStep"]

    def test_a_touched_room_is_set_up_again(self, simulator, monkeypatch):
        before = simulator.load(HERE)
        assert simulator.touch(*ON_MUG, 30.0, AWAY) is not before
        actions = asked_of(simulator, monkeypatch)
        np.testing.assert_array_equal(simulator.load(HERE)["rgb"], before["rgb"])
        assert names(actions)[0] == "Reset"

    def test_positions_are_those_the_player_lists_and_asked_for_once(self, simulator, monkeypatch):
        actions = asked_of(simulator, monkeypatch)
        positions = simulator.reachable_positions("FloorPlan1", 7)
        np.testing.assert_allclose(positions, [[0, 0.9, 0], [0.25, 0.9, 0], [0.5, 0.9, 0]])
        positions[:] = 0
        assert simulator.reachable_positions("FloorPlan1", 7).any()
        assert names(actions) == ["GetReachablePositions"]
        simulator.touch(*ON_MUG, 30.0, AWAY)  # the location is still the loaded one

    def test_asking_about_another_spawn_leaves_the_location(self, simulator):
        simulator.reachable_positions("FloorPlan1", 8)
        with pytest.raises(RuntimeError, match="load"):
            simulator.touch(*ON_MUG, 30.0, AWAY)

    def test_rooms(self, simulator):
        assert len(simulator.rooms) == 120
        assert simulator.has_room("FloorPlan430")
        assert not simulator.has_room("Procedural0")
        with pytest.raises(UnknownRoomError, match=r"'Procedural0'.*FloorPlan1-30"):
            simulator.reachable_positions("Procedural0", 0)
        with pytest.raises(UnknownRoomError, match=r"build has no room 'FloorPlan2'; it has FloorPlan1$"):
            simulator.load(Location("FloorPlan2", (0.0, 0.9, 0.0), 0, 0, 1))

    def test_a_place_where_nobody_can_stand_is_named_with_the_nearest(self, simulator):
        with pytest.raises(
            UnreachableLocationError, match=r"sink is in the way.*nearest.*\(0\.5, 0\.9, 0\.0\)"
        ):
            simulator.load(Location("FloorPlan1", (0.75, 0.9, 0.0), 0, 0, 7))
        with pytest.raises(RuntimeError, match="load"):
            simulator.instances()
        assert simulator.load(HERE)["rgb"].any()

    def test_pickling_keeps_the_arguments(self, tmp_path):
        with flat_simulator(tmp_path) as simulator:
            copy = pickle.loads(pickle.dumps(simulator))
            assert copy.load(HERE)["rgb"].any()
            copy.close()


class TestEnvironment:
    def test_it_is_flagged_as_nondeterministic(self):
        assert gymnasium.spec("ThorInteract-AI2THOR-v0").nondeterministic
        assert not gymnasium.spec("ThorInteract-v0").nondeterministic
        options = {"local_executable_path": sys.executable}
        same: dict[str, dict[str, Any]] = {
            "ThorInteract-v0": {"simulator": "ai2thor", "simulator_options": options},
            "ThorInteract-AI2THOR-v0": {"simulator_options": options},
        }
        for name, arguments in same.items():
            env = gymnasium.make(name, **arguments)
            assert env.metadata["deterministic"] is False
            assert isinstance(env.unwrapped, ThorInteractEnv)
            assert isinstance(env.unwrapped.simulator, Ai2thorSimulator)
            env.close()
        env = gymnasium.make("ThorInteract-v0")
        assert env.metadata["deterministic"] is True
        assert "deterministic" not in type(env.unwrapped).metadata

    def test_gymnasiums_checker_finds_nothing(self, tmp_path):
        with flat_simulator(tmp_path):
            options = {"local_executable_path": FLAT_PLAYER, "start_timeout": 60}
            env = gymnasium.make(
                "ThorInteract-AI2THOR-v0",
                locations=[HERE],
                simulator_options=options,
                disable_env_checker=True,
            )
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)
                check_env(env.unwrapped, skip_render_check=True)
            env.close()

    def test_a_push_is_a_success_and_a_wall_is_none(self, shared):
        env = gymnasium.make("ThorInteract-v0", simulator=shared, locations=[HERE], interactions=2)
        env.reset(seed=0)
        _, reward, _, _, info = env.step([*ON_WALL, 2, 0])
        assert (reward, info["mask"].any()) == (0.0, False)
        _, reward, _, truncated, info = env.step([150, 152, 2, 0])  # where the mug leaves the wall to be seen
        assert info["changed"].any() and reward == float(info["success"]) == 1.0
        assert truncated
        assert isinstance(env.unwrapped, ThorInteractEnv)
        assert env.unwrapped.ground_truth().types == ("Mug",)


class TestImages:
    def test_arrays_are_contiguous_read_only_copies(self, simulator):
        seen = simulator.load(HERE)
        for array, dtype, shape in (
            (seen["rgb"], np.uint8, (300, 300, 3)),
            (seen["depth"], np.float32, (300, 300)),
        ):
            assert array.dtype == dtype
            assert array.shape == shape
            assert array.flags.c_contiguous
            assert not array.flags.writeable

    def test_the_top_row_is_the_top(self, simulator):
        seen = simulator.load(HERE)
        assert tuple(seen["rgb"][ON_SINK]) == (200, 200, 220)
        assert tuple(seen["rgb"][ON_WALL]) == (90, 90, 90)

    def test_depth_is_the_distance_from_the_camera(self, simulator):
        depth = simulator.load(HERE)["depth"]
        lengths = ray_lengths()
        for pixel, plane in ((ON_MUG, 1.0), (ON_SINK, 1.2), (ON_WALL, 3.0)):
            assert depth[pixel] == pytest.approx(plane * lengths[pixel], rel=1e-5)


class TestTouching:
    def test_what_the_player_is_told(self, simulator, monkeypatch):
        actions = asked_of(simulator, monkeypatch)
        simulator.touch(*ON_WALL, 200.0, AWAY)
        (name, told), *others = actions
        assert name == "TouchThenApplyForce"
        assert others == []
        assert told["direction"] == {"x": 1.0, "y": 2.0, "z": -1.0}
        assert told["moveMagnitude"] == 200.0
        assert told["x"] == told["y"] == pytest.approx(20.5 / 300)

    def test_the_middle_of_a_grid_cell_has_the_authors_coordinates(self, simulator, monkeypatch):
        actions = asked_of(simulator, monkeypatch)
        simulator.touch(3 * 4 + 1, 3 * 5 + 1, 5.0, AWAY)
        assert actions[0][1]["x"] == pytest.approx(5 / 100 + 1 / 200)
        assert actions[0][1]["y"] == pytest.approx(4 / 100 + 1 / 200)

    @pytest.mark.parametrize("pixel", [ON_WALL, ON_SINK])
    def test_what_cannot_move_returns_the_very_same_observation(self, simulator, pixel):
        seen = simulator.load(HERE)
        assert simulator.touch(*pixel, 200.0, AWAY) is seen
        assert len(simulator.get_state()) == 7

    def test_a_touch_is_seen_when_the_room_has_come_to_rest(self, simulator, monkeypatch):
        simulator.load(HERE)
        actions = asked_of(simulator, monkeypatch)
        seen = simulator.touch(*ON_MUG, 30.0, AWAY)
        moved = np.flatnonzero((seen["rgb"] == (220, 40, 40)).all(axis=2).any(axis=0))
        assert moved[0] == 150 + 3 * 5
        assert names(actions)[0] == "TouchThenApplyForce"
        assert actions[1:] == [LOOK] * 4  # it moves during three

    def test_a_room_is_given_no_more_time_than_there_is_for_it(self, tmp_path):
        with flat_simulator(tmp_path, settle_seconds=0.4) as simulator:
            simulator.load(HERE)
            seen = simulator.touch(*ON_MUG, 30.0, AWAY)
            assert np.flatnonzero((seen["rgb"] == (220, 40, 40)).all(axis=2).any(axis=0))[0] == 150 + 2 * 5

    def test_a_motion_is_filmed(self, simulator, monkeypatch):
        simulator.load(HERE)
        actions = asked_of(simulator, monkeypatch)
        seen, frames = simulator.touch_with_frames(*ON_MUG, 30.0, AWAY)
        assert frames.shape == (26, 300, 300, 3)
        assert frames.dtype == np.uint8
        lefts = [np.flatnonzero((frame == (220, 40, 40)).all(axis=2).any(axis=0))[0] for frame in frames]
        assert lefts == [155, 160, *[165] * 24]
        np.testing.assert_array_equal(seen["rgb"], frames[-1])
        assert names(actions)[0] == "TouchThenApplyForce"
        film = [{"timeStep": seconds, "allowAutoSimulation": True} for seconds in (0.01, *[0.05] * 25)]
        assert [told for _, told in actions[1:-1]] == film
        assert actions[-1] == LOOK

    def test_nothing_is_filmed_where_nothing_can_move(self, simulator, monkeypatch):
        before = simulator.load(HERE)
        actions = asked_of(simulator, monkeypatch)
        seen, frames = simulator.touch_with_frames(*ON_SINK, 30.0, AWAY)
        assert seen is before
        assert frames.shape == (0, 300, 300, 3)
        assert names(actions) == ["TouchThenApplyForce"]


class TestReach:
    """The mug is 1 m from the camera's plane; at its middle the ray is longer by sqrt(1 + ...)."""

    def distance(self):
        return float(ray_lengths()[ON_MUG])

    @pytest.mark.parametrize(
        ("reach_from", "beyond", "moves"),
        [
            ("camera", 0.001, True),
            ("camera", -0.001, False),
            ("near_plane", -0.099, True),
            ("near_plane", -0.105, False),
        ],
    )
    def test_it_counts_from_the_camera_or_from_its_near_plane(self, tmp_path, reach_from, beyond, moves):
        reach = self.distance() + beyond
        with flat_simulator(tmp_path, reach=reach, reach_from=reach_from) as simulator:
            seen = simulator.load(HERE)
            assert (simulator.touch(*ON_MUG, 30.0, AWAY) is not seen) == moves

    @pytest.mark.parametrize(("beyond", "counts"), [(-0.099, True), (-0.16, False)])
    def test_the_ground_truth_has_the_same_limit(self, tmp_path, beyond, counts):
        with flat_simulator(tmp_path, reach=self.distance() + beyond, reach_from="near_plane") as simulator:
            simulator.load(HERE)
            assert bool(len(simulator.instances())) == counts

    def test_an_endless_reach_ends_at_the_far_plane(self, tmp_path, monkeypatch):
        with flat_simulator(tmp_path, reach=float("inf"), reach_from="near_plane") as simulator:
            simulator.load(HERE)
            actions = asked_of(simulator, monkeypatch)
            simulator.touch(*ON_WALL, 5.0, AWAY)
            assert actions[0][1]["handDistance"] == 20.0


class TestGroundTruth:
    def test_only_what_can_move_counts(self, simulator):
        simulator.load(HERE)
        truth = simulator.instances()
        assert truth.types == ("Mug",)
        assert truth.masses.tolist() == [1.0]
        expected = np.zeros((300, 300), bool)
        expected[120:180, 150:210] = True
        np.testing.assert_array_equal(truth.masks, expected[None])

    def test_it_follows_what_was_moved(self, simulator):
        simulator.load(HERE)
        simulator.touch(*ON_MUG, 30.0, AWAY)
        assert simulator.instances().masks[0, 150].nonzero()[0][0] == 165

    def test_what_is_out_of_reach_does_not_count(self, tmp_path):
        with flat_simulator(tmp_path, reach=0.99) as simulator:
            simulator.load(HERE)
            truth = simulator.instances()
            assert len(truth) == 0
            assert truth.masks.shape == (0, 300, 300)

    @pytest.mark.parametrize(("pixels", "enough"), [(10, True), (9, False)])
    def test_ten_pixels_in_reach_are_enough_for_the_whole_mask(self, simulator, monkeypatch, pixels, enough):
        simulator.load(HERE)
        within = np.zeros((300, 300), bool)
        within[150, 150 : 150 + pixels] = True  # on the mug
        within[:100] = True  # and not on it
        monkeypatch.setattr(simulator.world, "in_reach", lambda view: within)
        truth = simulator.instances()
        assert len(truth) == enough
        assert truth.masks.sum() == 3600 * enough

    @pytest.mark.parametrize(
        "action", ["MakeAllObjectsMoveable", "PausePhysicsAutoSim", "AdvancePhysicsStep"]
    )
    def test_an_action_that_has_to_succeed_is_not_taken_for_done(self, tmp_path, action):
        with (
            flat_simulator(tmp_path, asked={"fails": action}, restarts=0) as simulator,
            pytest.raises(PlayerError, match=f"refused {action}"),
        ):
            simulator.load(HERE)
            simulator.touch_with_frames(*ON_MUG, 200.0, AWAY)


class TestState:
    def test_it_restores_location_and_touches(self, simulator):
        simulator.load(HERE)
        simulator.touch(*ON_MUG, 30.0, AWAY)
        simulator.touch(*ON_SINK, 30.0, AWAY)
        seen, _ = simulator.touch_with_frames(*ON_MUG, 200.0, AWAY)
        state = simulator.get_state()
        assert state.dtype == np.float64
        assert state.shape == (7 + 2 * 7,)
        assert simulator.set_state(state) is seen  # it is there already
        simulator.load(HERE)
        np.testing.assert_array_equal(simulator.set_state(state)["rgb"], seen["rgb"])
        np.testing.assert_array_equal(simulator.get_state(), state)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda state: state[:-1], "7 n finite numbers"),
            (lambda state: state[:3], "7 n finite numbers"),
            (lambda state: np.where(np.arange(14) == 3, np.nan, state), "7 n finite numbers"),
            (lambda state: np.where(np.arange(14) == 0, 2, state), "FloorPlan2 with seed 7"),
            (lambda state: np.where(np.arange(14) == 1, 8, state), "seed 8"),
            (lambda state: np.where(np.arange(14) == 6, 90, state), "horizon 90"),
            (lambda state: np.where(np.arange(14) == 7, 300, state), "not a touch"),
        ],
    )
    def test_what_is_no_state_of_it_is_refused(self, simulator, change, message):
        simulator.load(HERE)
        simulator.touch(*ON_MUG, 30.0, AWAY)
        with pytest.raises(InvalidStateError, match=message):
            simulator.set_state(change(simulator.get_state()))


class TestClosing:
    def test_it_leaves_no_process_and_may_be_repeated(self, tmp_path):
        with flat_simulator(tmp_path) as simulator:
            simulator.load(HERE)
            process = simulator.world.player.process_id
            simulator.close()
            simulator.close()
            with pytest.raises(ProcessLookupError):
                os.kill(process, 0)
            assert simulator.load(HERE)["rgb"].any()  # a closed one may be used again
