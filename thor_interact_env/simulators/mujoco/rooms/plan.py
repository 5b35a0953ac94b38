"""Room plans: the objects of a room, the places of fixtures and the spawns of small objects.

The floor is at z = 0 and the room is centred on the origin: |x| <= width / 2, |y| <= depth / 2. Metres.
"""

import math
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from thor_interact_env.locations.splits import room_type
from thor_interact_env.simulators.mujoco.exact import cosine, length, sine
from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG, build
from thor_interact_env.simulators.mujoco.rooms.furnish import FURNISHERS, SIZES, shell
from thor_interact_env.simulators.mujoco.rooms.layout import Box, Layout, Placement, overlaps, placed_box
from thor_interact_env.simulators.mujoco.shapes import Blueprint, Vector

HEIGHT = 3.1
"""Height of every room."""

MOVABLES = {"kitchen": (26, 40), "living_room": (18, 41), "bedroom": (18, 30), "bathroom": (12, 16)}
"""Minimum and maximum number of movable objects (furniture and portables) per room type."""

AGENT_RADIUS, POSITION_SPACING, AGENT_TOP = 0.2, 0.25, 1.8
"""The agent's radius, the spacing of its positions and its height."""

MARGIN = 0.01
"""Minimum distance between two objects side by side when they are spawned."""

Pose = tuple[float, float, float, float]
"""x, y, z and yaw in radians."""

_SAME = {
    "CounterTop": ("CounterTop",),
    "Sink": ("SinkBasin",),
    "Bathtub": ("Bathtub", "BathtubBasin"),
    "Shelf": ("Shelf", "ShelvingUnit"),
    "SideTable": ("SideTable", "Stool"),
}
_SEATS = ("Chair", "ArmChair", "DogBed", "Sofa", "Bed", "Ottoman", "BathtubBasin")
_ON_BEDS = ("Pillow", "TeddyBear")
_ATTEMPTS = 20
"""Number of floor plans that are tried for a room; the one with the most free space is taken."""

_SMALL_FOOTPRINT = 0.12
"""Square metres: larger objects, such as a second television, are not added to reach a total."""

_HIGHEST_SURFACE = 1.75
_EYE, _REACH, _EYE_LEVEL, _ON_SHELVES = 1.576, 1.4, 1.1, 0.45
_WANTED_POSITIONS = {"kitchen": 20, "living_room": 24, "bedroom": 20, "bathroom": 12}
_MAXIMUM_BLOCKED = 2
_ESSENTIAL = {
    "kitchen": {"Door", "Fridge", "Sink", "StoveBurner", "CounterTop"},
    "living_room": {"Door", "Sofa", "SideTable"},
    "bedroom": {"Door", "Bed", "Desk"},
    "bathroom": {"Door", "Toilet", "Sink", "CounterTop", "ToiletPaperHanger"},
}


@dataclass(frozen=True)
class RoomPlan:
    """Everything about a room except the spawn.

    Attributes:
        name: iTHOR's name, "FloorPlan1".
        room_type: "kitchen", "living_room", "bedroom" or "bathroom".
        size: Width (x), depth (y) and height.
        floor: Material of the floor.
        wall: Material of the walls.
        ceiling: Material of the ceiling.
        fixtures: Objects that never move.
        furniture: Movable objects with a planned place on the floor.
        portables: Movable objects that `spawn` places: type and blueprint.
        light: Position of the lamp.
    """

    name: str
    room_type: str
    size: Vector
    floor: Material
    wall: Material
    ceiling: Material
    fixtures: tuple[Placement, ...]
    furniture: tuple[Placement, ...]
    portables: tuple[tuple[str, Blueprint], ...]
    light: Vector

    def receptacles(self, index: int) -> tuple[str, ...]:
        """Return the types a portable stands on, most frequent first.

        Args:
            index: Its place in `portables`.
        """
        name = self.portables[index][0]
        return tuple(each for each in CATALOG[name].receptacles if each != "Bed" or name in _ON_BEDS)

    def identifiers(self) -> list[str]:
        """Return the identifiers of the movable objects: of the furniture, then of the portables."""
        names = [placement.type for placement in self.furniture] + [name for name, _ in self.portables]
        return [f"{name}|{index}" for index, name in enumerate(names)]


def plan_room(name: str) -> RoomPlan:
    """Furnish a room: a pure function of its name.

    Args:
        name: One of iTHOR's 120 rooms, or `Procedural` and a number from 0.

    Raises:
        UnknownRoomError: There is no such room.
    """
    kind = room_type(name)
    best, most = None, (False, False, -1)
    for attempt in range(_ATTEMPTS):
        plan = _attempt(name, kind, np.random.default_rng([zlib.crc32(name.encode()), attempt]))
        types = {item.type for item in (*plan.fixtures, *plan.furniture)}
        positions = len(reachable(plan))
        worth = (positions >= _WANTED_POSITIONS[kind], types >= _ESSENTIAL[kind], positions)
        if worth > most:
            best, most = plan, worth
        if most[0] and most[1]:
            break
    assert best is not None
    rng = np.random.default_rng([zlib.crc32(name.encode()), _ATTEMPTS])
    names = _portables(rng, kind, len(best.furniture))
    return replace(best, portables=tuple((chosen, build(chosen, rng)) for chosen in names))


def _attempt(name: str, kind: str, rng: np.random.Generator) -> RoomPlan:
    (narrow, wide), (shallow, deep) = SIZES[kind]
    size = (float(rng.uniform(narrow, wide)), float(rng.uniform(shallow, deep)), HEIGHT)
    floor, wall, ceiling = shell(rng, kind)
    layout = Layout(rng, size)
    FURNISHERS[kind](layout)
    x, y = (float(value) for value in rng.uniform(-0.15, 0.15, 2) * size[:2])
    fixtures, furniture = tuple(layout.fixtures), tuple(layout.furniture)
    return RoomPlan(name, kind, size, floor, wall, ceiling, fixtures, furniture, (), (x, y, HEIGHT - 0.15))


def _portables(rng: np.random.Generator, kind: str, furniture: int) -> list[str]:
    """Draw small objects by their frequency in iTHOR, then add or drop some to get a plausible total."""
    expected = {name: found.rooms.get(kind, 0.0) for name, found in CATALOG.items() if found.pickupable}
    names = [name for name, mean in expected.items() for _ in range(int(mean) + int(rng.random() < mean % 1))]
    minimum, maximum = MOVABLES[kind]
    usual = minimum + 3 * (maximum - minimum) // 4
    while len(names) + furniture > maximum:
        names.pop(int(rng.integers(len(names))))
    footprints = {name: CATALOG[name].size[0] * CATALOG[name].size[1] for name in expected}
    candidates = [
        name
        for name, mean in expected.items()
        if mean > 0 and CATALOG[name].receptacles[0] != "Floor" and footprints[name] < _SMALL_FOOTPRINT
    ]
    # Hardly visible objects count less.
    weights = np.array([expected[name] * math.sqrt(footprints[name]) for name in candidates])
    goal = int(rng.integers(usual, maximum + 1)) - furniture
    for _ in range(goal - len(names)):
        names.append(str(rng.choice(candidates, p=weights / weights.sum())))
    return names


@dataclass(frozen=True)
class _Spot:
    """A surface: its owner, rectangle, height, clearance, and weight in the order of trials."""

    type: str
    rectangle: tuple[float, float, float, float]
    height: float
    clearance: float
    weight: float


def _spots(plan: RoomPlan, walkable: npt.NDArray[np.float64]) -> list[_Spot]:
    """Return the surfaces; those in reach of the agent's positions have more weight."""
    spots = []
    for item in (*plan.fixtures, *plan.furniture):
        along, across = cosine(item.yaw), sine(item.yaw)
        for surface in item.blueprint.surfaces:
            x, y, z = surface.center
            height = item.position[2] + z
            if height > _HIGHEST_SURFACE:
                continue
            middle = item.position[0] + along * x - across * y, item.position[1] + across * x + along * y
            # Hosts stand at quarter turns, so a turned rectangle is a rectangle.
            half = surface.half_size if abs(along) > 0.5 else surface.half_size[::-1]
            rectangle = middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]
            away = length(np.column_stack([walkable - middle, np.full(len(walkable), _EYE - height)]))
            near = min(int((away < _REACH).sum()), 8) / 8
            weight = math.sqrt(half[0] * half[1]) * (0.1 + near) * (1.0 if height >= 0.6 else 0.4)
            spots.append(
                _Spot(item.type, tuple(map(float, rectangle)), height, surface.clearance, float(weight))  # type: ignore[arg-type]
            )
    return spots


class _Spawn:
    """A room while its portables are placed."""

    def __init__(self, plan: RoomPlan, rng: np.random.Generator) -> None:
        self.rng = rng
        self.walkable = reachable(plan)
        self.spots = _spots(plan, self.walkable)
        solid = [item.solid_boxes() for item in (*plan.fixtures, *plan.furniture) if item.type != "Rug"]
        boxes = np.concatenate(solid)
        self.count = len(boxes)
        self.load: Counter[_Spot] = Counter()
        self.taken = np.concatenate([boxes, np.zeros((len(plan.portables), 6))])
        half = (plan.size[0] / 2 - 0.03, plan.size[1] / 2 - 0.03)
        self.ground = _Spot("Floor", (-half[0], -half[1], half[0], half[1]), 0.0, 2.0, 1.0)

    def choices(self, receptacles: tuple[str, ...]) -> Iterator[_Spot]:
        """Yield surfaces in the order in which to try them: usual receptacles first, then any."""
        # Open shelves stand for iTHOR's cabinets and drawers, which hold some of its small objects.
        if receptacles != ("Floor",) and self.rng.random() < _ON_SHELVES:
            yield from self._shuffled([spot for spot in self.spots if spot.height >= _EYE_LEVEL])
        for index in self._order(np.cumprod(np.full(len(receptacles), 0.6))):
            if receptacles[index] == "Floor":
                yield self.ground
            usual = _SAME.get(receptacles[index], (receptacles[index],))
            yield from self._shuffled([spot for spot in self.spots if spot.type in usual])
        if receptacles != ("Floor",):
            yield from self._shuffled([spot for spot in self.spots if spot.type not in _SEATS])
        yield from [self.ground] * 4

    def _shuffled(self, spots: list[_Spot]) -> list[_Spot]:
        weights = np.array([spot.weight / (1 + self.load[spot]) for spot in spots])
        return [spots[index] for index in self._order(weights)]

    def _order(self, weights: npt.NDArray[np.floating]) -> list[int]:
        """Draw all without replacement, each time in proportion to the weights of the rest."""
        # Of independent exponential times, each is the first with probability proportional to its rate. Only
        # their order is used, so the last bits of a time, which may depend on the machine, do not matter.
        times = self.rng.exponential(size=len(weights)) / weights
        order: list[int] = np.argsort(times, kind="stable").tolist()
        return order

    def fit(self, half: tuple[float, float], high: float, spot: _Spot) -> Pose | None:
        """Find a free place on a surface for an object of these half extents and height, and take it."""
        if high + 0.01 > spot.clearance:
            return None
        x0, y0, x1, y1 = spot.rectangle
        height = spot.height + 0.001
        for attempt in range(14):
            yaw = float(self.rng.uniform(-np.pi, np.pi))
            if attempt % 2:  # Long objects fit on narrow boards only along or across.
                yaw = round(yaw / (np.pi / 2)) * np.pi / 2
            along, across = abs(cosine(yaw)), abs(sine(yaw))
            wide, deep = along * half[0] + across * half[1], across * half[0] + along * half[1]
            if 2 * wide > x1 - x0 or 2 * deep > y1 - y0:
                continue
            x = float(self.rng.uniform(x0 + wide, x1 - wide))
            y = float(self.rng.uniform(y0 + deep, y1 - deep))
            box = (x - wide, y - deep, height, x + wide, y + deep, height + high)
            if spot is self.ground and self._blocked(box) > _MAXIMUM_BLOCKED:
                continue
            if not overlaps(box, self.taken[: self.count], MARGIN):
                self.taken[self.count] = box
                self.count += 1
                self.load[spot] += 1
                return x, y, height, yaw
        return None

    def _blocked(self, box: Box) -> int:
        """Return at how many positions the agent could not stand any more."""
        nearest = np.clip(self.walkable, box[:2], box[3:5])
        return int((length(self.walkable - nearest) < AGENT_RADIUS).sum())


def spawn(plan: RoomPlan, seed: int) -> list[Pose | None]:
    """Place the portables at random: a pure function of plan and seed.

    Args:
        plan: The room.
        seed: Seed of the places.

    Returns:
        One pose per portable, 1 mm above its surface; None if there was no free place.
    """
    rng = np.random.default_rng([zlib.crc32(plan.name.encode()), int(seed) & 0xFFFFFFFF])
    room = _Spawn(plan, rng)
    poses: list[Pose | None] = [None] * len(plan.portables)
    bounds = [made.bounds() for _, made in plan.portables]
    areas = [float((high[0] - low[0]) * (high[1] - low[1])) for low, high in bounds]
    for index in np.argsort(areas, kind="stable")[::-1]:
        low, high = bounds[index]
        half = (max(-float(low[0]), float(high[0])), max(-float(low[1]), float(high[1])))
        for spot in room.choices(plan.receptacles(index)):
            poses[index] = room.fit(half, float(high[2]), spot)
            if poses[index] is not None:
                break
    return poses


def reachable(plan: RoomPlan, poses: list[Pose | None] | None = None) -> npt.NDArray[np.float64]:
    """Return the connected positions of an agent on a grid of 0.25 m.

    Args:
        plan: The room.
        poses: Poses of the portables; those on the floor also block positions.

    Returns:
        (n, 2) x and y of the largest connected set of positions.
    """
    boxes = [item.box() for item in (*plan.fixtures, *plan.furniture) if item.type != "Rug"]
    for (_, made), pose in zip(plan.portables, poses or [], strict=False):
        if pose is not None and pose[2] < 0.05:
            boxes.append(placed_box(made, pose[:3], pose[3]))
    count_x, count_y = (int((side / 2 - AGENT_RADIUS) / POSITION_SPACING) for side in plan.size[:2])
    x, y = np.meshgrid(
        np.arange(-count_x, count_x + 1) * POSITION_SPACING,
        np.arange(-count_y, count_y + 1) * POSITION_SPACING,
        indexing="ij",
    )
    free = np.ones(x.shape, bool)
    for x0, y0, z0, x1, y1, _ in boxes:
        if z0 < AGENT_TOP:
            beside = np.maximum(np.maximum(x0 - x, x - x1), 0), np.maximum(np.maximum(y0 - y, y - y1), 0)
            free &= length(np.stack(beside, axis=-1)) >= AGENT_RADIUS
    labels, count = ndimage.label(free)
    if count == 0:
        return np.zeros((0, 2))
    chosen = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    return np.column_stack([x[chosen], y[chosen]])
