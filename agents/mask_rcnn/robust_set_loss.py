"""The robust set loss: a predicted mask only has to be near a noisy one (Pathak et al. 2018).

Self-supervised masks are often too large or too small. With a
loss for each pixel the mask head learns these errors. Here each target is replaced by the mask nearest to the
prediction whose IoU with the noisy mask reaches 0.75 (row j of the paper's table 1), so confident predictions
do not change.
"""

import torch
from torch import Tensor

TARGET_IOU = 0.75
"""Minimum IoU of a target with the noisy mask."""

LOGIT_STEP = 0.1
"""Change of the logits in one step: raised inside the noisy mask, or lowered outside it."""

MAX_STEPS = 25
"""Maximum number of steps; after these the mask is taken even with a lower IoU."""


def robust_targets(logits: Tensor, noisy: Tensor) -> Tensor:
    """Replace noisy masks by masks near to both them and the prediction.

    Starting from the logits, in each step the foreground logit is raised by 0.1 inside the noisy mask, or
    lowered by 0.1 outside it, or both: the first of the three, in this order, that raises the IoU of the
    thresholded prediction with the noisy mask. If none does, both are done, so that the next steps
    start nearer. It ends when the IoU reaches 0.75, at the latest after 25 steps.

    All masks go through the steps together. A pixel's logit depends only on the number of steps inside or
    outside so far, so the pixels that are foreground after each number of steps are counted once.

    Args:
        logits: (n, h, w) foreground logits (the log-probability of the foreground less that of the
            background), of a floating dtype; no gradient flows through them.
        noisy: (n, h, w) bool, the noisy masks.

    Returns:
        (n, h, w) bool, the new targets. A prediction whose IoU is at least 0.75 is its own target.

    Raises:
        ValueError: The shapes differ, or `noisy` is not bool.
    """
    if logits.ndim != 3 or logits.shape != noisy.shape or noisy.dtype != torch.bool:
        raise ValueError(
            f"logits are {tuple(logits.shape)} and noisy is {noisy.dtype} of {tuple(noisy.shape)}; "
            "both must be (n, h, w), and noisy bool"
        )
    values, inside = logits.detach().float().flatten(1), noisy.flatten(1)
    steps = torch.arange(MAX_STEPS + 1, device=values.device)
    # Foreground pixels in each mask after k steps inside (hits) and after k steps outside (misses).
    hits = torch.stack([((values + shift > 0) & inside).sum(1) for shift in _shifts(steps)], 1)
    misses = torch.stack([((values - shift > 0) & ~inside).sum(1) for shift in _shifts(steps)], 1)
    area = inside.sum(1)
    raised = torch.zeros(len(values), dtype=torch.long, device=values.device)
    lowered = torch.zeros_like(raised)
    iou = _iou(hits, misses, area, raised, lowered)
    for _ in range(MAX_STEPS):
        active = iou < TARGET_IOU
        if not active.any():
            break
        better_inside = _iou(hits, misses, area, raised + 1, lowered) > iou
        better_outside = _iou(hits, misses, area, raised, lowered + 1) > iou
        outside = ~better_inside  # alone, or with the inside where neither is better alone
        raised = raised + (active & (better_inside | ~better_outside))
        lowered = lowered + (active & outside)
        iou = _iou(hits, misses, area, raised, lowered)
    shift = torch.where(inside, raised[:, None], -lowered[:, None]) * LOGIT_STEP
    return (values + shift > 0).view(noisy.shape)


def mask_iou(masks: Tensor, others: Tensor) -> Tensor:
    """Return the IoU of each mask with its counterpart.

    Args:
        masks: (n, h, w) bool.
        others: (n, h, w) bool.

    Returns:
        (n,) float32 in 0..1; 1 where both are empty.
    """
    intersection = (masks & others).flatten(1).sum(1)
    return _ratio(intersection, (masks | others).flatten(1).sum(1))


def _shifts(steps: Tensor) -> Tensor:
    return steps * LOGIT_STEP


def _iou(hits: Tensor, misses: Tensor, area: Tensor, raised: Tensor, lowered: Tensor) -> Tensor:
    """Return the (n,) IoU with the noisy masks after given numbers of steps inside and outside."""
    last = hits.shape[1] - 1  # results past the last step are not used
    hit = hits.gather(1, raised.clamp(max=last)[:, None])[:, 0]
    missed = misses.gather(1, lowered.clamp(max=last)[:, None])[:, 0]
    return _ratio(hit, area + missed)


def _ratio(intersection: Tensor, union: Tensor) -> Tensor:
    return torch.where(
        union > 0, intersection / union.clamp(min=1), torch.ones_like(union, dtype=torch.float)
    )
