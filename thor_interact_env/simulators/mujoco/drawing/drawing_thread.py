"""The thread that owns the process's one OpenGL context.

A context can be current in one thread at a time, and a thread has one current context. Here the context is
current only in its own thread, which does all drawing. So an environment may be used and deleted in any
thread, and the current contexts of other renderers of the process do not change.
"""

import atexit
import contextlib
import importlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar

from thor_interact_env.simulators.mujoco.drawing.opengl import is_usable, open_context

if TYPE_CHECKING:
    import mujoco

Result = TypeVar("Result")


class DrawingThread:
    """Calls functions, one after another, in a thread in which the process's OpenGL context is current.

    The thread starts with the first call. It ends, and the context with it, before the process is forked and
    when Python ends; the next call starts another.
    """

    def __init__(self) -> None:
        """Prepare the queue; the thread starts later."""
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # Held while a thread is started or ended, and while the process is forked.
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.context: Any = None
        """The present context, of whatever class MuJoCo's backend has, or None."""
        self._uploads: dict[int, mujoco.MjrContext] = {}
        self._lost: list[mujoco.MjrContext] = []

    def call(self, function: Callable[[], Result]) -> Result:
        """Call a function in the thread, wait, and return what it returns or raise what it raises."""
        if threading.current_thread() is self._thread:
            return function()
        future: Future[Result] = Future()

        def job() -> None:
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)

        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="thor-interact-drawing", daemon=True)
                thread.start()
                self._thread = thread  # if the start fails, the next call tries again
            self._jobs.put(job)
        try:
            return future.result()
        except BaseException:
            # An interrupted caller must not change a scene that is still being drawn.
            wait((future,))
            raise

    def call_later(self, function: Callable[[], None]) -> None:
        """Call a function in the thread after all calls so far, or never if the thread has ended.

        It takes no lock and does not wait, so finalizers may use it: they run in any thread at any time.
        """
        self._jobs.put(function)

    def open(self) -> None:
        """Open a context and make it current, unless there is a usable one.

        Only functions in the thread may call this.

        Raises:
            RenderingError: A context cannot be opened.
        """
        if self.context is not None and is_usable(self.context):
            return
        # Lost data is not freed, because its numbers name other data in the next context. MuJoCo frees it
        # with the object, so the object is kept.
        self._lost += self._uploads.values()
        self._uploads.clear()
        self.context = None
        self.context = open_context()
        # Last registered, first called: the context ends before the display that MuJoCo terminates.
        atexit.unregister(self.end)
        atexit.register(self.end)

    def keep(self, upload: "mujoco.MjrContext") -> None:
        """Register data that was uploaded to the context; only functions in the thread may call this."""
        self._uploads[id(upload)] = upload

    @property
    def kept(self) -> int:
        """Number of uploads in the present context that have not been freed."""
        return len(self._uploads)

    def keeps(self, upload: "mujoco.MjrContext | None") -> bool:
        """Return whether this was uploaded to the current context and not freed."""
        return id(upload) in self._uploads

    def free(self, upload: "mujoco.MjrContext") -> None:
        """Free what was uploaded, if it has not been; only functions in the thread may call this."""
        if self.keeps(upload) and is_usable(self.context):
            del self._uploads[id(upload)]
            upload.free()

    def end(self) -> None:
        """Free the context and end the thread; the next call starts another."""
        with self._lock:
            self._end()

    def before_fork(self) -> None:
        """End the thread, because a fork copies neither threads nor their resources."""
        self._lock.acquire()
        self._end()

    def after_fork(self) -> None:
        """Allow calls again, in the process that was forked."""
        self._lock.release()

    def _end(self) -> None:
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            with contextlib.suppress(Exception):  # `call_later` has no caller to inform.
                job()
            del job  # Its references must not be kept until the next job.
        with contextlib.suppress(Exception):  # of a display that has been terminated
            for upload in list(self._uploads.values()):
                self.free(upload)
            if self.context is not None:
                self.context.free()
        self.context = None


drawing_thread: Final = DrawingThread()
"""The thread of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=drawing_thread.before_fork,
        after_in_parent=drawing_thread.after_fork,
        # In the child the lock is held by the thread that forked, the only remaining one.
        after_in_child=drawing_thread.after_fork,
    )


def renderer_name() -> str:
    """Return the names of the OpenGL renderer and its version: "llvmpipe (...), ... Mesa ...".

    Raises:
        RenderingError: A context cannot be opened.
    """

    def ask() -> str:
        drawing_thread.open()
        gl = importlib.import_module("OpenGL.GL")  # it comes with MuJoCo and has no types
        return ", ".join(gl.glGetString(what).decode() for what in (gl.GL_RENDERER, gl.GL_VERSION))

    return drawing_thread.call(ask)
