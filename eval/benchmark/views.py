"""The views of the benchmark."""

from pathlib import Path

import numpy as np

from agents.training.schedule import require
from eval.views.evaluation_set import EvaluationSet
from eval.views.room_views import views_of_all_rooms
from eval.views.worlds import views_in_world
from thor_interact_env.actions import REACH
from thor_interact_env.locations.starting import ALL

_REACHABLE_FRACTION = 0.2


def benchmark_views(
    split: str,
    locations: int,
    seed: int = 0,
    shipped: bool = False,
    simulator: str = "mujoco",
    objects: str | Path | None = None,
) -> EvaluationSet:
    """Return the views of the benchmark: those of `evaluate`, or the shipped ones.

    Args:
        split: `NovelObjects`, `NovelSpaces` or `Elsewhere`, for its test rooms, a split with its part, or
            `all`: every room of the simulator.
        locations: Number of views.
        seed: Seed of the evaluation set; the shipped list has none.
        shipped: Take locations of the package's list, evenly spaced over it, so that all rooms occur.
        simulator: Name of the simulator; the shipped lists are of the embedded one.
        objects: Folder of objects that are added to the rooms of the embedded simulator, or `Elsewhere`.

    Raises:
        UnknownSplitError: There is no such split, or no list of it is shipped.
        ConfigurationError: The shipped list has fewer locations, or is of another simulator; objects are
            added to it, or to all rooms.
        InvalidOptionError: Objects are added to another simulator.
    """
    require(
        objects is None or not (shipped or split == ALL),
        "Objects are added to rooms of a split: leave out --objects.",
    )
    if split == ALL:
        require(not shipped, "There is no shipped list of all rooms: leave out --shipped.")
        return views_of_all_rooms(simulator, locations, seed, _REACHABLE_FRACTION)
    name = split if "/" in split else f"{split}/test"
    if not shipped:
        return views_in_world(name, locations, seed, _REACHABLE_FRACTION, simulator, REACH, objects)
    require(simulator == "mujoco", f"The shipped lists are of mujoco, not {simulator}: leave out --shipped.")
    from thor_interact_env.datasets.shipped import shipped_locations

    listed = shipped_locations(name)
    require(
        locations <= len(listed), f"locations is {locations}; the shipped list of {name} has {len(listed)}."
    )
    chosen = np.linspace(0, len(listed) - 1, locations).round().astype(int)
    return EvaluationSet.at([listed[index] for index in chosen], name)
