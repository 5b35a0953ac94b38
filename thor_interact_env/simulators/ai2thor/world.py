"""A room of AI2-THOR with the agent in it: which actions the player is told, and in which order."""

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from thor_interact_env.actions import IMAGE_SIZE
from thor_interact_env.errors import UnreachableLocationError
from thor_interact_env.locations import Location
from thor_interact_env.simulators.ai2thor.history import Touch
from thor_interact_env.simulators.ai2thor.options import PlayerOptions
from thor_interact_env.simulators.ai2thor.player import Player
from thor_interact_env.simulators.ai2thor.views import View, fault_of_pictures, view_of
from thor_interact_env.simulators.mujoco.rendering import ray_lengths

if TYPE_CHECKING:
    from ai2thor.server import Event

ReachFrom = Literal["camera", "near_plane"]
"""From where the reach counts: the camera (the paper), or its near plane (AI2-THOR and the authors' code)."""

VISIBILITY_DISTANCE: Final = 10.0
"""Metres, horizontally, within which the player lets the agent interact (authors' code)."""

PLACEMENT_ATTEMPTS: Final = 5
"""Places that are tried for each object on each receptacle when a room is spawned (authors' code)."""

FRAME_STEPS: Final[tuple[float, ...]] = (0.01, *(0.05,) * 25)
"""Seconds of physics before each frame of a motion (authors' code)."""

_SETTLE_STEP: Final = 0.05  # seconds, the most that AI2-THOR simulates in one action


class World:
    """What a player shows, set up as the paper did it.

    Args:
        options: How the player is started.
        reach: Metres that a hand reaches.
        reach_from: From where they count.
        settle_seconds: Greatest time in seconds of physics that is simulated until everything rests.

    Attributes:
        reach: Metres that a hand reaches.
        player: The player.
        clip_planes: Distances in metres of the camera's near and far plane, at the last look.
    """

    def __init__(
        self, options: PlayerOptions, reach: float, reach_from: ReachFrom, settle_seconds: float
    ) -> None:
        """Store the options; nothing is started."""
        self.reach = reach
        self.player = Player(options, max(VISIBILITY_DISTANCE, reach))
        self.clip_planes = (0.1, 20.0)
        self._reach_from = reach_from
        self._settle_steps = math.ceil(settle_seconds / _SETTLE_STEP)
        self._spawn: tuple[str, int] | None = None  # what is loaded, if nothing was touched since

    def close(self) -> None:
        """Kill the player; never raises, and closing twice is harmless."""
        self._spawn = None
        self.player.close()

    def play(self, location: Location, touches: Sequence[Touch]) -> View:
        """Load a location, repeat touches, and return the view.

        Raises:
            UnreachableLocationError: The agent cannot stand at this position.
            UnknownRoomError: This build has no such room.
            PlayerError: The player failed.
        """
        self.prepare(location.scene, location.seed)
        view = self._look(self._stand(location))
        for touch in touches:
            view = self.push(touch, view)[0] or view
        return view

    def prepare(self, room: str, seed: int) -> None:
        """Spawn a room, unless it is just as spawned."""
        if self._spawn == (room, seed) and self.player.running:
            return
        self._spawn = None
        self.player.reset(room)
        event = self.player.step(
            "InitialRandomSpawn",
            randomSeed=seed,
            forceVisible=True,
            numPlacementAttempts=PLACEMENT_ATTEMPTS,
        )
        if not event:
            reason = _reason(event)
            warnings.warn(
                f"AI2-THOR did not spawn {room} with seed {seed} ({reason}); the room is used as it is.",
                RuntimeWarning,
                stacklevel=2,
            )
        self._settle(self._done(self.player.step("MakeAllObjectsMoveable")))
        self._spawn = (room, seed)

    def _stand(self, location: Location) -> "Event":
        x, y, z = location.position
        event = self.player.step(
            "TeleportFull",
            x=x,
            y=y,
            z=z,
            rotation={"x": 0.0, "y": location.rotation, "z": 0.0},
            horizon=location.horizon,
            standing=True,
        )
        if event:
            return event
        reason = _reason(event)
        positions = self.positions()
        nearest = ""
        if len(positions):
            offsets = np.linalg.norm(positions - np.asarray(location.position), axis=1)
            place = tuple(round(float(value), 3) for value in positions[offsets.argmin()])
            nearest = f" The nearest position at which it can is {place}."
        raise UnreachableLocationError(
            f"The agent cannot stand at {location.position} in {location.scene}, says AI2-THOR ({reason})."
            + nearest
        )

    def positions(self) -> npt.NDArray[np.float64]:
        """Return the (n, 3) positions that the agent can reach from where it stands."""
        event = self._done(self.player.step("GetReachablePositions"))
        found = event.metadata["actionReturn"] or []
        return np.array([[place[axis] for axis in "xyz"] for place in found], np.float64).reshape(-1, 3)

    def in_reach(self, view: View) -> npt.NDArray[np.bool_]:
        """Return which pixels the hand reaches, (300, 300) bool."""
        return view.observation["depth"] - self.clip_planes[0] * ray_lengths() < self._hand_distance()

    def push(self, touch: Touch, before: View) -> tuple[View | None, list[npt.NDArray[np.uint8]]]:
        """Touch; return the view afterwards, or None if nothing can move, and the frames if it is filmed."""
        if not touch.filmed:
            event = self.player.step("TouchThenApplyForce", **self._aim(touch))
            if not self._hit(event, before):
                return None, []
            self._spawn = None
            return self._look(self._settle(event)), []
        frames = []
        with self._paused():
            event = self.player.step("TouchThenApplyForce", **self._aim(touch))
            if not self._hit(event, before):
                return None, []
            self._spawn = None
            for number, seconds in enumerate(FRAME_STEPS):
                event = self._advance(seconds)
                if not number:  # later ones fail where the pause has ended by itself
                    self._done(event)
                frames.append(self._look(event).observation["rgb"])
            event = self._come_to_rest(event)
        return self._look(event), frames

    def _done(self, event: "Event") -> "Event":
        """Return the event of an action that has to succeed.

        Raises:
            PlayerProtocolError: It did not.
        """
        if not event:
            action, reason = event.metadata["lastAction"], _reason(event)
            raise self.player.fault(f"refused {action} ({reason})")
        return event

    def _aim(self, touch: Touch) -> dict[str, Any]:
        right, up, forward = touch.direction
        return {
            "x": (touch.column + 0.5) / IMAGE_SIZE,
            "y": (touch.row + 0.5) / IMAGE_SIZE,
            "direction": {"x": right, "y": up, "z": forward},
            "moveMagnitude": touch.force,
            "handDistance": float(self._hand_distance()[touch.row, touch.column]),
        }

    def _hand_distance(self) -> npt.NDArray[np.float64]:
        """Return what AI2-THOR calls the distance of the hand, for each pixel: from the near plane."""
        if self._reach_from == "near_plane":
            return np.full((IMAGE_SIZE, IMAGE_SIZE), self.reach)
        return np.maximum(self.reach - self.clip_planes[0] * ray_lengths(), 0.0)

    def _hit(self, event: "Event", before: View) -> bool:
        """Return whether a touch met something that can move; a hand that ends in the air is no success."""
        answer = event.metadata["actionReturn"] if event else None
        return bool(answer and answer["didHandTouchSomething"] and answer["objectId"] in before.movable)

    def _settle(self, event: "Event") -> "Event":
        """Advance physics until everything rests, if it does not, and return the last event."""
        if event.metadata["isSceneAtRest"] or not self._settle_steps:
            return event
        with self._paused():
            return self._come_to_rest(event)

    def _come_to_rest(self, event: "Event") -> "Event":
        for _ in range(self._settle_steps):
            if event.metadata["isSceneAtRest"]:
                break
            event = self._advance(_SETTLE_STEP)
        return event

    def _advance(self, seconds: float) -> "Event":
        # AI2-THOR ends the pause by itself when everything rests.
        return self.player.step("AdvancePhysicsStep", timeStep=seconds, allowAutoSimulation=True)

    @contextmanager
    def _paused(self) -> Iterator[None]:
        self._done(self.player.step("PausePhysicsAutoSim"))
        yield
        self.player.step("UnpausePhysicsAutoSim")

    def _look(self, event: "Event") -> View:
        fault = fault_of_pictures(event)
        if fault is not None:
            raise self.player.fault(fault)
        self.clip_planes = self.player.clip_planes
        return view_of(event, self.clip_planes)


def _reason(event: "Event") -> str:
    """Return in one line why an action was refused."""
    return " ".join(str(event.metadata["errorMessage"]).split())
