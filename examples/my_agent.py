"""A user's own agent in forty lines, and its evaluation.

python -m eval.benchmark --agent examples.my_agent:NearestSuperpixels --split NovelObjects --locations 20
"""

import cv2
import numpy as np

from agents.base import Instance
from selfsup.grid import STRIDE
from selfsup.superpixels import superpixel_labels
from thor_interact_env.actions import REACH
from thor_interact_env.simulators.base import Observation

MEDIUM_FORCE = 1  # index of 30 N: appearance says nothing about mass


class NearestSuperpixels:
    """Superpixels in reach, ranked by their contrast in depth with their surroundings.

    An object on a table is nearer to the camera than the wall behind it; a patch of the wall is not.
    """

    def __init__(self, instances: int = 20, margin: int = 4) -> None:
        """Choose the number of instances, and the width of the surroundings in grid cells."""
        self.instances = instances
        self.surroundings = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)

    def propose(self, observation: Observation) -> list[Instance]:
        """Return instances, best first; their score is 1 - exp(-contrast in depth / 10 cm)."""
        labels = superpixel_labels(observation["rgb"])  # (100, 100), a label per cell of 3 x 3 pixels
        depth = observation["depth"][STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
        found = []
        for label in np.unique(labels):
            mask = labels == label
            ring = cv2.dilate(mask.astype(np.uint8), self.surroundings).astype(bool) & ~mask
            if not ring.any() or np.median(depth[mask]) >= REACH:
                continue
            contrast = max(0.0, float(np.median(depth[ring]) - np.median(depth[mask])))
            inside = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
            row, column = np.unravel_index(inside.argmax(), mask.shape)  # the cell deepest inside
            point = (int(row) * STRIDE + STRIDE // 2, int(column) * STRIDE + STRIDE // 2)
            pixels = mask.repeat(STRIDE, axis=0).repeat(STRIDE, axis=1)
            found.append(Instance(point, MEDIUM_FORCE, 1 - float(np.exp(-contrast / 0.1)), pixels))
        return sorted(found, key=lambda instance: -instance.score)[: self.instances]
