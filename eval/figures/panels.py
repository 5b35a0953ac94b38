"""One image of an agent's predictions for a view: six panels, as in the paper's qualitative figures.

Top row: the view, the interaction score, the force predicted for each pixel. Bottom row: the predicted
instances with the chosen points, the ground truth in reach, the self-supervised masks.
"""

import colorsys
import os
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from agents.base import Instance
from selfsup.grid import IMAGE_SIZE
from thor_interact_env.files import write_whole
from thor_interact_env.locations.annotations import MASS_CLASSES, mass_class
from thor_interact_env.simulators.base import Instances, Observation

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

FORCE_COLOURS: tuple[Colour, ...] = ((230, 70, 60), (70, 190, 80), (70, 120, 245))
"""RGB of light, medium and heavy: red, green, blue, as in the paper."""

_PANEL = 600  # pixels; twice the view's 300, so that outlines and dots stay fine
_TITLE = 56
_GAP = 20
_PAPER: Colour = (250, 250, 250)
_INK: Colour = (30, 30, 30)
_FAINT: Colour = (115, 115, 115)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def palette(count: int) -> list[Colour]:
    """Return `count` RGB colours, neighbours far apart in hue; the first is the same for every count.

    Args:
        count: Number of colours, 0 or more.

    Returns:
        Colours for masks in the order of their scores, the best first: each channel in 0..255.
    """
    colours: list[Colour] = []
    for rank in range(count):
        hue = (0.12 + rank * 0.618034) % 1.0  # with the golden ratio consecutive hues are far apart
        red, green, blue = colorsys.hsv_to_rgb(
            hue, 0.85 - 0.25 * (rank // 8 % 2), 1.0 - 0.2 * (rank // 4 % 2)
        )
        colours.append((round(255 * red), round(255 * green), round(255 * blue)))
    return colours


def six_panels(
    observation: Observation,
    instances: Sequence[Instance],
    scores: npt.NDArray[np.floating] | None,
    force: npt.NDArray[np.integer] | None,
    truth: Instances | None = None,
    supervision: npt.NDArray[np.bool_] | None = None,
) -> Image:
    """Draw the six panels of one view.

    Args:
        observation: The view, (300, 300, 3) uint8.
        instances: Predictions; drawn in the order of their scores.
        scores: (100, 100) interaction scores as logits, or None if the agent has none.
        force: (100, 100) most likely force of each cell, 0..2, or None if the agent has none.
        truth: The movable objects in reach, or None if unknown.
        supervision: (m, 100, 100) or (m, 300, 300) bool masks of moved objects, or None if
            nothing was touched.

    Returns:
        (height, width, 3) uint8 RGB image, three panels wide and two high.

    Raises:
        ValueError: A map, or the masks, do not have the stated shape.
    """
    for name, grid in (("scores", scores), ("force", force)):
        if grid is not None and np.shape(grid) != (100, 100):
            raise ValueError(f"{name} of shape {np.shape(grid)} must be (100, 100), one value per grid cell")
    if supervision is not None and np.ndim(supervision) != 3:
        raise ValueError(f"supervision of shape {np.shape(supervision)} must be (masks, height, width)")
    view = enlarged(observation["rgb"], cv2.INTER_CUBIC)
    panels = [
        titled(view, "View"),
        _missing(view, "Interaction score") if scores is None else score_panel(view, scores),
        _missing(view, "Force per pixel") if force is None else force_panel(view, force),
        prediction_panel(view, instances),
        _missing(view, "Ground truth in reach") if truth is None else _truth_panel(view, truth),
        supervision_panel(view, supervision),
    ]
    return sheet(panels, 3)


def sheet(panels: Sequence[Image], columns: int) -> Image:
    """Arrange panels of one size in rows on a background.

    Args:
        panels: As made by the functions below, at least one.
        columns: Panels of a row.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    panels = [*panels, *[np.full_like(panels[0], _PAPER)] * (-len(panels) % columns)]
    rows = [_side_by_side(panels[first : first + columns]) for first in range(0, len(panels), columns)]
    gap = np.full((_GAP, rows[0].shape[1], 3), _PAPER, np.uint8)
    inner = np.concatenate([part for row in rows for part in (row, gap)][:-1])
    return cv2.copyMakeBorder(inner, _GAP // 2, _GAP, _GAP, _GAP, cv2.BORDER_CONSTANT, value=_PAPER).astype(
        np.uint8
    )


def write_png(path: str | os.PathLike[str], image: Image) -> None:
    """Write an image as PNG, under a temporary name first, so that readers never see an incomplete file.

    Args:
        path: File to write; an existing one is replaced.
        image: (height, width, 3) uint8 RGB.

    Raises:
        ValueError: The image has another shape or type.
        FileNotFoundError: The folder does not exist.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image of shape {image.shape} and type {image.dtype} must be (h, w, 3) uint8")
    write_whole(path, cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes())


def enlarged(image: npt.NDArray[np.generic], interpolation: int = cv2.INTER_NEAREST) -> Image:
    """Return a square image, or map of uint8, in the size of a panel."""
    return cv2.resize(np.ascontiguousarray(image), (_PANEL, _PANEL), interpolation=interpolation).astype(
        np.uint8
    )


def _grey(view: Image, brightness: float) -> npt.NDArray[np.float32]:
    """Return the view without colour, dimmed, with three equal channels."""
    grey = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY).astype(np.float32) * brightness
    return np.repeat(grey[..., None], 3, axis=2)


def score_panel(view: Image, scores: npt.NDArray[np.floating]) -> Image:
    """Draw (100, 100) interaction scores, logits, over an enlarged view: the higher, the greener."""
    probability = 1 / (1 + np.exp(-np.clip(np.asarray(scores, np.float32), -30, 30)))
    strength = cv2.resize(probability, (_PANEL, _PANEL), interpolation=cv2.INTER_NEAREST)[..., None]
    green = np.array((40.0, 255.0, 70.0), np.float32)
    image = _grey(view, 0.4) * (1 - 0.75 * strength) + green * 0.85 * strength
    highest = f"highest {float(probability.max()):.2f}"
    return titled(_bytes(image), "Interaction score", note=highest)


def force_panel(view: Image, force: npt.NDArray[np.integer]) -> Image:
    """Draw the (100, 100) most likely forces, 0..2, over an enlarged view."""
    index = enlarged(np.asarray(force, np.uint8))
    colours = np.array(FORCE_COLOURS, np.float32)[index]
    return titled(_bytes(_grey(view, 0.5) + 0.5 * colours), "Force per pixel", legend=True)


def prediction_panel(view: Image, instances: Sequence[Instance]) -> Image:
    """Draw instances and their points, coloured by force, over an enlarged view."""
    ranked = sorted(instances, key=lambda instance: -instance.score)
    colours = palette(len(ranked))
    image = _bytes(_grey(view, 0.6) + 20)
    for instance, colour in zip(ranked, colours, strict=True):
        if instance.mask is not None:
            image = _filled(image, view, instance.mask, colour)
    for instance, colour in zip(ranked, colours, strict=True):
        if instance.mask is not None:
            _outline(image, instance.mask, colour)
    for instance in reversed(ranked):  # the best point is drawn last, on top
        row, column = instance.point
        scale = _PANEL / IMAGE_SIZE
        _dot(
            image,
            (round((column + 0.5) * scale), round((row + 0.5) * scale)),
            FORCE_COLOURS[instance.force],
        )
    masked = sum(instance.mask is not None for instance in instances)
    return titled(image, f"Predicted instances: {masked}", legend=True)


def _truth_panel(view: Image, truth: Instances) -> Image:
    order = np.argsort(-truth.masks.sum(axis=(1, 2)), kind="stable") if len(truth) else np.zeros(0, np.int64)
    image = _bytes(_grey(view, 0.6) + 20)
    colours = palette(len(truth))
    for index, colour in zip(order, colours, strict=True):
        image = _filled(image, view, truth.masks[index], colour)
    for index, colour in zip(order, colours, strict=True):
        _outline(image, truth.masks[index], colour)
    for index in order:
        if truth.masks[index].any():
            _dot(image, _inside(truth.masks[index]), FORCE_COLOURS[mass_class(float(truth.masses[index]))])
    return titled(image, f"Ground truth in reach: {len(truth)}", legend=True)


def supervision_panel(view: Image, masks: npt.NDArray[np.bool_] | None) -> Image:
    """Draw (m, height, width) masks of moved objects over an enlarged view; None: nothing was touched."""
    if masks is None:
        return _missing(view, "Self-supervised masks")
    image = _bytes(_grey(view, 0.6) + 20)
    colours = palette(len(masks))
    order = sorted(range(len(masks)), key=lambda index: -int(masks[index].sum()))  # small ones stay visible
    for index in order:
        image = _filled(image, view, masks[index], colours[index])
    for index in order:
        _outline(image, masks[index], colours[index])
    return titled(image, f"Self-supervised masks: {len(masks)}")


def _filled(image: Image, view: Image, mask: npt.NDArray[np.bool_], colour: Colour) -> Image:
    """Tint the view in its own colours under a mask."""
    inside = enlarged(np.asarray(mask, np.uint8)).astype(bool)
    result = image.copy()
    tint = np.array(colour, np.float32)
    result[inside] = _bytes(0.6 * view[inside].astype(np.float32) + 0.4 * tint)
    return result


def _outline(image: Image, mask: npt.NDArray[np.bool_], colour: Colour) -> None:
    contours, _ = cv2.findContours(
        enlarged(np.asarray(mask, np.uint8)), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
    )
    cv2.drawContours(image, contours, -1, _INK, 4, cv2.LINE_AA)
    cv2.drawContours(image, contours, -1, colour, 2, cv2.LINE_AA)


def _inside(mask: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return the (x, y) of a panel deepest inside a mask."""
    padded = np.pad(enlarged(np.asarray(mask, np.uint8)), 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(column) - 1, int(row) - 1


def _dot(image: Image, centre: tuple[int, int], colour: Colour) -> None:
    cv2.circle(image, centre, 9, _INK, -1, cv2.LINE_AA)
    cv2.circle(image, centre, 8, (255, 255, 255), -1, cv2.LINE_AA)
    cv2.circle(image, centre, 6, colour, -1, cv2.LINE_AA)


def _missing(view: Image, title: str) -> Image:
    image = _bytes(_grey(view, 0.3))
    text = "not available"
    (width, height), _ = cv2.getTextSize(text, _FONT, 0.9, 2)
    origin = ((_PANEL - width) // 2, (_PANEL + height) // 2)
    cv2.putText(image, text, origin, _FONT, 0.9, (225, 225, 225), 2, cv2.LINE_AA)
    return titled(image, title)


def titled(image: Image, title: str, legend: bool = False, note: str = "") -> Image:
    """Put a title over an enlarged image, with the colours of the forces or a note."""
    bar = np.full((_TITLE, _PANEL, 3), _PAPER, np.uint8)
    baseline = _TITLE - 18
    cv2.putText(bar, title, (2, baseline), _FONT, 0.85, _INK, 2, cv2.LINE_AA)
    right = _PANEL - 2
    for name, colour in reversed(list(zip(MASS_CLASSES, FORCE_COLOURS, strict=True)) if legend else []):
        right -= cv2.getTextSize(name, _FONT, 0.55, 1)[0][0]
        cv2.putText(bar, name, (right, baseline), _FONT, 0.55, _INK, 1, cv2.LINE_AA)
        right -= 12
        cv2.circle(bar, (right, baseline - 6), 6, colour, -1, cv2.LINE_AA)
        right -= 18
    if note:
        left = right - cv2.getTextSize(note, _FONT, 0.6, 1)[0][0]
        cv2.putText(bar, note, (left, baseline), _FONT, 0.6, _FAINT, 1, cv2.LINE_AA)
    return np.concatenate([bar, image])


def _side_by_side(panels: Sequence[Image]) -> Image:
    gap = np.full((panels[0].shape[0], _GAP, 3), _PAPER, np.uint8)
    return np.concatenate([part for panel in panels for part in (panel, gap)][:-1], axis=1)


def _bytes(values: npt.NDArray[np.floating]) -> Image:
    return np.clip(values, 0, 255).round().astype(np.uint8)
