"""VideoPCA: reconstruction, first mask, colours, window and soft masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfsup.video_pca import (
    MINIMUM_ERROR,
    centred_window,
    colour_likelihood,
    combined,
    first_mask,
    grid_video,
    reconstruction_errors,
    soft_mask,
)


def made_up_video(seed, frames, rows=6, columns=5):
    return np.random.default_rng(seed).uniform(0, 255, (frames, rows, columns, 3)).astype(np.float32)


@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(0, 6))
@settings(max_examples=25, deadline=None)
def test_reconstruction_is_the_truncated_singular_value_decomposition(seed, frames, components):
    video = made_up_video(seed, frames)
    flat = video.reshape(frames, -1).astype(np.float64)
    mean = flat.mean(axis=0)
    left, singular, right = np.linalg.svd(flat - mean, full_matrices=False)
    used = min(components, (frames - 1) // 2)
    rebuilt = mean + (left[:, :used] * singular[:used]) @ right[:used]
    expected = np.linalg.norm((flat - rebuilt).reshape(video.shape), axis=-1)
    errors = reconstruction_errors(video, components)
    assert errors.shape == video.shape[:3] and errors.dtype == np.float32
    assert np.allclose(errors, expected, atol=0.05)
    assert np.square(errors, dtype=np.float64).sum() == pytest.approx(
        np.square(singular[used:]).sum(), rel=1e-3, abs=0.1
    )


def test_what_few_components_explain_is_no_foreground():
    rng = np.random.default_rng(0)
    images = rng.uniform(-60, 60, (4, 6 * 5 * 3))
    video = (128 + rng.normal(size=(20, 4)) @ images).astype(np.float32).reshape(20, 6, 5, 3)
    assert reconstruction_errors(video, 4).max() < 0.05
    assert reconstruction_errors(video, 3).max() > 5


def test_a_motion_of_a_single_frame_is_seen():
    view = np.full((300, 300, 3), 90, np.uint8)
    after = view.copy()
    after[120:180, 120:180] = 190
    assert soft_mask(view, after[None])[41:59, 41:59].min() > 0.3


def test_a_still_video_has_no_error_and_no_mask():
    video = np.repeat(made_up_video(3, 1, 100, 100), 9, axis=0)
    errors = reconstruction_errors(video)
    assert errors.max() < 0.01
    assert not first_mask(errors[0]).any()
    assert not first_mask(np.full((100, 100), 0.9 * MINIMUM_ERROR, np.float32)).any()


def test_first_mask_covers_the_error_and_little_more():
    error = np.zeros((100, 100), np.float32)
    error[40:60, 30:50] = 80
    mask = first_mask(error)
    assert mask[41:59, 31:49].all()
    assert mask.sum() < 1.3 * 20 * 20


def test_colour_likelihood_is_the_ratio_of_densities():
    image = np.zeros((10, 10, 3), np.float32)
    image[:, 5:] = (200, 30, 90)
    mask = np.zeros((10, 10), bool)
    mask[:, 4:8] = True  # 30 red and 10 black of 40 cells, outside 20 red and 40 black of 60
    likelihood = colour_likelihood(image, mask)
    assert np.allclose(likelihood[:, 5:], (30 / 40) / (30 / 40 + 20 / 60))
    assert np.allclose(likelihood[:, :5], (10 / 40) / (10 / 40 + 40 / 60))
    assert not colour_likelihood(image, np.zeros((10, 10), bool)).any()


def test_window_is_one_in_the_middle_of_the_mask_and_falls_off():
    mask = np.zeros((100, 100), bool)
    mask[20:41, 60:81] = True
    window = centred_window(mask)
    assert window[30, 70] == pytest.approx(1) == window.max()
    assert np.allclose(window[30 - 9, 70], window[30 + 9, 70])
    assert np.allclose(window[30, 70 - 9], window[30 - 9, 70])
    assert (np.diff(window[30, 70:]) < 0).all()
    assert not centred_window(np.zeros((7, 7), bool)).any()


def moving_square(seed, side=66):
    """A red square that slides over a grey texture: the view before, the frames, and where it lay (cells)."""
    rng = np.random.default_rng(seed)
    wall = rng.integers(60, 180, (60, 60, 1)).repeat(5, 0).repeat(5, 1).repeat(3, 2).astype(np.uint8)
    row, column = (int(value) for value in rng.integers(30, 120, 2))
    images = []
    for shift in [0, *np.rint(90 * (1 - np.exp(-np.arange(1, 18) / 5))).astype(int)]:
        image = wall.copy()
        image[row + shift : row + shift + side, column + shift : column + shift + side] = (210, 60, 40)
        noise = rng.integers(-6, 7, image.shape)
        images.append(np.clip(image + noise, 0, 255).astype(np.uint8))
    mask = np.zeros((300, 300), bool)
    mask[row : row + side, column : column + side] = True
    return images[0], np.array(images[1:]), mask[1::3, 1::3]


@pytest.mark.parametrize("seed", range(4))
def test_a_moving_square_on_a_texture_is_found_where_it_lay(seed):
    before, frames, truth = moving_square(seed)
    found = soft_mask(before, frames) > 0.5
    assert (found & truth).sum() / (found | truth).sum() > 0.5


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
@settings(max_examples=8, deadline=None)
def test_soft_masks_lie_between_zero_and_one(seed, count):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count + 1, 300, 300, 3), dtype=np.uint8)
    soft = soft_mask(images[0], images[1:])
    assert soft.shape == (100, 100) and soft.dtype == np.float32
    assert soft.min() >= 0 and soft.max() <= 1


def test_without_frames_or_motion_there_is_no_mask():
    view = np.random.default_rng(5).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    assert not soft_mask(view, np.zeros((0, 300, 300, 3), np.uint8)).any()
    assert not soft_mask(view, np.repeat(view[None], 10, axis=0)).any()


def test_masks_of_a_location_are_added_and_clipped():
    softs = [np.full((100, 100), value, np.float32) for value in (0.2, 0.5, 0.7)]
    assert np.allclose(combined(softs[:2]), 0.7)
    assert np.allclose(combined(softs), 1.0)
    assert np.array_equal(combined([]), np.zeros((100, 100), np.float32))


def test_grid_video_averages_cells():
    frame = np.random.default_rng(6).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    cells = frame.reshape(100, 3, 100, 3, 3).mean(axis=(1, 3))
    assert np.allclose(grid_video([frame])[0], cells, atol=1e-3)
    assert grid_video([]).shape == (0, 100, 100, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: reconstruction_errors(np.zeros((2, 3, 3), np.float32)), r"\(2, 3, 3\)"),
        (lambda: reconstruction_errors(made_up_video(0, 3), -1), "-1"),
        (lambda: colour_likelihood(np.zeros((4, 4, 3), np.float32), np.zeros((4, 5), bool)), r"\(4, 5\)"),
        (lambda: soft_mask(np.zeros((300, 300, 3), np.float32), np.zeros((1,), np.uint8)), "uint8"),
    ],
)
def test_malformed_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
