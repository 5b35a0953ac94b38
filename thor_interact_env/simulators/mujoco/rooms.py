"""Room plans: which things a room has, where the fixed ones stand and where the small ones are spawned.

The floor is at z = 0 and the room is centred on the origin: |x| <= width / 2, |y| <= depth / 2. Metres.
"""

import zlib
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.mujoco.layout import Box, Layout, Placement, overlaps, placed_box
from thor_interact_env.simulators.mujoco.materials import Material
from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG, build
from thor_interact_env.simulators.mujoco.rooms_by_type import FURNISHERS, SIZES, shell
from thor_interact_env.simulators.mujoco.shapes import Blueprint, Vector
from thor_interact_env.splits import room_type

HEIGHT = 3.1
"""Height of every room."""

MOVABLES = {"kitchen": (26, 40), "living_room": (18, 41), "bedroom": (18, 30), "bathroom": (12, 16)}
"""Least and greatest number of movable objects (furniture and portables) per room type."""

AGENT_RADIUS, GRID, AGENT_TOP = 0.2, 0.25, 1.8
"""The agent's radius, the spacing of its positions and its height."""

MARGIN = 0.01
"""Least distance between two things side by side when they are spawned."""

Pose = tuple[float, float, float, float]
"""x, y, z and yaw in radians."""

_SAME = {
    "CounterTop": ("CounterTop", "Sink"),
    "Shelf": ("Shelf", "ShelvingUnit"),
    "SideTable": ("SideTable", "Stool"),
}
_HIGHEST_SURFACE = 1.55
_WANTED_POSITIONS = 12


@dataclass(frozen=True)
class RoomPlan:
    """Everything about a room but the spawn.

    Attributes:
        name: iTHOR's name, "FloorPlan1".
        room_type: "kitchen", "living_room", "bedroom" or "bathroom".
        size: Width (x), depth (y) and height.
        floor: Material of the floor.
        wall: Material of the walls.
        ceiling: Material of the ceiling.
        fixtures: What never moves.
        furniture: Movable things with a planned place on the floor.
        portables: Movable things that `spawn` places: type and blueprint.
        light: Where the lamp is.
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


def plan_room(name: str) -> RoomPlan:
    """Furnish a room: a pure function of its name.

    Args:
        name: One of iTHOR's 120 rooms, or `Procedural` and a number from 0.

    Raises:
        UnknownRoomError: There is no such room.
    """
    kind = room_type(name)
    best, most = None, -1
    for attempt in range(20):
        plan = _attempt(name, kind, np.random.default_rng([zlib.crc32(name.encode()), attempt]))
        positions = len(reachable(plan))
        if positions > most:
            best, most = plan, positions
        if most >= _WANTED_POSITIONS:
            break
    assert best is not None
    return best


def _attempt(name: str, kind: str, rng: np.random.Generator) -> RoomPlan:
    (narrow, wide), (shallow, deep) = SIZES[kind]
    size = (float(rng.uniform(narrow, wide)), float(rng.uniform(shallow, deep)), HEIGHT)
    floor, wall, ceiling = shell(rng, kind)
    layout = Layout(rng, size)
    FURNISHERS[kind](layout)
    portables = tuple((chosen, build(chosen, rng)) for chosen in _portables(rng, kind, len(layout.furniture)))
    x, y = (float(value) for value in rng.uniform(-0.15, 0.15, 2) * size[:2])
    fixtures, furniture = tuple(layout.fixtures), tuple(layout.furniture)
    return RoomPlan(
        name, kind, size, floor, wall, ceiling, fixtures, furniture, portables, (x, y, HEIGHT - 0.15)
    )


def _portables(rng: np.random.Generator, kind: str, furniture: int) -> list[str]:
    """Draw small things by how often iTHOR has them, then add or drop some to get a plausible total."""
    expected = {name: found.rooms.get(kind, 0.0) for name, found in CATALOG.items() if found.pickupable}
    names = [name for name, mean in expected.items() for _ in range(int(mean) + int(rng.random() < mean % 1))]
    least, most = MOVABLES[kind]
    usual = least + 2 * (most - least) // 5
    while len(names) + furniture > most:
        names.pop(int(rng.integers(len(names))))
    candidates = [
        name for name, mean in expected.items() if mean > 0 and "Floor" not in CATALOG[name].receptacles
    ]
    weights = np.array([expected[name] for name in candidates])
    goal = int(rng.integers(usual, most + 1)) - furniture
    for _ in range(goal - len(names)):
        names.append(str(rng.choice(candidates, p=weights / weights.sum())))
    return names


@dataclass(frozen=True)
class _Spot:
    """A surface in the room: its rectangle, height, clearance, and the box of what it belongs to."""

    type: str
    rectangle: tuple[float, float, float, float]
    height: float
    clearance: float
    host: int
    weight: float


def _spots(plan: RoomPlan) -> list[_Spot]:
    spots = []
    for index, item in enumerate((*plan.fixtures, *plan.furniture)):
        cosine, sine = np.cos(item.yaw), np.sin(item.yaw)
        for surface in item.blueprint.surfaces:
            x, y, z = surface.center
            height = item.position[2] + z
            if height > _HIGHEST_SURFACE:
                continue
            middle = item.position[0] + cosine * x - sine * y, item.position[1] + sine * x + cosine * y
            # Hosts stand at quarter turns, so a turned rectangle is a rectangle.
            half = surface.half_size if abs(cosine) > 0.5 else surface.half_size[::-1]
            rectangle = middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]
            weight = half[0] * half[1] * (3 if 0.6 <= height <= 1.4 else 1)
            spots.append(
                _Spot(item.type, tuple(map(float, rectangle)), height, surface.clearance, index, weight)  # type: ignore[arg-type]
            )
    return spots


def spawn(plan: RoomPlan, seed: int) -> list[Pose | None]:
    """Place the portables at random: a pure function of plan and seed.

    Args:
        plan: The room.
        seed: Decides the places.

    Returns:
        One pose per portable, 1 mm above what it stands on; None where nothing was free.
    """
    rng = np.random.default_rng([zlib.crc32(plan.name.encode()), int(seed) & 0xFFFFFFFF])
    spots = _spots(plan)
    solid = [item for item in (*plan.fixtures, *plan.furniture)]
    boxes = np.array([item.box() for item in solid])
    half = (plan.size[0] / 2 - 0.03, plan.size[1] / 2 - 0.03)
    ground = _Spot("Floor", (-half[0], -half[1], half[0], half[1]), 0.0, 2.0, -1, 1.0)
    passable = np.array([item.type == "Rug" for item in solid])
    placed: list[Box] = []
    poses: list[Pose | None] = [None] * len(plan.portables)
    areas = [np.prod(np.ptp(np.array(made.bounds())[:, :2], axis=0)) for _, made in plan.portables]
    for index in np.argsort(areas)[::-1]:
        name, made = plan.portables[index]
        for spot in _choices(rng, CATALOG[name].receptacles, spots, ground):
            others = [*boxes[~passable & (np.arange(len(boxes)) != spot.host)], *placed]
            found = _fit(rng, made, spot, others)
            if found:
                poses[index] = found
                placed.append(placed_box(made, found[:3], found[3]))
                break
    return poses


def _choices(
    rng: np.random.Generator, receptacles: tuple[str, ...], spots: list[_Spot], ground: _Spot
) -> list[_Spot]:
    """Return surfaces in the order in which to try them: usual receptacles first, then any."""
    order = []
    weights = 0.6 ** np.arange(len(receptacles))
    names = [str(name) for name in rng.choice(receptacles, len(receptacles), False, weights / weights.sum())]
    for name in names:
        if name == "Floor":
            order.append(ground)
        order += _shuffled(rng, [spot for spot in spots if spot.type in _SAME.get(name, (name,))])
    return order + (_shuffled(rng, spots) if names != ["Floor"] else [])


def _shuffled(rng: np.random.Generator, spots: list[_Spot]) -> list[_Spot]:
    if not spots:
        return []
    weights = np.array([spot.weight for spot in spots])
    return [spots[index] for index in rng.choice(len(spots), len(spots), False, weights / weights.sum())]


def _fit(
    rng: np.random.Generator, made: Blueprint, spot: _Spot, others: list[npt.NDArray[np.float64] | Box]
) -> Pose | None:
    if made.bounds()[1][2] + 0.01 > spot.clearance:
        return None
    x0, y0, x1, y1 = spot.rectangle
    for attempt in range(14):
        yaw = float(rng.uniform(-np.pi, np.pi))
        if attempt % 2:  # Long things fit on narrow boards only along or across.
            yaw = round(yaw / (np.pi / 2)) * np.pi / 2
        box = placed_box(made, (0.0, 0.0, spot.height + 0.001), yaw)
        if box[3] - box[0] > x1 - x0 or box[4] - box[1] > y1 - y0:
            continue
        x, y = float(rng.uniform(x0 - box[0], x1 - box[3])), float(rng.uniform(y0 - box[1], y1 - box[4]))
        moved = (box[0] + x, box[1] + y, box[2], box[3] + x, box[4] + y, box[5])
        if not overlaps(moved, np.array(others), MARGIN):
            return x, y, spot.height + 0.001, yaw
    return None


def reachable(plan: RoomPlan, poses: list[Pose | None] | None = None) -> npt.NDArray[np.float64]:
    """Return where an agent can stand and walk to, on a grid of 0.25 m.

    Args:
        plan: The room.
        poses: Where the portables are, so that those on the floor are in the way as well.

    Returns:
        (n, 2) x and y of the largest connected set of positions.
    """
    boxes = [item.box() for item in (*plan.fixtures, *plan.furniture) if item.type != "Rug"]
    for (_, made), pose in zip(plan.portables, poses or [], strict=False):
        if pose is not None and pose[2] < 0.05:
            boxes.append(placed_box(made, pose[:3], pose[3]))
    count_x, count_y = (int((side / 2 - AGENT_RADIUS) / GRID) for side in plan.size[:2])
    x, y = np.meshgrid(
        np.arange(-count_x, count_x + 1) * GRID, np.arange(-count_y, count_y + 1) * GRID, indexing="ij"
    )
    free = np.ones(x.shape, bool)
    for x0, y0, z0, x1, y1, _ in boxes:
        if z0 < AGENT_TOP:
            across = np.maximum(np.maximum(x0 - x, x - x1), 0)
            free &= np.hypot(across, np.maximum(np.maximum(y0 - y, y - y1), 0)) >= AGENT_RADIUS
    _, labels, stats, _ = cv2.connectedComponentsWithStats(free.astype(np.uint8), connectivity=4)
    if len(stats) < 2:
        return np.zeros((0, 2))
    chosen = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.column_stack([x[chosen], y[chosen]])
