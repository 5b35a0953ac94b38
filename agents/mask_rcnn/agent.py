"""Mask R-CNN as an agent; its command line is `python -m agents.mask_rcnn --help`.

The upper bound and the ablation of the paper's table 1: fully supervised with mass (row b) and without (h),
and on self-supervised masks with pixel cross-entropy (i) and with the robust set loss (j). torch and
torchvision are imported inside the functions that use them, so that `--help` is fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from agents.base import Instance
from agents.mask_rcnn.configuration import MaskRCNNConfig

if TYPE_CHECKING:
    from torchvision.models.detection import MaskRCNN

    from thor_interact_env.simulators.base import Observation


MASK_THRESHOLD = 0.5
"""Minimum probability of a pixel of an instance."""


class MaskRCNNAgent:
    """Proposes instances in one view with Mask R-CNN, without touching anything.

    Implements `agents.base.Agent`.
    """

    def __init__(self, network: MaskRCNN, precision: str = "auto") -> None:
        """Use a network without a copy; it is put into evaluation mode.

        Args:
            network: Made by `agents.mask_rcnn.network.build_mask_rcnn`, on the device it is to run on.
            precision: `bf16`, `fp32`, or `auto`: bf16 where that is faster.
        """
        from agents.training.processor import fast_bf16

        self._network = network.eval()
        self._device = next(network.parameters()).device
        self._bf16 = fast_bf16(self._device) if precision == "auto" else precision == "bf16"

    @classmethod
    def from_network(cls, network: MaskRCNN, precision: str = "auto") -> MaskRCNNAgent:
        """Return an agent with a copy of a network, so that training it further does not change the agent."""
        from copy import deepcopy

        return cls(deepcopy(network), precision)

    @classmethod
    def from_run(cls, run: str | Path, device: str = "auto") -> MaskRCNNAgent:
        """Return the agent that a run has trained.

        Args:
            run: A run folder, whose last checkpoint is taken, or the folder of one checkpoint.
            device: Where to run: `auto`, `cpu`, `cuda`, ...

        Raises:
            CheckpointError: There is no checkpoint, or it is corrupt or of another system or network.
            ConfigurationError: There is no such device.
            DependencyNotInstalled: torchvision is not installed.
        """
        import torch

        from agents.mask_rcnn.network import build_mask_rcnn
        from agents.training.checkpoint import last_checkpoint, load_checkpoint, restore_network
        from agents.training.learner import resolve_device
        from agents.training.run_folder import read_config

        config = read_config(Path(run), MaskRCNNConfig)
        folder = last_checkpoint(Path(run))
        checkpoint = load_checkpoint(folder, weights_only=True)
        with torch.random.fork_rng(devices=[]):
            network = build_mask_rcnn(config)
        restore_network(network, checkpoint, folder)
        network = network.to(resolve_device(device))
        if next(network.parameters()).device.type != "mps":
            network.to(memory_format=torch.channels_last)
        return cls(network)

    def propose(self, observation: Observation) -> list[Instance]:
        """Return the instances found in a view, best first.

        Args:
            observation: One view.

        Returns:
            At most 32 instances with (300, 300) bool masks, which may overlap. The point is the pixel deepest
            inside the mask. The force is the mass class (0 light, 1 medium, 2 heavy), or 0 from a network
            that has not learned masses.
        """
        import torch

        from agents.selfsup_agent.network import image_tensor

        image = image_tensor(observation["rgb"], observation["depth"]).to(self._device)
        autocast = torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._bf16)
        with torch.inference_mode(), autocast:
            found = self._network([image])[0]
        masks = (found["masks"][:, 0] > MASK_THRESHOLD).cpu().numpy()
        scores, labels = found["scores"].float().cpu().numpy(), found["labels"].cpu().numpy()
        instances = [
            Instance(innermost_pixel(mask), int(label) - 1, float(score), mask)
            for mask, label, score in zip(masks, labels, scores, strict=True)
            if mask.any()
        ]
        return sorted(instances, key=lambda instance: -instance.score)


def innermost_pixel(mask: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return the row and column of the pixel of a mask that is farthest from its border.

    Args:
        mask: (h, w) bool, not empty; pixels outside the image are not part of it.
    """
    from agents.collection.oracles import distance_to_border

    row, column = divmod(int(distance_to_border(mask).argmax()), mask.shape[1])
    return row, column
