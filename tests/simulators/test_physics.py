"""What a push does: thresholds, friction, determinism, rest."""

from importlib import import_module

import numpy as np
import pytest

from thor_interact_env.simulators.mujoco.drawing.opengl import choose_backend
from thor_interact_env.simulators.mujoco.rooms.plan import plan_room, spawn

# MuJoCo reads the backend when it is imported, and other tests of this process render.
choose_backend()
physics = import_module("thor_interact_env.simulators.mujoco.physics")
building = import_module("thor_interact_env.simulators.mujoco.rooms.model")

ROOM = "FloorPlan301"


@pytest.fixture(scope="module")
def room():
    made = physics.CompiledRoom(plan_room(ROOM))
    made.spawn(spawn(made.plan, 0))
    return made


@pytest.fixture(autouse=True)
def _as_spawned(room):
    before = room.positions()
    yield
    room.rest(before)


def placed(room, minimum=0.0, maximum=float("inf")):
    """Return the indices of what stands in the room and weighs this much, heaviest first."""
    found = [
        index
        for index, movable in enumerate(room.movables)
        if room.positions()[movable.position_address + 2] > -1 and minimum <= movable.mass < maximum
    ]
    return sorted(found, key=lambda index: -room.movables[index].mass)


def middle(room, index):
    return room.data.xipos[room.movables[index].body].copy()


def test_a_push_is_a_function_of_positions_and_force(room):
    index = placed(room, maximum=2.0)[0]
    before = room.positions()
    results = []
    for other in (None, placed(room)[0]):
        if other is not None:  # another history
            room.push(other, np.array([100.0, 0, 100.0]), middle(room, other))
        room.rest(before)
        assert room.push(index, np.array([15.0, 15.0, 15.0]), middle(room, index))
        results.append(room.positions())
    assert np.array_equal(*results)


def test_a_push_that_moves_nothing_leaves_no_trace(room):
    index = placed(room)[0]
    before = room.positions()
    assert not room.push(index, np.array([1.0, 0.0, 0.0]), middle(room, index))
    assert np.array_equal(room.positions(), before)


def test_a_greater_force_moves_farther(room):
    """Until friction alone decides: the same light object, lifted off by each force at least a little."""
    index = placed(room, 0.2, 2.0)[0]
    before, point = room.positions(), middle(room, index)
    at = room.movables[index].position_address
    paths = []
    for newtons in (5.0, 30.0):
        room.rest(before)
        room.push(index, newtons * np.array([1.0, 0, 1.0]) / np.sqrt(2), point)
        paths.append(np.linalg.norm(room.positions()[at : at + 3] - before[at : at + 3]))
    assert paths[1] > max(paths[0], physics.VISIBLE_MOTION)


def test_everything_rests_after_a_push(room):
    for index in placed(room)[::4]:
        room.push(index, np.array([80.0, -80.0, 120.0]), middle(room, index))
        assert np.all(room.data.qvel == 0)
        assert room.data.ntree_awake == 0


def test_heavier_furniture_slides_more_easily():
    glide, castor = building.GLIDE_MASS, building.CASTOR_MASS
    masses = (0.1, glide - 0.1, glide, castor - 0.1, castor, 140.0)
    frictions = [building.furniture_friction(mass) for mass in masses]
    assert frictions == sorted(frictions, reverse=True)
    assert frictions[1] > frictions[2] > frictions[4] == building.CASTOR_FRICTION == 0


def test_contacts_of_furniture_resist_sliding_unless_it_stands_on_castors(room):
    """A contact of one dimension only pushes apart: it is what no friction means, at a third of the work."""
    model = room.model
    kinds = set()
    for geom in np.flatnonzero(model.geom_contype > 0):
        index = room.movable_of_geom(int(geom))
        if index is not None and index < len(room.plan.furniture):
            castors = room.movables[index].mass >= building.CASTOR_MASS
            assert model.geom_condim[geom] == (1 if castors else 3)
            kinds.add(castors)
    assert kinds == {False, True}


def test_portables_hold_on_to_furniture_that_slides_on_the_floor(room):
    """Priorities decide whose friction counts: portables over furniture over structure."""
    model = room.model
    collides = model.geom_contype > 0
    priority: dict[str, set[int]] = {"portable": set(), "furniture": set(), "structure": set()}
    for geom in np.flatnonzero(collides):
        index = room.movable_of_geom(int(geom))
        kind = (
            "structure" if index is None
            else "furniture" if index < len(room.plan.furniture)
            else "portable"
        )  # fmt: skip
        priority[kind].add(int(model.geom_priority[geom]))
    assert max(priority["structure"]) < min(priority["furniture"])
    assert max(priority["furniture"]) < min(priority["portable"])


def test_a_heavy_piece_coasts_while_a_portable_stops(room):
    """At equal speed, what stands on castors goes farther than what stands on its own bottom."""
    travelled = []
    for index in (placed(room, building.CASTOR_MASS)[0], placed(room, maximum=0.5)[0]):
        movable = room.movables[index]
        alone = np.zeros(room.model.nq)
        for number, other in enumerate(room.movables):
            pose = (3.0 * number, 0, -20.0, 1, 0, 0, 0)
            alone[other.position_address : other.position_address + 7] = pose
        alone[movable.position_address : movable.position_address + 7] = (0, 0, 0.001, 1, 0, 0, 0)
        room.rest(alone)
        room.data.qvel[movable.velocity_address] = 0.15
        room.data.qfrc_applied[movable.velocity_address] = 1e-9
        for _ in range(100):
            physics.mujoco.mj_step(room.model, room.data)
        travelled.append(room.data.qpos[movable.position_address])
    heavy, light = travelled
    assert heavy > 2 * light


def test_creeping_furniture_is_stopped(room):
    index = placed(room, building.CASTOR_MASS)[0]
    movable = room.movables[index]
    alone = np.zeros(room.model.nq)
    for number, other in enumerate(room.movables):
        at = other.position_address
        alone[at : at + 7] = (
            (0, 0, 0.001, 1, 0, 0, 0) if other is movable else (3.0 * number, 0, -20, 1, 0, 0, 0)
        )
    room.rest(alone)
    motion = room.push(index, np.array([200.0, 0.0, 0.0]), middle(room, index))
    seconds = len(motion) * physics.CHECK_SECONDS
    assert physics.GLIDE_SECONDS < seconds < physics.GLIDE_SECONDS + 0.2
    at = movable.position_address
    assert room.positions()[at] - alone[at] > 0.03


def test_speeds_are_clamped_in_place():
    velocity = np.array([30.0, 40.0, 0.0, 1.0, 2.0, 2.0])
    assert physics.clamp_speed(velocity)
    assert np.allclose(velocity, [*np.array([0.6, 0.8, 0]) * physics.MAXIMUM_SPEED[0], 1, 2, 2])
    assert not physics.clamp_speed(velocity * 0.99)
