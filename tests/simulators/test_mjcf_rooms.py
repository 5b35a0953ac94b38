"""Rooms of the embedded world read back from MJCF, and scenes of other people."""

import importlib.util
import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from mjcf_scenes import write_scene

from thor_interact_env.actions import DIRECTIONS, FORCES, REACH
from thor_interact_env.export.exporting import export_room
from thor_interact_env.export.writing import write_folder
from thor_interact_env.locations.dataset import DatasetEntry, LocationDataset
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.simulators.mjcf.physics import CompiledScene
from thor_interact_env.simulators.mjcf.scenes import find_scenes, read_scene
from thor_interact_env.simulators.mjcf.simulator import MjcfSimulator
from thor_interact_env.simulators.mjcf.standing import standing_positions
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

ROOMS = ("FloorPlan1", "FloorPlan210")

MOLMOSPACES = "THOR_INTERACT_MOLMOSPACES"
"""Environment variable that names the folder `scenes/ithor` of a download of MolmoSpaces."""


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """Rooms on disk, and the same rooms in the embedded simulator."""
    folder = tmp_path_factory.mktemp("exported") / "scenes"
    write_folder(folder, (export_room(room, 0).files() for room in ROOMS))
    pair = MjcfSimulator(folder), MujocoSimulator()
    yield pair
    for simulator in pair:
        simulator.close()


def locations(worlds, room):
    positions = worlds[1].reachable_positions(room, 0)
    for index, position in enumerate(positions[:: len(positions) // 6]):
        yield Location(room, tuple(position.tolist()), 45.0 * index % 360, (30, 0, 60)[index % 3], 0)


def in_order(truth):
    order = np.argsort(truth.ids)
    return [(truth.ids[index], truth.types[index], truth.masses[index]) for index in order], truth.masks[
        order
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_an_exported_room_gives_the_views_and_masks_of_the_embedded_one(worlds, room):
    seen_things = 0
    for location in locations(worlds, room):
        seen = [world.load(location) for world in worlds]
        for key in ("rgb", "depth"):
            assert np.array_equal(seen[0][key], seen[1][key])
        (first, masks), (second, expected) = (in_order(world.instances()) for world in worlds)
        assert first == second and np.array_equal(masks, expected)
        seen_things += len(first)
    assert seen_things > 5
    assert np.array_equal(*(world.reachable_positions(room, 0) for world in worlds))


@pytest.mark.parametrize("room", ROOMS)
def test_touches_move_the_same_things_nearly_alike(worlds, room):
    moved, differing = 0, []
    for location in locations(worlds, room):
        seen = worlds[1].load(location)
        truth = worlds[1].instances()
        for number, mask in enumerate(truth.masks):
            points = np.argwhere(mask & (seen["depth"] < REACH))
            row, column = (int(value) for value in points[len(points) // 2])
            touch = (row, column, FORCES[2 - number % 2], DIRECTIONS[number % 8])
            before = [world.load(location) for world in worlds]
            after = [world.touch(*touch) for world in worlds]
            assert (after[0] is before[0]) == (after[1] is before[1])
            moved += after[1] is not before[1]
            differing.append(float(np.any(after[0]["rgb"] != after[1]["rgb"], axis=2).mean()))
    assert moved > 4
    # The last bits of a motion differ, and now and then an object falls differently.
    assert np.median(differing) < 1e-3 and max(differing) < 0.1


@pytest.mark.parametrize("room", ROOMS)
def test_positions_that_are_looked_for_are_those_of_the_plan(worlds, room):
    scene = CompiledScene(read_scene(worlds[0].scenes[room]))
    scene.settle()
    found = {tuple(np.round(place, 6)) for place in standing_positions(scene)[:, :2]}
    planned = {tuple(np.round(place, 6)) for place in worlds[1].reachable_positions(room, 0)[:, [0, 2]]}
    # The plan's boxes are around what is seen, the scene's around what collides.
    assert len(found ^ planned) <= 0.1 * len(planned)


def test_other_seeds_of_an_exported_room_are_other_arrangements_at_rest(worlds):
    simulator = worlds[0]
    views = []
    for seed in (1, 2):
        positions = simulator.reachable_positions(ROOMS[0], seed)
        views.append(simulator.load(Location(ROOMS[0], tuple(positions[20].tolist()), 0, 30, seed)))
        scene = simulator.compiled(ROOMS[0])
        assert (scene.positions().reshape(-1, 7)[:, 2] > -0.05).all()
    assert not np.array_equal(views[0]["rgb"], views[1]["rgb"])


def test_an_object_that_is_moved_in_the_file_of_an_exported_room_is_there(tmp_path):
    room = ROOMS[0]
    write_folder(tmp_path / "scenes", [export_room(room, 0).files()])
    simulator = MjcfSimulator(tmp_path / "scenes")
    before = simulator.reachable_positions(room, 0)[:, [0, 2]]
    (toaster,) = (each for each in simulator.compiled(room).movables if each.type == "Toaster")
    body = simulator.compiled(room).model.body(toaster.body).name
    simulator.close()
    file = simulator.scenes[room]
    document = ElementTree.parse(file)
    (moved,) = document.getroot().iterfind(f".//body[@name='{body}']")
    place = before[len(before) // 2]
    moved.set("pos", f"{place[0]} {place[1]} 0.05")
    document.write(file)

    edited = MjcfSimulator(tmp_path / "scenes")
    found = edited.arranged(room, 0)[toaster.position_address :]
    assert np.abs(found[:2] - place).max() < 0.05 and abs(found[2]) < 0.01, "it has fallen to the floor"
    after = edited.reachable_positions(room, 0)[:, [0, 2]]
    assert len(after) > 20 and np.abs(after - place).max(axis=1).min() > 0.2, "nobody stands in it"
    edited.close()


def test_files_that_others_include_or_attach_are_no_rooms(tmp_path):
    arm = '<mujoco><worldbody><body name="arm"><geom size="0.1"/></body></worldbody></mujoco>'
    files = {
        "kitchen": '<mujoco><include file="parts.xml"/><include file="./walls.xml"/></mujoco>',
        "parts": '<mujocoinclude><include file="floor.xml"/></mujocoinclude>',
        "floor": "<mujoco/>",
        "walls": "<mujoco/>",
        "office": '<mujoco><asset><model name="arm" file="arm.xml"/></asset><worldbody><frame>'
        '<attach model="arm" body="arm" prefix="a"/></frame></worldbody></mujoco>',
        "arm": arm,
        "bath": '<mujoco model="arm"><!-- <include file="den.xml"/> --></mujoco>',
        "den": '<mujoco><include file="den.xml"/></mujoco>',
        "damaged": '<mujoco><include file="kitchen.xml"/>',
    }
    for name, text in files.items():
        (tmp_path / f"{name}.xml").write_text(text)
    assert sorted(find_scenes(tmp_path)) == ["bath", "damaged", "den", "kitchen", "office"]
    assert sorted(find_scenes(tmp_path / "arm.xml")) == ["arm"], "a file that is named is a room"


def test_a_file_of_locations_may_name_scenes_as_they_are_named(tmp_path):
    scenes = write_scene(tmp_path, room="our kitchen")
    simulator = MjcfSimulator(scenes)
    place = tuple(simulator.reachable_positions("our kitchen", 0)[0].tolist())
    simulator.close()
    location = Location("our kitchen", place, 90, 30, 0)
    LocationDataset([DatasetEntry(1, 300, 300, location)]).write(tmp_path / "list.json")
    env = gymnasium.make(
        "ThorInteract-v0",
        simulator="mjcf",
        simulator_options={"scenes": scenes},
        locations=tmp_path / "list.json",
    )
    env.reset(seed=0)
    assert env.get_wrapper_attr("location") == location
    env.close()


def test_franka_kitchen(tmp_path):
    """A scene of other people from PyPI: a robot to be left out, knobs that turn burners, doors, a kettle."""
    package = importlib.util.find_spec("gymnasium_robotics")
    if package is None or package.origin is None:
        pytest.skip("Gymnasium-Robotics is not installed: pip install gymnasium-robotics")
    assets = Path(package.origin).parent / "envs" / "assets" / "kitchen_franka" / "kitchen_assets"
    simulator = MjcfSimulator(assets, eye_height=2.0)  # its counters are 1.6 m high
    assert simulator.rooms == ("kitchen_env_model",)
    room = simulator.rooms[0]
    simulator.load(LocationSampler(simulator, [room], 0.0).sample(np.random.default_rng(0)))
    scene = simulator.compiled(room)
    masses = {movable.id: movable.mass for movable in scene.movables}
    assert {"kettle", "microdoorroot", "slidelink", "hingeleftdoor", "knob 1"} <= set(masses)
    assert not any("panda" in name for name in masses)
    before = scene.positions()
    assert masses["kettle"] == pytest.approx(0.88, abs=0.01)
    for name, joint in (("microdoorroot", "microwave"), ("slidelink", "slide_cabinet")):
        scene.rest(before)
        index = list(masses).index(name)
        geoms = [geom for geom in range(scene.model.ngeom) if scene.movable_of_geom(geom) == index]
        point = scene.data.geom_xpos[geoms[-1]].copy()
        force = np.array([200.0, 0.0, 0.0]) if joint == "slide_cabinet" else np.array([0.0, -200.0, 0.0])
        assert scene.push(index, force, point)
        low, high = scene.model.joint(joint).range
        turned = scene.positions()[scene.model.joint(joint).qposadr[0]]
        assert abs(turned - before[scene.model.joint(joint).qposadr[0]]) > 0.1
        assert low - 0.05 < turned < high + 0.05
    simulator.close()


@pytest.mark.skipif(MOLMOSPACES not in os.environ, reason=f"{MOLMOSPACES} names no download of MolmoSpaces")
def test_molmospaces():
    simulator = MjcfSimulator(os.environ[MOLMOSPACES])
    rng = np.random.default_rng(0)
    for room in simulator.rooms[:4]:
        seen = simulator.load(LocationSampler(simulator, [room]).sample(rng))
        truth = simulator.instances()
        for mask in truth.masks[:3]:
            row, column = np.argwhere(mask & (seen["depth"] < REACH))[0]
            simulator.touch(int(row), int(column), FORCES[2], DIRECTIONS[1])
    simulator.close()
