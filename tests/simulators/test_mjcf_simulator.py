"""Scenes on disk: rest, touch, doors and drawers, restore, spawn seeds, ground truth, standing positions."""

import mujoco
import numpy as np
import pytest
from mjcf_scenes import FIXED, FLOOR, FREE, ROBOT, ROOM, WALLS, model, write_map, write_scene

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import AGENT_HEIGHT_Y, DIRECTIONS, FORCES, REACH
from thor_interact_env.errors import (
    InvalidLocationError,
    InvalidOptionError,
    InvalidStateError,
    UnknownRoomError,
    UnreachableLocationError,
)
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.simulators import make_simulator
from thor_interact_env.simulators.base import MAX_FRAMES, Simulator
from thor_interact_env.simulators.mjcf.arranging import portables, pose_near
from thor_interact_env.simulators.mjcf.simulator import VARIABLE, MjcfSimulator

BEFORE_THE_COUNTER = Location(ROOM, (0.25, AGENT_HEIGHT_Y, 0.75), 0, 30, 0)
DOOR, DRAWER = "Cabinet|1/cabinet_00_1_1_0", "Cabinet|1/cabinet_00_1_3_0"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp("molmospaces"))


@pytest.fixture(scope="module")
def simulator(scenes):
    made = MjcfSimulator(scenes)
    yield made
    made.close()


def made_of(folder, **options):
    """Return a simulator of a scene with other contents, or other options."""
    contents = {name: options.pop(name) for name in ("text", "metadata") if name in options}
    return MjcfSimulator(write_scene(folder, **contents), **options)


def pixel_of(simulator, seen, name):
    """Return a pixel in the middle of what is in reach of a thing."""
    truth = simulator.instances()
    points = np.argwhere(truth.masks[truth.ids.index(name)] & (seen["depth"] < REACH))
    row, column = points[len(points) // 2]
    return int(row), int(column)


def scene_of(simulator, room=ROOM):
    return simulator.compiled(room)


def same(first, second):
    return np.array_equal(first["rgb"], second["rgb"]) and np.array_equal(first["depth"], second["depth"])


def test_it_is_a_simulator(simulator, scenes):
    assert isinstance(simulator, Simulator)
    assert simulator.rooms == (ROOM,) and simulator.has_room(ROOM) and not simulator.has_room("FloorPlan8")
    assert MjcfSimulator(scenes / f"{ROOM}_physics.xml").rooms == (ROOM,)
    assert MjcfSimulator.deterministic


def test_a_scene_is_at_rest(simulator):
    first = simulator.load(BEFORE_THE_COUNTER)
    scene = scene_of(simulator)
    before = scene.positions()
    scene.step(200)
    assert np.array_equal(scene.positions(), before)
    simulator.load(Location(ROOM, (0.0, AGENT_HEIGHT_Y, 0.0), 90, 0, 0))
    assert same(simulator.load(BEFORE_THE_COUNTER), first)
    assert first["depth"].dtype == np.float32 and not first["rgb"].flags.writeable


def test_the_ground_truth_is_what_moves_as_one_thing(simulator):
    seen = simulator.load(BEFORE_THE_COUNTER)
    truth = simulator.instances()
    found = dict(zip(truth.ids, zip(truth.types, truth.masses, strict=True), strict=True))
    assert set(found) == {DOOR, DRAWER, "Box|1", "Mug|1"}, (
        "the counter and the frame of the cabinet are fixed"
    )
    assert found["Box|1"][0] == "Box" and found[DOOR][0] == "Cabinet"
    masses = {name: mass for name, (_, mass) in found.items()}
    assert masses == pytest.approx({DOOR: 2.2, DRAWER: 1.0, "Box|1": 0.4, "Mug|1": 0.25}, rel=1e-5)
    assert np.all(truth.masks.sum(axis=0) <= 1)
    assert np.all((truth.masks & (seen["depth"] < REACH)).sum(axis=(1, 2)) >= 10)
    # The lid of the box is on a body of its own, and magenta.
    lid = (seen["rgb"][..., 0] > 90) & (seen["rgb"][..., 1] < 60) & (seen["rgb"][..., 2] > 90)
    assert lid.sum() > 50 and truth.masks[truth.ids.index("Box|1")][lid].all()


def test_depth_is_distance_from_the_camera(simulator):
    seen = simulator.load(Location(ROOM, (0.0, AGENT_HEIGHT_Y, -0.5), 180, 60, 0))
    ys, xs = (np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE] - (IMAGE_SIZE - 1) / 2) / (IMAGE_SIZE / 2)
    down = (np.sin(np.radians(60)) + ys * np.cos(np.radians(60))) / np.sqrt(1 + xs**2 + ys**2)
    floor = 1.576 / down[200:, 100:200]
    assert np.abs(seen["depth"][200:, 100:200] - floor).max() < 0.005


@pytest.mark.parametrize(("name", "joint"), [(DOOR, "door"), (DRAWER, "drawer")])
def test_doors_swing_and_drawers_slide(simulator, name, joint):
    seen = simulator.load(BEFORE_THE_COUNTER)
    scene = scene_of(simulator)
    before = scene.positions()
    address = scene.model.joint(joint).qposadr[0]
    low, high = scene.model.joint(joint).range
    row, column = pixel_of(simulator, seen, name)
    after = simulator.touch(row, column, FORCES[1], DIRECTIONS[2])  # towards the agent
    moved = np.abs(scene.positions() - before)
    assert moved[address] > 0.05 and np.delete(moved, address).max() < 1e-3
    assert low - 0.02 < scene.positions()[address] < high + 0.02
    assert not np.array_equal(after["rgb"], seen["rgb"])
    for _ in range(3):
        simulator.touch(row, column, FORCES[2], DIRECTIONS[6])
        assert low - 0.02 < scene.positions()[address] < high + 0.02


def test_what_is_fixed_or_out_of_reach_does_not_move(simulator):
    seen = simulator.load(BEFORE_THE_COUNTER)
    fixed = ~simulator.instances().masks.any(axis=0) & (seen["depth"] < REACH)
    row, column = np.argwhere(fixed)[len(np.argwhere(fixed)) // 2]
    assert simulator.touch(int(row), int(column), FORCES[2], DIRECTIONS[0]) is seen
    row, column = np.argwhere(seen["depth"] > REACH + 0.1)[0]
    assert simulator.touch(int(row), int(column), FORCES[2], DIRECTIONS[0]) is seen
    short = MjcfSimulator(simulator.scenes[ROOM], reach=0.1)
    seen = short.load(BEFORE_THE_COUNTER)
    assert short.touch(150, 150, FORCES[2], DIRECTIONS[0]) is seen and len(short.instances()) == 0
    short.close()


@pytest.mark.parametrize("name", ["Box|1", DOOR, "Mug|1"])
def test_touches_replay_exactly_and_frames_change_nothing(simulator, name):
    seen = simulator.load(BEFORE_THE_COUNTER)
    state = simulator.get_state()
    row, column = pixel_of(simulator, seen, name)
    touch = (row, column, FORCES[2], DIRECTIONS[6])
    moved = simulator.touch(*touch)
    later = simulator.get_state()
    assert not same(moved, seen)
    assert same(simulator.set_state(state), seen)
    again, frames = simulator.touch_with_frames(*touch)
    assert same(again, moved) and np.array_equal(simulator.get_state(), later)
    assert 0 < len(frames) <= MAX_FRAMES and frames.shape[1:] == (IMAGE_SIZE, IMAGE_SIZE, 3)
    assert not np.array_equal(frames[0], frames[-1])
    scene_of(simulator).rest(scene_of(simulator).positions())
    assert np.array_equal(simulator.get_state(), later)


def test_another_simulator_sees_the_same_bytes(simulator, scenes):
    other = MjcfSimulator(scenes, room_cache=1)
    other.load(Location(ROOM, (0.0, AGENT_HEIGHT_Y, 0.0), 90, 0, 3))  # a history that leaves no trace
    views = []
    for one in (simulator, other):
        seen = one.load(BEFORE_THE_COUNTER)
        row, column = pixel_of(one, seen, "Box|1")
        views.append((seen, one.touch(row, column, FORCES[1], DIRECTIONS[3])))
    assert all(same(first, second) for first, second in zip(*views, strict=True))
    other.close()
    other.close()


def test_a_force_acts_where_it_touches(simulator):
    """A door is heavier to move near its hinge."""
    turned = []
    for offset in (-0.2, 0.25):
        simulator.load(BEFORE_THE_COUNTER)
        scene = scene_of(simulator)
        index = next(number for number, movable in enumerate(scene.movables) if movable.id == DOOR)
        point = scene.data.xpos[scene.movables[index].body] + [offset, -0.015, 0]
        before = scene.positions()
        scene.push(index, np.array([0.0, -15.0, 0.0]), point)
        turned.append(np.abs(scene.positions() - before).max())
    assert 0 < turned[0] < 0.7 * turned[1]


def test_nothing_becomes_too_fast(simulator):
    for name in ("Mug|1", DOOR, DRAWER):
        simulator.load(BEFORE_THE_COUNTER)
        scene = scene_of(simulator)
        index = next(number for number, movable in enumerate(scene.movables) if movable.id == name)
        point = scene.data.xpos[scene.movables[index].body] + [0.04, 0, 0]
        scene.drive(index, np.array([200.0, -100.0, 100.0]) * 100, point)
        assert np.abs(scene.data.qvel).max() < 45


def test_a_light_door_is_not_thrown_through_its_limits(tmp_path):
    light = FIXED.replace('mass="2"', 'mass="0.002"').replace('mass="0.2"', 'mass="0.0002"')
    light = light.replace('damping="0.1"', 'damping="0.0001"')
    simulator = made_of(tmp_path, text=model(FLOOR + WALLS + light + FREE))
    simulator.load(BEFORE_THE_COUNTER)
    scene = scene_of(simulator)
    index = next(number for number, movable in enumerate(scene.movables) if movable.id == DOOR)
    point = scene.data.xpos[scene.movables[index].body] + [0.25, -0.015, 0]
    scene.drive(index, np.array([0.0, -200.0, 0.0]), point)
    assert -1.0 < scene.positions()[scene.model.joint("door").qposadr[0]] < 0
    simulator.close()


class TestSpawnSeeds:
    def test_small_things_change_places_and_large_ones_stay(self, simulator):
        scene = scene_of(simulator)
        simulator.load(BEFORE_THE_COUNTER)
        names = {scene.movables[portable.index].id for portable in portables(scene)}
        assert names == {"Box|1", "Mug|1"}
        settled = simulator.arranged(ROOM, 0)
        moved = {name: 0 for name in (*names, "Chair|1")}
        for seed in range(1, 9):
            positions = simulator.arranged(ROOM, seed)
            for movable in scene.movables:
                at = movable.position_address
                if movable.id in moved:
                    moved[movable.id] += np.abs(positions[at : at + 2] - settled[at : at + 2]).max() > 0.02
                    assert abs(positions[at + 2] - settled[at + 2]) < 0.02, "on the same support"
        assert moved.pop("Chair|1") == 0
        assert min(moved.values()) >= 4

    def test_things_are_put_down_apart_from_others(self, simulator):
        simulator.load(BEFORE_THE_COUNTER)
        scene = scene_of(simulator)
        settled, things, rng = scene.positions(), portables(scene), np.random.default_rng(0)
        put = 0
        for _ in range(100):
            scene.wake(settled)
            pose = pose_near(scene, things[0], things[1], rng)
            if pose is not None:
                positions = settled.copy()
                positions[things[0].address : things[0].address + 7] = pose
                scene.wake(positions)
                assert all(contact.dist > -2e-3 for contact in scene.data.contact)
                put += 1
        assert 3 < put < 90, "some places are taken"

    def test_the_same_seed_gives_the_same_scene_at_rest(self, simulator, scenes):
        place = tuple(simulator.reachable_positions(ROOM, 5)[60].tolist())
        location = Location(ROOM, place, 0, 30, 5)
        view = simulator.load(location)
        before = scene_of(simulator).positions()
        scene_of(simulator).step(100)
        assert np.abs(scene_of(simulator).positions() - before).max() < 1e-6
        other = MjcfSimulator(scenes)
        assert same(other.load(location), view)
        assert not np.array_equal(simulator.arranged(ROOM, 5), simulator.arranged(ROOM, 6))
        other.close()

    def test_looking_at_another_seed_leaves_the_loaded_scene_as_it_is(self, simulator):
        seen = simulator.load(BEFORE_THE_COUNTER)
        simulator.touch(*pixel_of(simulator, seen, "Box|1"), FORCES[1], DIRECTIONS[3])
        state = simulator.get_state()
        simulator.reachable_positions(ROOM, 17)
        simulator.spawn_seeds(ROOM)
        assert np.array_equal(simulator.get_state(), state)

    def test_where_nothing_can_change_places_other_seeds_are_refused(self, tmp_path):
        fixed = made_of(tmp_path, text=model(FLOOR + WALLS + FIXED))
        assert fixed.spawn_seeds(ROOM) == 1
        with pytest.raises(InvalidLocationError, match=r"spawn seed 3: .* its only seed is 0"):
            fixed.reachable_positions(ROOM, 3)
        location = LocationSampler(fixed, [ROOM], 0.0).sample(np.random.default_rng(0))
        assert location.seed == 0
        fixed.close()


class TestStanding:
    def test_positions_are_on_the_floor_and_apart_from_everything(self, simulator):
        positions = simulator.reachable_positions(ROOM, 0)
        ground = positions[:, [0, 2]]
        assert np.allclose(ground / 0.25, np.round(ground / 0.25)) and np.all(
            positions[:, 1] == AGENT_HEIGHT_Y
        )
        assert np.abs(ground).max() <= 1.75, "inside the walls"
        cabinet = (np.abs(ground[:, 0] + 0.1) < 0.8) & (ground[:, 1] > 1.15)
        chair = np.maximum(np.abs(ground - [-0.9, 0.3]) - 0.2, 0)
        assert not cabinet.any() and np.hypot(*chair.T).min() >= 0.19
        # All of the room that is free is found.
        free = ((np.abs(ground[:, 0]) < 1.8) & (np.abs(ground[:, 1] + 0.4) < 1.4)).sum()
        assert free > 150

    def test_there_is_no_floor_outside(self, tmp_path):
        """The plane of the floor has no end, but it is not seen."""
        without_wall = made_of(tmp_path, text=model(FLOOR + FIXED + FREE))
        ground = without_wall.reachable_positions(ROOM, 0)[:, [0, 2]]
        assert np.abs(ground).max() <= 2.0
        without_wall.close()

    def test_the_camera_is_over_the_floor_at_the_height_asked_for(self, tmp_path):
        raised = FLOOR.replace("0 0 -0.005", "0 0 0.495").replace(
            'size="0 0 0.01"', 'size="0 0 0.01" pos="0 0 0.5"'
        )
        text = model(raised + FREE.replace("-0.9 0.3 0", "-0.9 0.3 0.5"))
        simulator = made_of(tmp_path, text=text, eye_height=1.2)
        position = simulator.reachable_positions(ROOM, 0)[0]
        assert position[1] == pytest.approx(AGENT_HEIGHT_Y + 0.5 + 1.2 - 1.576)
        simulator.load(Location(ROOM, tuple(position.tolist()), 0, 0, 0))
        scene = scene_of(simulator)
        assert scene.data.cam_xpos[scene.model.camera("agent").id][2] == pytest.approx(1.7)
        simulator.close()

    def test_a_map_says_where_an_agent_may_go(self, tmp_path):
        scenes = write_scene(tmp_path)
        free = np.zeros((400, 400), bool)
        free[:, 200:] = True
        # Rows run along -y, columns along x, 100 pixels a metre.
        to_map = np.array([[0.0, -100.0, 0.0, 200.0], [100.0, 0.0, 0.0, 200.0]])
        write_map(scenes / f"{ROOM}_physics_map.png", free, to_map)
        simulator = MjcfSimulator(scenes)
        mapped = simulator.reachable_positions(ROOM, 0)
        simulator.close()
        (scenes / f"{ROOM}_physics_map.png").unlink()
        everywhere = MjcfSimulator(scenes).reachable_positions(ROOM, 0)
        expected = everywhere[everywhere[:, 0] >= 0]
        assert 40 < len(mapped) < len(everywhere)
        assert {tuple(row) for row in mapped} <= {tuple(row) for row in expected}

    def test_elsewhere_an_agent_cannot_stand(self, simulator):
        for position in ((0.0, AGENT_HEIGHT_Y, 1.7), (40.0, AGENT_HEIGHT_Y, 0.0)):
            with pytest.raises(UnreachableLocationError, match=ROOM):
                simulator.load(Location(ROOM, position, 0, 0, 0))


class TestContents:
    def test_robots_are_left_out(self, tmp_path):
        rest = """<actuator><position joint="shoulder" kp="50"/></actuator>
          <sensor><jointpos joint="shoulder"/></sensor>
          <contact><exclude body1="robot" body2="arm"/></contact>
          <keyframe><key name="home"/></keyframe>"""
        simulator = made_of(tmp_path, text=model(FLOOR + WALLS + FREE + ROBOT, rest))
        simulator.load(Location(ROOM, (0.0, AGENT_HEIGHT_Y, 0.0), 0, 0, 0))
        found = scene_of(simulator).model
        assert mujoco.mj_name2id(found, int(mujoco.mjtObj.mjOBJ_BODY), "robot") == -1 and found.nu == 0
        assert {movable.id for movable in scene_of(simulator).movables} == {"Box|1", "Mug|1", "Chair|1"}
        simulator.close()

    def test_without_metadata_bodies_have_their_own_names(self, tmp_path):
        simulator = made_of(tmp_path, metadata=None)
        simulator.load(BEFORE_THE_COUNTER)
        truth = simulator.instances()
        assert set(truth.ids) == {"cabinet_00_1_1_0", "cabinet_00_1_3_0", "box_00_1_0_0", "mug_00_1_0_0"}
        assert truth.types == truth.ids
        simulator.close()

    def test_a_camera_of_the_scene_is_replaced(self, tmp_path):
        camera = '<camera name="agent" fovy="20" pos="0 0 9"/>'
        simulator = made_of(tmp_path, text=model(FLOOR + WALLS + FIXED + FREE + camera))
        simulator.load(BEFORE_THE_COUNTER)
        assert scene_of(simulator).model.camera("agent").fovy[0] == 90
        simulator.close()

    def test_things_on_disk_that_do_not_rest_come_to_rest(self, tmp_path):
        hanging = FREE.replace("-0.3 1.6 0.9", "-0.3 1.6 1.2").replace("0.2 1.65 0.9", "0.2 1.65 0.905")
        simulator = made_of(tmp_path, text=model(FLOOR + WALLS + FIXED + hanging))
        simulator.load(BEFORE_THE_COUNTER)
        scene = scene_of(simulator)
        mug = next(movable for movable in scene.movables if movable.id == "Mug|1")
        assert scene.data.xpos[mug.body][2] == pytest.approx(0.9, abs=0.06)
        before = scene.positions()
        scene.step(300)
        assert np.array_equal(scene.positions(), before)
        simulator.close()

    def test_what_is_included_is_no_scene_of_its_own(self, tmp_path):
        scenes = write_scene(tmp_path)
        (scenes / "part.xml").write_text("<mujocoinclude/>")
        write_scene(tmp_path, room="FloorPlan8")
        assert MjcfSimulator(scenes).rooms == (ROOM, "FloorPlan8")


class TestRefusals:
    def test_values_are_named(self, simulator, tmp_path, monkeypatch):
        with pytest.raises(UnknownRoomError, match=f"'FloorPlan77'.*{ROOM}"):
            simulator.reachable_positions("FloorPlan77", 0)
        with pytest.raises(UnknownRoomError, match="FloorPlan77"):
            simulator.load(Location("FloorPlan77", (0.0, 0.9, 0.0), 0, 0, 0))
        simulator.load(BEFORE_THE_COUNTER)
        with pytest.raises(InvalidStateError, match=ROOM):
            simulator.set_state(np.zeros(3))
        monkeypatch.delenv(VARIABLE, raising=False)
        with pytest.raises(InvalidOptionError, match=f"scenes.*{VARIABLE}"):
            make_simulator("mjcf")

    @pytest.mark.parametrize("text", ["scenes", "[]", '{"folder": "here"}'])
    def test_a_wrong_variable_is_named(self, monkeypatch, text):
        monkeypatch.setenv(VARIABLE, text)
        with pytest.raises(InvalidOptionError, match=rf"{VARIABLE} .* for example: export {VARIABLE}="):
            make_simulator("mjcf")

    def test_the_variable_names_scenes_for_every_command(self, monkeypatch, scenes):
        monkeypatch.setenv(VARIABLE, f'{{"scenes": "{scenes}", "eye_height": 1.0}}')
        made = make_simulator("mjcf", reach=0.7)
        assert isinstance(made, MjcfSimulator) and made.rooms == (ROOM,) and made.reach == 0.7
        position = made.reachable_positions(ROOM, 0)[0]
        assert position[1] == pytest.approx(AGENT_HEIGHT_Y + 1.0 - 1.576)
        made.close()
