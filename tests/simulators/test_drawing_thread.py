"""All is drawn in one thread, so that a simulator may be used and dropped in any other."""

import asyncio
import gc
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import numpy as np
import pytest
from looks import ROOMS, look, look_with, uploads

from thor_interact_env.simulators.mujoco.drawing.drawing_thread import DrawingThread, drawing_thread
from thor_interact_env.simulators.mujoco.drawing.opengl import choose_backend
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator


@pytest.fixture(scope="module")
def alone() -> dict[str, tuple[bytes, bytes]]:
    return {room: look(room) for room in ROOMS}


@pytest.fixture
def worker():
    worker = DrawingThread()
    yield worker
    worker.end()


def in_thread(function, *arguments):
    """Call a function in a thread that ends with it."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result(timeout=120)


def test_a_simulator_goes_from_thread_to_thread(alone):
    simulator = in_thread(MujocoSimulator)
    assert in_thread(look_with, simulator, ROOMS[0]) == alone[ROOMS[0]]
    assert look_with(simulator, ROOMS[1]) == alone[ROOMS[1]]
    here = simulator.instances()
    there = in_thread(simulator.instances)
    assert np.array_equal(here.masks, there.masks) and here.ids == there.ids
    assert in_thread(look_with, simulator, ROOMS[1]) == alone[ROOMS[1]]
    in_thread(simulator.close)


def test_a_server_may_use_threads_of_asyncio(alone):
    async def serve():
        simulator = MujocoSimulator()
        look_with(simulator, ROOMS[1])
        seen = await asyncio.to_thread(look_with, simulator, ROOMS[0])
        await asyncio.to_thread(simulator.close)
        return seen

    assert asyncio.run(serve()) == alone[ROOMS[0]]


def test_threads_that_draw_at_the_same_time_do_not_mix_their_images(alone):
    def look_often(number):
        simulator = MujocoSimulator()
        rooms = [ROOMS[(number + turn) % 2] for turn in range(6)]
        seen = [look_with(simulator, room) == alone[room] for room in rooms]
        simulator.close()
        return seen

    with ThreadPoolExecutor(4) as pool:
        assert all(map(all, pool.map(look_often, range(4), timeout=300)))


def drop():
    look_with(MujocoSimulator(), ROOMS[0])


def close():
    simulator = MujocoSimulator()
    look_with(simulator, ROOMS[0])
    simulator.close()


def leave_to_the_collector():
    simulator = MujocoSimulator()
    look_with(simulator, ROOMS[0])
    cycle: list[object] = [simulator]
    cycle.append(cycle)


@pytest.mark.parametrize("end", [drop, close, leave_to_the_collector])
def test_nothing_is_left_of_what_a_thread_drew(end):
    gc.collect()
    before = uploads()
    for _ in range(3):
        in_thread(end)
    in_thread(gc.collect)
    assert uploads() == before


def test_another_context_stays_current_in_the_users_thread(alone):
    """Gymnasium's MuJoCo environments make theirs current once, and draw with it from then on."""
    if choose_backend() != "egl":
        pytest.skip("written for EGL")
    from mujoco.egl import EGL, GLContext

    context = GLContext(8, 8)
    context.make_current()
    current = EGL.eglGetCurrentContext().address
    simulator = MujocoSimulator()
    assert look_with(simulator, ROOMS[0]) == alone[ROOMS[0]]
    assert EGL.eglGetCurrentContext().address == current
    simulator.close()
    assert uploads() >= 0  # The canvas has been freed by now.
    assert EGL.eglGetCurrentContext().address == current
    context.free()
    assert look(ROOMS[0]) == alone[ROOMS[0]]


def test_no_context_is_current_where_the_user_draws_nothing():
    if choose_backend() != "egl":
        pytest.skip("written for EGL")
    from mujoco.egl import EGL

    def current():
        look(ROOMS[0])
        return EGL.eglGetCurrentContext()

    assert not in_thread(current)


def test_calls_come_one_after_another_and_answer_their_callers(worker):
    running: list[int] = []
    overlaps: list[int] = []

    def job(number):
        overlaps.append(len(running))
        running.append(number)
        time.sleep(0.001)
        running.remove(number)
        if number % 3 == 0:
            raise LookupError(number)
        return number, threading.get_ident()

    def ask(number):
        try:
            return worker.call(lambda: job(number))
        except LookupError as error:
            return error.args[0], None

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(60)))
    assert [number for number, _ in answers] == list(range(60))
    assert [thread is None for _, thread in answers] == [number % 3 == 0 for number in range(60)]
    assert len({thread for _, thread in answers if thread}) == 1
    assert set(overlaps) == {0}


def test_a_call_from_the_thread_itself_does_not_wait_for_it(worker):
    assert worker.call(lambda: worker.call(threading.get_ident)) == worker.call(threading.get_ident)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals are POSIX's")
def test_an_interrupted_caller_waits_for_what_is_being_drawn(worker):
    """What it does next may change the scene."""
    finished = []

    def job():
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)  # Ctrl-C
        time.sleep(0.3)
        finished.append(True)

    # A job in the background of a script ignores the signal; Python then leaves it at that.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            worker.call(job)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert finished == [True]


def test_what_comes_later_comes_in_order_and_may_fail(worker):
    done = []
    worker.call_later(lambda: done.append("before the thread began"))
    worker.call(lambda: done.append("first"))
    worker.call_later(lambda: done.append("second"))
    worker.call_later(lambda: 1 / 0)
    worker.call(lambda: done.append("third"))
    assert done == ["before the thread began", "first", "second", "third"]


def test_a_finalizer_never_waits(worker):
    """The collector may run it while its thread holds the lock, or in the drawing thread."""
    worker.before_fork()  # takes the lock
    worker.call_later(lambda: None)
    worker.after_fork()
    worker.call(lambda: worker.call_later(lambda: None))
    ended = worker.call(threading.current_thread)
    worker.end()
    assert not ended.is_alive()
    assert worker.call(threading.current_thread) is not ended


def test_the_thread_keeps_no_process_alive():
    assert drawing_thread.call(threading.current_thread).daemon


def test_a_thread_that_could_not_start_is_started_by_the_next_call(monkeypatch):
    worker = DrawingThread()
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="can't start"):
        patch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
        worker.call(lambda: 1)
    assert worker.call(lambda: 2) == 2
