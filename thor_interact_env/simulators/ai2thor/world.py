"""A room of AI2-THOR with the agent in it: the actions of the player and their order."""

import contextlib
import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.errors import UnreachableLocationError
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.ai2thor.history import Touch
from thor_interact_env.simulators.ai2thor.options import PlayerOptions
from thor_interact_env.simulators.ai2thor.player import Player, said
from thor_interact_env.simulators.ai2thor.rest import broken, still
from thor_interact_env.simulators.ai2thor.views import View, fault_of_images, view_of
from thor_interact_env.simulators.mujoco.drawing.rendering import ray_lengths

if TYPE_CHECKING:
    from ai2thor.server import Event

ReachFrom = Literal["camera", "near_plane"]
"""Origin of the reach: the camera (the paper), or its near plane (AI2-THOR and the authors' code)."""

VISIBILITY_DISTANCE: Final = 10.0
"""Metres, horizontally, within which the player lets the agent interact (authors' code)."""

PLACEMENT_ATTEMPTS: Final = 5
"""Places that are tried for each object on each receptacle when a room is spawned (authors' code)."""

FRAME_STEPS: Final[tuple[float, ...]] = (0.01, *(0.05,) * 25)
"""Seconds of physics before each frame of a motion (authors' code)."""

PHYSICS_STEP: Final = 0.02
"""Seconds of one step of physics without recording: AI2-THOR's own, for which a force acts."""

LOOK_SECONDS: Final = 0.2
"""Seconds of physics between two checks for rest."""

TREMBLING_LOOKS: Final = 5
"""Consecutive checks without motion after which a room is at rest, even if AI2-THOR reports motion."""


class World:
    """The world of a player, set up as in the paper, except that physics never runs by itself.

    By default a player simulates as much time as has passed since its last answer. So physics is paused when
    a room is spawned, and time passes only when `World` advances it.

    Args:
        options: Options of the player.
        reach: Metres within which a touch acts.
        reach_from: Origin of the reach.
        settle_seconds: Maximum time in seconds of physics that is simulated after a spawn and after a touch
            until everything rests.

    Attributes:
        reach: Metres within which a touch acts.
        player: The player.
        clip_planes: Distances in metres of the camera's near and far plane, at the last event.
    """

    def __init__(
        self, options: PlayerOptions, reach: float, reach_from: ReachFrom, settle_seconds: float
    ) -> None:
        """Store the options; nothing is started."""
        self.reach = reach
        self.player = Player(options, max(VISIBILITY_DISTANCE, reach))
        self.clip_planes = (0.1, 20.0)
        self._reach_from = reach_from
        self._looks = math.ceil(settle_seconds / LOOK_SECONDS)
        self._spawn: tuple[str, int] | None = None  # what is loaded, if nothing was touched since

    def close(self) -> None:
        """Kill the player; never raises, and a second call does nothing."""
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
        event = self._stand(location)
        view = self._look(self._settle(event, broken(event)))
        for touch in touches:
            view = self.push(touch, view)[0] or view
        return view

    def prepare(self, room: str, seed: int) -> None:
        """Spawn a room, unless it is loaded and unchanged."""
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
        # Only here: a spawn needs physics at the new place of a body, which a pause turns off; and from the
        # next action on everything falls.
        self._done(self.player.step("PausePhysicsAutoSim"))
        event = self._done(self.player.step("MakeAllObjectsMoveable"))
        self._settle(event, broken(event))
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
        nearest = ""
        with contextlib.suppress(UnreachableLocationError):
            positions = self.positions()
            if len(positions):
                offsets = np.linalg.norm(positions - np.asarray(location.position), axis=1)
                place = tuple(round(float(value), 3) for value in positions[offsets.argmin()])
                nearest = f" The nearest position at which it can is {place}."
        raise UnreachableLocationError(
            f"The agent cannot stand at {location.position} in {location.scene}, says AI2-THOR ({reason})."
            + nearest
        )

    def positions(self) -> npt.NDArray[np.float64]:
        """Return the (n, 3) positions that the agent can reach from where it stands.

        Raises:
            UnreachableLocationError: AI2-THOR cannot list them, for this room and spawn.
        """
        event = self.player.step("GetReachablePositions")
        if not event:
            raise UnreachableLocationError(
                f"AI2-THOR cannot list where the agent can stand in this spawn ({_reason(event)})"
            )
        found = event.metadata["actionReturn"] or []
        return np.array([[place[axis] for axis in "xyz"] for place in found], np.float64).reshape(-1, 3)

    def in_reach(self, view: View) -> npt.NDArray[np.bool_]:
        """Return which pixels are in reach, (300, 300) bool."""
        return view.observation["depth"] - self.clip_planes[0] * ray_lengths() < self._hand_distance()

    def push(self, touch: Touch, before: View) -> tuple[View | None, list[npt.NDArray[np.uint8]]]:
        """Touch; return the view afterwards, or None if nothing can move, and the frames if recorded."""
        event = self.player.step("TouchThenApplyForce", **self._aim(touch))
        if not self._hit(event, before):
            return None, []
        self._spawn = None
        frames = []
        # The force acts for the first step of physics after the touch.
        for seconds in FRAME_STEPS if touch.filmed else ():
            event = self._advance(timeStep=seconds)
            frames.append(self._look(event).observation["rgb"])
        return self._look(self._settle(event, broken(before.event))), frames

    def _done(self, event: "Event") -> "Event":
        """Return the event of an action that must succeed.

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
        """Return AI2-THOR's distance of the hand for each pixel, from the near plane."""
        if self._reach_from == "near_plane":
            return np.full((IMAGE_SIZE, IMAGE_SIZE), self.reach)
        return np.maximum(self.reach - self.clip_planes[0] * ray_lengths(), 0.0)

    def _hit(self, event: "Event", before: View) -> bool:
        """Return whether a touch met a movable object."""
        answer = event.metadata["actionReturn"] if event else None
        return bool(answer and answer["didHandTouchSomething"] and answer["objectId"] in before.movable)

    def _settle(self, event: "Event", already: frozenset[str]) -> "Event":
        """Advance physics until everything rests, at least once, and return the last event.

        Before physics is advanced, "at rest" has no meaning: AI2-THOR then compares each speed with itself.

        Args:
            event: That of the last action.
            already: The objects that were broken before anything moved.
        """
        quiet = 0
        for _ in range(self._looks):
            before, event = event, self._advance(timeStep=PHYSICS_STEP, simSeconds=LOOK_SECONDS)
            # Pieces of broken objects are in the image but not in the metadata, so the full time is
            # simulated.
            quiet = quiet + 1 if still(before, event) and broken(event) == already else 0
            if quiet >= TREMBLING_LOOKS or (quiet and event.metadata["isSceneAtRest"]):
                break
        return event

    def _advance(self, **seconds: float) -> "Event":
        # Builds of 2020 end the pause by themselves when everything rests; without this they then refuse.
        return self._done(self.player.step("AdvancePhysicsStep", allowAutoSimulation=True, **seconds))

    def _look(self, event: "Event") -> View:
        fault = fault_of_images(event)
        if fault is not None:
            raise self.player.fault(fault)
        self.clip_planes = self.player.clip_planes
        return view_of(event, self.clip_planes)


def _reason(event: "Event") -> str:
    """Return in one line why an action was refused."""
    return said(event.metadata["errorMessage"])
