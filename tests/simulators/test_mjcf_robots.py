"""Robots are removed from scenes, and what aims at them."""

from pathlib import Path

import mujoco
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
