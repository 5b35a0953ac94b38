"""The speed-up of several workers: wall-clock time relative to one of them."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from importlib.util import find_spec

from agents.collection.collect import CollectionTask
from agents.collection.collector import Collector
from agents.collection.interact import InteractionSchedule
from agents.collection.local_collector import LocalCollector
from agents.collection.ray_collector import RayCollector
from agents.training.processor import available_cores
from eval.speed.measure import Bar, Measurement

TASKS, LOCATIONS = 24, 4
"""Tasks of a round, and the locations of each, all in a room that is new to the worker. Many tasks, because
at the end of a round some of the workers are idle."""

POINTS = 18
"""Random points of a location, each touched with all forces."""

MINIMUM_SPEED_UP = 0.925
"""Target of the speed-up, as a fraction of the number of workers."""


def workers_measurements(
    rooms: Sequence[str],
    workers: int,
    rounds: int,
    seed: int,
    tasks: int = TASKS,
    make: Callable[[int], Collector] = LocalCollector,
) -> list[Measurement]:
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
        Wall-clock seconds of a location: of all workers relative to one, and of Ray relative to all of them.
    """
    works: dict[str, Callable[[], Collector]] = {"one": lambda: make(1), "all": lambda: make(workers)}
    if workers == available_cores() and find_spec("ray") is not None:  # Ray takes all cores.
        works["ray"] = lambda: RayCollector("local")
    todo = collection_tasks(rooms, tasks + workers, seed)
    totals = dict.fromkeys(works, 0.0)
    for _ in range(rounds):
        for name, start in works.items():
            totals[name] += _seconds(start(), workers, todo)
    each = {name: total / rounds / (tasks * LOCATIONS) for name, total in totals.items()}
    many = f"{workers} workers"
    bar = Bar(ratio=round(1 / (MINIMUM_SPEED_UP * workers), 3))
    results = [Measurement(f"location by {many}", rounds, each["all"], "by one", each["one"], bar)]
    if "ray" in each:
        results.append(
            Measurement("location by Ray", rounds, each["ray"], f"by {many}", each["all"], Bar(ratio=1.1))
        )
    return results


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


def _seconds(collector: Collector, workers: int, tasks: Sequence[CollectionTask]) -> float:
    """Return how long the tasks take, once every process has started and done one of the last."""
    try:
        wait([collector.submit(task) for task in tasks[-workers:]])
        start = time.perf_counter()
        for future in [collector.submit(task) for task in tasks[:-workers]]:
            future.result()
        return time.perf_counter() - start
    finally:
        collector.close()
