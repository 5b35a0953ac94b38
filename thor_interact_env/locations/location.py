"""A location: a room, the spawn of its objects, and the camera pose."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from thor_interact_env.checks import is_integer, is_number
from thor_interact_env.errors import (
    InvalidLocationError,
)

ROTATIONS: Final[tuple[float, ...]] = (0.0, 90.0, 180.0, 270.0)
"""Yaws in degrees from which locations are drawn: 0 faces +z, 90 faces +x."""

HORIZONS: Final[tuple[float, ...]] = (-30.0, 0.0, 30.0, 60.0)
"""Camera pitches in degrees from which locations are drawn: positive looks down."""

HORIZON_LIMITS: Final[tuple[float, float]] = (-30.0, 60.0)
"""Minimum and maximum camera pitch in degrees."""

SEED_LIMIT: Final = 2**31
"""Spawn seeds are in 0..`SEED_LIMIT` - 1: the non-negative 32-bit integers, which every simulator takes."""


def _finite(name: str, value: object) -> float:
    if not is_number(value) or not math.isfinite(value):
        raise InvalidLocationError(f"{name} {value!r} of a location is not a finite number")
    return float(value)


@dataclass(frozen=True)
class Location:
    """A room, the spawn of its objects, and the agent's pose, which together determine the first image.

    Coordinates are AI2-THOR's: left-handed, y up. Only the simulator knows whether the agent can
    stand there.

    Attributes:
        scene: Name of the room, such as `"FloorPlan7"`.
        position: x, y and z of the agent's body in metres; y is `actions.AGENT_HEIGHT_Y` on the floor.
        rotation: Yaw in degrees; 0 faces +z, 90 faces +x.
        horizon: Camera pitch in degrees, -30..60; positive looks down.
        seed: Spawn seed, 0..2**31 - 1: determines the places of the movable objects.

    Raises:
        InvalidLocationError: A field has the wrong type or is out of range.
    """

    scene: str
    position: tuple[float, float, float]
    rotation: float
    horizon: float
    seed: int

    def __post_init__(self) -> None:
        """Check the fields and convert numbers to plain Python types."""
        if not isinstance(self.scene, str) or not self.scene:
            raise InvalidLocationError(f"scene {self.scene!r} of a location is not the name of a room")
        position = self.position
        if isinstance(position, str | Mapping) or not hasattr(position, "__len__") or len(position) != 3:
            raise InvalidLocationError(f"position {position!r} of a location is not three numbers x, y, z")
        coordinates = tuple(
            _finite(f"position {axis}", value) for axis, value in zip("xyz", position, strict=True)
        )
        rotation = _finite("rotation", self.rotation)
        horizon = _finite("horizon", self.horizon)
        if not HORIZON_LIMITS[0] <= horizon <= HORIZON_LIMITS[1]:
            raise InvalidLocationError(f"horizon {horizon:g} of a location is not in -30..60 degrees")
        if not is_integer(self.seed):
            raise InvalidLocationError(f"seed {self.seed!r} of a location is not an integer")
        if not 0 <= self.seed < SEED_LIMIT:
            raise InvalidLocationError(f"seed {self.seed} of a location is not in 0..{SEED_LIMIT - 1}")
        for name, value in (("position", coordinates), ("rotation", rotation), ("horizon", horizon)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "seed", int(self.seed))

    def to_json(self) -> dict[str, Any]:
        """Return the location as the `thor_meta` object of the authors' files."""
        x, y, z = self.position
        return {
            "scene": self.scene,
            "position": {"x": x, "y": y, "z": z},
            "rotation": self.rotation,
            "horizon": self.horizon,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, thor_meta: object) -> Location:
        """Read the `thor_meta` object of the authors' files.

        Args:
            thor_meta: Mapping with scene (also as AI2-THOR's client names it, `"FloorPlan7_physics"`),
                position {x, y, z}, rotation (degrees, or {x, y, z} whose y is the yaw), horizon and seed;
                other keys are ignored.

        Raises:
            InvalidLocationError: A field is missing, has the wrong type or is out of range.
        """
        if not isinstance(thor_meta, Mapping):
            raise InvalidLocationError(
                f"thor_meta is {thor_meta!r}, not an object with the fields of a location"
            )
        missing = [
            name for name in ("scene", "position", "rotation", "horizon", "seed") if name not in thor_meta
        ]
        if missing:
            raise InvalidLocationError(
                f"thor_meta has no field {missing[0]!r}; it has {sorted(map(str, thor_meta))}"
            )
        scene, position, rotation = thor_meta["scene"], thor_meta["position"], thor_meta["rotation"]
        if isinstance(scene, str):
            scene = scene.removesuffix("_physics")
        if not isinstance(position, Mapping) or any(axis not in position for axis in "xyz"):
            raise InvalidLocationError(f"position {position!r} of thor_meta is not an object with x, y and z")
        if isinstance(rotation, Mapping):
            if "y" not in rotation:
                raise InvalidLocationError(f"rotation {rotation!r} of thor_meta has no field 'y'")
            rotation = rotation["y"]
        coordinates = (position["x"], position["y"], position["z"])
        return cls(scene, coordinates, rotation, thor_meta["horizon"], thor_meta["seed"])
