"""One episode, carried out: its views, touches and results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from selfsup.grid import GRID
from thor_interact_env.actions import check_action
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.errors import RecordingError
from thor_interact_env.locations.location import Location
from thor_interact_env.record.actors import Actor
from thor_interact_env.record.plan import Plan, Start
from thor_interact_env.recording import digest
from thor_interact_env.simulators.base import Instances, Observation


@dataclass(frozen=True, eq=False)
class RecordedEpisode:
    """An episode of n touches.

    Attributes:
        number: Its number in the record, from 0.
        seed: Seed of its reset and of the agent.
        agent: What chose the touches.
        world: The world and its version, such as `"mujoco world 1"`.
        location: Where it took place.
        rgb: (n + 1, 300, 300, 3) uint8, the first view and the view after each touch.
        depth: (n + 1, 300, 300) float32, metres from the camera.
        actions: (n, 4) int64: row, column, force index and direction index.
        mask: (n, 100, 100) bool, the object that each touch moved, aligned to superpixels.
        changed: (n, 100, 100) bool, the cells that changed.
        success: (n,) bool, whether the touched point moved.
    """

    number: int
    seed: int
    agent: str
    world: str
    location: Location
    rgb: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float32]
    actions: npt.NDArray[np.int64]
    mask: npt.NDArray[np.bool_]
    changed: npt.NDArray[np.bool_]
    success: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of touches."""
        return len(self.actions)


@dataclass(frozen=True, eq=False)
class Moment:
    """A view of an episode, and how it came about.

    Attributes:
        observation: The view.
        action: The touch before it; None for the first view.
        info: The info of the reset or the step.
    """

    observation: Observation
    action: tuple[int, int, int, int] | None
    info: dict[str, Any]


def play(env: ThorInteractEnv, start: Start, actor: Actor, touches: int) -> Iterator[Moment]:
    """Carry out an episode.

    Args:
        env: The environment.
        start: The start; the touches of a saved episode are repeated.
        actor: Chooses the touches of an episode that is not saved.
        touches: Their number.

    Yields:
        The first view, and the view after each touch.

    Raises:
        RecordingError: A saved episode has another result here.
    """
    saved = start.recording
    observation, info = env.reset(seed=start.seed, options=start.options)
    _compare(start, 0, (observation, info))
    yield Moment(observation, None, info)
    actor.reset(start.seed)
    for number in range(touches if saved is None else len(saved.actions)):
        action = check_action(actor.act(_copy(observation)) if saved is None else saved.actions[number])
        result = env.step(np.array(action))
        _compare(start, number + 1, result)
        observation = result[0]
        yield Moment(observation, action, result[4])


def _copy(view: Observation) -> Observation:
    """Return a view that an actor may change or keep; what is recorded stays as it was."""
    return Observation(rgb=view["rgb"].copy(), depth=view["depth"].copy())


def _compare(start: Start, number: int, result: tuple[Any, ...]) -> None:
    if start.recording is not None and digest(result) != start.recording.sha256[number]:
        what = f"touch {number}" if number else "the first view"
        raise RecordingError(
            f"{what} of the saved episode of seed {start.seed} differs here from what was saved: it is of "
            "another version of the world or has other objects, or another renderer has drawn it"
        )


def record_episode(
    env: ThorInteractEnv, start: Start, actor: Actor, plan: Plan, number: int
) -> RecordedEpisode:
    """Carry out an episode and return it.

    Args:
        env: The environment.
        start: The start.
        actor: Chooses the touches.
        plan: The plan of the record.
        number: Number of the episode.

    Raises:
        RecordingError: A saved episode has another result here.
    """
    first, *after = play(env, start, actor, plan.touches)
    views = [first, *after]
    none = np.zeros((0, GRID, GRID), np.bool_)
    return RecordedEpisode(
        number,
        start.seed,
        plan.actor,
        plan.world,
        env.location,
        np.stack([one.observation["rgb"] for one in views]),
        np.stack([one.observation["depth"] for one in views]),
        np.array([one.action for one in after], np.int64).reshape(-1, 4),
        np.stack([one.info["mask"] for one in after]) if after else none,
        np.stack([one.info["changed"] for one in after]) if after else none,
        np.array([one.info["success"] for one in after], np.bool_),
    )


def true_views(
    env: ThorInteractEnv, start: Start, actor: Actor, touches: int
) -> Iterator[tuple[int, npt.NDArray[np.uint8], Instances]]:
    """Carry out an episode and yield its different views with their ground truth.

    Args:
        env: The environment.
        start: The start.
        actor: Chooses the touches.
        touches: Their number, unless the episode is saved.

    Yields:
        The number of touches before the view, the view (300, 300, 3) uint8, and the movable objects in reach.
    """
    before: npt.NDArray[np.uint8] | None = None
    for number, moment in enumerate(play(env, start, actor, touches)):
        rgb = moment.observation["rgb"]
        if before is None or not np.array_equal(rgb, before):
            yield number, rgb, env.ground_truth()
        before = rgb
