"""The embedded simulator with the state that a Unity player keeps between actions."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scenery import Scenery, unity

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import AGENT_HEIGHT_Y, CAMERA_HEIGHT
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.base import FIRST_FRAME_SECONDS, FRAME_SECONDS, Observation
from thor_interact_env.simulators.mujoco.drawing.rendering import ray_lengths
from thor_interact_env.simulators.mujoco.rooms.model import CAMERA
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator
from thor_interact_env.simulators.mujoco.touching import touch

Positions = npt.NDArray[np.float64]
"""All generalised positions of a room."""

DROP: Final = 0.1
"""Metres above its place at which a spawn puts each object; in AI2-THOR it depends on the object."""

_GRAVITY: Final = 9.81

_LONGEST_FRAME: Final = 1 / 3
"""Seconds that pass at most by themselves between two answers, however long the client takes (Unity)."""

_HEIGHT: Final = 2
"""Where a body's height stands among its seven generalised positions."""

NEAR: Final = 0.1
FAR: Final = 20.0
"""Clipping planes of AI2-THOR's camera, metres."""

STRUCTURE: Final = "not a sim object, a structure was touched"
"""What AI2-THOR says in place of an identifier."""


class World(MujocoSimulator):
    """A room, an agent and a camera in AI2-THOR's terms.

    Time passes by the clock, as long as physics is not paused, and else where it is advanced. After a spawn
    objects hang in the air until they are made moveable, and then fall.

    The force of a touch acts at the centre of mass, as in AI2-THOR; its strength and duration are those of
    the embedded simulator (`MujocoSimulator(touch_at="center_of_mass")` gives the same motion).

    Args:
        renames: Whether spawns put objects higher than other players do, so that they are named otherwise.
    """

    def __init__(self, renames: bool = False) -> None:
        """Start in no room at all: `enter` loads one."""
        super().__init__(reach=float("inf"), touch_at="center_of_mass")
        self.lengths = ray_lengths()
        self.visibility_distance = 1.5
        self.scene, self.seed = "", 0
        self.position, self.rotation, self.horizon = np.zeros(3), 0.0, 0.0
        self.scenery: Scenery | None = None
        self.paused = False
        self._spawn_height = DROP + 0.05 * renames
        self._hangs = False
        self._moved: Positions | None = None  # where objects rest, once something was touched
        self._placed = False
        self._rest = self._drawn = np.zeros(0)  # where objects rest, and where they are in the present view
        # Where everything is so many seconds after the motion began; None: at rest.
        self._motion: Callable[[float], Positions | None] | None = None
        self._clock = 0.0
        self._advanced = False
        self._answered_at = time.monotonic()
        self._view: Observation | None = None
        self._geoms: tuple[Observation | None, npt.NDArray[np.int32]] = (None, np.zeros((0, 0), np.int32))

    def enter(self, scene: str) -> None:
        """Load a room in its first layout, the agent somewhere in it, level."""
        positions = self.reachable_positions(scene, 0)
        self.position, self.rotation, self.horizon = positions[len(positions) // 2], 0.0, 0.0
        self.scene, self.paused = scene, False
        self.spawn(0, hangs=False)

    def spawn(self, seed: int, hangs: bool = True) -> None:
        """Put the small objects somewhere else, and give everything a new name."""
        self.seed, self._moved, self._placed = seed, None, False
        self._motion, self._hangs = None, hangs
        self.see()
        self.scenery = Scenery(self.compiled(self.scene))

    def let_fall(self) -> None:
        """Let what hangs in the air after a spawn fall."""
        if self._hangs:
            self._hangs = False
            self._begin(self._falling)

    def teleport(self, position: npt.NDArray[np.float64], rotation: float, horizon: float) -> None:
        """Move the agent; what has been touched stays where it is.

        Raises:
            UnreachableLocationError: The agent cannot stand there.
            InvalidLocationError: The pose is outside the limits.
        """
        self.check_position(self._location(position, rotation, horizon))
        self.position, self.rotation, self.horizon = position, float(rotation), float(horizon)
        self._placed = False

    def _location(self, position: npt.NDArray[np.float64], rotation: float, horizon: float) -> Location:
        x, y, z = (float(value) for value in position)
        return Location(self.scene, (x, y, z), rotation, horizon, self.seed)

    def see(self) -> Observation:
        """Return the view of the room as it is at this moment."""
        if not self._placed:
            standing = self.reachable_positions(self.scene, self.seed)
            offsets = np.abs(standing - self.position).max(axis=1)
            # A new spawn may put something where the agent stands; it stays there, as in AI2-THOR.
            anchor = self.position if offsets.min() <= 0.125 else standing[0]
            self._view = self.load(self._location(anchor, self.rotation, self.horizon))
            if self._moved is not None or anchor is not self.position:
                state = self.get_state()
                x, y, z = self.position
                state[:3] = x, z, y + CAMERA_HEIGHT - AGENT_HEIGHT_Y
                if self._moved is not None:
                    state[18:] = self._moved
                self._view = self.set_state(state)
            self._placed = True
            self._rest = self._drawn = self.get_state()[18:]
        now = self._now()
        if not np.array_equal(now, self._drawn):
            self._view = self.set_state(np.concatenate([self.get_state()[:18], now]))
            self._drawn = now
        assert self._view is not None
        return self._view

    @property
    def moving(self) -> bool:
        """Whether something moves."""
        return self._motion is not None and self._motion(self._clock) is not None

    @property
    def seems_at_rest(self) -> bool:
        """Whether AI2-THOR says that everything rests.

        While time passes by itself, and before it was advanced, each speed is compared with itself.
        """
        return not (self._advanced and self.moving)

    def _now(self) -> Positions:
        """Return where everything is at this moment."""
        there = None
        if self._motion is not None:
            there = self._motion(self._clock)
        elif self._hangs:
            there = self._lifted(self._spawn_height)
        return self._rest if there is None else there

    def _begin(self, motion: Callable[[float], Positions | None]) -> None:
        self._motion, self._clock, self._advanced = motion, 0.0, False

    @staticmethod
    def _filmed(course: Sequence[Positions | None], seconds: float) -> Positions | None:
        frames = int((seconds - FIRST_FRAME_SECONDS) / FRAME_SECONDS + 1 + 1e-6)
        return course[min(max(frames, 0), len(course) - 1)]

    def _falling(self, seconds: float) -> Positions | None:
        height = self._spawn_height - _GRAVITY / 2 * seconds**2
        return self._lifted(height) if height > 0 else None

    def _lifted(self, height: float) -> Positions:
        """Return where everything is if the small things are so many metres above where they rest."""
        room = self.compiled(self.scene)
        there = self._rest.copy()
        for movable in room.movables[len(room.plan.furniture) :]:
            there[movable.position_address + _HEIGHT] += height
        return there

    def geoms(self) -> npt.NDArray[np.int32]:
        """Return the (300, 300) geom at each pixel of the present view, -1 for none."""
        view = self.see()
        if self._geoms[0] is not view:
            self._geoms = (view, self.renderer.geoms(self.compiled(self.scene).data, CAMERA))
        return self._geoms[1]

    def depth(self) -> npt.NDArray[np.float32]:
        """Return AI2-THOR's depth: along the camera's axis, times (far - near) / far; at most far - near."""
        plane = np.minimum(self.see()["depth"] / self.lengths, FAR)
        return (plane * ((FAR - NEAR) / FAR)).astype(np.float32)

    def objects(self) -> list[dict[str, Any]]:
        """Return the metadata of the objects; visible are those in the image and near enough."""
        assert self.scenery is not None
        room = self.compiled(self.scene)
        self.see()
        seen = np.unique(np.asarray(room.model.geom_bodyid)[self.geoms()[self.geoms() >= 0]])
        visible = {int(body): self._in_range(unity(room.data.xpos[body])) for body in seen}
        return self.scenery.objects(self.position, visible)

    def _in_range(self, point: npt.NDArray[np.float64]) -> bool:
        away = np.hypot(*(point - self.position)[[0, 2]])
        return bool(away <= self.visibility_distance)

    def touch_then_apply_force(
        self, x: float, y: float, direction: npt.NDArray[np.float64], magnitude: float, hand: float
    ) -> tuple[bool, str, dict[str, Any]]:
        """Reach for a point of the image and push what is there.

        Args:
            x: Fraction of the width, from the left.
            y: Fraction of the height, from the top.
            direction: (3,) right, up and forward of the agent.
            magnitude: Newtons.
            hand: Maximum distance in metres, measured from the near plane as in AI2-THOR.

        Returns:
            Whether the action succeeds, the error's text, and its return value.
        """
        self._motion, self._hangs = None, False  # whatever moves has come to rest by then
        seen = self.see()
        row, column = (min(int(fraction * IMAGE_SIZE), IMAGE_SIZE - 1) for fraction in (y, x))
        room, pose = self.compiled(self.scene), self.viewpoint
        offset = np.array([column, row]) - (IMAGE_SIZE - 1) / 2
        ray = pose.axes @ np.array([offset[0], -offset[1], -IMAGE_SIZE / 2])  # 90 degrees of view
        ray /= np.linalg.norm(ray)
        index, distance = room.first_hit(pose.eye, ray)
        start = NEAR * self.lengths[row, column]
        arm = distance - start
        nothing = {"didHandTouchSomething": False, "objectId": "", "armsLength": hand}
        far = "The position touched is outside of the agent's interaction range"
        if not arm <= hand:
            near_enough = self._in_range(unity(pose.eye + (start + hand) * ray))
            return near_enough, "" if near_enough else far, nothing
        touched = {"didHandTouchSomething": True, "objectId": STRUCTURE, "armsLength": float(arm)}
        assert self.scenery is not None
        if index is None:
            geom = int(self.geoms()[row, column])
            body = int(room.model.geom_bodyid[geom]) if geom >= 0 else 0
            return True, "", {**touched, "objectId": self.scenery.names.get(body, STRUCTURE)}
        if not self._in_range(unity(pose.eye + distance * ray)):
            return False, far, nothing
        if self.paused:
            before = room.positions()
            pixel = (row, column)
            if motion := touch(room, pose, pixel, magnitude, direction, self.reach, self.touch_at):
                self._moved = self._rest = room.positions()
                room.rest(before)  # as the present view shows it; the force acts when time is advanced
                self._begin(lambda seconds: self._filmed([before, *motion, None], seconds))
        elif (after := self.touch(row, column, magnitude, direction)) is not seen:
            self._moved = self._rest = self._drawn = room.positions()
            self._view = after
        return True, "", {**touched, "objectId": self.scenery.names[room.movables[index].body]}

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._clock += seconds
        self._advanced = True

    def run_by_itself(self) -> None:
        """Let as much time pass as has since the last action, unless physics is paused."""
        passed = time.monotonic() - self._answered_at
        self._answered_at += passed
        if not self.paused:
            self._clock += min(passed, _LONGEST_FRAME)
            self._advanced = False
