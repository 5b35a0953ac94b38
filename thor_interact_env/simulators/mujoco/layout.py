"""Where things stand in a room: placements, their boxes, and a layout that refuses overlaps."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.mujoco.shapes import Blueprint, Vector

Box = tuple[float, float, float, float, float, float]
"""Lowest and highest corner: x, y, z, x, y, z."""

WALL_GAP = 0.012
"""Metres between a wall and what stands against it: room for the skirting."""

NORTH, WEST, SOUTH, EAST = range(4)
"""Walls at +y, -x, -y, +x: a thing against wall k is turned by k quarter turns."""


@dataclass(frozen=True)
class Placement:
    """One thing in a room.

    Attributes:
        type: iTHOR's name of the type.
        blueprint: What it is made of.
        position: Where the blueprint's origin is, metres.
        yaw: Radians, counter-clockwise seen from above; 0 faces -y.
    """

    type: str
    blueprint: Blueprint
    position: Vector
    yaw: float

    def box(self) -> Box:
        """Return the axis-aligned box it fills."""
        return placed_box(self.blueprint, self.position, self.yaw)


def placed_box(blueprint: Blueprint, position: Vector, yaw: float) -> Box:
    """Return the axis-aligned box around a turned blueprint's bounds."""
    low, high = blueprint.bounds()
    corners = np.array([[a, b] for a in (low[0], high[0]) for b in (low[1], high[1])])
    cosine, sine = np.cos(yaw), np.sin(yaw)
    corners = corners @ np.array([[cosine, sine], [-sine, cosine]]) + np.asarray(position[:2])
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    return (
        float(x0),
        float(y0),
        position[2] + float(low[2]),
        float(x1),
        float(y1),
        position[2] + float(high[2]),
    )


def overlaps(box: Box, others: npt.ArrayLike, margin: float = 0.0) -> bool:
    """Return whether a box comes closer than `margin` sideways to any other, (n, 6), at its own height."""
    other = np.asarray(others, float).reshape(-1, 6)
    pad = np.array([margin, margin, 0.0])
    below = np.all(np.asarray(box[:3]) - pad < other[:, 3:] - 1e-6, axis=1)
    above = np.all(np.asarray(box[3:]) + pad > other[:, :3] + 1e-6, axis=1)
    return bool(np.any(below & above))


class Layout:
    """A room while it is being furnished."""

    def __init__(self, rng: np.random.Generator, size: Vector) -> None:
        """Start with an empty room of the given width, depth and height."""
        self.rng = rng
        self.size = size
        self.fixtures: list[Placement] = []
        self.furniture: list[Placement] = []
        self.boxes: list[Box] = []

    def length(self, wall: int) -> float:
        """Return the length of a wall."""
        return self.size[wall % 2]

    def keep_free(self, box: Box) -> None:
        """Keep later placements out of a box."""
        self.boxes.append(box)

    def put(
        self,
        name: str,
        blueprint: Blueprint,
        position: Vector,
        yaw: float,
        movable: bool = False,
        margin: float = 0.0,
    ) -> Placement | None:
        """Place a thing if it is inside the room and overlaps nothing; return None otherwise."""
        placement = Placement(name, blueprint, position, yaw)
        box = placement.box()
        half = np.array([self.size[0] / 2, self.size[1] / 2]) + 1e-6
        inside = np.all(np.abs([box[:2], box[3:5]]) <= half) and box[5] <= self.size[2]
        if not inside or overlaps(box, self.boxes, margin):
            return None
        self.boxes.append(box)
        (self.furniture if movable else self.fixtures).append(placement)
        return placement

    def point(self, wall: int, along: float, inward: float) -> tuple[float, float]:
        """Return the point `along` a wall (0: its middle, +: right when facing it), `inward` from it."""
        x, y = along, self.size[(wall + 1) % 2] / 2 - inward
        cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[wall]
        return cosine * x - sine * y, sine * x + cosine * y

    def at_wall(
        self,
        name: str,
        blueprint: Blueprint,
        wall: int,
        along: float,
        z: float = 0.0,
        gap: float = WALL_GAP,
        movable: bool = False,
    ) -> Placement | None:
        """Place a thing with its back at a wall, facing inward."""
        _, high = blueprint.bounds()
        x, y = self.point(wall, along, gap + float(high[1]))
        return self.put(name, blueprint, (x, y, z), wall * np.pi / 2, movable)

    def along_walls(
        self,
        name: str,
        blueprint: Blueprint,
        z: float = 0.0,
        gap: float = WALL_GAP,
        movable: bool = False,
        walls: tuple[int, ...] = (NORTH, WEST, SOUTH, EAST),
        tries: int = 40,
    ) -> Placement | None:
        """Place a thing at a random spot of a random wall, often in a corner."""
        wide = float(np.ptp([bound[0] for bound in blueprint.bounds()]))
        for attempt in range(tries):
            wall = int(self.rng.choice(walls))
            room = self.length(wall) / 2 - wide / 2 - 0.02
            if room < 0:
                continue
            along = float(self.rng.uniform(-room, room))
            if z == 0 and attempt < tries // 2 and self.rng.random() < 0.6:
                along = float(np.sign(along)) * room
            found = self.at_wall(name, blueprint, wall, along, z, gap, movable)
            if found:
                return found
        return None

    def standing(self, name: str, blueprint: Blueprint, margin: float, tries: int = 40) -> Placement | None:
        """Place movable furniture anywhere on the floor with room to walk around it."""
        half = np.array(self.size[:2]) / 2
        for attempt in range(tries):
            x, y = (float(value) for value in self.rng.uniform(-half, half))
            yaw = int(self.rng.integers(4)) * np.pi / 2
            space = margin if attempt < tries // 2 else margin / 2
            found = self.put(name, blueprint, (x, y, 0.0), yaw, True, space)
            if found:
                return found
        return None

    def facing(
        self, name: str, blueprint: Blueprint, host: Placement, gap: float = 0.03, tries: int = 12
    ) -> Placement | None:
        """Place movable furniture at one side of another piece, facing it."""
        x0, y0, _, x1, y1, _ = host.box()
        low, _ = blueprint.bounds()
        depth = gap - float(low[1])
        for _ in range(tries):
            side = int(self.rng.integers(4))
            share = float(self.rng.uniform(0.2, 0.8))
            x, y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
            # A thing at side k of its host has yaw k quarter turns: its front looks back at the host.
            spot = ((x, y1 + depth), (x0 - depth, y), (x, y0 - depth), (x1 + depth, y))[side]
            found = self.put(name, blueprint, (*spot, 0.0), side * np.pi / 2, True)
            if found:
                return found
        return None
