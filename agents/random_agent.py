"""The lower bound of every comparison: points chosen uniformly at random."""

import zlib

import numpy as np

from agents.base import Instance
from agents.selfsup_agent.clustering import cell_centre, upscale_mask
from selfsup.grid import GRID
from selfsup.superpixels import superpixel_labels
from thor_interact_env.actions import FORCES
from thor_interact_env.simulators.base import Observation


class RandomAgent:
    """Proposes random points with random forces and scores, each with the superpixel around it as its mask.

    Points are uniform over the grid. A point in a superpixel that was already proposed is drawn again, since
    of two equal masks at least one is wrong. Equal views get equal proposals.
    """

    def __init__(self, points: int = 10, seed: int = 0) -> None:
        """Choose how many points are drawn.

        Args:
            points: Proposals for a view; fewer where it has fewer superpixels.
            seed: With the view, it decides the points.

        Raises:
            ValueError: An argument is negative.
        """
        if points < 0 or seed < 0:
            raise ValueError(f"points is {points} and seed {seed}; neither may be negative")
        self._points = points
        self._seed = seed

    def propose(self, observation: Observation) -> list[Instance]:
        """Return random instances, best first; see the class.

        Args:
            observation: One view.

        Returns:
            At most `points` instances with (300, 300) bool masks that do not overlap.
        """
        labels = superpixel_labels(observation["rgb"])
        rng = np.random.default_rng((self._seed, zlib.crc32(observation["rgb"].tobytes())))
        # The order of a random permutation of the cells is that of uniform draws without repetition.
        cells = rng.permutation(GRID * GRID)
        _, first = np.unique(labels.ravel()[cells], return_index=True)
        chosen = cells[np.sort(first)[: self._points]]
        scores = np.sort(rng.random(len(chosen)))[::-1]
        forces = rng.integers(len(FORCES), size=len(chosen))
        instances = []
        for cell, score, force in zip(chosen, scores, forces, strict=True):
            row, column = divmod(int(cell), GRID)
            mask = upscale_mask(labels == labels[row, column])
            instances.append(Instance(cell_centre(row, column), int(force), float(score), mask))
        return instances
