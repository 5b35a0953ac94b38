"""One OpenGL context for all rooms of a process: what is drawn depends on no other room, process or loss."""

import multiprocessing
import os
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from unittest.mock import patch

import fresh_process
import numpy as np
import pytest
from looks import ROOMS, digest, look, look_with, place

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.errors import RenderingError
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.mujoco.drawing import drawing_thread as module
from thor_interact_env.simulators.mujoco.drawing.drawing_thread import drawing_thread
from thor_interact_env.simulators.mujoco.drawing.opengl import choose_backend
from thor_interact_env.simulators.mujoco.drawing.rendering import Renderer
from thor_interact_env.simulators.mujoco.rooms.model import CAMERA
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere MuJoCo's own choice is kept")


@pytest.fixture(scope="module")
def alone() -> dict[str, tuple[bytes, bytes]]:
    return {room: look(room) for room in ROOMS}


@pytest.fixture
def simulator():
    simulator = MujocoSimulator()
    yield simulator
    simulator.close()


def test_rooms_that_share_a_context_look_as_they_do_alone(alone):
    fast, fine = MujocoSimulator(), MujocoSimulator(quality="fine")
    context = drawing_thread.context
    for room in (*ROOMS, *ROOMS):
        assert look_with(fast, room) == alone[room]
        # A canvas of another size of shadow map, and with smooth edges, leaves no trace.
        assert look_with(fine, room)[0] != alone[room][0]
    assert drawing_thread.context is context
    fine.close()
    assert look_with(fast, ROOMS[0]) == alone[ROOMS[0]]
    fast.close()


def test_colours_and_depth_drawn_at_once_are_those_drawn_apart():
    """Also before glass, which colours do not write the depth of, and at smooth edges."""
    separate = []
    for quality in ("fast", "fine"):
        simulator = MujocoSimulator(quality=quality)
        for room in ("FloorPlan411", "FloorPlan421", "FloorPlan7"):
            for position in simulator.reachable_positions(room, 0)[::9]:
                for yaw in (0.0, 90.0, 180.0, 270.0):
                    seen = simulator.load(Location(room, tuple(position.tolist()), yaw, 0.0, 0))
                    renderer, data = simulator.renderer, simulator.compiled(room).data
                    assert np.array_equal(renderer.depth(data, CAMERA), seen["depth"])
                    assert np.array_equal(renderer.rgb(data, CAMERA), seen["rgb"])
                    with patch.object(renderer, "depth", wraps=renderer.depth) as depth:
                        renderer.view(data, CAMERA)
                    separate.append((quality, depth.call_count))
        simulator.close()
    assert {calls for quality, calls in separate if quality == "fine"} == {1}
    assert {calls for quality, calls in separate if quality == "fast"} == {0, 1}


@on_linux
def test_rooms_are_drawn_without_a_display_even_if_mujoco_was_imported_before(alone):
    """MuJoCo then has chosen GLFW, which needs a display, because MUJOCO_GL was not set."""
    program = "import mujoco, sys; from looks import digest, look; print(digest(look(sys.argv[1])))"
    assert fresh_process.run(program, ROOMS[0]) == [digest(alone[ROOMS[0]])]


def terminate_display():
    from mujoco import egl

    egl.EGL.eglTerminate(egl.EGL_DISPLAY)


def terminate_display_and_open_it_again():
    from mujoco import egl

    terminate_display()
    egl.EGL.eglInitialize(egl.EGL_DISPLAY, None, None)


@pytest.mark.parametrize("lose", [terminate_display, terminate_display_and_open_it_again, drawing_thread.end])
def test_after_a_loss_all_rooms_look_as_before(alone, lose):
    """As after a window of SDL's "offscreen" driver, which terminates the process's EGL display."""
    if lose is not drawing_thread.end and choose_backend() != "egl":
        pytest.skip("nothing but EGL has a display that others can terminate")
    fast, fine = MujocoSimulator(), MujocoSimulator(quality="fine")
    smooth = {room: look_with(fine, room) for room in ROOMS}
    objects = {}
    for room in ROOMS:
        fast.load(place(fast, room))
        objects[room] = fast.instances().masks
    context = drawing_thread.context
    lose()
    for room in ROOMS:
        fast.load(place(fast, room))
        # First of all what is in front: it needs the same settings of the context as all else.
        assert np.array_equal(fast.instances().masks, objects[room])
        assert look_with(fine, room) == smooth[room]
        assert look_with(fast, room) == alone[room]
    assert drawing_thread.context not in (None, context)
    # What is closed after a loss frees nothing of the rooms that go on.
    other = MujocoSimulator()
    look_with(other, ROOMS[0])
    lose()
    assert look_with(fast, ROOMS[0]) == alone[ROOMS[0]]
    other.close()
    assert look_with(fast, ROOMS[0]) == alone[ROOMS[0]]
    fast.close()
    fine.close()


def test_two_qualities_of_one_model_look_as_before_after_a_loss(simulator):
    look_with(simulator, ROOMS[0])
    room = simulator.compiled(ROOMS[0])
    fast, fine = Renderer(room.model), Renderer(room.model, quality="fine")

    def images():
        return [renderer.rgb(room.data, CAMERA).tobytes() for renderer in (fast, fine)]

    before = images()
    drawing_thread.end()
    assert images() == before
    fast.close()
    fine.close()


@on_linux
def test_a_forked_process_draws_after_its_parent_has(alone, simulator):
    """As the environments of `gymnasium.make_vec` do, where the parent has looked into a room before."""
    look_with(simulator, ROOMS[0])
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        assert pool.submit(look, ROOMS[1]).result(timeout=120) == alone[ROOMS[1]]
    # The simulator itself has come along.
    ours, theirs = multiprocessing.Pipe()
    child = os.fork()
    if child == 0:
        try:
            theirs.send(digest(look_with(simulator, ROOMS[0])))
        finally:
            os._exit(0)
    assert ours.poll(120)
    assert ours.recv() == digest(alone[ROOMS[0]])
    assert os.waitpid(child, 0)[1] == 0
    assert look_with(simulator, ROOMS[0]) == alone[ROOMS[0]]
    assert look_with(simulator, ROOMS[1]) == alone[ROOMS[1]]


@on_linux
def test_a_forked_process_draws_after_another_renderer_of_its_parent(alone):
    """Mesa draws that renderer's images with threads, which a fork does not copy."""
    if choose_backend() != "egl":
        pytest.skip("another renderer shares a display with EGL only")
    program = """
import mujoco, os, sys
from mujoco.egl import GLContext
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='1'/></worldbody></mujoco>")
context = GLContext(64, 64)
context.make_current()
target, scene = mujoco.MjrContext(model, 50), mujoco.MjvScene(model, 10)
mujoco.mjr_render(mujoco.MjrRect(0, 0, 64, 64), scene, target)
import looks
if os.fork() == 0:
    print(looks.digest(looks.look(sys.argv[1])), flush=True)
    os._exit(0)
assert os.wait()[1] == 0
"""
    assert fresh_process.run(program, ROOMS[0]) == [digest(alone[ROOMS[0]])]


def test_a_closed_canvas_says_so(simulator):
    look_with(simulator, ROOMS[0])
    canvas = simulator.renderer.canvas
    assert canvas.colours().shape == (IMAGE_SIZE, IMAGE_SIZE, 3)
    simulator.close()
    canvas.close()
    with pytest.raises(RuntimeError, match="closed"):
        canvas.colours()


def test_a_backend_that_does_not_exist_is_named(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "vulkan")
    with pytest.raises(RenderingError, match=r"'vulkan'.*unset it.*egl, osmesa, glfw"):
        choose_backend()


def test_a_context_that_cannot_be_opened_is_one_sentence_that_can_be_sent_elsewhere(monkeypatch, alone):
    def fail():
        raise RenderingError("there is no driver")

    drawing_thread.end()
    monkeypatch.setattr(module, "open_context", fail)
    with pytest.raises(RenderingError, match="no driver") as caught:
        look(ROOMS[0])
    assert str(pickle.loads(pickle.dumps(caught.value))) == "there is no driver"
    monkeypatch.undo()
    assert look(ROOMS[0]) == alone[ROOMS[0]]
