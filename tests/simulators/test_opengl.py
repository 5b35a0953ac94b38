"""One OpenGL context for all rooms of a thread: what is drawn depends on no other room, thread or process."""

import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from thor_interact_env.actions import IMAGE_SIZE
from thor_interact_env.locations import Location
from thor_interact_env.simulators.mujoco import opengl
from thor_interact_env.simulators.mujoco.building import CAMERA
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

ROOMS = ("FloorPlan402", "FloorPlan7")


def place(simulator: MujocoSimulator, room: str) -> Location:
    position = simulator.reachable_positions(room, 1)[0]
    return Location(room, tuple(position.tolist()), 90.0, 30.0, 1)


def look(room: str) -> tuple[bytes, bytes]:
    """Look at a room in a simulator of its own."""
    simulator = MujocoSimulator(room_cache=1)
    seen = simulator.load(place(simulator, room))
    simulator.close()
    return seen["rgb"].tobytes(), seen["depth"].tobytes()


def has_context() -> bool:
    """Return whether this thread has an OpenGL context."""
    return opengl._contexts.context is not None


@pytest.fixture(scope="module")
def alone() -> dict[str, tuple[bytes, bytes]]:
    return {room: look(room) for room in ROOMS}


def test_rooms_that_share_a_context_look_as_they_do_alone(alone):
    fast, fine = MujocoSimulator(), MujocoSimulator(quality="fine")
    places = {room: place(fast, room) for room in ROOMS}
    contexts = set()
    for room in (*ROOMS, *ROOMS):
        seen = fast.load(places[room])
        assert (seen["rgb"].tobytes(), seen["depth"].tobytes()) == alone[room]
        # A canvas of another size of shadow map, and with smooth edges, leaves no trace.
        assert fine.load(places[room])["rgb"].tobytes() != alone[room][0]
        contexts |= {id(simulator._renderer().canvas._context) for simulator in (fast, fine)}
    assert len(contexts) == 1
    fine.close()
    again = fast.load(places[ROOMS[0]])
    assert (again["rgb"].tobytes(), again["depth"].tobytes()) == alone[ROOMS[0]]
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
                    renderer, data = simulator._renderer(), simulator._compiled(room).room.data
                    assert np.array_equal(renderer.depth(data, CAMERA), seen["depth"])
                    assert np.array_equal(renderer.rgb(data, CAMERA), seen["rgb"])
                    with patch.object(renderer, "depth", wraps=renderer.depth) as depth:
                        renderer.view(data, CAMERA)
                    separate.append((quality, depth.call_count))
        simulator.close()
    assert {calls for quality, calls in separate if quality == "fine"} == {1}
    assert {calls for quality, calls in separate if quality == "fast"} == {0, 1}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere MuJoCo's own choice is kept")
def test_rooms_are_drawn_without_a_display_even_if_mujoco_was_imported_before(alone):
    """MuJoCo then has chosen GLFW, which needs a display, because MUJOCO_GL was not set."""
    program = (
        "import mujoco; from hashlib import sha256; from test_opengl import look; "
        f"print(*(sha256(picture).hexdigest() for picture in look({ROOMS[0]!r})))"
    )
    without = {key: value for key, value in os.environ.items() if key not in ("MUJOCO_GL", "DISPLAY")}
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=without,
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == [sha256(picture).hexdigest() for picture in alone[ROOMS[0]]]


def test_each_thread_draws_with_a_context_of_its_own(alone):
    here = MujocoSimulator()
    here.load(place(here, ROOMS[0]))  # The context stays current in this thread.
    found = []
    other = threading.Thread(target=lambda: found.append(look(ROOMS[1])))
    other.start()
    other.join()
    assert found == [alone[ROOMS[1]]]
    here.close()


def test_a_forked_process_draws_after_its_parent_has(alone):
    """As the environments of `gymnasium.make_vec` do, where the parent has looked into a room before."""
    simulator = MujocoSimulator()
    simulator.load(place(simulator, ROOMS[0]))
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        assert not pool.submit(has_context).result(timeout=120)
        assert pool.submit(look, ROOMS[1]).result(timeout=120) == alone[ROOMS[1]]
    assert has_context()
    seen = simulator.load(place(simulator, ROOMS[1]))
    assert (seen["rgb"].tobytes(), seen["depth"].tobytes()) == alone[ROOMS[1]]
    simulator.close()


def test_a_closed_canvas_says_so():
    simulator = MujocoSimulator()
    simulator.load(place(simulator, ROOMS[0]))
    canvas = simulator._renderer().canvas
    assert canvas.colours().shape == (IMAGE_SIZE, IMAGE_SIZE, 3)
    simulator.close()
    canvas.close()
    with pytest.raises(RuntimeError, match="closed"):
        canvas.colours()
