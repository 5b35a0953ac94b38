"""Superpixels, and the alignment of a changed area to them: from B to B+ (paper section 4.2, step III)."""

import warnings
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
from skimage.segmentation import felzenszwalb

from selfsup.change import check_image
from selfsup.grid import MINIMUM_SUPERPIXEL, STRIDE

SCALE = 200
SIGMA = 0.5
"""The parameters of the segmentation at 300 x 300 pixels, beside `MINIMUM_SUPERPIXEL`."""

MIN_FRACTION = 0.25
"""A superpixel belongs to B+ when at least this fraction of its cells belongs to B."""


def superpixel_labels(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Return the superpixel of each grid cell, by Felzenszwalb and Huttenlocher's method.

    The image is segmented at full resolution; a cell has the label of its central pixel. Some
    labels may therefore occur in no cell. The labels are those of skimage, computed by compiled
    code if numba is installed (see `selfsup.felzenszwalb`).

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (H / 3, W / 3) int32, labels from 0.

    Raises:
        ValueError: The image is not uint8 or not divided by the grid.
    """
    check_image(rgb)
    labels = segmentation()(rgb)
    centre = STRIDE // 2
    return np.ascontiguousarray(labels[centre::STRIDE, centre::STRIDE], dtype=np.int32)


@cache
def segmentation() -> Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.signedinteger]]:
    """Return the segmentation function: compiled by numba, or that of skimage.

    The first call loads the compiled code, or compiles it, which takes some seconds once per machine. Without
    numba skimage's function is returned; if compilation fails too, with a warning.
    """
    try:
        from selfsup.felzenszwalb import most_pixels, segment
    except ImportError:
        return _by_skimage
    try:
        segment(np.zeros((STRIDE, STRIDE, 3), np.uint8), SCALE, SIGMA, MINIMUM_SUPERPIXEL)
    except Exception as error:  # any error of the compiler or its cache on disk
        warnings.warn(
            f"numba failed, so superpixels are computed by scikit-image, four times slower: {error!r}",
            RuntimeWarning,
            stacklevel=2,
        )
        return _by_skimage

    def compiled(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.signedinteger]:
        if rgb.shape[0] * rgb.shape[1] > most_pixels(SCALE):
            return _by_skimage(rgb)
        return segment(rgb, SCALE, SIGMA, MINIMUM_SUPERPIXEL)

    return compiled


def _by_skimage(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.signedinteger]:
    labels: npt.NDArray[np.signedinteger] = felzenszwalb(
        rgb, scale=SCALE, sigma=SIGMA, min_size=MINIMUM_SUPERPIXEL, channel_axis=-1
    )
    return labels


def align_to_superpixels(
    changed: npt.NDArray[np.bool_], labels: npt.NDArray[np.int32], min_fraction: float = MIN_FRACTION
) -> npt.NDArray[np.bool_]:
    """Return the union of the superpixels that overlap sufficiently with the changed cells.

    Args:
        changed: (rows, columns) bool, B.
        labels: (rows, columns) int32, labels from 0, as made by `superpixel_labels`.
        min_fraction: In (0, 1]; a superpixel is taken when at least this fraction of its cells changed.

    Returns:
        (rows, columns) bool, B+.

    Raises:
        ValueError: The shapes differ, a label is negative, or the fraction is not in (0, 1].
    """
    if changed.shape != labels.shape:
        raise ValueError(
            f"changed is of shape {changed.shape} but labels of {labels.shape}; they must be equal"
        )
    if not 0 < min_fraction <= 1:
        raise ValueError(f"min_fraction is {min_fraction}; it must be greater than 0 and at most 1")
    if labels.size and labels.min() < 0:
        raise ValueError(f"labels has the negative label {labels.min()}; labels count from 0")
    cells = np.bincount(labels.ravel())
    hits = np.bincount(labels[changed.astype(bool)], minlength=len(cells))
    return (hits >= min_fraction * cells)[labels]
