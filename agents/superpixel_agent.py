"""The baseline that a learner has to exceed: every superpixel is an object."""

import numpy as np

from agents.base import Instance
from agents.selfsup_agent.clustering import cell_centre, upscale_mask
from selfsup.grid import STRIDE
from selfsup.superpixels import superpixel_labels
from thor_interact_env.actions import REACH
from thor_interact_env.simulators.base import Observation

MEDIUM_FORCE = 1
"""Force index of every proposal: appearance says nothing about mass, so the middle class is predicted."""


class SuperpixelAgent:
    """Proposes all superpixels of a view, the nearest first.

    The score is the fraction of a superpixel's cells within reach; equal scores are ordered by mean depth.
    Only what is in reach can be an instance; nothing more is known without an interaction.
    """

    def propose(self, observation: Observation) -> list[Instance]:
        """Return one instance per superpixel, best first; see the class.

        Args:
            observation: One view.

        Returns:
            Instances whose (300, 300) bool masks cover the image and do not overlap. The point is the cell
            nearest to a superpixel's centre of mass, of its own cells; the force is the medium one.
        """
        labels = superpixel_labels(observation["rgb"])
        centre = STRIDE // 2
        depth = observation["depth"][centre::STRIDE, centre::STRIDE].astype(np.float64)
        _, index = np.unique(labels, return_inverse=True)
        index = index.ravel()
        cells = np.bincount(index)
        fractions = np.bincount(index, weights=(depth < REACH).ravel()) / cells
        distances = np.bincount(index, weights=depth.ravel()) / cells
        instances = []
        for superpixel in np.lexsort((distances, -fractions)):
            mask = (index == superpixel).reshape(labels.shape)
            rows, columns = mask.nonzero()
            nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
            point = cell_centre(int(rows[nearest]), int(columns[nearest]))
            instances.append(Instance(point, MEDIUM_FORCE, float(fractions[superpixel]), upscale_mask(mask)))
        return instances
