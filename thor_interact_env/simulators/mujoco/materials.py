"""Procedural materials: a named pattern, two colours and a scale. No image files."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Colour = tuple[float, float, float]
"""Red, green, blue in 0..1."""

TEXTURE_SIZE = 128
"""Pixels along one side of a texture."""


@dataclass(frozen=True)
class Material:
    """How a surface looks.

    Attributes:
        pattern: A name in `PATTERNS`.
        colours: Base colour and second colour (veins, grout, stripes).
        repeat: Metres that one copy of the texture covers.
        gloss: Specular reflection, 0..1.
        seed: Chooses the instance of the pattern.
        opacity: 1 is opaque.
    """

    pattern: str = "plain"
    colours: tuple[Colour, Colour] = ((0.7, 0.7, 0.7), (0.5, 0.5, 0.5))
    repeat: float = 0.5
    gloss: float = 0.1
    seed: int = 0
    opacity: float = 1.0


def _noise(rng: np.random.Generator, cells_y: int, cells_x: int) -> npt.NDArray[np.float32]:
    """Return smooth noise in 0..1 that tiles, (TEXTURE_SIZE, TEXTURE_SIZE)."""
    coarse = rng.random((cells_y, cells_x), dtype=np.float32)
    tiled = np.tile(coarse, (3, 3))
    large = cv2.resize(tiled, (3 * TEXTURE_SIZE, 3 * TEXTURE_SIZE), interpolation=cv2.INTER_CUBIC)
    middle = large[TEXTURE_SIZE : 2 * TEXTURE_SIZE, TEXTURE_SIZE : 2 * TEXTURE_SIZE]
    return np.clip(middle, 0, 1).astype(np.float32)


def _grid() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    axis = (np.arange(TEXTURE_SIZE, dtype=np.float32) + 0.5) / TEXTURE_SIZE
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    return rows.astype(np.float32), columns.astype(np.float32)


def _plain(rng: np.random.Generator) -> npt.NDArray[np.floating]:
    return 0.35 * _noise(rng, 4, 4)


def _speckle(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    return 0.5 * _noise(rng, 6, 6) + 0.5 * (rng.random((TEXTURE_SIZE, TEXTURE_SIZE)) > 0.9)


def _wood(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    # Grain runs along u, the first texture coordinate.
    rows, _ = _grid()
    warp = _noise(rng, 6, 2)
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (5 * rows + 1.2 * warp))
    return 0.55 * rings + 0.45 * _noise(rng, 64, 3)


def _planks(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    rows, columns = _grid()
    plank = (rows * 4).astype(int)
    shift = rng.random(4)[plank]
    tone = rng.random(8)[(plank * 2 + ((columns + shift) % 1 > 0.5)) % 8]
    seam = (np.abs(rows * 4 - np.round(rows * 4)) < 0.05) | (np.abs((columns + shift) % 0.5) < 0.008)
    return np.where(seam, 1.0, 0.35 * tone + 0.3 * _noise(rng, 48, 3))


def _tiles(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    rows, columns = _grid()
    grout = (np.abs(rows * 2 - np.round(rows * 2)) < 0.03) | (
        np.abs(columns * 2 - np.round(columns * 2)) < 0.03
    )
    tone = rng.random((2, 2))[(rows * 2).astype(int), (columns * 2).astype(int)]
    return np.where(grout, 1.0, 0.2 * tone + 0.2 * _noise(rng, 12, 12))


def _bricks(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    rows, columns = _grid()
    course = (rows * 4).astype(int)
    along = (columns * 2 + 0.5 * (course % 2)) % 2
    mortar = (np.abs(rows * 4 - np.round(rows * 4)) < 0.08) | (np.abs(along - np.round(along)) < 0.04)
    tone = rng.random((4, 2))[course, along.astype(int)]
    return np.where(mortar, 1.0, 0.4 * tone + 0.2 * _noise(rng, 16, 16))


def _marble(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    rows, columns = _grid()
    warp = _noise(rng, 5, 5) + 0.5 * _noise(rng, 10, 10)
    veins = np.abs(np.sin(2 * np.pi * (rows + columns + 1.3 * warp)))
    return np.clip(1 - veins * 1.6, 0, 1) * 0.8 + 0.2 * _noise(rng, 20, 20)


def _fabric(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    rows, columns = _grid()
    weave = 0.5 + 0.25 * (np.sin(2 * np.pi * 32 * rows) + np.sin(2 * np.pi * 32 * columns))
    return 0.35 * weave + 0.3 * _noise(rng, 10, 10)


def _stripes(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    _, columns = _grid()
    count = int(rng.integers(2, 5))
    return 0.85 * ((columns * count) % 1 > rng.uniform(0.4, 0.7)) + 0.15 * _noise(rng, 12, 12)


def _checks(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    rows, columns = _grid()
    return 0.45 * ((rows * 3) % 1 > 0.5) + 0.4 * ((columns * 3) % 1 > 0.5) + 0.15 * _noise(rng, 10, 10)


def _dots(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    rows, columns = _grid()
    radius = np.hypot((rows * 4) % 1 - 0.5, (columns * 4) % 1 - 0.5)
    return 0.9 * (radius < rng.uniform(0.2, 0.35)) + 0.1 * _noise(rng, 8, 8)


def _brushed(rng: np.random.Generator) -> npt.NDArray[np.floating]:
    return 0.35 * _noise(rng, TEXTURE_SIZE, 2) + 0.2 * _noise(rng, 3, 3)


def _leaves(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    return np.clip(0.6 * _noise(rng, 12, 12) + 0.5 * _noise(rng, 30, 6), 0, 1)


def _label(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    rows, columns = _grid()
    band = (rows > 0.3) & (rows < 0.75)
    inked = ((rows * 14) % 1 > 0.55) & (_noise(rng, 14, 24) > 0.45)
    text = band & inked & (columns > 0.1) & (columns < 0.9)
    return np.where(text, 0.1, np.where(band, 1.0, 0.1 * _noise(rng, 6, 6)))


PATTERNS: dict[str, Callable[[np.random.Generator], npt.NDArray[np.float32]]] = {
    "plain": _plain,
    "speckle": _speckle,
    "wood": _wood,
    "planks": _planks,
    "tiles": _tiles,
    "bricks": _bricks,
    "marble": _marble,
    "fabric": _fabric,
    "stripes": _stripes,
    "checks": _checks,
    "dots": _dots,
    "brushed": _brushed,
    "leaves": _leaves,
    "label": _label,
}
"""Each pattern returns the share of the second colour, (TEXTURE_SIZE, TEXTURE_SIZE) in 0..1."""


def texture(material: Material) -> npt.NDArray[np.uint8]:
    """Paint a material's texture: a pure function of the material.

    Args:
        material: What to paint.

    Returns:
        (TEXTURE_SIZE, TEXTURE_SIZE, 3) uint8, RGB.

    Raises:
        ValueError: The pattern has no painter.
    """
    painter = PATTERNS.get(material.pattern)
    if painter is None:
        raise ValueError(f"Unknown pattern {material.pattern!r}; choose one of {', '.join(PATTERNS)}.")
    share = np.clip(painter(np.random.default_rng(material.seed)), 0, 1)[..., None]
    base, second = (np.asarray(colour, np.float32) for colour in material.colours)
    return np.clip((base * (1 - share) + second * share) * 255, 0, 255).astype(np.uint8)
