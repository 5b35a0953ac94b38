"""One network, one optimizer, and the update of the weights from a batch of experiences."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from agents.selfsup_agent.network import CellPrediction, PredictionNetwork
from agents.selfsup_agent.variants import make_network
from agents.training.batches import Batch, Batches
from agents.training.checkpoint import Checkpoint, restore_training
from agents.training.configuration import TrainConfig
from agents.training.optimizer import Muon, descend
from agents.training.processor import fast_bf16, use_threads
from agents.training.ranks import check_ranks, make_fabric, share_batch_norm, sum_over_ranks
from agents.training.schedule import ConfigurationError
from selfsup.losses import (
    distance_loss,
    force_iou,
    force_loss,
    interaction_iou,
    interaction_loss,
    loss_factors,
    mask_distances,
    mask_iou,
)
from selfsup.memory_bank import image_scores
from selfsup.targets import Targets


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


def precision_of(config: TrainConfig, device: torch.device) -> Any:
    """Return the precision of a run as Lightning Fabric names it."""
    if config.precision != "auto":
        return config.precision
    return "bf16-mixed" if fast_bf16(device) else "32-true"


OnScores = Callable[[npt.NDArray[np.float64]], None]
"""Takes (B,) scores of the locations of a batch, each in 0..1."""


@dataclass(frozen=True, eq=False)
class Judgement:
    """What is wrong with a prediction.

    Attributes:
        losses: Scalars by name, at least one.
        scores: (B,) float64 in 0..1, how well each location is known; decides its next priority.
        measure: Returns what else is to be noted; called without gradients, once the weights are updated.
    """

    losses: Mapping[str, Tensor]
    scores: npt.NDArray[np.float64]
    measure: Callable[[], dict[str, float]]


@dataclass(frozen=True)
class UpdateResult:
    """The measures of one update, before the weights change.

    Attributes:
        measures: The losses, and the IoU of each head with its target if there is one.
        scores: (B,) float64 in 0..1, minimum mask IoU of each location, with windows of the masks in it;
            determines its next priority.
    """

    measures: dict[str, float]
    scores: npt.NDArray[np.float64]


@dataclass(frozen=True)
class MaskFit:
    """How well a prediction fits the masks of a batch.

    Attributes:
        ious: (M,) float in 0..1, IoU of each mask with the predicted one.
        loss: Returns the loss of the masks, a scalar.
    """

    ious: Tensor
    loss: Callable[[], Tensor]


class Learner:
    """The network with its optimizer on a device, and the losses of the paper's learner.

    Another learner of the same training steps overrides `new_network`, `mask_fit`, `loss_of_forces` or
    `losses`.

    Attributes:
        config: The run.
        fabric: Device and precision.
        network: The network.
        optimizer: Adam or Muon over its parameters.
        forward: The network in the fabric's precision.
        stepper: The optimizer as wrapped by the fabric.
        mask_loss: Name of the loss of the masks.
    """

    mask_loss = "embedding_loss"

    def __init__(self, config: TrainConfig) -> None:
        """Make a network with the initial weights of the seed.

        Args:
            config: The run.

        Raises:
            ConfigurationError: The device cannot be used, or the ranks do not fit.
        """
        use_threads(config.threads)
        self.config = config
        schedule = config.schedule
        check_ranks(config.ranks, batch_size=schedule.batch_size, memory_capacity=schedule.memory_capacity)
        device = resolve_device(config.device)
        self.fabric = make_fabric(device, precision_of(config, device), config.ranks)
        torch.manual_seed(config.seed)
        self.network = self.new_network().to(self.fabric.device)
        if config.ranks > 1:
            share_batch_norm(self.network)
        # Convolutions on CPUs in bf16, and on tensor cores, are faster with the channels last.
        self.memory_format = (
            torch.contiguous_format if self.fabric.device.type == "mps" else torch.channels_last
        )
        self.network = self.network.to(memory_format=self.memory_format)
        if config.schedule.tied_upsampling and config.network == "paper":  # the kernels of others differ
            for kernels in self.network.upsampling_kernels():
                kernels.register_hook(_mean_over_kernels)
        self.optimizer = self._new_optimizer()
        self._set_up()

    def new_network(self) -> PredictionNetwork:
        """Return the network with random weights, drawn from torch's global generator."""
        return make_network(self.config.network, self.config.force_branch)

    def _new_optimizer(self) -> torch.optim.Optimizer:
        schedule = self.config.schedule
        if schedule.optimizer == "muon":
            return Muon(self.network, schedule.learning_rate, schedule.weight_decay)
        return torch.optim.Adam(
            self.network.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay
        )

    def _set_up(self) -> None:
        self.forward, self.stepper = self.fabric.setup(self.network, self.optimizer, move_to_device=False)

    def start_stage(self) -> None:
        """Reset the optimizer's moments: each stage is a separate training run."""
        self.choose_parts()  # several ranks average the gradients of what is trained at this time
        self.optimizer = self._new_optimizer()
        self._set_up()

    def choose_parts(self, frozen: bool = False, joint: bool = True) -> None:
        """Decide which parts of the network are trained.

        Args:
            frozen: Not the detection part. Its batch normalisation keeps its statistics, so that scores and
                masks do not change.
            joint: The force head too. Without a loss of the forces, the optimizer's L2 penalty alone would
                bring its weights to 0.
        """
        self.network.train(not frozen)
        for parameter in self.network.parameters():
            parameter.requires_grad_(not frozen)
        for parameter in self.network.force_head.parameters():
            parameter.requires_grad_(joint)

    def load(self, checkpoint: Checkpoint, folder: Path) -> None:
        """Restore the weights and the optimizer of a checkpoint.

        Args:
            checkpoint: The checkpoint.
            folder: Its folder, for the error message.

        Raises:
            CheckpointError: It is of another network.
        """
        restore_training(self.network, self.optimizer, checkpoint, folder)

    def weights(self) -> dict[str, Tensor]:
        """Return the network's state dict."""
        return self.network.state_dict()

    def learn(self, batches: Batches, rate: float, joint: bool, frozen: bool = False) -> dict[str, float]:
        """Take one batch, set its new priorities, and update the weights.

        Args:
            batches: Source of the batch.
            rate: Learning rate.
            joint: Whether the force loss counts.
            frozen: Whether the detection part is frozen; see `choose_parts`.

        Returns:
            The measures of the batch.

        Raises:
            FloatingPointError: The loss is not finite.
        """
        batch = batches.take()
        return self.update(batch, rate, joint, frozen, partial(batches.use, batch)).measures

    def update(
        self,
        batch: Batch,
        rate: float,
        joint: bool,
        frozen: bool = False,
        on_scores: OnScores | None = None,
    ) -> UpdateResult:
        """Update the weights once.

        Args:
            batch: The batch.
            rate: Learning rate.
            joint: Whether the force loss counts.
            frozen: Leave out the losses of scores and embeddings.
            on_scores: Called with the scores as soon as they are known, before gradients are computed.

        Raises:
            FloatingPointError: The loss is not finite; the weights are as they were.
        """
        judged = self.judge(batch, joint, frozen, on_scores)
        measures = self.descend(judged.losses, rate)
        with torch.no_grad():
            measures |= judged.measure()
        return UpdateResult(measures, judged.scores)

    def descend(self, losses: Mapping[str, Tensor], rate: float) -> dict[str, float]:
        """Update the weights along the gradient of the sum of losses; see `agents.training.optimizer`."""
        return descend(self.fabric, self.optimizer, self.stepper, losses, rate)

    def judge(self, batch: Batch, joint: bool, frozen: bool, on_scores: OnScores | None) -> Judgement:
        """Predict, and compare with the targets; what a learner with other heads or losses overrides.

        Args:
            batch: What to learn from.
            joint: Whether the force loss counts.
            frozen: Leave out the losses of scores and embeddings.
            on_scores: Called with the scores as soon as they are known.
        """
        images = batch.images.to(self.fabric.device, memory_format=self.memory_format)
        targets = batch.targets.to(self.fabric.device)
        windows = () if batch.corners is None else (batch.corners.to(self.fabric.device),)
        prediction = self.forward(images, *windows)
        fit = self.mask_fit(prediction, targets)
        scores = image_scores(
            fit.ious.cpu().double().numpy(),
            batch.targets.mask_image.numpy(),
            len(batch),
            self.config.location_score,
        )
        if on_scores is not None:
            on_scores(scores)
        losses = self.losses(prediction, fit, targets, joint, frozen)
        return Judgement(losses, scores, lambda: _head_ious(prediction, targets, fit.ious, joint))

    def mask_fit(self, prediction: Any, targets: Targets) -> MaskFit:
        """Compare a prediction with the masks of its batch.

        Args:
            prediction: Of the network, for B images.
            targets: Of the same images.
        """
        clipped = self.config.clipped_distances
        distances = mask_distances(prediction.embeddings, targets.masks, targets.mask_image, clipped)
        with torch.no_grad():
            ious = mask_iou(distances, targets.masks)
        loss = partial(
            distance_loss,
            distances,
            targets.masks,
            targets.mask_image,
            len(prediction.scores),
            self.config.embedding_normalization,
            self.images_with_masks(targets),
            self.config.schedule.area_exponent,
        )
        return MaskFit(ious, loss)

    def losses(
        self, prediction: CellPrediction, fit: MaskFit, targets: Targets, joint: bool, frozen: bool
    ) -> dict[str, Tensor]:
        """Return the losses of a prediction by name.

        Args:
            prediction: Of the network, for B images.
            fit: Of its masks.
            targets: Of the same images.
            joint: Whether the force loss counts.
            frozen: Leave out the losses of scores and masks.
        """
        factors = loss_factors(self.config.loss_weights, len(prediction.scores) * self.config.ranks)
        losses = {}
        if not frozen:
            losses["interaction_loss"] = factors.interaction * interaction_loss(
                prediction.scores, targets.foreground, targets.background
            )
            losses[self.mask_loss] = factors.masks * fit.loss()
        if joint:
            losses["force_loss"] = factors.force * self.loss_of_forces(prediction, targets)
        return losses

    def loss_of_forces(self, prediction: CellPrediction, targets: Targets) -> Tensor:
        """Return the loss of the predicted forces, a scalar (paper eq. 4).

        Args:
            prediction: Of the network, for B images.
            targets: Of the same images.
        """
        return force_loss(prediction.force_logits, targets.force)

    def images_with_masks(self, targets: Targets) -> Tensor | None:
        """Return the mean over the ranks of the number of images with a mask; None for a single rank."""
        ranks = self.config.ranks
        if ranks == 1:
            return None
        counted = targets.mask_image.unique().numel()
        return sum_over_ranks(torch.tensor(float(counted), device=self.fabric.device)) / ranks


def _mean_over_kernels(gradient: Tensor) -> Tensor:
    """Average the gradient over the kernels of a transposed convolution, (I, O, 2, 2), which stay equal."""
    return gradient.mean((2, 3), keepdim=True).expand_as(gradient).contiguous()


def _head_ious(prediction: CellPrediction, targets: Targets, ious: Tensor, joint: bool) -> dict[str, float]:
    measured = {
        "interaction_iou": float(interaction_iou(prediction.scores, targets.foreground, targets.background))
    }
    if joint:
        measured["force_iou"] = float(force_iou(prediction.force_logits, targets.force))
    if len(ious):
        measured["mask_iou"] = ious.mean().item()
    return {name: value for name, value in measured.items() if np.isfinite(value)}
