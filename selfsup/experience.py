"""An experience: what was learned at one location, as the memory bank keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from selfsup.feedback import FORCE_COUNT, Feedback
from selfsup.grid import GRID, IMAGE_SIZE


@dataclass(frozen=True, eq=False)
class Experience:
    """Everything that was learned by touching objects at one location, as the memory bank keeps it.

    Attributes:
        rgb: (300, 300, 3) uint8, the view before the first touch.
        depth: (300, 300) float32 (or float16), metres from the camera, of that view; the memory
            bank rounds it to millimetres.
        success_points: (m, 2) int16, grid row and column of the successful points.
        masks: (m, 100, 100) bool, B+ of each successful point.
        forces: (m,) int8, the force index 0..2 that was predicted at each successful point.
        feedback: (m,) int8, the `Feedback` on that force.
        failure_points: (k, 2) int16, grid row and column of the unsuccessful points.

    Raises:
        ValueError: An array has another shape or dtype, or a value is out of range.
    """

    rgb: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.floating]
    success_points: npt.NDArray[np.int16]
    masks: npt.NDArray[np.bool_]
    forces: npt.NDArray[np.int8]
    feedback: npt.NDArray[np.int8]
    failure_points: npt.NDArray[np.int16]

    def __post_init__(self) -> None:
        """Check shapes, dtypes and ranges."""
        successes = len(self.success_points)
        _check_array("rgb", self.rgb, np.uint8, (IMAGE_SIZE, IMAGE_SIZE, 3))
        half = self.depth.dtype == np.float16
        _check_array("depth", self.depth, np.float16 if half else np.float32, (IMAGE_SIZE, IMAGE_SIZE))
        _check_array("success_points", self.success_points, np.int16, (successes, 2))
        _check_array("masks", self.masks, np.bool_, (successes, GRID, GRID))
        _check_array("forces", self.forces, np.int8, (successes,))
        _check_array("feedback", self.feedback, np.int8, (successes,))
        _check_array("failure_points", self.failure_points, np.int16, (len(self.failure_points), 2))
        limits: Mapping[str, int] = {
            "success_points": GRID,
            "failure_points": GRID,
            "forces": FORCE_COUNT,
            "feedback": len(Feedback),
        }
        for name, limit in limits.items():
            values = getattr(self, name)
            if values.size and (values.min() < 0 or values.max() >= limit):
                worst = values.min() if values.min() < 0 else values.max()
                raise ValueError(f"{name} contains {worst}; its values must be in 0..{limit - 1}")


def _check_array(name: str, array: npt.NDArray[np.generic], dtype: type, shape: tuple[int, ...]) -> None:
    """Raise a ValueError unless an array has this dtype and shape."""
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(
            f"{name} is {array.dtype} of shape {array.shape}; "
            f"it must be {np.dtype(dtype).name} of shape {shape}"
        )
