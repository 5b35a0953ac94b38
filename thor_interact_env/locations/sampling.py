"""Drawing locations by the paper's rule."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

import numpy as np

from thor_interact_env.actions import REACH
from thor_interact_env.checks import check_reachable_fraction
from thor_interact_env.errors import (
    InvalidOptionError,
    UnknownRoomError,
    UnreachableLocationError,
)
from thor_interact_env.locations.location import HORIZONS, ROTATIONS, Location
from thor_interact_env.simulators.base import Observation, Simulator

_LISTED: Final = 12  # maximum number of rooms that a message lists

MAX_DRAWS: Final = 30
"""Maximum number of poses that a `LocationSampler` tries; then it takes the best of them."""


class LocationSampler:
    """Draws locations by the paper's rule, and keeps those with enough of the view in reach.

    A room of the list, a spawn seed, one of the positions at which the agent can stand, a rotation of
    `ROTATIONS` and a horizon of `HORIZONS`, each uniform, as in the authors' files. While less than
    `reachable_fraction` of the depth image is nearer than 1.5 m, the pose is drawn again in the same room and
    spawn, so rooms stay uniform; after `MAX_DRAWS` poses the one with the largest fraction is taken.

    Args:
        simulator: The simulator; each draw replaces its loaded room.
        rooms: Names of the rooms to draw from, such as `split_rooms("NovelSpaces/train")`.
        reachable_fraction: Minimum fraction of the pixels within `REACH`, in 0..1; 0 is the paper's rule.

    Raises:
        UnknownRoomError: The simulator lacks one of the rooms.
        InvalidOptionError: There is no room, or the fraction is not in 0..1.
    """

    def __init__(self, simulator: Simulator, rooms: Sequence[str], reachable_fraction: float = 0.2) -> None:
        """Check the arguments; see the class."""
        check_reachable_fraction(reachable_fraction)
        if not rooms:
            raise InvalidOptionError("a LocationSampler needs at least one room, and got none")
        for room in rooms:
            if not simulator.has_room(room):
                known = sorted(simulator.rooms)
                some = known if len(known) <= _LISTED else get_close_matches(str(room), known) or known[:3]
                among = "" if len(known) <= _LISTED else f"{len(known)}, such as "
                raise UnknownRoomError(f"the simulator has no room {room!r}; it has {among}{', '.join(some)}")
        self._simulator = simulator
        self._rooms = tuple(rooms)
        self._reachable_fraction = float(reachable_fraction)

    def sample(self, rng: np.random.Generator) -> Location:
        """Draw one location at which the agent can stand; see `sample_view`."""
        return self.sample_view(rng)[0]

    def sample_view(self, rng: np.random.Generator) -> tuple[Location, Observation]:
        """Draw one location and return it with its first image; it is loaded afterwards.

        Raises:
            UnreachableLocationError: No pose that the simulator accepts was found in `MAX_DRAWS` draws.
        """
        best: Location | None = None
        best_fraction = -1.0
        room, seed, positions = self._draw_spawn(rng)
        for _ in range(MAX_DRAWS):
            if len(positions) == 0:
                room, seed, positions = self._draw_spawn(rng)
                continue
            location = Location(
                scene=room,
                position=tuple(positions[rng.integers(len(positions))]),
                rotation=ROTATIONS[rng.integers(len(ROTATIONS))],
                horizon=HORIZONS[rng.integers(len(HORIZONS))],
                seed=seed,
            )
            try:
                view = self._simulator.load(location)
            except UnreachableLocationError:
                if best is None:  # perhaps no position of this spawn can be reached
                    room, seed, positions = self._draw_spawn(rng)
                continue
            fraction = np.count_nonzero(view["depth"] < REACH) / view["depth"].size
            if fraction >= self._reachable_fraction:
                return location, view
            if fraction > best_fraction:
                best, best_fraction = location, fraction
        if best is None:
            raise UnreachableLocationError(
                f"no reachable position in {MAX_DRAWS} draws from the rooms {', '.join(self._rooms)}"
            )
        return best, self._simulator.load(best)

    def _draw_spawn(self, rng: np.random.Generator) -> tuple[str, int, np.ndarray]:
        room = self._rooms[rng.integers(len(self._rooms))]
        seeds = 2**30  # the range of the authors' code, unless a simulator says that a room has fewer
        if hasattr(self._simulator, "spawn_seeds"):
            seeds = min(seeds, self._simulator.spawn_seeds(room))
        seed = int(rng.integers(seeds))
        return room, seed, self._simulator.reachable_positions(room, seed)
