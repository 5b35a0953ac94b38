"""VideoPCA as an agent; its command line is `python -m agents.video_pca --help`.

Row (g) of the paper's table 1: objects are touched and the motion is recorded; principal components and
colours give a soft mask (`selfsup.video_pca`), which the network of the self-supervised agent learns to
predict from a single view. The foreground of a new view is cut into instances along superpixels (paper
appendix D); forces are not learned.

torch and what needs it are imported inside the functions that use them, so that `--help` is fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from agents.base import MAX_INSTANCES
from agents.video_pca.configuration import VideoPCAConfig

if TYPE_CHECKING:
    from agents.base import Instance
    from agents.selfsup_agent.network import InteractionNet
    from thor_interact_env.simulators.base import Observation


MINIMUM_CELLS = 8
"""Minimum number of grid cells of an instance."""

FOREGROUND_FRACTION = 0.5
"""Superpixels of which at least this fraction is above the threshold are foreground."""

MEDIUM_FORCE = 1
"""Force index of every proposal: the method says nothing about mass, so the middle class is predicted."""


def instances_of(
    soft: npt.NDArray[np.float32], labels: npt.NDArray[np.int32], threshold: float
) -> list[Instance]:
    """Return the instances of a soft foreground map: threshold, superpixels, connected components.

    Args:
        soft: (100, 100) float32 in 0..1.
        labels: (100, 100) int32, the superpixel of each cell.
        threshold: Minimum soft value of a foreground cell.

    Returns:
        At most 32 instances, best first, whose (300, 300) bool masks do not overlap. The score is the mean
        soft value of the component, the point the centre of its cell with the highest one.
    """
    import cv2

    from agents.base import Instance
    from agents.selfsup_agent.clustering import cell_centre, upscale_mask
    from selfsup.superpixels import align_to_superpixels

    foreground = align_to_superpixels(soft >= threshold, labels, FOREGROUND_FRACTION)
    count, components = cv2.connectedComponents(foreground.astype(np.uint8), connectivity=4)
    found = []
    for number in range(1, count):
        mask = components == number
        if mask.sum() < MINIMUM_CELLS:
            continue
        row, column = divmod(int(np.where(mask, soft, -1).argmax()), soft.shape[1])
        score = min(max(float(soft[mask].mean()), 0.0), 1.0)
        found.append(Instance(cell_centre(row, column), MEDIUM_FORCE, score, upscale_mask(mask)))
    return sorted(found, key=lambda instance: -instance.score)[:MAX_INSTANCES]


class VideoPCAAgent:
    """Proposes the connected parts of a predicted foreground. Implements `agents.base.Agent`."""

    def __init__(self, network: InteractionNet, threshold: float = VideoPCAConfig.threshold) -> None:
        """Copy a network.

        Args:
            network: Its scores are logits of the soft foreground; on the device it is to run on.
            threshold: Minimum soft value of a foreground cell.
        """
        from agents.selfsup_agent.agent import SelfSupervisedAgent

        self._network = SelfSupervisedAgent(network)
        self.threshold = threshold

    @classmethod
    def from_run(cls, path: str | Path, device: str = "auto") -> VideoPCAAgent:
        """Return the agent that a run has trained.

        Args:
            path: A run folder, whose last checkpoint is taken, or the folder of one checkpoint.
            device: Where to run: `auto`, `cpu`, `cuda`, ...

        Raises:
            CheckpointError: There is no checkpoint, or it is corrupt or of another system.
            ConfigurationError: There is no such device.
        """
        from agents.selfsup_agent.network import InteractionNet
        from agents.training.checkpoint import CheckpointError, last_checkpoint, load_checkpoint
        from agents.training.learner import resolve_device
        from agents.training.run_folder import read_config

        config = read_config(Path(path), VideoPCAConfig)
        folder = last_checkpoint(Path(path))
        try:
            network = InteractionNet.from_weights(load_checkpoint(folder, weights_only=True).model)
        except (KeyError, RuntimeError) as error:
            raise CheckpointError(
                f"The weights in {folder} are of another network ({error}); train again."
            ) from None
        return cls(network.to(resolve_device(device)), config.threshold)

    def soft_map(self, observation: Observation) -> npt.NDArray[np.float32]:
        """Return how likely each grid cell of a view is foreground: (100, 100) float32 in 0..1."""
        scores = self._network.predict(observation).scores[0]
        return np.asarray(scores.sigmoid().numpy(), np.float32)

    def propose(self, observation: Observation) -> list[Instance]:
        """Return the instances found in a view, best first; see `instances_of`.

        Args:
            observation: One view.
        """
        from selfsup.superpixels import superpixel_labels

        return instances_of(self.soft_map(observation), superpixel_labels(observation["rgb"]), self.threshold)
