"""The images of a room: colours, distances and identifiers; only visible geoms are drawn."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import FIELD_OF_VIEW
from thor_interact_env.errors import InvalidOptionError
from thor_interact_env.simulators.mujoco.drawing.canvas import Canvas
from thor_interact_env.simulators.mujoco.exact import DEGREE, cosine, sine

if TYPE_CHECKING:
    import mujoco

Quality = Literal["fast", "fine"]
"""Quality of an image: see `QUALITIES`."""

QUALITIES: Final[dict[Quality, tuple[int, int]]] = {"fast": (512, 0), "fine": (2048, 4)}
"""Pixels along a side of the shadow map, and samples per pixel that smooth edges (0: one, unsmoothed)."""

FOCAL_LENGTH: Final = IMAGE_SIZE / 2 * cosine(FIELD_OF_VIEW / 2 * DEGREE) / sine(FIELD_OF_VIEW / 2 * DEGREE)
"""Pixels between the eye and the plane of the image."""

SHELL: Final = "shell"
"""Name of the body, the last of a room, that shows floor, walls and ceiling."""

_SEEN, _UNSEEN = 0, 5

_ROUNDING = 1e-6
"""Metres by which an object must be outside, so that the rounding of these products does not matter."""

_SHADOW_PIXEL = 0.03
"""Metres by which a shadow may be wider than its geometry, because of the resolution of the shadow map."""


def check_quality(quality: str) -> None:
    """Check that a quality is in `QUALITIES`.

    Raises:
        InvalidOptionError: There is no such quality.
    """
    if not isinstance(quality, str) or quality not in QUALITIES:
        raise InvalidOptionError(f"quality is {quality!r}; choose one of {', '.join(map(repr, QUALITIES))}.")


class Renderer:
    """Renders one model off screen: RGB, distance from the camera, and geom identifiers.

    Args:
        model: The model.
        shadows: Whether the room's light casts shadows.
        quality: "fast", or "fine" for illustrations: smooth edges and sharp shadows, at several times
            the cost.
        groups: Groups of the geoms that are drawn.
        closed: Whether the model is a room that six planes enclose, with the body `SHELL`: then geoms that
            cannot affect an image are not drawn.

    Raises:
        ValueError: There is no such quality.
        RenderingError: The OpenGL context cannot be made.
    """

    def __init__(
        self,
        model: "mujoco.MjModel",
        shadows: bool = True,
        quality: Quality = "fast",
        groups: Sequence[int] = (_SEEN,),
        closed: bool = True,
    ) -> None:
        """Make the context; see the class."""
        check_quality(quality)
        # The canvas reads both when it is made.
        model.vis.quality.shadowsize, model.vis.quality.offsamples = QUALITIES[quality]
        self.canvas = Canvas(model, IMAGE_SIZE, groups)
        import mujoco

        self.options = mujoco.MjvOption()
        self.options.geomgroup[:] = [group in groups for group in range(mujoco.mjNGROUP)]
        self.options.sitegroup[:] = self.options.tendongroup[:] = 0  # marks and cables, which touches pass
        self._flags = {
            int(mujoco.mjtRndFlag.mjRND_SHADOW): shadows,
            int(mujoco.mjtRndFlag.mjRND_REFLECTION): False,
        }
        self._ray_length = ray_lengths()
        self._model, self._shadows, self._smooth = model, shadows, QUALITIES[quality][1] > 0
        opacity = np.append(model.mat_rgba[:, 3], 1.0)  # The last entry is for geoms without a material.
        self._transparent = np.minimum(opacity[model.geom_matid], model.geom_rgba[:, 3]) < 1
        self._visible, self._closed = np.flatnonzero(np.isin(model.geom_group, groups)), closed
        shell = mujoco.mj_name2id(model, int(mujoco.mjtObj.mjOBJ_BODY), SHELL) if closed else -1
        self._shell = set(np.flatnonzero(model.geom_bodyid == shell).tolist())
        self._shadowless = int(mujoco.mjtCatBit.mjCAT_DECOR)

    def update(self, data: "mujoco.MjData", camera: str, lit: bool = False) -> npt.NDArray[np.intp]:
        """Fill the canvas's scene with all geoms that can affect the image; shadows count if it is lit.

        Returns:
            (n,) identifiers of the geoms in the scene.
        """
        groups, lit = self._model.geom_group, lit and self._shadows
        seen = np.ones(len(self._visible), bool)
        if self._closed:
            seen = in_view(self._model, data, camera, self._visible, lit)
        unseen = self._visible[~seen]
        own = groups[unseen]
        groups[unseen] = _UNSEEN
        try:
            self.canvas.update(data, camera, self.options)
        finally:
            groups[unseen] = own
        if lit:
            self._spare_shell()
        for flag, value in self._flags.items():
            self.canvas.scene.flags[flag] = value
        return self._visible[seen]

    def _spare_shell(self) -> None:
        """Turn off shadows of floor, walls and ceiling: nothing is behind them, and they are slow to draw."""
        scene = self.canvas.scene
        # They are the last of the room's geoms.
        for index in range(scene.ngeom - 1, -1, -1):
            geom = scene.geoms[index]
            if geom.objid not in self._shell:
                break
            geom.category = self._shadowless

    def rgb(self, data: "mujoco.MjData", camera: str) -> npt.NDArray[np.uint8]:
        """Return the (300, 300, 3) uint8 image."""
        self.update(data, camera, lit=True)
        return self.canvas.colours()

    def depth(self, data: "mujoco.MjData", camera: str) -> npt.NDArray[np.float32]:
        """Return the (300, 300) float32 distance from the camera, metres; glass counts as solid."""
        self.update(data, camera)
        return (self.canvas.depths() * self._ray_length).astype(np.float32)

    def view(
        self, data: "mujoco.MjData", camera: str
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """Return the results of `rgb` and `depth`, drawn in one pass if that gives the same bytes."""
        geoms = self.update(data, camera, lit=True)
        # The depth after drawing colours differs behind glass and at smooth edges.
        if self._smooth or self._transparent[geoms].any():
            return self.canvas.colours(), self.depth(data, camera)
        rgb, depths = self.canvas.colours_and_depths()
        return rgb, (depths * self._ray_length).astype(np.float32)

    def geoms(self, data: "mujoco.MjData", camera: str) -> npt.NDArray[np.int32]:
        """Return the (300, 300) int32 geom identifier seen at each pixel, -1 for none."""
        self.update(data, camera)
        return self.canvas.geoms()

    def close(self) -> None:
        """Free the room's resources in OpenGL; a second call does nothing."""
        self.canvas.close()


def ray_lengths() -> npt.NDArray[np.float64]:
    """Return the factors from plane depth to distance, (300, 300): sqrt(1 + (x^2 + y^2) / f^2)."""
    offset = np.arange(IMAGE_SIZE) - (IMAGE_SIZE - 1) / 2
    return np.sqrt(1 + (offset[:, None] ** 2 + offset[None, :] ** 2) / FOCAL_LENGTH**2)


def in_view(
    model: "mujoco.MjModel", data: "mujoco.MjData", camera: str, geoms: npt.NDArray[np.intp], shadows: bool
) -> npt.NDArray[np.bool_]:
    """Return which geoms can affect a square image; the others need not be drawn.

    Args:
        model: The room.
        data: The state of the room.
        camera: The camera.
        geoms: (n,) identifiers.
        shadows: Whether a shadow in the image counts.

    Returns:
        (n,) bool. False is certain: boxes around the geom and its shadow are outside the image.
    """
    index = model.camera(camera).id
    axes = data.cam_xmat[index].reshape(3, 3)
    eye, half = data.cam_xpos[index], float(model.cam_fovy[index]) / 2 * DEGREE
    # Outward normals of the left, right, lower and upper side of the camera's view.
    sides = np.array([[-1, 0], [1, 0], [0, -1], [0, 1]]) * cosine(half)
    normals = np.column_stack([sides, np.full(4, sine(half))]) @ axes.T
    boxes, turns = model.geom_aabb[geoms], data.geom_xmat[geoms].reshape(-1, 3, 3)
    extents = boxes[:, 3:] + (_SHADOW_PIXEL if shadows else 0.0)
    middles = data.geom_xpos[geoms] + _products(turns, boxes[:, :3])
    # How far each box reaches along the normals, and along the axes of the room.
    reach = _products(np.abs(normals @ turns), extents)
    widths = _products(np.abs(turns), extents)
    reach += _ROUNDING
    outside = (middles - eye) @ normals.T > reach
    if not shadows:
        return ~outside.any(axis=1)
    traces = np.zeros(len(geoms), bool)
    low, high = _corners(model)
    for light in np.flatnonzero(model.light_castshadow):
        lamp = data.light_xpos[light]
        away = middles - lamp
        growth = _growth(away - widths, away + widths, low - lamp, high - lamp)
        # A geom around the lamp casts its shadow to all sides.
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
