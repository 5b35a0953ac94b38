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
    ],
    ids=["joint", "tendon", "site", "body"],
)
def test_a_robot_is_what_actuators_act_on(tmp_path: Path, rest: str) -> None:
    robot = ROBOT.replace('<body name="arm"', '<site name="tip"/><body name="arm"')
    folder = write_scene(tmp_path, text=model(FLOOR + FREE + robot, rest))
    found = read_model(read_scene(find_scenes(folder)[ROOM]))
    bodies = {found.body(number).name for number in range(found.nbody)}
    assert "mug_00_1_0_0" in bodies and bodies.isdisjoint({"robot", "arm"})
