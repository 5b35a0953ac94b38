"""What carries out collection tasks, and what all that do share."""

from concurrent.futures import Future
from typing import Any, Protocol

import cv2
import torch

from agents.collection.collect import CollectionTask

ATTEMPTS = 3
"""Times that a task is begun at most: a task that kills every process it runs in must not go on for ever."""


class Collector(Protocol):
    """Whatever carries out collection tasks."""

    def submit(self, task: CollectionTask) -> Future[list[Any]]:
        """Start a task; its result, one record per seed, depends on nothing but the task."""

    def close(self) -> None:
        """Give up what is unfinished and free everything."""


def describe(task: CollectionTask) -> str:
    """Return what a message calls a task."""
    return f"the task of the seeds {', '.join(map(str, task.seeds))}"


def use_one_thread() -> None:
    """Let this process compute with one thread, as all processes that collect do."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
