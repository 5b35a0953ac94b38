"""Agents in an ordinary Gymnasium loop."""

import numpy as np
import pytest
import torch
from fake_simulator import FakeSimulator

from agents import ActingAgent, Instance, SelfSupervisedAgent
from agents.acting import actor_named
from agents.selfsup_agent.variants import make_network
from agents.superpixel_agent import SuperpixelAgent
from agents.training.checkpoint import Checkpoint, save_checkpoint, write_json
from agents.training.configuration import TrainConfig
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.errors import InvalidOptionError


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


def test_an_actor_by_its_name_or_class_acts_with_that_agent():
    expected = play(ActingAgent(SuperpixelAgent(), seed=0))
    for name in ("superpixels", "agents.superpixel_agent:SuperpixelAgent"):
        assert play(actor_named(name)) == expected


def test_an_actor_by_its_run_acts_with_the_network_of_the_run(tmp_path):
    torch.manual_seed(0)
    write_json(tmp_path / "config.json", TrainConfig.from_preset("smoke").to_json())
    save_checkpoint(tmp_path, 1, Checkpoint(make_network().state_dict(), {}, {}), keep=1)
    expected = play(ActingAgent(SelfSupervisedAgent.from_run(tmp_path), seed=0), 3)
    assert play(actor_named(str(tmp_path)), 3) == expected


@pytest.mark.parametrize("name", ["nobody", "self_supervised", "agents.random_agent:Nobody", "."])
def test_an_actor_that_cannot_be_made_is_an_error_of_the_environment(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidOptionError):
        actor_named(name)
