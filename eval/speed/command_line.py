"""The cost of every stage, as a ratio to a floor measured in the same run: `python -m eval.speed`.

A floor is the minimum cost of the same result: MuJoCo's own stepping and rendering of the same motion,
the bare network without losses, a copy of the same bytes. See `eval.speed.measure` for the method.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import tyro

from agents.artefacts import run_name
from agents.commands.run_argument import RunPath, with_run_folders
from agents.training.presets import PRESETS
from agents.training.schedule import ConfigurationError, Schedule
from eval.speed.measure import Measurement, NothingMovesError, aligned, speed_table
from thor_interact_env.errors import RenderingError, ThorInteractError
from thor_interact_env.files import write_whole
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.locations.splits import split_rooms

HOURS = 3600

WORKERS_ROUNDS = 2
"""Times that the collection by one and by several workers is timed: about a minute each."""

UPDATES = 30
"""Updates that are timed beside workers and beside busy programs."""

MOST_ROOMS = 4
"""Rooms that the embedded simulator keeps compiled, with their renderers."""


@dataclass(frozen=True)
class SpeedOptions:
    """Measure the cost of every stage, and project the duration of each preset on this machine."""

    split: str = "NovelSpaces/val"
    """Split whose rooms are used."""
    rooms: int = 2
    """Number of its rooms; preparing a room is measured separately."""
    repeats: int = 10
    """Times that each stage of a visit and of inference is timed; of visits, the number of locations."""
    points: int = 6
    """Greedy points of a visited location, and as many random ones."""
    batch_size: int = 64
    """Images of a training step of `paper`; other presets have their own."""
    updates: int = 3
    """Times that each part of a training step is timed."""
    run: RunPath | None = None
    """Run folder of a self-supervised agent, or pretrained:NAME; without, an untrained network chooses the
    greedy points."""
    threads: int = 2
    """CPU threads of the training step. Everything else uses one."""
    workers: int = 2
    """Processes whose collection is compared with that of one, by wall-clock time; 1: no comparison."""
    device: str = "auto"
    """Where the network learns and infers: auto, cpu, cuda, ... On a GPU its times are wall-clock times."""
    beside_load: int = 0
    """Busy programs beside which an update of `hour` is timed too, by wall-clock time; 0: none."""
    seed: int = 0
    """Seed of locations, touches, weights and batches."""
    out: Path | None = None
    """JSON file to write the results to, besides the table."""


def project(
    measurements: Sequence[Measurement],
    schedule: Schedule,
    batch_size: int,
    points: int,
    cores: int,
    step: str = "",
    rooms: int = 80,
) -> float:
    """Return the seconds that a schedule takes when learner and workers keep all cores busy.

    CPU time is added up: rooms that are prepared, visits (what does not depend on the points, and a part per
    point), updates, and evaluations while training. Each worker prepares a room once: `paper` draws one for
    each location, but workers keep them (`agents.collection.pool`), where there is memory for all.

    Args:
        measurements: At least `new room`, `reset`, `superpixels`, `forward`, the clustering, the location and
            the training step.
        schedule: The schedule.
        batch_size: Images of the measured training step.
        points: Greedy points of the measured location, and as many random ones.
        cores: Cores that share the work.
        step: Name of the measurement of the schedule's own training step. Without one, the cost of updates
            is proportional to their views.
        rooms: Number of rooms of the training split.
    """
    seconds = {each.name.partition(",")[0].partition(" (")[0]: each.seconds for each in measurements}
    looking = seconds["reset"] + seconds["forward"] + seconds["clustering"]
    at_least = looking + seconds["superpixels"]
    per_point = max(seconds["location"] - at_least, 0.0) / (2 * points)
    # A view of a new room is part of its cost, and of that of the visit.
    preparing = max(seconds["new room"] - seconds["reset"], 0.0)
    total = min(schedule.total_locations / schedule.locations_per_room, cores * rooms) * preparing
    for stage in schedule.stages:
        touched = (stage.greedy_points + stage.random_points) * per_point
        total += stage.total_locations * (at_least + touched)
        if step in seconds:
            total += stage.total_updates * seconds[step]
        else:
            total += schedule.views_seen(stage) * seconds["training step"] / batch_size
    if schedule.evaluate_every:
        views = schedule.total_episodes // schedule.evaluate_every * schedule.evaluation_locations
        total += views * looking
    return total / cores


def projection_table(projections: Mapping[str, float]) -> str:
    """Return the projected hours of each preset as an aligned text table."""
    rows = [["preset", "locations", "updates", "hours"]]
    for name, hours in projections.items():
        schedule = PRESETS[name]
        rows.append([name, str(schedule.total_locations), str(schedule.total_updates), f"{hours:.2f}"])
    return aligned(rows)


def run(options: SpeedOptions) -> tuple[list[Measurement], dict[str, Any]]:
    """Measure everything.

    Args:
        options: What to measure, and how often.

    Returns:
        The measurements; and a JSON-able dict: `options`, `machine`, `measurements` by name, and
        `projected_hours` by preset.

    Raises:
        UnknownSplitError: There is no such split.
        NothingMovesError: The locations have nothing to touch.
    """
    names = split_rooms(options.split)
    names = names[:: max(1, len(names) // options.rooms)][: options.rooms]
    import torch

    from agents.collection.collector import use_one_thread
    from agents.selfsup_agent.agent import SelfSupervisedAgent
    from agents.training.learner import resolve_device
    from agents.training.processor import available_cores
    from agents.training.run_folder import hardware
    from eval.speed.environment import environment_measurements, location_measurement
    from eval.speed.learning import agent_measurements, learning_measurements, step_name
    from eval.speed.sharing import load_measurement, together_measurement, update_of
    from eval.speed.workers import TASKS, collection_tasks, workers_measurements

    device = str(resolve_device(options.device))
    agent = (
        SelfSupervisedAgent.untrained(options.seed, device)
        if options.run is None
        else SelfSupervisedAgent.from_run(options.run, device)
    )
    threads = torch.get_num_threads()
    use_one_thread()
    env = gymnasium.make("thor_interact_env:ThorInteract-v0", locations=options.split, interactions=10**6)
    base: Any = env.unwrapped
    try:
        rng = np.random.default_rng(options.seed)
        sampler = LocationSampler(base.simulator, names)
        locations = sorted((sampler.sample(rng) for _ in range(8)), key=lambda each: each.scene)
        results = environment_measurements(env, locations, options.repeats, rng)
        view = base.simulator.load(locations[0])
        results += agent_measurements(agent, view, options.repeats, options.seed, device)

        def propose(observation: Any) -> list[tuple[int, int, int]]:
            found = [(*instance.point, instance.force) for instance in agent.propose(observation)]
            return found[: options.points]

        location, records = location_measurement(
            env, names, propose, options.points, options.repeats, 0.2, options.seed
        )
        results.append(location)
    finally:
        env.close()
    training = split_rooms(options.split.partition("/")[0] + "/train")
    experiences = [record.experience for record in records]
    try:
        results += learning_measurements(
            experiences, options.batch_size, options.updates, options.threads, options.seed, device
        )
        if options.workers > 1 or options.beside_load:
            with update_of(experiences, options.threads, options.seed, device) as update:
                if options.workers > 1:
                    tasks = collection_tasks(training, TASKS, options.seed)
                    results.append(together_measurement(update, tasks, options.workers, UPDATES))
                if options.beside_load:
                    results.append(load_measurement(update, options.beside_load, UPDATES, options.threads))
    finally:
        torch.set_num_threads(threads)
    memory: list[int] = []
    if options.workers > 1:
        of_workers, memory = workers_measurements(training, options.workers, WORKERS_ROUNDS, options.seed)
        results += of_workers
    cores = available_cores()
    hours = {
        name: project(
            results, schedule, options.batch_size, options.points, cores, step_name(name), len(training)
        )
        / HOURS
        for name, schedule in PRESETS.items()
    }
    described = {
        name: run_name(value) if isinstance(value, Path) else value for name, value in vars(options).items()
    }
    return results, {
        "options": described,
        "machine": hardware() | {"load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None},
        "measurements": {each.name: each.to_json() for each in results},
        "worker_memory": memory,
        "projected_hours": hours,
    }


def main() -> None:
    """Measure, print the tables, and write the JSON file if one is requested."""
    options = tyro.cli(SpeedOptions, prog="python -m eval.speed")
    counts = (options.repeats, options.rooms, options.points, options.threads, options.workers)
    try:
        if min(*counts, options.updates, options.batch_size) < 1:
            raise ValueError(
                "repeats, rooms, points, threads, workers, updates and batch-size must each be at least 1"
            )
        if options.beside_load < 0:
            raise ValueError(f"beside-load is {options.beside_load}; it must be 0 or more")
        if options.rooms > MOST_ROOMS:
            raise ValueError(f"rooms is {options.rooms}; at most {MOST_ROOMS} stay compiled")
        if options.out is not None and not options.out.parent.is_dir():
            raise ValueError(f"the folder {options.out.parent} of --out does not exist; make it first")
        measurements, document = run(with_run_folders(options))
    except (ValueError, ConfigurationError, ThorInteractError, RenderingError, NothingMovesError) as error:
        print(f"eval.speed: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from error
    print(speed_table(measurements))
    print(f"\nprojected on {document['machine']['cores']} cores, learner and workers together:")
    print(projection_table(document["projected_hours"]))
    if document["worker_memory"]:
        megabytes = ", ".join(f"{each / 1e6:,.0f}" for each in document["worker_memory"])
        print(f"\nmemory of the workers, what they have in common divided between them: {megabytes} MB")
    if options.out is not None:
        try:
            write_whole(options.out, (json.dumps(document, indent=1) + "\n").encode())
        except OSError as error:
            print(f"eval.speed: {error}", file=sys.stderr)
            raise SystemExit(2) from error
        print(f"written to {options.out}")
