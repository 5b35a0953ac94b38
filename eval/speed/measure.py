"""Measuring work in units of a floor that is measured in the same rounds.

Seconds differ between machines, and on a shared machine between minutes. So the CPU time of all threads is
taken, and with each piece of work a floor is timed: the minimum cost of the same result. Their ratio is the
cost that the work adds, almost independent of other load.
"""

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np

Work = Callable[[], object]


class NothingMovesError(RuntimeError):
    """No touch that moves something, or none that moves nothing, was found for the measurement."""


@dataclass(frozen=True)
class Bar:
    """The target of a measurement, an upper limit.

    Attributes:
        ratio: Times the floor; None where only the seconds count.
        seconds: CPU time; None where only the ratio counts.
    """

    ratio: float | None = None
    seconds: float | None = None

    def describe(self) -> str:
        """Return the bar as the table shows it."""
        parts = [] if self.ratio is None else [f"{self.ratio:g} x"]
        return ", ".join(parts + ([] if self.seconds is None else [f"{1000 * self.seconds:g} ms"]))


@dataclass(frozen=True)
class Measurement:
    """The time of one piece of work.

    Attributes:
        name: Name of the work.
        repeats: Number of times.
        seconds: Mean CPU time of one piece of work, all threads together.
        floor: Name of the floor.
        floor_seconds: Mean CPU time of the floor, timed in the same rounds.
        bar: Its target; None without one.
    """

    name: str
    repeats: int
    seconds: float
    floor: str
    floor_seconds: float
    bar: Bar | None = None

    @property
    def ratio(self) -> float:
        """Time of the work divided by that of the floor."""
        return self.seconds / self.floor_seconds

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None without one."""
        if self.bar is None:
            return None
        ratio_met = self.bar.ratio is None or self.ratio <= self.bar.ratio
        return ratio_met and (self.bar.seconds is None or self.seconds <= self.bar.seconds)

    def to_json(self) -> dict[str, object]:
        """Return all numbers, including derived ones."""
        return dataclasses.asdict(self) | {"ratio": self.ratio, "met": self.met}


def finish(futures: Iterable[Future[Any]]) -> None:
    """Wait until all is done, and raise what a part of it raised: no time is stated of work that failed."""
    for future in futures:
        future.result()


def device_clock(device: str) -> Callable[[], float]:
    """Return the clock of work on a device.

    Args:
        device: Name of a torch device.

    Returns:
        Of the CPU the CPU time of all threads. Of another device wall-clock time, once all the work
        that it was given is done; only where nothing else uses the device, it is the time of the work.
    """
    kind = device.partition(":")[0]
    if kind == "cpu":
        return time.process_time
    import torch

    def when_done() -> float:
        if hasattr(torch, "accelerator"):
            torch.accelerator.synchronize(device)
        elif kind == "mps":  # torch before 2.6 has a function for each kind
            torch.mps.synchronize()
        else:
            getattr(torch, kind).synchronize(device)
        return time.perf_counter()

    return when_done


def measure_together(
    works: Mapping[str, Work],
    repeats: int,
    floor: Work,
    floor_name: str,
    bars: Mapping[str, Bar] | None = None,
    prepare: Work | None = None,
    clock: Callable[[], float] = time.process_time,
) -> list[Measurement]:
    """Time a floor and pieces of work, one after another in each round, after one untimed round.

    Args:
        works: The work by name, in order.
        repeats: Number of timed rounds, at least 1.
        floor: The floor.
        floor_name: Its name in the table.
        bars: Targets of measurements, by name.
        prepare: Called before the floor and before each piece of work, untimed.
        clock: Returns a time in seconds.

    Returns:
        One measurement per piece of work.

    Raises:
        ValueError: There is no round to time.
    """
    if repeats < 1:
        raise ValueError(f"repeats {repeats} of the measurement {', '.join(works)} must be at least 1")
    parts = [floor, *works.values()]
    totals = np.zeros(len(parts))
    for round_number in range(repeats + 1):
        for index, part in enumerate(parts):
            if prepare is not None:
                prepare()
            start = clock()
            part()
            # The first round fills caches and imports modules. The clock may not advance within very short
            # work.
            totals[index] += max(clock() - start, 1e-9) if round_number > 0 else 0.0
    means = (totals / repeats).tolist()
    return [
        Measurement(name, repeats, seconds, floor_name, means[0], (bars or {}).get(name))
        for name, seconds in zip(works, means[1:], strict=True)
    ]


def measure(
    name: str,
    work: Work,
    repeats: int,
    floor: Work,
    floor_name: str,
    bar: Bar | None = None,
    prepare: Work | None = None,
    clock: Callable[[], float] = time.process_time,
) -> Measurement:
    """Time one piece of work; see `measure_together`."""
    bars = {} if bar is None else {name: bar}
    return measure_together({name: work}, repeats, floor, floor_name, bars, prepare, clock)[0]


def memory_copy(size: int) -> Work:
    """Return the work of copying a number of bytes in memory.

    Args:
        size: Bytes, at least 1.
    """
    source = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    target = np.empty_like(source)
    return lambda: np.copyto(target, source)


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return rows of cells as an aligned text table, the first row as its head, without a final newline.

    Args:
        rows: Cells; all rows are equally long.
        left: Columns that are aligned to the left.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def speed_table(measurements: Sequence[Measurement]) -> str:
    """Return the measurements as an aligned text table, without a final newline."""
    rows = [["work", "compared with", "CPU ms", "floor ms", "ratio", "bar", "met"]]
    for each in measurements:
        met = "" if each.met is None else "yes" if each.met else "no"
        bar = "" if each.bar is None else each.bar.describe()
        times = [f"{1000 * each.seconds:.2f}", f"{1000 * each.floor_seconds:.2f}"]
        rows.append([each.name, each.floor, *times, f"{each.ratio:.2f}", bar, met])
    return aligned(rows, left=2)
