"""Views of all rooms that a simulator has, for scenes that belong to no split."""

import zlib
from dataclasses import replace

import numpy as np

from eval.views.evaluation_set import EvaluationSet
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.simulators import make_simulator


def views_of_all_rooms(
    simulator: str, count: int, seed: int = 0, reachable_fraction: float = 0.2, progress: bool | None = None
) -> EvaluationSet:
    """Return views drawn by the paper's rule in all rooms of a simulator, evenly spread over them.

    What does not divide evenly is of rooms drawn by the seed: a list of rooms may have its kitchens first.

    Args:
        simulator: Its name; machine options say which scenes "mjcf" has.
        count: Number of views, at least 1.
        seed: Each room's views follow from this and its name, and which rooms have one view more from this.
        reachable_fraction: Minimum fraction of each view within reach, 0..1.
        progress: Show a progress bar; None shows it on a terminal only.

    Raises:
        ValueError: The count is below 1.
    """
    if count < 1:
        raise ValueError(f"count {count} of views must be at least 1")
    world = make_simulator(simulator)
    locations: list[Location] = []
    per_room, more = divmod(count, len(world.rooms))
    with_more = set(np.random.default_rng(seed).permutation(len(world.rooms))[:more].tolist())
    for number, room in enumerate(world.rooms):
        rng = np.random.default_rng([seed, zlib.crc32(room.encode())])
        sampler = LocationSampler(world, [room], reachable_fraction)
        locations += [sampler.sample(rng) for _ in range(per_room + (number in with_more))]
    made = EvaluationSet.at(locations, f"{simulator} all", simulator=lambda: world, progress=progress)
    return replace(made, seed=seed, reachable_fraction=reachable_fraction)
