from math import exp

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selfsup.losses import (
    TYPICAL_AREA,
    EmbeddingNormalization,
    distance_loss,
    embedding_loss,
    force_iou,
    force_loss,
    interaction_iou,
    interaction_loss,
    loss_factors,
    mask_distances,
    mask_iou,
)

ROWS, COLUMNS, CHANNELS = 6, 5, 3


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def pushed(score: float, foreground: float, background: float) -> float:
    """Paper eq. 2, for one cell."""
    return foreground * sigmoid(-score) * exp(-(max(score, 0) ** 2) / 2) - background * sigmoid(score) * exp(
        -(min(score, 0) ** 2) / 2
    )


def slow_embedding_gradient(
    embeddings: np.ndarray,
    masks: np.ndarray,
    mask_image: list[int],
    images: int,
    normalization: EmbeddingNormalization = "added",
    exponent: float = 1.0,
    limit: float = 1.0,
) -> np.ndarray:
    """Minus the ascent of paper eq. 5, carried back to the embeddings by hand, cell by cell."""
    gradient = np.zeros_like(embeddings)
    filled = [index for index in range(len(masks)) if masks[index].any()]
    with_masks = {mask_image[index] for index in filled}
    for index in filled:
        image = mask_image[index]
        inside = [tuple(cell) for cell in np.argwhere(masks[index])]
        mean = sum(embeddings[image, :, r, c] for r, c in inside) / len(inside)
        if normalization == "averaged":
            of_image = sum(mask_image[other] == image for other in filled)
            weight = 200 / len(inside) / of_image / len(with_masks)
        else:
            weight = 1 / len(inside) / images
        weight *= (len(inside) / TYPICAL_AREA) ** (1 - exponent)
        for r in range(masks.shape[1]):
            for c in range(masks.shape[2]):
                difference = embeddings[image, :, r, c] - mean
                d = float((difference**2).sum())
                ascent = -1.5 * d / (1 + d) if masks[index, r, c] else exp(-((d / 1.5) ** 4))
                for channel in range(embeddings.shape[1]):
                    pull = -ascent * weight * min(max(2 * difference[channel], -limit), limit)
                    gradient[image, channel, r, c] += pull
                    for r2, c2 in inside:
                        gradient[image, channel, r2, c2] -= pull / len(inside)
    return gradient


def example(seed: int, scale: float = 1.0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Three images with two masks, none and three: at the borders, empty, everything, one corner cell."""
    generator = torch.Generator().manual_seed(seed)
    embeddings = scale * torch.randn(3, CHANNELS, ROWS, COLUMNS, generator=generator, dtype=torch.float64)
    masks = torch.rand(5, ROWS, COLUMNS, generator=generator) < 0.3
    masks[0, 0], masks[0, :, -1] = True, True
    masks[1] = False
    masks[2] = True
    masks[3] = False
    masks[3, -1, 0] = True
    return embeddings, masks, torch.tensor([0, 0, 2, 2, 2])


@given(seed=st.integers(0, 2**31), spread=st.sampled_from([0.1, 1.0, 5.0, 40.0]))
@settings(max_examples=20, deadline=None)
def test_interaction_gradient_is_minus_the_ascent(seed: int, spread: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = spread * torch.randn(2, 4, 5, generator=generator, dtype=torch.float64)
    scores[0, 0, 0] = 0
    foreground = torch.rand(2, 4, 5, generator=generator).relu()
    background = (torch.rand(2, 4, 5, generator=generator) - 0.5).relu()
    scores.requires_grad_()
    interaction_loss(scores, foreground, background).backward()
    assert scores.grad is not None
    for index in np.ndindex(2, 4, 5):
        expected = -pushed(scores[index].item(), foreground[index].item(), background[index].item()) / 2
        assert scores.grad[index].item() == pytest.approx(expected, abs=1e-12)


@given(seed=st.integers(0, 2**31), spread=st.sampled_from([0.1, 1.0, 5.0]))
@settings(max_examples=20, deadline=None)
def test_force_gradient_is_minus_the_ascent(seed: int, spread: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64)
    target = torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64)
    target[:, :, 0] = 0
    logits.requires_grad_()
    force_loss(logits, target).backward()
    assert logits.grad is not None
    assert not logits.grad[:, :, 0].any()
    for index in np.ndindex(2, 3, 4, 5):
        t, m = target[index].item(), logits[index].item()
        ascent = 0.1 * pushed(m, max(t, 0), max(-t, 0))
        assert logits.grad[index].item() == pytest.approx(-ascent / 2, abs=1e-12)


@pytest.mark.parametrize("normalization", ["averaged", "added"])
@pytest.mark.parametrize("scale", [0.05, 0.5, 3.0])
@pytest.mark.parametrize("exponent", [1.0, 0.5, 0.0])
def test_embedding_gradient_is_minus_the_ascent(
    normalization: EmbeddingNormalization, scale: float, exponent: float
) -> None:
    embeddings, masks, mask_image = example(1, scale)
    embeddings.requires_grad_()
    embedding_loss(embeddings, masks, mask_image, 3, normalization, exponent).backward()
    expected = slow_embedding_gradient(
        embeddings.detach().numpy(), masks.numpy(), mask_image.tolist(), 3, normalization, exponent
    )
    assert embeddings.grad is not None
    np.testing.assert_allclose(embeddings.grad, expected, atol=1e-10)
    assert not embeddings.grad[1].any()


@pytest.mark.parametrize("scale", [0.05, 3.0])
def test_distances_that_are_not_clipped_have_their_own_gradient(scale: float) -> None:
    embeddings, masks, mask_image = example(9, scale)
    embeddings.requires_grad_()
    distances = mask_distances(embeddings, masks, mask_image, clipped=False)
    distance_loss(distances, masks, mask_image, 3).backward()
    arrays = (embeddings.detach().numpy(), masks.numpy(), mask_image.tolist(), 3)
    assert embeddings.grad is not None
    np.testing.assert_allclose(embeddings.grad, slow_embedding_gradient(*arrays, limit=np.inf), atol=1e-10)
    assert np.allclose(embeddings.grad, slow_embedding_gradient(*arrays)) == (scale < 1)
    assert torch.equal(distances, mask_distances(embeddings, masks, mask_image))
    assert torch.autograd.gradcheck(lambda e: mask_distances(e, masks, mask_image, False), (embeddings,))


@pytest.mark.parametrize("images", [1, 4])
def test_the_factors_of_the_losses(images: int) -> None:
    assert loss_factors("paper", images) == (1, 1, 1)
    assert loss_factors("released", images) == pytest.approx((images, 200 * images, 10 * images))
    with pytest.raises(ValueError, match=r"'theirs'.*paper.*released"):
        loss_factors("theirs", images)  # type: ignore[arg-type]


def test_by_default_masks_are_weighted_as_in_the_paper() -> None:
    embeddings, masks, mask_image = example(8)
    distances = mask_distances(embeddings, masks, mask_image)
    averaged, added = (
        embedding_loss(embeddings, masks, mask_image, 3, name) for name in ("averaged", "added")
    )
    assert averaged > 2 * added
    assert embedding_loss(embeddings, masks, mask_image, 3) == added
    assert distance_loss(distances, masks, mask_image, 3) == added


def test_order_of_masks_and_memory_layout_do_not_matter() -> None:
    embeddings, masks, mask_image = example(2)
    gradients = []
    for layout, order in [
        (torch.contiguous_format, [0, 1, 2, 3, 4]),
        (torch.channels_last, [4, 0, 3, 1, 2]),
    ]:
        leaf = embeddings.clone(memory_format=layout).requires_grad_()
        embedding_loss(leaf, masks[order], mask_image[order], 3).backward()
        gradients.append(leaf.grad)
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-12, rtol=0)


def test_distances_are_squared_norms() -> None:
    embeddings, masks, mask_image = example(3)
    distances = mask_distances(embeddings, masks, mask_image)
    for index, image in enumerate(mask_image.tolist()):
        inside = embeddings[image][:, masks[index]]
        mean = inside.mean(dim=1) if masks[index].any() else torch.zeros(CHANNELS)
        expected = ((embeddings[image] - mean[:, None, None]) ** 2).sum(dim=0)
        torch.testing.assert_close(distances[index], expected.to(torch.float64))


def test_distances_far_from_the_origin_keep_their_accuracy() -> None:
    embeddings, masks, mask_image = example(4, scale=0.1)
    exact = mask_distances(embeddings, masks[[0]], mask_image[[0]])
    shifted = mask_distances((embeddings + 100).float(), masks[[0]], mask_image[[0]])
    torch.testing.assert_close(shifted.double(), exact, atol=1e-4, rtol=0)


def test_distances_are_differentiated_numerically_where_nothing_is_clipped() -> None:
    embeddings, masks, mask_image = example(5, scale=0.05)
    embeddings.requires_grad_()
    assert torch.autograd.gradcheck(lambda e: mask_distances(e, masks, mask_image), (embeddings,))


def test_each_component_of_the_difference_is_clipped_by_itself() -> None:
    embeddings = torch.zeros(1, 2, 1, 3, dtype=torch.float64)
    embeddings[0, :, 0, 1] = torch.tensor([3.0, 0.2])
    masks = torch.tensor([[[True, False, False]]])
    embeddings.requires_grad_()
    mask_distances(embeddings, masks, torch.tensor([0])).sum().backward()
    assert embeddings.grad is not None
    np.testing.assert_allclose(embeddings.grad[0, :, 0, 1], [1.0, 0.4])  # 2 x 3 is clipped, 2 x 0.2 is not
    np.testing.assert_allclose(embeddings.grad[0, :, 0, 0], [-1.0, -0.4])  # the mean is this cell


def test_autocast_does_not_coarsen_the_distances() -> None:
    embeddings, masks, mask_image = example(6)
    leaf = embeddings.float().requires_grad_()
    exact = mask_distances(leaf, masks, mask_image)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        distances = mask_distances(leaf, masks, mask_image)
        loss = distance_loss(distances, masks, mask_image, 3)
    loss.backward()
    assert distances.dtype == torch.float32 and torch.equal(distances, exact)
    expected = slow_embedding_gradient(embeddings.numpy(), masks.numpy(), mask_image.tolist(), 3)
    assert leaf.grad is not None
    np.testing.assert_allclose(leaf.grad, expected, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("normalization", ["averaged", "added"])
@pytest.mark.parametrize("count", [0, 2])
def test_no_masks_and_empty_masks_pull_nothing(normalization: EmbeddingNormalization, count: int) -> None:
    embeddings = torch.randn(2, CHANNELS, ROWS, COLUMNS, requires_grad=True)
    masks = torch.zeros(count, ROWS, COLUMNS, dtype=torch.bool)
    loss = embedding_loss(embeddings, masks, torch.zeros(count, dtype=torch.int64), 2, normalization)
    loss.backward()
    assert loss.item() == 0
    assert embeddings.grad is not None and not embeddings.grad.any()


def test_nothing_explored_pushes_nothing() -> None:
    scores = torch.randn(2, 4, 4, requires_grad=True)
    zeros = torch.zeros(2, 4, 4)
    loss = interaction_loss(scores, zeros, zeros)
    loss.backward()
    assert loss.item() == 0 and scores.grad is not None and not scores.grad.any()


def test_values_are_the_sums_of_absolute_ascents_and_weights_scale_gradients() -> None:
    scores = torch.randn(2, 4, 4, dtype=torch.float64, requires_grad=True)
    foreground, background = torch.rand(2, 4, 4).double(), torch.zeros(2, 4, 4).double()
    loss = interaction_loss(scores, foreground, background)
    (3 * loss).backward()
    assert scores.grad is not None
    assert loss.item() == pytest.approx(scores.grad.abs().sum().item() / 3)


def test_huge_predictions_give_finite_gradients() -> None:
    scores = torch.tensor([[[-1e4, 1e4, 0.0]]], requires_grad=True)
    interaction_loss(scores, torch.ones(1, 1, 3), torch.ones(1, 1, 3)).backward()
    embeddings = (1e6 * torch.randn(1, 4, 3, 3)).requires_grad_()
    embedding_loss(embeddings, torch.rand(1, 3, 3) < 0.5, torch.tensor([0]), 1).backward()
    assert scores.grad is not None and scores.grad.isfinite().all()
    assert embeddings.grad is not None and embeddings.grad.isfinite().all()


def test_a_small_gradient_step_does_what_the_ascent_says() -> None:
    """Cells on the mask come closer together, cells beside it move away (until they are far)."""
    generator = torch.Generator().manual_seed(0)
    embeddings = 0.3 * torch.randn(1, 16, 100, 100, generator=generator)
    masks = torch.zeros(1, 100, 100, dtype=torch.bool)
    masks[0, 30:50, 60:80] = True
    mask_image = torch.tensor([0])
    first_iou = mask_iou(mask_distances(embeddings, masks, mask_image), masks).item()
    for _ in range(40):
        leaf = embeddings.clone().requires_grad_()
        embedding_loss(leaf, masks, mask_image, 1).backward()
        assert leaf.grad is not None
        embeddings = embeddings - 40 * leaf.grad
    assert first_iou < 0.2
    assert mask_iou(mask_distances(embeddings, masks, mask_image), masks).item() > 0.95


def test_mask_iou_of_each_mask() -> None:
    distances = torch.tensor([[[0.5, 0.999, 1.0, 3.0]], [[2.0, 2.0, 2.0, 2.0]], [[2.0, 2.0, 2.0, 2.0]]])
    masks = torch.tensor([[[True, False, True, False]], [[True, False, False, False]], [[False] * 4]])
    assert mask_iou(distances, masks).tolist() == pytest.approx([1 / 3, 0, 1])
    assert mask_iou(distances[:0], masks[:0]).shape == (0,)


def test_interaction_iou_looks_only_where_something_was_touched() -> None:
    scores = torch.tensor([[[5.0, 5.0, -5.0, 5.0]]])
    foreground = torch.tensor([[[1.0, 0.1, 0.5, 0.0]]])
    background = torch.tensor([[[0.0, 0.4, 0.0, 0.0]]])
    assert interaction_iou(scores, foreground, background).item() == pytest.approx(1 / 3)
    assert interaction_iou(scores, 0 * foreground, 0 * background).item() == 1


def test_force_iou_looks_only_where_there_is_a_target() -> None:
    logits = torch.tensor([2.0, 2.0, -1.0, 3.0]).view(1, 1, 1, 4)
    target = torch.tensor([0.5, -0.25, 0.25, 0.0]).view(1, 1, 1, 4)
    assert force_iou(logits, target).item() == pytest.approx(1 / 3)


def test_wrong_shapes_and_options_are_refused() -> None:
    embeddings, masks, mask_image = example(7)
    with pytest.raises(ValueError, match="do not fit"):
        mask_distances(embeddings, masks[:, 1:], mask_image)
    with pytest.raises(ValueError, match="do not fit"):
        mask_distances(embeddings, masks, mask_image[1:])
    with pytest.raises(ValueError, match=r"'mean'.*averaged.*added"):
        embedding_loss(embeddings, masks, mask_image, 3, "mean")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="background is of shape"):
        interaction_loss(torch.zeros(1, 2, 2), torch.zeros(1, 2, 2), torch.zeros(2, 2))
    with pytest.raises(ValueError, match="target is of shape"):
        force_loss(torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 1))
