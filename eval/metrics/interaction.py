"""Scores of an agent's touches: success rates and distinct objects moved (paper section 5).

Success is the agent's own test on images. Which object moved is ground truth, used only for evaluation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from selfsup.grid import STRIDE
from thor_interact_env.simulators.base import Instances

if TYPE_CHECKING:
    from agents.collection.interact import InteractionRecord
    from selfsup.experience import Experience


@dataclass(frozen=True)
class InteractionScores:
    """Scores of the touches of an agent.

    Attributes:
        greedy_success_rate: Fraction of the points chosen by the agent that moved something, in 0..1; 0 if
            there are none.
        random_success_rate: The same for the points drawn at random.
        objects_per_location: Mean number of distinct objects moved at a location, or None without ground
            truth.
        objects_per_interaction: Distinct objects moved for each point touched, or None without ground truth.
        locations: Number of locations.
        interactions: Number of points touched, greedy and random.
    """

    greedy_success_rate: float
    random_success_rate: float
    objects_per_location: float | None
    objects_per_interaction: float | None
    locations: int
    interactions: int


def moved_objects(experience: "Experience", truth: Instances) -> frozenset[str]:
    """Return the ids of the objects that were touched with success at one location.

    A successful point belongs to the object that covers most of its 3 x 3 pixels in the first view.

    Args:
        experience: The touches at the location.
        truth: Ground truth of the location's first view.

    Returns:
        Ids of the distinct objects; a point on none of them (where an object moved to earlier) is not
        counted.
    """
    if not len(truth):
        return frozenset()
    moved = set()
    for row, column in np.asarray(experience.success_points, np.int64) * STRIDE:
        covered = _pixels_at(truth.masks, int(row), int(column))
        if covered.max() > 0:
            moved.add(truth.ids[int(covered.argmax())])
    return frozenset(moved)


def _pixels_at(masks: npt.NDArray[np.bool_], row: int, column: int) -> npt.NDArray[np.int64]:
    return masks[:, row : row + STRIDE, column : column + STRIDE].sum(axis=(1, 2), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class InteractionCounts:
    """Counts of the touches of an agent, location by location.

    Attributes:
        greedy_touches: (n,) int64, points chosen by the agent.
        greedy_successes: (n,) int64, those of them that moved something.
        random_touches: (n,) int64, points drawn at random.
        random_successes: (n,) int64, those of them that moved something.
        objects: (n,) int64, distinct objects moved, or None without ground truth.
    """

    greedy_touches: npt.NDArray[np.int64]
    greedy_successes: npt.NDArray[np.int64]
    random_touches: npt.NDArray[np.int64]
    random_successes: npt.NDArray[np.int64]
    objects: npt.NDArray[np.int64] | None

    @classmethod
    def of(
        cls, records: Sequence["InteractionRecord"], truths: Sequence[Instances] | None = None
    ) -> "InteractionCounts":
        """Count the touches of records.

        Args:
            records: One record per location.
            truths: Ground truth of each location's first view, in the same order, to count objects; None
                leaves them uncounted.

        Raises:
            ValueError: There are not as many truths as records.
        """
        objects = None
        if truths is not None:
            if len(truths) != len(records):
                raise ValueError(
                    f"{len(records)} records but ground truth of {len(truths)} locations; give one for each"
                )
            moved = [
                len(moved_objects(record.experience, truth))
                for record, truth in zip(records, truths, strict=True)
            ]
            objects = np.array(moved, np.int64)
        names = ("greedy_touches", "greedy_successes", "random_touches", "random_successes")
        counts = {name: np.array([getattr(one, name) for one in records], np.int64) for name in names}
        return cls(**counts, objects=objects)

    def ratios(self) -> dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Return the parts and the wholes behind each rate of `InteractionScores`, location by location."""
        ratios = {
            "greedy_success_rate": (self.greedy_successes, self.greedy_touches),
            "random_success_rate": (self.random_successes, self.random_touches),
        }
        if self.objects is not None:
            touches = self.greedy_touches + self.random_touches
            ratios["objects_per_location"] = (self.objects, np.ones_like(self.objects))
            ratios["objects_per_interaction"] = (self.objects, touches)
        return ratios

    def scores(self) -> InteractionScores:
        """Return the rates over all touches (not the mean of the locations' rates)."""
        rates = {
            name: _ratio(int(part.sum()), int(whole.sum())) for name, (part, whole) in self.ratios().items()
        }
        return InteractionScores(
            greedy_success_rate=rates["greedy_success_rate"],
            random_success_rate=rates["random_success_rate"],
            objects_per_location=rates.get("objects_per_location"),
            objects_per_interaction=rates.get("objects_per_interaction"),
            locations=len(self.greedy_touches),
            interactions=int((self.greedy_touches + self.random_touches).sum()),
        )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
