"""Agents that know nothing: random points, and every superpixel."""

import numpy as np
import pytest
from fake_simulator import FakeSimulator

from agents.base import Agent, Instance
from agents.random_agent import RandomAgent
from agents.superpixel_agent import SuperpixelAgent
from selfsup.grid import STRIDE
from selfsup.superpixels import superpixel_labels
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.simulators.base import Observation

BLOCKS = [(30, 60, 40, 90), (120, 150, 150, 210), (200, 30, 80, 100)]


def make_view(seed: int = 0) -> Observation:
    """Three coloured blocks before a wall; one block is out of reach."""
    rng = np.random.default_rng(seed)
    rgb = np.full((300, 300, 3), 128, np.uint8)
    depth = np.full((300, 300), 4.0, np.float32)
    for (top, left, height, width), distance in zip(BLOCKS, (1.2, 2.5, 0.9), strict=True):
        rgb[top : top + height, left : left + width] = rng.integers(0, 256, 3)
        depth[top : top + height, left : left + width] = distance
    return Observation(rgb=rgb, depth=depth)


def assert_instances(found: list[Instance]) -> None:
    scores = [instance.score for instance in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    for instance in found:
        assert instance.mask is not None
        assert instance.mask.shape == (300, 300)
        assert instance.mask.dtype == np.bool_
        assert instance.mask[instance.point]
        assert instance.point[0] % 3 == instance.point[1] % 3 == 1
        assert instance.force in (0, 1, 2)


def owners(found: list[Instance]) -> np.ndarray:
    counts = np.zeros((300, 300), int)
    for instance in found:
        assert instance.mask is not None
        counts += instance.mask
    return counts


@pytest.mark.parametrize("agent", [RandomAgent(), SuperpixelAgent()], ids=["random", "superpixels"])
def test_they_are_agents(agent: Agent) -> None:
    assert isinstance(agent, Agent)
    assert_instances(agent.propose(make_view()))


@pytest.mark.parametrize("agent", [RandomAgent(), SuperpixelAgent()], ids=["random", "superpixels"])
def test_they_take_what_the_environment_and_the_simulator_return(agent: Agent) -> None:
    env = ThorInteractEnv(simulator=FakeSimulator())
    observation, _ = env.reset(seed=0)
    seen = env.simulator.load(env.location)
    assert type(observation) is type(seen) is dict
    assert set(observation) == set(seen) == set(Observation.__annotations__)
    of_environment, of_simulator = agent.propose(observation), agent.propose(seen)
    assert len(of_environment) == len(of_simulator) > 0
    for one, other in zip(of_environment, of_simulator, strict=True):
        assert (one.point, one.force, one.score) == (other.point, other.force, other.score)
        assert np.array_equal(one.mask, other.mask)


def test_all_superpixels_cover_the_view_once() -> None:
    found = SuperpixelAgent().propose(make_view())
    assert len(found) >= 4
    assert (owners(found) == 1).all()
    assert {instance.force for instance in found} == {1}


def test_the_nearest_superpixels_come_first() -> None:
    view = make_view()
    found = SuperpixelAgent().propose(view)
    near = [instance for instance in found if instance.score > 0.5]
    depths = [view["depth"][instance.point] for instance in near]
    assert depths[0] == np.float32(0.9)
    assert set(depths) == {np.float32(0.9), np.float32(1.2)}
    whole = [instance for instance in found if instance.score == 1]
    means = [
        view["depth"][1::3, 1::3][instance.mask[1::3, 1::3]].mean()
        for instance in whole
        if instance.mask is not None
    ]
    assert means == sorted(means)


def test_random_points_depend_on_seed_and_view_only() -> None:
    def points(agent: RandomAgent, view: Observation) -> list[tuple[tuple[int, int], int, float]]:
        return [(instance.point, instance.force, instance.score) for instance in agent.propose(view)]

    agent, view = RandomAgent(seed=1), make_view()
    first = points(agent, view)
    assert first != points(agent, make_view(1))
    assert first == points(agent, view) == points(RandomAgent(seed=1), view)
    assert first != points(RandomAgent(seed=2), view)


@pytest.mark.parametrize("count", [0, 2, 1000])
def test_random_agent_proposes_each_superpixel_once_at_most(count: int) -> None:
    found = RandomAgent(points=count).propose(make_view())
    assert len(found) <= count
    assert owners(found).max(initial=0) <= 1
    if count == 1000:
        assert (owners(found) == 1).all()


def test_random_points_favour_large_superpixels_only_by_their_area(monkeypatch: pytest.MonkeyPatch) -> None:
    view = make_view()
    labels = superpixel_labels(view["rgb"])  # once
    monkeypatch.setattr("agents.random_agent.superpixel_labels", lambda rgb: labels)
    hits = [RandomAgent(points=1, seed=seed).propose(view)[0].point for seed in range(1000)]
    largest = np.bincount(labels.ravel()).argmax()
    inside = [labels[row // STRIDE, column // STRIDE] == largest for row, column in hits]
    area = (labels == largest).mean()
    assert area > 3 / len(np.unique(labels))  # of superpixels drawn alike it would be one
    assert np.mean(inside) == pytest.approx(area, abs=0.05)


@pytest.mark.parametrize("arguments", [{"points": -1}, {"seed": -1}])
def test_negative_arguments_are_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="may be negative"):
        RandomAgent(**arguments)
