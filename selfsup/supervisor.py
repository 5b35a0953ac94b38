"""The result of one touch, judged from images alone (paper section 4.2, steps II and III)."""

from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from selfsup.change import ChangeTest, changed_cells, check_image
from selfsup.feedback import KernelName, is_successful
from selfsup.grid import STRIDE
from selfsup.superpixels import align_to_superpixels, superpixel_labels


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
    """The result of one touch.

    Attributes:
        changed: (rows, columns) bool, B: the cells in which the image changed.
        mask: (rows, columns) bool, B+: the superpixels that changed.
        success: Whether B+ covers enough cells around the touched cell.
    """

    changed: npt.NDArray[np.bool_]
    mask: npt.NDArray[np.bool_]
    success: bool


class Supervisor:
    """Judges the touches at one location.

    Superpixels are those of the first image, even after objects have moved; they are computed once, when
    the first change needs them.
    """

    def __init__(self, first_rgb: npt.NDArray[np.uint8], options: SupervisionOptions | None = None) -> None:
        """Store the first image of a location.

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
                means that nothing moved, and is not compared.
            row: Touched grid row.
            column: Touched grid column.

        Returns:
            The result; its arrays are new.

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
                "judge images of one location only"
            )
        if self._options.use_superpixels and changed.any():
            mask = align_to_superpixels(changed, self.labels)
        else:
            mask = changed.copy()
        return Judgement(changed, mask, is_successful(mask, row, column, self._options.kernel_name))

    def _grid_shape(self) -> tuple[int, int]:
        height, width = self._first_rgb.shape[:2]
        return height // STRIDE, width // STRIDE
