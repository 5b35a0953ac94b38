"""What a touch moved, in scenes of boxes: the mask of what leaves, arrives, is hidden, or comes nearer."""

from typing import Any

import numpy as np
import pytest
from box_scenes import GRID, Box, scene
from hypothesis import given, settings
from hypothesis import strategies as st

from selfsup.training_images.masks import (
    CleaningOptions,
    cell_changes,
    cleaned_mask,
    connected_part,
    superpixels_around,
    unchanged_cells,
)
from selfsup.training_images.visit_log import View


def found(before: tuple[Box, ...], after: tuple[Box, ...], row: int, column: int) -> Any:
    view, labels, _ = scene(*before)
    return cleaned_mask(cell_changes(view, scene(*after)[0]), labels, row, column)


TOUCHED = Box(40, 30)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(Box(40, 33), id="slides by a part of its width"),
        pytest.param(Box(40, 60), id="goes elsewhere"),
        pytest.param(Box(40, 30, depth=0.9), id="comes nearer"),
        pytest.param(Box(40, 30, depth=1.2), id="goes farther"),
        pytest.param(Box(200, 200), id="leaves the view"),
    ],
)
def test_the_mask_is_the_moved_object_as_it_was_before(after: Box) -> None:
    np.testing.assert_array_equal(found((TOUCHED,), (after,), 45, 35), TOUCHED.cells())


def test_what_only_arrives_is_no_part_of_the_view_before() -> None:
    assert found((), (TOUCHED,), 45, 35) is None


def test_what_is_hidden_in_part_is_no_part_of_the_mask() -> None:
    other = Box(38, 44, width=20, depth=1.5, red=90)
    mask = found((TOUCHED, other), (Box(40, 37), other), 45, 35)
    np.testing.assert_array_equal(mask, TOUCHED.cells())


@pytest.mark.parametrize("rows", range(1, 12))
def test_what_is_hidden_for_the_most_part_is_no_part_of_the_mask(rows: int) -> None:
    """The touched box comes to stand before the one beside it, of which so many rows stay visible."""
    other = Box(40, 40, depth=1.5, red=90)
    mask = found((TOUCHED, other), (Box(40 + rows, 40), other), 45, 35)
    expected = TOUCHED.cells()
    if rows == 1:
        expected |= other.cells()  # so much changed that it might have come nearer itself
    np.testing.assert_array_equal(mask, expected)


def test_what_moves_elsewhere_is_no_part_of_the_mask() -> None:
    mask = found((TOUCHED, Box(70, 70)), (Box(40, 33), Box(75, 75)), 45, 35)
    np.testing.assert_array_equal(mask, TOUCHED.cells())


def test_what_is_seen_of_an_object_behind_another_is_its_mask() -> None:
    before = (Box(40, 35, depth=0.8, red=120), TOUCHED)
    mask = found(before, (before[0], Box(36, 30)), 45, 32)
    np.testing.assert_array_equal(mask, scene(*before)[2][1])


def test_nothing_around_the_point_is_no_mask() -> None:
    assert found((TOUCHED,), (Box(40, 60),), 10, 10) is None
    assert found((TOUCHED,), (TOUCHED,), 45, 35) is None
    # Two cells beside the box are near enough, three are not; the touched cell belongs to the mask.
    near = found((TOUCHED,), (Box(40, 60),), 45, 28)
    assert near[45, 28] and (near == TOUCHED.cells()).sum() == near.size - 1
    assert found((TOUCHED,), (Box(40, 60),), 45, 27) is None


def test_changes_are_of_most_pixels_and_beyond_the_thresholds() -> None:
    view = scene()[0]
    rgb, depth = view.rgb.copy(), view.depth.copy()
    options = CleaningOptions(colour_change=2, depth_change=0.002, depth_step=0.01)
    rgb[0:3, 0:3, 0].flat[:5] += 3  # cell (0, 0): most pixels by three levels
    rgb[0:3, 3:6, 0].flat[:4] += 100  # cell (0, 1): four pixels
    rgb[0:3, 6:9] += 2  # cell (0, 2): two levels
    depth[3:6, 0:3] += 0.003  # cell (1, 0): farther by a little
    depth[3:6, 3:6] += 0.02  # cell (1, 1): left
    depth[3:6, 6:9] -= 0.02  # cell (1, 2): arrived
    changes = cell_changes(view, View(rgb, depth), options)
    assert np.argwhere(changes.changed).tolist() == [[0, 0], [1, 0], [1, 1], [1, 2]]
    assert np.argwhere(changes.left).tolist() == [[1, 1]]
    assert np.argwhere(changes.arrived).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    "values", [{"colour_change": -1}, {"depth_step": -0.1}, {"min_fraction": 0.0}, {"whole_fraction": 1.1}]
)
def test_thresholds_out_of_range_are_named(values: dict[str, Any]) -> None:
    (name,) = values
    with pytest.raises(ValueError, match=name):
        CleaningOptions(**values)


cell = st.integers(0, 99)

boxes = st.builds(
    Box,
    row=st.integers(0, 88),
    column=st.integers(0, 90),
    height=st.integers(6, 20),
    width=st.integers(6, 20),
    depth=st.sampled_from([0.8, 1.0, 1.3, 2.0]),
    red=st.sampled_from([100, 150, 200, 250]),
)


@given(seed=st.integers(0, 10**6), density=st.floats(0, 1), row=cell, column=cell)
@settings(max_examples=60, deadline=None)
def test_a_connected_part_is_a_part_and_connected(seed: int, density: float, row: int, column: int) -> None:
    mask = np.random.default_rng(seed).random(GRID) < density
    part = connected_part(mask, row, column)
    near = mask[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
    assert (part is None) == (not near.any())
    if part is not None:
        assert part[row, column]
        assert not (part & ~mask).sum() > (0 if mask[row, column] else 1)
        if mask[row, column]:
            np.testing.assert_array_equal(connected_part(part, row, column), part)
            grown = np.pad(part, 1)
            around = sum(grown[1 + r : 101 + r, 1 + c : 101 + c] for r in (-1, 0, 1) for c in (-1, 0, 1))
            assert not (mask & ~part & (around > 0)).any()


@given(before=st.lists(boxes, min_size=1, max_size=3), after=st.lists(boxes, max_size=3))
@settings(max_examples=40, deadline=None)
def test_a_mirrored_scene_has_the_mirrored_mask(before: list[Box], after: list[Box]) -> None:
    (one, labels, _), (other, _, _) = scene(*before), scene(*after)
    row, column = before[0].row + 3, before[0].column + 3
    plain = cleaned_mask(cell_changes(one, other), labels, row, column)
    turned = [View(view.rgb[:, ::-1].copy(), view.depth[:, ::-1].copy()) for view in (one, other)]
    mirrored = cleaned_mask(
        cell_changes(turned[0], turned[1]),
        labels[:, ::-1],
        row,
        99 - column,
    )
    assert (plain is None) == (mirrored is None)
    moved = cell_changes(one, other)
    if plain is not None and mirrored is not None and (plain & moved.changed)[row, column]:
        np.testing.assert_array_equal(plain, mirrored[:, ::-1])


@given(one=st.lists(boxes, max_size=3), other=st.lists(boxes, max_size=3))
@settings(max_examples=40, deadline=None)
def test_unchanged_cells_are_those_of_equal_pixels(one: list[Box], other: list[Box]) -> None:
    first, second = scene(*one)[0], scene(*other)[0]
    same = unchanged_cells(first, second)
    np.testing.assert_array_equal(same, unchanged_cells(second, first))
    differs = (first.rgb != second.rgb).any(axis=2) | (first.depth != second.depth)
    exact = ~differs.reshape(100, 3, 100, 3).any(axis=(1, 3))
    np.testing.assert_array_equal(unchanged_cells(first, second, 0, 0.0), exact)
    assert not (exact & ~same).any()
    assert unchanged_cells(first, first).all()


def test_one_pixel_is_enough_for_a_cell_that_changed() -> None:
    view = scene()[0]
    rgb, depth = view.rgb.copy(), view.depth.copy()
    rgb[4, 4, 1] += 9
    rgb[4, 7, 1] += 8
    depth[7, 4] += 0.006
    depth[7, 7] += 0.004
    assert np.argwhere(~unchanged_cells(view, View(rgb, depth))).tolist() == [[1, 1], [2, 1]]


def test_superpixels_around_cells_are_those_of_the_objects_there() -> None:
    view, labels, _ = scene(TOUCHED, Box(70, 70))
    around = superpixels_around(view.rgb, TOUCHED.cells())
    assert around.shape == GRID
    far = around[90, 90]
    assert (around[60:, 50:] == far).all() and not (around[TOUCHED.cells()] == far).any()
    for label in np.unique(around[TOUCHED.cells()]):
        assert (labels[around == label] == 1).mean() > 0.8
