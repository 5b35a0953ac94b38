"""The embedded simulator behind the `Simulator` protocol: coordinates, camera, images, caching."""

import os
from collections import OrderedDict
from dataclasses import dataclass

import mujoco
import numpy as np
import numpy.typing as npt

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import AGENT_HEIGHT_Y, REACH
from thor_interact_env.checks import check_reach, is_integer
from thor_interact_env.errors import (
    InvalidOptionError,
    InvalidStateError,
    UnknownRoomError,
    UnreachableLocationError,
)
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.splits import ALL_ROOMS, room_type
from thor_interact_env.simulators.base import MAX_FRAMES, Instances, Observation
from thor_interact_env.simulators.mujoco.drawing.rendering import Quality, Renderer, check_quality
from thor_interact_env.simulators.mujoco.physics import CAMERA, CompiledRoom
from thor_interact_env.simulators.mujoco.rooms.plan import Pose, plan_room, reachable, spawn
from thor_interact_env.simulators.mujoco.touching import TouchAt, Viewpoint, touch
from thor_interact_env.simulators.own_objects.elsewhere import object_entries
from thor_interact_env.simulators.own_objects.rooms import with_objects

MINIMUM_VISIBLE_PIXELS = 10
"""Minimum pixels in reach of an object of the ground truth (paper appendix D)."""

MAXIMUM_MASS = 150.0
"""Mass in kilograms from which an object does not count as movable."""


@dataclass
class _Cached:
    room: CompiledRoom
    renderer: Renderer | None = None


class MujocoSimulator:
    """Rooms in MuJoCo, rendered on the CPU: see `Simulator` for the protocol.

    Args:
        reach: Metres from the camera within which a touch acts.
        touch_at: Where a force acts: the touched point (the paper) or the object's centre of mass (AI2-THOR).
        shadows: Whether the ceiling light casts shadows.
        room_cache: Number of compiled rooms that are kept in addition to the loaded one, each with a
            renderer; about 21 MB each. The attribute of that name can be changed at any time.
        quality: "fast", or "fine" for illustrations: smooth edges and sharp shadows at several times
            the cost. It changes the images, so a learner should use one quality throughout.
        objects: Folder of objects that are added to the rooms (docs/objects.md), or "Elsewhere": those of
            the evaluation set Elsewhere/test. None adds none.
        objects_per_room: Maximum number of objects of the folder in a room; of a larger folder each
            room draws as many.

    Raises:
        InvalidOptionError: An option has the wrong type or is outside its range.
        ObjectError: The table of the folder cannot be used.
        DependencyNotInstalled: The packages of "Elsewhere" are not installed.
    """

    deterministic = True

    def __init__(
        self,
        reach: float = REACH,
        touch_at: TouchAt = "point",
        shadows: bool = True,
        room_cache: int = 4,
        quality: Quality = "fast",
        objects: str | os.PathLike[str] | None = None,
        objects_per_room: int = 20,
    ) -> None:
        """Store the options; nothing is compiled or rendered before the first `load`."""
        check_reach(reach)
        check_quality(quality)
        if touch_at not in ("point", "center_of_mass"):
            raise InvalidOptionError(f"touch_at is {touch_at!r}; choose 'point' or 'center_of_mass'.")
        for name, value in (("room_cache", room_cache), ("objects_per_room", objects_per_room)):
            if not is_integer(value):
                raise InvalidOptionError(f"{name} is {value!r}; it must be an integer")
        if objects is not None and not isinstance(objects, str | os.PathLike):
            raise InvalidOptionError(f"objects is {objects!r}; it must be the path of a folder, or None")
        self.reach = float(reach)
        self.touch_at = touch_at
        self.shadows = shadows
        self.quality = quality
        self.room_cache = max(1, int(room_cache))
        if objects_per_room < 1:
            raise InvalidOptionError(f"objects_per_room is {objects_per_room}; it must be at least 1")
        self._objects_per_room = int(objects_per_room)
        self.added_objects = objects
        """The option `objects`."""
        self._objects = () if objects is None else object_entries(objects)
        self._cache: OrderedDict[str, _Cached] = OrderedDict()
        self.room = ""
        """Name of the loaded room, "" before the first `load`."""
        self._spawn: tuple[str, int] | None = None
        self._settled = np.zeros(0)
        self._plan: tuple[str, int, list[Pose | None]] = ("", 0, [])
        self._positions: tuple[str, int, npt.NDArray[np.float64]] = ("", 0, np.zeros((0, 3)))
        self._viewpoint: Viewpoint | None = None
        self._observation: Observation | None = None
        # The pose of the current view, as long as nothing has moved since.
        self._untouched: Location | None = None

    @property
    def rooms(self) -> tuple[str, ...]:
        """Names of the rooms that stand for iTHOR's 120; `Procedural0`, `Procedural1`, ... exist as well."""
        return ALL_ROOMS

    def has_room(self, room: str) -> bool:
        """Return whether the name is one of iTHOR's 120 or `Procedural` and a number from 0."""
        try:
            room_type(room)
        except UnknownRoomError:
            return False
        return True

    def reachable_positions(self, room: str, seed: int) -> npt.NDArray[np.float64]:
        """Return the (n, 3) positions at which an agent can stand; see `Simulator`."""
        self._check_room(room)
        return self._standing(room, seed).copy()

    def load(self, location: Location) -> Observation:
        """Spawn a room, place the agent and return its view; see `Simulator`."""
        if self._untouched == location and self._observation is not None:
            return self._observation
        self._untouched = None  # until the view is complete: the call may be interrupted
        self._check_room(location.scene)
        self.check_position(location)
        room = self.compiled(location.scene)
        if self._spawn != (location.scene, location.seed):
            self._place(location.scene, location.seed)
            self._spawn, self._settled = (location.scene, location.seed), room.positions()
        self.room = location.scene
        self._viewpoint = Viewpoint.at(location)
        self._aim(self._settled)
        seen = self._look()
        self._untouched = location
        return seen

    def touch(self, row: int, column: int, force: float, direction: npt.NDArray[np.float64]) -> Observation:
        """Apply a force at a pixel; see `Simulator`. The direction is normalised."""
        return self._look() if self._push(row, column, force, direction) else self._loaded()[2]

    def touch_with_frames(
        self, row: int, column: int, force: float, direction: npt.NDArray[np.float64]
    ) -> tuple[Observation, npt.NDArray[np.uint8]]:
        """Apply a force at a pixel and record the motion; see `Simulator`."""
        motion = self._push(row, column, force, direction)
        frames = np.zeros((len(motion[:MAX_FRAMES]), IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
        if not motion:
            return self._loaded()[2], frames
        room = self.compiled(self.room)
        final = room.positions()
        for frame, positions in zip(frames, motion, strict=False):
            room.rest(positions)
            frame[:] = self.renderer.rgb(room.data, CAMERA)
        room.rest(final)
        return self._look(), frames

    def _push(
        self, row: int, column: int, force: float, direction: npt.NDArray[np.float64]
    ) -> list[npt.NDArray[np.float64]]:
        """Apply a force at a pixel; return the motion it caused, empty if nothing moved."""
        room, viewpoint, _ = self._loaded()
        untouched, self._untouched = self._untouched, None  # the call may be interrupted
        motion = touch(room, viewpoint, (row, column), force, direction, self.reach, self.touch_at)
        self._untouched = None if motion else untouched
        return motion

    def instances(self) -> Instances:
        """Return the movable objects with at least 10 visible pixels in reach; see `Simulator`."""
        room, _, seen = self._loaded()
        geoms = self.renderer.geoms(room.data, CAMERA)
        owner = np.full(room.model.ngeom + 1, -1)
        for geom in range(room.model.ngeom):
            index = room.movable_of_geom(geom)
            owner[geom] = -1 if index is None else index
        owners = owner[geoms]
        near = seen["depth"] < self.reach
        found = [
            index
            for index in np.unique(owners[owners >= 0])
            if room.movables[index].mass < MAXIMUM_MASS
            and (near & (owners == index)).sum() >= MINIMUM_VISIBLE_PIXELS
        ]
        return Instances(
            masks=np.array([owners == index for index in found], bool).reshape(-1, IMAGE_SIZE, IMAGE_SIZE),
            masses=np.array([room.movables[index].mass for index in found], np.float64),
            types=tuple(room.movables[index].type for index in found),
            ids=tuple(room.movables[index].id for index in found),
        )

    def get_state(self) -> npt.NDArray[np.float64]:
        """Return camera pose (18 numbers) and all positions, the whole state of a room at rest."""
        room, viewpoint, _ = self._loaded()
        where = (viewpoint.eye, viewpoint.axes.ravel(), viewpoint.right, viewpoint.forward)
        parts = (*where, room.positions())
        return np.concatenate(parts)

    def set_state(self, state: npt.NDArray[np.float64]) -> Observation:
        """Restore a state of the loaded room, bit for bit; see `Simulator`."""
        room, _, _ = self._loaded()
        expected = (18 + room.model.nq,)
        if state.shape != expected or not np.isfinite(state).all():
            raise InvalidStateError(
                f"A state of {self.room} is {expected} finite numbers, not {state.shape}; load the location "
                "the state was taken at first."
            )
        eye, axes, right, forward = (part.copy() for part in np.split(state[:18], (3, 12, 15)))
        self._viewpoint = Viewpoint(eye, axes.reshape(3, 3), right, forward)
        self._untouched = None
        self._aim(state[18:])
        return self._look()

    def compiled(self, name: str) -> CompiledRoom:
        """Return a room as MuJoCo has it, compiled if need be.

        What is done to the loaded one directly is seen in the next picture that is taken.

        Args:
            name: Name of the room.

        Raises:
            UnknownRoomError: There is no such room.
        """
        return self._cached(name).room

    @property
    def renderer(self) -> Renderer:
        """What draws the loaded room."""
        cached = self._cached(self.room)
        if cached.renderer is None:
            cached.renderer = self._make_renderer(cached.room)
        return cached.renderer

    def check_position(self, location: Location) -> None:
        """Refuse a location at which the agent cannot stand.

        Raises:
            UnknownRoomError: There is no such room.
            UnreachableLocationError: Furniture or a wall is in the way.
        """
        positions = self.reachable_positions(location.scene, location.seed)
        if len(positions) == 0:
            raise UnreachableLocationError(f"The agent can stand nowhere in {location.scene}.")
        offsets = np.abs(positions - np.asarray(location.position))
        if offsets.max(axis=1).min() > 0.13:
            level = offsets[:, (0, 2)].max(axis=1)
            nearest = tuple(round(float(value), 3) for value in positions[level.argmin()])
            if level.min() <= 0.13:
                raise UnreachableLocationError(
                    f"The agent cannot stand at {location.position} in {location.scene}: there, y is "
                    f"{nearest[1]}, the height of its body."
                )
            raise UnreachableLocationError(
                f"The agent cannot stand at {location.position} in {location.scene}: furniture or a wall "
                f"is in the way. The nearest position on the 0.25 m grid where it can is {nearest}."
            )

    @property
    def viewpoint(self) -> Viewpoint:
        """Where the agent looks from.

        Raises:
            RuntimeError: No location is loaded.
        """
        return self._loaded()[1]

    def close(self) -> None:
        """Release renderers and rooms; a second call does nothing."""
        for name in list(self._cache):
            self._drop(name)
        self._spawn = self._viewpoint = self._observation = self._untouched = None

    def _drop(self, name: str) -> None:
        cached = self._cache.pop(name)
        if cached.renderer is not None:
            cached.renderer.close()

    def _cached(self, name: str) -> _Cached:
        if name not in self._cache:
            others = [kept for kept in self._cache if kept != self.room]
            for old in others[: max(0, len(others) + 1 - self.room_cache)]:
                self._drop(old)
            self._cache[name] = _Cached(self._compile(name))
        self._cache.move_to_end(name)
        return self._cache[name]

    def _compile(self, name: str) -> CompiledRoom:
        plan = plan_room(name)
        if self._objects:
            plan = with_objects(plan, self._objects, self._objects_per_room)
        return CompiledRoom(plan)

    def _make_renderer(self, room: CompiledRoom) -> Renderer:
        return Renderer(room.model, self.shadows, self.quality)

    def _place(self, name: str, seed: int) -> None:
        """Place all objects of a room as the spawn seed determines, at rest."""
        self.compiled(name).spawn(self._planned(name, seed))

    def _planned(self, name: str, seed: int) -> list[Pose | None]:
        """Return the poses of the portables for the spawn seed, before they settle."""
        if self._plan[:2] != (name, seed):
            self._plan = (name, seed, spawn(self.compiled(name).plan, seed))
        return self._plan[2]

    def _standing(self, name: str, seed: int) -> npt.NDArray[np.float64]:
        """Return the (n, 3) positions at which an agent can stand, found once for each spawn."""
        if self._positions[:2] != (name, seed):
            ground = reachable(self.compiled(name).plan, self._planned(name, seed))
            found = np.column_stack([ground[:, 0], np.full(len(ground), AGENT_HEIGHT_Y), ground[:, 1]])
            self._positions = (name, seed, found)
        return self._positions[2]

    def _loaded(self) -> tuple[CompiledRoom, Viewpoint, Observation]:
        if self._viewpoint is None or self._observation is None:
            raise RuntimeError("No location is loaded: call load(location) first.")
        return self.compiled(self.room), self._viewpoint, self._observation

    def _aim(self, positions: npt.NDArray[np.float64]) -> None:
        """Point the camera and put everything at rest at `positions`."""
        room = self.compiled(self.room)
        viewpoint = self._viewpoint
        assert viewpoint is not None
        camera = room.model.camera(CAMERA).id
        room.model.cam_pos[camera] = viewpoint.eye
        mujoco.mju_mat2Quat(room.model.cam_quat[camera], viewpoint.axes.ravel())
        # While all bodies sleep, MuJoCo updates fixed objects, including the camera, only after a reset.
        room.rest(positions)

    def _look(self) -> Observation:
        room = self.compiled(self.room)
        rgb, depth = self.renderer.view(room.data, CAMERA)
        rgb.flags.writeable = depth.flags.writeable = False
        self._observation = Observation(rgb=rgb, depth=depth)
        return self._observation

    def _check_room(self, room: str) -> None:
        room_type(room)  # Raises for unknown names.
