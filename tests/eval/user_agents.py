"""Agents as users might write them: a good one, and one of each kind of bad one.

What each does at a view is decided by the view's top left pixel, so that a test can choose where it fails.
"""

import os
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from agents.base import Instance
from thor_interact_env.env import ThorInteractEnv

BAD_VIEW = 1
"""Value of the pixel at which the bad ones fail."""


def is_bad(observation):
    return int(observation["rgb"][0, 0, 0]) == BAD_VIEW


class Centre:
    """Points at the centre, where the view is not bad; a mask on request."""

    def __init__(self, force=2, mask=False):
        self.force = force
        self.mask = np.ones((300, 300), bool) if mask else None

    @classmethod
    def from_run(cls, run, force=1):
        return cls(force=force) if run.is_dir() else None

    def propose(self, observation):
        return [Instance((150, 150), self.force, 0.5, self.mask)]


class OnTheBrightestPixel(Centre):
    """Takes its view for what the environment's `reset` returns, and checks that it is."""

    def propose(self, observation):
        assert observation in ThorInteractEnv().observation_space
        row, column = np.unravel_index(observation["rgb"][..., 0].argmax(), (300, 300))
        return [Instance((int(row), int(column)), 0, float(observation["depth"][row, column]) / 20, None)]


class Raises(Centre):
    def propose(self, observation):
        if is_bad(observation):
            raise RuntimeError("no idea\nwhat this is")
        return super().propose(observation)


class Malformed(Centre):
    def propose(self, observation):
        found = super().propose(observation)
        return [*found, Instance((300, 0), 0, 0.5, None)] if is_bad(observation) else found


class Hangs(Centre):
    def propose(self, observation):
        while is_bad(observation):
            time.sleep(1)
        return super().propose(observation)


class AlwaysHangs(Centre):
    def propose(self, observation):
        while True:
            time.sleep(1)


class FindsNothing(Centre):
    def propose(self, observation):
        return []


class Slow(Centre):
    """Answers, but later than a budget of 0.2 s (and before it is stopped)."""

    def propose(self, observation):
        if is_bad(observation):
            time.sleep(0.7)
        return super().propose(observation)


class Fidgets(Centre):
    """A malformed answer that would fill pages, and an error that cannot be printed."""

    def propose(self, observation):
        if is_bad(observation):
            nonsense: Any = np.zeros((300, 300), int), "x" * 100_000
            return [Instance(nonsense[0], nonsense[1], 0.5, None)]
        raise ValueError("half a pair \ud800")


class HasChildren(Centre):
    """Works with processes of its own, and leaves one behind."""

    def propose(self, observation):
        with ProcessPoolExecutor(1) as pool:
            force = pool.submit(max, 0, 1).result()
        (child,) = [subprocess.Popen(["sleep", "600"])]
        return [Instance((child.pid // 300 % 300, child.pid % 300), force, 0.5, None)]


class Ends(Centre):
    def propose(self, observation):
        if is_bad(observation):
            os._exit(7)
        return super().propose(observation)


class CannotBeMade:
    def __init__(self):
        raise ValueError("no weights here")

    def propose(self, observation):
        return []


class NotAnAgent:
    pass
