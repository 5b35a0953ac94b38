"""Other renderers of the process give the images they give alone, and so does this one, in any order."""

import fresh_process
import pytest
from looks import ROOMS, digest, look

from thor_interact_env.simulators.mujoco.drawing.opengl import choose_backend

pytestmark = pytest.mark.skipif(choose_backend() != "egl", reason="what Gymnasium's MuJoCo draws with here")

HELPERS = """
import sys
import gymnasium, mujoco, numpy as np
import looks

class Renderer:
    def __init__(self):
        shapes = "<light pos='0 0 3'/><geom type='plane' size='1 1 .1' rgba='1 0 0 1'/><geom size='.2'/>"
        model = mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{shapes}</worldbody></mujoco>")
        self.data = mujoco.MjData(model)
        mujoco.mj_forward(model, self.data)
        self.renderer = mujoco.Renderer(model, 100, 100)

    def render(self):
        self.renderer.update_scene(self.data)
        return self.renderer.render()

    def close(self):
        self.renderer.close()

class Ant:
    def __init__(self):
        self.env = gymnasium.make("Ant-v5", render_mode="rgb_array", width=100, height=100)
        self.env.reset(seed=0)

    def render(self):
        return self.env.render()

    def close(self):
        self.env.close()

def theirs(other):
    image = other.render()
    assert image.std() > 10  # not black
    return image.tobytes()

def ours():
    return looks.digest(looks.look(sys.argv[1]))
"""

BOTH = [
    pytest.param("Renderer", id="mujoco.Renderer"),
    pytest.param("Ant", id="Ant-v5"),
]


@pytest.fixture(scope="module")
def alone() -> str:
    return digest(look(ROOMS[0]))


@pytest.mark.parametrize("kind", BOTH)
def test_another_renderer_drew_first(alone, kind):
    program = f"""
other = {kind}()
before = theirs(other)
print(ours())
assert theirs(other) == before
other.close()
print(ours())
second = {kind}()
assert theirs(second) == before
second.close()
"""
    assert fresh_process.run(HELPERS + program, ROOMS[0], MUJOCO_GL="egl") == [alone, alone]


@pytest.mark.parametrize("kind", BOTH)
def test_another_renderer_draws_between(alone, kind):
    program = f"""
simulator = looks.MujocoSimulator()
def again():
    return looks.digest(looks.look_with(simulator, sys.argv[1]))
print(again())
other = {kind}()
between = theirs(other)
print(again())
assert theirs(other) == between
simulator.close()
assert theirs(other) == between
print(ours())
other.close()
print(ours())
"""
    assert fresh_process.run(HELPERS + program, ROOMS[0], MUJOCO_GL="egl") == [alone] * 4


def test_windows_come_and_go(alone):
    """Without a screen SDL opens the process's EGL display, and terminates it with the window."""
    pytest.importorskip("pygame")
    program = """
import pygame, sys
def window():
    pygame.display.init()
    pygame.display.set_mode((9, 9))
window()
import looks
simulator = looks.MujocoSimulator()
for turn in range(2):
    print(looks.digest(looks.look_with(simulator, sys.argv[1])))
    pygame.display.quit()
    print(looks.digest(looks.look_with(simulator, sys.argv[1])))
    window()
"""
    assert fresh_process.run(program, ROOMS[0])[-4:] == [alone] * 4
