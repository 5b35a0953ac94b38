"""The one place that chooses an OpenGL backend and owns the renderer.

Import this module before `mujoco`: MuJoCo reads `MUJOCO_GL` when it is imported.
"""

import ctypes
import ctypes.util
import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from thor_interact_env.actions import FIELD_OF_VIEW, IMAGE_SIZE
from thor_interact_env.errors import RenderingError

if TYPE_CHECKING:
    import mujoco

Quality = Literal["fast", "fine"]
"""How much time a picture may cost: see `QUALITIES`."""

QUALITIES: Final[dict[Quality, tuple[int, int]]] = {"fast": (512, 0), "fine": (2048, 4)}
"""Pixels along a side of the shadow map, and samples per pixel that smooth edges (0: one, unsmoothed)."""

SHELL: Final = "shell"
"""Name of the body, the last of a room, that shows floor, walls and ceiling."""

_SEEN, _UNSEEN = 0, 5

_SHADOW_PIXEL = 0.03
"""Metres by which a shadow may be wider than its geometry, for what the shadow map does not resolve."""

REMEDY = (
    "install a software OpenGL: `apt-get install libegl1 libgl1 libgl1-mesa-dri` (EGL) or "
    "`apt-get install libosmesa6` (OSMesa), or set MUJOCO_GL to one of egl, osmesa, glfw"
)


def choose_backend() -> str:
    """Set `MUJOCO_GL` unless the user has, preferring EGL, then OSMesa.

    Returns:
        The backend's name. On macOS and Windows MuJoCo's own default is kept.

    Raises:
        RenderingError: Neither library can be found.
    """
    # Mesa in software: at this size its threads cost more than they help, and workers share the cores.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    chosen = os.environ.get("MUJOCO_GL")
    if chosen:
        return chosen
    if not sys.platform.startswith("linux"):
        return "default"
    for backend, library in (("egl", "EGL"), ("osmesa", "OSMesa")):
        if ctypes.util.find_library(library):
            os.environ["MUJOCO_GL"] = backend
            return backend
    raise RenderingError(f"No OpenGL library for rendering without a display was found; {REMEDY}.")


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


def check_quality(quality: str) -> None:
    """Refuse what is not in `QUALITIES`.

    Raises:
        ValueError: There is no such quality.
    """
    if quality not in QUALITIES:
        raise ValueError(f"quality is {quality!r}; choose one of {', '.join(map(repr, QUALITIES))}.")


class Renderer:
    """Renders one model off screen: RGB, distance from the camera, and geom identifiers.

    Args:
        model: What to render.
        shadows: Whether the room's light casts shadows.
        quality: "fast", or "fine" for pictures to look at: smooth edges and sharp shadows, at several times
            the cost.

    Raises:
        ValueError: There is no such quality.
        RenderingError: The OpenGL context cannot be made.
    """

    def __init__(self, model: "mujoco.MjModel", shadows: bool = True, quality: Quality = "fast") -> None:
        """Make the context; see the class."""
        check_quality(quality)
        choose_backend()
        _load_triton_before_mesa()
        import mujoco

        # The context reads both as it is made.
        model.vis.quality.shadowsize, model.vis.quality.offsamples = QUALITIES[quality]
        try:
            self._renderer = mujoco.Renderer(model, height=IMAGE_SIZE, width=IMAGE_SIZE)
        except Exception as error:  # MuJoCo's backends raise whatever their loader raises.
            raise RenderingError(
                f"MuJoCo could not open an OpenGL context (MUJOCO_GL={os.environ.get('MUJOCO_GL')!r}): "
                f"{error}. To cure it, {REMEDY}."
            ) from error
        self._options = mujoco.MjvOption()
        self._options.geomgroup[:] = [1, 0, 0, 0, 0, 0]
        self._flags = {
            int(mujoco.mjtRndFlag.mjRND_SHADOW): shadows,
            int(mujoco.mjtRndFlag.mjRND_REFLECTION): False,
        }
        self._ray_length = ray_lengths()
        self._model, self._shadows = model, shadows
        self._visible = np.flatnonzero(model.geom_group == _SEEN)
        self._shell = set(np.flatnonzero(model.geom_bodyid == model.body(SHELL).id).tolist())
        self._shadowless = int(mujoco.mjtCatBit.mjCAT_DECOR)

    def _render(self, data: "mujoco.MjData", camera: str, lit: bool = False) -> npt.NDArray[Any]:
        groups = self._model.geom_group
        unseen = self._visible[~in_view(self._model, data, camera, self._visible, lit and self._shadows)]
        groups[unseen] = _UNSEEN
        try:
            self._renderer.update_scene(data, camera=camera, scene_option=self._options)
        finally:
            groups[unseen] = _SEEN
        if lit and self._shadows:
            self._spare_shell()
        for flag, value in self._flags.items():
            self._renderer.scene.flags[flag] = value
        return self._renderer.render()

    def _spare_shell(self) -> None:
        """Let floor, walls and ceiling cast no shadow: nothing is behind them, and drawing it takes long."""
        scene = self._renderer.scene
        # They are the last of the room's geoms.
        for index in range(scene.ngeom - 1, -1, -1):
            geom = scene.geoms[index]
            if geom.objid not in self._shell:
                break
            geom.category = self._shadowless

    def rgb(self, data: "mujoco.MjData", camera: str) -> npt.NDArray[np.uint8]:
        """Return the (300, 300, 3) uint8 picture."""
        return self._render(data, camera, lit=True)

    def depth(self, data: "mujoco.MjData", camera: str) -> npt.NDArray[np.float32]:
        """Return the (300, 300) float32 distance from the camera, metres."""
        self._renderer.enable_depth_rendering()
        try:
            return (self._render(data, camera) * self._ray_length).astype(np.float32)
        finally:
            self._renderer.disable_depth_rendering()

    def geoms(self, data: "mujoco.MjData", camera: str) -> npt.NDArray[np.int32]:
        """Return the (300, 300) int32 geom identifier seen at each pixel, -1 for none."""
        self._renderer.enable_segmentation_rendering()
        try:
            return self._render(data, camera)[..., 0].astype(np.int32)
        finally:
            self._renderer.disable_segmentation_rendering()

    def close(self) -> None:
        """Free the context; closing twice is harmless."""
        self._renderer.close()


def ray_lengths() -> npt.NDArray[np.float64]:
    """Return what turns plane depth into distance, (300, 300): sqrt(1 + (x^2 + y^2) / f^2)."""
    focal = IMAGE_SIZE / 2 / np.tan(np.radians(FIELD_OF_VIEW) / 2)
    offset = np.arange(IMAGE_SIZE) - (IMAGE_SIZE - 1) / 2
    return np.sqrt(1 + (offset[:, None] ** 2 + offset[None, :] ** 2) / focal**2)


def in_view(
    model: "mujoco.MjModel", data: "mujoco.MjData", camera: str, geoms: npt.NDArray[np.intp], shadows: bool
) -> npt.NDArray[np.bool_]:
    """Return which geoms can leave a trace in a square picture; the others need not be drawn.

    Args:
        model: The room.
        data: Where everything is.
        camera: Who looks.
        geoms: (n,) identifiers.
        shadows: Whether a shadow that falls into the picture counts as a trace.

    Returns:
        (n,) bool. False is certain: boxes around the geom and its shadow are outside the picture.
    """
    index = model.camera(camera).id
    axes = data.cam_xmat[index].reshape(3, 3)
    eye, half = data.cam_xpos[index], np.radians(model.cam_fovy[index]) / 2
    # Outward normals of the left, right, lower and upper side of what the camera sees.
    sides = np.array([[-1, 0], [1, 0], [0, -1], [0, 1]]) * np.cos(half)
    normals = np.column_stack([sides, np.full(4, np.sin(half))]) @ axes.T
    boxes, turns = model.geom_aabb[geoms], data.geom_xmat[geoms].reshape(-1, 3, 3)
    extents = boxes[:, 3:] + (_SHADOW_PIXEL if shadows else 0.0)
    middles = data.geom_xpos[geoms] + _products(turns, boxes[:, :3])
    # How far each box reaches along the normals, and along the axes of the room.
    reach = _products(np.abs(normals @ turns), extents)
    widths = _products(np.abs(turns), extents)
    outside = (middles - eye) @ normals.T > reach
    if not shadows:
        return ~outside.any(axis=1)
    traces = np.zeros(len(geoms), bool)
    low, high = _corners(model)
    for light in np.flatnonzero(model.light_castshadow):
        lamp = data.light_xpos[light]
        away = middles - lamp
        growth = _growth(away - widths, away + widths, low - lamp, high - lamp)
        # What reaches around the lamp casts its shadow to all sides.
        around = np.isinf(growth)
        growth[around] = 1.0
        growth = growth[:, None]
        shade = (lamp + growth * away - eye) @ normals.T > growth * reach
        traces |= ~(outside & shade).any(axis=1) | around
    return traces


def _growth(
    near: npt.NDArray[np.float64],
    far: npt.NDArray[np.float64],
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return how many times farther from the lamp each box is wholly behind a wall: there its shadow ends.

    Args:
        near: (n, 3) lowest corners of the boxes, seen from the lamp.
        far: (n, 3) their highest corners.
        low: (3,) lowest corner of the room, seen from the lamp.
        high: (3,) its highest corner.

    Returns:
        (n,) at least 1, infinite where no such wall is.
    """
    above = np.where(near > 0, high / np.where(near > 0, near, 1.0), np.inf)
    below = np.where(far < 0, low / np.where(far < 0, far, 1.0), np.inf)
    return np.maximum(np.minimum(above, below).min(axis=1), 1.0)


def _products(matrices: npt.NDArray[np.float64], vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    products: npt.NDArray[np.float64] = np.einsum("nij,nj->ni", matrices, vectors)
    return products


def _corners(model: "mujoco.MjModel") -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the lowest and highest corner, (3,) each, of the room: its walls are the planes."""
    import mujoco

    walls = model.geom_pos[model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE)]
    return walls.min(axis=0) - _SHADOW_PIXEL, walls.max(axis=0) + _SHADOW_PIXEL
