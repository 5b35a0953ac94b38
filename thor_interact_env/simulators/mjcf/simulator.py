"""Scenes on disk behind the `Simulator` protocol."""

import contextlib
import glob
import hashlib
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from thor_interact_env.actions import AGENT_HEIGHT_Y, CAMERA_HEIGHT
from thor_interact_env.checks import is_number
from thor_interact_env.errors import InvalidLocationError, InvalidOptionError, UnknownRoomError
from thor_interact_env.files import content_digest
from thor_interact_env.locations.location import SEED_LIMIT
from thor_interact_env.simulators.machine import machine_options
from thor_interact_env.simulators.mjcf.arranging import arrange, portables
from thor_interact_env.simulators.mjcf.physics import SEEN_GROUPS, CompiledScene
from thor_interact_env.simulators.mjcf.scenes import find_scenes, read_scene
from thor_interact_env.simulators.mjcf.standing import standing_positions
from thor_interact_env.simulators.mujoco.drawing.rendering import Renderer
from thor_interact_env.simulators.mujoco.physics import CompiledRoom
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

VARIABLE: Final = "THOR_INTERACT_MJCF"
"""Environment variable with options for every command: a JSON object of `scenes` and `eye_height`."""

_KEPT: Final = 64  # maximum number of arrangements, and of lists of positions, in memory


class MjcfSimulator(MujocoSimulator):
    """MJCF scenes of a folder, rendered on the CPU: see `Simulator` for the protocol.

    Args:
        scenes: Folder with scenes (`*.xml`), or one scene.
        eye_height: Metres from the floor to the camera.
        **options: Those of `MujocoSimulator`.

    Raises:
        InvalidOptionError: No scenes are named, or an option has the wrong type or is outside its range.
        SceneError: There are none.
    """

    def __init__(
        self, scenes: str | os.PathLike[str] | None = None, eye_height: float = CAMERA_HEIGHT, **options: Any
    ) -> None:
        """Find the scenes; nothing is compiled or rendered before the first use."""
        if options.get("objects") is not None:
            raise InvalidOptionError(
                'objects are added to rooms of the embedded simulator only: leave the option out of "mjcf"'
            )
        super().__init__(**options)
        if not is_number(eye_height) or not 0 < eye_height < math.inf:
            raise InvalidOptionError(f"eye_height is {eye_height!r}; it must be a positive number of metres")
        if scenes is None:
            raise InvalidOptionError(
                'the simulator "mjcf" needs scenes: give simulator_options={"scenes": FOLDER}, or '
                f'export {VARIABLE}=\'{{"scenes": "FOLDER"}}\''
            )
        self.scenes = find_scenes(scenes)
        """The MJCF files by the names of their rooms."""
        self._raised = float(eye_height) - CAMERA_HEIGHT
        self._seeds: dict[str, int] = {}
        self._grounds: dict[tuple[str, int], npt.NDArray[np.float64]] = {}
        self._arrangements: dict[tuple[str, int], npt.NDArray[np.float64]] = {}

    @property
    def rooms(self) -> tuple[str, ...]:
        """Names of the scenes: their files' names without `.xml` and `_physics`."""
        return tuple(self.scenes)

    def has_room(self, room: str) -> bool:
        """Return whether there is a scene of this name."""
        return room in self.scenes

    def spawn_seeds(self, room: str) -> int:
        """Return the number of spawn seeds of a scene: 1 if it has no portable objects."""
        self._check_room(room)
        if room not in self._seeds:
            with self._borrowed(room) as scene:
                scene.settle()
                self._seeds[room] = SEED_LIMIT if portables(scene) else 1
        return self._seeds[room]

    def _standing(self, name: str, seed: int) -> npt.NDArray[np.float64]:
        """Return the (n, 3) positions at which an agent can stand, found once for each spawn seed."""
        positions = self.arranged(name, seed)
        if (name, seed) not in self._grounds:
            with self._borrowed(name) as scene:
                scene.rest(positions)
                # They hold for the poses of the export only.
                exported = seed == 0 and scene.settled is not None
                named = scene.scene.facts.get("positions") if exported else None
                ground = standing_positions(scene, _map_of(scene.scene.path), named)
            heights = ground[:, 2] + AGENT_HEIGHT_Y + self._raised
            self._grounds[name, seed] = np.column_stack([ground[:, 0], heights, ground[:, 1]])
            _limit(self._grounds)
        return self._grounds[name, seed]

    def arranged(self, room: str, seed: int) -> npt.NDArray[np.float64]:
        """Return all positions of a scene, (nq,), at rest for a spawn seed.

        Raises:
            UnknownRoomError: There is no such scene.
            InvalidLocationError: There is no such seed.
            SceneError: The scene cannot be used.
        """
        self._check_room(room)
        if seed and seed >= self.spawn_seeds(room):
            raise InvalidLocationError(
                f"spawn seed {seed}: the scene {room!r} has no portable objects, so its only seed is 0"
            )
        if (room, seed) not in self._arrangements:
            with self._borrowed(room) as scene:
                self._arrangements[room, seed] = arrange(scene, seed)
            _limit(self._arrangements)
        return self._arrangements[room, seed]

    @contextlib.contextmanager
    def _borrowed(self, room: str) -> Iterator[CompiledScene]:
        """Provide a scene, and restore its positions afterwards."""
        scene = self.compiled(room)
        assert isinstance(scene, CompiledScene)
        before = scene.positions()
        try:
            yield scene
        finally:
            scene.rest(before)

    def _compile(self, name: str) -> CompiledRoom:
        return CompiledScene(read_scene(self.scenes[name]))

    def _place(self, name: str, seed: int) -> None:
        self.compiled(name).rest(self.arranged(name, seed))

    def _make_renderer(self, room: CompiledRoom) -> Renderer:
        return Renderer(room.model, self.shadows, self.quality, SEEN_GROUPS, closed=False)

    def _check_room(self, room: str) -> None:
        if room not in self.scenes:
            raise UnknownRoomError(f"there is no scene {room!r}; the scenes are {', '.join(self.scenes)}")


def _limit(kept: dict[tuple[str, int], npt.NDArray[np.float64]]) -> None:
    """Delete the oldest entries above the limit."""
    while len(kept) > _KEPT:
        del kept[next(iter(kept))]


def scene_options() -> dict[str, Any]:
    """Return the options in the environment variable `VARIABLE`; none if it is not set.

    Raises:
        InvalidOptionError: It is not such an object.
    """
    return machine_options(VARIABLE, ("scenes", "eye_height"), '{"scenes": "FOLDER"}')


def scenes_digest() -> str:
    """Return a digest of the scenes that `VARIABLE` names: eye height, and names and content of their files.

    These are all files below their folder, or those whose names begin like that of a single scene; hidden
    ones, and those elsewhere that a scene refers to, do not count.

    Raises:
        InvalidOptionError: It is not an object of these options.
        SceneError: There are no scenes.
    """
    options = scene_options()
    digest = hashlib.sha256(repr(options.get("eye_height")).encode())
    if "scenes" in options:
        find_scenes(options["scenes"])  # says what is wrong
        path = Path(options["scenes"])
        folder = path if path.is_dir() else path.parent
        found = folder.iterdir() if path.is_dir() else folder.glob(f"{glob.escape(path.stem)}*")
        digest.update(content_digest(folder, found))
    return digest.hexdigest()


def _map_of(path: Path) -> Path | None:
    """Return the map of free space of a scene, None if there is none."""
    file = path.with_name(f"{path.stem}_map.png")
    return file if file.exists() else None
