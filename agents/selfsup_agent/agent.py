"""The paper's learner as an agent; its command line is `python -m agents.selfsup_agent --help`.

torch and what needs it are imported inside the functions that use them, so that `--help` is fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from agents.base import MAX_INSTANCES

if TYPE_CHECKING:
    import torch

    from agents.base import Instance
    from agents.selfsup_agent.network import ForceBranch, Prediction, PredictionNetwork
    from agents.selfsup_agent.variants import Variant
    from thor_interact_env.simulators.base import Observation


class SelfSupervisedAgent:
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
        import torch

        from agents.selfsup_agent.network import fused
        from agents.training.processor import fast_bf16

        self.network = fused(network)
        """The copy, for inference."""
        self._device = next(network.parameters()).device
        self._bf16 = fast_bf16(self._device) if precision == "auto" else precision == "bf16"
        self.max_instances = max_instances
        self.refined = refined
        self._memory_format = torch.contiguous_format if self._device.type == "mps" else torch.channels_last
        self.network.to(memory_format=self._memory_format)

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
        from agents.training.checkpoint import CheckpointError, last_checkpoint, load_checkpoint
        from agents.training.learner import resolve_device
        from agents.training.run_folder import config_file, load_config

        folder = last_checkpoint(Path(path))
        try:
            network = network_from_weights(load_checkpoint(folder, weights_only=True).model)
        except (KeyError, RuntimeError) as error:
            raise CheckpointError(
                f"The weights in {folder} are of another network ({error}); train again."
            ) from None
        with_schedule = config_file(Path(path)).exists()
        refined = with_schedule and load_config(Path(path)).schedule.refined_instances
        return cls(network.to(resolve_device(device)), refined=refined)

    def predict(self, observation: Observation) -> Prediction:
        """Return the network's output for one view, batch of one, on the CPU in float32."""
        import torch

        from agents.selfsup_agent.network import Prediction, image_tensor

        image = image_tensor(observation["rgb"], observation["depth"])[None]
        image = image.to(self._device, memory_format=self._memory_format)
        with torch.inference_mode(), self._autocast():
            prediction = self.network(image)
        return Prediction(*(tensor.float().cpu() for tensor in prediction))

    def layers(self, observation: Observation) -> tuple[dict[str, npt.NDArray[np.float32]], Prediction]:
        """Return the network's intermediate tensors for one view, and its output.

        Args:
            observation: One view.

        Returns:
            (features, rows, columns) float32 by the name of the stage (`PredictionNetwork.stages`), in order;
            and the output of `predict`.
        """
        seen: dict[str, npt.NDArray[np.float32]] = {}

        def keep(name: str, output: torch.Tensor) -> None:
            seen[name] = output[0].detach().float().cpu().numpy()

        hooks = [
            module.register_forward_hook(lambda _, __, output, name=name: keep(name, output))
            for name, module in self.network.stages().items()
        ]
        try:
            prediction = self.predict(observation)
        finally:
            for hook in hooks:
                hook.remove()
        return seen, prediction

    def _autocast(self) -> torch.autocast:
        import torch

        return torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._bf16)

    def maps(self, observation: Observation) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Return the interaction score and the most likely force of each grid cell.

        Args:
            observation: One view.

        Returns:
            (100, 100) float32 logits and (100, 100) int64 force indices 0..2.
        """
        prediction = self.predict(observation)
        return prediction.scores[0].numpy(), prediction.force_logits[0].argmax(0).numpy()

    def propose(self, observation: Observation) -> list[Instance]:
        """Return the instances found in a view, best first (paper section 4.1).

        Args:
            observation: One view.

        Returns:
            At most `max_instances` instances; the masks are (300, 300) bool and do not overlap.
        """
        from agents.selfsup_agent.clustering import greedy_instances, upscale_instances
        from agents.selfsup_agent.refinement import refined_instances

        prediction = self.predict(observation)
        embeddings = prediction.embeddings[0].numpy()
        found = greedy_instances(
            prediction.scores[0].numpy(),
            prediction.force_logits[0].numpy(),
            embeddings,
            max_instances=self.max_instances,
        )
        return upscale_instances(refined_instances(found, embeddings) if self.refined else found)
