"""One network, one optimizer, and the update that turns a batch of experiences into better weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from lightning_fabric import Fabric
from torch import Tensor

from agents.checkpoint import Checkpoint, CheckpointError, restore_optimizer
from agents.configuration import TrainConfig
from agents.network import Prediction, fast_bf16, image_tensor
from agents.schedule import ConfigurationError
from agents.variants import make_network
from selfsup.augmentation import augment
from selfsup.feedback import Experience
from selfsup.losses import (
    distance_loss,
    force_iou,
    force_loss,
    interaction_iou,
    interaction_loss,
    mask_distances,
    mask_iou,
)
from selfsup.memory_bank import MemoryBank, image_scores
from selfsup.targets import Targets, build_targets


def resolve_device(name: str) -> torch.device:
    """Return the device of that name; `auto` is a GPU if there is one.

    Raises:
        ConfigurationError: There is no such device on this machine.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(
            f"device {name!r} cannot be used ({reason}); auto and cpu always can."
        ) from None
    return device


def make_fabric(config: TrainConfig) -> Fabric:
    """Return Lightning Fabric for the configured device and precision."""
    device = resolve_device(config.device)
    precision: Any = config.precision
    if precision == "auto":
        precision = "bf16-mixed" if fast_bf16(device) else "32-true"
    devices = 1 if device.index is None or device.type == "cpu" else [device.index]
    return Fabric(accelerator=device.type, devices=devices, precision=precision)


@dataclass(frozen=True)
class UpdateResult:
    """What one update measured, before it changed the weights.

    Attributes:
        measures: The losses, and the IoU of each head with its target where there is one.
        scores: (B,) float64 in 0..1, least mask IoU of each location; decides its next priority.
    """

    measures: dict[str, float]
    scores: npt.NDArray[np.float64]


class Learner:
    """The network with its optimizer on a device."""

    def __init__(self, config: TrainConfig) -> None:
        """Make a network with the weights that the seed decides.

        Args:
            config: The run.

        Raises:
            ConfigurationError: The device cannot be used.
        """
        torch.set_num_threads(config.threads)
        self._config = config
        self.fabric = make_fabric(config)
        torch.manual_seed(config.seed)
        self.network = make_network(config.network, config.force_branch).to(self.fabric.device)
        # Convolutions on CPUs in bf16, and on tensor cores, want the channels last.
        self._memory_format = (
            torch.contiguous_format if self.fabric.device.type == "mps" else torch.channels_last
        )
        self.network = self.network.to(memory_format=self._memory_format)
        self.optimizer = self._new_optimizer()
        self._set_up()

    def _new_optimizer(self) -> torch.optim.Optimizer:
        schedule = self._config.schedule
        upsampling = {id(parameter) for parameter in self.network.upsampling_parameters()}
        others = [parameter for parameter in self.network.parameters() if id(parameter) not in upsampling]
        groups = [
            {"params": others, "rate": 1.0},
            {"params": self.network.upsampling_parameters(), "rate": schedule.upsampling_rate},
        ]
        return torch.optim.Adam(groups, lr=schedule.learning_rate, weight_decay=schedule.weight_decay)

    def _set_up(self) -> None:
        self._forward, self._stepper = self.fabric.setup(self.network, self.optimizer, move_to_device=False)

    def start_stage(self) -> None:
        """Forget the optimizer's moments: a stage is a training run of its own."""
        self.optimizer = self._new_optimizer()
        self._set_up()

    def freeze_detection(self, frozen: bool) -> None:
        """Let only the force head learn, or everything.

        Frozen batch normalisation keeps its statistics, so that scores and masks stay exactly as they are.
        """
        self.network.train(not frozen)
        for parameter in self.network.parameters():
            parameter.requires_grad_(not frozen)
        for parameter in self.network.force_head.parameters():
            parameter.requires_grad_(True)

    def load(self, checkpoint: Checkpoint, folder: Path) -> None:
        """Put back the weights and the optimizer of a checkpoint.

        Args:
            checkpoint: What was saved.
            folder: Where it comes from, for the message.

        Raises:
            CheckpointError: It is of another network.
        """
        try:
            self.network.load_state_dict(checkpoint.model)
        except RuntimeError as error:
            raise CheckpointError(
                f"The weights in {folder} are of another network ({error}); train again."
            ) from None
        restore_optimizer(self.optimizer, checkpoint.optimizer)

    def weights(self) -> dict[str, Tensor]:
        """Return the network's state dict."""
        return self.network.state_dict()

    def learn(
        self, bank: MemoryBank, rng: np.random.Generator, rate: float, joint: bool, frozen: bool = False
    ) -> dict[str, float]:
        """Sample one batch, update the weights, and give the batch its new priorities.

        Args:
            bank: Where to sample from.
            rng: Decides the batch and its augmentation.
            rate: Learning rate.
            joint: Whether the force loss counts.
            frozen: Whether the detection part stays as it is; see `freeze_detection`.

        Returns:
            The measures of the batch.

        Raises:
            FloatingPointError: The loss is not finite.
        """
        indices, experiences = bank.sample(self._config.schedule.batch_size, rng)
        result = self.update([augment(experience, rng) for experience in experiences], rate, joint, frozen)
        if not np.isfinite(result.measures["loss"]):
            raise FloatingPointError(
                f"The loss is {result.measures['loss']}: training has diverged; "
                f"lower the learning rate, {rate:g}."
            )
        bank.update_priorities(indices, result.scores)
        return result.measures

    def update(
        self, experiences: Sequence[Experience], rate: float, joint: bool, frozen: bool = False
    ) -> UpdateResult:
        """Update the weights once.

        Args:
            experiences: One batch.
            rate: Learning rate.
            joint: Whether the force loss counts.
            frozen: Leave out the losses of scores and embeddings.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["rate"]
        images = torch.stack([image_tensor(experience.rgb, experience.depth) for experience in experiences])
        images = images.to(self.fabric.device, memory_format=self._memory_format)
        targets = build_targets(experiences, self._config.kernel_name).to(self.fabric.device)
        prediction: Prediction = self._forward(images)
        distances = mask_distances(prediction.embeddings, targets.masks, targets.mask_image)
        losses = {}
        if not frozen:
            losses["interaction_loss"] = interaction_loss(
                prediction.scores, targets.foreground, targets.background
            )
            losses["embedding_loss"] = distance_loss(
                distances,
                targets.masks,
                targets.mask_image,
                len(experiences),
                self._config.embedding_normalization,
            )
        if joint:
            losses["force_loss"] = force_loss(prediction.force_logits, targets.force)
        total = torch.stack(list(losses.values())).sum()
        self._stepper.zero_grad(set_to_none=True)
        self.fabric.backward(total)
        self._stepper.step()
        measures = {"loss": total.item()} | {name: loss.item() for name, loss in losses.items()}
        with torch.no_grad():
            ious = mask_iou(distances, targets.masks)
            measures |= _head_ious(prediction, targets, ious, joint)
            scores = image_scores(
                ious.cpu().double().numpy(), targets.mask_image.cpu().numpy(), len(experiences)
            )
        return UpdateResult(measures, scores)


def _head_ious(prediction: Prediction, targets: Targets, ious: Tensor, joint: bool) -> dict[str, float]:
    measured = {
        "interaction_iou": float(interaction_iou(prediction.scores, targets.foreground, targets.background))
    }
    if joint:
        measured["force_iou"] = float(force_iou(prediction.force_logits, targets.force))
    if len(ious):
        measured["mask_iou"] = ious.mean().item()
    return {name: value for name, value in measured.items() if np.isfinite(value)}
