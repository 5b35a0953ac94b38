"""AI2-THOR behind the `Simulator` protocol: rooms, touches, ground truth, and restarts of the player."""

import functools
import math
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import REACH
from thor_interact_env.checks import check_reach, is_number
from thor_interact_env.errors import (
    InvalidOptionError,
    PlayerDiedError,
    PlayerProtocolError,
    PlayerStartError,
    PlayerTimeoutError,
    UnknownRoomError,
    UnreachableLocationError,
)
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.splits import ALL_ROOMS
from thor_interact_env.simulators.ai2thor.history import Touch, pack, unpack
from thor_interact_env.simulators.ai2thor.options import Platform, PlayerOptions, Quality
from thor_interact_env.simulators.ai2thor.player import require_ai2thor
from thor_interact_env.simulators.ai2thor.views import View, instances_of, same_images
from thor_interact_env.simulators.ai2thor.world import ReachFrom, World
from thor_interact_env.simulators.base import Instances, Observation

Returned = TypeVar("Returned")

FARTHEST: Final = 20.0
"""Limit in metres of an unlimited reach: the camera's far plane."""

_FAILURES: Final = (PlayerDiedError, PlayerTimeoutError, PlayerProtocolError)


class Ai2thorSimulator:
    """AI2-THOR's rooms, through its own client and Unity player: see `Simulator` for the protocol.

    A room is set up as in the paper: Reset, InitialRandomSpawn with the location's seed, visible places and
    five attempts, MakeAllObjectsMoveable, TeleportFull. Unlike the paper, it is then given time to come to
    rest, before the first view and after each touch, and physics never runs by itself.

    A player that ends, does not answer or sends invalid data is killed and started again, the location is
    loaded, the touches so far are repeated, and a `RuntimeWarning` is issued. That restores the episode as
    precisely as Unity's physics is repeatable, not bit for bit; if objects get other names there is another
    warning.

    Args:
        reach: Metres within which a touch acts; infinity becomes 20 m, AI2-THOR's far plane.
        reach_from: Origin of `reach`: "camera" (the paper), or "near_plane" as in AI2-THOR and the
            authors' code: 0.1 m farther in the middle of the image, 0.17 m in a corner.
        settle_seconds: Maximum time in seconds of physics that is simulated after a spawn and after a touch
            until the whole room is at rest.
        local_executable_path: A player to start instead of a downloaded build; words after it are arguments.
        platform: The build to download; see `PlayerOptions`.
        commit_id: Commit of AI2-THOR whose build is taken. None: that of the installed client.
        gpu_device: GPU on which CloudRendering draws; see `PlayerOptions`.
        x_display: X display, such as ":0". None: DISPLAY.
        quality: One of AI2-THOR's quality settings; see `PlayerOptions`.
        start_timeout: Seconds from the start of the player until the first room is ready.
        step_timeout: Seconds for each action.
        restarts: Maximum number of restarts of a failing player within an episode.

    Attributes:
        arguments: What it was made with, by name: `type(self)(**arguments)` is another one like it.
        world: The rooms as the player shows them; what is done to it directly, the simulator does not notice.

    Raises:
        InvalidOptionError: An argument is not allowed.
        DependencyNotInstalled: ai2thor is not installed.
    """

    deterministic = False

    def __init__(
        self,
        reach: float = REACH,
        reach_from: ReachFrom = "camera",
        settle_seconds: float = 10.0,
        local_executable_path: str | os.PathLike[str] | None = None,
        platform: Platform | None = None,
        commit_id: str | None = None,
        gpu_device: int | None = None,
        x_display: str | None = None,
        quality: Quality = "Ultra",
        start_timeout: float = 300.0,
        step_timeout: float = 100.0,
        restarts: int = 3,
    ) -> None:
        """Check the options; the player is started by the first `load`."""
        check_reach(reach)
        if reach_from not in ("camera", "near_plane"):
            raise InvalidOptionError(f"reach_from {reach_from!r} is not one of 'camera', 'near_plane'")
        if not is_number(settle_seconds) or not 0 < settle_seconds < math.inf:
            raise InvalidOptionError(
                f"settle_seconds {settle_seconds!r} is not a positive finite number of seconds"
            )
        options = PlayerOptions(
            local_executable_path=local_executable_path,
            platform=platform,
            commit_id=commit_id,
            gpu_device=gpu_device,
            x_display=x_display,
            quality=quality,
            start_timeout=start_timeout,
            step_timeout=step_timeout,
            restarts=restarts,
        )
        require_ai2thor()
        own = {"reach": reach, "reach_from": reach_from, "settle_seconds": settle_seconds}
        self.arguments = own | asdict(options)
        self.reach = min(float(reach), FARTHEST)
        self.reach_from = reach_from
        self._restarts = restarts
        self._failures = 0  # within this episode
        self.world = World(options, self.reach, reach_from, settle_seconds)
        self._positions: tuple[tuple[str, int], npt.NDArray[np.float64]] | None = None
        self._location: Location | None = None
        self._touches: list[Touch] = []
        self._view: View | None = None

    def __reduce__(self) -> tuple[Callable[[], "Ai2thorSimulator"], tuple[()]]:
        """Pickle the arguments: a copy starts its own player, and has no location loaded.

        A subclass with other arguments must override this.
        """
        return functools.partial(type(self), **self.arguments), ()

    @property
    def rooms(self) -> tuple[str, ...]:
        """Names of iTHOR's 120 rooms."""
        return ALL_ROOMS

    def has_room(self, room: str) -> bool:
        """Return whether the name is one of iTHOR's 120."""
        return room in ALL_ROOMS

    def reachable_positions(self, room: str, seed: int) -> npt.NDArray[np.float64]:
        """Return the (n, 3) positions at which an agent can stand; see `Simulator`.

        If AI2-THOR cannot list them the result is (0, 3), and a `RuntimeWarning` states the reason: draw
        another spawn, as `LocationSampler` does.

        If this is another room or spawn than the loaded one, or something was touched in it, the location is
        unloaded: call `load` before the next touch.

        Raises:
            UnknownRoomError: There is no such room.
            PlayerError: The player failed more often than `restarts` allows.
        """
        self._check_room(room)
        spawn = (room, int(seed))
        if self._positions is None or self._positions[0] != spawn:
            if (
                self._location is None
                or (self._location.scene, self._location.seed) != spawn
                or self._touches
            ):
                self._leave()

            def ask() -> npt.NDArray[np.float64]:
                if not self.world.player.running:  # a new player has nobody at the loaded location
                    self._location = self._view = None
                self.world.prepare(*spawn)
                return self.world.positions()

            try:
                self._positions = (spawn, self._insist(ask))
            except UnreachableLocationError as error:
                warnings.warn(
                    f"{error}; {room} with seed {seed} counts as having no such place.",
                    RuntimeWarning,
                    stacklevel=2,
                )
                return np.zeros((0, 3))
        return self._positions[1].copy()

    def load(self, location: Location) -> Observation:
        """Spawn a room, put the agent into it and return what it sees; see `Simulator`.

        Raises:
            UnknownRoomError: There is no such room.
            UnreachableLocationError: The agent cannot stand at this position.
            PlayerError: The player failed more often than `restarts` allows.
        """
        if self._location == location and not self._touches and self._view is not None:
            return self._view.observation
        self._check_room(location.scene)
        self._leave()
        return self._enter(location, ())

    def touch(self, row: int, column: int, force: float, direction: npt.NDArray[np.float64]) -> Observation:
        """Apply a force at a pixel; see `Simulator`.

        The player gets the centre of the pixel, (column + 1/2) / 300 from the left and (row + 1/2) / 300 from
        the top. For the middle pixel of a grid cell that is the authors' cell / 100 + 1/200. The force acts
        for one physics step of 0.02 s at the object's centre of mass; the direction is not normalised. Then
        physics is advanced until everything rests, for at most `settle_seconds`.

        Raises:
            RuntimeError: No location is loaded.
            PlayerError: The player failed more often than `restarts` allows.
        """
        return self._touch(Touch.of(row, column, force, direction, filmed=False))[0]

    def touch_with_frames(
        self, row: int, column: int, force: float, direction: npt.NDArray[np.float64]
    ) -> tuple[Observation, npt.NDArray[np.uint8]]:
        """Touch as `touch` does, and record the motion (paper appendix D).

        Physics is advanced by 0.01 s and then 25 times by 0.05 s. The force acts for the first of these
        steps, so its impulse is half that of `touch`.

        Args:
            row: Pixel row, 0..299.
            column: Pixel column, 0..299.
            force: Newtons.
            direction: (3,) right, up and forward of the agent (yaw only), not normalised.

        Returns:
            The view once the room has come to rest, and (26, 300, 300, 3) uint8 RGB frames; (0, 300, 300, 3)
            where nothing can move.

        Raises:
            RuntimeError: No location is loaded.
            PlayerError: The player failed more often than `restarts` allows.
        """
        observation, frames = self._touch(Touch.of(row, column, force, direction, filmed=True))
        return observation, np.array(frames, np.uint8).reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 3)

    def instances(self) -> Instances:
        """Return the movable objects with at least 10 visible pixels in reach; see `Simulator`."""
        view = self._loaded()[1]
        return self._read(lambda: instances_of(view, self.world.in_reach(view)))

    def get_state(self) -> npt.NDArray[np.float64]:
        """Return the location and the touches so far that moved something, as one vector.

        It restores what Unity's physics can repeat: the objects end up about where they were, not exactly.
        """
        location, _ = self._loaded()
        return pack(location, self._touches)

    def set_state(self, state: npt.NDArray[np.float64]) -> Observation:
        """Load the state's location, repeat its touches and return the view; see `get_state`.

        Raises:
            InvalidStateError: The vector does not belong to the loaded room and spawn.
            PlayerError: The player failed more often than `restarts` allows.
        """
        loaded, view = self._loaded()
        location, touches = unpack(state, loaded)
        if location == loaded and touches == self._touches:
            return view.observation
        self._leave()
        return self._enter(location, touches)

    def close(self) -> None:
        """Kill the player; never raises, and a second call does nothing."""
        self._leave()
        self._positions = None
        self.world.close()

    # --- the episode, across restarts of the player

    def _leave(self) -> None:
        self._location, self._touches, self._view, self._failures = None, [], None, 0

    def _enter(self, location: Location, touches: Sequence[Touch]) -> Observation:
        view = self._insist(lambda: self.world.play(location, touches))
        self._location, self._touches, self._view = location, list(touches), view
        return view.observation

    def _loaded(self) -> tuple[Location, View]:
        if self._location is None or self._view is None:
            raise RuntimeError("No location is loaded: call load(location) first.")
        return self._location, self._view

    def _touch(self, touch: Touch) -> tuple[Observation, list[npt.NDArray[np.uint8]]]:
        location, _ = self._loaded()
        touches = tuple(self._touches)

        def push() -> tuple[View | None, list[npt.NDArray[np.uint8]]]:
            if not self.world.player.running:  # it failed, just now or in an earlier call that gave up
                self._restore(location, touches)
            return self.world.push(touch, self._loaded()[1])

        after, frames = self._insist(push)
        if after is None:
            return self._loaded()[1].observation, []
        self._touches.append(touch)
        self._view = after
        return after.observation, frames

    def _restore(self, location: Location, touches: Sequence[Touch]) -> None:
        """Restore the episode in a new player; from then on its images and names are used.

        Raises:
            PlayerError: It failed, or the agent cannot stand where it stood.
        """
        _, lost = self._loaded()
        try:
            view = self.world.play(location, touches)
        except UnreachableLocationError as error:
            # It stood there before; from anywhere else the touch would be another one.
            raise self.world.player.fault(f"could not be put back where it was ({error})") from error
        if renamed := sorted(lost.movable.keys() - view.movable.keys()):
            warnings.warn(
                f"AI2-THOR's new player has not restored {location.scene} with seed {location.seed} exactly: "
                f"{len(renamed)} of {len(lost.movable)} objects, such as {renamed[0]}, have other "
                "identifiers; the episode continues with the new state.",
                RuntimeWarning,
                stacklevel=7,
            )
        # Views are compared by identity, so an equal view must stay the same object.
        self._view = View(lost.observation, view.event) if same_images(lost, view) else view

    def _insist(self, attempt: Callable[[], Returned]) -> Returned:
        """Make an attempt; if the player fails, try again with a new player, up to the limit."""
        while True:
            try:
                return self._read(attempt)
            except (UnknownRoomError, UnreachableLocationError):
                raise
            except BaseException as error:  # an interruption may leave physics paused
                self.world.close()
                # Without a failure before it, a start that fails would only fail again.
                failures = (*_FAILURES, PlayerStartError) if self._failures else _FAILURES
                if not isinstance(error, failures):
                    raise
                self._failures += 1
                if self._failures > self._restarts:
                    raise
                message = (
                    f"{error} It is started again ({self._failures} of at most {self._restarts} times in "
                    "this episode), and the location and its touches are repeated."
                )
            warnings.warn(message, RuntimeWarning, stacklevel=4)

    def _read(self, attempt: Callable[[], Returned]) -> Returned:
        """Make an attempt; unusable metadata count as a failure of the player."""
        try:
            return attempt()
        except (KeyError, TypeError) as error:
            raise self.world.player.fault(f"sent metadata that cannot be used ({error!r})") from error

    def _check_room(self, room: str) -> None:
        if not self.has_room(room):
            raise UnknownRoomError(
                f"AI2-THOR has no room {room!r}; it has FloorPlan1-30, 201-230, 301-330 and 401-430"
            )
