"""What the adapter to AI2-THOR makes of a new player, and of what a player cannot do in one spawn."""

import os
import signal

import numpy as np
import pytest

pytest.importorskip("ai2thor")
from thor_simulators import AWAY, HERE, ON_MUG, ON_WALL, flat_simulator

from thor_interact_env.errors import PlayerProtocolError, UnreachableLocationError
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.simulators.ai2thor.player import said


class TestNewPlayer:
    def test_touches_are_repeated_filmed_ones_filmed(self, tmp_path):
        with flat_simulator(tmp_path) as simulator:
            simulator.load(HERE)
            simulator.touch(*ON_MUG, 30.0, AWAY)
            simulator.touch_with_frames(*ON_MUG, 30.0, AWAY)
            state = simulator.get_state()
            os.kill(simulator.world.player.process_id, signal.SIGKILL)
            with pytest.warns(RuntimeWarning, match="started again"):
                seen = simulator.touch(150, 185, 30.0, AWAY)
            assert np.flatnonzero((seen["rgb"] == (220, 40, 40)).all(axis=2).any(axis=0))[0] == 150 + 3 * 15
            np.testing.assert_array_equal(simulator.get_state()[1 : len(state)], state[1:])

    def test_a_new_player_does_not_touch_from_where_nobody_stands(self, tmp_path):
        with flat_simulator(tmp_path) as simulator:
            simulator.load(HERE)
            os.kill(simulator.world.player.process_id, signal.SIGKILL)
            with pytest.warns(RuntimeWarning, match="started again"):
                assert len(simulator.reachable_positions(HERE.scene, HERE.seed)) == 3
            with pytest.raises(RuntimeError, match="load"):
                simulator.touch(*ON_MUG, 30.0, AWAY)

    def test_a_touch_counts_although_a_new_player_names_objects_otherwise(self, tmp_path):
        with flat_simulator(tmp_path, faults=[None, {"kind": "renames"}]) as simulator:
            before = simulator.load(HERE)
            os.kill(simulator.world.player.process_id, signal.SIGKILL)
            with pytest.warns(RuntimeWarning) as caught:
                after = simulator.touch(*ON_MUG, 30.0, AWAY)
            told = "".join(str(item.message) for item in caught)
            assert "1 of 1 objects, such as Mug|+00.10|+01.07|+00.50, have other identifiers" in told
            assert np.flatnonzero((after["rgb"] != before["rgb"]).any(axis=(0, 2)))[0] == 150
            assert len(simulator.get_state()) == 7 + 7
            assert simulator.instances().ids == ("Mug|+00.10|+01.12|+00.50",)

    def test_what_a_new_player_shows_counts_even_if_nothing_is_moved(self, tmp_path, monkeypatch):
        with flat_simulator(tmp_path, faults=[None, {"kind": "renames"}, None]) as simulator:
            before = simulator.load(HERE)
            os.kill(simulator.world.player.process_id, signal.SIGKILL)
            with pytest.warns(RuntimeWarning) as caught:
                assert simulator.touch(*ON_WALL, 30.0, AWAY) is before  # it looks the same
            assert len(caught) == 2
            assert simulator.instances().ids == ("Mug|+00.10|+01.12|+00.50",)
            monkeypatch.setenv("FLAT_PLAYER", '{"place": 20}')
            os.kill(simulator.world.player.process_id, signal.SIGKILL)
            with pytest.warns(RuntimeWarning) as caught:
                seen = simulator.touch(*ON_WALL, 30.0, AWAY)
            assert len(caught) == 2
            assert np.flatnonzero((seen["rgb"] == (220, 40, 40)).all(axis=2).any(axis=0))[0] == 150 + 20
            assert simulator.touch(*ON_WALL, 30.0, AWAY) is seen


class TestOrdinaryFailures:
    def test_positions_that_cannot_be_listed_are_none_and_no_failure(self, tmp_path):
        with flat_simulator(tmp_path, asked={"fails": "GetReachablePositions"}) as simulator:
            simulator.load(HERE)
            process = simulator.world.player.process_id
            with pytest.warns(RuntimeWarning) as caught:
                positions = simulator.reachable_positions(HERE.scene, HERE.seed)
            assert positions.shape == (0, 3)
            assert [str(item.message) for item in caught] == [
                "AI2-THOR cannot list where the agent can stand in this spawn (InvalidOperationException: it "
                "cannot be done); FloorPlan1 with seed 7 counts as having no such place."
            ]
            assert simulator.world.player.process_id == process
            with pytest.raises(UnreachableLocationError, match=r"sink is in the way\)\.$"):
                simulator.load(Location("FloorPlan1", (0.75, 0.9, 0.0), 0, 0, 7))

    def test_another_spawn_is_drawn_where_they_cannot_be_listed(self, tmp_path):
        once = {"kind": "fails", "action": "GetReachablePositions", "after": 0}
        with flat_simulator(tmp_path, faults=[once], restarts=0) as simulator:
            sampler = LocationSampler(simulator, ["FloorPlan1"], reachable_fraction=0.0)
            with pytest.warns(RuntimeWarning, match=r"can be reached via .* is beyond the scene bounds"):
                location, view = sampler.sample_view(np.random.default_rng(0))
            assert simulator.load(location) is view

    def test_the_stack_of_an_exception_in_the_player_is_left_out(self, tmp_path):
        with (
            flat_simulator(tmp_path, asked={"fails": "MakeAllObjectsMoveable"}, restarts=0) as simulator,
            pytest.raises(
                PlayerProtocolError, match=r"Moveable \(InvalidOperationExc.*: it cannot be done\);"
            ),
        ):
            simulator.load(HERE)
        assert said("it is late. trace:  at A.b () in <0>:0") == "it is late"
        assert said("System.Exception: it is\n  late\n   at A.b () [0x0]") == "System.Exception: it is late"
        assert said("\n\tAction: x\n\tat") == "Action: x at"
