"""Actions, state, life cycle, images and vectors of the environment."""

import copy
import functools
import pickle
import sys
from unittest.mock import Mock

import gymnasium
import numpy as np
import pytest
from env_makers import SOMEWHERE, a_location, make, moving_actions, mujoco_locations, started
from fake_simulator import FakeSimulator, touch_of
from gymnasium.error import DependencyNotInstalled, ResetNeeded
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, RecordEpisodeStatistics, TimeLimit
from player_launcher import PLAYER_COMMAND, client_environment

from thor_interact_env.actions import ACTION_FIELDS
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.errors import (
    InvalidActionError,
    InvalidStateError,
)


class TestActions:
    def test_step_before_reset(self):
        with pytest.raises(ResetNeeded, match="reset"):
            ThorInteractEnv(simulator=FakeSimulator()).step(np.zeros(4, int))

    def test_after_an_interrupted_touch_a_reset_is_needed(self, env, monkeypatch):
        env.reset(seed=0)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(FakeSimulator, "touch", Mock(side_effect=KeyboardInterrupt))
            env.step([100, 100, 2, 0])
        with pytest.raises(ResetNeeded, match="interrupted"):
            env.step([0, 0, 0, 0])
        env.reset(seed=0)
        assert not env.step([0, 0, 0, 0])[4]["mask"].any()

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
        truth = moving_actions(env)
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

    def test_a_state_is_a_start_of_a_made_environment(self, any_world):
        """Nothing that `gymnasium.make` puts around it wants a reset before the step."""
        env, other = make(**any_world), make(**any_world)
        env.reset(seed=3)
        env.step([0, 0, 0, 0])
        state, actions = env.unwrapped.get_state(), moving_actions(env)
        expected, place = [env.step(action) for action in actions], env.unwrapped.location
        other.unwrapped.set_state(state)
        assert other.unwrapped.location == place
        assert data_equivalence([other.step(action) for action in actions], expected, exact=True)
        env.close()
        other.close()

    def test_a_reset_to_a_state_goes_through_all_wrappers(self, any_world):
        env = make(**any_world)
        first, _ = env.reset(options={"location": a_location(env)})
        seen = env.step(moving_actions(env)[0])[0]
        assert not np.array_equal(seen["rgb"], first["rgb"])
        state, actions = env.unwrapped.get_state(), moving_actions(env)[:2]
        expected = [env.step(action) for action in actions]
        checked = OrderEnforcing(PassiveEnvChecker(make(**any_world)))
        other = RecordEpisodeStatistics(TimeLimit(checked, max_episode_steps=2))
        for _ in range(2):  # the second time from an episode that has ended
            observation, info = other.reset(options={"state": state})
            assert data_equivalence(observation, seen, exact=True)
            assert not any(value.any() for value in info.values())
            said = [other.step(action) for action in actions]
            assert [item[3] for item in said] == [False, True]
            assert said[1][4].pop("episode")["l"] == 2
            for one, alone in zip(said, expected, strict=True):
                assert data_equivalence((*one[:3], one[4]), (*alone[:3], alone[4]), exact=True)
        env.close()
        other.close()

    def test_a_truncated_episode_goes_on_from_an_earlier_state(self, any_world):
        env = make(**any_world, interactions=1)
        env.reset(seed=0)
        state = env.unwrapped.get_state()
        for restore in (env.unwrapped.set_state, lambda state: env.reset(options={"state": state})):
            assert env.step([0, 0, 0, 0])[3]
            with pytest.raises(ResetNeeded):
                env.step([0, 0, 0, 0])
            restore(state)
        assert env.step([0, 0, 0, 0])[3]
        env.close()

    def test_a_seed_replaces_the_generator_of_a_state(self, env):
        env.reset(seed=3)
        state, location = env.unwrapped.get_state(), env.unwrapped.location
        following = started(env)
        assert started(env, options={"state": state}) == location
        assert started(env) == following
        assert started(env, options={"state": state}, seed=5) == location
        again = started(env)
        assert again != following
        env.reset(seed=8)
        env.reset(options={"state": state}, seed=5)
        assert started(env) == again

    @pytest.mark.parametrize("state", [None, 3, "state", [1]])
    def test_what_is_no_state_is_refused_and_changes_nothing(self, env, state):
        env.reset(seed=0)
        before = env.unwrapped.get_state()
        with pytest.raises(InvalidStateError, match="get_state"):
            env.unwrapped.set_state(state)
        with pytest.raises(InvalidStateError, match="get_state"):
            env.reset(options={"state": state}, seed=4)
        assert data_equivalence(env.unwrapped.get_state(), before, exact=True)

    def test_a_state_can_be_stored_as_arrays(self, any_env):
        safetensors = pytest.importorskip("safetensors.numpy")
        any_env.reset(seed=0)
        state = any_env.unwrapped.get_state()
        restored = safetensors.load(safetensors.save(state))
        any_env.step(np.array([150, 150, 2, 0]))
        any_env.unwrapped.set_state(restored)
        assert data_equivalence(any_env.unwrapped.get_state(), state, exact=True)

    def test_a_finished_episode_stays_finished(self, any_world):
        env = make(**any_world, interactions=1).unwrapped
        env.reset(seed=0)
        env.step([0, 0, 0, 0])
        state = env.get_state()
        env.reset()
        env.set_state(state)
        with pytest.raises(ResetNeeded):
            env.step([0, 0, 0, 0])
        env.close()

    def test_a_state_is_the_callers(self, any_env):
        any_env.reset(seed=0)
        state = any_env.unwrapped.get_state()
        kept = {name: array.copy() for name, array in state.items()}
        any_env.unwrapped.set_state(state)
        for array in state.values():
            array[...] = 0
        assert data_equivalence(any_env.unwrapped.get_state(), kept, exact=True)

    def test_before_a_reset_there_is_none(self, any_env):
        with pytest.raises(ResetNeeded):
            any_env.unwrapped.get_state()

    def test_a_damaged_state_is_refused_and_changes_nothing(self, any_env, subtests):
        env = any_env
        env.reset(seed=0)
        env.step([0, 0, 0, 0])
        state = env.unwrapped.get_state()
        for name in ("simulator", "rgb", "depth", "first_rgb", "steps", "location", "np_random"):
            missing = {key: value for key, value in state.items() if key != name}
            wrong_type = {**state, name: state[name].astype(np.complex64)}
            wrong_shape = {**state, name: state[name][None]}
            for damaged in (missing, wrong_type, wrong_shape):
                with subtests.test(part=name), pytest.raises(InvalidStateError, match=f"'{name}'"):
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
        made = [FakeSimulator(), FakeSimulator()]
        make_one = Mock(side_effect=made)
        monkeypatch.setattr("thor_interact_env.env.make_simulator", make_one)
        env = ThorInteractEnv()
        env.reset(seed=0)
        monkeypatch.setattr("os.getpid", lambda: -1)
        for call in (lambda: env.step(np.zeros(4, int)), env.ground_truth, env.get_state):
            with pytest.raises(ResetNeeded, match="this process"):
                call()
        env.reset(seed=0)
        assert make_one.call_count == 2
        assert made[0].closes == 0

    def test_closing_an_unused_environment(self):
        env = ThorInteractEnv()
        env.close()
        env.close()


class TestRendering:
    def test_rgb_array_is_the_view(self, any_env):
        observation, _ = any_env.reset(seed=0)
        image = any_env.render()
        np.testing.assert_array_equal(image, observation["rgb"])
        image[...] = 0
        np.testing.assert_array_equal(any_env.render(), observation["rgb"])

    def test_without_a_mode_nothing_is_rendered(self, env):
        env.reset(seed=0)
        with pytest.warns(UserWarning, match="render_mode"):
            assert env.unwrapped.render() is None

    def test_human(self, monkeypatch):
        pygame = pytest.importorskip("pygame")
        monkeypatch.setitem(ThorInteractEnv.metadata, "render_fps", 1000)
        env = make(render_mode="human", locations=[SOMEWHERE])
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
    @pytest.mark.parametrize(
        ("simulator", "count"), [("fake", 2), ("mujoco", 2), ("mjcf", 2), ("ai2thor", 1)]
    )
    def test_spawned_processes_give_what_one_process_gives(self, tmp_path, scenes_on_disk, simulator, count):
        locations = "NovelSpaces/train"
        if simulator != "fake":
            locations = mujoco_locations("mjcf" if simulator == "mjcf" else "mujoco")
        world = FakeSimulator() if simulator == "fake" else simulator
        options = None
        if simulator == "ai2thor":
            pytest.importorskip("ai2thor")
            options = {"local_executable_path": PLAYER_COMMAND}
        make_one = functools.partial(
            gymnasium.make,
            "thor_interact_env:ThorInteract-v0",
            simulator=world,
            locations=locations,
            interactions=3,
            simulator_options=options,
        )
        with client_environment(tmp_path):
            self.compare(make_one, count)

    @pytest.mark.parametrize("autoreset_mode", AutoresetMode)
    @pytest.mark.parametrize("context", [None, "fork", "spawn"])
    def test_motions_of_different_length_are_stacked(self, context, autoreset_mode):
        make_one = functools.partial(
            gymnasium.make,
            "thor_interact_env:ThorInteract-v0",
            simulator=FakeSimulator(),
            locations=[SOMEWHERE],
            interactions=3,
            record_motion=True,
        )
        single = copy.deepcopy(make_one)()
        single.reset()
        assert isinstance(single.unwrapped, ThorInteractEnv)
        simulator = single.unwrapped.simulator
        assert isinstance(simulator, FakeSimulator)
        actions = np.array([touch_of(simulator, 0, 2), [0, 0, 0, 0]])
        makers = [copy.deepcopy(make_one) for _ in actions]  # each its own world
        envs: SyncVectorEnv | AsyncVectorEnv
        if context is None:
            envs = SyncVectorEnv(makers, autoreset_mode=autoreset_mode)
        else:
            envs = AsyncVectorEnv(makers, context=context, autoreset_mode=autoreset_mode)
        try:
            reset = envs.reset(seed=0)[1]
            assert envs.get_attr("location") == (SOMEWHERE,) * 2
            steps = [envs.step(actions)[4] for _ in range(3)]
        finally:
            envs.close(terminate=True)  # after a failed step, one that waits for it would never return
        expected = [single.step(actions[0])[4] for _ in range(3)]
        single.close()
        assert expected[0]["frame_count"] == 8
        if autoreset_mode == AutoresetMode.SAME_STEP:
            assert data_equivalence({k: steps[2][k] for k in reset}, reset, exact=True)
            steps[2] = steps[2]["final_info"]
        for info, alone in zip(steps, expected, strict=True):
            assert set(info) == set(reset)
            for name, value in alone.items():
                assert info[name].dtype == value.dtype == reset[name].dtype
                assert info[name].shape == (2, *value.shape) == reset[name].shape
                assert info[f"_{name}"].all()
                np.testing.assert_array_equal(info[name][0], value)
                assert not info[name][1].any() and not reset[name].any()

    @staticmethod
    def compare(make_one, count):
        envs = AsyncVectorEnv([make_one] * count, context="spawn", autoreset_mode=AutoresetMode.SAME_STEP)
        singles = [copy.deepcopy(make_one)() for _ in range(count)]  # each its own world
        try:
            observations, _ = envs.reset(seed=list(range(4, 4 + count)))
            for index, single in enumerate(singles):
                expected, _ = single.reset(seed=4 + index)
                assert data_equivalence({k: v[index] for k, v in observations.items()}, expected, exact=True)
            envs.action_space.seed(0)
            for step in range(3):
                actions = envs.action_space.sample()
                observations, rewards, terminated, truncated, infos = envs.step(actions)
                ended = step == 2
                assert truncated.tolist() == [ended] * count
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
