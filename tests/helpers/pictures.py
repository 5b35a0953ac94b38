"""Pictures that a command has written."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt


def read_picture(path: str | Path) -> npt.NDArray[np.uint8]:
    """Return a picture file as OpenCV reads it, (height, width, 3) uint8: blue, green, red."""
    picture = cv2.imread(str(path))
    assert picture is not None, f"{path} is no picture"
    return picture.astype(np.uint8)
