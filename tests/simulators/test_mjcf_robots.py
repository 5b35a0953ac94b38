"""Robots are removed from scenes, and what aims at them."""

from pathlib import Path

import mujoco
import pytest
from mjcf_scenes import FLOOR, FREE, ROBOT, ROOM, model, write_scene

from thor_interact_env.simulators.mjcf.scenes import find_scenes, read_model, read_scene


def test_cameras_and_lights_that_aim_at_a_robot_do_not_break_the_scene(tmp_path: Path) -> None:
    aiming = """<camera name="watch" mode="targetbody" target="robot" pos="1 1 1"/>
      <light name="spot" mode="targetbody" target="arm" pos="1 0 2"/>"""
    rest = '<actuator><position joint="shoulder" kp="50"/></actuator>'
    folder = write_scene(tmp_path, text=model(FLOOR + FREE + ROBOT + aiming, rest))
    found = read_model(read_scene(find_scenes(folder)[ROOM]))
    for kind, name in ((mujoco.mjtObj.mjOBJ_CAMERA, "watch"), (mujoco.mjtObj.mjOBJ_BODY, "arm")):
        assert mujoco.mj_name2id(found, int(kind), name) == -1
    assert mujoco.mj_name2id(found, int(mujoco.mjtObj.mjOBJ_LIGHT), "spot") >= 0


@pytest.mark.parametrize(
    "rest",
    [
        '<actuator><motor joint="shoulder"/></actuator>',
        '<tendon><fixed name="cable"><joint joint="shoulder" coef="1"/></fixed></tendon>'
        '<actuator><motor tendon="cable"/></actuator>',
        '<actuator><motor site="tip" gear="0 0 1 0 0 0"/></actuator>',
        '<actuator><adhesion body="arm" ctrlrange="0 1"/></actuator>',
        '<tendon><spatial name="cable"><site site="hook"/><geom geom="pulley" sidesite="side"/>'
        '<site site="hand"/></spatial></tendon><actuator><motor tendon="cable"/></actuator>',
        '<actuator><motor cranksite="hand" slidersite="hook" cranklength="0.5"/></actuator>',
        '<actuator><motor cranksite="hook" slidersite="hand" cranklength="0.5"/></actuator>',
    ],
    ids=["joint", "tendon", "site", "body", "spatial tendon", "crank", "slider"],
)
def test_a_robot_is_what_actuators_act_on(tmp_path: Path, rest: str) -> None:
    bodies = bodies_of(tmp_path, rest)
    assert bodies.isdisjoint({"robot", "arm"}) and {"mug_00_1_0_0", "shelf"} <= bodies


@pytest.mark.parametrize(
    "rest",
    [
        '<actuator><motor site="above"/></actuator>',
        '<actuator><adhesion body="world" ctrlrange="0 1"/></actuator>',
        '<tendon><spatial name="cable"><site site="above"/><site site="hook"/></spatial></tendon>'
        '<actuator><motor tendon="cable"/></actuator>',
        '<actuator><adhesion body="gone" ctrlrange="0 1"/></actuator>',
        '<actuator><motor tendon="gone"/></actuator>',
    ],
    ids=["site", "body", "tendon", "missing body", "missing tendon"],
)
def test_actuators_on_the_world_on_fixed_furniture_or_on_nothing_drive_nothing(
    tmp_path: Path, rest: str
) -> None:
    assert {"mug_00_1_0_0", "robot", "arm", "shelf"} <= bodies_of(tmp_path, rest)


def test_every_robot_is_removed_and_bodies_need_no_name(tmp_path: Path) -> None:
    second = ROBOT.replace('name="robot"', "").replace("arm", "leg").replace("shoulder", "hip")
    camera = '<camera name="corner" pos="1 1 1"/>'
    rest = '<actuator><motor joint="shoulder"/><motor joint="hip"/></actuator>'
    folder = write_scene(tmp_path, text=model(FLOOR + FREE + ROBOT + second + camera, rest))
    found = read_model(read_scene(find_scenes(folder)[ROOM]))
    bodies = {found.body(number).name for number in range(found.nbody)}
    assert bodies.isdisjoint({"robot", "arm", "leg", ""}) and "mug_00_1_0_0" in bodies
    assert mujoco.mj_name2id(found, int(mujoco.mjtObj.mjOBJ_CAMERA), "corner") >= 0


def bodies_of(folder: Path, rest: str) -> set[str]:
    """Return the names of the bodies of a scene with a robot, sites and these actuators."""
    robot = ROBOT.replace('<body name="arm"', '<site name="tip"/><body name="arm"')
    robot = robot.replace('<joint name="shoulder"', '<site name="hand" pos="0 0 0.5"/><joint name="shoulder"')
    shelf = """<site name="above" pos="0 0 2"/><body name="shelf" pos="1 -1.5 1">
      <geom name="pulley" type="cylinder" size="0.05 0.1"/>
      <site name="hook"/><site name="side" pos="0 0.1 0"/>
    </body>"""
    scenes = write_scene(folder, text=model(FLOOR + FREE + robot + shelf, rest))
    found = read_model(read_scene(find_scenes(scenes)[ROOM]))
    return {found.body(number).name for number in range(found.nbody)}
