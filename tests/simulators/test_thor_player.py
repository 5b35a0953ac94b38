"""The stand-in for AI2-THOR's player, launched and asked by the real client."""

import time

import numpy as np
import pytest
from player_launcher import PLAYER_COMMAND, client_environment

pytest.importorskip("ai2thor")

from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.mujoco.drawing.rendering import ray_lengths
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

ROOM = "FloorPlan401"
SEED = 3
SHRINK = (20.0 - 0.1) / 20.0
"""Of AI2-THOR's depth, with its clipping planes."""


@pytest.fixture(scope="module")
def controller(tmp_path_factory):
    from ai2thor.controller import Controller

    with client_environment(tmp_path_factory.mktemp("home")):
        client = Controller(
            local_executable_path=PLAYER_COMMAND,
            x_display=":0",
            scene=ROOM,
            width=300,
            height=300,
            gridSize=0.25,
            visibilityDistance=10,
            renderDepthImage=True,
            renderInstanceSegmentation=True,
            server_timeout=30,
        )
        yield client
        client.stop()


@pytest.fixture(scope="module")
def embedded():
    simulator = MujocoSimulator(reach=np.inf, touch_at="center_of_mass")
    yield simulator
    simulator.close()


@pytest.fixture(scope="module")
def location(embedded):
    """A pose that looks down at objects that can be moved."""

    def worth(one):
        view = embedded.load(one)
        masks = embedded.instances().masks
        return int(((masks & (view["depth"] < 1.4)).sum(axis=(1, 2)) > 150).sum())

    positions = embedded.reachable_positions(ROOM, SEED)
    poses = [Location(ROOM, tuple(place), yaw, 30, SEED) for place in positions[::4] for yaw in (90, 270)]
    return max(poses, key=worth)


def spawn(controller, seed):
    return controller.step("InitialRandomSpawn", randomSeed=seed, forceVisible=True, numPlacementAttempts=5)


def go(controller, location, paused=False):
    """Set the room up as it is spawned, at rest, with the agent at a location."""
    controller.reset(location.scene)
    spawn(controller, location.seed)
    controller.step("PausePhysicsAutoSim")
    controller.step("MakeAllObjectsMoveable")
    controller.step("AdvancePhysicsStep", simSeconds=1.0)
    if not paused:
        controller.step("UnpausePhysicsAutoSim")
    return stand(controller, location)


def stand(controller, location, **changes):
    x, y, z = location.position
    pose = {
        "x": x,
        "y": y,
        "z": z,
        "rotation": {"x": 0, "y": location.rotation, "z": 0},
        "horizon": location.horizon,
        "standing": True,
    }
    return controller.step("TeleportFull", **{**pose, **changes})


def touch(controller, row, column, **changes):
    arguments = {
        "x": (column + 0.5) / 300,
        "y": (row + 0.5) / 300,
        "direction": {"x": 1, "y": 1, "z": 1},
        "moveMagnitude": 200,
        "handDistance": 3.0,
    }
    return controller.step("TouchThenApplyForce", **{**arguments, **changes})


def listed(event):
    return {item["objectId"]: item for item in event.metadata["objects"]}


def structure_of(event):
    """Return the names of the walls, the floor and the ceiling that are seen."""
    return [name for name in event.instance_masks if name.split("|")[0] in ("Wall", "Floor", "Ceiling")]


def small_things(event):
    return {name: item for name, item in listed(event).items() if item["pickupable"]}


def heights_of(event):
    return np.array([item["position"]["y"] for item in small_things(event).values()])


def middle_of(mask):
    """Return a pixel inside the mask."""
    rows, columns = np.nonzero(mask)
    index = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
    return int(rows[index]), int(columns[index])


def something(event):
    """Return the identifier of the largest object that can be moved, and its mask."""
    movable = [name for name, item in listed(event).items() if item["pickupable"] or item["moveable"]]
    name = max(
        (each for each in event.instance_masks if each in movable),
        key=lambda each: event.instance_masks[each].sum(),
    )
    return name, event.instance_masks[name]


class TestImages:
    def test_they_are_those_of_the_embedded_simulator(self, controller, embedded, location):
        event, view = go(controller, location), embedded.load(location)
        np.testing.assert_array_equal(event.frame, view["rgb"])
        distance = event.depth_frame / SHRINK * ray_lengths()
        np.testing.assert_allclose(distance, view["depth"], rtol=1e-5)
        truth = embedded.instances()
        masks = [mask for name, mask in event.instance_masks.items() if name in listed(event)]
        assert len(truth) > 2
        for mask in truth.masks:
            assert any(np.array_equal(mask, other) for other in masks)

    def test_a_patch_keeps_them(self, controller, embedded, location):
        before = go(controller, location)
        event = controller.step("GetReachablePositions")
        np.testing.assert_array_equal(event.frame, before.frame)
        found = [[place[axis] for axis in "xyz"] for place in event.metadata["actionReturn"]]
        np.testing.assert_allclose(found, embedded.reachable_positions(ROOM, SEED))

    def test_none_are_sent_where_none_are_wanted(self, controller, location):
        go(controller, location)
        event = controller.step("Pass", renderImage=False)
        assert event.frame is None
        assert event.metadata["objects"]


class TestMetadata:
    def test_what_the_camera_sees_of_an_object_lies_in_its_box(self, controller, location):
        event = go(controller, location)
        plane = event.depth_frame / SHRINK
        offset = (np.arange(300) - 149.5) / 150
        across, down = np.meshgrid(offset, offset)
        yaw, horizon = np.radians([location.rotation, location.horizon])
        forward = np.array([np.sin(yaw) * np.cos(horizon), -np.sin(horizon), np.cos(yaw) * np.cos(horizon)])
        right = np.array([np.cos(yaw), 0, -np.sin(yaw)])
        up = np.cross(forward, right)  # left-handed
        eye = np.array([event.metadata["cameraPosition"][axis] for axis in "xyz"])
        rays = forward + across[..., None] * right - down[..., None] * up
        points = eye + plane[..., None] * rays
        checked = 0
        for name, item in listed(event).items():
            if name in event.instance_masks:
                corners = np.array(item["axisAlignedBoundingBox"]["cornerPoints"])
                inside = points[event.instance_masks[name]]
                assert (inside > corners.min(axis=0) - 0.02).all()
                assert (inside < corners.max(axis=0) + 0.02).all()
                checked += 1
        assert checked > 3

    def test_objects_are_told_as_by_a_real_player(self, controller, embedded, location):
        event = go(controller, location)
        objects = listed(event)
        assert len(objects) == len(event.metadata["objects"])
        embedded.load(location)
        truth = embedded.instances()
        masses = {item["objectType"]: item["mass"] for item in objects.values()}
        for kind, mass in zip(truth.types, truth.masses, strict=True):
            assert masses[kind] == pytest.approx(mass)
        for name, item in objects.items():
            assert name.split("|")[0] == item["objectType"]
            assert not (item["pickupable"] and item["moveable"])
            assert (item["mass"] > 0) == (item["pickupable"] or item["moveable"])
            assert not item["visible"] or name in event.instance_masks
        assert event.metadata["agent"]["cameraHorizon"] == location.horizon
        assert event.metadata["agent"]["rotation"]["y"] == location.rotation

    def test_structure_has_a_name_but_is_no_object(self, controller, location):
        event = go(controller, location)
        strange = [name for name in event.instance_masks if name not in listed(event)]
        assert strange
        assert strange == structure_of(event)

    def test_a_filter_leaves_the_others_out(self, controller, location):
        name = something(go(controller, location))[0]
        assert set(listed(controller.step("SetObjectFilter", objectIds=[name]))) == {name}
        assert set(listed(controller.step("Pass"))) == {name}
        assert len(listed(controller.step("ResetObjectFilter"))) > 10


class TestSpawn:
    def test_the_seed_decides_and_all_is_named_anew(self, controller, location):
        first = go(controller, location)
        spawn(controller, SEED + 1)
        other = controller.step("Pass")
        again = go(controller, location)
        np.testing.assert_array_equal(first.frame, again.frame)
        assert listed(first).keys() == listed(again).keys()
        assert not np.array_equal(first.frame, other.frame)
        assert not small_things(first).keys() & small_things(other).keys()
        for event in (first, other):
            assert set(event.instance_masks) - set(listed(event)) == set(structure_of(event))

    def test_objects_hang_until_they_are_made_moveable_and_then_fall(self, controller, location):
        rest = go(controller, location)
        controller.reset(location.scene)
        heights = {}
        for state, asked in {
            "hanging": {"action": "InitialRandomSpawn", "randomSeed": location.seed},
            "paused": {"action": "PausePhysicsAutoSim"},
            "later": {"action": "AdvancePhysicsStep", "timeStep": 0.05},
            "moveable": {"action": "MakeAllObjectsMoveable"},
            "falling": {"action": "AdvancePhysicsStep", "timeStep": 0.05},
            "lower": {"action": "AdvancePhysicsStep", "timeStep": 0.05},
            "fallen": {"action": "AdvancePhysicsStep", "timeStep": 0.05},
        }.items():
            event = controller.step(asked)
            heights[state] = heights_of(event)
            assert event.metadata["isSceneAtRest"] == (state not in ("falling", "lower"))
        assert len(heights["hanging"]) > 3
        for state in ("paused", "later", "moveable"):
            np.testing.assert_array_equal(heights[state], heights["hanging"])
        drops = [(heights["hanging"] - heights[state]).mean() for state in ("falling", "lower", "fallen")]
        np.testing.assert_allclose(drops, [9.81 / 2 * 0.05**2, 9.81 / 2 * 0.1**2, 0.1], rtol=1e-6)
        np.testing.assert_array_equal(stand(controller, location).frame, rest.frame)

    def test_names_say_where_objects_hang(self, controller, location):
        controller.reset(location.scene)
        for name, item in small_things(spawn(controller, location.seed)).items():
            told = [float(part) for part in name.split("|")[1:4]]
            assert told == pytest.approx([item["position"][axis] for axis in "xyz"], abs=0.006)

    def test_unless_paused_time_passes_by_itself_and_the_rest_is_stale(self, controller, location):
        controller.reset(location.scene)
        spawn(controller, location.seed)
        event = controller.step("MakeAllObjectsMoveable")
        hanging = heights_of(event)
        assert event.metadata["isSceneAtRest"]
        time.sleep(0.03)
        event = controller.step("Pass")
        assert (heights_of(event) < hanging - 0.004).all()
        assert event.metadata["isSceneAtRest"]
        time.sleep(0.15)
        np.testing.assert_allclose(heights_of(controller.step("Pass")), hanging - 0.1, atol=1e-9)


class TestErrors:
    @pytest.mark.parametrize(
        "changes", [{"x": 50.0}, {"horizon": 75}, {"rotation": {"x": 40, "y": 0, "z": 0}}], ids=str
    )
    def test_a_place_where_nobody_can_stand_leaves_the_agent(self, controller, location, changes):
        before = go(controller, location)
        event = stand(controller, location, **changes)
        assert not event.metadata["lastActionSuccess"]
        assert ". trace:   at " in event.metadata["errorMessage"]
        assert event.metadata["agent"] == before.metadata["agent"]
        np.testing.assert_array_equal(event.frame, before.frame)

    def test_other_sizes_and_fields_of_view_are_refused(self, controller):
        assert not controller.step("ChangeResolution", x=128, y=128).metadata["lastActionSuccess"]
        assert not controller.step("Initialize", fieldOfView=60).metadata["lastActionSuccess"]


class TestTouch:
    def test_a_push_moves_what_it_should(self, controller, embedded, location):
        before = go(controller, location)
        name, mask = something(before)
        row, column = middle_of(mask)
        event = touch(controller, row, column)
        told = event.metadata["actionReturn"]
        assert event.metadata["lastActionSuccess"]
        assert told["didHandTouchSomething"]
        assert told["objectId"] == name
        # The hand starts at the near plane, so the authors' correction of the depth gives its length.
        plane = before.depth_frame[row, column] / SHRINK
        assert told["armsLength"] == pytest.approx((plane - 0.1) * ray_lengths()[row, column], abs=1e-3)
        assert listed(event)[name]["position"] != listed(before)[name]["position"]
        embedded.load(location)
        expected = embedded.touch(row, column, 200.0, np.array([1.0, 1.0, 1.0]))
        np.testing.assert_array_equal(event.frame, expected["rgb"])

    def test_what_was_pushed_stays_where_it_is_when_the_agent_moves(self, controller, location):
        before = go(controller, location)
        pushed = touch(controller, *middle_of(something(before)[1]))
        turned = stand(controller, location, horizon=0)
        assert listed(turned).keys() == listed(pushed).keys()
        positions = [[item["position"] for item in listed(event).values()] for event in (pushed, turned)]
        assert positions[0] == positions[1]
        np.testing.assert_array_equal(stand(controller, location).frame, pushed.frame)

    def test_too_short_an_arm_touches_nothing(self, controller, location):
        before = go(controller, location)
        row, column = middle_of(something(before)[1])
        for changes in ({"handDistance": 0.2}, {"handDistance": 0}):
            event = touch(controller, row, column, **changes)
            assert event.metadata["lastActionSuccess"]
            hand = changes["handDistance"]
            told = {"didHandTouchSomething": False, "objectId": "", "armsLength": hand}
            assert event.metadata["actionReturn"] == told
            np.testing.assert_array_equal(event.frame, before.frame)

    def test_fixed_objects_and_structure_are_touched_and_stay(self, controller, location):
        before = go(controller, location)
        objects = listed(before)
        fixed = [n for n in before.instance_masks if n in objects and objects[n]["mass"] == 0]
        structure = [n for n in before.instance_masks if n not in objects]
        for names in (fixed, structure):
            name = max(names, key=lambda each: before.instance_masks[each].sum())
            event = touch(controller, *middle_of(before.instance_masks[name]), handDistance=9.0)
            told = event.metadata["actionReturn"]
            assert told["didHandTouchSomething"]
            expected = name if names is fixed else "not a sim object, a structure was touched"
            assert told["objectId"] == expected
            np.testing.assert_array_equal(event.frame, before.frame)

    def test_what_is_out_of_range_cannot_be_touched(self, controller, location):
        before = go(controller, location)
        controller.step(
            "Initialize", visibilityDistance=0.05, renderDepthImage=True, renderInstanceSegmentation=True
        )
        for hand in (3.0, 0.3):
            event = touch(controller, *middle_of(something(before)[1]), handDistance=hand)
            assert not event.metadata["lastActionSuccess"]
            assert "interaction range" in event.metadata["errorMessage"]
            assert not event.metadata["actionReturn"]["didHandTouchSomething"]
            np.testing.assert_array_equal(event.frame, before.frame)


class TestPausedPhysics:
    def test_time_passes_step_by_step_only_while_paused(self, controller, location):
        go(controller, location)
        assert not controller.step("AdvancePhysicsStep").metadata["lastActionSuccess"]
        controller.step("PausePhysicsAutoSim")
        assert controller.step("AdvancePhysicsStep", timeStep=0.05).metadata["lastActionSuccess"]
        assert not controller.step("AdvancePhysicsStep", timeStep=0.06).metadata["lastActionSuccess"]
        controller.step("UnpausePhysicsAutoSim")
        assert not controller.step("AdvancePhysicsStep").metadata["lastActionSuccess"]

    def test_a_motion_is_shown_frame_by_frame(self, controller, embedded, location):
        before = go(controller, location, paused=True)
        name, mask = something(before)
        row, column = middle_of(mask)
        embedded.load(location)
        final, frames = embedded.touch_with_frames(row, column, 200.0, np.array([1.0, 1.0, 1.0]))
        event = touch(controller, row, column)
        np.testing.assert_array_equal(event.frame, before.frame)
        assert event.metadata["isSceneAtRest"]  # so it says until time is advanced
        for index, frame in enumerate(frames):
            last, event = event, controller.step("AdvancePhysicsStep", timeStep=0.05 if index else 0.01)
            assert not event.metadata["isSceneAtRest"]
            assert listed(event)[name]["position"] != listed(last)[name]["position"]
            np.testing.assert_array_equal(event.frame, frame)
        assert len(frames) > 2
        event = controller.step("AdvancePhysicsStep", timeStep=0.05, simSeconds=3)  # a film may end before
        assert event.metadata["isSceneAtRest"]
        np.testing.assert_array_equal(event.frame, final["rgb"])
        np.testing.assert_array_equal(controller.step("UnpausePhysicsAutoSim").frame, final["rgb"])
