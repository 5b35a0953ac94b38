"""Many locations, visited by many processes (paper section 4.2).

`collect_locations` is a pure function of its task: the same task gives the same records in whichever process
it runs, and whatever ran there before. What is costly to make (the simulator with its compiled rooms, the
network) is kept in the process from task to task.
"""

import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from agents.clustering import cell_centre, greedy_instances
from agents.interact import InteractionRecord, InteractionSchedule, Point, ProposePoints, interact
from agents.network import InteractionNet, fast_bf16, image_tensor
from agents.oracles import OracleOptions
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.locations import LocationSampler
from thor_interact_env.simulators.base import Observation, Simulator

_WORLD = ("simulator", "reach", "simulator_options")
"""Options of the environment that decide its simulator."""

_ROOM_STREAM = 1
"""Sets the random numbers that choose a room apart from those of the location with the same seed."""


class CollectionError(RuntimeError):
    """Locations could not be visited; the message names them, and what went wrong."""


@dataclass(frozen=True)
class CollectionTask:
    """Locations to visit, and all that decides what is found there.

    Attributes:
        seeds: One seed per location: decides spawn, pose, random points and directions.
        rooms: Names of the rooms to draw from.
        schedule: How many points are touched at each location, and how.
        weights: Safetensors file of the state dict of the network that chooses the greedy points; None where
            there are none.
        environment: Keyword arguments of `ThorInteractEnv`, except locations, interactions and
            reachable_share.
        reachable_share: Least share of the view within reach, in 0..1; see `LocationSampler`.
        locations_per_room: Consecutive locations that share a room, because preparing one costs more than
            a visit. The seed of the first one of such a group draws its room; 1 draws one for each.
        greedy_threshold: Least logit of a greedy point; by default there are always as many as are asked for.
        oracles: Ground truth in place of the agent's points or of its masks; by default none.

    Raises:
        ValueError: A value is outside its range, or greedy points are asked for without weights.
    """

    seeds: tuple[int, ...]
    rooms: tuple[str, ...]
    schedule: InteractionSchedule
    weights: Path | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    reachable_share: float = 0.2
    locations_per_room: int = 4
    greedy_threshold: float = -math.inf
    oracles: OracleOptions = OracleOptions()  # noqa: RUF009, it is frozen

    def __post_init__(self) -> None:
        """Check the values."""
        if any(seed < 0 for seed in self.seeds):
            raise ValueError(f"seeds holds {min(self.seeds)}; seeds must not be negative")
        if not self.rooms:
            raise ValueError("rooms is empty; name at least one room to draw from")
        if self.locations_per_room < 1:
            raise ValueError(f"locations_per_room is {self.locations_per_room}; it must be at least 1")
        if self.schedule.greedy and self.weights is None:
            raise ValueError(
                f"{self.schedule.greedy} greedy points are asked for without weights of a network; "
                "give weights, or ask for random points only"
            )
        reserved = {"locations", "interactions", "reachable_share"} & set(self.environment)
        if reserved:
            raise ValueError(
                f"environment holds {', '.join(sorted(reserved))}, which the task itself decides"
            )

    def split(self) -> list["CollectionTask"]:
        """Return tasks of one room each, whose records one after another are those of this task."""
        size = self.locations_per_room
        return [
            replace(self, seeds=self.seeds[first : first + size]) for first in range(0, len(self.seeds), size)
        ]

    def room(self, index: int) -> str:
        """Return the name of the room of the location `index`."""
        first = self.seeds[index - index % self.locations_per_room]
        return self.rooms[np.random.default_rng((first, _ROOM_STREAM)).integers(len(self.rooms))]


def make_environment(
    options: Mapping[str, Any],
    schedule: InteractionSchedule,
    simulator: Simulator | None = None,
    oracles: OracleOptions | None = None,
) -> ThorInteractEnv:
    """Make an environment whose episodes allow all touches of a schedule.

    Args:
        options: Keyword arguments of `ThorInteractEnv`.
        schedule: How many points are touched, and how.
        simulator: One made before from the same options, to be used again; None makes one.
        oracles: Those that `interact` will be given; they may add points.
    """
    if simulator is not None:
        options = {name: value for name, value in options.items() if name not in _WORLD} | {
            "simulator": simulator
        }
    return ThorInteractEnv(**options, interactions=schedule.allowed_steps(oracles or OracleOptions()))


def network_points(
    network: InteractionNet, count: int, threshold: float = -math.inf, bf16: bool | None = None
) -> ProposePoints:
    """Return the function that lets a network choose points (paper section 4.1).

    Args:
        network: On the CPU, in evaluation mode.
        count: Most points it chooses.
        threshold: Least logit of a point.
        bf16: Whether to compute in bf16; None does where the hardware has it.
    """
    reduced = fast_bf16(torch.device("cpu")) if bf16 is None else bf16

    def propose(observation: Observation) -> list[Point]:
        image = image_tensor(observation.rgb, observation.depth)[None]
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=reduced):
            scores, force_logits, embeddings = (value[0].numpy() for value in network(image))
        found = greedy_instances(scores, force_logits, embeddings, count, threshold)
        return [(*cell_centre(instance.row, instance.column), instance.force) for instance in found]

    return propose


class _Workshop:
    """What a process keeps from task to task."""

    def __init__(self) -> None:
        self._world: Any = None
        self._simulator: Simulator | None = None
        self._file: Any = None
        self._network: InteractionNet | None = None

    def simulator(self, options: Mapping[str, Any]) -> Simulator:
        """Return the simulator that these options of the environment ask for."""
        given = options.get("simulator", "mujoco")
        if not isinstance(given, str):
            return given
        world = {name: options[name] for name in _WORLD if name in options}
        if self._simulator is None or world != self._world:
            self.close()
            self._simulator, self._world = ThorInteractEnv(**world).simulator, world
        return self._simulator

    def network(self, path: Path) -> InteractionNet:
        """Return the network with the weights of a file, in evaluation mode."""
        try:
            status = path.stat()
            file = (path, status.st_mtime_ns, status.st_size)
            if self._network is None or file != self._file:
                network = InteractionNet.from_weights(load_file(path)).eval()
                network.to(memory_format=torch.channels_last)
                self._network, self._file = network, file
        except (OSError, SafetensorError, KeyError, RuntimeError) as error:
            raise CollectionError(
                f"{path} does not hold the weights of an interaction network ({error}); "
                "save its state dict there"
            ) from error
        return self._network

    def close(self) -> None:
        """Close the simulator it made."""
        if self._simulator is not None:
            self._simulator.close()
        self._simulator = self._world = None


_workshop = _Workshop()


def collect_locations(task: CollectionTask) -> list[InteractionRecord]:
    """Visit the locations of a task, in this process.

    Args:
        task: What to do; it alone decides the result.

    Returns:
        One record per seed, in their order.

    Raises:
        CollectionError: A location cannot be visited; the message names its seed and room.
    """
    records = []
    for index, seed in enumerate(task.seeds):
        try:
            records.append(_visit(task, seed, task.room(index)))
        except CollectionError:
            raise
        except Exception as error:
            raise CollectionError(
                f"the location of seed {seed} in {task.room(index)} cannot be visited: "
                f"{type(error).__name__}: {error}"
            ) from error
    return records


def _visit(task: CollectionTask, seed: int, room: str) -> InteractionRecord:
    rng = np.random.default_rng(seed)
    simulator = _workshop.simulator(task.environment)
    location = LocationSampler(simulator, (room,), task.reachable_share).sample(rng)
    env = make_environment(task.environment, task.schedule, simulator, task.oracles)
    propose_points: ProposePoints = _no_points
    if task.weights is not None:
        network = _workshop.network(Path(task.weights))
        propose_points = network_points(network, task.schedule.greedy, task.greedy_threshold)
    return interact(env, location, propose_points, task.schedule, rng, task.oracles)


def _no_points(observation: Observation) -> list[Point]:
    return []


class LocalCollector:
    """Carries out tasks on processes of this machine, or in this very process.

    Use it in a `with` statement, or call `close`.
    """

    def __init__(self, workers: int | None = None) -> None:
        """Choose the number of processes; they start when tasks are submitted.

        Args:
            workers: Processes; 0 works in this process, None takes one per available core.

        Raises:
            ValueError: The number is negative.
        """
        if workers is not None and workers < 0:
            raise ValueError(f"workers is {workers}; it must be 0 or more, or None for one per core")
        count = available_cores() if workers is None else workers
        self._executor: ProcessPoolExecutor | None = None
        if count:
            # A fork would copy locks of threads, and an OpenGL context that works in one process only.
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(count, mp_context=context, initializer=_start_worker)

    def submit(self, task: CollectionTask) -> Future[list[InteractionRecord]]:
        """Start a task. One task runs in one process: split a large one with `CollectionTask.split`.

        Args:
            task: What to do.

        Returns:
            A future of one record per seed; it raises `CollectionError` if a location cannot be visited or
            the process dies. Without workers it is done already.
        """
        future: Future[list[InteractionRecord]] = Future()
        future.set_running_or_notify_cancel()
        if self._executor is None:
            try:
                future.set_result(collect_locations(task))
            except Exception as error:
                future.set_exception(error)
            return future
        try:
            with _single_threaded_libraries():
                inner = self._executor.submit(collect_locations, task)
        except BrokenProcessPool as error:
            future.set_exception(_died(task, error))
            return future
        inner.add_done_callback(lambda done: _pass_on(done, future, task))
        return future

    def close(self) -> None:
        """Give up tasks that have not begun, wait for the others and end the processes."""
        if self._executor is None:
            _workshop.close()
        else:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def available_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _pass_on(
    done: Future[list[InteractionRecord]], future: Future[list[InteractionRecord]], task: CollectionTask
) -> None:
    """Hand a process's outcome to the future that `submit` returned."""
    if done.cancelled():
        future.set_exception(CollectionError(f"the collector was closed before {_describe(task)} began"))
        return
    error = done.exception()
    if error is None:
        future.set_result(done.result())
    else:
        future.set_exception(_died(task, error) if isinstance(error, BrokenProcessPool) else error)


def _died(task: CollectionTask, cause: BaseException) -> CollectionError:
    error = CollectionError(
        f"a process died before {_describe(task)} was done; memory may have run out: use fewer workers"
    )
    error.__cause__ = cause
    return error


def _describe(task: CollectionTask) -> str:
    return f"the task of the seeds {', '.join(map(str, task.seeds))}"


@contextmanager
def _single_threaded_libraries() -> Iterator[None]:
    """Let processes started meanwhile use one thread each: numerical libraries read this as they load."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_worker() -> None:
    """Prepare a process of the pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends the pool in good order
    torch.set_num_threads(1)
    if hasattr(os, "nice"):
        # The learner sets the pace: all its threads wait for the one that waits for a worker.
        os.nice(19)
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process once its parent is gone: a parent that was killed cannot tell its pool to stop."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
