"""Oracles: ground truth in place of the agent's choice, or of its masks (paper section 5 and appendix D).

They measure what self-supervision costs: rows (d), (e) and (f) of the paper's table 1, and the targets of
rows (i) and (j). Unless one of them is on, nothing here reads ground truth from the environment.

All truth is that of the first view of a location, before anything was touched: it is the image that
the learner sees and that its masks must describe, even after earlier touches have moved objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from selfsup.feedback import FORCE_COUNT
from selfsup.grid import STRIDE

if TYPE_CHECKING:
    import gymnasium

    from agents.base import Point
    from thor_interact_env.simulators.base import Instances

MAX_ADDED_POINTS = 128
"""Maximum number of points that the interaction oracle adds at a location; if more objects are in reach,
those that cover the most pixels are taken."""


@dataclass(frozen=True)
class OracleOptions:
    """Which ground truth replaces what at training time (paper section 5, "Providing more supervision").

    Attributes:
        points: The interaction oracle: of the agent's points at most one per reachable movable object is
            kept, and one is added for each object that the agent has missed; its other points stay, as hard
            negatives.
        masks: The mask oracle: a point on a reachable movable object is successful and gets the true mask;
            any other point is unsuccessful and has none.
        minimum_pixels: Objects that show fewer pixels are not known to the oracles: no point is added on
            them, and points on them are unsuccessful. Superpixels have at least
            `selfsup.grid.MINIMUM_SUPERPIXEL` pixels, so that self-supervised masks of such objects are rare.
    """

    points: bool = False
    masks: bool = False
    minimum_pixels: int = 0

    def __post_init__(self) -> None:
        """Check the minimum.

        Raises:
            ValueError: It is negative.
        """
        if self.minimum_pixels < 0:
            raise ValueError(f"minimum_pixels is {self.minimum_pixels}; it must be 0 or more")

    def to_json(self) -> dict[str, Any]:
        """Return the options as JSON-able values, without a minimum where there is none.

        So files and digests of runs without it are the same as before there was one.
        """
        return {name: value for name, value in asdict(self).items() if (name, value) != ("minimum_pixels", 0)}


class FirstView:
    """What an oracle knows about a location: the movable objects in reach in its first view."""

    def __init__(
        self, truth: Instances, depth: npt.NDArray[np.float32], reach: float, minimum_pixels: int = 0
    ) -> None:
        """Remember the ground truth of a first view.

        Args:
            truth: The movable objects in reach.
            depth: (300, 300) float32, metres from the camera.
            reach: Metres within which a touch acts; infinity is allowed.
            minimum_pixels: Objects that show fewer are left out.
        """
        self._whole = truth.masks[truth.masks.sum(axis=(1, 2)) >= minimum_pixels]
        self._masks = self._whole & (depth < reach)

    def object_at(self, row: int, column: int) -> int | None:
        """Return the index of the movable object that a touch of this pixel reaches, or None."""
        found = np.flatnonzero(self._masks[:, row, column])
        return int(found[0]) if len(found) else None

    def mask_at(self, row: int, column: int) -> npt.NDArray[np.bool_] | None:
        """Return the true mask that belongs to a point (the mask oracle).

        Args:
            row: Pixel row.
            column: Pixel column.

        Returns:
            (100, 100) bool: the cells whose central pixel shows the object, in reach or not, and the touched
            cell; so it is never empty. None where the point is on no movable object, or out of reach.
        """
        index = self.object_at(row, column)
        if index is None:
            return None
        centre = STRIDE // 2
        mask = self._whole[index, centre::STRIDE, centre::STRIDE].copy()
        mask[row // STRIDE, column // STRIDE] = True
        return mask

    def kept(self, points: Sequence[Point]) -> list[Point]:
        """Return the points without those on an object that an earlier one is on (the interaction oracle)."""
        taken: set[int] = set()
        kept = []
        for point in points:
            index = self.object_at(point[0], point[1])
            if index is None or index not in taken:
                kept.append(point)
            if index is not None:
                taken.add(index)
        return kept

    def added(self, points: Sequence[Point], rng: np.random.Generator) -> list[Point]:
        """Return one point for each object that no point is on (the interaction oracle).

        Args:
            points: The points there are.
            rng: Draws the forces, uniformly: the oracle does not reveal masses.

        Returns:
            At most `MAX_ADDED_POINTS` points, the object with the most pixels in reach first. Each is the
            pixel in reach that is deepest inside its object, the centre of a grid cell if the object shows
            any.
        """
        taken = {self.object_at(point[0], point[1]) for point in points}
        areas = self._masks.sum(axis=(1, 2))
        order = [index for index in np.argsort(-areas, kind="stable") if index not in taken and areas[index]]
        chosen = order[:MAX_ADDED_POINTS]
        forces = rng.integers(FORCE_COUNT, size=len(chosen))
        return [
            (*_innermost(self._masks[index]), int(force)) for index, force in zip(chosen, forces, strict=True)
        ]


def first_view(
    env: gymnasium.Env[Any, Any], oracles: OracleOptions, depth: npt.NDArray[np.float32]
) -> FirstView | None:
    """Return the ground truth of an environment that was just reset, if an oracle is on.

    Args:
        env: The environment; nothing has been touched since the reset.
        oracles: Which oracles are on.
        depth: (300, 300) float32, metres from the camera, of the first view.

    Returns:
        The ground truth of the first view; None, without a query, if no oracle is on.
    """
    if not (oracles.points or oracles.masks):
        return None
    from thor_interact_env.actions import REACH  # the package loads Gymnasium, too slow for --help

    world: Any = env.unwrapped
    truth = world.ground_truth()
    # A simulator without this attribute has the standard reach.
    reach = float(getattr(world.simulator, "reach", REACH))
    return FirstView(truth, depth, reach, oracles.minimum_pixels)


def distance_to_border(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return how far each pixel of a mask is from its border, (h, w) float32 in pixels; 0 outside the mask.

    Args:
        mask: (h, w) bool; pixels outside the image are not part of it.
    """
    padded = np.pad(mask.astype(np.uint8), 1)
    return np.asarray(
        cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1], np.float32
    )


def _innermost(mask: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return the pixel of a mask that is farthest from its border, a central one of a cell if possible."""
    distance = distance_to_border(mask)
    centre = STRIDE // 2
    cells = distance[centre::STRIDE, centre::STRIDE]
    if cells.max() > 0:
        row, column = divmod(int(cells.argmax()), cells.shape[1])
        return row * STRIDE + centre, column * STRIDE + centre
    row, column = divmod(int(distance.argmax()), mask.shape[1])
    return row, column
