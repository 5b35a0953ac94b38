"""The history of an episode as one vector: the location, and the touches that moved something."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.errors import InvalidLocationError, InvalidStateError
from thor_interact_env.locations.location import Location

_HEAD: Final = 7  # number of the room, spawn seed, position, rotation, horizon
_TOUCH: Final = 7  # row, column, force, direction, whether it was filmed


@dataclass(frozen=True)
class Touch:
    """One touch.

    Attributes:
        row: Pixel row, 0..299.
        column: Pixel column, 0..299.
        force: Newtons.
        direction: Right, up and forward of the agent, not normalised.
        filmed: Whether the motion was recorded in steps of its own, which changes the impulse.
    """

    row: int
    column: int
    force: float
    direction: tuple[float, float, float]
    filmed: bool

    @classmethod
    def of(
        cls, row: int, column: int, force: float, direction: npt.NDArray[np.float64], filmed: bool
    ) -> "Touch":
        """Return the touch with its numbers as plain Python ones."""
        right, up, forward = (float(value) for value in direction)
        return cls(int(row), int(column), float(force), (right, up, forward), filmed)


def pack(location: Location, touches: Sequence[Touch]) -> npt.NDArray[np.float64]:
    """Return a location and touches as a float64 vector of 7 + 7 n numbers."""
    head = [_number(location), location.seed, *location.position, location.rotation, location.horizon]
    tails = [[one.row, one.column, one.force, *one.direction, one.filmed] for one in touches]
    return np.concatenate([head, *tails]).astype(np.float64)


def unpack(state: npt.NDArray[np.float64], loaded: Location) -> tuple[Location, list[Touch]]:
    """Read what `pack` returned.

    Args:
        state: The vector.
        loaded: The loaded location; the state must be of its room and spawn.

    Raises:
        InvalidStateError: The vector is not from `pack`, or is of another room or spawn.
    """
    rest = len(state) - _HEAD if state.ndim == 1 else -1
    if rest < 0 or rest % _TOUCH or not np.isfinite(state).all():
        raise InvalidStateError(
            f"a state of an AI2-THOR room is 7 + 7 n finite numbers for n touches, not {state.shape}"
        )
    number, seed = state[:2]
    if (number, seed) != (_number(loaded), loaded.seed):
        raise InvalidStateError(
            f"the state is one of FloorPlan{number:g} with seed {seed:.0f}, and {loaded.scene} with seed "
            f"{loaded.seed} is loaded; load the location the state was taken at first"
        )
    try:
        location = Location(loaded.scene, tuple(state[2:5].tolist()), state[5], state[6], loaded.seed)
    except InvalidLocationError as error:
        raise InvalidStateError(f"the state has no valid location: {error}") from error
    touches = []
    for row in state[_HEAD:].reshape(-1, _TOUCH):
        if not (0 <= row[0] < IMAGE_SIZE and 0 <= row[1] < IMAGE_SIZE) or row[6] not in (0, 1):
            raise InvalidStateError(f"{row.tolist()} in the state is not a touch")
        touches.append(Touch.of(row[0], row[1], row[2], row[3:6], filmed=bool(row[6])))
    return location, touches


def _number(location: Location) -> int:
    return int(location.scene.removeprefix("FloorPlan"))
