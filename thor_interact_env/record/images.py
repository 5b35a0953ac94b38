"""Lossless image files in memory."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

_PREDICTOR, _FLOATING_POINT = 317, 3  # a TIFF tag: neighbours are subtracted byte by byte, as floats need it


def png(image: npt.NDArray[Any]) -> bytes:
    """Return a PNG file.

    Args:
        image: (height, width, 3) uint8, or (height, width) bool, which takes one bit a pixel.
    """
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def tiff(depth: npt.NDArray[np.float32]) -> bytes:
    """Return a TIFF file with 32-bit floats, compressed without loss.

    Args:
        depth: (height, width) float32.
    """
    stream = io.BytesIO()
    tags = {_PREDICTOR: _FLOATING_POINT}
    Image.fromarray(depth).save(stream, "TIFF", compression="tiff_adobe_deflate", tiffinfo=tags)
    return stream.getvalue()


def pixels(content: bytes) -> npt.NDArray[Any]:
    """Return the array that `png` or `tiff` was given.

    Raises:
        OSError: The content is not a complete image file.
    """
    with Image.open(io.BytesIO(content)) as image:
        return np.array(image)
