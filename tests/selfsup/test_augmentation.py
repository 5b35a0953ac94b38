from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import hsv2rgb, rgb2gray, rgb2hsv

from selfsup.augmentation import augment, flip_horizontally, jitter_colours
from selfsup.experience import Experience
from selfsup.targets import build_targets


def equal(first: Experience, second: Experience) -> bool:
    return all(
        np.array_equal(getattr(first, field.name), getattr(second, field.name)) for field in fields(first)
    )


def test_a_flip_mirrors_everything_and_twice_is_nothing(make_experience: Any) -> None:
    experience = make_experience(successes=3)
    flipped = flip_horizontally(experience)
    np.testing.assert_array_equal(flipped.rgb, experience.rgb[:, ::-1])
    np.testing.assert_array_equal(flipped.depth, experience.depth[:, ::-1])
    np.testing.assert_array_equal(flipped.masks, experience.masks[:, :, ::-1])
    for before, after in zip(experience.success_points, flipped.success_points, strict=True):
        assert after.tolist() == [before[0], 99 - before[1]]
    assert equal(flip_horizontally(flipped), experience)


def test_the_targets_of_a_flipped_location_are_the_flipped_targets(make_experience: Any) -> None:
    experience = make_experience(successes=5, failures=5)
    plain, flipped = build_targets([experience]), build_targets([flip_horizontally(experience)])
    for name in ("foreground", "background", "force", "masks"):
        np.testing.assert_allclose(getattr(flipped, name), getattr(plain, name).flip(-1), atol=1e-6)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_augmentation_is_a_function_of_the_seed_and_leaves_the_rest_alone(
    make_experience: Any, seed: int
) -> None:
    experience = make_experience(7)
    kept = make_experience(7)
    first = augment(experience, np.random.default_rng(seed))
    assert equal(first, augment(experience, np.random.default_rng(seed)))
    assert equal(experience, kept)
    turned_back = first if np.array_equal(first.depth, experience.depth) else flip_horizontally(first)
    for name in ("depth", "success_points", "masks", "forces", "feedback", "failure_points"):
        np.testing.assert_array_equal(getattr(turned_back, name), getattr(experience, name))


def test_half_are_flipped_four_fifths_are_recoloured_and_as_much_randomness_is_used(
    make_experience: Any,
) -> None:
    experience = make_experience(7)
    flips = colours = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        augmented = augment(experience, rng)
        flipped = not np.array_equal(augmented.depth, experience.depth)
        original = experience.rgb[:, ::-1] if flipped else experience.rgb
        flips += flipped
        colours += not np.array_equal(augmented.rgb, original)
        other = np.random.default_rng(seed)
        augment(make_experience(8, successes=0), other)
        assert rng.random() == other.random()
    assert 75 <= flips <= 125
    assert 140 <= colours <= 178


@pytest.mark.parametrize(("probability", "changed"), [(0.0, 0), (1.0, 20)])
def test_the_probability_of_new_colours_can_be_chosen_and_flips_do_not_depend_on_it(
    make_experience: Any, probability: float, changed: int
) -> None:
    experience = make_experience(7)
    colours = 0
    for seed in range(20):
        augmented = augment(experience, np.random.default_rng(seed), probability)
        usual = augment(experience, np.random.default_rng(seed))
        np.testing.assert_array_equal(augmented.depth, usual.depth)
        flipped = not np.array_equal(augmented.depth, experience.depth)
        colours += not np.array_equal(augmented.rgb, experience.rgb[:, ::-1] if flipped else experience.rgb)
    assert colours == changed


def colour_image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def test_each_colour_change_is_its_formula() -> None:
    image = colour_image()
    values = image.astype(float)
    brighter = np.clip(values * 1.2, 0, 255)
    np.testing.assert_allclose(jitter_colours(image, 1.2, 1, 1, 0), brighter, atol=0.6)
    grey = rgb2gray(image / 255)[..., None] * 255  # its weights differ a little from OpenCV's
    duller = np.clip(values * 0.75 + 0.25 * grey, 0, 255)
    np.testing.assert_allclose(jitter_colours(image, 1, 1, 0.75, 0), duller, atol=12)
    flatter = np.clip(values * 0.8 + 0.2 * grey.mean(), 0, 255)
    np.testing.assert_allclose(jitter_colours(image, 1, 0.8, 1, 0), flatter, atol=6)
    hsv = rgb2hsv(image)
    hsv[..., 0] = (hsv[..., 0] + 0.25) % 1
    np.testing.assert_allclose(jitter_colours(image, 1, 1, 1, 0.25), hsv2rgb(hsv) * 255, atol=8)
    np.testing.assert_allclose(jitter_colours(image, 1, 1, 1, -0.75), hsv2rgb(hsv) * 255, atol=8)


def test_no_change_changes_nothing() -> None:
    image = colour_image()
    np.testing.assert_array_equal(jitter_colours(image, 1, 1, 1, 0), image)


def test_the_order_of_changes_matters_and_is_checked() -> None:
    image = colour_image()
    first = jitter_colours(image, 1.3, 0.7, 1.3, 0.1, (0, 1, 2, 3))
    assert not np.array_equal(first, jitter_colours(image, 1.3, 0.7, 1.3, 0.1, (1, 0, 2, 3)))
    with pytest.raises(ValueError, match="permutation"):
        jitter_colours(image, 1, 1, 1, 0, (0, 1, 2, 2))
