"""The three losses, given by their gradients (paper appendix B).

The paper defines a loss by its "ascent": the direction in which each prediction is pushed. Every
loss here is a scalar whose gradient is minus that ascent. Its value is not the integral of the
gradient (which has no closed form) but the sum of the ascent's absolute
values: how hard the predictions are pushed. How well they fit is measured by the IoU of each
thresholded prediction with its target; see the functions named `..._iou`.
"""

from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

FORCE_WEIGHT = 0.1
"""Factor of the force loss, whose gradients are noisy (paper appendix B)."""

AREA_SCALE = 200.0
"""A mask of this many cells has weight 1 under the `averaged` normalisation, and in the authors' code."""

DISTANCE_THRESHOLD = 1.0
"""A cell belongs to a predicted mask when its squared distance to the mean is below this."""

TYPICAL_AREA = 600.0
"""Cells of a mask whose weight is the same for every exponent of the area; that of a chair nearby."""

EmbeddingNormalization = Literal["averaged", "added"]
"""`added`: a mask has weight 1 / area; the masks of an image are added, then all images of the batch
averaged (the paper's words). `averaged`: weight 200 / area; the masks of an image are averaged, then the
images that have any. The authors' code says the latter and does something else: see `LossWeights`."""

LossWeights = Literal["paper", "released"]
"""`paper`: each loss as it is defined here. `released`: what the authors' code does. Its own backward passes
ignore what comes from the averages and factors behind them, so that the gradients of all images and masks are
added: B times the interaction loss, 200 B times the embedding loss (`added`), 10 B times the force loss, for
B images. Its distances are not clipped either (`mask_distances`)."""


class LossFactors(NamedTuple):
    """Factors of the three losses.

    Attributes:
        interaction: Of `interaction_loss`.
        masks: Of `embedding_loss`.
        force: Of `force_loss`.
    """

    interaction: float
    masks: float
    force: float


def loss_factors(weights: LossWeights, images: int) -> LossFactors:
    """Return the factors of the three losses.

    Args:
        weights: The paper's, or those of the released code.
        images: B, all images of an update.

    Raises:
        ValueError: There are no such weights.
    """
    if weights not in get_args(LossWeights):
        raise ValueError(f"unknown loss weights {weights!r}; choose one of {get_args(LossWeights)}")
    if weights == "paper":
        return LossFactors(1.0, 1.0, 1.0)
    return LossFactors(images, AREA_SCALE * images, images / FORCE_WEIGHT)


def interaction_loss(scores: Tensor, foreground: Tensor, background: Tensor) -> Tensor:
    """Return the loss of the interaction scores (paper eq. 2).

    ascent(s) = fg sigma(-s) exp(-max(s, 0)^2 / 2) - bg sigma(s) exp(-min(s, 0)^2 / 2), summed over an
    image, averaged over the images.

    Args:
        scores: (B, 100, 100) logits.
        foreground: (B, 100, 100), at least 0, fg.
        background: (B, 100, 100), at least 0, bg.

    Returns:
        A scalar; see the module about its value.
    """
    _check_shapes("scores", scores, foreground=foreground, background=background)
    with torch.no_grad():
        ascent = foreground * _rise(scores) - background * _fall(scores)
        ascent /= len(scores)
    return _loss_with_ascent(scores, ascent)


def force_loss(force_logits: Tensor, target: Tensor) -> Tensor:
    """Return the loss of the force logits (paper eq. 4).

    ascent(m) = 0.1 ft ([ft > 0] sigma(-m) exp(-max(m, 0)^2 / 2) + [ft < 0] sigma(m) exp(-min(m, 0)^2 / 2)),
    summed over an image, averaged over the images.

    Args:
        force_logits: (B, 3, 100, 100).
        target: (B, 3, 100, 100), ft.

    Returns:
        A scalar; see the module about its value.
    """
    _check_shapes("force_logits", force_logits, target=target)
    with torch.no_grad():
        ascent = target * torch.where(target > 0, _rise(force_logits), _fall(force_logits))
        ascent *= FORCE_WEIGHT / len(force_logits)
    return _loss_with_ascent(force_logits, ascent)


def mask_distances(embeddings: Tensor, masks: Tensor, mask_image: Tensor, clipped: bool = True) -> Tensor:
    """Return the squared distance of every cell's embedding to the mean over each mask.

    d_p = |e_p - e_mean|^2. On the way back, the derivative of d_p with respect to each component of
    the difference e_p - e_mean, which is twice the component, is clipped to [-1, 1] (the paper's
    "huber square"); from the difference gradients flow into e_p and into e_mean.

    Args:
        embeddings: (B, C, H, W) float.
        masks: (M, H, W) bool. The mean over an empty mask is taken to be 0.
        mask_image: (M,) int64, the image of each mask, 0..B-1.
        clipped: Whether the derivative is clipped (paper); the authors' code does not.

    Returns:
        (M, H, W), of the embeddings' dtype.

    Raises:
        ValueError: The shapes do not fit.
    """
    if embeddings.ndim != 4 or masks.shape[1:] != embeddings.shape[2:] or mask_image.shape != masks.shape[:1]:
        raise ValueError(
            f"embeddings {tuple(embeddings.shape)}, masks {tuple(masks.shape)} and mask_image "
            f"{tuple(mask_image.shape)} do not fit; they must be (B, C, H, W), (M, H, W) and (M,)"
        )
    distances: Tensor = _SquaredDistance.apply(embeddings, masks, mask_image, clipped)
    return distances


def embedding_loss(
    embeddings: Tensor,
    masks: Tensor,
    mask_image: Tensor,
    images_in_batch: int,
    normalization: EmbeddingNormalization = "added",
    area_exponent: float = 1.0,
) -> Tensor:
    """Return the loss of the embeddings: `mask_distances`, then `distance_loss`.

    Args:
        embeddings: (B, C, H, W) float.
        masks: (M, H, W) bool; M may be 0, then loss and gradient are 0.
        mask_image: (M,) int64, the image of each mask, 0..B-1.
        images_in_batch: B.
        normalization: How masks and images are weighted.
        area_exponent: As in `distance_loss`.

    Returns:
        A scalar; see the module about its value.

    Raises:
        ValueError: The shapes do not fit, or there is no such normalisation.
    """
    distances = mask_distances(embeddings, masks, mask_image)
    return distance_loss(
        distances, masks, mask_image, images_in_batch, normalization, area_exponent=area_exponent
    )


def distance_loss(
    distances: Tensor,
    masks: Tensor,
    mask_image: Tensor,
    images_in_batch: int,
    normalization: EmbeddingNormalization = "added",
    images_with_masks: Tensor | None = None,
    area_exponent: float = 1.0,
) -> Tensor:
    """Return the loss of the embeddings, given their distances (paper eq. 5).

    ascent(d_p) = ([p not in B+] exp(-(d_p / 1.5)^4) - [p in B+] 1.5 d_p / (1 + d_p)) * weight of the mask.
    To be used with `mask_distances` where the distances are also needed for `mask_iou`.

    Args:
        distances: (M, H, W), made by `mask_distances`.
        masks: (M, H, W) bool. Empty masks count for nothing.
        mask_image: (M,) int64, the image of each mask.
        images_in_batch: B.
        normalization: How masks and images are weighted.
        images_with_masks: Scalar by which `averaged` divides; None counts them. Where this is a part of
            a batch whose parts' gradients are averaged, the mean count of the parts.
        area_exponent: e in 0..1: a mask has weight 1 / (area^e TYPICAL_AREA^(1 - e)) in place of 1 / area.
            1 is the paper's: all masks have equal weight, so a cell of a large mask has little; with 0 all
            cells have equal weight.

    Returns:
        A scalar; see the module about its value.

    Raises:
        ValueError: The shapes do not fit, or there is no such normalisation.
    """
    if normalization not in get_args(EmbeddingNormalization):
        raise ValueError(
            f"unknown normalization {normalization!r}; choose one of {get_args(EmbeddingNormalization)}"
        )
    _check_shapes("distances", distances, masks=masks)
    with torch.no_grad():
        ascent = torch.where(
            masks, -1.5 * distances / (1 + distances), torch.exp(-torch.square(torch.square(distances / 1.5)))
        )
        weights = _mask_weights(
            masks, mask_image, images_in_batch, normalization, images_with_masks, area_exponent
        )
        ascent *= weights.to(ascent.dtype)[:, None, None]
    return _loss_with_ascent(distances, ascent)


def interaction_iou(scores: Tensor, foreground: Tensor, background: Tensor) -> Tensor:
    """Return the IoU of the cells predicted to be worth touching with those found to be.

    Only explored cells count, near a successful or an unsuccessful point. Predicted: score > 0.
    Found: more foreground than background.

    Args:
        scores: (B, 100, 100) logits.
        foreground: (B, 100, 100), at least 0.
        background: (B, 100, 100), at least 0.

    Returns:
        A scalar in [0, 1] over the batch; 1 if nothing was predicted and nothing found.
    """
    _check_shapes("scores", scores, foreground=foreground, background=background)
    predicted = (scores > 0) & ((foreground > 0) | (background > 0))
    found = foreground > background
    return _iou((predicted & found).sum(), (predicted | found).sum())


def force_iou(force_logits: Tensor, target: Tensor) -> Tensor:
    """Return the IoU of the positive force logits with those that should be positive.

    Only entries with a target other than 0 count.

    Args:
        force_logits: (B, 3, 100, 100).
        target: (B, 3, 100, 100).

    Returns:
        A scalar in [0, 1] over the batch; 1 if there is nothing positive in either.
    """
    _check_shapes("force_logits", force_logits, target=target)
    predicted = (force_logits > 0) & (target != 0)
    wanted = target > 0
    return _iou((predicted & wanted).sum(), (predicted | wanted).sum())


def mask_iou(distances: Tensor, masks: Tensor) -> Tensor:
    """Return the IoU of each mask with the cells within distance 1 (paper appendix C).

    Args:
        distances: (M, H, W), made by `mask_distances`.
        masks: (M, H, W) bool.

    Returns:
        (M,) float in [0, 1]; 1 where both are empty.
    """
    _check_shapes("distances", distances, masks=masks)
    return mask_iou_of(distances.detach() < DISTANCE_THRESHOLD, masks)


def mask_iou_of(predicted: Tensor, masks: Tensor) -> Tensor:
    """Return the IoU of masks with predicted ones.

    Args:
        predicted: (M, H, W) bool.
        masks: (M, H, W) bool.

    Returns:
        (M,) float in [0, 1]; 1 where both are empty.
    """
    _check_shapes("predicted", predicted, masks=masks)
    return _iou((predicted & masks).sum(dim=(1, 2)), (predicted | masks).sum(dim=(1, 2)))


class _SquaredDistance(torch.autograd.Function):
    """See `mask_distances`.

    The work goes channel by channel, so that the largest temporary is (M, H, W) and not
    (M, C, H, W); differences are taken before squaring, since |e|^2 - 2 e.mean + |mean|^2
    cancels badly near the mean, where it matters. There is no matrix product, which autocast
    would do in bfloat16.
    """

    @staticmethod
    def forward(ctx: Any, embeddings: Tensor, masks: Tensor, mask_image: Tensor, clipped: bool) -> Tensor:
        channels = embeddings.transpose(0, 1).contiguous()
        weights = masks / _areas(masks).clamp(min=1).to(embeddings.dtype)[:, None, None]
        means = channels.new_empty(len(channels), len(masks))
        distances = channels.new_zeros(masks.shape)
        # Memory is allocated once: fresh pages cost more than the arithmetic.
        difference, weighted = torch.empty_like(distances), torch.empty_like(distances)
        for channel, mean in zip(channels, means, strict=True):
            torch.index_select(channel, 0, mask_image, out=difference)
            torch.mul(difference, weights, out=weighted)
            torch.sum(weighted, dim=(1, 2), out=mean)
            difference -= mean[:, None, None]
            distances.addcmul_(difference, difference)
        ctx.clipped = clipped
        ctx.save_for_backward(channels, means, weights, mask_image)
        return distances

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        channels, means, weights, mask_image = ctx.saved_tensors
        result = torch.zeros_like(channels)
        pull = channels.new_empty(gradient.shape)
        for channel, mean, channel_result in zip(channels, means, result, strict=True):
            torch.index_select(channel, 0, mask_image, out=pull)
            pull -= mean[:, None, None]
            pull.mul_(2)
            if ctx.clipped:
                pull.clamp_(-1, 1)
            pull.mul_(gradient)
            # The mean moves with every cell of its mask, and against all differences at once.
            pull.addcmul_(weights, pull.sum(dim=(1, 2))[:, None, None], value=-1)
            channel_result.index_add_(0, mask_image, pull)
        return result.transpose(0, 1), None, None, None


def _loss_with_ascent(variable: Tensor, ascent: Tensor) -> Tensor:
    """Return a scalar of gradient -ascent with respect to a variable, and of value |ascent|_1."""
    linear = (ascent * variable).sum()
    return ascent.abs().sum() - (linear - linear.detach())


def _rise(logits: Tensor) -> Tensor:
    """Return sigma(-x) exp(-max(x, 0)^2 / 2): how hard a logit is pushed up."""
    return torch.sigmoid(-logits) * torch.exp(-0.5 * torch.square(logits.clamp(min=0)))


def _fall(logits: Tensor) -> Tensor:
    """Return sigma(x) exp(-min(x, 0)^2 / 2): how hard a logit is pushed down."""
    return torch.sigmoid(logits) * torch.exp(-0.5 * torch.square(logits.clamp(max=0)))


def _areas(masks: Tensor) -> Tensor:
    """Return the number of cells of each of (M, H, W) masks, (M,) int64."""
    return masks.sum(dim=(1, 2))


def _mask_weights(
    masks: Tensor,
    mask_image: Tensor,
    images: int,
    normalization: EmbeddingNormalization,
    images_with_masks: Tensor | None,
    area_exponent: float,
) -> Tensor:
    """Return the weight of each mask in the embedding loss, (M,); 0 for an empty one.

    float64, but float32 on Apple's GPUs, which have no other.
    """
    precision = torch.float32 if masks.device.type == "mps" else torch.float64
    areas = _areas(masks).to(precision)
    filled = (areas > 0).to(precision)
    weights = filled / (areas.clamp(min=1) ** area_exponent * TYPICAL_AREA ** (1 - area_exponent))
    if normalization == "added":
        return weights / images
    masks_per_image = weights.new_zeros(images).index_add_(0, mask_image, filled)
    if images_with_masks is None:
        images_with_masks = (masks_per_image > 0).sum().clamp(min=1)
    return AREA_SCALE * weights / masks_per_image[mask_image].clamp(min=1) / images_with_masks


def _iou(intersection: Tensor, union: Tensor) -> Tensor:
    """Return intersection / union, and 1 where both are empty."""
    return torch.where(union > 0, intersection / union.clamp(min=1), 1.0)


def _check_shapes(name: str, tensor: Tensor, **others: Tensor) -> None:
    """Raise a ValueError unless all tensors have the same shape."""
    for other_name, other in others.items():
        if other.shape != tensor.shape:
            raise ValueError(
                f"{other_name} is of shape {tuple(other.shape)} but {name} of {tuple(tensor.shape)}; "
                "they must be equal"
            )
