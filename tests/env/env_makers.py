"""What several test modules make environments with."""

import functools
from itertools import pairwise

import gymnasium
import numpy as np
from fake_simulator import FakeSimulator

from thor_interact_env.actions import AGENT_HEIGHT_Y, DIRECTIONS, FORCES
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.simulators import make_simulator
from thor_interact_env.simulators.mjcf.simulator import MjcfSimulator

SOMEWHERE = Location("FloorPlan1", (0.25, AGENT_HEIGHT_Y, 0.5), 90, 30, 7)
ON_DISK = "FloorPlan401"
"""The room that there is on disk."""

ELSEWHERE = Location("FloorPlan22", (0.5, AGENT_HEIGHT_Y, 0.5), 180, 0, 8)


def make(simulator="fake", **options):
    """Make the registered environment on a toy world or on a simulator given by name."""
    world = FakeSimulator() if simulator == "fake" else simulator
    return gymnasium.make("ThorInteract-v0", simulator=world, **options)


@functools.cache
def mujoco_locations(name="mujoco"):
    """Locations in one room of the embedded simulator (compiling is what costs) where pushes are seen.

    With the name "mjcf" the room is on disk, where an environment variable says.
    """
    simulator = make_simulator(name)
    room = ON_DISK if name == "mjcf" else "FloorPlan1"
    sampler = LocationSampler(simulator, [room], reachable_fraction=0.3)
    rng = np.random.default_rng(0)
    found: list[Location] = []
    while len(found) < 6:
        location = sampler.sample(rng)
        before = simulator.load(location)
        views = [before, *(simulator.touch(*touch) for touch in _touches(simulator.instances().masks))]
        if sum(after is not view for view, after in pairwise(views)) >= 2:
            found.append(location)
    simulator.close()
    return found


def started(env, **options):
    """Reset an environment, and return where it is now."""
    env.reset(**options)
    return env.unwrapped.location


def rollout(env, seed, steps):
    """Return everything that an environment says in `steps` random steps."""
    env.action_space.seed(seed)
    said = [env.reset(seed=seed)]
    for _ in range(steps):
        said.append(env.step(env.action_space.sample()))
        if said[-1][3]:
            said.append(env.reset())
    return said


def moving_actions(env):
    """Return touches of 200 N in the middle of the largest objects in reach."""
    return [[row, column, 2, 1] for row, column, *_ in _touches(env.unwrapped.ground_truth().masks)]


def _touches(masks):
    """Return row, column, newtons and direction of a touch in the middle of each of the largest objects."""
    touches = []
    for mask in masks[np.argsort(-masks.sum(axis=(1, 2)), kind="stable")][:4]:
        rows, columns = np.nonzero(mask)
        touches.append((int(rows[len(rows) // 2]), int(columns[len(rows) // 2]), FORCES[2], DIRECTIONS[1]))
    return touches


def idle_actions(env, observation):
    """Return touches of 200 N of something fixed in reach and of what is farthest."""
    depth = observation["depth"]
    fixed = ~env.unwrapped.ground_truth().masks.any(axis=0) & (depth < 1.4)
    pixels = [np.argwhere(fixed)[0], np.unravel_index(depth.argmax(), depth.shape)]
    return [[int(row), int(column), 2, 1] for row, column in pixels]


def a_location(env):
    """Return a location of the world under an environment made by the fixture `any_env`."""
    if isinstance(env.unwrapped.simulator, FakeSimulator):
        return SOMEWHERE
    return mujoco_locations("mjcf" if isinstance(env.unwrapped.simulator, MjcfSimulator) else "mujoco")[0]
