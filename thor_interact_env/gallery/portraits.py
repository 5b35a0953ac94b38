"""Images of one room, or of instances of one type, as `thor_interact_env.gallery` shows them."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import numpy.typing as npt

from thor_interact_env.errors import ThorInteractError
from thor_interact_env.locations.splits import room_type

if TYPE_CHECKING:
    from thor_interact_env.simulators.mujoco.drawing.rendering import Renderer
    from thor_interact_env.simulators.mujoco.materials import Material
    from thor_interact_env.simulators.mujoco.physics import CompiledRoom
    from thor_interact_env.simulators.mujoco.shapes import Blueprint

Image = npt.NDArray[np.uint8]
"""(height, width, 3) uint8 RGB."""

INSTANCES: Final = 8
"""Instances of a type on its row of a sheet."""

ROOM_SPAWN: Final = 0
"""Spawn seed of the rooms on the sheets."""

_STUDIO_SIZE = (9.0, 9.0, 3.1)
_ROOM_VIEW, _OBJECT_VIEW = 88.0, 40.0


class GalleryError(ThorInteractError):
    """A requested room or type does not exist, or a file cannot be written; the message says which."""


def room_image(name: str) -> Image:
    """Return a room as seen from above one of its corners.

    Args:
        name: Name of a room.

    Returns:
        (300, 300, 3) uint8 RGB.

    Raises:
        UnknownRoomError: There is no such room.
        RenderingError: There is no way to render.
    """
    room_type(name)
    from thor_interact_env.simulators.mujoco.drawing.rendering import Renderer
    from thor_interact_env.simulators.mujoco.physics import CompiledRoom
    from thor_interact_env.simulators.mujoco.rooms.plan import plan_room, spawn

    room = CompiledRoom(plan_room(name))
    room.spawn(spawn(room.plan, ROOM_SPAWN))
    renderer = Renderer(room.model, quality="fine")
    try:
        half = np.array(room.plan.size[:2]) / 2 - 0.15
        images = []
        for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            eye = np.array([x * half[0], y * half[1], room.plan.size[2] - 0.25])
            images.append(_look(room, renderer, eye, np.array([0.0, 0.0, 0.55]), _ROOM_VIEW))
        # From some corners a tall cupboard fills the view, so the view with the most detail is taken.
        return max(images, key=lambda image: float(cv2.Laplacian(image, cv2.CV_32F).std()))
    finally:
        renderer.close()


def agent_image(name: str) -> Image:
    """Return a room as an agent sees it at a sampled location with enough in reach.

    Args:
        name: Name of a room.

    Returns:
        (300, 300, 3) uint8 RGB.

    Raises:
        UnknownRoomError: There is no such room.
        RenderingError: There is no way to render.
    """
    room_type(name)
    from thor_interact_env.locations.sampling import LocationSampler
    from thor_interact_env.simulators import make_simulator

    simulator = make_simulator("mujoco")
    try:
        rng = np.random.default_rng(ROOM_SPAWN)
        return LocationSampler(simulator, [name]).sample_view(rng)[1]["rgb"].copy()
    finally:
        simulator.close()


def type_images(name: str, instances: int = INSTANCES) -> list[Image]:
    """Return instances of a movable type, each alone on a neutral floor and as large as fits.

    Args:
        name: A key of the object catalog, such as `"Mug"`.
        instances: Number of instances.

    Returns:
        Images, (300, 300, 3) uint8 RGB.

    Raises:
        GalleryError: There is no such type.
        RenderingError: There is no way to render.
    """
    from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG, build

    require_types([name], CATALOG)
    return portraits(name, [build(name, np.random.default_rng(seed)) for seed in range(instances)])


def portraits(name: str, blueprints: "Sequence[Blueprint]") -> list[Image]:
    """Return an image of each blueprint, alone and as large as fits.

    Args:
        name: Name of their type.
        blueprints: The blueprints.

    Returns:
        Images, (300, 300, 3) uint8 RGB.

    Raises:
        RenderingError: There is no way to render.
    """
    from thor_interact_env.simulators.mujoco.drawing.rendering import Renderer
    from thor_interact_env.simulators.mujoco.physics import CompiledRoom
    from thor_interact_env.simulators.mujoco.rooms.plan import RoomPlan

    # Static objects have mass 0, which a free body must not have.
    built = [(name, replace(made, mass=made.mass or 1.0)) for made in blueprints]
    room = CompiledRoom(
        RoomPlan("studio", "studio", _STUDIO_SIZE, *_studio(), (), (), tuple(built), (0, -1, 2.9))
    )
    renderer = Renderer(room.model, quality="fine")
    images = []
    try:
        for shown in range(len(built)):
            room.spawn([(0.0, 0.0, 0.001, 0.0) if index == shown else None for index in range(len(built))])
            low, high = built[shown][1].bounds()
            middle, radius = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
            away = np.array([0.5, -1.0, 0.65])
            distance = 1.05 * radius / np.sin(np.radians(_OBJECT_VIEW) / 2)
            eye = middle + distance * away / np.linalg.norm(away)
            images.append(_look(room, renderer, eye, middle, _OBJECT_VIEW))
    finally:
        renderer.close()
    return images


def _look(
    room: "CompiledRoom",
    renderer: "Renderer",
    eye: npt.NDArray[np.float64],
    target: npt.NDArray[np.float64],
    field_of_view: float,
) -> Image:
    """Return the view of the room's camera from `eye` to `target`."""
    import mujoco

    from thor_interact_env.simulators.mujoco.rooms.model import CAMERA

    backward = (eye - target) / np.linalg.norm(eye - target)
    right = np.cross([0.0, 0.0, 1.0], backward)
    right /= np.linalg.norm(right)
    axes = np.column_stack([right, np.cross(backward, right), backward])
    camera = room.model.camera(CAMERA).id
    room.model.cam_pos[camera] = eye
    room.model.cam_fovy[camera] = field_of_view
    mujoco.mju_mat2Quat(room.model.cam_quat[camera], axes.ravel())
    # While all bodies sleep, MuJoCo moves the camera only after a reset.
    room.rest(room.positions())
    return renderer.rgb(room.data, CAMERA).copy()


def _studio() -> "tuple[Material, Material, Material]":
    """Return the materials of floor, walls and ceiling of the neutral studio."""
    from thor_interact_env.simulators.mujoco.materials import Material

    def plain(shade: float) -> Material:
        return Material("plain", ((shade,) * 3, (shade - 0.02,) * 3), 2.0, 0.0)

    return plain(0.72), plain(0.8), plain(0.9)


def require_types(names: Sequence[str], known: Collection[str]) -> None:
    """Check that all names are among the known ones.

    Raises:
        GalleryError: One is not.
    """
    for name in names:
        if name not in known:
            raise GalleryError(f"There is no object type {name!r}; the types are {', '.join(sorted(known))}.")
