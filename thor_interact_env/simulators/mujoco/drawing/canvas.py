"""The canvas of a room: one OpenGL context for all rooms, each of which uploads its meshes once."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.mujoco.drawing.drawing_thread import drawing_thread
from thor_interact_env.simulators.mujoco.drawing.opengl import rendering_error

if TYPE_CHECKING:
    import mujoco


class Canvas:
    """The canvas of a model: square images of its scene, in colour, as depth or as geom identifiers.

    All canvases of a process share one OpenGL context. `mujoco.Renderer` opens one for each model, in which
    Mesa compiles its shaders again: 0.2 s of every new room. If the context was lost, the model is
    uploaded to the next one, and the images stay the same.

    A canvas may be used from any thread, by one thread at a time.

    Args:
        model: The model. Its `vis.quality` is read here, once.
        side: Pixels along a side.
        groups: Groups of the geoms that are drawn.

    Raises:
        RenderingError: The OpenGL context cannot be made.

    Attributes:
        scene: MuJoCo's scene of the model; `update` fills it.
    """

    def __init__(self, model: "mujoco.MjModel", side: int, groups: Sequence[int]) -> None:
        """Upload the model's meshes and textures."""
        import mujoco

        self._target: mujoco.MjrContext | None = None
        self._closed = False

        self._model, self._side, self._groups = model, side, tuple(groups)
        self._quality = int(model.vis.quality.shadowsize), int(model.vis.quality.offsamples)
        self._rectangle = mujoco.MjrRect(0, 0, side, side)
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        drawing_thread.call(self._upload_in_thread)
        self.scene = mujoco.MjvScene(model, maxgeom=model.ngeom + model.nskin + model.nflex + 10)

    def update(self, data: "mujoco.MjData", camera: str, options: "mujoco.MjvOption") -> None:
        """Fill the scene with the view of a camera of the model."""
        import mujoco

        self._camera.fixedcamid = self._model.camera(camera).id
        everything = int(mujoco.mjtCatBit.mjCAT_ALL)
        mujoco.mjv_updateScene(self._model, data, options, None, self._camera, everything, self.scene)

    def colours(self) -> npt.NDArray[np.uint8]:
        """Draw the scene in colour, (side, side, 3) uint8 RGB."""
        rgb = self._empty_colours()
        self._draw(rgb, None, identify=False)
        return np.ascontiguousarray(np.flipud(rgb))

    def depths(self) -> npt.NDArray[np.float32]:
        """Draw the distances to the camera's plane, (side, side) float32, metres."""
        drawn = self._empty_depths()
        self._draw(None, drawn, identify=True)
        return self._distances(drawn)

    def colours_and_depths(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """Draw the same as `colours`, and also return the distances of the drawn pixels.

        They equal those of `depths` if nothing is transparent and edges are not smooth.
        """
        rgb, drawn = self._empty_colours(), self._empty_depths()
        self._draw(rgb, drawn, identify=False)
        return np.ascontiguousarray(np.flipud(rgb)), self._distances(drawn)

    def geoms(self) -> npt.NDArray[np.int32]:
        """Draw the identifiers of the geoms in front, (side, side) int32, -1 for none."""
        import mujoco

        rgb = self._empty_colours()
        self._draw(rgb, None, identify=True)
        numbers = np.flipud(rgb).astype(np.int32) @ np.array([1, 1 << 8, 1 << 16], np.int32)
        geoms, kind = np.full(self.scene.ngeom + 1, -1, np.int32), int(mujoco.mjtObj.mjOBJ_GEOM)
        for geom in self.scene.geoms[: self.scene.ngeom]:
            if geom.segid >= 0 and geom.objtype == kind:
                geoms[geom.segid + 1] = geom.objid
        return geoms[numbers]

    def close(self) -> None:
        """Free the uploaded data; a second call does nothing."""
        self._closed = True
        if self._target is not None:
            # Also called by `__del__`, so without waiting.
            drawing_thread.call_later(partial(drawing_thread.free, self._target))
            self._target = None

    def __del__(self) -> None:
        """Close."""
        try:  # noqa: SIM105, modules may be unloaded when Python ends, contextlib among them
            self.close()
        except Exception:
            pass

    def _draw(
        self, rgb: npt.NDArray[np.uint8] | None, depth: npt.NDArray[np.float32] | None, identify: bool
    ) -> None:
        """Draw the scene in colour, or each geom as its number; distances are more exact then.

        Args:
            rgb: (side, side, 3), filled with colours, the lowest row first; None: not needed.
            depth: (side, side), filled with OpenGL's stored values of the distances; None: not needed.
            identify: Whether colours are geoms' numbers.
        """
        import mujoco

        if self._closed:
            raise RuntimeError("The canvas is closed: make another one to draw on.")
        for flag in (mujoco.mjtRndFlag.mjRND_SEGMENT, mujoco.mjtRndFlag.mjRND_IDCOLOR):
            self.scene.flags[int(flag)] = identify
        drawing_thread.call(partial(self._draw_in_thread, rgb, depth))

    def _draw_in_thread(
        self, rgb: npt.NDArray[np.uint8] | None, depth: npt.NDArray[np.float32] | None
    ) -> None:
        import mujoco

        self._upload_in_thread()
        # Each of the canvases that share the context has its own buffer.
        mujoco.mjr_setBuffer(int(mujoco.mjtFramebuffer.mjFB_OFFSCREEN), self._target)
        mujoco.mjr_render(self._rectangle, self.scene, self._target)
        mujoco.mjr_readPixels(rgb, depth, self._rectangle, self._target)

    def _upload_in_thread(self) -> None:
        """Upload meshes and textures, unless the current context has them."""
        drawing_thread.open()
        if drawing_thread.keeps(self._target):
            return
        import mujoco

        visual = self._model.vis
        visual.global_.offwidth = visual.global_.offheight = self._side
        visual.quality.shadowsize, visual.quality.offsamples = self._quality
        # Planes of collisions are not drawn. For an infinite one MuJoCo would upload a large grid that takes
        # most of the time and memory of a room.
        planes = self._model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE)
        planes &= ~np.isin(self._model.geom_group, self._groups)
        sizes = self._model.geom_size[planes]
        self._model.geom_size[planes] = 1.0
        try:
            self._target = mujoco.MjrContext(self._model, int(mujoco.mjtFontScale.mjFONTSCALE_50))
        except Exception as error:  # MuJoCo raises several types, depending on what OpenGL lacks.
            raise rendering_error(error) from error
        finally:
            self._model.geom_size[planes] = sizes
        self._target.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        drawing_thread.keep(self._target)

    def _distances(self, drawn: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return metres, the highest row first, for OpenGL's stored values, the lowest row first."""
        planes = self._model.vis.map
        near, far = (np.float32(plane * self._model.stat.extent) for plane in (planes.znear, planes.zfar))
        # The drawn value is d / distance - c, 1 at the near plane and 0 at the far one; both numbers are in
        # single precision, as they are in OpenGL.
        c = np.float32(0.5) * ((far + near) / (far - near)) - np.float32(0.5)
        d = np.float32(0.5) * (np.float32(2) * far * near / (far - near))
        return (d / (np.flipud(drawn).astype(np.float64) + c)).astype(np.float32)

    def _empty_colours(self) -> npt.NDArray[np.uint8]:
        return np.empty((self._side, self._side, 3), np.uint8)

    def _empty_depths(self) -> npt.NDArray[np.float32]:
        return np.empty((self._side, self._side), np.float32)
