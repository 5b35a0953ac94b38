"""The rows of a whole table: which there are, how far each has come, and how long the others will take."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from agents.registry import registered_agent
from agents.training.configuration import check_split
from agents.training.schedule import require
from eval.table.rows import ROWS, configuration_of, row
from eval.table.run_row import RunOptions, finished_row, run_folder

SPLITS = ("NovelSpaces", "NovelObjects")

_MINIMUM_FRACTION = 0.02
"""Minimum fraction of a training from which the time of the whole is extrapolated."""


@dataclass(frozen=True)
class RowState:
    """How far a row has come.

    Attributes:
        options: The row.
        state: `finished`, `begun`, or `waiting`.
        fraction: Fraction of its training that is done, in 0..1.
        seconds: Wall-clock seconds that it has taken so far.
    """

    options: RunOptions
    state: Literal["finished", "begun", "waiting"]
    fraction: float = 0.0
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """Name of its run folder."""
        return run_folder(self.options).name


def chosen_rows(text: str) -> list[str]:
    """Return the letters of rows, in the order of the tables.

    Args:
        text: Letters with commas between them, or `all`.

    Raises:
        ConfigurationError: There is no such row.
    """
    if text == "all":
        return list(ROWS)
    wanted = {row(letter.strip()).letter for letter in text.split(",")}
    return [letter for letter in ROWS if letter in wanted]


def chosen_splits(text: str) -> list[str]:
    """Return the names of splits.

    Args:
        text: One of them, or `both`.

    Raises:
        ThorInteractError: There is no such split.
    """
    if text == "both":
        return list(SPLITS)
    check_split(text)
    return [text]


def chosen_seeds(text: str) -> list[int]:
    """Return seeds in increasing order.

    Args:
        text: Numbers and ranges, such as `0`, `0-2` or `0,3-5`.

    Raises:
        ConfigurationError: It is something else.
    """
    seeds: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        require(found is not None, f"seeds are {text!r}; give numbers and ranges, such as 0-2 or 0,3.")
        assert found is not None
        first, last = int(found[1]), int(found[2] or found[1])
        require(first <= last, f"seeds are {text!r}; the range {part.strip()} ends before it starts.")
        seeds.update(range(first, last + 1))
    return sorted(seeds)


def state_of(options: RunOptions) -> RowState:
    """Return how far a row has come, as its files say.

    Raises:
        RunError: Its folder holds another row or a damaged file.
    """
    done = finished_row(options)
    if done is not None:
        took = (done["training"].get("seconds") or 0.0) + done["seconds"]
        return RowState(options, "finished", 1.0, took)
    run = run_folder(options)
    if not (run / "config.json").exists():
        return RowState(options, "waiting")
    from agents.training.metrics import read_metrics

    metrics = read_metrics(run)
    last = metrics[-1] if metrics else {}
    total = _updates_in_all(options)
    fraction = min(last.get("updates", 0) / total, 1.0) if total else 0.0
    return RowState(options, "begun", fraction, float(last.get("seconds", 0.0)))


def _updates_in_all(options: RunOptions) -> int:
    config: Any = configuration_of(row(options.row), options.preset, split=options.split)
    return int(getattr(config.schedule, "total_updates", 0))


def seconds_left(states: Sequence[RowState], places: int = 1) -> float | None:
    """Return how long the rows that are not finished will take, or None as long as nothing says it.

    A row takes as long as the finished ones of its agent did, else as a begun one of its agent will at its
    present pace, else as the mean of all of which this is known.

    Args:
        states: All rows of the table.
        places: Rows that run at a time.
    """
    whole: dict[str, list[float]] = {}
    for known in (
        [one for one in states if one.state == "finished"],
        [one for one in states if one.state == "begun" and one.fraction >= _MINIMUM_FRACTION],
    ):
        of_agents: dict[str, list[float]] = {}
        for one in known:
            of_agents.setdefault(_agent(one), []).append(one.seconds / one.fraction)
        whole = {**of_agents, **whole}
    if not whole:
        return None
    usual = fmean(fmean(several) for several in whole.values())
    left = [
        (1 - one.fraction) * (fmean(whole[_agent(one)]) if _agent(one) in whole else usual)
        for one in states
        if one.state != "finished"
    ]
    # The rows that are left at the end cannot share the places evenly.
    return max(sum(left) / places, max(left, default=0.0))


def _agent(state: RowState) -> str:
    agent = registered_agent(row(state.options.row).agent)
    return agent.name if agent.learns else ""


def duration(seconds: float | None) -> str:
    """Return a length of time in words; `not known yet` for None."""
    if seconds is None:
        return "not known yet"
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def remaining(states: Iterable[RowState]) -> list[RowState]:
    """Return the rows that are not finished."""
    return [one for one in states if one.state != "finished"]
