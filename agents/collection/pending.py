"""Locations that workers are visiting, and their statistics."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
import numpy.typing as npt

from agents.collection.collect import CollectionTask
from agents.collection.collector import Collector
from agents.collection.interact import InteractionRecord


class Pending:
    """The locations of one episode, while workers visit them.

    Attributes:
        episode: Number of the episode within its stage; 0 fills the memory bank.
    """

    def __init__(self, collector: Collector, tasks: Sequence[CollectionTask], episode: int) -> None:
        """Submit the tasks.

        Args:
            collector: Runs them.
            tasks: In the order in which their locations enter the memory bank.
            episode: Number of the episode within its stage.
        """
        self.episode = episode
        self.weights = {task.weights for task in tasks}
        """Files that the tasks still need."""
        self._started = time.perf_counter()
        self._arrivals: list[float] = []
        self._futures = [collector.submit(task) for task in tasks]
        for future in self._futures:
            future.add_done_callback(self._note_time)

    def _note_time(self, future: Future[list[InteractionRecord]]) -> None:
        self._arrivals.append(time.perf_counter())

    @property
    def done(self) -> bool:
        """Whether `records` would not wait."""
        return all(future.done() for future in self._futures)

    def records(self) -> tuple[list[InteractionRecord], float]:
        """Wait for all records; return them in the order of the tasks, and the seconds they took."""
        records = [record for future in self._futures for record in future.result()]
        # A result is there before its callback is called.
        noted = len(self._arrivals) == len(self._futures)
        arrivals = self._arrivals if noted else [time.perf_counter()]
        return records, max(arrivals, default=self._started) - self._started


def distinct_masks(masks: npt.NDArray[np.bool_]) -> int:
    """Return how many different objects moved at a location, judged by the masks alone.

    Args:
        masks: (m, 100, 100) bool. Two that overlap with an IoU of at least one half are one object.
    """
    kept: list[npt.NDArray[np.bool_]] = []
    for mask in masks:
        if all(2 * (mask & other).sum() < (mask | other).sum() for other in kept):
            kept.append(mask)
    return len(kept)


def collection_summary(counts: Sequence[Mapping[str, int]]) -> dict[str, Any]:
    """Return success rates, and the mean number of different objects moved at a location.

    Args:
        counts: One per location, as given by `collection_counts`.
    """
    if not counts:
        return {}
    row: dict[str, Any] = {}
    for kind in ("greedy", "random"):
        touches = sum(each[f"{kind}_touches"] for each in counts)
        successes = sum(each[f"{kind}_successes"] for each in counts)
        row |= {f"{kind}_touches": touches, f"{kind}_success": successes / touches if touches else None}
    moved = sum(each["moved"] for each in counts)
    return {**row, "distinct_objects_per_location": moved / len(counts)}


def collection_counts(records: Sequence[InteractionRecord]) -> list[dict[str, int]]:
    """Return the counts of each location, which are all that other ranks need."""
    names = ("greedy_touches", "greedy_successes", "random_touches", "random_successes")
    return [
        {name: getattr(record, name) for name in names} | {"moved": distinct_masks(record.experience.masks)}
        for record in records
    ]
