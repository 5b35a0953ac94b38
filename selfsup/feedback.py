"""The result of one touch: its mask, whether it succeeded, and the feedback on the force.

Paper section 4.2 (steps II and III) and appendix E.
"""

from enum import IntEnum
from functools import cache
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

KernelName = Literal["gaussian", "exponential"]
"""`gaussian`: exp(-u^2 - v^2), paper eq. 1. `exponential`: exp(-sqrt(u^2 + v^2)), authors' code."""

ForceArea = Literal["point", "mask"]
"""Where a touch says something about the force. `point`: around its point, spread with the kernel (paper).
`mask`: evenly over the cells of its mask, in all as much as with the kernel."""

KERNEL_RADIUS = 2
"""The kernel covers cells -2..2 along both axes."""

SUCCESS_THRESHOLD = 1.5
"""A touch succeeds when the kernel-weighted count of moved cells around it reaches this (appendix E)."""

FORCE_COUNT = 3
"""Forces an agent chooses among: for light, medium and heavy objects."""


class Feedback(IntEnum):
    """The result of the attempts at one point for the predicted force (paper section 4.3)."""

    CORRECT = 0
    """The predicted force moved the object, the next smaller one did not."""
    TOO_SMALL = 1
    """The predicted force did not move the object, the maximum force did."""
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
    """Return whether enough cells moved around the touched cell (paper appendix E).

    Args:
        mask: (rows, columns) bool, B+. Outside it nothing moved.
        row: Touched grid row.
        column: Touched grid column.
        kernel_name: Weights of the 5 x 5 neighbourhood.
        threshold: The minimum sum of weights of moved cells that counts as a success.

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

    The first attempt that changes the image ends the series and gives its feedback; if none does,
    the point is unsuccessful. The next smaller force comes first, then the predicted one, then the
    maximum force. For the smallest force the first two attempts are the same, and both mean "correct":
    so does the authors' code, where the second try finds an object that the first one loosened.

    Args:
        force: Predicted force index, 0, 1 or 2.

    Returns:
        Pairs (force index to apply, feedback if it changes the image), in order.

    Raises:
        ValueError: There is no such force.

    Examples:
        >>> [(index, feedback.name) for index, feedback in escalation(1)]
        [(0, 'TOO_LARGE'), (1, 'CORRECT'), (2, 'TOO_SMALL')]
    """
    if force not in range(FORCE_COUNT):
        raise ValueError(f"force index is {force}; it must be one of 0..{FORCE_COUNT - 1}")
    force = int(force)
    first = (force - 1, Feedback.TOO_LARGE) if force > 0 else (0, Feedback.CORRECT)
    maximum = FORCE_COUNT - 1
    last = ((maximum, Feedback.TOO_SMALL),) if force < maximum else ()
    return (first, (force, Feedback.CORRECT), *last)
