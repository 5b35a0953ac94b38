"""Where episodes of `ThorInteract-v0` start, what may be asked for and what is refused."""

import gymnasium
import numpy as np
import pytest
from env_makers import ELSEWHERE, ON_DISK, SOMEWHERE, a_location, make, rollout, started
from fake_simulator import FakeSimulator
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import data_equivalence
from hypothesis import given
from hypothesis import strategies as st

from thor_interact_env.actions import AGENT_HEIGHT_Y
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.errors import (
    InvalidLocationError,
    InvalidOptionError,
    UnknownRoomError,
    UnknownSplitError,
    UnreachableLocationError,
)
from thor_interact_env.locations.dataset import DatasetEntry, LocationDataset
from thor_interact_env.locations.splits import split_rooms
from thor_interact_env.locations.starting import OPTIONS, start_option
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator


class TestStart:
    def test_a_location_or_its_json_can_be_asked_for(self, any_env):
        location = a_location(any_env)
        first, _ = any_env.reset(options={"location": location})
        assert any_env.unwrapped.location == location
        again, _ = any_env.reset(options={"location": location.to_json()})
        assert data_equivalence(first, again, exact=True)
        assert any_env.unwrapped.location == location

    def test_starts_are_drawn_from_the_rooms_of_the_split(self, any_world):
        split = "all" if any_world["simulator"] == "mjcf" else "NovelSpaces/test"
        env = make(any_world["simulator"], locations=split, reachable_fraction=0.2)
        observation, _ = env.reset(seed=3)
        location = env.unwrapped.location
        assert location.scene in ([ON_DISK] if split == "all" else split_rooms(split))
        assert np.mean(observation["depth"] < 1.5) >= 0.2
        again, _ = env.reset(options={"location": location})
        assert data_equivalence(observation, again, exact=True)
        env.reset()
        assert env.unwrapped.location != location
        env.close()

    def test_by_default_starts_are_drawn_from_all_scenes_on_disk(self, scenes_on_disk):
        for options in ({}, {"simulator_options": {"scenes": scenes_on_disk, "eye_height": 1.2}}):
            env = make("mjcf", **options)
            starts = [started(env, seed=seed) for seed in range(3)]
            assert {start.scene for start in starts} == {ON_DISK} and len(set(starts)) == 3
            height = AGENT_HEIGHT_Y - (0.376 if options else 0.0)
            assert all(abs(start.position[1] - height) < 1e-6 for start in starts)
            env.close()
        assert started(make(), seed=0).scene in split_rooms("NovelSpaces/train")

    def test_starts_differ_and_lie_in_the_split(self):
        env = make(locations="NovelObjects/test")
        starts = [started(env, seed=0 if index == 0 else None) for index in range(20)]
        assert len(set(starts)) == 20
        assert {start.scene for start in starts} <= set(split_rooms("NovelObjects/test"))

    def test_starts_can_be_listed(self, any_world):
        listed = any_world["locations"]
        listed = [SOMEWHERE, ELSEWHERE] if isinstance(listed, str) else listed[:2]
        env = make(any_world["simulator"], locations=listed)
        assert {started(env, seed=seed) for seed in range(20)} == set(listed)
        env.close()

    def test_a_list_of_starts_survives_the_json_of_a_spec(self):
        listed = [SOMEWHERE, ELSEWHERE]
        spec = gymnasium.make("ThorInteract-v0", locations=listed).spec
        assert spec is not None
        restored = EnvSpec.from_json(spec.to_json()).kwargs["locations"]
        for one in (restored, [location.to_json() for location in listed]):
            env = gymnasium.make("ThorInteract-v0", simulator=FakeSimulator(), locations=one)
            assert {started(env, seed=seed) for seed in range(20)} == set(listed)

    def test_what_a_simulator_lacks_is_named(self):
        class Half:
            deterministic = True

            def load(self, location):
                return None

        with pytest.raises(InvalidOptionError, match=r"mujoco.*it has no close, get_state, has_room"):
            ThorInteractEnv(simulator=Half())  # type: ignore[arg-type]

    @pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "path"])
    def test_starts_can_come_from_a_dataset(self, tmp_path, kind):
        path = tmp_path / "set.json"
        LocationDataset([DatasetEntry(1, 300, 300, ELSEWHERE)]).write(path)
        assert started(make(locations=kind(path))) == ELSEWHERE

    def test_a_dataset_without_locations_is_refused(self, tmp_path):
        path = tmp_path / "none.json"
        LocationDataset([]).write(path)
        with pytest.raises(InvalidOptionError, match=r"none\.json' holds no location"):
            ThorInteractEnv(locations=path)

    def test_by_default_an_object_without_the_rooms_of_the_split_has_all_its_own(self):
        few = ("FloorPlan30", "FloorPlan1")
        env = gymnasium.make("ThorInteract-v0", simulator=FakeSimulator(rooms=few))
        assert {started(env, seed=seed).scene for seed in range(20)} == set(few)
        with pytest.raises(UnknownRoomError):  # a split that was asked for is not replaced
            gymnasium.make(
                "ThorInteract-v0", simulator=FakeSimulator(rooms=few), locations="NovelSpaces/train"
            ).reset()

    def test_the_fraction_in_reach_is_handed_on(self):
        env = make(reachable_fraction=0.57)
        fractions = [np.mean(env.reset(seed=seed)[0]["depth"] < 1.5) for seed in range(5)]
        assert min(fractions) >= 0.57
        assert env.unwrapped.simulator.loads > 5

    def test_reset_without_seed_goes_on(self, env):
        drawn = [[started(env, seed=3), started(env), started(env)] for _ in range(2)]
        assert drawn[0] == drawn[1]
        assert drawn[0][0] != drawn[0][1] != drawn[0][2]

    def test_reset_without_seed_goes_on_in_each_world(self, any_env):
        drawn = [[started(any_env, seed=3), *(started(any_env) for _ in range(6))] for _ in range(2)]
        assert drawn[0] == drawn[1]
        assert any(drawn[0][0] != other for other in drawn[0][1:])

    @pytest.mark.parametrize(
        ("options", "complaint"),
        [
            ({"loction": SOMEWHERE}, "'loction'.*did you mean 'location'"),
            ({"location": SOMEWHERE, "seed": 3}, "'seed'.*'location' and 'state'"),
            ({4: 4}, "4"),
            ({"start_location": SOMEWHERE}, "'start_location'"),
            ({"spawn_seed": 3}, "'spawn_seed'"),
            ({"_location": SOMEWHERE}, "'_location'"),
            ({"location": SOMEWHERE, "state": {}}, "not both"),
            (["location"], "give a mapping"),
        ],
    )
    def test_an_option_that_is_none_is_named(self, env, options, complaint):
        with pytest.raises(InvalidOptionError, match=complaint):
            env.reset(options=options)

    @given(st.text(st.characters(exclude_characters="_"), max_size=12) | st.integers() | st.none())
    def test_an_option_without_a_package_is_refused(self, name):
        with pytest.raises(InvalidOptionError, match="unknown reset option"):
            start_option({name: None} if name not in OPTIONS else {name + "s": None})

    @given(st.from_regex(r"(minari|tianshou|recorder)_[a-z]{1,3}", fullmatch=True), st.booleans())
    def test_an_option_for_a_wrapper_changes_nothing(self, name, value):
        assert start_option({name: value}) is None
        assert start_option({name: value, "location": SOMEWHERE}) == SOMEWHERE

    def test_an_option_for_a_recorder_reaches_the_environment(self, env):
        expected = rollout(env, 3, 0)[0]
        assert data_equivalence(env.reset(seed=3, options={"minari_autoseed": False}), expected, exact=True)

    @pytest.mark.parametrize("location", ["FloorPlan1", 3, (1, 2, 3), None])
    def test_what_is_no_location_is_refused(self, env, location):
        with pytest.raises(InvalidOptionError, match="neither a Location"):
            env.reset(options={"location": location})

    def test_an_incomplete_location_is_refused(self, env):
        with pytest.raises(InvalidLocationError, match="horizon"):
            env.reset(options={"location": {k: v for k, v in SOMEWHERE.to_json().items() if k != "horizon"}})

    def test_an_unknown_room_is_refused(self, any_env):
        with pytest.raises(UnknownRoomError, match="FloorPlan999"):
            any_env.reset(options={"location": {**SOMEWHERE.to_json(), "scene": "FloorPlan999"}})

    def test_a_place_inside_furniture_is_refused_and_a_reset_is_needed(self, any_env):
        any_env.reset(seed=0)
        nowhere = {**a_location(any_env).to_json(), "position": {"x": 90.0, "y": AGENT_HEIGHT_Y, "z": 0.0}}
        with pytest.raises(UnreachableLocationError, match="90"):
            any_env.reset(options={"location": nowhere})
        with pytest.raises(ResetNeeded):
            any_env.step([0, 0, 0, 0])
        any_env.reset(seed=0)

    @pytest.mark.parametrize("locations", ["NovelSpaces", "train", "set.txt"])
    def test_an_unknown_split_is_named(self, locations):
        with pytest.raises(UnknownSplitError, match=rf"'{locations}'.*NovelSpaces/train.*json"):
            ThorInteractEnv(locations=locations)

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"interactions": 0}, InvalidOptionError),
            ({"interactions": 2.0}, InvalidOptionError),
            ({"interactions": True}, InvalidOptionError),
            ({"reachable_fraction": 1.5}, InvalidOptionError),
            ({"reach": 0}, InvalidOptionError),
            ({"reach": float("nan")}, InvalidOptionError),
            ({"reach": 2.0, "simulator": FakeSimulator()}, InvalidOptionError),
            ({"simulator": 7}, InvalidOptionError),
            ({"render_mode": "ansi"}, InvalidOptionError),
            ({"locations": []}, InvalidOptionError),
            ({"locations": ["FloorPlan1"]}, InvalidOptionError),
            ({"locations": "none.json"}, FileNotFoundError),
            ({"change_test": "flow"}, InvalidOptionError),
            ({"kernel_name": "box"}, InvalidOptionError),
            ({"simulator": "unity"}, InvalidOptionError),
            ({"simulator": FakeSimulator}, InvalidOptionError),
            ({"simulator_options": 5}, InvalidOptionError),
            ({"simulator_options": {"reach": 5}}, InvalidOptionError),
            ({"locations": 5}, InvalidOptionError),
            ({"locations": SOMEWHERE}, InvalidOptionError),
            ({"locations": SOMEWHERE.to_json()}, InvalidOptionError),
        ],
        ids=lambda value: ",".join(value) if isinstance(value, dict) else value.__name__,
    )
    def test_a_wrong_argument_is_refused_at_once(self, options, error):
        with pytest.raises(error):
            ThorInteractEnv(**options)

    def test_a_simulator_says_whether_it_is_deterministic(self):
        env = ThorInteractEnv(simulator=FakeSimulator(deterministic=False))
        assert env.metadata["deterministic"] is False
        assert ThorInteractEnv(simulator=FakeSimulator()).metadata["deterministic"] is True

    def test_unlimited_reach_is_allowed(self):
        simulator = ThorInteractEnv(reach=np.inf).simulator
        assert isinstance(simulator, MujocoSimulator) and simulator.reach == np.inf
