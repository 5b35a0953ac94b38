"""An agent at one location: it touches points in turn and notes what happened (paper section 4.2)."""

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from agents.base import Point
from agents.collection.choosing import ProposePoints
from agents.collection.oracles import MAX_ADDED_POINTS, FirstView, OracleOptions, first_view
from agents.selfsup_agent.clustering import cell_centre
from selfsup.experience import Experience
from selfsup.feedback import Feedback, escalation
from selfsup.grid import GRID, STRIDE
from thor_interact_env.actions import DIRECTIONS, FORCES
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.base import Instances

ATTEMPTS_PER_POINT = 3
"""Maximum number of forces applied at one point: the next smaller, the predicted and the maximum force."""

_MAXIMUM_FORCE = len(FORCES) - 1


@dataclass(frozen=True)
class InteractionSchedule:
    """How many points are touched at a location, and how.

    Attributes:
        greedy: Points that the agent chooses.
        random: Points drawn at random, uniform over the grid and the forces, touched after the greedy ones.
        joint: Whether forces are tried by escalation; if not, only the maximum force is applied and counts as
            the predicted and correct one (training of the segmentation alone).
    """

    greedy: int
    random: int
    joint: bool

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: A number of points is negative.
        """
        if self.greedy < 0 or self.random < 0:
            raise ValueError(f"greedy is {self.greedy} and random {self.random}; neither may be negative")

    @property
    def steps(self) -> int:
        """Maximum number of touches of an episode, one per attempt; the environment must allow them."""
        return self.allowed_steps(OracleOptions())

    def allowed_steps(self, oracles: OracleOptions) -> int:
        """Return the maximum number of touches of an episode in which oracles may add points."""
        points = self.greedy + self.random + (MAX_ADDED_POINTS if oracles.points else 0)
        return max(1, points * (ATTEMPTS_PER_POINT if self.joint else 1))


@dataclass(frozen=True, eq=False)
class InteractionRecord:
    """What was done at one location.

    Attributes:
        experience: What can be learned from it.
        greedy_successes: Successful points among those the agent, or the interaction oracle, chose.
        greedy_touches: Points the agent, or the interaction oracle, chose.
        random_successes: Successful points among the random ones.
        random_touches: Random points.
        attempts: Forces applied, up to three at a point.
        changes: Attempts that changed the image, with or without success.
        truth: Ground truth of the first view, where the task requests it (full supervision); else None.
    """

    experience: Experience
    greedy_successes: int
    greedy_touches: int
    random_successes: int
    random_touches: int
    attempts: int
    changes: int
    truth: Instances | None = None


def random_points(count: int, rng: np.random.Generator) -> list[Point]:
    """Draw points uniformly over the 100 x 100 grid and the three forces (paper section 4.2).

    Args:
        count: Number of points; they may coincide.
        rng: Decides them.

    Returns:
        Central pixels of grid cells, each with a force index.
    """
    cells = rng.integers(GRID, size=(count, 2))
    forces = rng.integers(len(FORCES), size=count)
    return [
        (*cell_centre(int(row), int(column)), int(force))
        for (row, column), force in zip(cells, forces, strict=True)
    ]


def interact(
    env: gymnasium.Env[Any, Any],
    location: Location,
    propose_points: ProposePoints,
    schedule: InteractionSchedule,
    rng: np.random.Generator,
    oracles: OracleOptions | None = None,
) -> InteractionRecord:
    """Visit one location: touch the agent's points, then random ones, and record the results.

    The room is not reset in between, so changes accumulate. Each point keeps one random direction for all its
    attempts. Success is the environment's `info["success"]`, judged from images alone, unless the mask oracle
    is on: then a point succeeds exactly if a movable object in reach is there in the first view, and has its
    true mask in that view. The touches are made nevertheless, since they measure the force (an object that
    no force moved counts as moved by the maximum force, the last that was tried).

    Args:
        env: The environment; an episode must allow `schedule.allowed_steps(oracles)` touches.
        location: Where to go.
        propose_points: Chooses the greedy points from the first view; those after the first `schedule.greedy`
            are ignored, and it is not called when that is 0.
        schedule: How many points, and how they are touched.
        rng: Decides random points and directions. The random points do not depend on the greedy ones.
        oracles: Ground truth in place of the agent's points or of its masks; None is the self-supervised
            rule, which needs no ground truth. With the interaction oracle each reachable movable
            object gets one point, even if `schedule.greedy` is 0.

    Returns:
        The record of the location.

    Raises:
        ThorInteractError: The location cannot be reached, or a proposed point is outside the image.
        gymnasium.error.ResetNeeded: The environment allows fewer touches than the schedule makes.
    """
    drawn = random_points(schedule.random, rng)
    directions = rng.integers(len(DIRECTIONS), size=schedule.greedy + schedule.random)
    observation, _ = env.reset(options={"location": location})
    proposed: list[Point] = []
    if schedule.greedy:
        proposed = list(propose_points(observation))[: schedule.greedy]
    options = OracleOptions() if oracles is None else oracles
    truth = first_view(env, options, observation["depth"])
    added: list[Point] = []
    if truth is not None and options.points:
        proposed = truth.kept(proposed)
        added = truth.added(proposed, rng)
    # A random point keeps its direction however many other points there are.
    turns = (
        *directions[: len(proposed)],
        *rng.integers(len(DIRECTIONS), size=len(added)),
        *directions[schedule.greedy :],
    )
    proposed += added
    notes = _Notes(truth if options.masks else None)
    for (row, column, force), direction in zip((*proposed, *drawn), turns, strict=True):
        applied = force if schedule.joint else _MAXIMUM_FORCE
        notes.touch(env, row, column, applied, int(direction), schedule.joint)
    greedy_successes = sum(notes.successes[: len(proposed)])
    return InteractionRecord(
        experience=notes.experience(observation["rgb"], observation["depth"]),
        greedy_successes=greedy_successes,
        greedy_touches=len(proposed),
        random_successes=sum(notes.successes) - greedy_successes,
        random_touches=len(drawn),
        attempts=notes.attempts,
        changes=notes.changes,
    )


class _Notes:
    """What has been learned so far at a location, point by point."""

    def __init__(self, truth: FirstView | None) -> None:
        self._truth = truth
        self.successes: list[bool] = []
        self.attempts = self.changes = 0
        self._success_points: list[tuple[int, int]] = []
        self._masks: list[npt.NDArray[np.bool_]] = []
        self._forces: list[int] = []
        self._feedback: list[int] = []
        self._failure_points: list[tuple[int, int]] = []

    def touch(
        self, env: gymnasium.Env[Any, Any], row: int, column: int, force: int, direction: int, joint: bool
    ) -> None:
        """Apply forces at one pixel until one succeeds."""
        attempts = escalation(force) if joint else ((force, Feedback.CORRECT),)
        mask: npt.NDArray[np.bool_] | None = None
        last = Feedback.CORRECT
        for applied, feedback in attempts:
            last = feedback
            *_, info = env.step(np.array([row, column, applied, direction]))
            self.attempts += 1
            self.changes += bool(info["changed"].any())
            if info["success"]:
                mask = info["mask"]
                break
        if self._truth is not None:
            mask = self._truth.mask_at(row, column)
        cell = (row // STRIDE, column // STRIDE)
        self.successes.append(mask is not None)
        if mask is None:
            self._failure_points.append(cell)
            return
        self._success_points.append(cell)
        self._masks.append(mask)
        self._forces.append(force)
        self._feedback.append(last)

    def experience(self, rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> Experience:
        """Return all that was learned at a location, given its first view."""
        return Experience(
            rgb=rgb,
            depth=depth,
            success_points=np.array(self._success_points, np.int16).reshape(-1, 2),
            masks=np.array(self._masks, np.bool_).reshape(-1, GRID, GRID),
            forces=np.array(self._forces, np.int8),
            feedback=np.array(self._feedback, np.int8),
            failure_points=np.array(self._failure_points, np.int16).reshape(-1, 2),
        )
