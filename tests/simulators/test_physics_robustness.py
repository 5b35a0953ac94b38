"""Random touches: nothing explodes, leaves, or is pushed into something fixed.

`TOUCHES_PER_ROOM=84 python -m pytest tests/simulators/test_physics_robustness.py` makes it 10,080
touches in all rooms instead of a few in every sixth.
"""

import os
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from thor_interact_env.actions import DIRECTIONS, FORCES
from thor_interact_env.locations.splits import ALL_ROOMS, ROOM_TYPES
from thor_interact_env.simulators.mujoco.drawing.opengl import choose_backend
from thor_interact_env.simulators.mujoco.rooms.plan import plan_room, spawn

# MuJoCo reads the backend when it is imported, and other tests of this process render.
choose_backend()
physics = import_module("thor_interact_env.simulators.mujoco.physics")
mujoco = physics.mujoco

TOUCHES = int(os.environ.get("TOUCHES_PER_ROOM", "5"))
EVERY = 1 if "TOUCHES_PER_ROOM" in os.environ else 6
MAXIMUM_SPEED = 15.0
DEEPEST = 0.01  # metres


def watch(monkeypatch):
    """Make every single step record the maximum speed and whether all is finite."""
    seen: dict[str, Any] = {"speed": 0.0, "finite": True, "steps": 0}
    step = mujoco.mj_step

    def watched(model, data, nstep=1):
        for _ in range(nstep):
            step(model, data)
            velocities = data.qvel.reshape(-1, 6)[:, :3]
            seen["finite"] &= bool(np.isfinite(data.qvel).all() and np.isfinite(data.qpos).all())
            seen["speed"] = max(seen["speed"], float(np.linalg.norm(velocities, axis=1).max()))
            seen["steps"] += 1

    monkeypatch.setattr(physics.mujoco, "mj_step", watched)
    return seen


def touch(room, rng):
    """Touch the first object on a random ray towards a random object in the room."""
    placed = np.flatnonzero(room.positions().reshape(-1, 7)[:, 2] > -1)
    target = room.data.xipos[room.movables[int(rng.choice(placed))].body]
    away = rng.normal(size=3)
    away[2] = abs(away[2])
    away /= np.linalg.norm(away)
    index, distance = room.first_hit(target + 0.8 * away, -away)
    if index is None:
        return
    turn = rng.uniform(0, 2 * np.pi)
    x, up, z = DIRECTIONS[rng.integers(len(DIRECTIONS))]
    along = np.array([x * np.cos(turn) - z * np.sin(turn), x * np.sin(turn) + z * np.cos(turn), up])
    force = FORCES[rng.integers(len(FORCES))] * along / np.linalg.norm(along)
    room.push(index, force, target + (0.8 - distance) * away)


def deepest_contact(room):
    """Return how far, in metres, a movable and something fixed overlap; sleeping ones are looked at too."""
    data = mujoco.MjData(room.model)
    data.qpos[:] = room.positions()
    room.model.opt.enableflags &= ~int(mujoco.mjtEnableBit.mjENBL_SLEEP)
    mujoco.mj_forward(room.model, data)
    room.model.opt.enableflags |= int(mujoco.mjtEnableBit.mjENBL_SLEEP)
    assert data.ncon > 0
    parked = room.positions().reshape(-1, 7)[:, 2] < -1
    fixed = []
    for contact in data.contact:
        owners = {room.movable_of_geom(int(geom)) for geom in contact.geom}
        if None in owners and not any(parked[index] for index in owners if index is not None):
            fixed.append(float(contact.dist))
    return -min(fixed, default=0.0)


@pytest.mark.parametrize("kind", list(ROOM_TYPES))
def test_random_touches_break_nothing(kind, monkeypatch):
    seen = watch(monkeypatch)
    for name in [f"FloorPlan{number}" for number in ROOM_TYPES[kind][::EVERY]]:
        rng = np.random.default_rng([ALL_ROOMS.index(name), 20])
        room = physics.CompiledRoom(plan_room(name))
        room.spawn(spawn(room.plan, int(rng.integers(2**30))))
        present = (room.positions().reshape(-1, 7)[:, 2] > -1).sum()
        for number in range(TOUCHES):
            touch(room, rng)
            where = f"{name}, touch {number}"
            assert seen["finite"], where
            assert seen["speed"] < MAXIMUM_SPEED, where
            assert np.isfinite(room.positions()).all(), where
            placed = room.positions().reshape(-1, 7)
            placed = placed[placed[:, 2] > -1]
            half = np.array(room.plan.size[:2]) / 2
            assert (np.abs(placed[:, :2]) < half).all(), where
            assert ((placed[:, 2] > -0.02) & (placed[:, 2] < room.plan.size[2])).all(), where
            assert deepest_contact(room) < DEEPEST, where
        assert len(placed) == present, name
    assert seen["steps"] > 500  # or the watch saw nothing
