"""The start, speed-up and memory of several workers: wall-clock time relative to one of them."""

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec

import psutil

from agents.collection.collect import CollectionTask
from agents.collection.collector import Collector
from agents.collection.interact import InteractionSchedule
from agents.collection.local_collector import LocalCollector
from agents.collection.ray_collector import RayCollector
from agents.training.processor import available_cores
from eval.speed.measure import Bar, Measurement, finish

TASKS, LOCATIONS = 24, 4
"""Tasks of a round, and the locations of each, all in a room that is new to the worker. Many tasks, because
at the end of a round some of the workers are idle."""

POINTS = 18
"""Random points of a location, each touched with all forces."""

MINIMUM_SPEED_UP = 0.925
"""Target of the speed-up, as a fraction of the number of workers, or of cores if there are fewer."""

_MINIMUM_MEMORY = 50 * 10**6  # bytes: of a process that collects, not of those that only keep account


def workers_measurements(
    rooms: Sequence[str],
    workers: int,
    rounds: int,
    seed: int,
    tasks: int = TASKS,
    make: Callable[[int], Collector] = LocalCollector,
) -> tuple[list[Measurement], list[int]]:
    """Measure the collection by workers of this machine, and by Ray if installed and they fill the cores.

    The same locations are collected by one worker, by all, and by Ray, in turn. No learner runs at the same
    time.

    Args:
        rooms: To draw locations from.
        workers: Number of workers, at least 2.
        rounds: Times that each is timed.
        seed: Decides the locations.
        tasks: Number of tasks for all workers.
        make: Makes a collector with a number of processes.

    Returns:
        Wall-clock seconds: until all workers have started and each has done a task, relative to one worker;
        of a location by all of them relative to one, and by Ray relative to all. And the bytes of memory of
        each of the workers at the end of the last round, what they have in common divided between them; empty
        where the system does not tell.
    """
    works: dict[str, Callable[[], Collector]] = {"one": lambda: make(1), "all": lambda: make(workers)}
    if workers == available_cores() and find_spec("ray") is not None:  # Ray takes all cores.
        works["ray"] = lambda: RayCollector("local")
    todo = collection_tasks(rooms, tasks + workers, seed)
    totals, starts = dict.fromkeys(works, 0.0), dict.fromkeys(works, 0.0)
    memory: list[int] = []
    for _ in range(rounds):
        for name, start in works.items():
            first = todo[-1:] if name == "one" else todo[tasks:]
            started, took, held = _collected(start, first, todo[:tasks])
            starts[name] += started / rounds
            totals[name] += took
            memory = held if name == "all" else memory
    each = {name: total / rounds / (tasks * LOCATIONS) for name, total in totals.items()}
    many = f"{workers} workers"
    # More workers than cores share them.
    bar = Bar(ratio=round(1 / (MINIMUM_SPEED_UP * min(workers, available_cores())), 3))
    results = [
        Measurement(f"start of {many}", rounds, starts["all"], "of one", starts["one"]),
        Measurement(f"location by {many}", rounds, each["all"], "by one", each["one"], bar),
    ]
    if "ray" in each:
        results.append(
            Measurement("location by Ray", rounds, each["ray"], f"by {many}", each["all"], Bar(ratio=1.1))
        )
    return results, memory


def collection_tasks(rooms: Sequence[str], count: int, seed: int) -> list[CollectionTask]:
    """Return tasks of `LOCATIONS` locations with `POINTS` random points each, each task in one room.

    Args:
        rooms: To draw locations from.
        count: Number of tasks.
        seed: Decides the locations.
    """
    schedule = InteractionSchedule(0, POINTS, joint=True)
    seeds = tuple(range(seed, seed + count * LOCATIONS))
    return CollectionTask(seeds, tuple(rooms), schedule, locations_per_room=LOCATIONS).split()


def _collected(
    make: Callable[[], Collector], first: Sequence[CollectionTask], tasks: Sequence[CollectionTask]
) -> tuple[float, float, list[int]]:
    """Do tasks in new processes.

    Returns:
        Seconds until the processes have started and done the first tasks, one each; seconds that the others
        took; and the bytes of memory of each process at the end.
    """
    before = set(psutil.Process().children())
    began = time.perf_counter()
    collector = make()
    try:
        finish([collector.submit(task) for task in first])
        start = time.perf_counter()
        finish([collector.submit(task) for task in tasks])
        end = time.perf_counter()
        return start - began, end - start, _memory(set(psutil.Process().children()) - before)
    finally:
        collector.close()


def _memory(processes: Iterable[psutil.Process]) -> list[int]:
    """Return the bytes of memory of the processes that collect."""
    held = []
    for process in processes:
        with contextlib.suppress(psutil.Error, AttributeError):  # ended, or not Linux
            held.append(int(process.memory_full_info().pss))
    return [each for each in held if each > _MINIMUM_MEMORY]
