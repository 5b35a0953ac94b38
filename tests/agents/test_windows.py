"""Windows of views: what is cut out, where, and that a network sees in a window what it sees in the view."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.selfsup_agent.network import InteractionNet, image_batch
from agents.training.batches import make_batch, views_of
from agents.training.windows import MARGIN, MINIMUM_AREA, cut_views, cut_windows
from selfsup.experience import Experience

CELLS = st.tuples(st.integers(0, 99), st.integers(0, 99))


def experience(seed: int, successes: list[tuple[int, int]], failures: list[tuple[int, int]]) -> Experience:
    """A view of noise; each successful point has a rectangle around it that may reach over the border."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((len(successes), 100, 100), bool)
    for mask, (row, column) in zip(masks, successes, strict=True):
        height, width = rng.integers(1, 30, 2)
        mask[max(row - height, 0) : row + height, max(column - width, 0) : column + width] = True
    return Experience(
        rgb=rng.integers(0, 256, (300, 300, 3), dtype=np.uint8),
        depth=rng.uniform(0.3, 4, (300, 300)).astype(np.float32),
        success_points=np.array(successes, np.int16).reshape(-1, 2),
        masks=masks,
        forces=np.ones(len(successes), np.int8),
        feedback=np.zeros(len(successes), np.int8),
        failure_points=np.array(failures, np.int16).reshape(-1, 2),
    )


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 1000),
    side=st.integers(2 * MARGIN + 1, 99),
    successes=st.lists(CELLS, max_size=3, unique=True),
    failures=st.lists(CELLS, min_size=1, max_size=3, unique=True),
)
def test_a_window_holds_a_touched_point_and_all_that_is_there(seed, side, successes, failures):
    experiences = [experience(seed, successes, failures), experience(seed, [], failures)]
    whole = make_batch(experiences, "gaussian")
    targets, corners = cut_windows(whole.targets, side, np.random.default_rng(seed))
    images = image_batch(cut_views(views_of(experiences), corners, side), side)
    assert images.shape == (2, 4, 3 * side, 3 * side)
    assert corners.min() >= 0 and corners.max() <= 100 - side
    masks, owners = iter(targets.masks), targets.mask_image.tolist()
    touched = targets.mask_cells.tolist()
    for index, (row, column) in enumerate(corners.tolist()):
        rows, columns = slice(row, row + side), slice(column, column + side)
        pixels = (slice(3 * row, 3 * (row + side)), slice(3 * column, 3 * (column + side)))
        assert torch.equal(images[index], whole.images[index][:, *pixels])
        for name in ("foreground", "background", "force"):
            there = getattr(whole.targets, name)[index][..., rows, columns]
            assert torch.equal(getattr(targets, name)[index], there)
        points = successes if successes and index == 0 else failures
        # As far inside as the border of the view allows.
        assert any(
            all(
                min(MARGIN, place) <= place - first <= side - 1 - min(MARGIN, 99 - place)
                for place, first in zip(point, (row, column), strict=True)
            )
            for point in points
        )
        for mask, owner, point in zip(
            whole.targets.masks, whole.targets.mask_image.tolist(), successes, strict=True
        ):
            if owner == index:
                shown = mask[rows, columns]
                if shown.sum() >= MINIMUM_AREA or 0 < shown.sum() == mask.sum():
                    assert torch.equal(next(masks), shown)
                    assert owners.pop(0) == index
                    assert touched.pop(0) == [point[0] - row, point[1] - column]
    assert not owners and not touched and next(masks, None) is None


def test_windows_are_drawn_from_all_that_hold_the_point():
    view = make_batch([experience(0, [(50, 3)], [(90, 90)])], "gaussian")
    rng = np.random.default_rng(0)
    corners = [cut_windows(view.targets, 60, rng)[1][0].tolist() for _ in range(1500)]
    # Row 50 stays 8 cells away from both borders; the view's border leaves column 3 no such room.
    assert {row for row, _ in corners} == set(range(0, 41))
    assert {column for _, column in corners} == {0}


def test_the_random_numbers_used_do_not_depend_on_what_was_touched():
    ends = []
    for points in ([(3, 4)], [(50, 50), (80, 20), (10, 90)], []):
        view = make_batch([experience(1, points, [])], "gaussian")
        rng = np.random.default_rng(7)
        cut_windows(view.targets, 40, rng)
        ends.append(rng.random())
    assert len(set(ends)) == 1


@pytest.mark.parametrize("side", [0, 101])
def test_a_side_that_no_view_has_is_refused(side):
    view = make_batch([experience(0, [(50, 50)], [])], "gaussian")
    with pytest.raises(ValueError, match=rf"side of a window is {side}; it must be in 1\.\.100"):
        cut_windows(view.targets, side, np.random.default_rng(0))


def test_in_the_middle_of_a_window_the_network_sees_what_it_sees_in_the_whole_view():
    torch.manual_seed(0)
    network = InteractionNet().eval()
    images = torch.rand((2, 4, 300, 300))
    # Strides lie alike where a corner is a multiple of 8 cells; one cell sees 46 cells, 23 on each side.
    corners = torch.tensor([[8, 40], [32, 0]])
    cut = torch.stack(
        [
            image[:, 3 * r : 3 * r + 180, 3 * c : 3 * c + 180]
            for image, (r, c) in zip(images, corners, strict=True)
        ]
    )
    with torch.inference_mode():
        whole, window = network(images), network(cut, corners)
    for everywhere, here in zip(whole, window, strict=True):
        assert here.shape[-2:] == (60, 60)
        for index, (row, column) in enumerate(corners.tolist()):
            there = everywhere[index, ..., row + 24 : row + 36, column + 24 : column + 36]
            torch.testing.assert_close(here[index, ..., 24:36, 24:36], there, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("shape", "corners"),
    [((2, 4, 180, 180), None), ((2, 4, 180, 183), 2), ((2, 4, 181, 181), 2), ((2, 4, 180, 180), 3)],
)
def test_images_that_are_no_windows_are_refused(shape, corners):
    given_corners = None if corners is None else torch.zeros((corners, 2), dtype=torch.int64)
    with pytest.raises(ValueError, match="must be"):
        InteractionNet()(torch.zeros(shape), given_corners)
