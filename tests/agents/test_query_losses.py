"""What the query head learns from a batch: which cells ask, for which masks, and how they are averaged."""

from typing import Any

import numpy as np
import pytest
import torch

from agents.query_agent.losses import queried_masks
from agents.query_agent.masks import mask_logits, mask_losses, queries_at
from selfsup.targets import Targets


def targets_of(
    masks: list[np.ndarray], image: list[int], cells: list[tuple[int, int]], images: int
) -> Targets:
    side = 12
    empty = torch.zeros((0, 3), dtype=torch.int64)
    return Targets(
        foreground=torch.zeros((images, side, side)),
        background=torch.zeros((images, side, side)),
        force=torch.zeros((images, 3, side, side)),
        masks=torch.from_numpy(np.array(masks, bool).reshape(-1, side, side)),
        mask_image=torch.tensor(image, dtype=torch.int64),
        mask_cells=torch.tensor(cells, dtype=torch.int64).reshape(-1, 2),
        success_cells=empty,
        failure_cells=empty,
    )


def rectangle(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros((12, 12), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def made_maps(images: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    shape = (images, 4, 12, 12)
    return torch.randn(shape, generator=generator), torch.randn((images, 6, 12, 12), generator=generator)


def loss_from(maps: tuple[torch.Tensor, torch.Tensor], image: int, cell: Any, mask: np.ndarray) -> float:
    queries = queries_at(*maps, torch.tensor([image]), torch.tensor([cell]))
    return mask_losses(mask_logits(maps[0], queries), torch.from_numpy(mask)[None]).item()


def test_the_loss_is_the_mean_over_both_cells_then_masks_then_images() -> None:
    maps = made_maps()
    # One-cell masks: the other cell is the touched one.
    single = [rectangle(1, 2, 1, 1), rectangle(5, 6, 1, 1), rectangle(9, 9, 1, 1)]
    targets = targets_of(single, [0, 0, 2], [(1, 2), (5, 6), (9, 9)], 3)
    one, two, three = (
        loss_from(maps, image, cell, mask)
        for image, cell, mask in zip([0, 0, 2], [(1, 2), (5, 6), (9, 9)], single, strict=True)
    )
    assert queried_masks(*maps, targets).loss.item() == pytest.approx(((one + two) / 2 + three) / 2, rel=1e-5)
    shared = queried_masks(*maps, targets, torch.tensor(1.5)).loss.item()
    assert shared == pytest.approx(((one + two) / 2 + three) / 1.5, rel=1e-5)


def test_the_touched_cell_always_asks_and_a_random_cell_of_the_mask_with_it() -> None:
    maps, mask = made_maps(), rectangle(3, 4, 4, 5)
    targets = targets_of([mask], [1], [(0, 0)], 3)  # the touched cell need not be in its mask
    fixed = loss_from(maps, 1, (0, 0), mask)
    others = {loss_from(maps, 1, cell, mask) for cell in np.argwhere(mask).tolist()}
    torch.manual_seed(0)
    seen = {2 * queried_masks(*maps, targets).loss.item() - fixed for _ in range(60)}
    assert all(min(abs(other - one) for other in others) < 1e-3 for one in seen)
    assert len({round(one, 3) for one in seen}) > 10
    torch.manual_seed(3)
    first = queried_masks(*maps, targets).loss.item()
    torch.manual_seed(3)
    assert queried_masks(*maps, targets).loss.item() == first


@pytest.mark.parametrize("cell", [(-1, 5), (5, -1), (12, 5), (5, 12)])
def test_beyond_the_window_a_cell_of_the_mask_takes_the_place_of_the_touched_one(cell: Any) -> None:
    maps, mask = made_maps(), rectangle(5, 5, 1, 1)
    targets = targets_of([mask], [0], [cell], 3)
    assert queried_masks(*maps, targets).loss.item() == pytest.approx(
        loss_from(maps, 0, (5, 5), mask), rel=1e-5
    )


def test_ious_are_those_of_what_the_touched_cells_ask_for() -> None:
    embeddings, queries = torch.zeros((1, 4, 12, 12)), torch.zeros((1, 6, 12, 12))
    embeddings[0, 0, :6] = 9
    targets = targets_of([rectangle(0, 0, 3, 12), rectangle(6, 0, 6, 12)], [0, 0], [(1, 1), (7, 7)], 1)
    assert queried_masks(embeddings, queries, targets).ious.tolist() == pytest.approx([0.5, 1.0])


def test_gradients_reach_all_four_parts_of_a_query_and_nothing_without_masks() -> None:
    maps = [each.requires_grad_(True) for each in made_maps()]
    queried_masks(maps[0], maps[1], targets_of([rectangle(2, 2, 5, 5)], [1], [(3, 3)], 3)).loss.backward()
    gradients = [each.grad for each in maps]
    assert gradients[0] is not None and gradients[1] is not None
    assert bool((gradients[1][1, :, 3, 3] != 0).all())
    assert gradients[0][1].any() and not gradients[0][0].any() and not gradients[1][2].any()
    none = queried_masks(maps[0], maps[1], targets_of([], [], [], 3))
    assert none.loss.item() == 0 and none.ious.shape == (0,)
    none.loss.backward()
