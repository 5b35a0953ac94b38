"""The embedded simulator with the state that a Unity player keeps between actions."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scenery import Scenery, unity

from thor_interact_env.actions import AGENT_HEIGHT_Y, CAMERA_HEIGHT, IMAGE_SIZE
from thor_interact_env.locations import Location
from thor_interact_env.simulators.base import FIRST_FRAME_SECONDS, FRAME_SECONDS, Observation
from thor_interact_env.simulators.mujoco.rendering import ray_lengths
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

NEAR: Final = 0.1
FAR: Final = 20.0
"""Clipping planes of AI2-THOR's camera, metres."""

STRUCTURE: Final = "not a sim object, a structure was touched"
"""What AI2-THOR says in place of an identifier."""


class World(MujocoSimulator):
    """A room, an agent and a camera in AI2-THOR's terms.

    The force of a touch acts at the centre of mass, as in AI2-THOR; its strength and duration are those of
    the embedded simulator (`MujocoSimulator(touch_at="center_of_mass")` gives the same motion).
    """

    def __init__(self) -> None:
        """Start in no room at all: `enter` loads one."""
        super().__init__(reach=float("inf"), touch_at="center_of_mass")
        self.lengths = ray_lengths()
        self.visibility_distance = 1.5
        self.scene, self.seed = "", 0
        self.position, self.rotation, self.horizon = np.zeros(3), 0.0, 0.0
        self.scenery: Scenery | None = None
        self.paused = False
        self._moved: npt.NDArray[np.float64] | None = None  # where things are, once something was touched
        self._placed = False
        self._film: npt.NDArray[np.uint8] | None = None
        self._before: Observation | None = None
        self._clock = 0.0
        self._geoms: tuple[Observation | None, npt.NDArray[np.int32]] = (None, np.zeros((0, 0), np.int32))

    def enter(self, scene: str) -> None:
        """Load a room in its first layout, the agent somewhere in it, level."""
        positions = self.reachable_positions(scene, 0)
        self.position, self.rotation, self.horizon = positions[len(positions) // 2], 0.0, 0.0
        self.scene, self.paused = scene, False
        self.spawn(0)
        self.see()
        if self.scenery is None or self.scenery.room is not self._loaded()[0]:
            self.scenery = Scenery(self._loaded()[0])

    def spawn(self, seed: int) -> None:
        """Put the small things somewhere else."""
        self.seed, self._moved, self._placed = seed, None, False
        self._stop_film()

    def teleport(self, position: npt.NDArray[np.float64], rotation: float, horizon: float) -> None:
        """Move the agent; what has been touched stays where it is.

        Raises:
            UnreachableLocationError: The agent cannot stand there.
            InvalidLocationError: The pose is outside the limits.
        """
        self._check_position(self._location(position, rotation, horizon))
        self.position, self.rotation, self.horizon = position, float(rotation), float(horizon)
        self._placed = False

    def _location(self, position: npt.NDArray[np.float64], rotation: float, horizon: float) -> Location:
        x, y, z = (float(value) for value in position)
        return Location(self.scene, (x, y, z), rotation, horizon, self.seed)

    def see(self) -> Observation:
        """Return the view of the room as it is, everything at rest."""
        if not self._placed:
            standing = self.reachable_positions(self.scene, self.seed)
            offsets = np.abs(standing - self.position).max(axis=1)
            # A new spawn may put something where the agent stands; it stays there, as in AI2-THOR.
            anchor = self.position if offsets.min() <= 0.125 else standing[0]
            view = self.load(self._location(anchor, self.rotation, self.horizon))
            if self._moved is not None or anchor is not self.position:
                state = self.get_state()
                x, y, z = self.position
                state[:3] = x, z, y + CAMERA_HEIGHT - AGENT_HEIGHT_Y
                if self._moved is not None:
                    state[18:] = self._moved
                view = self.set_state(state)
            self._placed = True
            return view
        return self._loaded()[2]

    def picture(self) -> npt.NDArray[np.uint8]:
        """Return the (300, 300, 3) uint8 picture of the present moment: of the film while one is running."""
        view = self.see()
        if not self.filming:
            return view["rgb"]
        assert self._film is not None and self._before is not None
        shown = self._frames_so_far()
        return self._film[shown - 1] if shown else self._before["rgb"]

    @property
    def filming(self) -> bool:
        """Whether the film of a touch is running, so that not everything is at rest."""
        return self._film is not None and self._frames_so_far() <= len(self._film)

    def _frames_so_far(self) -> int:
        return max(0, int((self._clock - FIRST_FRAME_SECONDS) / FRAME_SECONDS + 1 + 1e-6))

    def geoms(self) -> npt.NDArray[np.int32]:
        """Return the (300, 300) geom at each pixel of the room at rest, -1 for none."""
        view = self.see()
        if self._geoms[0] is not view:
            self._geoms = (view, self._renderer().geoms(self._loaded()[0].data, "agent"))
        return self._geoms[1]

    def depth(self) -> npt.NDArray[np.float32]:
        """Return AI2-THOR's depth: along the camera's axis, times (far - near) / far; at most far - near."""
        plane = np.minimum(self.see()["depth"] / self.lengths, FAR)
        return (plane * ((FAR - NEAR) / FAR)).astype(np.float32)

    def objects(self) -> list[dict[str, Any]]:
        """Return the metadata of the objects; visible are those in the picture and near enough."""
        assert self.scenery is not None
        room = self._loaded()[0]
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
        """Reach for a point of the picture and push what is there.

        Args:
            x: Share of the width, from the left.
            y: Share of the height, from the top.
            direction: (3,) right, up and forward of the agent.
            magnitude: Newtons.
            hand: Greatest distance in metres, measured from the near plane as in AI2-THOR.

        Returns:
            Whether the action succeeds, the error's text, and its return value.
        """
        self.see()
        row, column = (min(int(share * IMAGE_SIZE), IMAGE_SIZE - 1) for share in (y, x))
        room, pose, seen = self._loaded()
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
        self._stop_film()
        if self.paused:
            _, frames = self.touch_with_frames(row, column, magnitude, direction)
            if len(frames):
                self._film, self._before = frames, seen
        else:
            self.touch(row, column, magnitude, direction)
        if self._loaded()[2] is not seen:
            self._moved = self.get_state()[18:]
        return True, "", {**touched, "objectId": self.scenery.names[room.movables[index].body]}

    def advance(self, seconds: float) -> None:
        """Let time pass while paused."""
        self._clock += seconds

    def resume(self) -> None:
        """Let time run by itself again: everything comes to rest."""
        self.paused = False
        self._stop_film()

    def _stop_film(self) -> None:
        self._film = self._before = None
        self._clock = 0.0
