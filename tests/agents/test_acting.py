"""Agents in an ordinary Gymnasium loop."""

import numpy as np
from fake_simulator import FakeSimulator

from agents import ActingAgent, Instance
from thor_interact_env.env import ThorInteractEnv


class Proposes:
    def __init__(self, *instances):
        self.instances, self.asked = list(instances), 0

    def propose(self, observation):
        self.asked += 1
        return self.instances


def play(agent, steps=5):
    env = ThorInteractEnv(FakeSimulator(), interactions=steps)
    observation, _ = env.reset(seed=1)
    actions = []
    for _ in range(steps):
        action = agent.act(observation)
        assert env.action_space.contains(action)
        observation, *_ = env.step(action)
        actions.append(action.tolist())
    env.close()
    return actions


def test_instances_are_touched_in_turn_and_then_proposed_anew():
    known = Proposes(Instance((10, 20), 0, 0.9, None), Instance((30, 40), 2, 0.5, None))
    actions = play(ActingAgent(known, seed=0))
    assert [action[:3] for action in actions] == [
        [10, 20, 0],
        [30, 40, 2],
        [10, 20, 0],
        [30, 40, 2],
        [10, 20, 0],
    ]
    assert known.asked == 3


def test_a_new_episode_begins_with_a_new_proposal():
    known = Proposes(Instance((10, 20), 0, 0.9, None), Instance((30, 40), 2, 0.5, None))
    agent = ActingAgent(known, seed=0)
    play(agent, 1)
    agent.reset()
    assert play(agent, 1)[0][:3] == [10, 20, 0] and known.asked == 2


def test_equal_seeds_act_alike_and_directions_differ():
    agent = ActingAgent(Proposes(Instance((10, 20), 1, 0.9, None)), seed=3)
    first = play(agent, 40)
    agent.reset(seed=3)
    assert play(agent, 40) == first
    assert {action[3] for action in first} == set(range(8))


def test_where_nothing_is_proposed_points_are_random():
    actions = np.array(play(ActingAgent(Proposes(), seed=0), 60))
    assert actions[:, :2].min() < 60 and actions[:, :2].max() > 240 and set(actions[:, 2]) == {0, 1, 2}
