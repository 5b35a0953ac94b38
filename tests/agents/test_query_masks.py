"""Queried masks and their loss, against their formulas cell by cell."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.query_agent.masks import (
    mask_logits,
    mask_losses,
    mean_over_images,
    queries_at,
    random_cells,
)


def made_maps(
    seed: int, images: int = 2, size: int = 3, rows: int = 6, columns: int = 5
) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn((images, size, rows, columns), generator=generator, dtype=torch.float64)
    queries = torch.randn((images, size + 2, rows, columns), generator=generator, dtype=torch.float64)
    return embeddings, queries


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), row=st.integers(0, 5), column=st.integers(0, 4))
def test_logits_are_those_of_the_formula(seed: int, row: int, column: int) -> None:
    embeddings, maps = made_maps(seed)
    image = torch.tensor([1, 0])
    queries = queries_at(embeddings, maps, image, torch.tensor([[row, column], [0, 0]]))
    logits = mask_logits(embeddings, queries)
    assert tuple(logits.shape) == (2, 6, 5)
    *offset, a, b = maps[1, :, row, column].tolist()
    for other_row in range(6):
        for other_column in range(5):
            distance = sum(
                (
                    embeddings[1, k, other_row, other_column].item()
                    - embeddings[1, k, row, column].item()
                    - offset[k]
                )
                ** 2
                for k in range(3)
            )
            expected = math.log1p(math.exp(a + 2)) * (1 - distance / math.exp(b))
            assert logits[0, other_row, other_column].item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_an_untrained_query_asks_for_what_looks_like_its_own_cell() -> None:
    embeddings = torch.zeros((1, 2, 3, 3))
    embeddings[0, 0, 0] = torch.tensor([0.0, 0.9, 1.1])
    queries = queries_at(embeddings, torch.zeros((1, 4, 3, 3)), torch.tensor([0]), torch.tensor([[0, 0]]))
    sharpness = math.log1p(math.exp(2))
    expected = [sharpness, sharpness * (1 - 0.81), sharpness * (1 - 1.21)]
    assert mask_logits(embeddings, queries)[0, 0].tolist() == pytest.approx(expected, rel=1e-5)


def slow_loss(logits: torch.Tensor, mask: torch.Tensor) -> float:
    """Cell by cell, in Python's floats."""
    entropy = overlap = predicted = 0.0
    area = int(mask.sum())
    for logit, wanted in zip(logits.flatten().tolist(), mask.flatten().tolist(), strict=True):
        probability = 1 / (1 + math.exp(-logit))
        entropy -= math.log(probability) if wanted else math.log(1 - probability)
        overlap += probability * wanted
        predicted += probability
    dice = 1 - (2 * overlap + 1) / (predicted + area + 1)
    return 2 * entropy / math.sqrt(600 * area) + 2 * dice


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_losses_are_those_of_the_formula(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn((3, 6, 5), generator=generator, dtype=torch.float64)
    masks = torch.rand((3, 6, 5), generator=generator) < 0.4
    masks[:, 0, 0] = True
    expected = [slow_loss(one, mask) for one, mask in zip(logits, masks, strict=True)]
    assert mask_losses(logits, masks).tolist() == pytest.approx(expected, rel=1e-9)


def test_a_sure_and_right_mask_costs_nothing_and_a_sure_and_wrong_one_much() -> None:
    mask = torch.zeros((1, 10, 10), dtype=torch.bool)
    mask[0, 2:7, 3:9] = True
    sure = torch.where(mask, 40.0, -40.0)
    assert mask_losses(sure, mask).item() == pytest.approx(0, abs=1e-5)
    assert mask_losses(-sure, mask).item() > 10
    impossible = torch.where(mask, -1e30, 1e30)  # far from any cell: no infinity, no NaN
    assert math.isfinite(mask_losses(impossible, mask).item())


def test_masks_are_averaged_in_their_image_and_images_with_masks_after_that() -> None:
    losses, image = torch.tensor([1.0, 3.0, 10.0]), torch.tensor([0, 0, 2])
    assert mean_over_images(losses, image, 4).item() == pytest.approx((2 + 10) / 2)
    shared = mean_over_images(losses, image, 4, torch.tensor(3.0)).item()
    assert shared == pytest.approx((2 + 10) / 3)
    parts = [(losses[:2], image[:2]), (losses[2:], image[2:])]  # of two ranks, with an image each and none
    means = [mean_over_images(*part, 4, torch.tensor(2 / 2)).item() for part in parts]
    assert sum(means) / 2 == pytest.approx((2 + 10) / 2)
    alone = mean_over_images(losses[2:], image[2:], 4, torch.tensor(1 / 2)).item()  # the other has no mask
    assert (alone + 0) / 2 == pytest.approx(10)
    nothing = mean_over_images(torch.empty(0), torch.empty(0, dtype=torch.int64), 4)
    assert nothing.item() == 0


def test_gradients_reach_embedding_offset_sharpness_and_radius_and_are_the_formulas() -> None:
    embeddings, maps = made_maps(5, images=1)
    embeddings.requires_grad_(True), maps.requires_grad_(True)
    masks = torch.zeros((1, 6, 5), dtype=torch.bool)
    masks[0, 1:4, 1:3] = True

    def loss(embeddings: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
        queries = queries_at(embeddings, maps, torch.tensor([0]), torch.tensor([[2, 2]]))
        return mask_losses(mask_logits(embeddings, queries), masks).sum()

    loss(embeddings, maps).backward()
    assert embeddings.grad is not None and maps.grad is not None
    assert bool((embeddings.grad != 0).all())  # every cell is in a mask or out of it
    asked = maps.grad[0, :, 2, 2]
    assert bool((asked != 0).all())
    maps.grad[0, :, 2, 2] = 0
    assert not maps.grad.any()  # nothing was asked elsewhere
    assert torch.autograd.gradcheck(loss, (embeddings, maps))


def test_following_the_gradient_finds_the_mask_of_a_cell_at_its_edge() -> None:
    """What one cell's embedding cannot, its query can: the object's embeddings lie about another centre."""
    embeddings = torch.zeros((1, 2, 8, 8))
    embeddings[0, 0] = torch.arange(8.0)  # by columns
    masks = (torch.arange(8) >= 3).expand(1, 8, 8)
    maps = torch.zeros((1, 4, 8, 8), requires_grad=True)
    steps = torch.optim.Adam([maps], lr=0.1)
    for _ in range(300):
        steps.zero_grad()
        queries = queries_at(embeddings, maps, torch.tensor([0]), torch.tensor([[4, 3]]))
        logits = mask_logits(embeddings, queries)
        mask_losses(logits, masks).sum().backward()
        steps.step()
    assert torch.equal(logits > 0, masks)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_cells_lie_in_their_masks_and_come_again_with_the_seed(seed: int) -> None:
    masks = torch.rand((4, 7, 5), generator=torch.Generator().manual_seed(seed)) < 0.2
    masks[:, 3, 2] = True
    torch.manual_seed(seed)
    cells = random_cells(masks)
    assert bool(masks[torch.arange(4), cells[:, 0], cells[:, 1]].all())
    torch.manual_seed(seed)
    assert torch.equal(cells, random_cells(masks))


def test_random_cells_are_uniform_over_the_mask() -> None:
    masks = torch.zeros((1, 4, 6), dtype=torch.bool)
    masks[0, 1, 2:6] = True
    torch.manual_seed(0)
    columns = random_cells(masks.expand(4000, 4, 6))[:, 1]
    assert all(850 < int((columns == column).sum()) < 1150 for column in range(2, 6))
    assert tuple(random_cells(masks[:0]).shape) == (0, 2)


def test_maps_that_do_not_fit_are_refused() -> None:
    embeddings, maps = made_maps(0)
    cells, image = torch.tensor([[0, 0]]), torch.tensor([0])
    with pytest.raises(ValueError, match=r"\(B, C \+ 2, H, W\)"):
        queries_at(embeddings, maps[:, :4], image, cells)
    with pytest.raises(ValueError, match=r"must be \(K, 2\)"):
        queries_at(embeddings, maps, torch.tensor([0, 1]), cells)
    with pytest.raises(ValueError, match="must be equal"):
        mask_losses(torch.zeros((1, 3, 3)), torch.ones((1, 3, 4), dtype=torch.bool))
