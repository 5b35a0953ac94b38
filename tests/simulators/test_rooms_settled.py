"""Every room after its spawn has settled: nothing overlaps, hovers, falls out or moves on its own."""

import numpy as np
import pytest

from thor_interact_env.locations.splits import ROOM_TYPES
from thor_interact_env.simulators.mujoco.physics import TIME_STEP, CompiledRoom
from thor_interact_env.simulators.mujoco.rooms.layout import placed_box
from thor_interact_env.simulators.mujoco.rooms.plan import AGENT_RADIUS, MOVABLES, plan_room, reachable, spawn

SEEDS = (0, 1)
DRIFT = 2e-3
"""Metres that an object may shift in a second; pillows and stuffed animals rock and sag."""
DEPTH = 1e-3
"""Metres that two objects may sink into each other."""
SOFT_DRIFT = 0.02
SOFT = ("Pillow", "TeddyBear")


def check(name):
    plan = plan_room(name)
    room = CompiledRoom(plan)
    for seed in SEEDS:
        poses = spawn(plan, seed)
        room.spawn(poses)
        placed = [movable for movable in room.movables if height(room, movable) > -1]
        minimum, maximum = MOVABLES[plan.room_type]
        assert minimum <= len(placed) <= maximum, (name, seed, len(placed))
        assert room.data.ntree_awake == 0
        before = room.positions()
        wake(room, placed)
        for contact in room.data.contact:
            assert contact.dist > -DEPTH, (name, seed, contact.dist)
        inside_and_supported(room, placed)
        stays(room, placed, before, (name, seed))
        clear(plan, poses)


def height(room, movable) -> float:
    return float(room.data.qpos[movable.position_address + 2])


def inside_and_supported(room, placed) -> None:
    width, depth, high = room.plan.size
    touching = {
        int(room.model.geom_bodyid[geom])
        for contact in room.data.contact
        if contact.dist < 2e-3
        for geom in contact.geom
    }
    for movable in placed:
        x, y, z = room.data.xipos[movable.body]
        assert abs(x) < width / 2 and abs(y) < depth / 2 and 0 < z < high, (room.plan.name, movable.id)
        assert movable.body in touching, (room.plan.name, movable.id)


def wake(room, placed) -> None:
    """Wake everything without moving it: what sleeps has no contacts."""
    for movable in placed:
        room.data.qfrc_applied[movable.velocity_address] = 1e-9
    room.step()
    room.data.qfrc_applied[:] = 0


def stays(room, placed, before, where) -> None:
    room.step(round(1 / TIME_STEP))
    for movable in placed:
        at = slice(movable.position_address, movable.position_address + 3)
        shift = float(np.linalg.norm(room.data.qpos[at] - before[at]))
        assert shift < (SOFT_DRIFT if movable.type in SOFT else DRIFT), (*where, movable.id, shift)


def clear(plan, poses) -> None:
    """Wherever the agent can stand, nothing is within its radius."""
    positions = reachable(plan, poses)
    assert len(positions) >= 4, plan.name
    assert np.allclose(positions / 0.25, np.rint(positions / 0.25))
    boxes = [item.box() for item in (*plan.fixtures, *plan.furniture) if item.type != "Rug"]
    on_floor = zip(plan.portables, poses, strict=True)
    boxes += [placed_box(made, pose[:3], pose[3]) for (_, made), pose in on_floor if pose and pose[2] < 0.05]
    for x0, y0, z0, x1, y1, _ in boxes:
        if z0 < 1.8:
            nearest = np.clip(positions, (x0, y0), (x1, y1))
            assert np.linalg.norm(positions - nearest, axis=1).min() > AGENT_RADIUS - 1e-9, plan.name


@pytest.mark.parametrize("kind", ROOM_TYPES)
def test_ithors_rooms_settle(kind):
    for number in ROOM_TYPES[kind]:
        check(f"FloorPlan{number}")


def test_procedural_rooms_settle():
    for number in range(1000, 1012):
        check(f"Procedural{number}")
