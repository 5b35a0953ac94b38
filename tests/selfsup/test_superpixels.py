import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.segmentation import felzenszwalb

from selfsup.superpixels import align_to_superpixels, superpixel_labels


def slow_alignment(changed: np.ndarray, labels: np.ndarray, min_fraction: float) -> np.ndarray:
    aligned = np.zeros_like(changed)
    for label in np.unique(labels):
        cells = [(r, c) for r in range(len(labels)) for c in range(len(labels[0])) if labels[r, c] == label]
        if sum(bool(changed[cell]) for cell in cells) >= min_fraction * len(cells):
            for cell in cells:
                aligned[cell] = True
    return aligned


@given(
    seed=st.integers(0, 2**32 - 1),
    labels=st.integers(1, 12),
    fraction=st.floats(0, 1),
    min_fraction=st.sampled_from([0.25, 0.5, 1.0]),
)
@settings(max_examples=50, deadline=None)
def test_alignment_is_that_of_the_slow_definition(
    seed: int, labels: int, fraction: float, min_fraction: float
) -> None:
    rng = np.random.default_rng(seed)
    label_grid = rng.integers(0, labels, (7, 9)).astype(np.int32)
    changed = rng.random((7, 9)) < fraction
    aligned = align_to_superpixels(changed, label_grid, min_fraction)
    np.testing.assert_array_equal(aligned, slow_alignment(changed, label_grid, min_fraction))
    np.testing.assert_array_equal(align_to_superpixels(aligned, label_grid, min_fraction), aligned)


def test_a_quarter_is_enough_and_less_is_not() -> None:
    labels = np.array([[0] * 4, [5] * 4, [5] * 4], dtype=np.int32)
    changed = np.zeros((3, 4), dtype=bool)
    changed[0, 0] = changed[1, 0] = True
    assert align_to_superpixels(changed, labels)[0].all()
    assert not align_to_superpixels(changed, labels)[1:].any()
    changed[2, 3] = True
    assert align_to_superpixels(changed, labels).all()


def test_nothing_changed_gives_nothing() -> None:
    labels = np.arange(100, dtype=np.int32).reshape(10, 10)
    assert not align_to_superpixels(np.zeros((10, 10), bool), labels).any()


def test_labels_are_those_of_the_central_pixels() -> None:
    rng = np.random.default_rng(0)
    image = np.repeat(np.repeat(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8), 50, 0), 50, 1)
    image = np.clip(image + rng.integers(-9, 10, image.shape), 0, 255).astype(np.uint8)
    labels = superpixel_labels(image)
    full = felzenszwalb(image, scale=200, sigma=0.5, min_size=200)
    assert labels.shape == (100, 100) and labels.dtype == np.int32
    for row, column in [(0, 0), (0, 99), (57, 3), (99, 99)]:
        assert labels[row, column] == full[3 * row + 1, 3 * column + 1]


def test_two_halves_of_a_picture_are_two_superpixels() -> None:
    image = np.zeros((300, 300, 3), dtype=np.uint8)
    image[:, 150:] = 200
    labels = superpixel_labels(image)
    left, right = labels[:, :48], labels[:, 52:]  # the blurred edge between them may be one of its own
    assert len(np.unique(left)) == len(np.unique(right)) == 1
    assert left[0, 0] != right[0, 0]


def test_wrong_input_is_refused() -> None:
    labels = np.zeros((3, 3), np.int32)
    with pytest.raises(ValueError, match="must be equal"):
        align_to_superpixels(np.zeros((3, 4), bool), labels)
    with pytest.raises(ValueError, match=r"min_fraction is 0"):
        align_to_superpixels(np.zeros((3, 3), bool), labels, 0)
    with pytest.raises(ValueError, match="negative label -1"):
        align_to_superpixels(np.zeros((3, 3), bool), labels - 1)
    with pytest.raises(ValueError, match="float64"):
        superpixel_labels(np.zeros((300, 300, 3)))  # type: ignore[arg-type]
