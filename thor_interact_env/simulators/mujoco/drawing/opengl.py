"""OpenGL without a display: the backend, opening a context, and detecting a lost one.

The backend chosen here is used even if `mujoco` was imported before and chose another one.
"""

import contextlib
import ctypes
import ctypes.util
import os
import sys
from pathlib import Path
from typing import Any, Final

from thor_interact_env.errors import RenderingError

REMEDY: Final = (
    "install a software OpenGL: `apt-get install libegl1 libgl1 libgl1-mesa-dri` (EGL) or "
    "`apt-get install libosmesa6` (OSMesa), or set MUJOCO_GL to one of egl, osmesa, glfw"
)

_SIDE: Final = 64
"""Pixels along a side of a context's own buffer, which is not used: canvases have their own."""

_SURFACELESS: Final = 0x31DD
"""EGL_PLATFORM_SURFACELESS_MESA: a display of Mesa without a window system or device."""

_FORKED: Final = 0x40
"""PF_FORKNOEXEC, a flag of Linux: the process was forked and has loaded no program since."""


def choose_backend() -> str:
    """Set `MUJOCO_GL` unless the user has, preferring EGL, then OSMesa.

    Returns:
        The backend's name. On macOS and Windows MuJoCo's own default is kept.

    Raises:
        RenderingError: Neither library can be found, or on Linux the user's value is unusable.
    """
    # Mesa in software: for small images its threads are slower, and workers share the cores.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    chosen = os.environ.get("MUJOCO_GL")
    if chosen and chosen.strip():
        return _checked_backend(chosen)
    if not sys.platform.startswith("linux"):
        return "default"
    for backend, library in (("egl", "EGL"), ("osmesa", "OSMesa")):
        if _is_installed(library):
            os.environ["MUJOCO_GL"] = backend
            return backend
    raise RenderingError(f"No OpenGL library for rendering without a display was found; {REMEDY}.")


def _checked_backend(chosen: str) -> str:
    """Return the backend that the user's `MUJOCO_GL` names, or raise an error that names the fault."""
    backend = chosen.strip().lower()
    if not sys.platform.startswith("linux"):
        return backend
    if backend not in ("egl", "osmesa", "glfw"):
        raise RenderingError(f"MUJOCO_GL is {chosen!r}; unset it, or set it to one of egl, osmesa, glfw.")
    if backend == "glfw" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise RenderingError(
            "MUJOCO_GL is 'glfw', which needs a screen, and DISPLAY is not set; unset MUJOCO_GL, or set it "
            "to egl or osmesa."
        )
    library = {"egl": "EGL", "osmesa": "OSMesa"}.get(backend)
    if library is not None and not _is_installed(library):
        raise RenderingError(f"MUJOCO_GL is {chosen!r}, and there is no library lib{library}; {REMEDY}.")
    return backend


def _is_installed(library: str) -> bool:
    """Return whether a library can be found, also if only the dynamic linker knows its folder."""
    if ctypes.util.find_library(library):
        return True
    for version in ("", *(f".{number}" for number in range(9, -1, -1))):
        with contextlib.suppress(OSError):
            ctypes.CDLL(f"lib{library}.so{version}")
            return True
    return False


def rendering_error(cause: Exception) -> RenderingError:
    """Return the error for a failure of OpenGL, with a remedy."""
    reason = " ".join(str(cause).split())
    return RenderingError(
        f"MuJoCo cannot draw with OpenGL (MUJOCO_GL={os.environ.get('MUJOCO_GL')!r}): {reason}. "
        f"Remedy: {REMEDY}."
    )


def open_context() -> Any:
    """Open a context and make it current in this thread.

    Returns:
        MuJoCo's object, which does not free the context when it is dropped.

    Raises:
        RenderingError: None can be opened.
    """
    try:
        # `mujoco.gl_context` would use the value of MUJOCO_GL at the import of MuJoCo, which may be unset:
        # then GLFW, which needs a display.
        match choose_backend():
            case "egl":
                from mujoco.egl import GLContext

                _prepare_display()
            case "osmesa":
                from mujoco.osmesa import GLContext
            case _:
                from mujoco.gl_context import GLContext
        # MuJoCo's class frees a context in any thread that deletes it.
        context = type("GLContext", (GLContext,), {"__del__": lambda context: None})(_SIDE, _SIDE)
        context.make_current()
    except RenderingError:
        raise
    except Exception as error:  # MuJoCo's backends raise the exceptions of their loader.
        raise rendering_error(error) from error
    return context


def is_usable(context: Any) -> bool:
    """Return whether a context that `open_context` made current in this thread is still usable.

    Any part of the process may have ended the display it belongs to, as windows do when closed.

    Raises:
        RenderingError: It cannot, and OpenGL would crash the process if another were opened.
    """
    match type(context).__base__.__module__:
        case "mujoco.egl":
            from mujoco.egl import EGL

            found = EGL.EGLint()
            display, current = EGL.eglGetCurrentDisplay(), EGL.eglGetCurrentContext()
            try:
                return bool(EGL.eglQueryContext(display, current, EGL.EGL_CONFIG_ID, found))
            except EGL.EGLError:
                return False
        case "mujoco.glfw":
            import glfw

            try:
                current = glfw.get_current_context()
            except glfw.GLFWError:  # a warning, which the user may have made an error
                current = None
            if not current:
                raise RenderingError(
                    "Another part of the process has called glfw.terminate(), as Gymnasium's MuJoCo windows "
                    "do when closed: set MUJOCO_GL=egl, which those windows do not affect."
                )
    return True  # Nothing else in the process can end a context of OSMesa or macOS.


def _prepare_display() -> None:
    """Make MuJoCo's EGL display usable, even if it was terminated in this process."""
    from mujoco import egl

    if _lacks_threads_of_mesa():
        egl.EGL_DISPLAY = egl.EGL.eglGetPlatformDisplayEXT(_SURFACELESS, None, None)
    if egl.EGL_DISPLAY is not None:  # None before MuJoCo's first context
        # Any part of the process may have terminated it; if none has, this changes nothing.
        egl.EGL.eglInitialize(egl.EGL_DISPLAY, None, None)


def _lacks_threads_of_mesa() -> bool:
    """Return whether Mesa would wait endlessly for drawing threads, because a fork did not copy them.

    It has such threads if another renderer opened the display without `LP_NUM_THREADS=0`.
    """
    try:
        flags = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[6])
        return bool(flags & _FORKED) and _mesa_draws_in(os.getppid()) and not _mesa_draws_in(os.getpid())
    except OSError:  # no such folder, or a process or thread that has just ended
        return False


def _mesa_draws_in(process: int) -> bool:
    names = Path(f"/proc/{process}/task").glob("*/comm")
    return any(name.read_text().startswith("llvmpipe-") for name in names)
