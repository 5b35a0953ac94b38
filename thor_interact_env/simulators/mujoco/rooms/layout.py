"""Positions of objects in a room: placements, their boxes, and a layout that rejects overlaps."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.mujoco.exact import cosine, length, sine
from thor_interact_env.simulators.mujoco.shapes import Blueprint, Collider, Vector

Box = tuple[float, float, float, float, float, float]
"""Lowest and highest corner: x, y, z, x, y, z."""

WALL_GAP = 0.012
"""Metres between a wall and objects against it, for the skirting."""

NORTH, WEST, SOUTH, EAST = range(4)
"""Walls at +y, -x, -y, +x: an object against wall k is turned by k quarter turns."""


@dataclass(frozen=True)
class Placement:
    """One object in a room.

    Attributes:
        type: iTHOR's name of the type.
        blueprint: Its blueprint.
        position: Position of the blueprint's origin, metres.
        yaw: Radians, counter-clockwise seen from above; 0 faces -y.
    """

    type: str
    blueprint: Blueprint
    position: Vector
    yaw: float

    def box(self) -> Box:
        """Return the axis-aligned box it fills."""
        return placed_box(self.blueprint, self.position, self.yaw)

    def solid_boxes(self) -> npt.NDArray[np.float64]:
        """Return the (n, 6) axis-aligned boxes around its colliders."""
        found = np.zeros((len(self.blueprint.colliders), 6))
        # Objects stand at quarter turns, so a turned box is a box.
        along, across = cosine(self.yaw), sine(self.yaw)
        for row, collider in zip(found, self.blueprint.colliders, strict=True):
            half = _half_extents(collider)
            if abs(across) > 0.5:
                half = half[[1, 0, 2]]
            x, y, z = collider.position
            middle = np.array([along * x - across * y, across * x + along * y, z]) + self.position
            row[:3], row[3:] = middle - half, middle + half
        return found


def _half_extents(collider: Collider) -> npt.NDArray[np.float64]:
    first, second, third = collider.size
    half = {
        "sphere": np.array([first, first, first]),
        "cylinder": np.array([first, first, second]),
        "capsule": np.array([first, first, first + second]),
    }.get(collider.kind, np.array([first, second, third]))
    return np.full(3, length(half)) if any(collider.rotation) else half


Unit = tuple[tuple[str, Blueprint], ...]
"""Parts that share a frame and may overlap: type and blueprint of each."""


def bounds(unit: Unit) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the lowest and highest corner, (3,) each, of all parts."""
    if len(unit) == 1:
        return unit[0][1].bounds()
    corners = np.array([blueprint.bounds() for _, blueprint in unit])
    return corners[:, 0].min(axis=0), corners[:, 1].max(axis=0)


def placed_box(blueprint: Blueprint, position: Vector, yaw: float) -> Box:
    """Return the axis-aligned box around a turned blueprint's bounds."""
    # Plain floats: a furnished room has asked for hundreds of boxes.
    (west, south, bottom), (east, north, top) = (corner.tolist() for corner in blueprint.bounds())
    along, across = cosine(yaw), sine(yaw)
    corners = [(a, b) for a in (west, east) for b in (south, north)]
    x = [a * along + b * -across + position[0] for a, b in corners]
    y = [a * across + b * along + position[1] for a, b in corners]
    return min(x), min(y), position[2] + bottom, max(x), max(y), position[2] + top


def overlaps(box: Box, others: npt.NDArray[np.float64], margin: float = 0.0) -> bool:
    """Return whether a box comes closer than `margin` sideways to any other, (n, 6), at its own height."""
    x0, y0, z0, x1, y1, z1 = box
    below = others[:, 3:] - 1e-6 > (x0 - margin, y0 - margin, z0)
    above = others[:, :3] + 1e-6 < (x1 + margin, y1 + margin, z1)
    return bool((below & above).all(axis=1).any())


class Layout:
    """A room while it is being furnished."""

    def __init__(self, rng: np.random.Generator, size: Vector) -> None:
        """Start with an empty room of the given width, depth and height."""
        self.rng = rng
        self.size = size
        self.fixtures: list[Placement] = []
        self.furniture: list[Placement] = []
        self._boxes = np.zeros((0, 6))

    def length(self, wall: int) -> float:
        """Return the length of a wall."""
        return self.size[wall % 2]

    def keep_free(self, box: Box) -> None:
        """Keep later placements out of a box."""
        self._boxes = np.concatenate([self._boxes, [box]])

    def put(
        self,
        unit: Unit,
        position: Vector,
        yaw: float,
        movable: bool = False,
        margin: float = 0.0,
        headroom: float = 0.0,
    ) -> Placement | None:
        """Place a unit if it is inside the room and overlaps nothing.

        Args:
            unit: The unit.
            position: Position of its origin, metres.
            yaw: Radians.
            movable: Whether it is furniture that can be moved, not a fixture.
            margin: Metres to keep free around it.
            headroom: Metres to keep free above it, now and later.

        Returns:
            The unit's first part, None if there was no room.
        """
        placements = [Placement(name, blueprint, position, yaw) for name, blueprint in unit]
        half_x, half_y = self.size[0] / 2 + 1e-6, self.size[1] / 2 + 1e-6
        boxes = []
        for placement in placements:
            x0, y0, z0, x1, y1, z1 = placement.box()
            inside = -half_x <= x0 and x1 <= half_x and -half_y <= y0 and y1 <= half_y
            box = (x0, y0, z0, x1, y1, z1 + headroom)
            if not inside or box[5] > self.size[2] or overlaps(box, self._boxes, margin):
                return None
            boxes.append(box)
        self._boxes = np.concatenate([self._boxes, boxes])
        (self.furniture if movable else self.fixtures).extend(placements)
        return placements[0]

    def point(self, wall: int, along: float, inward: float) -> tuple[float, float]:
        """Return the point `along` a wall (0: its middle, +: right when facing it), `inward` from it."""
        x, y = along, self.size[(wall + 1) % 2] / 2 - inward
        turned = ((x, y), (-y, x), (-x, -y), (y, -x))
        return turned[wall]

    def at_wall(
        self,
        unit: Unit,
        wall: int,
        along: float,
        z: float = 0.0,
        gap: float = WALL_GAP,
        movable: bool = False,
        headroom: float = 0.0,
    ) -> Placement | None:
        """Place an object with its back at a wall, facing inward."""
        _, high = bounds(unit)
        x, y = self.point(wall, along, gap + float(high[1]))
        return self.put(unit, (x, y, z), wall * np.pi / 2, movable, headroom=headroom)

    def along_walls(
        self,
        unit: Unit,
        z: float = 0.0,
        gap: float = WALL_GAP,
        movable: bool = False,
        walls: tuple[int, ...] = (NORTH, WEST, SOUTH, EAST),
        tries: int = 40,
        headroom: float = 0.0,
    ) -> Placement | None:
        """Place an object at a random spot of a random wall, often in a corner."""
        wide = float(np.ptp([bound[0] for bound in bounds(unit)]))
        for attempt in range(tries):
            wall = walls[int(self.rng.integers(len(walls)))]
            room = self.length(wall) / 2 - wide / 2 - 0.02
            if room < 0:
                continue
            along = float(self.rng.uniform(-room, room))
            if z == 0 and attempt < tries // 2 and self.rng.random() < 0.6:
                along = float(np.sign(along)) * room
            found = self.at_wall(unit, wall, along, z, gap, movable, headroom)
            if found:
                return found
        return None

    def standing(self, unit: Unit, margin: float, tries: int = 40) -> Placement | None:
        """Place movable furniture anywhere on the floor with room to walk around it."""
        half = np.array(self.size[:2]) / 2
        for attempt in range(tries):
            x, y = (float(value) for value in self.rng.uniform(-half, half))
            yaw = int(self.rng.integers(4)) * np.pi / 2
            space = margin if attempt < tries // 2 else margin / 2
            found = self.put(unit, (x, y, 0.0), yaw, True, space)
            if found:
                return found
        return None

    def facing(self, unit: Unit, host: Placement, gap: float = 0.03, tries: int = 12) -> Placement | None:
        """Place movable furniture at one side of another piece, facing it."""
        x0, y0, _, x1, y1, _ = host.box()
        low, _ = bounds(unit)
        depth = gap - float(low[1])
        for _ in range(tries):
            side = int(self.rng.integers(4))
            fraction = float(self.rng.uniform(0.2, 0.8))
            x, y = x0 + fraction * (x1 - x0), y0 + fraction * (y1 - y0)
            # An object at side k of its host has yaw k quarter turns, so that it faces the host.
            spot = ((x, y1 + depth), (x0 - depth, y), (x, y0 - depth), (x1 + depth, y))[side]
            found = self.put(unit, (*spot, 0.0), side * np.pi / 2, True)
            if found:
                return found
        return None
