"""Scenes that cannot be used get one sentence, which names the file and says what to do."""

import pytest
from mjcf_scenes import FIXED, FLOOR, FREE, ROOM, WALLS, model, write_scene

from thor_interact_env.errors import InvalidOptionError, ThorInteractError, UnreachableLocationError
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.mjcf.scenes import SceneError, find_scenes
from thor_interact_env.simulators.mjcf.simulator import MjcfSimulator

FALLING = '<body name="ball" pos="9 9 1"><freejoint/><geom size="0.1" mass="1"/></body>'


def complaint(folder, **contents):
    """Return what is said of a scene when an agent asks where it can stand."""
    simulator = MjcfSimulator(write_scene(folder, **contents))
    with pytest.raises(SceneError) as error:
        simulator.reachable_positions(ROOM, 0)
    simulator.close()
    said = str(error.value)
    assert "\n" not in said and f"{ROOM}_physics" in said and isinstance(error.value, ThorInteractError)
    return said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (model(FLOOR + WALLS + FREE).replace("cube.obj", "cubes.obj"), "cubes.obj"),
        (model(FLOOR + WALLS + FREE).replace("paper.png", "papers.png"), "papers.png"),
        ("<mujoco><worldbody>", "cannot be read by MuJoCo"),
        ("", "cannot be read by MuJoCo"),
        (model(FLOOR + WALLS + "<geom size='x'/>"), "cannot be read by MuJoCo"),
        (model(FLOOR + WALLS), "has no movable body; add free joints, hinges or slides"),
        (
            model(FLOOR + WALLS + FREE.replace('mass="8"', 'mass="80000"')),
            "gives 'Chair|1' a mass of 80000 kg, and masses are 0.0001 to 10000 kg",
        ),
        (
            model(FLOOR + WALLS + FREE.replace('mass="0.25"', 'mass="0.00001"').replace("1e-8", "0")),
            "gives 'Mug|1' a mass of 1.001e-05 kg",
        ),
        (model(WALLS + FIXED), "has no floor; add a plane that faces up"),
        (
            model(FLOOR.replace('type="plane" size="0 0 0.01"', 'type="box" size="2 2 0.1"') + FALLING),
            "falls",
        ),
        (
            model(FLOOR + FREE + '<geom type="box" size="400 1 1" pos="0 9 1"/>'),
            "is 802 m wide; the maximum is 200 m; correct its scale",
        ),
        (
            model(
                FLOOR + WALLS + FREE,
                option='<option timestep="0.01" integrator="Euler"/>',
            ).replace("<freejoint/>", '<joint type="slide" stiffness="1e12" springref="1"/>'),
            "cannot be simulated",
        ),
        (model(option='<option timestep="0.05"/>'), "has a time step of 0.05 s; at most 0.01 s are allowed"),
    ],
    ids=[
        *("mesh", "texture", "broken", "empty", "wrong", "still", "heavy", "light", "floorless", "falling"),
        *("huge", "unstable", "coarse"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, monkeypatch, text, said):
    monkeypatch.chdir(tmp_path)  # where MuJoCo writes a log of what it gives up
    assert said in complaint(tmp_path, text=text)


@pytest.mark.parametrize(
    "metadata",
    [
        *([], {}, {"objects": []}, {"objects": {"mug_00_1_0_0": 3}}, "text"),
        {"objects": {}, "thor_interact": []},
        {"objects": {}, "thor_interact": {"positions": "x"}},
        {"objects": {}, "thor_interact": {"positions": [[1, 2, 3]]}},
    ],
    ids=str,
)
def test_metadata_that_are_none_are_named(tmp_path, metadata):
    assert "metadata" in complaint(tmp_path, metadata=metadata)


def test_metadata_that_are_no_json_are_named(tmp_path):
    scenes = write_scene(tmp_path)
    (scenes / f"{ROOM}_physics_metadata.json").write_text("{")
    with pytest.raises(SceneError, match=r"_metadata\.json"):
        MjcfSimulator(scenes).reachable_positions(ROOM, 0)


@pytest.mark.parametrize("content", [b"", b"text", None])
def test_a_map_that_is_none_is_named(tmp_path, content):
    import cv2
    import numpy as np

    scenes = write_scene(tmp_path)
    if content is None:  # an image without `world_to_map`
        content = cv2.imencode(".png", np.zeros((3, 3), np.uint8))[1].tobytes()
    (scenes / f"{ROOM}_physics_map.png").write_bytes(content)
    with pytest.raises(SceneError, match=r"has a map 'FloorPlan7_physics_map\.png' that cannot be read"):
        MjcfSimulator(scenes).reachable_positions(ROOM, 0)


def test_a_scene_that_has_gone_is_named(tmp_path):
    scenes = write_scene(tmp_path)
    simulator = MjcfSimulator(scenes)
    (scenes / f"{ROOM}_physics.xml").unlink()
    with pytest.raises(SceneError, match="no longer exists"):
        simulator.reachable_positions(ROOM, 0)


def test_folders_without_scenes_are_named(tmp_path):
    with pytest.raises(SceneError, match=r"no folder or file .*nowhere"):
        find_scenes(tmp_path / "nowhere")
    with pytest.raises(SceneError, match=f"no MJCF file .*{tmp_path.name}"):
        find_scenes(tmp_path)
    (tmp_path / "part.xml").write_text("<mujocoinclude/>")
    with pytest.raises(SceneError, match="no MJCF file"):
        find_scenes(tmp_path)


def test_two_files_of_one_name_are_two_rooms(tmp_path):
    for name in ("a.xml", "a_physics.xml"):
        (tmp_path / name).write_text("<mujoco/>")
    rooms = find_scenes(tmp_path)
    assert {room: path.name for room, path in rooms.items()} == {"a": "a.xml", "a-physics": "a_physics.xml"}
    for room in rooms:  # each is found again by its location
        location = Location(room, (0.0, 0.9, 0.0), 0, 0, 0)
        assert Location.from_json(location.to_json()) == location


def test_a_scene_where_nobody_can_stand_is_said(tmp_path):
    unseen = FLOOR.replace('type="box" size="2 2 0.005"', 'group="3" type="box" size="2 2 0.005"')
    simulator = MjcfSimulator(write_scene(tmp_path, text=model(unseen + FREE)))
    assert len(simulator.reachable_positions(ROOM, 0)) == 0
    with pytest.raises(UnreachableLocationError, match=f"nowhere in {ROOM}"):
        simulator.load(Location(ROOM, (0.0, 0.9, 0.0), 0, 0, 0))


@pytest.mark.parametrize("scenes", [5, ["a.xml"]])
def test_scenes_that_are_no_path_are_named(scenes):
    with pytest.raises(InvalidOptionError, match="scenes is"):
        MjcfSimulator(scenes)
