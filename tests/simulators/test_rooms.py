import re
from collections import Counter

import numpy as np
import pytest

from thor_interact_env.errors import UnknownRoomError
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.locations.splits import ALL_ROOMS, ROOM_TYPES
from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG
from thor_interact_env.simulators.mujoco.rooms.layout import Placement, placed_box
from thor_interact_env.simulators.mujoco.rooms.plan import (
    MOVABLES,
    RoomPlan,
    plan_room,
    reachable,
    spawn,
)
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

STATIC_TYPES = """
    Bathtub BathtubBasin Blinds Cabinet CounterTop Curtains Drawer Faucet Fridge HandTowelHolder LightSwitch
    Mirror Painting Poster Shelf ShowerCurtain ShowerDoor ShowerGlass ShowerHead Sink SinkBasin StoveBurner
    StoveKnob Toilet ToiletPaperHanger TowelHolder Window
"""
NAMES = [f"FloorPlan{base + number}" for base in (0, 200, 300, 400) for number in range(1, 31)]


@pytest.fixture(scope="module")
def plans() -> dict[str, RoomPlan]:
    return {name: plan_room(name) for name in NAMES}


def overlap(first, second) -> float:
    """How deep two boxes are in each other, metres; <= 0 when they are apart."""
    first, second = np.asarray(first), np.asarray(second)
    return float(np.min(np.minimum(first[3:], second[3:]) - np.maximum(first[:3], second[:3])))


def test_a_plan_is_a_pure_function_of_its_name(plans):
    for name in NAMES[::10]:
        again = plan_room(name)
        assert [(item.type, item.position, item.yaw) for item in again.furniture] == [
            (item.type, item.position, item.yaw) for item in plans[name].furniture
        ]
        assert again.floor == plans[name].floor and again.light == plans[name].light
        for (first, one), (second, other) in zip(again.portables, plans[name].portables, strict=True):
            assert first == second and np.array_equal(one.bounds(), other.bounds())


def test_every_static_type_of_ithor_is_there_under_its_name(plans):
    """All but the floor, which is structure; how many there are follows iTHOR's rooms."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in ROOM_TYPES}
    for plan in plans.values():
        counts[plan.room_type].update(item.type for item in plan.fixtures)
    found = set().union(*counts.values())
    assert set(STATIC_TYPES.split()) <= found, set(STATIC_TYPES.split()) - found
    for kind, of_type in counts.items():
        assert of_type["LightSwitch"] == 30, kind
    kitchens, bathrooms, bedrooms = counts["kitchen"], counts["bathroom"], counts["bedroom"]
    assert kitchens["StoveBurner"] == kitchens["StoveKnob"] == 120 and kitchens["Fridge"] == 30
    assert 7 <= kitchens["Cabinet"] / 30 <= 12 and 5 <= kitchens["Drawer"] / 30 <= 15
    assert bathrooms["Toilet"] >= 28 and bathrooms["SinkBasin"] >= 27 and 15 <= bathrooms["Bathtub"] <= 25
    assert bedrooms["Mirror"] >= 27 and bedrooms["Blinds"] > 15


def test_everything_stands_inside_the_room_and_apart(plans):
    for plan in plans.values():
        items: list[Placement] = [item for item in (*plan.fixtures, *plan.furniture) if item.type != "Rug"]
        boxes = [item.box() for item in items]
        for item, box in zip(items, boxes, strict=True):
            assert np.all(np.abs([box[:2], box[3:5]]) <= np.array(plan.size[:2]) / 2 + 1e-5), (
                plan.name,
                item.type,
            )
            assert box[2] >= -1e-6 and box[5] <= plan.size[2]
        for index, box in enumerate(boxes):
            for other in range(index):
                if (items[other].position, items[other].yaw) == (items[index].position, items[index].yaw):
                    continue  # Parts of one unit.
                assert overlap(box, boxes[other]) <= 0.01, (plan.name, items[index].type, items[other].type)


def test_the_number_of_movable_objects_is_that_of_the_room_type(plans):
    for plan in plans.values():
        minimum, maximum = MOVABLES[plan.room_type]
        assert minimum <= len(plan.furniture) + len(plan.portables) <= maximum, plan.name
        for name in [item.type for item in plan.furniture] + [name for name, _ in plan.portables]:
            assert CATALOG[name].mass > 0


def test_an_agent_can_stand_in_every_room(plans):
    for plan in plans.values():
        positions = reachable(plan)
        assert len(positions) >= 6, plan.name
        assert len(reachable(plan, spawn(plan, 0))) >= 4, plan.name
        for x0, y0, _, x1, y1, _ in (item.box() for item in plan.furniture):
            inside = (positions > [x0 - 0.1, y0 - 0.1]) & (positions < [x1 + 0.1, y1 + 0.1])
            assert not inside.all(axis=1).any()


def test_nothing_can_be_pushed_under_a_curtain(plans):
    """It would be wedged between curtain and floor, centimetres deep in both."""
    found = [
        (item.position[2] + collider.position[2], collider)
        for plan in plans.values()
        for item in plan.fixtures
        if item.type in ("Curtains", "ShowerCurtain")
        for collider in item.blueprint.colliders
    ]
    assert len(found) > 20
    for middle, collider in found:
        half = collider.size[2 if collider.kind == "box" else 1]
        assert middle - half == pytest.approx(0.0, abs=2e-3)


def test_spawned_objects_stand_on_surfaces_without_overlap(plans):
    parked = total = 0
    for number, plan in enumerate(plans.values()):
        poses = spawn(plan, number)
        assert poses == spawn(plan, number) and poses != spawn(plan, number + 1)
        boxes: list[tuple[float, ...]] = []
        for (_, made), pose in zip(plan.portables, poses, strict=True):
            total += 1
            if pose is None:
                parked += 1
                continue
            box = placed_box(made, pose[:3], pose[3])
            assert any(stands_on(box, item) for item in (*plan.fixtures, *plan.furniture)) or pose[2] < 0.01
            assert np.all(np.abs([box[:2], box[3:5]]) <= np.array(plan.size[:2]) / 2)
            assert all(overlap(box, other) <= 0 for other in boxes), plan.name
            boxes.append(box)
    assert parked < 0.01 * total


def stands_on(box, item: Placement) -> bool:
    turn = np.array([[np.cos(item.yaw), np.sin(item.yaw)], [-np.sin(item.yaw), np.cos(item.yaw)]])
    corners = (np.array([[box[0], box[1]], [box[3], box[4]]]) - item.position[:2]) @ turn.T
    for surface in item.blueprint.surfaces:
        offset = np.abs(corners - np.array(surface.center[:2]))
        level = item.position[2] + surface.center[2]
        if abs(box[2] - level) < 0.005 and np.all(offset <= np.array(surface.half_size) + 1e-6):
            return box[5] - level <= surface.clearance
    return False


@pytest.mark.parametrize(
    "name",
    [
        "FloorPlan0",
        "FloorPlan31",
        "FloorPlan101",
        "FloorPlan01",
        "Kitchen",
        "FloorPlan",
        "Procedural01",
        "Procedural-1",
        "Procedural",
        "Procedural1 ",
        "Procedural²",
    ],
)
def test_an_unknown_room_is_refused(name):
    with pytest.raises(UnknownRoomError, match=re.escape(repr(name))):
        plan_room(name)
    assert not MujocoSimulator().has_room(name)


def test_procedural_rooms_take_the_types_in_turn_and_differ():
    plans = [plan_room(f"Procedural{number}") for number in (0, 1, 2, 3, 4, 10**6)]
    assert [plan.room_type for plan in plans] == [*ROOM_TYPES, "kitchen", "kitchen"]
    assert len({plan.size for plan in plans}) == len(plans)
    assert plan_room("Procedural4").size == plans[4].size


def test_a_simulator_takes_procedural_rooms_but_lists_ithors():
    simulator = MujocoSimulator()
    location, seen = LocationSampler(simulator, ["Procedural7"]).sample_view(np.random.default_rng(0))
    assert Location.from_json(location.to_json()) == location
    assert simulator.load(location) is seen
    assert simulator.rooms == ALL_ROOMS and simulator.has_room("Procedural7")
    simulator.close()
