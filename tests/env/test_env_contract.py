"""The contract of `ThorInteract-v0`, on a toy world and on all simulators."""

import itertools
import pickle
import subprocess
import sys
import warnings
from unittest.mock import Mock

import gymnasium
import numpy as np
import pytest
from env_makers import SOMEWHERE, a_location, idle_actions, make, moving_actions, rollout
from fake_simulator import MASSES, FakeSimulator, touch_of
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env, data_equivalence

import thor_interact_env
from selfsup.supervisor import SupervisionOptions, Supervisor
from thor_interact_env.actions import DIRECTIONS, FORCES
from thor_interact_env.env import MAX_DEPTH
from thor_interact_env.simulators import make_simulator
from thor_interact_env.simulators.base import Observation, Simulator
from thor_interact_env.wrappers import RGBDImage


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
        spec = gymnasium.make("ThorInteract-v0", interactions=1).spec
        assert spec is not None
        env = gymnasium.make(EnvSpec.from_json(spec.to_json()), simulator=FakeSimulator())
        env.reset(seed=0)
        assert env.step(env.action_space.sample())[3], "one interaction is the whole episode"

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
        messages = self.warnings_of(check_env, any_env.unwrapped)
        # A machine without a screen shows nothing, and says so.
        assert [text for text in messages if "there is no screen" not in text] == []

    def test_gymnasiums_passive_checker(self, any_world):
        env = make(**any_world, disable_env_checker=False)

        def play(env):
            env.reset(seed=0)
            for action in (*moving_actions(env)[:1], [0, 0, 0, 0]):
                env.step(np.array(action))

        assert "PassiveEnvChecker" in str(env)
        assert self.warnings_of(play, env) == []
        env.close()

    def test_stable_baselines3(self, any_env):
        checker = pytest.importorskip("stable_baselines3.common.env_checker").check_env
        messages = self.warnings_of(checker, any_env.unwrapped)
        # Depth is an image of metres; image policies take `RGBDImage` instead.
        assert [text for text in messages if "depth has an unconventional shape" not in text] == []

    def test_stable_baselines3_takes_the_image_for_image_policies(self, any_env):
        checker = pytest.importorskip("stable_baselines3.common.env_checker").check_env
        assert self.warnings_of(checker, RGBDImage(any_env)) == []


def form(info):
    """Return names, in their order, with the types and shapes of what they stand for."""
    return [(name, type(value), value.shape, value.dtype) for name, value in info.items()]


class TestEpisode:
    def test_observations_and_infos_have_the_stated_form(self, any_env):
        observation, info = any_env.reset(seed=0)
        assert observation in any_env.observation_space
        assert not any(value.any() for value in info.values())
        observation, reward, terminated, truncated, info = any_env.step(any_env.action_space.sample())
        assert observation in any_env.observation_space
        assert set(info) == {"mask", "changed", "success"}  # and so no ground truth
        for name, shape in (("mask", (100, 100)), ("changed", (100, 100)), ("success", ())):
            assert isinstance(info[name], np.ndarray)
            assert (info[name].shape, info[name].dtype) == (shape, bool)
        assert type(reward) is float
        assert reward == float(info["success"])
        assert terminated is False
        assert truncated is False

    def test_all_infos_have_the_same_form_and_none_shares_memory(self, any_env):
        said = rollout(any_env, 0, 12)
        said.append(any_env.reset(options={"location": a_location(any_env)}))
        said += [any_env.step(action) for action in moving_actions(any_env)]
        infos = [item[-1] for item in said]
        assert len({info["changed"].any().item() for info in infos}) == 2, (
            "something moved, and something not"
        )
        assert all(form(info) == form(infos[0]) for info in infos)
        assert {kind.kind for *_, kind in form(infos[0])} <= set("biuf")  # what a tensor can hold
        for one, other in itertools.combinations(infos, 2):
            assert not any(np.shares_memory(one[name], other[name]) for name in one)

    def test_the_motion_is_padded_to_one_length(self, any_world):
        env = make(**any_world, record_motion=True)
        start = {"location": a_location(env)}
        begun = env.reset(options=start)[1]
        actions = [*moving_actions(env)[:2], [0, 0, 0, 0]]
        infos = [env.step(action)[4] for action in actions]
        assert form(begun) == form(infos[0]) == form(infos[1]) == form(infos[2])
        env.reset(options=start)
        simulator, counts = env.unwrapped.simulator, []
        for (row, column, force, direction), info in zip(actions, infos, strict=True):
            expected = simulator.touch_with_frames(row, column, FORCES[force], DIRECTIONS[direction])[1]
            counts.append(int(info["frame_count"]))
            assert counts[-1] == len(expected)
            np.testing.assert_array_equal(info["frames"][: counts[-1]], expected)
            assert not info["frames"][counts[-1] :].any()
        assert max(counts) > 0 == counts[-1]
        env.close()

    def test_the_same_seed_gives_the_same_bytes(self, any_env):
        first, again, other = (rollout(any_env, seed, 12) for seed in (0, 0, 1))
        assert data_equivalence(first, again, exact=True)
        assert not data_equivalence(first, other, exact=True)

    def test_another_environment_gives_the_same_bytes(self, any_env):
        twin = pickle.loads(pickle.dumps(any_env))
        assert data_equivalence(rollout(any_env, 5, 6), rollout(twin, 5, 6), exact=True)
        twin.close()

    @pytest.mark.parametrize("interactions", [1, 4])
    def test_truncation_after_the_interactions(self, any_world, interactions):
        env = make(**any_world, interactions=interactions)
        for _ in range(2):
            env.reset(seed=0)
            ends = [env.step([0, 0, 0, 0])[2:4] for _ in range(interactions)]
            assert ends == [(False, False)] * (interactions - 1) + [(False, True)]
            with pytest.raises(ResetNeeded, match=f"after {interactions} interactions"):
                env.step([0, 0, 0, 0])
        env.close()

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

    def test_supervision_options_are_used(self, any_world):
        infos = []
        for use_superpixels in (True, False):
            env = make(**any_world, use_superpixels=use_superpixels, change_test="pooled_squared_difference")
            env.reset(options={"location": a_location(env)})
            infos.append([env.step(action)[4] for action in moving_actions(env)])
            env.close()
        for with_superpixels, without in zip(*infos, strict=True):
            np.testing.assert_array_equal(with_superpixels["changed"], without["changed"])
            np.testing.assert_array_equal(without["mask"], without["changed"])
        assert any(not np.array_equal(one["mask"], other["mask"]) for one, other in zip(*infos, strict=True))

    def test_supervision_options_reach_the_supervisor(self, monkeypatch):
        made = Mock(wraps=Supervisor)
        monkeypatch.setattr("thor_interact_env.env.Supervisor", made)
        make(change_test="optical_flow", kernel_name="exponential", use_superpixels=False).reset(seed=0)
        ((_, options),) = (call.args for call in made.call_args_list)
        assert options == SupervisionOptions("optical_flow", "exponential", False)

    def test_touches_are_judged_from_the_two_images_and_accumulate_until_the_reset(self, any_env):
        start = {"location": a_location(any_env)}
        first, _ = any_env.reset(options=start)
        supervisor = Supervisor(first["rgb"], SupervisionOptions())
        before, images = first, {first["rgb"].tobytes()}
        for action in moving_actions(any_env):
            after, reward, _, _, info = any_env.step(action)
            expected = supervisor.judge(before["rgb"], after["rgb"], action[0] // 3, action[1] // 3)
            np.testing.assert_array_equal(info["mask"], expected.mask)
            np.testing.assert_array_equal(info["changed"], expected.changed)
            assert info["success"] == bool(expected.success)
            assert reward == float(expected.success)
            before = after
            images.add(after["rgb"].tobytes())
        assert len(images) > 2
        again, _ = any_env.reset(options=start)
        assert data_equivalence(first, again, exact=True)

    def test_a_touch_that_moves_nothing(self, any_env):
        before, _ = any_env.reset(options={"location": a_location(any_env)})
        for action in idle_actions(any_env, before):
            after, reward, _, _, info = any_env.step(action)
            assert data_equivalence(before, after, exact=True)
            assert reward == 0.0
            assert not info["mask"].any()
            assert not info["changed"].any()

    def test_a_touch_that_moves_nothing_is_not_looked_at(self, env, monkeypatch):
        env.reset(seed=0)

        def fail(*args, **options):
            raise AssertionError("an unchanged image was compared")

        monkeypatch.setattr("selfsup.supervisor.changed_cells", fail)
        monkeypatch.setattr("selfsup.supervisor.superpixel_labels", fail)
        assert not env.step([0, 0, 2, 0])[4]["success"]

    def test_what_is_returned_is_the_callers(self, any_env):
        def spoil(observation, info):
            for array in (*observation.values(), *info.values()):
                array[...] = 1

        said = rollout(any_env, 0, 9)
        any_env.action_space.seed(0)
        observation, info = any_env.reset(seed=0)
        assert data_equivalence((observation, info), said[0], exact=True)
        spoil(observation, info)
        for expected in said[1:10]:
            step = any_env.step(any_env.action_space.sample())
            assert data_equivalence(step, expected, exact=True)
            spoil(step[0], step[4])

    def test_what_is_far_away_reads_as_the_maximum_depth(self, env):
        view = env.unwrapped.simulator.load(SOMEWHERE)
        far = np.where(view["depth"] > 2, np.float32(np.inf), view["depth"])
        env.unwrapped.simulator.load = lambda location: Observation(rgb=view["rgb"], depth=far)
        observation, _ = env.reset(options={"location": SOMEWHERE})
        assert observation["depth"].max() == MAX_DEPTH
        assert observation in env.observation_space

    def test_ground_truth_is_asked_for_apart(self, any_env):
        with pytest.raises(ResetNeeded):
            any_env.unwrapped.ground_truth()
        any_env.reset(seed=0, options={"location": a_location(any_env)})
        truth = any_env.unwrapped.ground_truth()
        assert len(truth) >= 2
        assert truth.masks.shape == (len(truth), 300, 300)
        assert (truth.masses < 150).all()
        assert len(set(truth.ids)) == len(truth.types) == len(truth)

    def test_ground_truth_is_the_worlds(self, env):
        env.reset(seed=0)
        assert tuple(env.unwrapped.ground_truth().masses) == MASSES
