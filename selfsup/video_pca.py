"""VideoPCA: from the frames of a motion to a soft mask of what moved (paper appendix D).

The method is that of Stretcu and Leordeanu, *Multiple Frames Matching for Object Discovery in Video* (BMVC
2015), as the paper adapts it: what a few principal components of a video do not explain is foreground, and
so are nearby cells of the same colours.
"""

from collections.abc import Iterable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from selfsup.change import check_image
from selfsup.grid import GRID, STRIDE

COMPONENTS: Final = 4
"""Principal components that reconstruct a frame (appendix D)."""

SMOOTHING: Final = 1.5
"""Standard deviation, in grid cells, of the Gaussian that smooths a reconstruction error."""

ERROR_FRACTION: Final = 0.3
"""Cells whose smoothed error is at least this fraction of the maximum form the first mask."""

MINIMUM_ERROR: Final = 0.5
"""Grey levels that the largest smoothed error must reach; below, nothing visible has moved."""

COLOUR_BINS: Final = 16
"""Bins of a colour histogram along each of red, green and blue."""

SOFT_SMOOTHING: Final = 1.0
"""Standard deviation, in grid cells, of the Gaussian that smooths a soft mask, which removes single cells."""

WINDOW_SCALE: Final = 2.0
"""Standard deviations of the window around a first mask, as multiples of the mask's own."""

MINIMUM_SPREAD: Final = 2.0
"""Grid cells that a first mask's standard deviation counts as at least."""


def grid_video(frames: Iterable[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
    """Return frames averaged over the 3 x 3 pixels of each grid cell.

    Args:
        frames: Each (300, 300, 3) uint8.

    Returns:
        (n, 100, 100, 3) float32, grey levels in 0..255.

    Raises:
        ValueError: A frame is not uint8 or not divided by the grid.
    """
    cells = []
    for frame in frames:
        check_image(frame)
        size = (frame.shape[1] // STRIDE, frame.shape[0] // STRIDE)
        cells.append(cv2.resize(frame.astype(np.float32), size, interpolation=cv2.INTER_AREA))
    return np.array(cells, np.float32).reshape(-1, GRID, GRID, 3)


def reconstruction_errors(
    video: npt.NDArray[np.float32], components: int = COMPONENTS
) -> npt.NDArray[np.float32]:
    """Return how far each frame is from its reconstruction by the video's first principal components.

    Args:
        video: (n, rows, columns, channels) float32.
        components: At least 0. Of a video of n frames at most (n - 1) / 2 are used: n - 1 would explain
            everything.

    Returns:
        (n, rows, columns) float32, the Euclidean length over the channels, at least 0.

    Raises:
        ValueError: The video has not four axes, or `components` is negative.
    """
    if video.ndim != 4:
        raise ValueError(f"video is of shape {video.shape}; it must be (frames, rows, columns, channels)")
    if components < 0:
        raise ValueError(f"components is {components}; it must be 0 or more")
    flat = video.reshape(len(video), -1)
    if not len(flat):
        return np.zeros(video.shape[:3], np.float32)
    centred = flat - flat.mean(axis=0)
    used = min(components, (len(video) - 1) // 2)
    # There are far fewer frames than values in one, so the small matrix of inner products is decomposed.
    wide = centred.astype(np.float64)
    _, vectors = np.linalg.eigh(wide @ wide.T)
    leading = vectors[:, len(video) - used :].astype(np.float32)
    rest = centred - leading @ (leading.T @ centred)
    return np.asarray(np.linalg.norm(rest.reshape(video.shape), axis=-1), np.float32)


def first_mask(error: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Return where a reconstruction error, smoothed, is large.

    Args:
        error: (100, 100) float32, of one frame, grey levels.

    Returns:
        (100, 100) bool; empty where the error is below `MINIMUM_ERROR` everywhere.
    """
    smooth = cv2.GaussianBlur(error, (0, 0), SMOOTHING)
    maximum = float(smooth.max(initial=0.0))
    if maximum < MINIMUM_ERROR:
        return np.zeros(error.shape, bool)
    return np.asarray(smooth >= ERROR_FRACTION * maximum)


def colour_likelihood(
    image: npt.NDArray[np.float32], foreground: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Return how likely each cell is foreground, by its colour alone.

    Args:
        image: (rows, columns, 3) float32 in 0..255.
        foreground: (rows, columns) bool, the first mask; the rest is background.

    Returns:
        (rows, columns) float32 in 0..1: p(colour | foreground) / (p(colour | foreground) + p(colour |
        background)), each from a histogram of 16 x 16 x 16 bins; zeros where the mask is empty.

    Raises:
        ValueError: The mask and the image differ in shape.
    """
    if image.shape != (*foreground.shape, 3):
        raise ValueError(f"image is of shape {image.shape} but foreground of {foreground.shape}")
    bins = np.clip(image * (COLOUR_BINS / 256), 0, COLOUR_BINS - 1).astype(np.int64)
    colours = (bins[..., 0] * COLOUR_BINS + bins[..., 1]) * COLOUR_BINS + bins[..., 2]
    densities = [
        np.bincount(colours[cells], minlength=COLOUR_BINS**3) / max(int(cells.sum()), 1)
        for cells in (foreground, ~foreground)
    ]
    total = densities[0] + densities[1]
    likelihood = np.divide(densities[0], total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(likelihood[colours], np.float32)


def centred_window(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return a Gaussian window on a mask: 1 at its centre of mass, wider the wider the mask is.

    Args:
        mask: (rows, columns) bool.

    Returns:
        (rows, columns) float32 in 0..1; zeros where the mask is empty.
    """
    if not mask.any():
        return np.zeros(mask.shape, np.float32)
    profiles = []
    for cells, size in zip(mask.nonzero(), mask.shape, strict=True):
        spread = WINDOW_SCALE * max(float(cells.std()), MINIMUM_SPREAD)
        profiles.append(np.exp(-0.5 * ((np.arange(size) - cells.mean()) / spread) ** 2))
    return np.asarray(np.outer(*profiles), np.float32)


def soft_mask(before: npt.NDArray[np.uint8], frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return how likely each cell of a view belongs to what moved after it (one interaction).

    The video is the view and the frames that follow it; the error of the view itself, which shows the object
    in its first place, gives the first mask.

    Args:
        before: (300, 300, 3) uint8, the view before the touch.
        frames: (n, 300, 300, 3) uint8, seen during the motion.

    Returns:
        (100, 100) float32 in 0..1; zeros where nothing moved.

    Raises:
        ValueError: An image is not uint8 or not divided by the grid.
    """
    check_image(before)
    if not len(frames):
        return np.zeros((GRID, GRID), np.float32)
    video = grid_video([before, *frames])
    first = first_mask(reconstruction_errors(video)[0])
    likelihood = cv2.GaussianBlur(colour_likelihood(video[0], first), (0, 0), SOFT_SMOOTHING)
    return np.asarray(np.clip(likelihood * centred_window(first), 0, 1), np.float32)


def combined(softs: Iterable[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """Return the one target of a location: the soft masks of its interactions, added and clipped at 1.

    Args:
        softs: Each (100, 100) float32 in 0..1; without any, the target is zero.
    """
    total = np.zeros((GRID, GRID), np.float32)
    for soft in softs:
        total += soft
    return np.minimum(total, 1)
