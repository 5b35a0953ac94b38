"""Collection by the machines of a Ray cluster: `--engine ray --address auto`.

The same function as in processes of this machine, `collect_locations`, runs as Ray tasks, so the records are
the same. The package must be installed on every machine. Weights go through the object store, once for
all tasks of an episode.
"""

import os
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.error import DependencyNotInstalled

from agents.collection.collect import CollectionError, CollectionTask, collect_locations
from agents.collection.collector import ATTEMPTS, describe, use_one_thread
from agents.collection.interact import InteractionRecord


def load_ray() -> Any:
    """Return the module ray.

    Raises:
        DependencyNotInstalled: It is not installed.
    """
    # Ray sends usage statistics over the network by default; this package never does.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise DependencyNotInstalled(
            'collecting on a cluster needs Ray; install it: pip install "thor-interact[cluster]"'
        ) from error
    return ray


class RayCollector:
    """Runs tasks on a Ray cluster. A task whose process ends early is repeated, at most twice."""

    def __init__(self, address: str = "auto") -> None:
        """Connect.

        Args:
            address: Address of the cluster, as for `ray.init`: `auto` for the one this machine belongs to,
                `local` for a new one of this machine alone, which ends with the collector, or `host:port`.

        Raises:
            DependencyNotInstalled: Ray is not installed.
            CollectionError: There is no cluster at the address.
        """
        self._ray = load_ray()
        options: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
        try:
            self._ray.init(address=address, log_to_driver=False, configure_logging=False, **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise CollectionError(
                f"there is no Ray cluster at {address!r} ({error}); start one with `ray start --head`, or "
                "give --address local for one of this machine alone"
            ) from error
        self._task = self._ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(_collect_with_content)
        self._sent: tuple[Any, Any] | None = None

    def submit(self, task: CollectionTask) -> Future[list[InteractionRecord]]:
        """Start a task; see `LocalCollector.submit`."""
        future: Future[list[InteractionRecord]] = Future()
        future.set_running_or_notify_cancel()
        try:
            reference = self._task.remote(task, self._weights(task.weights))
        except OSError as error:
            future.set_exception(CollectionError(f"the weights of {describe(task)} cannot be read: {error}"))
            return future
        reference.future().add_done_callback(lambda done: self._pass_on(done, future, task))
        return future

    def close(self) -> None:
        """Cancel unfinished tasks and disconnect from the cluster."""
        self._sent = None
        self._ray.shutdown()

    def _weights(self, path: Path | None) -> Any:
        """Return a reference to a file's content in the object store, which is sent there once."""
        if path is None:
            return None
        status = path.stat()
        file = (path, status.st_mtime_ns, status.st_size)
        if self._sent is None or self._sent[0] != file:
            self._sent = (file, self._ray.put(np.frombuffer(path.read_bytes(), np.uint8)))
        return self._sent[1]

    def _pass_on(
        self, done: Future[Any], future: Future[list[InteractionRecord]], task: CollectionTask
    ) -> None:
        error = done.exception()
        if error is None:
            future.set_result(done.result())
            return
        cause = getattr(error, "cause", None)
        if isinstance(cause, CollectionError):
            error = cause
        elif isinstance(error, self._ray.exceptions.RayError):
            error = CollectionError(
                f"the cluster could not do {describe(task)}: {' '.join(str(error).split())}"
            )
        future.set_exception(error)


def _collect_with_content(
    task: CollectionTask, weights: npt.NDArray[np.uint8] | None
) -> list[InteractionRecord]:
    """Do a task in a process of the cluster."""
    use_one_thread()
    return collect_locations(task, None if weights is None else weights.tobytes())
