"""The grid of changed cells, B (paper section 4.2, step III)."""

from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from selfsup.grid import STRIDE

CHANGE_THRESHOLD = 0.01
"""A cell has changed when its measure exceeds this (paper section 4.2, step III)."""

FLOW_THRESHOLD = 1.0
"""A cell has moved when its pixels moved by more than this on average, in pixels."""

MINIMUM_FLOW_SIZE = 12
"""Minimum height and width, in pixels, of images between which OpenCV computes an optical flow."""

ChangeTest = Literal["pooled_difference", "pooled_squared_difference", "optical_flow"]
"""`pooled_difference`: pool the HSV difference, then take its squared norm (paper).
`pooled_squared_difference`: pool the squared difference over pixels and channels (authors' code).
`optical_flow`: pool the length of the optical flow (worse in the paper's appendix D)."""


def check_image(rgb: npt.NDArray[np.uint8], name: str = "rgb") -> None:
    """Check that an array is an image the grid divides.

    Args:
        rgb: The array to check.
        name: Its name in the error message.

    Raises:
        ValueError: It is not (H, W, 3) uint8 with H and W positive multiples of `STRIDE`.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(
            f"{name} is {rgb.dtype} of shape {rgb.shape}; it must be uint8 of shape (height, width, 3)"
        )
    if rgb.size == 0 or rgb.shape[0] % STRIDE or rgb.shape[1] % STRIDE:
        raise ValueError(
            f"{name} is {rgb.shape[0]} x {rgb.shape[1]} pixels; both must be positive multiples of {STRIDE}"
        )


def rgb_to_hsv(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Convert an image to hue, saturation and value.

    It is the formula of `skimage.color.rgb2hsv`, computed by OpenCV, which is some fifty times faster.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (H, W, 3) float32 in [0, 1]; a hue of 1 would be a full turn.
    """
    # Hue and saturation do not depend on the scale, but on a scale of 0..1 OpenCV's guard against division
    # by zero changes dark colours.
    hsv = np.asarray(cv2.cvtColor(rgb.astype(np.float32), cv2.COLOR_RGB2HSV), dtype=np.float32)
    hsv *= np.array([1 / 360, 1, 1 / 255], dtype=np.float32)
    return hsv


def changed_cells(
    before: npt.NDArray[np.uint8],
    after: npt.NDArray[np.uint8],
    change_test: ChangeTest = "pooled_difference",
    threshold: float | None = None,
) -> npt.NDArray[np.bool_]:
    """Return the grid cells in which two images differ: B of paper section 4.2.

    Hue is compared as a number, as in the paper: two reds on either side of hue 0 differ by almost 1.

    Args:
        before: (H, W, 3) uint8, RGB before the touch.
        after: (H, W, 3) uint8, RGB after the touch.
        change_test: How the difference of a cell's 9 pixels is measured; see `ChangeTest`.
        threshold: A cell has changed when its measure is greater than this; None takes the test's own:
            `CHANGE_THRESHOLD`, or `FLOW_THRESHOLD` for `optical_flow`.

    Returns:
        (H / 3, W / 3) bool.

    Raises:
        ValueError: The images are not uint8, differ in shape or are not divided by the grid, or
            there is no such change test, or the images are too small for an optical flow.
    """
    if change_test not in get_args(ChangeTest):
        raise ValueError(f"unknown change test {change_test!r}; choose one of {get_args(ChangeTest)}")
    check_image(before, "before")
    check_image(after, "after")
    if before.shape != after.shape:
        raise ValueError(f"before is of shape {before.shape} but after of {after.shape}; they must be equal")
    if change_test == "optical_flow":
        lengths = np.linalg.norm(optical_flow(before, after), axis=2)
        return np.asarray(_mean_pool(lengths) > (FLOW_THRESHOLD if threshold is None else threshold))
    difference = rgb_to_hsv(before) - rgb_to_hsv(after)
    if change_test == "pooled_difference":
        measure = np.square(_mean_pool(difference)).sum(axis=2)
    else:
        measure = _mean_pool(np.square(difference)).mean(axis=2)
    return np.asarray(measure > (CHANGE_THRESHOLD if threshold is None else threshold), dtype=np.bool_)


def optical_flow(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return where each pixel went, by dense inverse search between the grey images (OpenCV, medium preset).

    Args:
        before: (H, W, 3) uint8, RGB before the touch.
        after: (H, W, 3) uint8, RGB after the touch.

    Returns:
        (H, W, 2) float32: for each pixel of `before` how far right and down it moved, in pixels.

    Raises:
        ValueError: The images are smaller than `MINIMUM_FLOW_SIZE` along an axis.
    """
    height, width = before.shape[:2]
    if min(height, width) < MINIMUM_FLOW_SIZE:
        raise ValueError(
            f"the images are {height} x {width} pixels; an optical flow needs {MINIMUM_FLOW_SIZE} or more"
        )
    grey = [cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY) for image in (before, after)]
    # A new one each time: it keeps state from call to call, and a touch must not depend on earlier ones.
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.asarray(search.calc(grey[0], grey[1], np.zeros((height, width, 2), np.float32)), np.float32)


def _mean_pool(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the means of the 3 x 3 blocks of an (H, W) or (H, W, C) image, float32."""
    # For a whole factor INTER_AREA is exactly the mean of each block, and the fastest way to it.
    size = (image.shape[1] // STRIDE, image.shape[0] // STRIDE)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
