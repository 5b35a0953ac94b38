"""Throughput, in units of a floor measured in the same run: `python -m eval.speed`.

Seconds differ from machine to machine, and on a shared one from minute to minute. The floor is a fixed piece
of arithmetic (the FFT of one 300 x 300 RGB picture) timed alternately with each measured piece of work, so
that their ratio says what the work costs, whatever else the machine is doing.
"""

import dataclasses
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import tyro

from selfsup.superpixels import superpixel_labels
from thor_interact_env.actions import DIRECTIONS, FORCES
from thor_interact_env.errors import RenderingError
from thor_interact_env.files import write_whole
from thor_interact_env.locations import Location, LocationSampler, split_rooms
from thor_interact_env.simulators.base import Observation, Simulator


@dataclass(frozen=True)
class SpeedOptions:
    """Measure how fast the environment and the agents are, in units of a floor timed in the same run."""

    split: str = "NovelSpaces/val"
    """Split whose rooms are used."""
    rooms: int = 2
    """Number of its rooms; compiling a room is not part of any measurement."""
    repeats: int = 20
    """Times that each piece of work is timed; of collection, the number of locations."""
    points: int = 6
    """Greedy points of a collected location, and as many random ones."""
    run: Path | None = None
    """Run folder of a trained agent; without, an untrained network chooses the greedy points."""
    threads: int = 1
    """torch threads of the inference measurement; more pay only on idle cores. Collection always uses one."""
    seed: int = 0
    """Seed of locations, directions and random points."""
    out: Path | None = None
    """JSON file to write the results to, besides the table."""


@dataclass(frozen=True)
class Measurement:
    """How long one piece of work takes.

    Attributes:
        name: What was measured.
        repeats: Number of times.
        seconds: Mean wall-clock time of one piece of work.
        floor_seconds: Mean time of the floor, timed before each repeat.
    """

    name: str
    repeats: int
    seconds: float
    floor_seconds: float

    @property
    def floors(self) -> float:
        """Time of the work divided by that of the floor."""
        return self.seconds / self.floor_seconds

    @property
    def per_second(self) -> float:
        """Pieces of work done in a second."""
        return 1 / self.seconds

    def to_json(self) -> dict[str, float | int | str]:
        """Return all numbers, the derived ones included."""
        return dataclasses.asdict(self) | {"floors": self.floors, "per_second": self.per_second}


_FLOOR_PICTURE = np.random.default_rng(0).random((3, 300, 300))


def floor_work() -> None:
    """Do the work that all others are compared with: one FFT of a 300 x 300 RGB picture, on one thread."""
    np.fft.rfft2(_FLOOR_PICTURE)


def measure(
    name: str,
    work: Callable[[], object],
    repeats: int,
    prepare: Callable[[], object] | None = None,
    floor: Callable[[], object] = floor_work,
    clock: Callable[[], float] = time.perf_counter,
) -> Measurement:
    """Time a piece of work and the floor alternately, after one untimed round of both.

    Args:
        name: What is measured.
        work: The work.
        repeats: Number of timed rounds, at least 1.
        prepare: Called before each round, untimed.
        floor: The work to compare with.
        clock: Returns the time in seconds.

    Raises:
        ValueError: There is no round to time.
    """
    if repeats < 1:
        raise ValueError(f"repeats {repeats} of the measurement {name!r} must be at least 1")
    totals = np.zeros(2)
    for round_number in range(repeats + 1):
        if prepare is not None:
            prepare()
        times = [clock()]
        for part in (floor, work):
            part()
            times.append(clock())
        if round_number > 0:  # the first round pays for caches and lazy imports
            totals += np.maximum(np.diff(times), 1e-9)
    return Measurement(name, repeats, float(totals[1]) / repeats, float(totals[0]) / repeats)


def speed_table(measurements: Sequence[Measurement]) -> str:
    """Return the measurements as an aligned text table, without a final newline."""
    table = [["work", "floors", "ms", "per second"]]
    for each in measurements:
        table.append(
            [each.name, f"{each.floors:.1f}", f"{1000 * each.seconds:.2f}", f"{each.per_second:.1f}"]
        )
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    lines = [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in table
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


class NothingMovesError(RuntimeError):
    """No touch that moves something, or none that moves nothing, was found to be timed."""


def find_touch(
    simulator: Simulator, location: Location, moving: bool, rng: np.random.Generator
) -> Sequence[int]:
    """Find a touch at a location that moves something, or one that moves nothing.

    Args:
        simulator: Where to touch; the location is loaded anew for each trial.
        location: Where the agent stands.
        moving: Whether the touch should move something. The ground truth then says where to look.
        rng: Chooses pixels.

    Returns:
        Row, column, force index 2, and direction index.

    Raises:
        NothingMovesError: None was found in 40 trials.
    """
    for _ in range(40):
        before = simulator.load(location)
        pixels = (
            np.argwhere(simulator.instances().masks.any(axis=0)) if moving else np.argwhere(before.depth > 0)
        )
        if not len(pixels):
            break
        row, column = pixels[rng.integers(len(pixels))].tolist()
        direction = int(rng.integers(len(DIRECTIONS)))
        after = simulator.touch(row, column, FORCES[2], DIRECTIONS[direction])
        if (after is not before) == moving:
            return [row, column, 2, direction]
    raise NothingMovesError(
        f"no touch that moves {'something' if moving else 'nothing'} was found at {location}"
    )


def _environment_measurements(
    env: Any, locations: Sequence[Location], options: SpeedOptions
) -> list[Measurement]:
    rng = np.random.default_rng(options.seed)
    simulator: Simulator = env.unwrapped.simulator
    repeats = options.repeats
    moving = _first_touch(simulator, locations, True, rng)
    still = _first_touch(simulator, locations, False, rng)
    order = iter(rng.permutation(np.arange(repeats + 1) % len(locations)).tolist())

    def load(case: tuple[Location, Sequence[int]]) -> Observation:
        return simulator.load(case[0])

    def touch(case: tuple[Location, Sequence[int]]) -> Observation:
        row, column, force, direction = case[1]
        return simulator.touch(row, column, FORCES[force], DIRECTIONS[direction])

    results = [
        measure("reset", lambda: env.reset(options={"location": locations[next(order)]}), repeats),
        measure("touch that moves", lambda: touch(moving), repeats, lambda: load(moving)),
    ]
    env.reset(options={"location": still[0]})
    results.append(measure("step that cannot move", lambda: env.step(np.array(still[1])), repeats))
    view = load(moving)
    state = simulator.get_state()
    results.append(measure("render RGB and depth", lambda: simulator.set_state(state), repeats))
    results.append(measure("superpixels", lambda: superpixel_labels(view.rgb), repeats))
    return results


def _first_touch(
    simulator: Simulator, locations: Sequence[Location], moving: bool, rng: np.random.Generator
) -> tuple[Location, Sequence[int]]:
    for location in locations[:-1]:
        try:
            return location, find_touch(simulator, location, moving, rng)
        except NothingMovesError:
            continue
    return locations[-1], find_touch(simulator, locations[-1], moving, rng)


def _agent(options: SpeedOptions) -> Any:
    from agents.selfsup_agent import SelfSupervisedAgent  # torch is loaded here, not by `--help`

    if options.run is None:
        return SelfSupervisedAgent.untrained(options.seed)
    return SelfSupervisedAgent.from_run(options.run)


def _agent_measurements(
    env: Any, agent: Any, locations: Sequence[Location], options: SpeedOptions
) -> list[Measurement]:
    import torch

    from agents.interact import InteractionSchedule, interact

    schedule = InteractionSchedule(options.points, options.points, joint=False)
    rng = np.random.default_rng(options.seed)
    simulator: Simulator = env.unwrapped.simulator
    view = simulator.load(locations[0])

    def points(observation: Observation) -> list[tuple[int, int, int]]:
        found = [(*instance.point, instance.force) for instance in agent.propose(observation)]
        return found[: options.points]

    order = iter((np.arange(options.repeats + 1) % len(locations)).tolist())
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(options.threads)
        inference = measure("inference and clustering", lambda: agent.propose(view), options.repeats)
        torch.set_num_threads(1)
        collection = measure(
            f"collected location ({options.points} + {options.points} points)",
            lambda: interact(env, locations[next(order)], points, schedule, rng),
            options.repeats,
        )
    finally:
        torch.set_num_threads(threads)
    return [inference, collection]


def run(options: SpeedOptions) -> dict[str, Any]:
    """Measure everything.

    Args:
        options: What to measure, and how often.

    Returns:
        A dict that JSON can hold: `options`, `machine`, `floor_seconds`, and `measurements` by name.

    Raises:
        UnknownSplitError: There is no such split.
        NothingMovesError: The locations hold nothing to touch.
    """
    names = split_rooms(options.split)[:: max(1, len(split_rooms(options.split)) // options.rooms)][
        : options.rooms
    ]
    agent = _agent(options)  # before anything is rendered: triton's LLVM does not load after the renderer's
    env = gymnasium.make("thor_interact_env:ThorInteract-v0", locations=options.split, interactions=10**6)
    try:
        sampler = LocationSampler(env.unwrapped.simulator, names)  # type: ignore[attr-defined]
        rng = np.random.default_rng(options.seed)
        drawn = (sampler.sample(rng) for _ in range(max(4, options.repeats)))
        locations = sorted(drawn, key=lambda each: each.scene)
        results = _environment_measurements(env, locations, options)
        results += _agent_measurements(env, agent, locations, options)
    finally:
        env.close()
    return {
        "options": {
            name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()
        },
        "machine": {
            "cores": os.cpu_count(),
            "platform": platform.platform(),
            "python": platform.python_version(),
        },
        "floor_seconds": float(np.mean([each.floor_seconds for each in results])),
        "measurements": {each.name: each.to_json() for each in results},
    }


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file under a temporary name first, so that no half-written file is ever seen.

    Raises:
        FileNotFoundError: The folder does not exist.
    """
    write_whole(path, (json.dumps(document, indent=1) + "\n").encode())


def main() -> None:
    """Measure, print the table, and write the JSON file if one is asked for."""
    options = tyro.cli(SpeedOptions, prog="python -m eval.speed")
    try:
        if min(options.repeats, options.rooms, options.points, options.threads) < 1:
            raise ValueError("repeats, rooms, points and threads must each be at least 1")
        if options.out is not None and not options.out.parent.is_dir():
            raise ValueError(f"the folder {options.out.parent} of --out does not exist; make it first")
        document = run(options)
    except (ValueError, NothingMovesError, RenderingError) as error:
        print(f"eval.speed: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    fields = {field.name for field in dataclasses.fields(Measurement)}
    measurements = [
        Measurement(**{name: value for name, value in each.items() if name in fields})
        for each in document["measurements"].values()
    ]
    print(speed_table(measurements))
    print(f"1 floor = {1000 * document['floor_seconds']:.2f} ms: the FFT of a 300 x 300 RGB picture")
    if options.out is not None:
        write_json(options.out, document)
        print(f"written to {options.out}")


if __name__ == "__main__":
    main()
