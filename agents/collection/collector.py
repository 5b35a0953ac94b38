"""The interface of collectors, which run collection tasks, and their common functions."""

from concurrent.futures import Future
from typing import Any, Protocol

import cv2
import torch

from agents.collection.collect import CollectionTask

ATTEMPTS = 3
"""Maximum number of attempts at a task: one that ends every process it runs in must not repeat forever."""


class Collector(Protocol):
    """Runs collection tasks."""

    def submit(self, task: CollectionTask) -> Future[list[Any]]:
        """Start a task; its result, one record per seed, depends only on the task."""

    def close(self) -> None:
        """Cancel unfinished tasks and release all resources."""


def describe(task: CollectionTask) -> str:
    """Return the name of a task for messages."""
    return f"the task of the seeds {', '.join(map(str, task.seeds))}"


def use_one_thread() -> None:
    """Limit this process to one thread, as in all collecting processes."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
