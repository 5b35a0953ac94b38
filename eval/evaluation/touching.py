"""The touches of the interaction metrics: an agent's points and random ones at the same locations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import gymnasium
import numpy as np
from tqdm.auto import tqdm

from agents.base import Instance
from agents.collection.interact import InteractionRecord, InteractionSchedule, ProposePoints, interact
from eval.evaluation.own_objects import own_truths
from eval.metrics.bootstrap import ratio_intervals
from eval.metrics.interaction import InteractionCounts
from eval.views.evaluation_set import EvaluationSet
from selfsup.feedback import escalation
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.simulators.base import Observation, Simulator


class _Successes(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Records whether each touch of an episode succeeded."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.noted: list[bool] = []

    def step(self, action: Any) -> Any:
        result = self.env.step(action)
        self.noted.append(bool(result[4]["success"]))
        return result


def touch_everywhere(
    predictions: Sequence[Sequence[Instance]],
    views: EvaluationSet,
    interactions: int,
    seed: int = 0,
    simulator: str | Simulator = "mujoco",
    progress: bool | None = None,
) -> dict[str, Any] | None:
    """Touch the proposed points at every location and, after a reset, random points.

    Both start in the same state of the room: objects moved by the agent are back in their places.

    Args:
        predictions: The instances proposed for each view, best first.
        views: The views, whose locations are visited.
        interactions: Points touched at each location; with 0 the result is None.
        seed: With a location's place in the list, seeds its random points and all directions.
        simulator: The simulator: a name, or an object, which is not closed.
        progress: Show a progress bar; None shows it on a terminal only.

    Returns:
        The fields of `eval.metrics.interaction.InteractionScores` for the agent's points, whose
        `random_success_rate` is that of the random ones; `random_objects_per_location` and
        `random_objects_per_interaction`; `success_by_rank`: for the first, second, ... point, the fraction of
        successes over the locations that have one (None where no location has); `points_per_location`;
        `intervals`, the two ends of each rate by name, see `eval.metrics.bootstrap.ratio_intervals`. If
        objects of a folder were added to the rooms, only these count as objects moved; all points count as
        touches and successes.
    """
    if not interactions:
        return None
    own, floor = InteractionSchedule(interactions, 0, True), InteractionSchedule(0, interactions, True)
    greedy: list[InteractionRecord] = []
    random: list[InteractionRecord] = []
    by_rank: list[list[bool]] = [[] for _ in range(interactions)]
    silent = None if progress is None else not progress
    env = _Successes(
        ThorInteractEnv(
            simulator=simulator,
            locations=views.locations,
            interactions=own.steps,
            simulator_options=None if views.objects is None else {"objects": views.objects},
        )
    )
    try:
        for number, location in enumerate(
            tqdm(views.locations, desc="touching", unit=" locations", disable=silent)
        ):
            points = [(*one.point, one.force) for one in predictions[number]]
            env.noted.clear()
            greedy.append(interact(env, location, _constant(points), own, _rng(seed, number)))
            for rank, success in enumerate(_outcomes(points[:interactions], env.noted)):
                by_rank[rank].append(success)
            random.append(interact(env, location, _constant([]), floor, _rng(seed, number)))
    finally:
        if isinstance(simulator, str):
            env.close()
    truths = views.truths if views.objects is None else own_truths(views)
    own_counts, floor_counts = (InteractionCounts.of(each, truths) for each in (greedy, random))
    baseline = floor_counts.scores()
    # The rate of random points comes from the second visit, since the agent's own schedule has none.
    ratios = own_counts.ratios() | {"random_success_rate": floor_counts.ratios()["random_success_rate"]}
    return asdict(own_counts.scores()) | {
        "random_success_rate": baseline.random_success_rate,
        "random_objects_per_location": baseline.objects_per_location,
        "random_objects_per_interaction": baseline.objects_per_interaction,
        "success_by_rank": [sum(found) / len(found) if found else None for found in by_rank],
        "points_per_location": sum(map(len, by_rank)) / len(views),
        "intervals": ratio_intervals(ratios),
    }


def _rng(seed: int, number: int) -> np.random.Generator:
    return np.random.default_rng((seed, number))


def _constant(points: Sequence[tuple[int, int, int]]) -> ProposePoints:
    def propose(observation: Observation) -> Sequence[tuple[int, int, int]]:
        return points

    return propose


def _outcomes(points: Sequence[tuple[int, int, int]], attempts: Sequence[bool]) -> list[bool]:
    """Return whether each point succeeded, from the outcomes of all attempts in turn."""
    outcomes, remaining = [], iter(attempts)
    for *_, force in points:
        # `any` stops at the first success, as the touches do.
        outcomes.append(any(next(remaining) for _ in escalation(force)))
    return outcomes
