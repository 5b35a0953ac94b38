"""The contract of `ThorInteract-v0`, on a toy world and on the embedded simulator."""

import copy
import functools
import json
import pickle
import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from fake_simulator import MASSES, FakeSimulator, touch_of
from gymnasium.error import DependencyNotInstalled, ResetNeeded
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AsyncVectorEnv, AutoresetMode

import thor_interact_env
from selfsup.feedback import SupervisionOptions, Supervisor
from thor_interact_env.actions import ACTION_FIELDS, AGENT_HEIGHT_Y
from thor_interact_env.env import MAX_DEPTH, ThorInteractEnv
from thor_interact_env.errors import (
    InvalidActionError,
    InvalidLocationError,
    InvalidOptionError,
    InvalidStateError,
    UnknownRoomError,
    UnknownSplitError,
    UnreachableLocationError,
)
from thor_interact_env.locations import DatasetEntry, Location, LocationDataset, LocationSampler, split_rooms
from thor_interact_env.simulators import make_simulator
from thor_interact_env.simulators.base import Observation, Simulator
from thor_interact_env.wrappers import RGBDImage

SOMEWHERE = Location("FloorPlan1", (0.25, AGENT_HEIGHT_Y, 0.5), 90, 30, 7)
ELSEWHERE = Location("FloorPlan22", (0.5, AGENT_HEIGHT_Y, 0.5), 180, 0, 8)


def make(simulator="fake", **options):
    """Make the registered environment on a toy world or on a simulator given by name."""
    world = FakeSimulator() if simulator == "fake" else simulator
    return gymnasium.make("ThorInteract-v0", simulator=world, **options)


@pytest.fixture
def env():
    env = make()
    yield env
    env.close()


@pytest.fixture(params=["fake", "mujoco"])
def any_env(request):
    """An environment over each world; on the embedded simulator, in one room."""
    locations = "NovelSpaces/train" if request.param == "fake" else mujoco_locations()
    env = make(request.param, locations=locations, render_mode="rgb_array")
    yield env
    env.close()


@functools.cache
def mujoco_locations():
    """Locations in one room of the embedded simulator: compiling is what costs."""
    simulator = make_simulator("mujoco")
    sampler = LocationSampler(simulator, ["FloorPlan1"], reachable_share=0.3)
    rng = np.random.default_rng(0)
    found = [sampler.sample(rng) for _ in range(6)]
    simulator.close()
    return found


def rollout(env, seed, steps):
    """Return everything that an environment says in `steps` random steps."""
    env.action_space.seed(seed)
    said = [env.reset(seed=seed)]
    for _ in range(steps):
        said.append(env.step(env.action_space.sample()))
        if said[-1][3]:
            said.append(env.reset())
    return said


def test_the_toy_world_is_a_simulator():
    assert isinstance(FakeSimulator(), Simulator)


class TestRegistration:
    def test_importing_loads_no_simulator_and_no_learning_library(self):
        code = (
            "import sys, gymnasium, thor_interact_env\n"
            "gymnasium.make('ThorInteract-v0').close()\n"
            "optional = ('torch', 'mujoco', 'stable_baselines3', 'pygame')\n"
            "print([name for name in optional if name in sys.modules])"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert result.stdout.strip() == "[]"

    def test_registering_again_changes_nothing(self):
        spec = gymnasium.spec("ThorInteract-v0")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            thor_interact_env.register_envs()
        assert gymnasium.spec("ThorInteract-v0") is spec

    def test_the_spec_can_be_stored_as_json(self):
        env = gymnasium.make("ThorInteract-v0", interactions=3)
        spec = gymnasium.envs.registration.EnvSpec.from_json(env.spec.to_json())
        assert gymnasium.make(spec).unwrapped._interactions == 3

    def test_an_unknown_simulator_is_named_when_the_env_is_made(self):
        with pytest.raises(ValueError, match=r"'unity'.*mujoco"):
            gymnasium.make("ThorInteract-v0", simulator="unity")
        with pytest.raises(ValueError, match=r"'unity'.*mujoco"):
            make_simulator("unity")


class TestCheckers:
    """Any warning that is not allowed here is a failure."""

    def warnings_of(self, checker, env, **options):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            checker(env, **options)
        return [str(item.message) for item in caught]

    def test_gymnasium(self, any_env):
        pytest.importorskip("pygame")  # the checker renders in every mode
        assert self.warnings_of(check_env, any_env.unwrapped) == []

    def test_stable_baselines3(self, any_env):
        checker = pytest.importorskip("stable_baselines3.common.env_checker").check_env
        messages = self.warnings_of(checker, any_env.unwrapped)
        # Depth is a picture of metres; image policies take `RGBDImage` instead.
        assert [text for text in messages if "depth has an unconventional shape" not in text] == []

    def test_stable_baselines3_takes_the_picture_for_image_policies(self, any_env):
        checker = pytest.importorskip("stable_baselines3.common.env_checker").check_env
        assert self.warnings_of(checker, RGBDImage(any_env)) == []


class TestEpisode:
    def test_observations_and_infos_have_the_stated_form(self, any_env):
        observation, info = any_env.reset(seed=0)
        assert observation in any_env.observation_space
        assert set(info) == {"location"}
        Location.from_json(info["location"])
        observation, reward, terminated, truncated, info = any_env.step(any_env.action_space.sample())
        assert observation in any_env.observation_space
        assert set(info) == {"mask", "changed", "success"}  # and so no ground truth
        for name in ("mask", "changed"):
            assert info[name].shape == (100, 100)
            assert info[name].dtype == bool
        assert type(info["success"]) is bool
        assert type(reward) is float
        assert reward == float(info["success"])
        assert terminated is False
        assert truncated is False

    def test_the_same_seed_gives_the_same_bytes(self, any_env):
        first, again, other = (rollout(any_env, seed, 12) for seed in (0, 0, 1))
        assert data_equivalence(first, again, exact=True)
        assert not data_equivalence(first, other, exact=True)

    def test_another_environment_gives_the_same_bytes(self, any_env):
        twin = pickle.loads(pickle.dumps(any_env))
        assert data_equivalence(rollout(any_env, 5, 6), rollout(twin, 5, 6), exact=True)
        twin.close()

    @pytest.mark.parametrize("interactions", [1, 4])
    def test_truncation_after_the_interactions(self, interactions):
        env = make(interactions=interactions)
        for _ in range(2):
            env.reset(seed=0)
            ends = [env.step([0, 0, 0, 0])[2:4] for _ in range(interactions)]
            assert ends == [(False, False)] * (interactions - 1) + [(False, True)]
            with pytest.raises(ResetNeeded, match=f"after {interactions} interactions"):
                env.step([0, 0, 0, 0])

    def test_a_touch_that_moves_something(self, env):
        before, _ = env.reset(options={"location": SOMEWHERE})
        simulator = env.unwrapped.simulator
        row, column, force, direction = touch_of(simulator, 1, force=1)
        after, reward, _, _, info = env.step([row, column, force, direction])
        expected = Supervisor(before["rgb"], SupervisionOptions()).judge(
            before["rgb"], after["rgb"], row // 3, column // 3
        )
        np.testing.assert_array_equal(info["mask"], expected.mask)
        np.testing.assert_array_equal(info["changed"], expected.changed)
        assert info["success"]
        assert reward == 1.0
        assert info["mask"][row // 3, column // 3]
        assert not np.array_equal(before["rgb"], after["rgb"])

    def test_supervision_options_are_used(self):
        masks = []
        for use_superpixels in (True, False):
            env = make(use_superpixels=use_superpixels, change_test="pooled_squared_difference")
            env.reset(options={"location": SOMEWHERE})
            info = env.step(touch_of(env.unwrapped.simulator, 0, force=2))[4]
            masks.append(info["mask"])
        np.testing.assert_array_equal(info["mask"], info["changed"])
        assert not np.array_equal(*masks)

    def test_changes_accumulate_until_the_reset(self, env):
        first, _ = env.reset(options={"location": SOMEWHERE})
        simulator = env.unwrapped.simulator
        seen = [env.step(touch_of(simulator, index, 2))[0]["rgb"] for index in (0, 1, 2)]
        assert len({picture.tobytes() for picture in [first["rgb"], *seen]}) == 4
        again, _ = env.reset(options={"location": SOMEWHERE})
        assert data_equivalence(first, again, exact=True)

    @pytest.mark.parametrize("action", [[0, 0, 2, 0], [299, 150, 2, 3]], ids=["wall", "table"])
    def test_a_touch_that_moves_nothing(self, env, action):
        before, _ = env.reset(seed=0)
        after, reward, _, _, info = env.step(action)
        assert data_equivalence(before, after, exact=True)
        assert reward == 0.0
        assert not info["mask"].any()
        assert not info["changed"].any()

    def test_a_touch_that_moves_nothing_is_not_looked_at(self, env, monkeypatch):
        env.reset(seed=0)

        def fail(*args, **options):
            raise AssertionError("an unchanged picture was compared")

        monkeypatch.setattr("selfsup.feedback.changed_cells", fail)
        monkeypatch.setattr("selfsup.feedback.superpixel_labels", fail)
        assert not env.step([0, 0, 2, 0])[4]["success"]

    def test_what_is_returned_is_the_callers(self, env):
        def spoil(observation, info):
            for array in [*observation.values(), *(x for x in info.values() if isinstance(x, np.ndarray))]:
                array[...] = 1

        said = rollout(env, 0, 9)
        env.action_space.seed(0)
        observation, info = env.reset(seed=0)
        assert data_equivalence((observation, info), said[0], exact=True)
        spoil(observation, info)
        for expected in said[1:10]:
            step = env.step(env.action_space.sample())
            assert data_equivalence(step, expected, exact=True)
            spoil(step[0], step[4])

    def test_what_is_far_away_reads_as_the_greatest_depth(self, env):
        view = env.unwrapped.simulator.load(SOMEWHERE)
        far = np.where(view.depth > 2, np.float32(np.inf), view.depth)
        env.unwrapped.simulator.load = lambda location: Observation(view.rgb, far)
        observation, _ = env.reset(options={"location": SOMEWHERE})
        assert observation["depth"].max() == MAX_DEPTH
        assert observation in env.observation_space

    def test_ground_truth_is_asked_for_apart(self, env):
        with pytest.raises(ResetNeeded):
            env.unwrapped.ground_truth()
        env.reset(seed=0)
        truth = env.unwrapped.ground_truth()
        assert tuple(truth.masses) == MASSES
        assert truth.masks.shape == (len(truth), 300, 300)


class TestStart:
    def test_a_location_or_its_json_can_be_asked_for(self, any_env):
        location = (
            SOMEWHERE if isinstance(any_env.unwrapped.simulator, FakeSimulator) else mujoco_locations()[0]
        )
        first, info = any_env.reset(options={"location": location})
        assert info == {"location": location.to_json()}
        again, info = any_env.reset(options={"location": location.to_json()})
        assert data_equivalence(first, again, exact=True)
        assert info == {"location": location.to_json()}

    def test_starts_differ_and_lie_in_the_split(self):
        env = make(locations="NovelObjects/test")
        starts = [env.reset(seed=0 if index == 0 else None)[1]["location"] for index in range(20)]
        assert len({json.dumps(start) for start in starts}) == 20
        assert {start["scene"] for start in starts} <= set(split_rooms("NovelObjects/test"))

    def test_starts_can_be_listed(self):
        env = make(locations=[SOMEWHERE, ELSEWHERE])
        starts = [Location.from_json(env.reset(seed=seed)[1]["location"]) for seed in range(20)]
        assert set(starts) == {SOMEWHERE, ELSEWHERE}

    @pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "path"])
    def test_starts_can_come_from_a_dataset(self, tmp_path, kind):
        path = tmp_path / "set.json"
        LocationDataset([DatasetEntry(1, 300, 300, ELSEWHERE)]).write(path)
        assert make(locations=kind(path)).reset()[1]["location"] == ELSEWHERE.to_json()

    def test_the_share_in_reach_is_handed_on(self):
        env = make(reachable_share=0.57)
        shares = [np.mean(env.reset(seed=seed)[0]["depth"] < 1.5) for seed in range(5)]
        assert min(shares) >= 0.57
        assert env.unwrapped.simulator.loads > 5

    def test_reset_without_seed_goes_on(self, env):
        drawn = [[env.reset(seed=3)[1], env.reset()[1], env.reset()[1]] for _ in range(2)]
        assert drawn[0] == drawn[1]
        assert drawn[0][0] != drawn[0][1] != drawn[0][2]

    @pytest.mark.parametrize("options", [{"loction": SOMEWHERE}, {"location": SOMEWHERE, "seed": 3}, {4: 4}])
    def test_an_unknown_option_is_named(self, env, options):
        with pytest.raises(InvalidOptionError, match=r"('loction'|'seed'|4).*'location'"):
            env.reset(options=options)

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
        nowhere = {**SOMEWHERE.to_json(), "position": {"x": 90.0, "y": AGENT_HEIGHT_Y, "z": 0.0}}
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
            ({"reachable_share": 1.5}, InvalidOptionError),
            ({"reach": 0}, InvalidOptionError),
            ({"reach": float("nan")}, InvalidOptionError),
            ({"reach": 2.0, "simulator": FakeSimulator()}, InvalidOptionError),
            ({"simulator": 7}, InvalidOptionError),
            ({"render_mode": "ansi"}, InvalidOptionError),
            ({"locations": []}, InvalidOptionError),
            ({"locations": ["FloorPlan1"]}, InvalidOptionError),
            ({"locations": "none.json"}, FileNotFoundError),
            ({"change_test": "flow"}, ValueError),
            ({"kernel_name": "box"}, ValueError),
        ],
        ids=lambda value: ",".join(value) if isinstance(value, dict) else value.__name__,
    )
    def test_a_wrong_argument_is_refused_at_once(self, options, error):
        with pytest.raises(error):
            ThorInteractEnv(**options)

    def test_unlimited_reach_is_allowed(self):
        assert ThorInteractEnv(reach=np.inf)._simulator_options == {"reach": np.inf}


class TestActions:
    def test_step_before_reset(self):
        with pytest.raises(ResetNeeded, match="reset"):
            ThorInteractEnv(simulator=FakeSimulator()).step([0, 0, 0, 0])

    @pytest.mark.parametrize("index", range(4))
    @pytest.mark.parametrize("offset", [-1, 0])
    def test_an_action_outside_the_space_changes_nothing(self, env, index, offset):
        env.reset(seed=0)
        name, count = ACTION_FIELDS[index]
        action = np.zeros(4, int)
        action[index] = -1 if offset else count
        with pytest.raises(InvalidActionError, match=rf"{name} {action[index]} .*0\.\.{count - 1}"):
            env.step(action)
        assert env.unwrapped.simulator.touches == 0
        env.step(np.zeros(4, int))

    @pytest.mark.parametrize("dtype", [float, np.float32, bool, complex, str])
    def test_an_action_of_a_wrong_type_is_refused(self, env, dtype):
        env.reset(seed=0)
        with pytest.raises(InvalidActionError, match="4 integers"):
            env.step(np.zeros(4).astype(dtype))


class TestState:
    def test_the_same_actions_follow_a_restored_state(self, any_env):
        env = any_env.unwrapped
        env.reset(seed=2)
        env.action_space.seed(0)
        for _ in range(3):
            env.step(env.action_space.sample())
        state = env.get_state()
        state = {name: array.copy() for name, array in state.items()}
        actions = [env.action_space.sample() for _ in range(7)]
        truth = self.moving_actions(env)
        actions[: len(truth)] = truth
        expected = [env.step(action) for action in actions] + [env.reset()]
        assert any(step[4]["changed"].any() for step in expected[:-1])
        twin = pickle.loads(pickle.dumps(env))
        for other in (env, twin):
            other.set_state(state)
            assert data_equivalence(other.get_state(), state, exact=True)
            again = [other.step(action) for action in actions] + [other.reset()]
            assert data_equivalence(expected, again, exact=True)
        twin.close()

    @staticmethod
    def moving_actions(env):
        """Touches of 200 N in the middle of objects in reach."""
        actions = []
        for mask in env.ground_truth().masks[:4]:
            rows, columns = np.nonzero(mask)
            actions.append([int(rows[len(rows) // 2]), int(columns[len(rows) // 2]), 2, 1])
        return actions

    def test_a_state_can_be_stored_as_arrays(self, env):
        safetensors = pytest.importorskip("safetensors.numpy")
        env.reset(seed=0)
        state = env.unwrapped.get_state()
        restored = safetensors.load(safetensors.save(state))
        env.unwrapped.set_state(restored)
        assert data_equivalence(env.unwrapped.get_state(), state, exact=True)

    def test_a_finished_episode_stays_finished(self):
        env = make(interactions=1).unwrapped
        env.reset(seed=0)
        env.step([0, 0, 0, 0])
        state = env.get_state()
        env.reset()
        env.set_state(state)
        with pytest.raises(ResetNeeded):
            env.step([0, 0, 0, 0])

    def test_a_state_is_the_callers(self, env):
        env.reset(seed=0)
        state = env.unwrapped.get_state()
        kept = {name: array.copy() for name, array in state.items()}
        env.unwrapped.set_state(state)
        for array in state.values():
            array[...] = 0
        assert data_equivalence(env.unwrapped.get_state(), kept, exact=True)

    def test_before_a_reset_there_is_none(self, env):
        with pytest.raises(ResetNeeded):
            env.unwrapped.get_state()

    @pytest.mark.parametrize(
        "name", ["simulator", "rgb", "depth", "first_rgb", "steps", "location", "np_random"]
    )
    def test_a_damaged_state_is_refused_and_changes_nothing(self, env, name):
        env.reset(seed=0)
        env.step([0, 0, 0, 0])
        state = env.unwrapped.get_state()
        missing = {key: value for key, value in state.items() if key != name}
        wrong_type = {**state, name: state[name].astype(np.float16)}
        wrong_shape = {**state, name: state[name][None]}
        for damaged in (missing, wrong_type, wrong_shape):
            with pytest.raises(InvalidStateError, match=f"'{name}'"):
                env.unwrapped.set_state(damaged)
        assert data_equivalence(env.unwrapped.get_state(), state, exact=True)

    @pytest.mark.parametrize("text", [b"{", b"\xff", b"{}", b"[]", b'{"bit_generator": "MT19937"}'])
    @pytest.mark.parametrize("name", ["location", "np_random"])
    def test_text_that_is_not_the_right_json_is_refused(self, env, name, text):
        env.reset(seed=0)
        state = {**env.unwrapped.get_state(), name: np.frombuffer(text, np.uint8)}
        with pytest.raises(InvalidStateError, match=f"'{name}'"):
            env.unwrapped.set_state(state)

    def test_a_negative_number_of_steps_is_refused(self, env):
        env.reset(seed=0)
        with pytest.raises(InvalidStateError, match="-1"):
            env.unwrapped.set_state({**env.unwrapped.get_state(), "steps": np.array(-1)})


class TestLife:
    def test_the_simulator_is_made_by_the_first_reset_and_closed_once(self, monkeypatch):
        made = []

        def make_fake(name, **options):
            made.append((name, options, FakeSimulator()))
            return made[-1][2]

        monkeypatch.setattr("thor_interact_env.env.make_simulator", make_fake)
        env = gymnasium.make("ThorInteract-v0", reach=2.0, simulator_options={"shadows": False})
        assert made == []
        env.reset(seed=0)
        env.reset()
        assert [item[:2] for item in made] == [("mujoco", {"reach": 2.0, "shadows": False})]
        assert "Fake" not in str(pickle.dumps(env))
        env.close()
        env.close()
        assert made[0][2].closes == 1
        with pytest.raises(ResetNeeded):
            env.unwrapped.step([0, 0, 0, 0])

    def test_another_process_makes_its_own(self, monkeypatch):
        made = []
        monkeypatch.setattr(
            "thor_interact_env.env.make_simulator",
            lambda name, **options: made.append(FakeSimulator()) or made[-1],
        )
        env = ThorInteractEnv()
        env.reset(seed=0)
        monkeypatch.setattr("os.getpid", lambda: -1)
        env.reset(seed=0)
        assert len(made) == 2
        assert made[0].closes == 0

    def test_closing_an_unused_environment(self):
        env = ThorInteractEnv()
        env.close()
        env.close()


class TestRendering:
    def test_rgb_array_is_the_view(self, any_env):
        observation, _ = any_env.reset(seed=0)
        picture = any_env.render()
        np.testing.assert_array_equal(picture, observation["rgb"])
        picture[...] = 0
        np.testing.assert_array_equal(any_env.render(), observation["rgb"])

    def test_without_a_mode_nothing_is_rendered(self, env):
        env.reset(seed=0)
        with pytest.warns(UserWarning, match="render_mode"):
            assert env.unwrapped.render() is None

    def test_human(self):
        pygame = pytest.importorskip("pygame")
        env = make(render_mode="human", locations=[SOMEWHERE])
        env.unwrapped._window._frames_per_second = 1000
        observation, _ = env.reset(seed=0)
        assert env.render() is None
        shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
        np.testing.assert_array_equal(shown[::2, ::2], observation["rgb"])
        observation = env.step(touch_of(env.unwrapped.simulator, 0, 2))[0]
        shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
        np.testing.assert_array_equal(shown[::2, ::2], observation["rgb"])
        env.close()
        env.close()
        assert not pygame.display.get_init()

    def test_human_without_pygame_names_the_extra(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "pygame", None)
        with pytest.raises(DependencyNotInstalled, match="human"):
            ThorInteractEnv(render_mode="human")


class TestVector:
    @pytest.mark.parametrize("simulator", ["fake", "mujoco"])
    def test_spawned_processes_give_what_one_process_gives(self, simulator):
        locations = "NovelSpaces/train" if simulator == "fake" else mujoco_locations()
        world = FakeSimulator() if simulator == "fake" else simulator
        make_one = functools.partial(
            gymnasium.make,
            "thor_interact_env:ThorInteract-v0",
            simulator=world,
            locations=locations,
            interactions=3,
        )
        envs = AsyncVectorEnv([make_one] * 2, context="spawn", autoreset_mode=AutoresetMode.SAME_STEP)
        singles = [copy.deepcopy(make_one)(), copy.deepcopy(make_one)()]  # each its own world
        try:
            observations, _ = envs.reset(seed=[4, 5])
            for index, single in enumerate(singles):
                expected, _ = single.reset(seed=4 + index)
                assert data_equivalence({k: v[index] for k, v in observations.items()}, expected, exact=True)
            envs.action_space.seed(0)
            for step in range(3):
                actions = envs.action_space.sample()
                observations, rewards, terminated, truncated, infos = envs.step(actions)
                ended = step == 2
                assert truncated.tolist() == [ended, ended]
                assert not terminated.any()
                for index, single in enumerate(singles):
                    expected = single.step(actions[index])
                    final = (
                        infos["final_obs"][index] if ended else {k: v[index] for k, v in observations.items()}
                    )
                    masks = infos["final_info"]["mask"] if ended else infos["mask"]
                    assert data_equivalence(final, expected[0], exact=True)
                    assert rewards[index] == expected[1]
                    np.testing.assert_array_equal(masks[index], expected[4]["mask"])
        finally:
            envs.close()
            for single in singles:
                single.close()
