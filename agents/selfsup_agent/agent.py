"""The paper's learner as an agent; its command line is `python -m agents.selfsup_agent --help`.

torch and what needs it are imported inside the functions that use them, so that `--help` is fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agents.base import MAX_INSTANCES
from agents.selfsup_agent.network_agent import NetworkAgent

if TYPE_CHECKING:
    from agents.base import Instance
    from agents.selfsup_agent.network import ForceBranch, Prediction, PredictionNetwork
    from agents.selfsup_agent.variants import Variant


class SelfSupervisedAgent(NetworkAgent["Prediction"]):
    """Proposes instances in one view with the interaction network, without touching anything.

    Implements `agents.base.Agent`.
    """

    def __init__(
        self,
        network: PredictionNetwork,
        precision: str = "auto",
        max_instances: int = MAX_INSTANCES,
        refined: bool = False,
    ) -> None:
        """Copy a network; later changes of the network do not change the agent.

        Args:
            network: The network, on the device it is to run on.
            precision: `bf16`, `fp32`, or `auto`: bf16 where that is faster.
            max_instances: Maximum number of instances proposed in one view.
            refined: Whether instances are refined (`agents.selfsup_agent.refinement`); the paper's are not.
        """
        super().__init__(network, precision, max_instances)
        self.refined = refined

    def without_refinement(self) -> SelfSupervisedAgent:
        """Return an agent with the same network and the paper's instances."""
        precision = "bf16" if self._bf16 else "fp32"
        return type(self)(self.network, precision, self.max_instances)

    @classmethod
    def untrained(
        cls,
        seed: int = 0,
        device: str = "auto",
        force_branch: ForceBranch = "shared",
        variant: Variant = "paper",
    ) -> SelfSupervisedAgent:
        """Return an agent with the weights that a run of this seed and network starts from.

        Args:
            seed: Seed of the weights.
            device: Where to run: `auto`, `cpu`, `cuda`, ...
            force_branch: What the force head of the paper's network reads.
            variant: Variant of the network.
        """
        import torch

        from agents.selfsup_agent.variants import make_network
        from agents.training.learner import resolve_device

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(make_network(variant, force_branch).to(resolve_device(device)))

    @classmethod
    def from_run(cls, path: str | Path, device: str = "auto") -> SelfSupervisedAgent:
        """Return the agent that a run has trained.

        Args:
            path: A run folder, whose last checkpoint is taken, or the folder of one checkpoint. Its schedule
                states whether instances are refined; those of a checkpoint without its run are not.
            device: Where to run: `auto`, `cpu`, `cuda`, ...

        Raises:
            CheckpointError: There is no checkpoint, or it is corrupt or of another network.
            ConfigurationError: There is no such device.
        """
        from agents.selfsup_agent.variants import network_from_weights
        from agents.training.run_folder import config_file, load_config

        with_schedule = config_file(Path(path)).exists()  # read first: it says whose weights they are
        refined = with_schedule and load_config(Path(path)).schedule.refined_instances
        return cls(cls.trained_network(Path(path), device, network_from_weights), refined=refined)

    def instances(self, prediction: Prediction) -> list[Instance]:
        """Return the instances in the output for one view, best first (paper section 4.1).

        Args:
            prediction: Output of the network for a batch of one.

        Returns:
            At most `max_instances` instances, whose masks do not overlap.
        """
        from agents.selfsup_agent.clustering import greedy_instances, upscale_instances
        from agents.selfsup_agent.refinement import refined_instances

        embeddings = prediction.embeddings[0].numpy()
        found = greedy_instances(
            prediction.scores[0].numpy(),
            prediction.force_logits[0].numpy(),
            embeddings,
            max_instances=self.max_instances,
        )
        return upscale_instances(refined_instances(found, embeddings) if self.refined else found)
