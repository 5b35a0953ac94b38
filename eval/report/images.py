"""The images of a report, in the formats of a page: charts as SVG, panels as JPEG, touches as GIF.

Charts use the page's text colour, so that one chart suits a dark page and a light one.
"""

from __future__ import annotations

import base64
import contextlib
import html
import io
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from eval.report.runs import RunFolder
from thor_interact_env.locations.annotations import MASS_CLASSES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INK = "#010203"  # replaced by the page's own colour
COLOURS = ("#3b82d0", "#d9822b", "#2f9e68", "#b05cc6", "#c94f4f", "#7a8794", "#a08a1c", "#22a3ad")
"""Colours of lines and bars, legible on black and on white."""

CURVES: Mapping[str, Mapping[str, str]] = {
    "Touches that succeed": {
        "greedy_success": "greedy",
        "random_success": "random",
        "success": "policy",
    },
    "AP50 on held-out rooms": {"held_out/bbox_ap50": "boxes", "held_out/mask_ap50": "masks"},
    "IoU with the target": {"mask_iou": "masks", "interaction_iou": "points", "force_iou": "force"},
    "Loss": {"loss": "loss"},
}
"""Charts of learning, and the entries of `metrics.jsonl` in each with their names."""


def load_matplotlib() -> Any:
    """Return matplotlib, for any value of MPLBACKEND.

    Charts are drawn on figures without a window. The variable may name a backend that is not installed, and
    then matplotlib cannot be imported; an installed backend remains selected.

    Raises:
        DependencyNotInstalled: matplotlib is not installed.
    """
    if "matplotlib" in sys.modules:
        return sys.modules["matplotlib"]
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    except ImportError as error:
        from gymnasium.error import DependencyNotInstalled

        raise DependencyNotInstalled(
            'a report needs jinja2 and matplotlib; run: pip install "thor-interact[report]"'
        ) from error
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = backend
    return matplotlib


def learning_curves(run: RunFolder) -> list[tuple[str, str]]:
    """Draw the metrics of a run during training.

    Args:
        run: The run.

    Returns:
        Pairs of a chart's title and its SVG; a chart without values is omitted.
    """
    charts = []
    for title, entries in CURVES.items():
        lines = {name: _line(run.metrics, key) for key, name in entries.items()}
        lines = {name: line for name, line in lines.items() if len(line[0]) > 1}
        if not lines:
            continue
        figure = _figure()
        axes = figure.subplots()
        for (name, (episodes, values)), colour in zip(lines.items(), COLOURS, strict=False):
            axes.plot(episodes, values, color=colour, label=name, linewidth=1.6)
        axes.set_xlabel("episode")
        if min(min(values) for _, values in lines.values()) >= 0:
            axes.set_ylim(bottom=0)
        _finish(figure, axes, legend=len(lines) > 1)
        charts.append((title, _svg(figure, f"{run.name} {title}")))
    return charts


def _line(metrics: Sequence[Mapping[str, Any]], key: str) -> tuple[list[float], list[float]]:
    """Return the episodes and the values of an entry, where it is a number."""
    points: dict[float, float] = {}
    for row in metrics:
        value = row.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value):
            points[float(row["episode"])] = float(value)
    return list(points), list(points.values())


def force_chart(calibration: Mapping[str, Any], key: str = "success_rates_seen") -> str:
    """Draw the success rates of touches, by mass class and force.

    Args:
        calibration: As `eval.report.runs.read_calibration` returns it.
        key: `success_rates_seen` (objects large enough to be seen moving) or `success_rates_all`.

    Returns:
        SVG.
    """
    rates = calibration[key]
    forces = sorted({rate["force"] for rate in rates})
    figure = _figure()
    axes = figure.subplots()
    width = 0.8 / len(forces)
    for place, (force, colour) in enumerate(zip(forces, COLOURS, strict=False)):
        heights = []
        for name in MASS_CLASSES:
            found = [one for one in rates if (one["mass_class"], one["force"]) == (name, force)]
            heights.append(found[0]["successes"] / max(found[0]["touches"], 1) if found else 0.0)
        positions = np.arange(len(MASS_CLASSES)) + (place - (len(forces) - 1) / 2) * width
        bars = axes.bar(positions, heights, width * 0.92, color=colour, label=f"{force:g} N")
        axes.bar_label(bars, fmt="%.2f", color=_INK, fontsize=8, padding=2)
    axes.set_xticks(range(len(MASS_CLASSES)), MASS_CLASSES)
    axes.set_ylim(0, 1.12)
    axes.set_ylabel("success rate")
    _finish(figure, axes, legend=True)
    return _svg(figure, f"forces {key}")


def _figure() -> Figure:
    load_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(5.2, 3.1), layout="constrained")


def _finish(figure: Figure, axes: Any, legend: bool) -> None:
    figure.patch.set_alpha(0)
    axes.patch.set_alpha(0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_INK)
    axes.tick_params(colors=_INK, labelsize=9)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    axes.grid(axis="y", color=_INK, alpha=0.15, linewidth=0.8)
    axes.set_axisbelow(True)
    if legend:
        figure.legend(loc="outside upper left", ncols=3, frameon=False, fontsize=9, labelcolor=_INK)


def _svg(figure: Figure, name: str) -> str:
    """Return a chart that is the same in every report (no date or random ids), named for screen readers."""
    stream = io.StringIO()
    with load_matplotlib().rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :].replace(_INK, "currentColor")
    text = re.sub(
        r' id="[A-Za-z0-9.]+_\d+"', "", text
    )  # the same ids in every chart, to which nothing refers
    return text.replace("<svg ", f'<svg role="img" aria-label="{html.escape(name)}" ', 1)


def jpeg_uri(image: npt.NDArray[np.uint8], width: int = 1200, quality: int = 82) -> str:
    """Return an RGB image as a data URI, no wider than `width` pixels."""
    if image.shape[1] > width:
        height = round(image.shape[0] * width / image.shape[1])
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)[1].tobytes()
    return _uri("image/jpeg", content)


def gif_uri(frames: Sequence[npt.NDArray[np.uint8]], milliseconds: int = 900) -> str:
    """Return RGB frames as an endless GIF in a data URI.

    Args:
        frames: (height, width, 3) uint8 each, at least one.
        milliseconds: Duration of each frame.

    Raises:
        ValueError: There is no frame.
    """
    if not frames:
        raise ValueError("a GIF needs at least one frame, and got none")
    from PIL import Image

    images = [Image.fromarray(frame).quantize(128) for frame in frames]
    stream = io.BytesIO()
    images[0].save(
        stream, format="GIF", save_all=True, append_images=images[1:], duration=milliseconds, loop=0
    )
    return _uri("image/gif", stream.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def touch_frames(
    before: npt.NDArray[np.uint8],
    after: npt.NDArray[np.uint8],
    point: tuple[int, int],
    text: str,
    success: bool,
) -> list[npt.NDArray[np.uint8]]:
    """Return two frames of one touch: the point and the force, and the result.

    Args:
        before: (300, 300, 3) uint8 view.
        after: The view after the touch.
        point: Pixel (row, column).
        text: The force, such as `30 N`.
        success: Whether it moved what it touched.
    """
    row, column = point
    frames = []
    for view, words in ((before, text), (after, f"{text}: {'moved' if success else 'nothing'}")):
        frame = np.concatenate([view, np.full((28, view.shape[1], 3), 24, np.uint8)])
        colour = (80, 230, 110) if success else (245, 120, 80)
        if view is before or not success:
            cv2.circle(frame, (column, row), 7, (20, 20, 20), 4, cv2.LINE_AA)
            cv2.circle(frame, (column, row), 7, colour, 2, cv2.LINE_AA)
        origin = (8, view.shape[0] + 19)
        cv2.putText(frame, words, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
        frames.append(frame)
    return frames
