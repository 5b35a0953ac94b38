"""Random flips and colours, so that a stored location looks different each time it is used."""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from selfsup.experience import Experience
from selfsup.grid import GRID

FLIP_PROBABILITY = 0.5
JITTER_PROBABILITY = 0.8
JITTER_STRENGTH = 0.3
"""Factors are drawn from 1 +- this, the turn of the hue from +- this part of the colour circle."""


@dataclass(frozen=True)
class Augmentation:
    """The augmentation of one image.

    Attributes:
        flip: Whether everything is mirrored left to right.
        jitter: Whether the colours change.
        factors: Factors of brightness, contrast and saturation.
        hue: Turn of the hue, in turns.
        order: Which change of colour comes first, second, ...; see `jitter_colours`.
    """

    flip: bool
    jitter: bool
    factors: tuple[float, float, float]
    hue: float
    order: tuple[int, ...]

    def colours(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return an (H, W, 3) uint8 image with its colours changed, if they are to change."""
        return jitter_colours(rgb, *self.factors, self.hue, self.order) if self.jitter else rgb


def draw_augmentation(
    rng: np.random.Generator, jitter_probability: float = JITTER_PROBABILITY
) -> Augmentation:
    """Draw the augmentation of one image; the number of random draws is constant.

    Args:
        rng: Source of randomness.
        jitter_probability: Probability of a change of the colours, in 0..1.
    """
    flip = bool(rng.random() < FLIP_PROBABILITY)
    jitter = bool(rng.random() < jitter_probability)
    brightness, contrast, saturation = rng.uniform(1 - JITTER_STRENGTH, 1 + JITTER_STRENGTH, size=3)
    hue = float(rng.uniform(-JITTER_STRENGTH, JITTER_STRENGTH))
    order = tuple(int(change) for change in rng.permutation(4))
    return Augmentation(flip, jitter, (float(brightness), float(contrast), float(saturation)), hue, order)


def augment(
    experience: Experience, rng: np.random.Generator, jitter_probability: float = JITTER_PROBABILITY
) -> Experience:
    """Flip image and targets with probability 0.5, and change the colours with probability 0.8.

    Brightness, contrast, saturation and hue change one after another in random order, as
    torchvision's `ColorJitter(0.3, 0.3, 0.3, 0.3)` does it. Depth takes part in the flip only.

    Args:
        experience: What is to be augmented; it is not changed.
        rng: Source of randomness. The number of draws is constant, so the next location's augmentation
            does not depend on this one's.
        jitter_probability: Probability of a change of the colours, in 0..1.

    Returns:
        A new experience, sharing those arrays that did not change.
    """
    drawn = draw_augmentation(rng, jitter_probability)
    if drawn.flip:
        experience = flip_horizontally(experience)
    if drawn.jitter:
        experience = replace(experience, rgb=drawn.colours(experience.rgb))
    return experience


def flip_horizontally(experience: Experience) -> Experience:
    """Mirror an experience left to right: image, depth, points and masks.

    Args:
        experience: What is to be mirrored; it is not changed.

    Returns:
        The mirrored experience; mirrored twice it equals the original.
    """
    return replace(
        experience,
        rgb=np.ascontiguousarray(experience.rgb[:, ::-1]),
        depth=np.ascontiguousarray(experience.depth[:, ::-1]),
        success_points=_mirrored(experience.success_points),
        masks=np.ascontiguousarray(experience.masks[:, :, ::-1]),
        failure_points=_mirrored(experience.failure_points),
    )


def jitter_colours(
    rgb: npt.NDArray[np.uint8],
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
    order: tuple[int, ...] = (0, 1, 2, 3),
) -> npt.NDArray[np.uint8]:
    """Change the colours of an image; after each change values are rounded and clipped to 0..255.

    Args:
        rgb: (H, W, 3) uint8; it is not changed.
        brightness: Factor of all values.
        contrast: Factor of the difference to the image's mean grey.
        saturation: Factor of the difference to each pixel's grey.
        hue: Turn of the hue, in turns.
        order: Which change comes first, second, ...: 0 brightness, 1 contrast, 2 saturation, 3 hue.

    Returns:
        (H, W, 3) uint8, a new array.

    Raises:
        ValueError: `order` is not a permutation of 0, 1, 2, 3.
    """
    if sorted(order) != [0, 1, 2, 3]:
        raise ValueError(f"order is {order}; it must be a permutation of 0, 1, 2, 3")
    turn = round(hue * 256) % 256
    image: npt.NDArray[Any] = rgb.copy()
    for change in order:
        if change == 0:
            image = cv2.LUT(image, _linear_table(brightness, 0.0))
        elif change == 1:
            mean = float(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).mean())
            image = cv2.LUT(image, _linear_table(contrast, mean * (1 - contrast)))
        elif change == 2:
            grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
            image = cv2.addWeighted(image, saturation, grey, 1 - saturation, 0)
        elif turn:
            # The FULL variant divides the circle into 256 steps, so uint8 arithmetic wraps as hues do.
            hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
            hsv[..., 0] += np.uint8(turn)
            image = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)
    return np.asarray(image, dtype=np.uint8)


def _linear_table(factor: float, offset: float) -> npt.NDArray[np.uint8]:
    """Return the (256,) uint8 table of factor * value + offset, rounded and clipped."""
    values = factor * np.arange(256, dtype=np.float64) + offset
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _mirrored(points: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """Return (n, 2) grid points with their columns mirrored."""
    mirrored = points.copy()
    mirrored[:, 1] = GRID - 1 - points[:, 1]
    return mirrored
