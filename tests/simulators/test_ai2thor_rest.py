"""When a room of AI2-THOR counts as resting, and that nothing moves in it between two actions."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("ai2thor")
from thor_simulators import AWAY, HERE, ON_MUG, ON_SINK, ON_WALL, asked_of, flat_simulator

from thor_interact_env.simulators.ai2thor.rest import broken, still
from thor_interact_env.simulators.ai2thor.world import LOOK_SECONDS, TREMBLING_LOOKS


def event(**objects):
    """Return an event that tells of objects given as (position, Euler angles)."""
    told = [
        {
            "objectId": name,
            "position": dict(zip("xyz", position, strict=True)),
            "rotation": dict(zip("xyz", rotation, strict=True)),
            "pickupable": True,
            "moveable": False,
            "isBroken": False,
        }
        for name, (position, rotation) in objects.items()
    ]
    return SimpleNamespace(metadata={"objects": told})


def fixed(one, *names):
    """Return an event in which some objects cannot be moved."""
    for item in one.metadata["objects"]:
        item["pickupable"] = item["objectId"] not in names
    return one


def turned(angles):
    return event(cup=((0, 1, 0), angles))


def matrix(angles):
    """Return the rotation of Unity's Euler angles in degrees: about z, then x, then y; left-handed."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(angles)), np.sin(np.radians(angles))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


ANGLES = st.tuples(*[st.floats(-360, 720)] * 3)


class TestStill:
    @pytest.mark.parametrize(("shift", "expected"), [(0.0, True), (0.0009, True), (0.0011, False)])
    def test_a_millimetre_is_the_limit(self, shift, expected):
        before = event(cup=((0, 1, 0), (0, 0, 0)), pan=((1, 1, 1), (0, 0, 0)))
        after = event(pan=((1, 1, 1), (0, 0, 0)), cup=((0, 1 - shift, 0), (0, 0, 0)))
        assert still(before, after) == expected

    @settings(deadline=None)
    @given(ANGLES, st.tuples(*[st.floats(-0.5, 0.5)] * 3))
    def test_a_turn_is_measured_whatever_its_angles_are(self, angles, change):
        other = np.add(angles, change)
        trace = np.trace(matrix(angles).T @ matrix(other))
        turn = np.degrees(2 * np.arcsin(min(1.0, np.sqrt(max(0.0, (3 - trace) / 4)))))
        if abs(turn - 0.2) > 1e-3:
            assert still(turned(angles), turned(other)) == (turn < 0.2)

    @given(ANGLES)
    def test_the_same_orientation_by_other_angles_is_no_turn(self, angles):
        x, y, z = angles
        assert still(turned((x, y, z)), turned((x + 360, y - 360, z)))
        assert still(turned((x, y, z)), turned((180 - x, y + 180, z + 180)))
        assert still(turned((90, y, z)), turned((90, y + 50, z + 50)))

    def test_what_appears_or_vanishes_has_moved(self):
        one, two = event(cup=((0, 1, 0), (0, 0, 0))), event(cup=((0, 1, 0), (0, 0, 0)), pan=((0, 0, 0),) * 2)
        assert not still(one, two)
        assert not still(two, one)
        assert still(event(), event())

    def test_what_cannot_move_and_what_has_left_the_room_does_not_count(self):
        assert still(fixed(turned((0, 0, 0)), "cup"), fixed(turned((0, 5, 0)), "cup"))
        assert still(event(cup=((0, -6, 0), (0, 0, 0))), event(cup=((0, -9, 0), (0, 0, 0))))

    def test_what_is_broken_is_told(self):
        one = event(cup=((0, 1, 0), (0, 0, 0)), pan=((0, 0, 0),) * 2)
        one.metadata["objects"][1]["isBroken"] = True
        assert broken(one) == {"pan"}


def looks(actions):
    return [name for name, _ in actions].count("AdvancePhysicsStep")


def mug_at(view):
    """Return the first row and column at which the mug is seen."""
    rows, columns = np.nonzero((view["rgb"] == (220, 40, 40)).all(axis=2))
    return rows.min(), columns.min()


class TestFlag:
    """`isSceneAtRest` says nothing before physics was advanced, and not always something afterwards."""

    def test_what_was_spawned_has_fallen_before_the_first_view(self, tmp_path):
        with flat_simulator(tmp_path) as simulator:
            assert mug_at(simulator.load(HERE)) == (120, 150)

    def test_a_flag_that_is_always_true_is_not_believed(self, tmp_path):
        with flat_simulator(tmp_path, faults=[{"kind": "stale"}]) as simulator:
            assert mug_at(simulator.load(HERE)) == (120, 150)
            assert mug_at(simulator.touch(*ON_MUG, 30.0, AWAY)) == (120, 150 + 3 * 5)

    def test_what_trembles_on_the_spot_rests_after_a_while(self, tmp_path, monkeypatch):
        with flat_simulator(tmp_path, asked={"trembles": True}) as simulator:
            simulator.load(HERE)
            actions = asked_of(simulator, monkeypatch)
            assert mug_at(simulator.touch(*ON_MUG, 30.0, AWAY)) == (120, 150 + 3 * 5)
            assert looks(actions) == 3 + TREMBLING_LOOKS

    def test_the_pieces_of_what_broke_get_all_the_time(self, tmp_path, monkeypatch):
        with flat_simulator(tmp_path, asked={"breaks": True}, settle_seconds=2.0) as simulator:
            simulator.load(HERE)
            actions = asked_of(simulator, monkeypatch)
            assert mug_at(simulator.touch(*ON_MUG, 30.0, AWAY)) == (120, 150 + 7 * 5)
            assert looks(actions) == 2.0 / LOOK_SECONDS
            actions.clear()
            simulator.touch(*ON_SINK, 30.0, AWAY)
            simulator.touch(150, 190, 30.0, AWAY)  # it is broken already
            assert looks(actions) == 1

    def test_pieces_that_fly_while_it_is_filmed_get_it_as_well(self, tmp_path, monkeypatch):
        with flat_simulator(tmp_path, asked={"breaks": True}, settle_seconds=2.0) as simulator:
            simulator.load(HERE)
            actions = asked_of(simulator, monkeypatch)
            simulator.touch_with_frames(*ON_MUG, 30.0, AWAY)
            assert looks(actions) == 26 + 2.0 / LOOK_SECONDS


class TestPause:
    def test_time_passes_only_where_it_is_advanced(self, tmp_path):
        with flat_simulator(tmp_path, settle_seconds=0.4) as simulator:  # too short for the mug's motion
            simulator.load(HERE)
            seen = simulator.touch(*ON_MUG, 30.0, AWAY)
            assert mug_at(seen) == (120, 150 + 2 * 5)
            for _ in range(3):
                assert simulator.touch(*ON_WALL, 30.0, AWAY) is seen
                np.testing.assert_array_equal(simulator.world.player.step("Pass").frame, seen["rgb"])
