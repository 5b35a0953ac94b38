"""What the query head learns from a batch: each mask is asked for by its touched cell and by another one."""

from typing import NamedTuple

import torch
from torch import Tensor

from agents.query_agent.masks import (
    mask_logits,
    mask_losses,
    mean_over_images,
    queries_at,
    random_cells,
)
from selfsup.losses import mask_iou_of
from selfsup.targets import Targets


class QueriedMasks(NamedTuple):
    """How well the masks of a batch are asked for.

    Attributes:
        loss: Scalar.
        ious: (M,) float in 0..1, IoU of each mask with the cells that its touched cell asks for.
    """

    loss: Tensor
    ious: Tensor


def queried_masks(
    embeddings: Tensor, queries: Tensor, targets: Targets, images_with_masks: Tensor | None = None
) -> QueriedMasks:
    """Ask for each mask of a batch from its touched cell and from another cell of the mask, drawn at random.

    The loss is the mean of `mask_losses` of both, over the masks of each image, then over the images that
    have a mask. Where the touched cell is not in the window, a second random cell takes its place.

    Args:
        embeddings: (B, C, H, W) float.
        queries: (B, C + 2, H, W) float.
        targets: Of the same images; no mask is empty.
        images_with_masks: As in `mean_over_images`.
    """
    masks, image = targets.masks, targets.mask_image
    touched, others = targets.mask_cells, random_cells(masks)
    size = torch.tensor(masks.shape[1:], device=masks.device)
    inside = ((touched >= 0) & (touched < size)).all(dim=1, keepdim=True)
    cells = torch.cat((torch.where(inside, touched, random_cells(masks)), others))
    logits = mask_logits(embeddings, queries_at(embeddings, queries, image.repeat(2), cells))
    losses = mask_losses(logits, masks.repeat(2, 1, 1))
    loss = mean_over_images(losses, image.repeat(2), len(embeddings), images_with_masks)
    return QueriedMasks(loss, mask_iou_of(logits[: len(masks)].detach() > 0, masks))
