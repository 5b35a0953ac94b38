"""Procedural materials: a named pattern, two colours and a scale. No image files."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.mujoco.exact import sine

Colour = tuple[float, float, float]
"""Red, green, blue in 0..1."""

TEXTURE_SIZE = 128
"""Pixels along one side of a texture."""


@dataclass(frozen=True)
class Material:
    """The appearance of a surface.

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


@dataclass(frozen=True)
class ImageMaterial:
    """The appearance of a surface by an image, for objects that are read from files.

    Attributes:
        size: Height and width in pixels.
        pixels: Height x width x 3 bytes, RGB, rows from the top.
        gloss: Specular reflection, 0..1.
        opacity: 1 is opaque.
        repeat: What one copy of the image covers in the units of texture coordinates.
    """

    size: tuple[int, int]
    pixels: bytes
    gloss: float = 0.1
    opacity: float = 1.0
    repeat: float = 1.0


@lru_cache(maxsize=32)
def _cubic(cells: int) -> tuple[npt.NDArray[np.int_], npt.NDArray[np.float32]]:
    """Return which cells are interpolated for each pixel so that the result tiles, and their weights.

    Returns:
        (4, TEXTURE_SIZE) indices and weights: cubic convolution with the sharpness of image libraries.
    """
    position = (np.arange(TEXTURE_SIZE) + 0.5) * cells / TEXTURE_SIZE - 0.5
    nearest = np.floor(position) + np.array([[-1], [0], [1], [2]])
    gaps = np.abs(position - nearest)
    sharp = -0.75
    inner = ((sharp + 2) * gaps - (sharp + 3)) * gaps * gaps + 1
    outer = ((sharp * gaps - 5 * sharp) * gaps + 8 * sharp) * gaps - 4 * sharp
    weights = np.where(gaps <= 1, inner, outer).astype(np.float32)
    indices = nearest.astype(int) % cells
    indices.flags.writeable = weights.flags.writeable = False
    return indices, weights


def _stretched(coarse: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the rows of an array, (cells, n), interpolated to (TEXTURE_SIZE, n)."""
    indices, weights = _cubic(len(coarse))
    rows = np.ascontiguousarray(coarse)
    total = rows.take(indices[0], axis=0)
    total *= weights[0][:, None]
    part = np.empty_like(total)
    for cells, weight in zip(indices[1:], weights[1:], strict=True):
        rows.take(cells, axis=0, out=part, mode="clip")  # "raise" would copy first; all indices are valid
        part *= weight[:, None]
        total += part
    return total


def _noise(rng: np.random.Generator, cells_y: int, cells_x: int) -> npt.NDArray[np.float32]:
    """Return smooth noise in 0..1 that tiles, (TEXTURE_SIZE, TEXTURE_SIZE)."""
    coarse = rng.random((cells_y, cells_x), dtype=np.float32)
    fine = _stretched(_stretched(coarse.T).T)
    return np.clip(fine, 0, 1, out=fine)


def _wave(turns: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the sine of a number of whole turns."""
    return sine(np.float32(2 * np.pi) * (turns - np.rint(turns)))


def _grid() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    axis = (np.arange(TEXTURE_SIZE, dtype=np.float32) + 0.5) / TEXTURE_SIZE
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    return rows.astype(np.float32), columns.astype(np.float32)


def _plain(rng: np.random.Generator) -> npt.NDArray[np.floating]:
    return 0.35 * _noise(rng, 4, 4) + 0.15 * _noise(rng, 14, 14)


def _speckle(rng: np.random.Generator) -> npt.NDArray[np.floating]:
    grains = np.clip(4 * (_noise(rng, 48, 48) - 0.7), 0, 1)
    return 0.3 * _noise(rng, 4, 4) + 0.6 * grains


def _grain(rng: np.random.Generator) -> npt.NDArray[np.floating]:
    """Return long streaks and a few wavy growth lines along the columns."""
    rows, _ = _grid()
    rings = 0.5 + 0.5 * _wave(4 * rows + 0.7 * _noise(rng, 5, 2))
    return 0.25 * rings * rings * rings + 0.5 * _noise(rng, 40, 2) + 0.2 * _noise(rng, 3, 1)


def _wood(rng: np.random.Generator) -> npt.NDArray[np.floating]:
    # Grain runs along u, the first texture coordinate.
    return _grain(rng)


def _joints(
    coordinate: npt.NDArray[np.float32], count: int, width: float
) -> tuple[npt.NDArray[np.int_], npt.NDArray[np.bool_]]:
    """Divide 0..1 into `count` equal pieces: the piece, and whether a joint of a width in 0..1 is there."""
    pieces = coordinate * count
    return pieces.astype(int) % count, np.abs(pieces - np.round(pieces)) < width * count / 2


def _planks(rng: np.random.Generator) -> npt.NDArray[np.floating]:
    """Return boards, or one time in four parquet of squares."""
    rows, columns = _grid()
    grain = _grain(rng)
    if rng.random() < 0.25:
        (row, _), (column, _) = _joints(rows, 4, 0.02), _joints(columns, 4, 0.02)
        turned = (row + column) % 2 == 1
        slat = np.where(turned, columns, rows)
        _, seam = _joints(slat, 12, 0.012)
        tone = rng.random((4, 4, 3))[row, column, (slat * 12).astype(int) % 3]
        return np.where(seam, 0.8, 0.3 * tone + 0.12 * turned + 0.3 * np.where(turned, grain.T, grain))
    count = int(rng.integers(4, 7))
    board, seam = _joints(rows, count, 0.016)
    along = (columns + rng.random(count).astype(np.float32)[board]) % 1
    _, end = _joints(along, 1, 0.012)
    return np.where(seam | end, 1.0, 0.45 * rng.random(count)[board] + 0.45 * grain)


def _tiles(rng: np.random.Generator) -> npt.NDArray[np.floating]:
    """Return square tiles; some floors have two shades, some are staggered like bricks."""
    rows, columns = _grid()
    kind, mottle = rng.random(), 0.12 * _noise(rng, 6, 6)
    row, grout = _joints(rows, 2, 0.024)
    if kind < 0.2:
        columns = (columns + 0.25 * row.astype(np.float32)) % 1
    column, across = _joints(columns, 2, 0.024)
    tone = 0.25 * rng.random((2, 2))[row, column]
    if kind > 0.75:
        tone = tone + 0.45 * ((row + column) % 2)
    return np.where(grout | across, 1.0, tone + mottle)


def _bricks(rng: np.random.Generator) -> npt.NDArray[np.floating]:
    rows, columns = _grid()
    course, bed = _joints(rows, 4, 0.03)
    brick, joint = _joints((columns + 0.25 * (course % 2).astype(np.float32)) % 1, 2, 0.03)
    tone = rng.random((4, 2))[course, brick]
    return np.where(bed | joint, 1.0, 0.5 * tone + 0.2 * _noise(rng, 12, 12))


def _marble(rng: np.random.Generator) -> npt.NDArray[np.floating]:
    rows, columns = _grid()
    warp = 0.5 * _noise(rng, 3, 3) + 0.25 * _noise(rng, 7, 7) + 0.08 * _noise(rng, 20, 20)
    veins = (1 - np.abs(_wave(rows + columns + warp))) ** 2
    fading = np.clip(1.6 * _noise(rng, 4, 4) - 0.2, 0, 1)
    return 0.75 * fading * veins * veins + 0.3 * _noise(rng, 5, 5)


def _fabric(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    rows, columns = _grid()
    weave = 0.5 + 0.25 * (_wave(32 * rows) + _wave(32 * columns))
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
    radius = np.sqrt(((rows * 4) % 1 - 0.5) ** 2 + ((columns * 4) % 1 - 0.5) ** 2)
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
"""Each pattern returns the fraction of the second colour, (TEXTURE_SIZE, TEXTURE_SIZE) in 0..1."""


def texture(material: Material | ImageMaterial) -> npt.NDArray[np.uint8]:
    """Paint a material's texture: a pure function of the material.

    Args:
        material: The material.

    Returns:
        (TEXTURE_SIZE, TEXTURE_SIZE, 3) uint8, RGB; of an `ImageMaterial` its image, in its own size.

    Raises:
        ValueError: The pattern has no painter.
    """
    if isinstance(material, ImageMaterial):
        return np.frombuffer(material.pixels, np.uint8).reshape(*material.size, 3)
    painter = PATTERNS.get(material.pattern)
    if painter is None:
        raise ValueError(f"Unknown pattern {material.pattern!r}; choose one of {', '.join(PATTERNS)}.")
    fraction = np.clip(painter(np.random.default_rng(material.seed)), 0, 1)
    rest = 1 - fraction
    painted = np.empty((TEXTURE_SIZE, TEXTURE_SIZE, 3), np.uint8)
    colours = np.asarray(material.colours, np.float32)
    for channel, (base, second) in enumerate(colours.T):
        mixed = base * rest
        mixed += second * fraction
        mixed *= 255
        painted[..., channel] = np.clip(mixed, 0, 255, out=mixed)
    return painted
