"""The force that an object takes, as a probability: the loss of touches that leave several forces open.

The feedback on a force leaves a set of forces that may be the lowest one that moves the object: only the
predicted one (correct), all larger ones (too small), or all smaller ones (too large). So with the predicted
probabilities P, the negative log likelihood of a touch is -log of their sum over this set.

Most touches that move something are of heavy and medium things. A network that learns from these as they
come hardly ever predicts the lowest force. So while it learns, the logarithm of the frequency of each force
is added to its logits (Menon et al., "Long-tail learning via logit adjustment", ICLR 2021): the logits alone
then count all forces alike.
"""

import torch
from torch import Tensor

from selfsup.losses import FORCE_WEIGHT

MOMENTUM = 0.01
"""Part of the frequencies of the forces that a batch replaces."""

MINIMUM_FREQUENCY = 1e-3
"""No frequency is below this."""


def allowed_forces(target: Tensor) -> tuple[Tensor, Tensor]:
    """Return which forces a batch leaves open at each cell, and how much each cell counts.

    Where the masks of several touches overlap, the target is their sum, and the open forces are those in it.

    Args:
        target: (B, 3, H, W) float, how much each logit should rise or fall; `Targets.force`.

    Returns:
        (B, 3, H, W) bool, those that should rise; and (B, H, W) float, at least 0: the sum of the target's
        absolute values, 0 where no touch says anything.
    """
    return target > 0, target.abs().sum(dim=1)


def force_frequencies(target: Tensor) -> Tensor:
    """Return how much each force counts in a batch, where several are open in equal parts.

    Args:
        target: (B, 3, H, W) float; `Targets.force`.

    Returns:
        (3,) float, at least 0: 0 where the batch has no successful touch.
    """
    allowed, weight = allowed_forces(target)
    parts = allowed / allowed.sum(dim=1, keepdim=True).clamp(min=1)
    return (parts * weight[:, None]).sum(dim=(0, 2, 3))


def updated_frequencies(before: Tensor, counted: Tensor) -> Tensor:
    """Return the running frequencies of the forces after a batch.

    Args:
        before: (3,) float, their sum is 1.
        counted: (3,) float, as returned by `force_frequencies`.

    Returns:
        (3,) float, at least `MINIMUM_FREQUENCY` before they are divided by their sum.
    """
    total = counted.sum()
    mixed = torch.lerp(before, counted / total.clamp(min=1e-12), MOMENTUM * (total > 0))
    mixed = mixed.clamp(min=MINIMUM_FREQUENCY)
    return mixed / mixed.sum()


def likelihood_loss(force_logits: Tensor, target: Tensor, frequencies: Tensor) -> Tensor:
    """Return the negative log likelihood of the feedback on forces.

    With the logits l, the frequencies f and the set S of open forces of a cell: -w log(sum over k in S of
    P_k), P the softmax of l + log f; summed over an image, averaged over the images, times the paper's 0.1.

    Args:
        force_logits: (B, 3, H, W) float.
        target: (B, 3, H, W) float; `Targets.force`.
        frequencies: (3,) float, above 0.

    Returns:
        A scalar, at least 0.

    Raises:
        ValueError: The shapes differ.
    """
    if force_logits.shape != target.shape:
        raise ValueError(
            f"force logits are of shape {tuple(force_logits.shape)} but the target of {tuple(target.shape)}; "
            "they must be equal"
        )
    allowed, weight = allowed_forces(target)
    logs = torch.log_softmax(force_logits + frequencies.log()[:, None, None], dim=1)
    # Where nothing is said, all forces are open: the logarithm of 1 in place of that of an empty sum.
    open_ = allowed | (weight == 0)[:, None]
    likelihood = torch.logsumexp(logs.masked_fill(~open_, -torch.inf), dim=1)
    return -FORCE_WEIGHT * (weight * likelihood).sum() / len(force_logits)
