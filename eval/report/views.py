"""An agent's predictions for single views: panels of its best and its worst, and a sequence of touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from agents.base import Agent, Instance
from agents.collection.interact import InteractionSchedule, interact
from agents.registry import registered_agent
from agents.source import described
from agents.training.schedule import ConfigurationError
from eval.figures.panels import six_panels
from eval.figures.touches import Touch
from eval.report.runs import ReportError, RunFolder
from eval.views.evaluation_set import EvaluationSet
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.simulators.base import Instances, Observation

MOST_CONFIDENT = 10
"""Maximum number of predictions in the score of a view, so that proposing everything scores low."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One view, drawn.

    Attributes:
        view: Number of the view in the evaluation set.
        score: See `view_score`.
        image: The six panels, (height, width, 3) uint8.
        instances: The predictions in it, best first.
    """

    view: int
    score: float
    image: npt.NDArray[np.uint8]
    instances: Sequence[Instance]


def agent_of(run: RunFolder) -> Agent:
    """Return the agent that a run has trained, of any system.

    Raises:
        ReportError: No such system is registered, or its agent cannot be made from the folder.
    """
    try:
        learner = registered_agent(run.system)
    except ConfigurationError as error:
        raise ReportError(
            f"{run.path} is of the system {run.system!r}, which is unknown here: {error}"
        ) from None
    try:
        return learner.from_run(run.path)
    except Exception as error:
        raise ReportError(f"{run.path} holds no agent that can be used ({described(error)}).") from error


def view_score(instances: Sequence[Instance], truth: Instances) -> float:
    """Return the score of a view: the mean over its true objects of the best mask IoU.

    Args:
        instances: The proposals; the `MOST_CONFIDENT` with masks count.
        truth: The movable objects in reach, at least one.

    Returns:
        A number in 0..1.
    """
    ranked = sorted((one for one in instances if one.mask is not None), key=lambda one: -one.score)
    masks = [one.mask for one in ranked[:MOST_CONFIDENT]]
    if not masks:
        return 0.0
    found = np.stack(masks).reshape(len(masks), -1).astype(np.float32)  # type: ignore[arg-type]
    true = truth.masks.reshape(len(truth), -1).astype(np.float32)
    common = true @ found.T
    union = true.sum(1)[:, None] + found.sum(1)[None] - common
    return float((common / np.maximum(union, 1)).max(axis=1).mean())


def best_and_worst(
    agent: Agent,
    views: EvaluationSet,
    count: int,
    environment: Mapping[str, Any] | None = None,
    touches: int = 10,
) -> tuple[list[Panel], list[Panel]]:
    """Draw the views that an agent predicted best, and those it predicted worst.

    Args:
        agent: Any agent.
        views: The views; only those with an object in reach can be chosen.
        count: Views of each kind.
        environment: As in `touched`, for the self-supervised masks.
        touches: Points of the agent that are touched for them.

    Returns:
        The best, the best one first, and the worst, the worst one first; no view is in both. Without masks
        both are empty.
    """
    proposed = {
        number: agent.propose(view)
        for number, (view, truth) in enumerate(zip(views.observations, views.truths, strict=True))
        if len(truth)
    }
    if not any(one.mask is not None for found in proposed.values() for one in found):
        return [], []
    scores = {number: view_score(found, views.truths[number]) for number, found in proposed.items()}
    order = sorted(scores, key=lambda number: (-scores[number], number))
    half = min(count, len(order) // 2) if len(order) > 1 else len(order)
    best, worst = order[:half], order[::-1][:half] if len(order) > 1 else []
    drawn = {}
    for number in {*best, *worst}:
        masks, _ = touched(views, number, proposed[number], environment, touches)
        view = views.observations[number]
        score_map, force_map = _maps(agent, view)
        drawn[number] = Panel(
            number,
            scores[number],
            six_panels(view, proposed[number], score_map, force_map, views.truths[number], masks),
            proposed[number],
        )
    return [drawn[number] for number in best], [drawn[number] for number in worst]


def _maps(agent: Agent, view: Observation) -> tuple[Any, Any]:
    maps = getattr(agent, "maps", None)
    return maps(view) if callable(maps) else (None, None)


class _Film(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Keeps every touch of an episode."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.touches: list[Touch] = []
        self._view: npt.NDArray[np.uint8] | None = None

    def reset(self, **given: Any) -> Any:
        observation, info = self.env.reset(**given)
        self._view, self.touches = observation["rgb"], []
        return observation, info

    def step(self, action: Any) -> Any:
        result = self.env.step(action)
        row, column, force, _ = (int(value) for value in action)
        assert self._view is not None
        after, info = result[0]["rgb"], result[4]
        still = np.zeros((0, *after.shape), np.uint8)
        success, mask = bool(info["success"]), info["mask"]
        self.touches.append(Touch(self._view, after, still, (row, column), force, mask, success))
        self._view = after
        return result


def touched(
    views: EvaluationSet,
    number: int,
    instances: Sequence[Instance],
    environment: Mapping[str, Any] | None = None,
    touches: int = 10,
) -> tuple[npt.NDArray[np.bool_], list[Touch]]:
    """Touch the points proposed in a view, with forces tried by escalation.

    Args:
        views: The views.
        number: Which of them.
        instances: The proposals there, best first.
        environment: Keyword arguments of `ThorInteractEnv`, such as those that a run learned with. A
            simulator object among them is not closed.
        touches: Points that are touched.

    Returns:
        The self-supervised masks, (m, 100, 100) bool, and every touch, without its motion.
    """
    schedule = InteractionSchedule(touches, 0, True)
    points = [(*one.point, one.force) for one in instances]
    options = {**(environment or {}), "locations": views.locations, "interactions": schedule.steps}
    if views.objects is not None:
        options["simulator_options"] = {**(options.get("simulator_options") or {}), "objects": views.objects}
    env = _Film(ThorInteractEnv(**options))
    try:
        rng = np.random.default_rng(number)
        record = interact(env, views.locations[number], lambda view: points, schedule, rng)
        return record.experience.masks, env.touches
    finally:
        if isinstance(options.get("simulator", ""), str):
            env.close()
