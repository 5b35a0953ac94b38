"""OpenGL without a display: the backend, one context for all rooms, and what a room is drawn on.

The backend chosen here counts, whether or not `mujoco` was imported, and chose its own, before.
"""

import contextlib
import ctypes
import ctypes.util
import importlib.util
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from thor_interact_env.errors import RenderingError

if TYPE_CHECKING:
    import mujoco

REMEDY: Final = (
    "install a software OpenGL: `apt-get install libegl1 libgl1 libgl1-mesa-dri` (EGL) or "
    "`apt-get install libosmesa6` (OSMesa), or set MUJOCO_GL to one of egl, osmesa, glfw"
)


def choose_backend() -> str:
    """Set `MUJOCO_GL` unless the user has, preferring EGL, then OSMesa.

    Returns:
        The backend's name. On macOS and Windows MuJoCo's own default is kept.

    Raises:
        RenderingError: Neither library can be found, or on Linux the user's value is of no use.
    """
    # Mesa in software: at this size its threads cost more than they help, and workers share the cores.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    chosen = os.environ.get("MUJOCO_GL")
    if chosen and chosen.strip():
        return _checked_backend(chosen)
    if not sys.platform.startswith("linux"):
        return "default"
    for backend, library in (("egl", "EGL"), ("osmesa", "OSMesa")):
        if ctypes.util.find_library(library):
            os.environ["MUJOCO_GL"] = backend
            return backend
    raise RenderingError(f"No OpenGL library for rendering without a display was found; {REMEDY}.")


def _checked_backend(chosen: str) -> str:
    """Return the backend that the user's `MUJOCO_GL` names, or say what is wrong with it."""
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
    """Return whether a library can be found, also where only the dynamic linker knows its folder."""
    if ctypes.util.find_library(library):
        return True
    for version in ("", *(f".{number}" for number in range(9, -1, -1))):
        with contextlib.suppress(OSError):
            ctypes.CDLL(f"lib{library}.so{version}")
            return True
    return False


def _load_triton_before_mesa() -> None:
    """Load triton's library, where torch brought one, before the first OpenGL context.

    Mesa's software renderer and triton each hold a copy of LLVM. A process that renders first and imports
    triton later (as Lightning Fabric does) crashes; the other order works.
    """
    found = importlib.util.find_spec("triton")
    for folder in (found.submodule_search_locations or []) if found else []:
        library = Path(folder) / "_C" / "libtriton.so"
        if library.exists():
            ctypes.CDLL(str(library))


class _Contexts(threading.local):
    """The context of each thread: in OpenGL a context belongs to one thread at a time."""

    context: Any = None


_contexts = _Contexts()
_inherited: list[Any] = []


def _forget_inherited() -> None:
    # A forked child must neither draw with its parent's context nor free it.
    _inherited.append(_contexts.context)
    _contexts.context = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_inherited)


def _open_context(backend: str, side: int) -> Any:
    _load_triton_before_mesa()
    # `mujoco.gl_context` would offer what MUJOCO_GL named when MuJoCo was imported, perhaps by the user, who
    # need not have named anything: then GLFW, which needs a display.
    match backend:
        case "egl":
            from mujoco.egl import GLContext
        case "osmesa":
            from mujoco.osmesa import GLContext
        case _:
            from mujoco.gl_context import GLContext
    return GLContext(side, side)


def _shared_context(side: int) -> Any:
    """Return this thread's OpenGL context, made when it is first asked for, and make it current."""
    if _contexts.context is None:
        _contexts.context = _open_context(choose_backend(), side)
    _contexts.context.make_current()
    return _contexts.context


class Canvas:
    """What a model is drawn on: square pictures of its scene, in colour, as depth or as geom identifiers.

    All canvases of a thread share one OpenGL context. `mujoco.Renderer` opens one for each model, in which
    Mesa compiles its shaders again: 0.2 s of every new room.

    Args:
        model: What to draw. Its `vis.quality` is read here, once.
        side: Pixels along a side.

    Raises:
        RenderingError: The OpenGL context cannot be made.

    Attributes:
        scene: MuJoCo's scene of the model; `update` fills it.
    """

    def __init__(self, model: "mujoco.MjModel", side: int) -> None:
        """Upload the model's meshes and textures."""
        self._target: Any = None
        try:
            self._context = _shared_context(side)
            import mujoco

            model.vis.global_.offwidth = model.vis.global_.offheight = side
            self._target = mujoco.MjrContext(model, int(mujoco.mjtFontScale.mjFONTSCALE_50))
        except RenderingError:
            raise
        except Exception as error:  # MuJoCo's backends raise whatever their loader raises.
            raise RenderingError(
                f"MuJoCo could not open an OpenGL context (MUJOCO_GL={os.environ.get('MUJOCO_GL')!r}): "
                f"{error}. To cure it, {REMEDY}."
            ) from error
        self._target.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        self._model, self._side = model, side
        self._rectangle = mujoco.MjrRect(0, 0, side, side)
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self.scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 10)

    def update(self, data: "mujoco.MjData", camera: str, options: "mujoco.MjvOption") -> None:
        """Fill the scene with what a camera of the model sees."""
        import mujoco

        self._camera.fixedcamid = self._model.camera(camera).id
        everything = int(mujoco.mjtCatBit.mjCAT_ALL)
        mujoco.mjv_updateScene(self._model, data, options, None, self._camera, everything, self.scene)

    def colours(self) -> npt.NDArray[np.uint8]:
        """Draw the scene as it looks, (side, side, 3) uint8 RGB."""
        self._draw(identify=False)
        return self._read_colours()

    def depths(self) -> npt.NDArray[np.float32]:
        """Draw the distances to the camera's plane, (side, side) float32, metres."""
        self._draw(identify=True)
        return self.depths_drawn()

    def depths_drawn(self) -> npt.NDArray[np.float32]:
        """Return the distances at which things were drawn last, in whatever manner; see `depths`."""
        import mujoco

        drawn = np.empty((self._side, self._side), np.float32)
        mujoco.mjr_readPixels(None, drawn, self._rectangle, self._target)
        planes = self._model.vis.map
        near, far = (np.float32(plane * self._model.stat.extent) for plane in (planes.znear, planes.zfar))
        # What is drawn is d / distance - c, 1 at the near plane and 0 at the far one; both numbers are in
        # single precision, as they are in OpenGL.
        c = np.float32(0.5) * ((far + near) / (far - near)) - np.float32(0.5)
        d = np.float32(0.5) * (np.float32(2) * far * near / (far - near))
        return (d / (np.flipud(drawn).astype(np.float64) + c)).astype(np.float32)

    def geoms(self) -> npt.NDArray[np.int32]:
        """Draw the identifiers of the geoms in front, (side, side) int32, -1 for none."""
        self._draw(identify=True)
        numbers = self._read_colours().astype(np.int32) @ np.array([1, 1 << 8, 1 << 16], np.int32)
        geoms = np.full(self.scene.ngeom + 1, -1, np.int32)
        for geom in self.scene.geoms[: self.scene.ngeom]:
            if geom.segid >= 0:
                geoms[geom.segid + 1] = geom.objid
        return geoms[numbers]

    def close(self) -> None:
        """Free what was uploaded; closing twice is harmless."""
        if self._target is not None:
            self._context.make_current()
            self._target.free()
            self._target = None

    def __del__(self) -> None:
        """Close, unless the context is gone already, as it is when Python ends."""
        with contextlib.suppress(Exception):
            self.close()

    def _draw(self, identify: bool) -> None:
        """Draw the scene as it looks, or each geom as its number; distances are more exact then, too."""
        import mujoco

        if self._target is None:
            raise RuntimeError("The canvas is closed: make another one to draw on.")
        self._context.make_current()
        # The canvases that share the context each have a buffer of their own.
        mujoco.mjr_setBuffer(int(mujoco.mjtFramebuffer.mjFB_OFFSCREEN), self._target)
        for flag in (mujoco.mjtRndFlag.mjRND_SEGMENT, mujoco.mjtRndFlag.mjRND_IDCOLOR):
            self.scene.flags[int(flag)] = identify
        mujoco.mjr_render(self._rectangle, self.scene, self._target)

    def _read_colours(self) -> npt.NDArray[np.uint8]:
        import mujoco

        drawn = np.empty((self._side, self._side, 3), np.uint8)
        mujoco.mjr_readPixels(drawn, None, self._rectangle, self._target)
        return np.ascontiguousarray(np.flipud(drawn))
