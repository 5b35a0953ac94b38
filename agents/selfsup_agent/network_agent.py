"""What the agents of interaction networks have in common: from one view to the network's output.

torch and what needs it are imported inside the functions that use them, so that `--help` answers at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from agents.base import MAX_INSTANCES

if TYPE_CHECKING:
    import torch

    from agents.base import Instance
    from agents.selfsup_agent.network import CellPrediction, PredictionNetwork
    from thor_interact_env.simulators.base import Observation


Output = TypeVar("Output", bound="CellPrediction")


class NetworkAgent(ABC, Generic[Output]):
    """Proposes instances in one view with an interaction network, without touching anything.

    Implements `agents.base.Agent`; a subclass says which network it is, and how instances are found in its
    output.
    """

    def __init__(
        self,
        network: PredictionNetwork,
        precision: str = "auto",
        max_instances: int = MAX_INSTANCES,
    ) -> None:
        """Copy a network as it is now; what happens to it later does not change the agent.

        On the CPU the process then keeps the memory that it frees (`keep_freed_memory`): otherwise the system
        clears the pages of each pass anew.

        Args:
            network: The network, on the device it is to run on.
            precision: `bf16`, `fp32`, or `auto`: bf16 where that is faster.
            max_instances: Maximum number of instances proposed in one view.
        """
        import torch

        from agents.selfsup_agent.network import fused
        from agents.training.processor import fast_bf16, keep_freed_memory

        self.network = fused(network)
        """The copy, for inference."""
        self._device = next(network.parameters()).device
        self._bf16 = fast_bf16(self._device) if precision == "auto" else precision == "bf16"
        self.max_instances = max_instances
        self._memory_format = torch.contiguous_format if self._device.type == "mps" else torch.channels_last
        self.network.to(memory_format=self._memory_format)
        if self._device.type == "cpu":
            keep_freed_memory()

    @staticmethod
    def trained_network(path: Path, device: str, network_of: Callable[[Mapping[str, Any]], Any]) -> Any:
        """Return the network that a run has trained.

        Args:
            path: A run folder, whose last checkpoint is taken, or the folder of one checkpoint.
            device: Where to run: `auto`, `cpu`, `cuda`, ...
            network_of: Makes it of its state dict; `KeyError` or `RuntimeError` says that it is of another.

        Raises:
            CheckpointError: There is no checkpoint, or it is corrupt or of another network.
            ConfigurationError: There is no such device.
        """
        from agents.training.checkpoint import CheckpointError, last_checkpoint, load_checkpoint
        from agents.training.learner import resolve_device

        folder = last_checkpoint(path)
        try:
            network = network_of(load_checkpoint(folder, weights_only=True).model)
        except (KeyError, RuntimeError) as error:
            raise CheckpointError(
                f"The weights in {folder} are of another network ({error}); train again."
            ) from None
        return network.to(resolve_device(device))

    def predict(self, observation: Observation) -> Output:
        """Return the network's output for one view, batch of one, on the CPU in float32."""
        return self.predict_many([observation])

    def predict_many(self, observations: Sequence[Observation]) -> Output:
        """Return the network's output for a batch of views, on the CPU in float32."""
        import torch

        from agents.selfsup_agent.network import image_batch
        from agents.training.processor import separate_cores

        images = image_batch([(each["rgb"], each["depth"]) for each in observations])
        images = images.to(self._device, memory_format=self._memory_format)
        with torch.inference_mode(), self._autocast(), separate_cores():
            prediction = self.network(images)
        # The channels of all heads lie beside each other in memory, where every pass over one head is slow.
        output: Output = type(prediction)(*(tensor.float().cpu().contiguous() for tensor in prediction))
        return output

    def layers(self, observation: Observation) -> tuple[dict[str, npt.NDArray[np.float32]], Output]:
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

    @abstractmethod
    def instances(self, prediction: Output) -> list[Instance]:
        """Return the instances in the output for one view, best first, at most `max_instances`."""

    def propose(self, observation: Observation) -> list[Instance]:
        """Return the instances found in a view, best first.

        Args:
            observation: One view.

        Returns:
            At most `max_instances` instances; the masks are (300, 300) bool.
        """
        return self.instances(self.predict(observation))

    def propose_many(self, observations: Sequence[Observation]) -> list[list[Instance]]:
        """Return what `propose` returns for each of several views; see `agents.base.BatchAgent`."""
        import torch

        if not observations:
            return []
        batch: Any = self.predict_many(observations)
        each = [type(batch)(*(part[n : n + 1] for part in batch)) for n in range(len(observations))]
        with ThreadPoolExecutor(torch.get_num_threads()) as threads:
            return list(threads.map(self.instances, each))
