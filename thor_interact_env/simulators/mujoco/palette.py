"""Common colours and materials of all objects and fixtures."""

import colorsys
from collections.abc import Callable, Sequence

import numpy as np

from thor_interact_env.simulators.mujoco.exact import normal
from thor_interact_env.simulators.mujoco.materials import Colour, Material

WOODS: tuple[Colour, ...] = (
    (0.62, 0.44, 0.27),
    (0.42, 0.27, 0.16),
    (0.78, 0.64, 0.45),
    (0.3, 0.23, 0.19),
    (0.55, 0.3, 0.17),
    (0.5, 0.44, 0.38),
)
METALS: tuple[Colour, ...] = ((0.72, 0.73, 0.75), (0.5, 0.51, 0.54), (0.22, 0.22, 0.24), (0.72, 0.56, 0.32))

# Small parts of many objects share these: a room paints each texture only once.
DARK = Material("plain", ((0.1, 0.1, 0.11), (0.17, 0.17, 0.18)), 0.4, 0.4)
PALE = Material("plain", ((0.92, 0.91, 0.88), (0.84, 0.83, 0.8)), 0.4, 0.2)
STEEL = Material("brushed", ((0.74, 0.75, 0.77), (0.56, 0.57, 0.59)), 0.3, 0.8)
PAGES = Material("stripes", ((0.92, 0.9, 0.83), (0.78, 0.76, 0.68)), 0.012, 0.0)

Maker = Callable[[np.random.Generator], Material]


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 30))


def tint(
    rng: np.random.Generator,
    saturation: tuple[float, float] = (0.1, 0.5),
    value: tuple[float, float] = (0.3, 0.85),
) -> Colour:
    """Return a random colour of limited saturation."""
    return colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value))


def shade(colour: Colour, factor: float) -> Colour:
    """Return a darker (factor < 1) or lighter colour."""
    red, green, blue = (min(1.0, channel * factor) for channel in colour)
    return red, green, blue


def pick(rng: np.random.Generator, colours: Sequence[Colour]) -> Colour:
    """Return one of the colours, slightly varied."""
    chosen = np.asarray(colours[int(rng.integers(len(colours)))])
    red, green, blue = np.clip(chosen * rng.uniform(0.8, 1.15) + 0.025 * normal(rng, 3), 0.03, 0.97)
    return (float(red), float(green), float(blue))


def vivid(rng: np.random.Generator) -> Colour:
    """Return a colour that stands out in a room: any hue, sometimes white, grey or black."""
    if rng.random() < 0.2:
        return pick(rng, [(0.12, 0.12, 0.14), (0.42, 0.43, 0.46), (0.88, 0.86, 0.82)])
    hue, saturation = rng.random(), float(rng.uniform(0.35, 0.75))
    # Neither neon nor black: the purer a colour, the darker.
    return colorsys.hsv_to_rgb(hue, saturation, rng.uniform(0.38, 1.15 - 0.5 * saturation))


def contrast(rng: np.random.Generator, colour: Colour) -> Colour:
    """Return a second colour, clearly lighter or darker than the first."""
    dark = sum(colour) < 1.35
    return tint(rng, (0.1, 0.6), (0.75, 0.97) if dark else (0.12, 0.4))


def wood(rng: np.random.Generator) -> Material:
    """Return a random kind of wood, from birch to dark walnut."""
    base = pick(rng, WOODS)
    return Material("wood", (base, shade(base, float(rng.uniform(0.35, 0.6)))), 0.5, 0.15, _seed(rng))


def metal(rng: np.random.Generator) -> Material:
    """Return brushed metal: steel, dark iron or brass."""
    base = pick(rng, METALS)
    return Material("brushed", (base, shade(base, 0.72)), 0.3, 0.6, _seed(rng))


def paint(
    rng: np.random.Generator,
    colour: Colour | None = None,
    pattern: str = "plain",
    repeat: float = 0.3,
    gloss: float = 0.25,
) -> Material:
    """Return a material of a given or vivid colour; patterned ones get a contrasting second colour."""
    base = colour if colour is not None else vivid(rng)
    one_colour = pattern in ("plain", "fabric", "speckle", "leaves", "brushed")
    second = shade(base, 0.6) if one_colour else contrast(rng, base)
    return Material(pattern, (base, second), repeat, gloss, _seed(rng))


def glaze(rng: np.random.Generator) -> Material:
    """Return glazed ceramic or printed plastic."""
    pattern = str(rng.choice(["plain", "stripes", "dots", "speckle", "checks", "marble"]))
    return paint(rng, None, pattern, float(rng.uniform(0.08, 0.2)), 0.4)


def appliance(rng: np.random.Generator) -> Material:
    """Return the case of an appliance: metal, black, white or a colour."""
    kind = rng.random()
    if kind < 0.35:
        return metal(rng)
    plain = pick(rng, [(0.14, 0.14, 0.15), (0.9, 0.89, 0.86), (0.86, 0.8, 0.68), (0.6, 0.14, 0.13)])
    return paint(rng, plain if kind < 0.75 else None, gloss=0.5)


def lacquer(rng: np.random.Generator, value: tuple[float, float] = (0.45, 0.92)) -> Material:
    """Return painted furniture: mostly pale, sometimes a full colour."""
    base = tint(rng, (0.02, 0.3), value) if rng.random() < 0.6 else tint(rng, (0.3, 0.6), (0.25, 0.75))
    return Material("plain", (base, shade(base, 0.65)), 0.6, 0.25, _seed(rng))


def wood_or_paint(rng: np.random.Generator) -> Material:
    """Return wood more often than paint."""
    return wood(rng) if rng.random() < 0.65 else lacquer(rng)


def fabric(rng: np.random.Generator, repeat: float | None = None) -> Material:
    """Return a textile: woven, striped, checked or dotted; `repeat` metres, or upholstery's size."""
    pattern = str(rng.choice(["fabric", "stripes", "checks", "dots"], p=(0.3, 0.3, 0.22, 0.18)))
    base = tint(rng, (0.12, 0.65), (0.22, 0.88))
    second = shade(base, 0.5) if pattern == "fabric" else contrast(rng, base)
    size = float(rng.uniform(0.15, 0.35)) if repeat is None else repeat
    return Material(pattern, (base, second), size, 0.02, _seed(rng))


def leather(rng: np.random.Generator) -> Material:
    """Return leather: brown, black, or dyed."""
    base = pick(rng, [(0.36, 0.2, 0.12), (0.13, 0.12, 0.12), (0.55, 0.36, 0.22), (0.5, 0.14, 0.13)])
    return Material("speckle", (base, shade(base, 0.55)), 0.25, 0.35, _seed(rng))


def trim(rng: np.random.Generator) -> Material:
    """Return the near-white paint of frames and skirting."""
    base = tint(rng, (0.0, 0.06), (0.82, 0.95))
    return Material("plain", (base, shade(base, 0.95)), 0.8, 0.2, _seed(rng))


def screen(rng: np.random.Generator) -> Material:
    """Return a display: dark, or with a picture."""
    if rng.random() < 0.35:
        return paint(rng, (0.07, 0.08, 0.1), "plain", 0.4, 0.7)
    pattern = str(rng.choice(["leaves", "label", "marble", "stripes"]))
    base = tint(rng, (0.4, 0.8), (0.25, 0.7))
    return Material(pattern, (base, contrast(rng, base)), 0.5, 0.5, _seed(rng))


def one_of(rng: np.random.Generator, *makers: Maker) -> Material:
    """Return a material made by one of the given makers."""
    return makers[int(rng.integers(len(makers)))](rng)
