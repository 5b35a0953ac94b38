"""One network of queried masks, its optimizer, and the update: the paper's but for the loss of masks."""

from typing import Any

import torch
from torch import Tensor

from agents.query_agent.configuration import QueryConfig
from agents.query_agent.forces import force_frequencies, likelihood_loss, updated_frequencies
from agents.query_agent.losses import queried_masks
from agents.query_agent.network import QueryNet
from agents.selfsup_agent.network import CellPrediction
from agents.training.learner import Learner, MaskFit
from agents.training.ranks import sum_over_ranks
from selfsup.targets import Targets


class QueryLearner(Learner):
    """The network of queried masks with its optimizer on a device."""

    config: QueryConfig
    network: QueryNet
    mask_loss = "query_loss"

    def __init__(self, config: QueryConfig) -> None:
        """Make a network with the weights that the seed decides; see `Learner`."""
        super().__init__(config)

    def new_network(self) -> QueryNet:
        """Return a network with random weights, drawn from torch's global generator."""
        return QueryNet(force_branch=self.config.force_branch)

    def mask_fit(self, prediction: Any, targets: Targets) -> MaskFit:
        """Compare the masks of a batch with those that their cells ask for.

        Args:
            prediction: Of the network, for B images.
            targets: Of the same images.
        """
        asked = queried_masks(
            prediction.embeddings, prediction.queries, targets, self.images_with_masks(targets)
        )
        return MaskFit(asked.ious, lambda: asked.loss)

    def losses(
        self, prediction: Any, fit: MaskFit, targets: Targets, joint: bool, frozen: bool
    ) -> dict[str, Tensor]:
        """Return the losses of a prediction by name; see `Learner.losses`."""
        losses = super().losses(prediction, fit, targets, joint, frozen)
        if joint:
            losses["force_loss"] = self.config.force_weight * losses["force_loss"]
        if self.config.embedding_weight and not frozen:
            distances = super().mask_fit(prediction, targets).loss()
            losses["embedding_loss"] = self.config.embedding_weight * distances
        return losses

    def loss_of_forces(self, prediction: CellPrediction, targets: Targets) -> Tensor:
        """Return the loss that the configuration names; see `ForceLoss`."""
        if self.config.force_loss == "paper":
            return super().loss_of_forces(prediction, targets)
        return likelihood_loss(prediction.force_logits, targets.force, self._count_forces(targets))

    @torch.no_grad()
    def _count_forces(self, targets: Targets) -> Tensor:
        """Return the running frequencies of the forces, with those of this batch, of all ranks."""
        counted = force_frequencies(targets.force)
        if self.config.ranks > 1:
            counted = sum_over_ranks(counted)
        frequencies = self.network.force_frequencies
        frequencies.copy_(updated_frequencies(frequencies, counted))
        return frequencies.clone()
