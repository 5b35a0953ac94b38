"""Many locations, visited by many processes (paper section 4.2).

`collect_locations` is a pure function of its task: the same task gives the same records in every process,
on every machine and after any other task. Tasks run in `agents.collection.local_collector` and
`agents.collection.ray_collector`. What is expensive to make (the simulator with its compiled rooms, the
network) stays in the process between tasks.
"""

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file

from agents.base import Point
from agents.collection.choosing import ChoosePoints, MakeChooser, ProposePoints, cluster_seeds
from agents.collection.interact import InteractionRecord, InteractionSchedule, check_targets, interact
from agents.collection.oracles import OracleOptions
from selfsup.training_images.options import TargetOptions
from thor_interact_env.actions import REACH
from thor_interact_env.checks import check_reach
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.simulators import make_simulator
from thor_interact_env.simulators.base import Observation, Simulator

Visit = Callable[[ThorInteractEnv, Location, np.random.Generator], Any]
"""Does something at a location, with the random numbers given, and returns a record of it."""

_WORLD = ("simulator", "reach", "simulator_options")
"""Options of the environment that decide its simulator."""

_ROOM_STREAM = 1
"""Separates the random numbers that choose a room from those of the location with the same seed."""


class CollectionError(RuntimeError):
    """Locations could not be visited; the message names them and the error."""


def location_seeds(seed: int, stage: int, episode: int, count: int) -> list[int]:
    """Return the seed of each location of an episode.

    Args:
        seed: The run's seed.
        stage: Stage number, from 0.
        episode: 0 for the filling of the bank, 1 for the first episode of the stage, ...
        count: Locations.

    Returns:
        Seeds in 0..2^63 - 1; each depends on its own index and not on `count`.
    """
    sequences = (np.random.SeedSequence(seed, spawn_key=(stage, episode, index)) for index in range(count))
    return [int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1)) for sequence in sequences]


@dataclass(frozen=True)
class CollectionTask:
    """Locations to visit, and everything that determines the result.

    Attributes:
        seeds: One seed per location: decides spawn, pose, random points and directions.
        rooms: Names of the rooms to draw from.
        schedule: How many points are touched at each location, and how.
        weights: Safetensors file of the state dict of the network that chooses the greedy points; None where
            there are none.
        environment: Keyword arguments of `ThorInteractEnv`, except locations, interactions and
            reachable_fraction.
        reachable_fraction: Minimum fraction of the view within reach, in 0..1; see `LocationSampler`.
        locations_per_room: Consecutive locations that share a room, because preparing one costs more than
            a visit. The seed of the first one of such a group draws its room; 1 draws one for each.
        greedy_threshold: Minimum logit of a greedy point; by default none, so all points are taken.
        oracles: Ground truth in place of the agent's points or of its masks; by default none.
        chooser: Makes what chooses the greedy points of the weights.
        visit: What to do at a location instead of `agents.collection.interact.interact`, for a system that
            learns from other records; a function that can be pickled, as it is sent to processes.
        truth: Whether the records hold the ground truth of the first views, for full supervision.
        targets: What the records hold to learn from; it changes no touch.

    Raises:
        ValueError: A value is outside its range, greedy points are requested without weights, or the mask
            oracle is on with other targets than the paper's.
    """

    seeds: tuple[int, ...]
    rooms: tuple[str, ...]
    schedule: InteractionSchedule
    weights: Path | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    reachable_fraction: float = 0.2
    locations_per_room: int = 4
    greedy_threshold: float = -math.inf
    oracles: OracleOptions = OracleOptions()  # noqa: RUF009, it is frozen
    chooser: MakeChooser = cluster_seeds
    visit: Visit | None = None
    truth: bool = False
    targets: TargetOptions = TargetOptions()  # noqa: RUF009, it is frozen

    def __post_init__(self) -> None:
        """Check the values."""
        check_targets(self.targets, self.oracles)
        if any(seed < 0 for seed in self.seeds):
            raise ValueError(f"seeds holds {min(self.seeds)}; seeds must not be negative")
        if not self.rooms:
            raise ValueError("rooms is empty; name at least one room to draw from")
        if self.locations_per_room < 1:
            raise ValueError(f"locations_per_room is {self.locations_per_room}; it must be at least 1")
        if self.schedule.greedy and self.weights is None:
            raise ValueError(
                f"{self.schedule.greedy} greedy points are requested without weights of a network; "
                "give weights, or request random points only"
            )
        reserved = {"locations", "interactions", "reachable_fraction"} & set(self.environment)
        if reserved:
            raise ValueError(f"environment holds {', '.join(sorted(reserved))}, which the task itself sets")

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
        simulator: An existing one of the same options to reuse; None makes one.
        oracles: The oracles of `interact`; they may add points.
    """
    if simulator is not None:
        options = {name: value for name, value in options.items() if name not in _WORLD} | {
            "simulator": simulator
        }
    return ThorInteractEnv(**options, interactions=schedule.allowed_steps(oracles or OracleOptions()))


class _ProcessCache:
    """What a process keeps between tasks."""

    def __init__(self) -> None:
        self._world: Any = None
        self._simulator: Simulator | None = None
        self.rooms: int | None = None
        self._file: Any = None
        self._chooser: ChoosePoints | None = None

    def simulator(self, options: Mapping[str, Any]) -> Simulator:
        """Return the simulator that these options of the environment name."""
        given = options.get("simulator", "mujoco")
        if not isinstance(given, str):
            return given
        world = {name: options[name] for name in _WORLD if name in options}
        if self._simulator is None or world != self._world:
            self.close()
            reach = world.get("reach", REACH)
            check_reach(reach)
            further = world.get("simulator_options") or {}
            made: Any = make_simulator(given, **{"reach": float(reach), **further})
            if self.rooms is not None and hasattr(made, "room_cache") and "room_cache" not in further:
                made.room_cache = self.rooms
            self._simulator, self._world = made, world
        return self._simulator

    def chooser(self, make: MakeChooser, path: Path, content: bytes | None = None) -> ChoosePoints:
        """Return what chooses points with the weights of a file."""
        try:
            if content is None:
                status = path.stat()
                file = (make, path, status.st_mtime_ns, status.st_size)
            else:
                file = (make, path, zlib.crc32(content), len(content))
            if self._chooser is None or file != self._file:
                # The new network draws weights before it gets these. This process may be the learner's own.
                with torch.random.fork_rng(devices=[]):
                    self._chooser = make(load_file(path) if content is None else load(content))
                self._file = file
        except (OSError, SafetensorError, KeyError, RuntimeError) as error:
            raise CollectionError(
                f"{path} does not hold the weights of an interaction network ({error}); "
                "save its state dict there"
            ) from error
        return self._chooser

    def close(self) -> None:
        """Close the simulator it made."""
        if self._simulator is not None:
            self._simulator.close()
        self._simulator = self._world = None


_cache = _ProcessCache()


def keep_rooms(count: int) -> None:
    """Let the simulator that this process keeps hold so many compiled rooms.

    A simulator that counts none, or whose options say how many, is left as it is.

    Args:
        count: At least 1.
    """
    _cache.rooms = count


def close_cache() -> None:
    """Close the simulator that this process keeps between tasks."""
    _cache.close()


def collect_locations(task: CollectionTask, weights: bytes | None = None) -> list[InteractionRecord]:
    """Visit the locations of a task, in this process.

    Args:
        task: The task; it alone determines the result.
        weights: Content of the file of weights, for a process that cannot read the file.

    Returns:
        One record per seed, in their order.

    Raises:
        CollectionError: A location cannot be visited; the message names its seed and room.
    """
    records = []
    for index, seed in enumerate(task.seeds):
        try:
            records.append(_visit(task, seed, task.room(index), weights))
        except CollectionError:
            raise
        except Exception as error:
            raise CollectionError(
                f"the location of seed {seed} in {task.room(index)} cannot be visited: "
                f"{type(error).__name__}: {error}"
            ) from error
    return records


def _visit(task: CollectionTask, seed: int, room: str, weights: bytes | None) -> InteractionRecord:
    rng = np.random.default_rng(seed)
    simulator = _cache.simulator(task.environment)
    location = LocationSampler(simulator, (room,), task.reachable_fraction).sample(rng)
    truth = simulator.instances() if task.truth else None
    env = make_environment(task.environment, task.schedule, simulator, task.oracles)
    if task.visit is not None:
        return cast(InteractionRecord, task.visit(env, location, rng))
    propose_points: ProposePoints = _no_points
    if task.weights is not None:
        chooser = _cache.chooser(task.chooser, Path(task.weights), weights)
        propose_points = chooser(task.schedule.greedy, task.greedy_threshold)
    record = interact(env, location, propose_points, task.schedule, rng, task.oracles, task.targets)
    return replace(record, truth=truth)


def _no_points(observation: Observation) -> list[Point]:
    return []
