"""Updates on cores that are shared: beside busy programs, and beside the workers of the same run."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agents.collection.collect import CollectionTask
from agents.collection.collector import Collector
from agents.collection.local_collector import LocalCollector
from agents.training.configuration import TrainConfig
from agents.training.processor import available_cores, separate_cores
from eval.speed.learning import TrainingStep
from eval.speed.measure import Bar, Measurement, Work, finish, measure
from selfsup.experience import Experience

PRESET = "hour"
"""Its updates are timed."""

MINIMUM_SHARE = 0.5
"""Minimum speed beside other programs, as a fraction of the speed of a fair share of the cores."""

MINIMUM_TOGETHER = 0.9
"""Minimum speed of learner and workers at once, as a fraction of the speed of one after the other."""

_BUSY = "print(flush=True)\nwhile True: pass"


@contextmanager
def update_of(
    experiences: Sequence[Experience], threads: int, seed: int, device: str = "cpu", preset: str = PRESET
) -> Iterator[Work]:
    """Give one whole update of a preset, with torch's threads on cores of their own, as in training.

    Args:
        experiences: To learn from, at least one.
        threads: CPU threads of the network.
        seed: Of the weights and batches.
        device: Where the network learns.
        preset: Whose batches.
    """
    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig.from_preset(preset, seed=seed, threads=threads, device=device)
        with TrainingStep(config, experiences, Path(folder)) as step:

            def update() -> None:
                with separate_cores():
                    step.whole()

            yield update


@contextmanager
def busy_programs(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run programs that keep one core busy each, until the block ends; give them.

    Args:
        count: How many.
    """
    programs = [subprocess.Popen([sys.executable, "-c", _BUSY], stdout=subprocess.PIPE) for _ in range(count)]
    try:
        for program in programs:
            assert program.stdout is not None
            program.stdout.readline()  # It has begun.
        yield programs
    finally:
        for program in programs:
            program.kill()
            program.communicate()


def load_measurement(
    update: Work, programs: int, repeats: int, threads: int, cores: int | None = None
) -> Measurement:
    """Compare the wall-clock time of an update beside busy programs with that of one alone.

    With n threads and m programs on c cores, n + m > c, a fair share is n c / (n + m) cores.

    Args:
        update: One update; see `update_of`.
        programs: Busy programs, at least 1.
        repeats: Times that each is timed.
        threads: CPU threads of the network.
        cores: Number of cores; None takes those available.
    """
    cores = available_cores() if cores is None else cores
    fair = max(1.0, (threads + programs) / cores)

    def several() -> None:
        for _ in range(repeats):
            update()

    alone = measure("", several, 1, update, "", clock=time.perf_counter)
    with busy_programs(programs):
        beside = measure("", several, 1, update, "", clock=time.perf_counter)
    name = f"update of {PRESET} beside {programs} busy"
    bar = Bar(ratio=round(fair / MINIMUM_SHARE, 2))
    return Measurement(name, repeats, beside.seconds / repeats, "alone", alone.seconds / repeats, bar)


def together_measurement(
    update: Work,
    tasks: Sequence[CollectionTask],
    workers: int,
    repeats: int,
    make: Callable[[int], Collector] = LocalCollector,
) -> Measurement:
    """Compare an episode, whose locations are collected during its updates, with updates and then locations.

    Args:
        update: One update; see `update_of`.
        tasks: What the workers do.
        workers: Number of workers, at least 1.
        repeats: Number of updates.
        make: Makes a collector with a number of processes.

    Returns:
        Wall-clock time of both until the last is done, relative to one after the other.
    """
    collector = make(workers)

    def collect() -> None:
        finish([collector.submit(task) for task in tasks])

    def learn() -> None:
        for _ in range(repeats):
            update()

    def both() -> None:
        futures = [collector.submit(task) for task in tasks]
        learn()
        finish(futures)

    def in_turn() -> None:
        learn()
        collect()

    bar = Bar(ratio=round(1 / MINIMUM_TOGETHER, 2))
    try:
        return measure(
            "updates and locations", both, 1, in_turn, "one after the other", bar, clock=time.perf_counter
        )
    finally:
        collector.close()
