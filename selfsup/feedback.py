"""What one touch tells: its mask, whether it succeeded, and what that says about the force.

Paper section 4.2 (steps II and III) and appendix E.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from selfsup.change import GRID, IMAGE_SIZE, STRIDE, ChangeTest, changed_cells, check_image
from selfsup.superpixels import align_to_superpixels, superpixel_labels

KernelName = Literal["gaussian", "exponential"]
"""`gaussian`: exp(-u^2 - v^2), paper eq. 1. `exponential`: exp(-sqrt(u^2 + v^2)), authors' code."""

KERNEL_RADIUS = 2
"""The kernel covers cells -2..2 along both axes."""

SUCCESS_THRESHOLD = 1.5
"""A touch succeeds when the kernel-weighted count of moved cells around it reaches this (appendix E)."""

FORCE_COUNT = 3
"""Forces an agent chooses among: for light, medium and heavy objects."""


class Feedback(IntEnum):
    """What the attempts at one point say about the predicted force (paper section 4.3)."""

    CORRECT = 0
    """The predicted force moved the object, the next smaller one did not."""
    TOO_SMALL = 1
    """The predicted force did not move the object, the greatest one did."""
    TOO_LARGE = 2
    """The next smaller force moved the object already."""


@cache
def kernel(name: KernelName = "gaussian") -> npt.NDArray[np.float32]:
    """Return the weights of the cells around a touched cell.

    Args:
        name: `gaussian` for paper eq. 1, `exponential` for the authors' code.

    Returns:
        (5, 5) float32 in (0, 1], 1 in the centre, symmetric, read-only.

    Raises:
        ValueError: There is no such kernel.
    """
    if name not in get_args(KernelName):
        raise ValueError(f"unknown kernel {name!r}; choose one of {get_args(KernelName)}")
    offsets = np.arange(-KERNEL_RADIUS, KERNEL_RADIUS + 1, dtype=np.float64)
    squared_distances = offsets[:, None] ** 2 + offsets[None, :] ** 2
    exponents = squared_distances if name == "gaussian" else np.sqrt(squared_distances)
    weights = np.exp(-exponents).astype(np.float32)
    weights.setflags(write=False)
    return weights


def is_successful(
    mask: npt.NDArray[np.bool_],
    row: int,
    column: int,
    kernel_name: KernelName = "gaussian",
    threshold: float = SUCCESS_THRESHOLD,
) -> bool:
    """Tell whether enough moved around the touched cell (paper appendix E).

    Args:
        mask: (rows, columns) bool, B+. Outside it nothing moved.
        row: Touched grid row.
        column: Touched grid column.
        kernel_name: Weights of the 5 x 5 neighbourhood.
        threshold: The least sum of weights of moved cells that counts as a success.

    Returns:
        Whether the weighted count of moved cells is at least `threshold`.

    Raises:
        ValueError: The cell is not on the grid, or there is no such kernel.
    """
    rows, columns = mask.shape
    if not (0 <= row < rows and 0 <= column < columns):
        raise ValueError(
            f"cell ({row}, {column}) is not on the grid; rows are 0..{rows - 1}, columns 0..{columns - 1}"
        )
    top, left = max(row - KERNEL_RADIUS, 0), max(column - KERNEL_RADIUS, 0)
    neighbourhood = mask[top : row + KERNEL_RADIUS + 1, left : column + KERNEL_RADIUS + 1].astype(bool)
    first_row, first_column = top - row + KERNEL_RADIUS, left - column + KERNEL_RADIUS
    height, width = neighbourhood.shape
    weights = kernel(kernel_name)[first_row : first_row + height, first_column : first_column + width]
    return bool(weights[neighbourhood].sum(dtype=np.float64) >= threshold)


def escalation(force: int) -> tuple[tuple[int, Feedback], ...]:
    """Return the attempts at one point for a predicted force (paper section 4.2, step II).

    The first attempt that changes the picture ends the series and gives its feedback; if none does,
    the point is unsuccessful. The next smaller force comes first, then the predicted one, then the
    greatest. For the smallest force the first two attempts are the same, and both mean "correct":
    so does the authors' code, where the second try finds an object that the first one loosened.

    Args:
        force: Predicted force index, 0, 1 or 2.

    Returns:
        Pairs (force index to apply, feedback if it changes the picture), in order.

    Raises:
        ValueError: There is no such force.

    Example:
        >>> [(index, feedback.name) for index, feedback in escalation(1)]
        [(0, 'TOO_LARGE'), (1, 'CORRECT'), (2, 'TOO_SMALL')]
    """
    if force not in range(FORCE_COUNT):
        raise ValueError(f"force index is {force}; it must be one of 0..{FORCE_COUNT - 1}")
    force = int(force)
    first = (force - 1, Feedback.TOO_LARGE) if force > 0 else (0, Feedback.CORRECT)
    greatest = FORCE_COUNT - 1
    last = ((greatest, Feedback.TOO_SMALL),) if force < greatest else ()
    return (first, (force, Feedback.CORRECT), *last)


@dataclass(frozen=True)
class SupervisionOptions:
    """How a touch is judged.

    Attributes:
        change_test: How changed cells are found.
        kernel_name: Weights of the success test.
        use_superpixels: Whether changed cells are aligned to superpixels; without, B+ is B
            (row k of the paper's table 1).
    """

    change_test: ChangeTest = "pooled_difference"
    kernel_name: KernelName = "gaussian"
    use_superpixels: bool = True

    def __post_init__(self) -> None:
        """Check the names, so that a wrong one is reported where it was written."""
        if self.change_test not in get_args(ChangeTest):
            raise ValueError(
                f"unknown change test {self.change_test!r}; choose one of {get_args(ChangeTest)}"
            )
        if self.kernel_name not in get_args(KernelName):
            raise ValueError(f"unknown kernel {self.kernel_name!r}; choose one of {get_args(KernelName)}")


@dataclass(frozen=True, eq=False)
class Judgement:
    """What one touch changed.

    Attributes:
        changed: (rows, columns) bool, B: the cells in which the picture changed.
        mask: (rows, columns) bool, B+: the superpixels that changed.
        success: Whether B+ is about the touched cell.
    """

    changed: npt.NDArray[np.bool_]
    mask: npt.NDArray[np.bool_]
    success: bool


class Supervisor:
    """Judges the touches at one location.

    Superpixels are those of the first picture, whatever moved since; they are computed when the
    first change needs them, once.
    """

    def __init__(self, first_rgb: npt.NDArray[np.uint8], options: SupervisionOptions | None = None) -> None:
        """Remember the first picture of a location.

        Args:
            first_rgb: (H, W, 3) uint8, the view before anything was touched. It is not copied.
            options: How touches are judged; by default as in the paper.

        Raises:
            ValueError: The image is not uint8 or not divided by the grid.
        """
        check_image(first_rgb, "first_rgb")
        self._first_rgb = first_rgb
        self._options = options if options is not None else SupervisionOptions()
        self._labels: npt.NDArray[np.int32] | None = None

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """Superpixel of each grid cell, (rows, columns) int32; computed at the first use."""
        if self._labels is None:
            self._labels = superpixel_labels(self._first_rgb)
        return self._labels

    def judge(
        self, before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8], row: int, column: int
    ) -> Judgement:
        """Judge one touch.

        Args:
            before: (H, W, 3) uint8, RGB just before the touch.
            after: (H, W, 3) uint8, RGB once the room is at rest. The very same object as `before`
                says that nothing moved, and is not looked at.
            row: Touched grid row.
            column: Touched grid column.

        Returns:
            What changed; its arrays are new ones.

        Raises:
            ValueError: The images do not fit, or the cell is not on the grid.
        """
        changed = (
            np.zeros(self._grid_shape(), dtype=np.bool_)
            if before is after
            else changed_cells(before, after, self._options.change_test)
        )
        if changed.shape != self._grid_shape():
            raise ValueError(
                f"the images are of shape {before.shape} but the first one is of {self._first_rgb.shape}; "
                "judge pictures of one location only"
            )
        if self._options.use_superpixels and changed.any():
            mask = align_to_superpixels(changed, self.labels)
        else:
            mask = changed.copy()
        return Judgement(changed, mask, is_successful(mask, row, column, self._options.kernel_name))

    def _grid_shape(self) -> tuple[int, int]:
        height, width = self._first_rgb.shape[:2]
        return height // STRIDE, width // STRIDE


@dataclass(frozen=True, eq=False)
class Experience:
    """All that was learned by touching things at one location; what the memory bank keeps.

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
