"""A simulator object belongs to one environment: another one's episode ends when it is used elsewhere."""

from functools import partial

import gymnasium
import numpy as np
import pytest
from env_makers import ELSEWHERE, SOMEWHERE
from fake_simulator import FakeSimulator, touch_of
from gymnasium.error import ResetNeeded
from gymnasium.vector import SyncVectorEnv

from thor_interact_env.env import ThorInteractEnv

REMEDY = "a simulator object of its own, or a simulator by name"


def one_at(place):
    """Return an environment that has a simulator of its own."""
    return gymnasium.make("ThorInteract-v0", simulator=FakeSimulator(), locations=[place])


@pytest.fixture
def pair():
    """A simulator, and two environments that share it."""
    simulator = FakeSimulator()
    return simulator, *(ThorInteractEnv(simulator, [place]) for place in (SOMEWHERE, ELSEWHERE))


def test_a_vector_of_environments_over_one_simulator_is_refused_at_the_first_step():
    simulator = FakeSimulator()
    envs = gymnasium.make_vec(
        "ThorInteract-v0",
        num_envs=2,
        vectorization_mode="sync",
        simulator=simulator,
        locations=[SOMEWHERE, ELSEWHERE],
    )
    envs.reset(seed=0)
    with pytest.raises(ResetNeeded, match=REMEDY):
        envs.step(np.zeros((2, 4), int))
    assert simulator.touches == 0


def test_environments_with_a_simulator_each_are_independent():
    envs = SyncVectorEnv([partial(one_at, place) for place in (SOMEWHERE, ELSEWHERE)])
    envs.reset(seed=0)
    envs.step(np.zeros((2, 4), int))
    assert envs.get_attr("location") == (SOMEWHERE, ELSEWHERE)


def test_nothing_of_a_lost_episode_can_be_used(pair):
    simulator, first, second = pair
    first.reset(seed=0)
    state = first.get_state()
    second.reset(seed=0)
    uses = (lambda: first.step([0, 0, 0, 0]), first.ground_truth, first.get_state, lambda: first.location)
    for use in uses:
        with pytest.raises(ResetNeeded, match=REMEDY):
            use()
    second.step(touch_of(simulator, 0, 2))
    first.set_state(state)
    assert first.location == SOMEWHERE
    first.step([0, 0, 0, 0])
    with pytest.raises(ResetNeeded, match=REMEDY):
        second.step([0, 0, 0, 0])


def test_a_simulator_may_be_used_by_one_after_another(pair):
    _, first, second = pair
    for env in (first, second, first):
        env.reset(seed=0)
        env.step([0, 0, 0, 0])


def test_an_episode_does_not_come_back_when_the_other_environment_has_gone(pair):
    simulator, first, second = pair
    first.reset(seed=0)
    second.reset(seed=0)
    del pair, second
    with pytest.raises(ResetNeeded, match=REMEDY):
        first.step([0, 0, 0, 0])
    assert simulator.location == ELSEWHERE
