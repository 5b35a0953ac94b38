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
from selfsup.training_images.images import first_view_image, training_images
from selfsup.training_images.options import TargetOptions
from selfsup.training_images.visit_log import TouchedPoint, VisitLog
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
        experience: What the paper learns from it: its first view, with B+ of each successful point.
        greedy_successes: Successful points among those the agent, or the interaction oracle, chose.
        greedy_touches: Points the agent, or the interaction oracle, chose.
        random_successes: Successful points among the random ones.
        random_touches: Random points.
        attempts: Forces applied, up to three at a point.
        changes: Attempts that changed the image, with or without success.
        truth: Ground truth of the first view, where the task requests it (full supervision); else None.
        images: The location's training images, at least one; by default, as in the paper, `experience` alone.
    """

    experience: Experience
    greedy_successes: int
    greedy_touches: int
    random_successes: int
    random_touches: int
    attempts: int
    changes: int
    truth: Instances | None = None
    images: tuple[Experience, ...] = ()

    def __post_init__(self) -> None:
        """Take the paper's image where none are given."""
        if not self.images:
            object.__setattr__(self, "images", (self.experience,))


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
    targets: TargetOptions | None = None,
) -> InteractionRecord:
    """Visit one location as `touch_points` does, and return what can be learned from it.

    Args:
        env: As in `touch_points`, likewise all arguments up to `oracles`.
        location: Where to go.
        propose_points: Chooses the greedy points.
        schedule: How many points, and how they are touched.
        rng: Decides random points and directions.
        oracles: Ground truth in place of the agent's points or of its masks.
        targets: What is kept of the location to learn from; None: as in the paper. It changes no touch.

    Returns:
        The record of the location.

    Raises:
        ThorInteractError: The location cannot be reached, or a proposed point is outside the image.
        gymnasium.error.ResetNeeded: The environment allows fewer touches than the schedule makes.
        ValueError: The mask oracle is on, and `targets` are not the paper's.
    """
    options = TargetOptions() if targets is None else targets
    check_targets(options, oracles)
    log, proposed = touch_points(env, location, propose_points, schedule, rng, oracles)
    greedy = [point.success for point in log.points[:proposed]]
    random = [point.success for point in log.points[proposed:]]
    experience = first_view_image(log)
    return InteractionRecord(
        experience=experience,
        greedy_successes=sum(greedy),
        greedy_touches=len(greedy),
        random_successes=sum(random),
        random_touches=len(random),
        attempts=sum(len(point.changed) for point in log.points),
        changes=sum(sum(point.changed) for point in log.points),
        images=(experience,) if options == TargetOptions() else training_images(log, options),
    )


def check_targets(targets: TargetOptions, oracles: OracleOptions | None) -> None:
    """Check that masks of an oracle are wanted for the image that they belong to.

    Raises:
        ValueError: The mask oracle is on, and `targets` are not the paper's.
    """
    if oracles is not None and oracles.masks and targets != TargetOptions():
        raise ValueError(
            f"the mask oracle knows masks of the first view only, but targets are {targets}; "
            "leave them as they are, or switch the mask oracle off"
        )


def touch_points(
    env: gymnasium.Env[Any, Any],
    location: Location,
    propose_points: ProposePoints,
    schedule: InteractionSchedule,
    rng: np.random.Generator,
    oracles: OracleOptions | None = None,
) -> tuple[VisitLog, int]:
    """Visit one location: touch the agent's points, then random ones, and record all views.

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
        What was seen and touched, and how many of the points, the first ones, the agent or the interaction
        oracle chose.

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
    log = VisitLog(observation["rgb"], observation["depth"])
    masks = truth if options.masks else None
    for (row, column, force), direction in zip((*proposed, *drawn), turns, strict=True):
        applied = force if schedule.joint else _MAXIMUM_FORCE
        log.points.append(_touch(env, log, (row, column, applied), int(direction), schedule.joint, masks))
    return log, len(proposed)


def _touch(
    env: gymnasium.Env[Any, Any],
    log: VisitLog,
    point: Point,
    direction: int,
    joint: bool,
    truth: FirstView | None,
) -> TouchedPoint:
    """Apply forces at one pixel until one succeeds."""
    row, column, force = point
    attempts = escalation(force) if joint else ((force, Feedback.CORRECT),)
    mask: npt.NDArray[np.bool_] | None = None
    views, changed = [log.present], []
    for applied, _ in attempts:
        observation, *_, info = env.step(np.array([row, column, applied, direction]))
        views.append(log.see(observation["rgb"], observation["depth"]))
        changed.append(bool(info["changed"].any()))
        if info["success"]:
            mask = info["mask"]
            break
    if truth is not None:
        mask = truth.mask_at(row, column)
    told = tuple(feedback for _, feedback in attempts)[: len(changed)]
    return TouchedPoint(row // STRIDE, column // STRIDE, force, tuple(views), told, tuple(changed), mask)
