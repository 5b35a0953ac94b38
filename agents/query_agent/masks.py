"""Masks that are asked for by a cell, and their loss.

The query of a cell p is a centre in embedding space c = e_p + o_p, a sharpness s = softplus(a_p + 2) and a
squared radius r = exp(b_p). With it, the cell q belongs to the object at p with the probability
sigmoid(m_q), where m_q = s (1 - |e_q - c|^2 / r).
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from selfsup.losses import TYPICAL_AREA

BEYOND_OFFSET = 2
"""Channels of a query after its offset: sharpness and log squared radius."""

SHARPNESS_SHIFT = 2.0
"""What is added to the channel a: a sharpness of 2.1 where it is 0."""

LOG_RADIUS_LIMIT = 30.0
"""The log of a squared radius stays within minus and plus this, so that no radius is 0 or infinite."""

CROSS_ENTROPY_WEIGHT = 2.0
"""Factor of the cross-entropy in the loss of a mask."""

DICE_WEIGHT = 2.0
"""Factor of the Dice loss in the loss of a mask."""


class Queries(NamedTuple):
    """Queries of K cells.

    Attributes:
        centres: (K, C) float, in embedding space.
        sharpness: (K,) float, above 0.
        squared_radii: (K,) float, above 0.
        image: (K,) int64, the image of each, 0..B-1.
    """

    centres: Tensor
    sharpness: Tensor
    squared_radii: Tensor
    image: Tensor


def queries_at(embeddings: Tensor, queries: Tensor, image: Tensor, cells: Tensor) -> Queries:
    """Return the queries of cells.

    Args:
        embeddings: (B, C, H, W) float.
        queries: (B, C + 2, H, W) float, channels as in `QueryPrediction`.
        image: (K,) int64, the image of each cell.
        cells: (K, 2) int64, row and column, inside the maps.

    Raises:
        ValueError: The shapes do not fit.
    """
    size = embeddings.shape[1]
    if queries.shape != (len(embeddings), size + BEYOND_OFFSET, *embeddings.shape[2:]):
        raise ValueError(
            f"embeddings {tuple(embeddings.shape)} and queries {tuple(queries.shape)} do not fit; they must "
            "be (B, C, H, W) and (B, C + 2, H, W)"
        )
    if cells.shape != (*image.shape, 2):
        raise ValueError(f"cells are {tuple(cells.shape)} for {len(image)} images; they must be (K, 2)")
    rows, columns = cells.unbind(1)
    own, asked = embeddings[image, :, rows, columns], queries[image, :, rows, columns]
    return Queries(
        centres=own + asked[:, :size],
        sharpness=functional.softplus(asked[:, size] + SHARPNESS_SHIFT),
        squared_radii=asked[:, size + 1].clamp(-LOG_RADIUS_LIMIT, LOG_RADIUS_LIMIT).exp(),
        image=image,
    )


def mask_logits(embeddings: Tensor, queries: Queries) -> Tensor:
    """Return the logit of every cell in the mask of each query: s (1 - |e_q - c|^2 / r).

    Args:
        embeddings: (B, C, H, W) float.
        queries: Of K cells.

    Returns:
        (K, H, W): above 0 within the radius.
    """
    # Differences first: |e|^2 - 2 e.c + |c|^2 would cancel near the centre, where it matters.
    differences = embeddings[queries.image] - queries.centres[:, :, None, None]
    distances = differences.square().sum(dim=1)
    shares = distances / queries.squared_radii[:, None, None]
    return queries.sharpness[:, None, None] * (1 - shares)


def mask_losses(logits: Tensor, masks: Tensor) -> Tensor:
    """Return the loss of each queried mask.

    With the area A of the mask T: 2 sum_q BCE(m_q, T_q) / sqrt(600 A), whose weight is that of a mask in the
    paper's loss with `area_exponent` 0.5, and 2 (1 - (2 sum P T + 1) / (sum P + sum T + 1)), the Dice loss of
    the probabilities P.

    Args:
        logits: (K, H, W), made by `mask_logits`.
        masks: (K, H, W) bool, not empty.

    Returns:
        (K,), at least 0.

    Raises:
        ValueError: The shapes differ.
    """
    if logits.shape != masks.shape:
        raise ValueError(
            f"logits are of shape {tuple(logits.shape)} but masks of {tuple(masks.shape)}; they must be equal"
        )
    wanted = masks.to(logits.dtype)
    areas = wanted.sum(dim=(1, 2))
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none").sum(dim=(1, 2))
    probabilities = logits.sigmoid()
    overlap, total = (probabilities * wanted).sum(dim=(1, 2)), probabilities.sum(dim=(1, 2)) + areas
    dice = 1 - (2 * overlap + 1) / (total + 1)
    return CROSS_ENTROPY_WEIGHT * entropy / (TYPICAL_AREA * areas.clamp(min=1)).sqrt() + DICE_WEIGHT * dice


def mean_over_images(
    losses: Tensor, image: Tensor, images: int, images_with_masks: Tensor | None = None
) -> Tensor:
    """Return the mean over the images that have a mask of the mean over each image's masks.

    Args:
        losses: (K,), of queried masks.
        image: (K,) int64, the image of each, 0..images-1.
        images: Images of the batch, B.
        images_with_masks: Scalar to divide by in place of the number of images that have a mask. Where this
            is a part of a batch whose parts' gradients are averaged, the mean count of the parts.

    Returns:
        A scalar; 0 where there is no mask.
    """
    counts = losses.new_zeros(images).index_add_(0, image, torch.ones_like(losses))
    if images_with_masks is None:
        images_with_masks = (counts > 0).sum().clamp(min=1)
    # The mean count of several parts may be below 1; where it is 0 there are no losses.
    return (losses / counts[image]).sum() / images_with_masks.clamp(min=1e-12)


def random_cells(masks: Tensor) -> Tensor:
    """Draw a cell of each mask, uniformly, from torch's global generator.

    Args:
        masks: (M, H, W) bool, not empty.

    Returns:
        (M, 2) int64, row and column.
    """
    if len(masks) == 0:
        return torch.empty((0, 2), dtype=torch.int64, device=masks.device)
    cells = torch.multinomial(masks.flatten(1).float(), 1).squeeze(1)
    width = masks.shape[2]
    return torch.stack((cells // width, cells % width), dim=1)
