"""A simulator that is just enough for the environment."""

import numpy as np

from thor_interact_env.locations.splits import ALL_ROOMS
from thor_interact_env.simulators.base import Instances, Observation


class BoxSimulator:
    """A box before a wall, which moves aside when touched; enough of a simulator for the environment."""

    deterministic = True
    rooms = ALL_ROOMS

    def has_room(self, room):
        return room in self.rooms

    def __init__(self):
        self.loaded = []

    def reachable_positions(self, room, seed):
        return np.array([[1.0, 0.9009992, 0.5]])

    def load(self, location):
        self.loaded.append(location)
        self.noise = np.random.default_rng(location.seed).integers(0, 40, (300, 300, 3), dtype=np.uint8)
        self.left = location.seed % 10
        return self._view()

    def touch(self, row, column, force, direction):
        if 60 <= row < 240 and self.left <= column < self.left + 140:
            self.left = self.left + 145 if self.left < 140 else self.left - 145
            return self._view()
        return self.view

    def touch_with_frames(self, row, column, force, direction):
        before = self.view
        after = self.touch(row, column, force, direction)
        return after, np.repeat(after["rgb"][None], 0 if after is before else 1, axis=0)

    def instances(self):
        mask = np.zeros((1, 300, 300), bool)
        mask[0, 60:240, self.left : self.left + 140] = True
        return Instances(mask, np.array([1.0]), ("Box",), ("Box|1",))

    def get_state(self):
        return np.array([self.left], np.float64)

    def set_state(self, state):
        self.left = int(state[0])
        return self._view()

    def close(self):
        pass

    def _view(self):
        rgb = self.noise.copy()
        rgb[60:240, self.left : self.left + 140] += np.uint8(170)
        self.view = Observation(rgb=rgb, depth=np.full((300, 300), 1.0, np.float32))
        return self.view
