"""The locations of a list: a pure function of split, number, seed, reachable fraction and simulator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from thor_interact_env.checks import check_reachable_fraction, is_integer
from thor_interact_env.errors import InvalidOptionError
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.locations.splits import split_rooms

if TYPE_CHECKING:
    from thor_interact_env.simulators.base import Observation, Simulator


@dataclass(frozen=True)
class Drawing:
    """The parameters that determine a list of locations.

    The locations are spread evenly over the rooms of the split; within a room they follow the paper's rule
    (`LocationSampler`). Each room has its own generator, so rooms can be drawn in any order or in parallel,
    and a shorter list is part of a longer one.

    Attributes:
        split: A key of `SPLITS`, such as `"NovelSpaces/test"`.
        locations: Number of locations, at least 1.
        seed: Seed of the drawing, 0 or more.
        reachable_fraction: Minimum fraction of each view within reach, in 0..1; 0 is the paper's rule.

    Raises:
        UnknownSplitError: There is no such split.
        InvalidOptionError: Another value is out of its range.
    """

    split: str
    locations: int
    seed: int = 0
    reachable_fraction: float = 0.2

    def __post_init__(self) -> None:
        """Check the values, and make them numbers of Python."""
        split_rooms(self.split)
        if not is_integer(self.locations) or self.locations < 1:
            raise InvalidOptionError(f"locations {self.locations!r} is not an integer of at least 1")
        if not is_integer(self.seed) or self.seed < 0:
            raise InvalidOptionError(f"seed {self.seed!r} is not an integer of at least 0")
        check_reachable_fraction(self.reachable_fraction)
        for name, kind in (("locations", int), ("seed", int), ("reachable_fraction", float)):
            object.__setattr__(self, name, kind(getattr(self, name)))  # JSON takes no numbers of NumPy


def rooms_with_counts(drawing: Drawing) -> list[tuple[int, int]]:
    """Return the rooms of a list, in order, and the number of locations in each.

    Returns:
        Pairs (index into `split_rooms(drawing.split)`, number of locations, at least 1).
    """
    rooms = len(split_rooms(drawing.split))
    order = np.random.default_rng(drawing.seed).permutation(rooms).tolist()
    per_room, more = divmod(drawing.locations, rooms)
    counts = [per_room + (position < more) for position in range(rooms)]
    return [(room, count) for room, count in zip(order, counts, strict=True) if count]


def draw_room(
    simulator: Simulator, drawing: Drawing, room: int, count: int
) -> Iterator[tuple[Location, Observation]]:
    """Draw the locations of one room, each with its first image.

    The caller may use the simulator between two locations without changing the next one.

    Args:
        simulator: The simulator; each location is loaded when it is yielded.
        drawing: The list.
        room: Index into `split_rooms(drawing.split)`.
        count: Number of locations to draw.

    Yields:
        Each location and its view.

    Raises:
        UnreachableLocationError: The agent cannot stand anywhere in the room.
    """
    sampler = LocationSampler(simulator, [split_rooms(drawing.split)[room]], drawing.reachable_fraction)
    rng = np.random.default_rng([drawing.seed, room])
    for _ in range(count):
        yield sampler.sample_view(rng)
