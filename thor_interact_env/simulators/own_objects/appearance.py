"""Images and colours of objects that are read from files."""

from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.mujoco.materials import ImageMaterial

MAXIMUM_SIDE: Final = 512
"""Pixels along the longer side of a texture: larger images are reduced."""


def image_material(image: npt.NDArray[np.uint8], colour: npt.ArrayLike = (1.0, 1.0, 1.0)) -> ImageMaterial:
    """Return the material of an image, multiplied by a colour.

    Args:
        image: (height, width, 3) uint8, RGB, rows from the top.
        colour: Red, green and blue in 0..1.
    """
    height, width = image.shape[:2]
    factor = min(1.0, MAXIMUM_SIDE / max(height, width))
    if factor < 1:
        size = max(1, round(width * factor)), max(1, round(height * factor))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    tint = np.asarray(colour, np.float64)
    if (tint < 1).any():
        image = np.rint(image * np.clip(tint, 0, 1)).astype(np.uint8)
    return ImageMaterial((image.shape[0], image.shape[1]), np.ascontiguousarray(image).tobytes())


def plain_material(colour: npt.ArrayLike) -> ImageMaterial:
    """Return the material of one colour: red, green and blue in 0..1."""
    pixel: npt.NDArray[Any] = np.rint(255 * np.clip(np.asarray(colour, np.float64), 0, 1))
    return image_material(np.tile(pixel.astype(np.uint8), (4, 4, 1)))


def mean_colour(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return the mean colour of an image, (3,) in 0..1."""
    return np.asarray(image.reshape(-1, 3).mean(axis=0) / 255)
