import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2hsv

from selfsup.change import ChangeTest, changed_cells, optical_flow, rgb_to_hsv


def random_image(seed: int, rows: int = 12, columns: int = 18) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), dtype=np.uint8)


def slow_measure(before: np.ndarray, after: np.ndarray, change_test: str) -> np.ndarray:
    """The definition, cell by cell, on skimage's HSV."""
    difference = rgb2hsv(before) - rgb2hsv(after)
    rows, columns = before.shape[0] // 3, before.shape[1] // 3
    measure = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            block = difference[3 * row : 3 * row + 3, 3 * column : 3 * column + 3].reshape(9, 3)
            if change_test == "pooled_difference":
                measure[row, column] = sum(float(np.mean(block[:, channel])) ** 2 for channel in range(3))
            else:
                measure[row, column] = sum(float(value) ** 2 for value in block.ravel()) / 27
    return measure


def test_hsv_is_that_of_skimage_for_every_kind_of_colour() -> None:
    levels = np.array([0, 1, 2, 64, 127, 128, 200, 254, 255], dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
    hsv = rgb_to_hsv(colours)
    assert hsv.dtype == np.float32
    assert hsv.min() >= 0 and hsv.max() <= 1
    np.testing.assert_allclose(hsv, rgb2hsv(colours), atol=1e-6)


@pytest.mark.parametrize("change_test", ["pooled_difference", "pooled_squared_difference"])
@given(seed=st.integers(0, 2**32 - 1), noise=st.sampled_from([3, 20, 80, 255]))
@settings(max_examples=25, deadline=None)
def test_changed_cells_are_those_of_the_slow_definition(
    change_test: ChangeTest, seed: int, noise: int
) -> None:
    before = random_image(seed)
    rng = np.random.default_rng(seed + 1)
    after = np.clip(before + rng.integers(-noise, noise + 1, before.shape), 0, 255).astype(np.uint8)
    measure = slow_measure(before, after, change_test)
    threshold = float(np.median(measure)) * 1.01 + 1e-4
    found = changed_cells(before, after, change_test, threshold)
    clear = np.abs(measure - threshold) > 1e-5
    assert found.dtype == np.bool_ and found.shape == (4, 6)
    np.testing.assert_array_equal(found[clear], (measure > threshold)[clear])


def test_the_two_tests_differ_where_changes_cancel() -> None:
    before = np.full((3, 3, 3), 128, dtype=np.uint8)
    after = before.copy()
    after[0], after[2] = 28, 228
    assert not changed_cells(before, after, "pooled_difference")[0, 0]
    assert changed_cells(before, after, "pooled_squared_difference")[0, 0]


def test_the_threshold_of_the_paper_is_a_tenth_of_full_brightness() -> None:
    before = np.zeros((3, 6, 3), dtype=np.uint8)
    after = before.copy()
    after[:, :3], after[:, 3:] = 25, 26
    assert changed_cells(before, after).tolist() == [[False, True]]


def test_equal_images_do_not_differ_and_order_does_not_matter() -> None:
    first, second = random_image(0, 300, 300), random_image(1, 300, 300)
    assert not changed_cells(first, first.copy()).any()
    np.testing.assert_array_equal(changed_cells(first, second), changed_cells(second, first))


def test_images_are_neither_changed_nor_required_to_be_writable() -> None:
    before, after = random_image(0), random_image(1)
    copies = before.copy(), after.copy()
    before.setflags(write=False)
    after.setflags(write=False)
    changed_cells(before, after)
    np.testing.assert_array_equal(before, copies[0])
    np.testing.assert_array_equal(after, copies[1])


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (np.zeros((3, 3, 3)), np.zeros((3, 3, 3), np.uint8), "before is float64"),
        (np.zeros((3, 3, 3), np.uint8), np.zeros((3, 3), np.uint8), r"after is uint8 of shape \(3, 3\)"),
        (np.zeros((3, 4, 3), np.uint8), np.zeros((3, 4, 3), np.uint8), "multiples of 3"),
        (np.zeros((3, 3, 3), np.uint8), np.zeros((3, 6, 3), np.uint8), "must be equal"),
    ],
)
def test_unfit_images_are_refused(before: np.ndarray, after: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        changed_cells(before, after)


def test_an_unknown_change_test_is_refused_with_the_choices() -> None:
    image = random_image(0)
    with pytest.raises(
        ValueError, match=r"'flow'.*pooled_difference.*pooled_squared_difference.*optical_flow"
    ):
        changed_cells(image, image, "flow")  # type: ignore[arg-type]


def textured(seed: int) -> np.ndarray:
    """Blobs a few pixels wide, as of a pattern: something for a flow to hold on to."""
    coarse = np.random.default_rng(seed).integers(0, 256, (76, 76, 3), dtype=np.uint8)
    return coarse.repeat(4, 0).repeat(4, 1)[:300, :300].copy()


@pytest.mark.parametrize(("down", "right"), [(0, 6), (9, 0), (-4, 5)])
def test_optical_flow_finds_what_moved_and_by_how_much(down: int, right: int) -> None:
    before = textured(0)
    after = before.copy()
    patch = textured(1)[:90, :120]
    before[90:180, 90:210] = patch
    after[90 + down : 180 + down, 90 + right : 210 + right] = patch
    flow = optical_flow(before, after)
    inside = flow[105:165, 105:195].reshape(-1, 2)
    np.testing.assert_allclose(np.median(inside, axis=0), [right, down], atol=0.5)
    moved = changed_cells(before, after, "optical_flow")
    patch_cells = np.zeros((100, 100), bool)
    patch_cells[30:60, 30:70] = True
    assert moved[patch_cells].mean() > 0.9
    far = np.ones((100, 100), bool)
    far[22:68, 22:78] = False
    assert not moved[far].any()


def test_optical_flow_ignores_what_became_brighter_in_place() -> None:
    before = textured(2) // 2 + 60
    after = before + 30
    assert changed_cells(before, after).mean() > 0.9
    assert changed_cells(before, after, "optical_flow").mean() < 0.05


def test_optical_flow_of_equal_images_is_zero_and_does_not_depend_on_earlier_ones() -> None:
    one, other = textured(3), np.roll(textured(3), 4, axis=1)
    assert not optical_flow(one, one).any()
    first = optical_flow(one, other)
    optical_flow(textured(4), textured(5))
    np.testing.assert_array_equal(first, optical_flow(one, other))


def test_the_threshold_of_a_flow_is_in_pixels() -> None:
    one, other = textured(6), np.roll(textured(6), 2, axis=1)
    assert changed_cells(one, other, "optical_flow")[10:90, 10:90].mean() > 0.9
    assert changed_cells(one, other, "optical_flow", 4.0)[10:90, 10:90].mean() < 0.1


def test_images_too_small_for_a_flow_are_refused() -> None:
    image = random_image(0, 9, 18)
    with pytest.raises(ValueError, match="9 x 18 pixels; an optical flow needs 12"):
        changed_cells(image, image, "optical_flow")
