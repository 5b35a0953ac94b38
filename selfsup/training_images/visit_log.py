"""The views of one location and the points touched there, in their order."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from selfsup.feedback import Feedback


@dataclass(frozen=True, eq=False)
class View:
    """One image of a location.

    Attributes:
        rgb: (300, 300, 3) uint8.
        depth: (300, 300) float32, metres from the camera.
    """

    rgb: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TouchedPoint:
    """One point with all its attempts.

    Attributes:
        row: Grid row.
        column: Grid column.
        force: The force index 0..2 that was predicted.
        views: Numbers of the views before the first attempt and after each attempt, ascending; at least two.
        feedback: What each attempt says about the predicted force if it is the first to succeed.
        changed: Whether each attempt changed the image: whether a cell of B is true.
        mask: (100, 100) bool, B+ of the last attempt if that succeeded; None where no attempt did.
    """

    row: int
    column: int
    force: int
    views: tuple[int, ...]
    feedback: tuple[Feedback, ...]
    changed: tuple[bool, ...]
    mask: npt.NDArray[np.bool_] | None

    def __post_init__(self) -> None:
        """Check that attempts and views fit.

        Raises:
            ValueError: There is no attempt, or not one view more than attempts.
        """
        attempts = len(self.feedback)
        if not attempts or len(self.changed) != attempts or len(self.views) != attempts + 1:
            raise ValueError(
                f"{attempts} attempts with {len(self.changed)} changes and {len(self.views)} views; "
                "there must be at least one attempt, as many changes, and one view more"
            )

    @property
    def success(self) -> bool:
        """Whether an attempt succeeded."""
        return self.mask is not None


class VisitLog:
    """What was seen and done at one location.

    Attributes:
        views: Each view that differs from the one before it; the first is that before any touch.
        points: The touched points.
    """

    def __init__(self, rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> None:
        """Begin with the first view.

        Args:
            rgb: (300, 300, 3) uint8. It is not copied, and must not be changed later.
            depth: (300, 300) float32, metres from the camera; likewise.
        """
        self.views = [View(rgb, depth)]
        self.points: list[TouchedPoint] = []

    @property
    def present(self) -> int:
        """Number of the last view."""
        return len(self.views) - 1

    def see(self, rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> int:
        """Note what is seen now.

        Args:
            rgb: (300, 300, 3) uint8. It is not copied, and must not be changed later.
            depth: (300, 300) float32, metres from the camera; likewise.

        Returns:
            The number of this view: a new one only if it differs from the last one.
        """
        last = self.views[-1]
        if not (np.array_equal(rgb, last.rgb) and np.array_equal(depth, last.depth)):
            self.views.append(View(rgb, depth))
        return self.present
