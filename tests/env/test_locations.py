"""Rooms, splits, locations and their sampling."""

import collections
import json
import math
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from fake_simulator import FakeSimulator
from hypothesis import given
from hypothesis import strategies as st

from thor_interact_env.actions import AGENT_HEIGHT_Y, REACH
from thor_interact_env.errors import (
    InvalidLocationError,
    InvalidOptionError,
    UnknownRoomError,
    UnknownSplitError,
    UnreachableLocationError,
)
from thor_interact_env.locations import sampling
from thor_interact_env.locations.location import HORIZONS, ROTATIONS, Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.locations.splits import ALL_ROOMS, ROOM_TYPES, SPLITS, room_type, split_rooms

finite = st.floats(allow_nan=False, allow_infinity=False)
valid_locations = st.builds(
    Location,
    scene=st.sampled_from(ALL_ROOMS),
    position=st.tuples(finite, finite, finite),
    rotation=finite,
    horizon=st.floats(-30, 60),
    seed=st.integers(0, 2**31 - 1),
)
SOMEWHERE = Location("FloorPlan1", (0.25, AGENT_HEIGHT_Y, 0.5), 90, 30, 7)


class TestRooms:
    def test_there_are_30_rooms_of_each_type(self):
        assert len(ALL_ROOMS) == len(set(ALL_ROOMS)) == 120
        assert collections.Counter(map(room_type, ALL_ROOMS)) == dict.fromkeys(ROOM_TYPES, 30)
        assert [room_type(f"FloorPlan{n}") for n in (30, 201, 330, 430)] == list(ROOM_TYPES)

    @pytest.mark.parametrize(
        "scene", ["FloorPlan0", "FloorPlan31", "FloorPlan431", "floorplan1", "", None, 1]
    )
    def test_an_unknown_room_is_named(self, scene):
        with pytest.raises(UnknownRoomError, match=f"{scene!r}.*FloorPlan401-430"):
            room_type(scene)

    def test_splits_have_the_papers_sizes_and_hold_out(self):
        counts = {name: collections.Counter(map(room_type, rooms)) for name, rooms in SPLITS.items()}
        assert counts["NovelSpaces/train"] == dict.fromkeys(ROOM_TYPES, 20)
        assert counts["NovelSpaces/val"] == counts["NovelSpaces/test"] == dict.fromkeys(ROOM_TYPES, 5)
        assert counts["NovelObjects/train"] == {"kitchen": 30, "living_room": 30}
        assert counts["NovelObjects/val"] == {"bathroom": 30}
        assert counts["NovelObjects/test"] == {"bedroom": 30}
        spaces = [set(SPLITS[f"NovelSpaces/{part}"]) for part in ("train", "val", "test")]
        assert set.union(*spaces) == set(ALL_ROOMS)
        assert sum(map(len, spaces)) == 120

    @pytest.mark.parametrize(
        "name", ["NovelSpaces", "train", "NovelObjects/validation", None, 3, ["NovelSpaces/train"]]
    )
    def test_an_unknown_split_is_named(self, name):
        with pytest.raises(UnknownSplitError, match="NovelObjects/test"):
            split_rooms(name)


class TestLocation:
    @given(valid_locations)
    def test_json_round_trip_is_exact(self, location):
        assert Location.from_json(json.loads(json.dumps(location.to_json()))) == location

    def test_numpy_numbers_become_plain_ones(self):
        numbers: tuple[Any, ...] = (np.array([1, 2, 3]), np.float32(90), np.int64(30), np.int32(4))
        location = Location("FloorPlan1", *numbers)
        assert location == Location("FloorPlan1", (1.0, 2.0, 3.0), 90.0, 30.0, 4)
        json.dumps(location.to_json())
        hash(location)

    def test_rotation_may_be_an_object(self):
        meta = {**SOMEWHERE.to_json(), "rotation": {"x": 0, "y": 90, "z": 0}}
        assert Location.from_json(meta) == SOMEWHERE

    def test_the_clients_names_of_rooms_are_read(self):
        assert Location.from_json({**SOMEWHERE.to_json(), "scene": f"{SOMEWHERE.scene}_physics"}) == SOMEWHERE

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("scene", ""),
            ("scene", 7),
            ("position", (1.0, 2.0)),
            ("position", (1.0, 2.0, math.nan)),
            ("position", (1.0, "2", 3.0)),
            ("position", "123"),
            ("position", 5),
            ("position", (True, 0, 0)),
            ("rotation", math.inf),
            ("rotation", None),
            ("rotation", "90"),
            ("horizon", -30.5),
            ("horizon", 61),
            ("horizon", math.nan),
            ("seed", -1),
            ("seed", 2**31),
            ("seed", 1.0),
            ("seed", True),
            ("seed", "1"),
        ],
    )
    def test_a_wrong_field_is_named(self, field, value):
        fields = {
            name: getattr(SOMEWHERE, name) for name in ("scene", "position", "rotation", "horizon", "seed")
        }
        with pytest.raises(InvalidLocationError, match=field):
            Location(**{**fields, field: value})

    @pytest.mark.parametrize("field", ["scene", "position", "rotation", "horizon", "seed"])
    def test_a_missing_field_is_named(self, field):
        meta = SOMEWHERE.to_json()
        del meta[field]
        with pytest.raises(InvalidLocationError, match=f"no field '{field}'"):
            Location.from_json(meta)

    @pytest.mark.parametrize("meta", [None, [], "FloorPlan1", 3])
    def test_what_is_no_object_is_refused(self, meta):
        with pytest.raises(InvalidLocationError, match="thor_meta"):
            Location.from_json(meta)

    @pytest.mark.parametrize(("field", "value"), [("position", {"x": 1, "y": 2}), ("rotation", {"x": 0})])
    def test_an_incomplete_vector_is_refused(self, field, value):
        with pytest.raises(InvalidLocationError, match=field):
            Location.from_json({**SOMEWHERE.to_json(), field: value})


class TestSampler:
    def test_draws_follow_the_papers_rule(self):
        simulator = FakeSimulator()
        rooms = split_rooms("NovelSpaces/val")
        sampler = LocationSampler(simulator, rooms, reachable_fraction=0)
        rng = np.random.default_rng(0)
        drawn = [sampler.sample(rng) for _ in range(200)]
        assert {location.scene for location in drawn} == set(rooms)
        assert {location.rotation for location in drawn} == set(ROTATIONS) == {0, 90, 180, 270}
        assert {location.horizon for location in drawn} == set(HORIZONS) == {-30, 0, 30, 60}
        assert {location.position for location in drawn} == set(
            map(tuple, simulator.reachable_positions(rooms[0], 0))
        )
        assert len({location.seed for location in drawn}) == 200

    def test_the_same_generator_gives_the_same_locations(self):
        drawn = [
            [LocationSampler(FakeSimulator(), ALL_ROOMS).sample(rng) for _ in range(5)]
            for rng in (np.random.default_rng(3), np.random.default_rng(3))
        ]
        assert drawn[0] == drawn[1]

    def test_enough_of_each_view_is_in_reach(self):
        simulator = FakeSimulator(table_rows=120)  # two fifths of the view; the rectangles decide
        sampler = LocationSampler(simulator, ALL_ROOMS, reachable_fraction=0.46)
        rng = np.random.default_rng(1)
        views = [sampler.sample_view(rng)[1] for _ in range(10)]
        assert min(np.mean(view["depth"] < REACH) for view in views) >= 0.46
        assert simulator.loads > 10  # some draws were rejected

    def test_the_best_of_a_bounded_number_of_draws_is_taken(self, monkeypatch):
        simulator = FakeSimulator(table_rows=120)
        fractions = []
        load = simulator.load

        def recorded(location):
            view = load(location)
            fractions.append(np.mean(view["depth"] < REACH))
            return view

        monkeypatch.setattr(simulator, "load", recorded)
        location, view = LocationSampler(simulator, ALL_ROOMS, 1.0).sample_view(np.random.default_rng(0))
        assert len(fractions) == sampling.MAX_DRAWS + 1  # and the best is loaded again
        assert np.mean(view["depth"] < REACH) == max(fractions)
        assert simulator.location == location

    def test_a_refused_position_is_drawn_again(self, monkeypatch):
        simulator = FakeSimulator()
        load = simulator.load
        refused: list[Location] = []

        def picky(location):
            if len(refused) < 10:
                refused.append(location)
                raise UnreachableLocationError("inside furniture")
            return load(location)

        monkeypatch.setattr(simulator, "load", picky)
        location = LocationSampler(simulator, ALL_ROOMS).sample(np.random.default_rng(0))
        assert location not in refused

    @pytest.mark.parametrize(
        "positions", [np.zeros((0, 3)), np.array([[9.0, 0.9, 9.0]])], ids=["none", "refused"]
    )
    def test_rooms_without_a_place_to_stand_are_reported(self, positions, monkeypatch):
        simulator = FakeSimulator()
        refused = Mock(side_effect=UnreachableLocationError("inside furniture"))
        monkeypatch.setattr(simulator, "reachable_positions", lambda room, seed: positions)
        monkeypatch.setattr(simulator, "load", refused)
        with pytest.raises(UnreachableLocationError, match=r"30 draws.*FloorPlan2"):
            LocationSampler(simulator, ["FloorPlan2"]).sample(np.random.default_rng(0))

    def test_a_room_the_simulator_lacks_is_named(self):
        with pytest.raises(UnknownRoomError, match=r"'FloorPlan2'.*FloorPlan1"):
            LocationSampler(FakeSimulator(rooms=("FloorPlan1",)), ["FloorPlan1", "FloorPlan2"])

    def test_no_rooms_are_refused(self):
        with pytest.raises(InvalidOptionError, match="at least one room"):
            LocationSampler(FakeSimulator(), [])

    @pytest.mark.parametrize("fraction", [-0.1, 1.1, math.nan, "0.2", True, None])
    def test_a_fraction_out_of_range_is_refused(self, fraction):
        with pytest.raises(InvalidOptionError, match="reachable_fraction"):
            LocationSampler(FakeSimulator(), ALL_ROOMS, fraction)
