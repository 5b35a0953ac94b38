"""One image of the stages of the network: its own tensors, from a view to instances (paper figure 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from agents.base import Instance
from eval.figures.panels import (
    Image,
    enlarged,
    force_panel,
    prediction_panel,
    score_panel,
    sheet,
    supervision_panel,
    titled,
)
from thor_interact_env.simulators.base import Observation

if TYPE_CHECKING:
    from agents.selfsup_agent.network import CellPrediction

COLUMNS = 5
"""Panels of a row."""

_FARTHEST = 5.0  # metres that are black in the image of the depth
_TAIL = 0.02  # fraction of the cells that are clipped at either end of the range of colours


def model_overview(
    observation: Observation,
    layers: Mapping[str, npt.NDArray[np.floating]],
    prediction: CellPrediction,
    instances: Sequence[Instance],
    supervision: npt.NDArray[np.bool_] | None = None,
) -> Image:
    """Draw the network's tensors for a view, stage by stage, and its supervision.

    A tensor of many features is shown by its three principal components over the cells of this view, as red,
    green and blue: cells of similar colour have similar features. Colours of different panels are
    unrelated.

    Args:
        observation: The view.
        layers: (features, rows, columns) by stage, in order, as `NetworkAgent.layers` returns them.
        prediction: The network's output for this view, a batch of one.
        instances: The instances found in it.
        supervision: (m, rows, columns) bool masks of moved objects; None if nothing was touched.

    Returns:
        (height, width, 3) uint8 RGB: view and depth, the stages, then scores, forces, embeddings, instances
        and self-supervised masks.
    """
    view = enlarged(observation["rgb"], cv2.INTER_CUBIC)
    depth = 255 * np.clip(1 - observation["depth"] / _FARTHEST, 0, 1)
    queries = getattr(prediction, "queries", None)  # of the learner that has them
    panels = [
        titled(view, "View", note="3 x 300 x 300"),
        titled(
            np.repeat(enlarged(depth.astype(np.uint8))[..., None], 3, axis=2),
            "Depth",
            note=f"1 x 300 x 300, to {_FARTHEST:g} m",
        ),
        *(_features(name.capitalize(), values) for name, values in layers.items()),
        score_panel(view, prediction.scores[0].numpy()),
        force_panel(view, prediction.force_logits[0].argmax(0).numpy()),
        _features("Embeddings", prediction.embeddings[0].numpy()),
        *([] if queries is None else [_features("Queries", queries[0].numpy())]),
        prediction_panel(view, instances),
        supervision_panel(view, supervision),
    ]
    return sheet(panels, COLUMNS)


def _features(title: str, values: npt.NDArray[np.floating]) -> Image:
    size = " x ".join(map(str, values.shape))
    return titled(enlarged(principal_colours(values)), title, note=size)


def principal_colours(values: npt.NDArray[np.floating]) -> Image:
    """Return the three principal components of a tensor over its cells as red, green and blue.

    Each component uses the whole range of its colour except for the outermost cells; its sign is such that
    the cells farthest from the mean are bright.

    Args:
        values: (features, rows, columns), at least one feature.

    Returns:
        (rows, columns, 3) uint8; a component that does not vary is grey.

    Raises:
        ValueError: The values are of another shape.
    """
    if values.ndim != 3 or not values.size:
        raise ValueError(f"values of shape {values.shape} must be (features, rows, columns), none of them 0")
    count, rows, columns = values.shape
    cells = np.asarray(values, np.float64).reshape(count, -1).T
    cells = cells - cells.mean(axis=0)
    _, axes = np.linalg.eigh(cells.T @ cells)
    found = cells @ axes[:, ::-1][:, :3]
    found *= np.where((found**3).sum(axis=0) < 0, -1.0, 1.0)
    colours = np.full((len(cells), 3), 127.5)
    low, high = np.quantile(found, (_TAIL, 1 - _TAIL), axis=0)
    varies = high - low > 1e-9 * max(np.abs(values).max(), 1e-30)
    scaled = 255 * (found - low)[:, varies] / (high - low)[varies]
    colours[:, : found.shape[1]][:, varies] = np.clip(scaled, 0, 255)
    return colours.reshape(rows, columns, 3).round().astype(np.uint8)
