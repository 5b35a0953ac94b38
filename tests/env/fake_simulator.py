"""A toy world for fast tests: coloured rectangles before a wall, which shift when touched."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import AGENT_HEIGHT_Y, REACH
from thor_interact_env.errors import UnknownRoomError, UnreachableLocationError
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.splits import ALL_ROOMS
from thor_interact_env.simulators.base import Instances, Observation

MASSES = (0.2, 1.0, 5.0)
FORCES_NEEDED = (5.0, 30.0, 200.0)
SIDE = 60
NEAR = 1.0
TABLE = 1.2
WALL = 3.0
TABLE_ROW = 150


@dataclass
class FakeSimulator:
    """Three movable rectangles in reach, one out of reach, a fixed table in reach and a wall that is not.

    Attributes:
        rooms: Names of the rooms.
        table_rows: Rows of the image that the table fills: the fraction of the view in reach.
        loads, touches, closes: Number of calls so far; loads of what is loaded and untouched do not count.
        pictures: Number of images drawn so far.
        corners: Row and column of the upper left corner of each rectangle, (4, 2).
        location: Where the agent stands.
        view: What it sees.
    """

    rooms: tuple[str, ...] = ALL_ROOMS
    table_rows: int = IMAGE_SIZE - TABLE_ROW
    deterministic: bool = True
    loads: int = 0
    touches: int = 0
    closes: int = 0
    pictures: int = 0
    corners: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((4, 2), np.int64))
    _colours: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros((6, 3), np.uint8))
    location: Location | None = None
    view: Observation | None = None
    _untouched: bool = False

    def has_room(self, room: str) -> bool:
        """Return whether the room is listed."""
        return room in self.rooms

    def reachable_positions(self, room: str, seed: int) -> npt.NDArray[np.float64]:
        """Return a row of four positions."""
        self._check_room(room)
        return np.array([[0.25 * step, AGENT_HEIGHT_Y, 0.5] for step in range(4)])

    def load(self, location: Location) -> Observation:
        """Draw colours and places from the location."""
        self._check_room(location.scene)
        positions = self.reachable_positions(location.scene, location.seed)
        if not np.isclose(positions, location.position).all(axis=1).any():
            raise UnreachableLocationError(f"{location.position} is inside furniture")
        if self._untouched and self.location == location and self.view is not None:
            return self.view
        self.loads += 1
        self.location, self._untouched = location, True
        x, _, z = location.position
        key = [int(location.scene[9:]), location.seed, int(location.rotation), int(location.horizon + 30)]
        rng = np.random.default_rng([*key, int(100 * x), int(100 * z)])
        columns = rng.permutation(4) * 75 + 7
        self.corners = np.stack([rng.integers(60, 180, 4), columns], axis=1)
        palette = np.array(
            [(220, 30, 30), (30, 200, 30), (30, 30, 220), (220, 220, 30), (90, 90, 90), (240, 240, 240)]
        )
        self._colours = np.clip(palette + rng.integers(-15, 15, (6, 3)), 0, 255).astype(np.uint8)
        self.view = self._render()
        return self.view

    def touch(self, row: int, column: int, force: float, direction: npt.NDArray[np.float64]) -> Observation:
        """Shift the rectangle at the pixel if the force suffices."""
        assert self.view is not None
        self.touches += 1
        index = self._owners()[row, column]
        if not 0 <= index < 3 or force < FORCES_NEEDED[index]:
            return self.view
        self._untouched = False
        shift = np.rint([-8 * direction[1], 30 * direction[0]]).astype(np.int64)
        moved = self.corners[index] + shift
        outside = (moved < 0) | (moved > IMAGE_SIZE - SIDE)
        self.corners[index] = np.where(outside, self.corners[index] - shift, moved)  # bounces off the border
        self.view = self._render()
        return self.view

    def touch_with_frames(
        self, row: int, column: int, force: float, direction: npt.NDArray[np.float64]
    ) -> tuple[Observation, npt.NDArray[np.uint8]]:
        """Touch; the rectangle is seen on its way in eight frames, the last two of them at its end."""
        start, before = self.corners.copy(), self.view
        after = self.touch(row, column, force, direction)
        if after is before:
            return after, np.zeros((0, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
        end, frames = self.corners, []
        for fraction in (0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0, 1.0):
            self.corners = np.rint(start + fraction * (end - start)).astype(np.int64)
            frames.append(self._render()["rgb"])
        self.corners = end
        return after, np.array(frames)

    def instances(self) -> Instances:
        """Return the three movable rectangles."""
        owners = self._owners()
        return Instances(
            masks=np.stack([owners == index for index in range(3)]),
            masses=np.array(MASSES),
            types=("Pen", "Mug", "Chair"),
            ids=("Pen|1", "Mug|1", "Chair|1"),
        )

    def get_state(self) -> npt.NDArray[np.float64]:
        """Return the corners."""
        return self.corners.astype(np.float64).ravel()

    def set_state(self, state: npt.NDArray[np.float64]) -> Observation:
        """Put the corners back."""
        if state.shape != (8,):
            raise ValueError(f"a state is 8 numbers, not {state.shape}")
        self.corners, self._untouched = state.astype(np.int64).reshape(4, 2), False
        self.view = self._render()
        return self.view

    def close(self) -> None:
        """Count the calls."""
        self.closes += 1

    def _check_room(self, room: str) -> None:
        if not self.has_room(room):
            raise UnknownRoomError(f"there is no room {room!r}")

    def _owners(self) -> npt.NDArray[np.int64]:
        """Index of what is seen: 0..2 movable, 3 out of reach, 4 wall, 5 table."""
        owners = np.full((IMAGE_SIZE, IMAGE_SIZE), 4)
        owners[IMAGE_SIZE - self.table_rows :] = 5
        for index in (3, 2, 1, 0):
            top, left = self.corners[index]
            owners[top : top + SIDE, left : left + SIDE] = index
        return owners

    def _render(self) -> Observation:
        self.pictures += 1
        owners = self._owners()
        rgb = self._colours[owners]
        depth = np.array([NEAR, NEAR, NEAR, REACH + 0.5, WALL, TABLE], np.float32)[owners]
        rgb.flags.writeable = depth.flags.writeable = False
        return Observation(rgb=rgb, depth=depth)


def touch_of(simulator: FakeSimulator, index: int, force: int, direction: int = 0) -> list[int]:
    """Return the action that touches the middle of a rectangle."""
    row, column = simulator.corners[index] + SIDE // 2
    return [int(row), int(column), force, direction]
