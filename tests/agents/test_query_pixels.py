"""Masks of queries in pixels: where the interpolated probability of the cells reaches the threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, map_coordinates
from scipy.special import expit, logit

from agents.query_agent.inference import PIXEL_THRESHOLD, QueriedInstance, upscale_queried
from agents.selfsup_agent.clustering import upscale_mask
from agents.selfsup_agent.refinement import connected_part, surroundings

EVERYWHERE = np.ones((3, 3), bool)


def instance(logits: np.ndarray, row: int, column: int) -> QueriedInstance:
    """The instance of a point, given the logits of all cells."""
    mask = logits > 0
    mask[row, column] = True
    mask = connected_part(mask, row, column)
    near = surroundings(mask)
    return QueriedInstance(row, column, 2, 0.75, mask, near, logits[near])


def slow_mask(one: QueriedInstance, logits: np.ndarray) -> np.ndarray:
    """The same from all cells, point by point, in float64; NaN where rounding decides."""
    reached = binary_dilation(one.mask, EVERYWHERE)
    cells = np.where(reached, expit(logits.astype(np.float64)), 0)
    cells = np.where(one.mask, np.maximum(cells, 0.5), cells)
    places = [(np.arange(3 * side) - 1) / 3 for side in logits.shape]  # pixel 1 is the centre of cell 0
    probabilities = map_coordinates(cells, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest")
    wanted = (probabilities >= PIXEL_THRESHOLD).astype(float)
    return np.where(np.abs(probabilities - PIXEL_THRESHOLD) < 1e-5, np.nan, wanted)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 14), columns=st.integers(1, 14))
def test_pixels_are_those_of_the_interpolated_probabilities(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (rows, columns)).astype(np.float32)
    row, column = int(rng.integers(rows)), int(rng.integers(columns))
    one = instance(logits, row, column)
    (found,) = upscale_queried([one])
    assert found.mask is not None and found.mask.shape == (3 * rows, 3 * columns)
    expected = slow_mask(one, logits)
    sure = ~np.isnan(expected)
    np.testing.assert_array_equal(found.mask[sure], expected[sure] == 1)
    assert found.mask[1::3, 1::3][one.mask].all() and found.mask[found.point]
    assert (found.point, found.force, found.score) == ((3 * row + 1, 3 * column + 1), 2, 0.75)
    # It ends within the cells next to the mask.
    assert not found.mask[~upscale_mask(binary_dilation(one.mask, EVERYWHERE))].any()


@pytest.mark.parametrize(("outside", "further"), [(0.05, 0), (0.25, 1), (0.399, 2)])
def test_the_border_lies_where_the_probability_falls_below_the_threshold(
    outside: float, further: int
) -> None:
    """At k pixels beyond the last centre of the mask it is 0.55 - (0.55 - outside) k / 3."""
    logits = np.full((9, 30), logit(outside), np.float32)
    logits[:, :10] = logit(0.55)  # its last centre is pixel 28
    (found,) = upscale_queried([instance(logits, 4, 5)])
    assert found.mask is not None
    np.testing.assert_array_equal(np.flatnonzero(found.mask.all(axis=0)), np.arange(29 + further))
    np.testing.assert_array_equal(found.mask.any(axis=0), found.mask.all(axis=0))


def test_what_is_apart_from_the_mask_stays_apart() -> None:
    logits = np.full((20, 20), -8, np.float32)
    logits[5:8, 5:8] = logits[5:8, 9:12] = 8
    (found,) = upscale_queried([instance(logits, 6, 6)])
    np.testing.assert_array_equal(found.mask, upscale_mask(instance(logits, 6, 6).mask))
