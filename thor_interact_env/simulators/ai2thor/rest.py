"""Whether a room of AI2-THOR is at rest, from the motion of its objects while physics is advanced.

AI2-THOR's own answer, `isSceneAtRest`, compares speeds before and after the last requested physics step. It
misses objects of constant speed, every body after a destroyed one, and pieces of broken objects; and it never
becomes true if an object trembles in place. So the positions of the objects are compared too.
"""

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ai2thor.server import Event

STILL_METRES: Final = 1e-3
STILL_DEGREES: Final = 0.2
"""Maximum motion and turn of an object at rest between two checks: less than an image shows."""

LOWEST: Final = -5.0
"""Height in metres below which an object has left the room and falls endlessly."""


def still(before: "Event", after: "Event") -> bool:
    """Return whether no object of the room has moved, turned, appeared or vanished between two events.

    Raises:
        KeyError: The metadata of an object is incomplete.
    """
    names, positions, rotations = _poses(before)
    other_names, other_positions, other_rotations = _poses(after)
    if names != other_names:
        return False
    moved = np.linalg.norm(other_positions - positions, axis=1)
    turned = _angles(rotations, other_rotations)
    return bool((moved <= STILL_METRES).all() and (turned <= STILL_DEGREES).all())


def broken(event: "Event") -> frozenset[str]:
    """Return the identifiers of the objects that are broken; their pieces are in no metadata."""
    return frozenset(item["objectId"] for item in event.metadata["objects"] if item["isBroken"])


def _poses(event: "Event") -> tuple[list[str], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return identifiers, positions (n, 3) in metres and Euler angles (n, 3) in degrees of objects."""
    objects = [
        item
        for item in event.metadata["objects"]
        if (item["pickupable"] or item["moveable"]) and item["position"]["y"] > LOWEST
    ]
    objects.sort(key=lambda item: str(item["objectId"]))
    vectors = [[item[name][axis] for axis in "xyz"] for item in objects for name in ("position", "rotation")]
    poses = np.array(vectors, np.float64).reshape(-1, 2, 3)
    return [item["objectId"] for item in objects], poses[:, 0], poses[:, 1]


def _angles(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the angles (n,) in degrees, 0..180, between orientations as Euler angles (n, 3) in degrees.

    One orientation has many Euler angles, and a tiny turn may change them by any amount, so they are compared
    as quaternions.
    """
    parts = (_quaternions(first) * _quaternions(second)).sum(axis=1)
    angles: npt.NDArray[np.float64] = np.degrees(2 * np.arccos(np.minimum(np.abs(parts), 1.0)))
    return angles


def _quaternions(angles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the quaternions (n, 4) of Unity's Euler angles: about z, then x, then y."""
    half = np.radians(angles) / 2
    (cos_x, cos_y, cos_z), (sin_x, sin_y, sin_z) = np.cos(half).T, np.sin(half).T
    return np.stack(
        [
            cos_y * cos_x * cos_z + sin_y * sin_x * sin_z,
            cos_y * sin_x * cos_z + sin_y * cos_x * sin_z,
            sin_y * cos_x * cos_z - cos_y * sin_x * sin_z,
            cos_y * cos_x * sin_z - sin_y * sin_x * cos_z,
        ],
        axis=1,
    )
