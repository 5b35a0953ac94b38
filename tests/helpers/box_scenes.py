"""Scenes of flat textured boxes before a wall, whose pixels are known in closed form."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from selfsup.training_images.visit_log import View

GRID = (100, 100)
WALL = 3.0

# Noise, of which no shift leaves most pixels as they were.
TEXTURE = np.random.default_rng(0).integers(0, 200, (300, 300))


@dataclass(frozen=True)
class Box:
    """A box by the cells that it covers, with a texture that moves along with it."""

    row: int
    column: int
    height: int = 12
    width: int = 10
    depth: float = 1.0
    red: int = 200

    def cells(self) -> npt.NDArray[np.bool_]:
        mask = np.zeros(GRID, bool)
        mask[max(self.row, 0) : self.row + self.height, max(self.column, 0) : self.column + self.width] = True
        return mask


def scene(*boxes: Box) -> tuple[View, npt.NDArray[np.int32], list[npt.NDArray[np.bool_]]]:
    """Return the view, the superpixels (0 the wall, then one for each box), and what is seen of each box."""
    rows, columns = np.mgrid[:300, :300]
    rgb = np.dstack([40 + rows % 7, 60 + columns % 5, 80 + (rows + columns) % 6]).astype(np.uint8)
    depth = np.full((300, 300), WALL, np.float32)
    labels = np.zeros(GRID, np.int32)
    for number in sorted(range(len(boxes)), key=lambda index: -boxes[index].depth):
        box = boxes[number]
        cells = box.cells()
        pixels = cells.repeat(3, axis=0).repeat(3, axis=1)
        texture = TEXTURE[(rows - 3 * box.row) % 300, (columns - 3 * box.column) % 300]
        painted = np.dstack([np.full_like(texture, box.red), texture, 199 - texture]).astype(np.uint8)
        rgb[pixels], depth[pixels], labels[cells] = painted[pixels], box.depth, number + 1
    return View(rgb, depth), labels, [labels == number + 1 for number in range(len(boxes))]
