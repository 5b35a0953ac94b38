"""One room in which somebody touches: the touches so far, undo, the score, and the recording."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from gymnasium.error import ResetNeeded

from thor_interact_env.actions import REACH, check_action
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.errors import ThorInteractError
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.play.outcome import Outcome, outcome_of
from thor_interact_env.recording import Recording, digest
from thor_interact_env.simulators.base import Instances, Observation

MAX_TOUCHES: Final = 100
"""Maximum number of touches of an episode; each that moves something keeps 0.6 MB, for undo."""

ROUND: Final = 10
"""Touches that count for the score."""

REACHABLE_FRACTION: Final = 0.2
"""Minimum fraction of a first view in reach, as by default in the environment."""


class PlayError(ThorInteractError):
    """What was asked for is not possible now: nothing can be undone, or the episode is full."""


@dataclass(frozen=True, eq=False)
class Touch:
    """One touch and its result.

    Attributes:
        action: Row, column, force index, direction index.
        outcome: Its outcome.
        object_type: Type of the movable object at the touched point, or None.
        object_id: Its identifier in the room, or None.
        mask: (100, 100) bool, the moved object.
        changed: (100, 100) bool, changed cells.
        sha256: Digest of the step's result, and of the same result as the last of an episode.
        before: State of the environment before the touch.
    """

    action: tuple[int, int, int, int]
    outcome: Outcome
    object_type: str | None
    object_id: str | None
    mask: npt.NDArray[np.bool_]
    changed: npt.NDArray[np.bool_]
    sha256: tuple[str, str]
    before: dict[str, npt.NDArray[Any]]


class PlayedRoom:
    """A room with one agent or person in it, and everything they have touched.

    Use it in one thread, and close it.
    """

    def __init__(self, env: ThorInteractEnv) -> None:
        """Take an environment with `record_motion=True` and at least `MAX_TOUCHES` interactions."""
        self._env = env
        self.touches: list[Touch] = []
        """The touches so far, without those undone."""
        self.version = 0
        """Number of starts, touches and undos so far."""
        self._seed = 0
        self._first = ""
        self._instances: Instances | None = None
        self.view = Observation(rgb=np.zeros((0, 0, 3), np.uint8), depth=np.zeros((0, 0), np.float32))
        """The current view; it must not be changed."""

    def start(self, seed: int, room: str | None = None, location: Location | None = None) -> None:
        """Start an episode.

        Args:
            seed: Seed of the location, and in a room given by name also of its objects.
            room: Name of a room; None: the room that `reset(seed=seed)` of the environment draws.
            location: Start here; the seed then only seeds the environment's generator.

        Raises:
            UnknownRoomError: There is no such room. After an error the episode of before continues.
            UnreachableLocationError: The agent cannot stand there.
        """
        before = None
        if self.version:
            with suppress(ResetNeeded):  # there is no episode after an error that could not be undone
                before = self._env.get_state()
        try:
            if location is None and room is not None:
                sampler = LocationSampler(self._env.simulator, (room,), REACHABLE_FRACTION)
                location = sampler.sample(np.random.default_rng(seed))
            start = self._env.reset(seed=seed, options=None if location is None else {"location": location})
        except Exception:
            if before is not None:
                self._env.set_state(before)
            raise
        self._seed, self._first = seed, digest((start[0], _recorded(start[1])))
        self.touches = []
        self._seen(start[0])

    @property
    def location(self) -> Location:
        """The location of the episode."""
        return self._env.location

    @property
    def seed(self) -> int:
        """The seed of the episode."""
        return self._seed

    def touch(self, action: Sequence[int]) -> tuple[Touch, npt.NDArray[np.uint8]]:
        """Touch a pixel.

        Args:
            action: Row, column, force index and direction index.

        Returns:
            The touch, and the views in motion, (n, 300, 300, 3) uint8; n = 0 if nothing moved.

        Raises:
            InvalidActionError: The action is not in the action space.
            PlayError: The episode has `MAX_TOUCHES` touches already.
        """
        row, column, force, direction = check_action(action)
        if len(self.touches) >= MAX_TOUCHES:
            raise PlayError(f"an episode has at most {MAX_TOUCHES} touches: save it, then start another one")
        before, view = self._state(), self.view
        touched = self._touched(row, column)
        try:
            observation, reward, terminated, _, info = self._env.step(
                np.array([row, column, force, direction])
            )
        except Exception:
            self._env.set_state(before)
            raise
        frames = info["frames"][: int(info["frame_count"])]
        outcome = outcome_of(
            success=bool(info["success"]),
            moved=len(frames) > 0,
            changed=bool(info["changed"].any()),
            distance=float(view["depth"][row, column]),
            reach=REACH,
            force=force,
            object_type=touched[0],
        )
        last, other = (
            digest((observation, reward, terminated, ended, _recorded(info))) for ended in (True, False)
        )
        action = (row, column, force, direction)
        touch = Touch(action, outcome, *touched, info["mask"], info["changed"], (other, last), before)
        self.touches.append(touch)
        self._seen(observation, moved=len(frames) > 0)
        return touch, frames

    def undo(self) -> Touch:
        """Restore what was before the last touch, to the same bytes, and return that touch.

        Raises:
            PlayError: There is no touch to undo.
        """
        if not self.touches:
            raise PlayError("there is no touch to undo")
        touch = self.touches.pop()
        self._seen(self._env.reset(options={"state": touch.before})[0])
        return touch

    def recording(self) -> Recording:
        """Return the episode so far in the format that `examples/replay.py` replays."""
        digests = [self._first, *(touch.sha256[0] for touch in self.touches)]
        if self.touches:
            digests[-1] = self.touches[-1].sha256[1]
        return Recording(self._seed, [touch.action for touch in self.touches], digests, self.location)

    def moved_objects(self) -> list[str]:
        """Return the distinct objects that the first `ROUND` touches have moved with success, in order."""
        moved = (each for each in self.touches[:ROUND] if each.outcome.kind == "success")
        return list(dict.fromkeys(each.object_id for each in moved if each.object_id is not None))

    def close(self) -> None:
        """Release the environment; a second call does nothing."""
        self._env.close()

    def _seen(self, observation: Observation, moved: bool = True) -> None:
        """Take over a view; what is known about it stays true if nothing has moved."""
        self.version += 1
        self.view = observation
        if moved:
            self._instances = None

    def _touched(self, row: int, column: int) -> tuple[str | None, str | None]:
        """Return type and identifier of the movable object at a pixel, from the simulator's ground truth."""
        if self.view["depth"][row, column] > REACH:
            return None, None
        if self._instances is None:
            self._instances = self._env.ground_truth()
        (found,) = np.nonzero(self._instances.masks[:, row, column])
        if not len(found):
            return None, None
        return self._instances.types[found[0]], self._instances.ids[found[0]]

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the environment's state; arrays equal to those of the state before are the same objects."""
        state = self._env.get_state()
        last = self.touches[-1].before if self.touches else {}
        return {
            name: last[name] if name in last and np.array_equal(last[name], value) else value
            for name, value in state.items()
        }


def _recorded(info: dict[str, Any]) -> dict[str, Any]:
    """Return the info of an environment that does not record the motion."""
    return {name: value for name, value in info.items() if name not in ("frames", "frame_count")}
