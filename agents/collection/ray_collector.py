"""Collection by the machines of a Ray cluster: `--engine ray --address auto`.

The same function as in processes of this machine, `collect_locations`, runs in Ray actors, so the records are
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

from agents.closing import Closing
from agents.collection.collect import CollectionError, CollectionTask, collect_locations, keep_rooms
from agents.collection.collector import describe, use_one_thread
from agents.collection.interact import InteractionRecord
from agents.collection.pool import WorkerEndedError, WorkerPool
from agents.collection.room_memory import MINIMUM_ROOMS, rooms_kept
from agents.training.processor import available_cores


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


def connect(address: str) -> Any:
    """Connect to a Ray cluster, and return the module ray.

    Args:
        address: Address of the cluster, as for `ray.init`: `auto` for the one this machine belongs to,
            `local` for a new one of this machine alone, which ends with the connection, or `host:port`.

    Raises:
        DependencyNotInstalled: Ray is not installed.
        CollectionError: There is no cluster at the address.
    """
    ray = load_ray()
    options: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False, **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise CollectionError(
            f"there is no Ray cluster at {address!r} ({error}); start one with `ray start --head`, or "
            "give --address local for one of this machine alone"
        ) from error
    return ray


class RayCollector(Closing):
    """Runs tasks on a Ray cluster, in one actor for each of its processors that is free at the start.

    The actors hold these processors until the collector is closed. A task goes to the actor that has compiled
    its room. A task whose actor ends early is repeated, at most twice.
    """

    def __init__(self, address: str = "auto", room_memory: float | None = None) -> None:
        """Connect.

        Args:
            address: Address of the cluster; see `connect`.
            room_memory: Memory for the compiled rooms of all actors of a machine, 10^9 bytes; None takes a
                quarter of what is available there.

        Raises:
            DependencyNotInstalled: Ray is not installed.
            CollectionError: There is no cluster at the address.
        """
        self._ray = connect(address)
        count = max(int(self._ray.available_resources().get("CPU", 1)), 1)
        self._pool = WorkerPool([_RemoteWorker(self._ray, room_memory) for _ in range(count)])
        self._sent: tuple[Any, Any] | None = None

    def submit(self, task: CollectionTask) -> Future[list[InteractionRecord]]:
        """Start a task; see `LocalCollector.submit`."""
        try:
            weights = self._weights(task.weights)
        except OSError as error:
            future: Future[list[InteractionRecord]] = Future()
            future.set_exception(CollectionError(f"the weights of {describe(task)} cannot be read: {error}"))
            return future
        return self._pool.submit(task, weights)

    def close(self) -> None:
        """Cancel unfinished tasks and disconnect from the cluster."""
        self._pool.close(wait=False)
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


class _RemoteWorker:
    """An actor of the cluster, as a `Worker`."""

    rooms = MINIMUM_ROOMS  # until the actor has said how many it keeps

    def __init__(self, ray: Any, room_memory: float | None) -> None:
        """Store the arguments; the actor starts with the first task.

        Args:
            ray: The module.
            room_memory: See `RayCollector`.
        """
        self._ray = ray
        self._room_memory = room_memory
        self._actor: Any = None
        self._closed = False

    def collect(self, task: CollectionTask, weights: Any) -> list[InteractionRecord]:
        """Run a task; see `Worker`."""
        if self._closed:
            raise WorkerEndedError("the collector was closed")
        if self._actor is None:
            self._actor = self._ray.remote(num_cpus=1)(_Actor).remote(self._room_memory)
        try:
            records, self.rooms = self._ray.get(self._actor.collect.remote(task, weights))
        except self._ray.exceptions.RayActorError as error:
            self._actor = None
            raise WorkerEndedError(" ".join(str(error).split())) from error
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, CollectionError):
                raise error.cause from error
            raise _failure(task, error) from error
        except self._ray.exceptions.RayError as error:
            raise _failure(task, error) from error
        return records

    def close(self) -> None:
        """End the actor, even during a task; see `Worker`."""
        self._closed, actor = True, self._actor
        if actor is not None:
            self._ray.kill(actor)


class _Actor:
    """Runs tasks in a process of the cluster."""

    def __init__(self, room_memory: float | None) -> None:
        use_one_thread()
        self._rooms = rooms_kept(available_cores(), room_memory)
        keep_rooms(self._rooms)

    def collect(
        self, task: CollectionTask, weights: npt.NDArray[np.uint8] | None
    ) -> tuple[list[InteractionRecord], int]:
        """Return the records of a task, and the maximum number of rooms that this process keeps."""
        return collect_locations(task, None if weights is None else weights.tobytes()), self._rooms


def _failure(task: CollectionTask, error: Exception) -> CollectionError:
    return CollectionError(f"the cluster could not do {describe(task)}: {' '.join(str(error).split())}")
