"""The action space, and the dimensions of the agent.

An action is `[row, column, force, direction]`: a pixel of the image, an index into `FORCES` and an index
into `DIRECTIONS` (paper section 4.1).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.errors import InvalidActionError

FORCES: Final[tuple[float, float, float]] = (5.0, 30.0, 200.0)
"""The three forces in newtons: for light, medium and heavy objects (paper section 5)."""

REACH: Final = 1.5
"""Maximum distance in metres between the camera and a point that can be touched."""

FIELD_OF_VIEW: Final = 90.0
"""Vertical field of view in degrees; the image is square, so it is the horizontal one too."""

CAMERA_HEIGHT: Final = 1.576
"""Height of the camera above the floor in metres."""

AGENT_HEIGHT_Y: Final = 0.9009992
"""The y coordinate in metres of an agent that stands on the floor: the centre of its body."""


def _directions() -> npt.NDArray[np.float64]:
    vectors = [(x, y, z) for x in (-1, 1) for y in (1, 2) for z in (-1, 1)]
    directions = np.array(vectors, dtype=np.float64)
    directions.flags.writeable = False
    return directions


DIRECTIONS: Final[npt.NDArray[np.float64]] = _directions()
"""(8, 3) float64, read-only: right, up and forward of the agent (yaw only), all away from the ground.

Not normalised: the lengths are sqrt(3) and sqrt(6), as in the authors' code.
"""

ACTION_FIELDS: Final[tuple[tuple[str, int], ...]] = (
    ("row", IMAGE_SIZE),
    ("column", IMAGE_SIZE),
    ("force", len(FORCES)),
    ("direction", len(DIRECTIONS)),
)
"""Name and number of values of each entry of an action, in order."""


def check_action(action: object) -> tuple[int, int, int, int]:
    """Return the four entries of an action, or raise an error that names the fault.

    Args:
        action: (4,) integers (an array of an integer type, a list or a tuple): row and column of a pixel
            in 0..299, force index in 0..2 and direction index in 0..7.

    Returns:
        Row, column, force index and direction index.

    Raises:
        InvalidActionError: The action is not four integers, or one of them is outside its range.

    Examples:
        >>> check_action([150, 299, 2, 7])
        (150, 299, 2, 7)
    """
    row, column, force, direction = check_integers(action, ACTION_FIELDS)
    return row, column, force, direction


def check_integers(action: object, fields: Sequence[tuple[str, int]]) -> list[int]:
    """Return the entries of an action of other fields; see `check_action`.

    Args:
        action: (n,) integers.
        fields: Name and number of values of each entry, in order.

    Raises:
        InvalidActionError: The action is not n integers, or one of them is outside its range.
    """
    expected = f"an action is [{', '.join(name for name, _ in fields)}], {len(fields)} integers"
    try:
        values = np.asarray(action)
    except ValueError as error:  # ragged nested sequences
        raise InvalidActionError(f"the action {action!r} is not an array of integers: {expected}") from error
    if values.shape != (len(fields),):
        raise InvalidActionError(f"the action {action!r} has shape {values.shape}: {expected}")
    # A list that mixes integers with booleans becomes an integer array, so its items are looked at too.
    has_boolean = isinstance(action, list | tuple) and any(
        isinstance(item, bool | np.bool_) for item in action
    )
    if not np.issubdtype(values.dtype, np.integer) or has_boolean:
        found = "booleans" if has_boolean else f"type {values.dtype}"
        raise InvalidActionError(f"the action {action!r} has {found}: {expected}")
    entries = [int(value) for value in values]
    for (name, count), value in zip(fields, entries, strict=True):
        if not 0 <= value < count:
            raise InvalidActionError(f"{name} {value} of the action {entries} is not in 0..{count - 1}")
    return entries
