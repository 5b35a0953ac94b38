"""The charts of a report, as SVG: curves of learning, and the calibration of the forces.

Charts use the page's text colour, so that one chart suits a dark page and a light one.
"""

from __future__ import annotations

import contextlib
import html
import io
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from eval.report.downloads import Csv
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

Axis = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Chart:
    """A chart: its title, its SVG, and its numbers."""

    title: str
    svg: str
    numbers: Csv


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a run was at each line of its metrics.

    Attributes:
        episodes: Episode of each line.
        minutes: Minutes of training until then; None where a line does not state them.
        touches: Touches until then, greedy and random; None where no line states any.
    """

    episodes: Axis
    minutes: Axis | None
    touches: Axis | None

    @classmethod
    def of(cls, metrics: Sequence[Mapping[str, Any]]) -> Progress:
        """Read the progress of the lines of `metrics.jsonl`."""
        episodes = np.array([float(row["episode"]) for row in metrics])
        seconds = [row.get("seconds") for row in metrics]
        done = [row.get("greedy_touches", 0) + row.get("random_touches", 0) for row in metrics]
        minutes = None if None in seconds else np.array(seconds, np.float64) / 60
        return cls(episodes, minutes, np.cumsum(done, dtype=np.float64) if any(done) else None)

    @property
    def horizontal(self) -> tuple[str, Axis]:
        """The axis of charts and its name: minutes if they are known and increase, else episodes."""
        if self.minutes is not None and len(self.minutes) > 1 and (np.diff(self.minutes) >= 0).all():
            return "minutes of training", self.minutes
        return "episode", self.episodes


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


def learning_curves(run: RunFolder) -> list[Chart]:
    """Draw the metrics of a run during training, over minutes (below) and touches (above).

    Without minutes in the metrics, the lower axis has the episodes; without touches, there is no upper one.

    Args:
        run: The run.

    Returns:
        The charts; one without values is omitted.
    """
    progress = Progress.of(run.metrics)
    name, horizontal = progress.horizontal
    charts = []
    for title, entries in CURVES.items():
        columns = {label: _values(run.metrics, key) for key, label in entries.items()}
        columns = {label: values for label, values in columns.items() if np.isfinite(values).sum() > 1}
        if not columns:
            continue
        figure = _figure()
        axes = figure.subplots()
        for (label, values), colour in zip(columns.items(), COLOURS, strict=False):
            shown = np.isfinite(values)
            axes.plot(horizontal[shown], values[shown], color=colour, label=label, linewidth=1.6)
        axes.set_xlabel(name)
        axes.set_xlim(horizontal.min() if name == "episode" else 0, horizontal.max())
        if min(np.nanmin(values) for values in columns.values()) >= 0:
            axes.set_ylim(bottom=0)
        if progress.touches is not None and np.ptp(horizontal) > 0:
            begin = [] if name == "episode" else [0.0]  # at 0 minutes nothing had been touched
            _add_touches(axes, np.append(begin, horizontal), np.append(begin, progress.touches))
        _finish(figure, axes, legend=len(columns) > 1)
        numbers = _curve_csv(f"{run.name} {title}", progress, columns)
        charts.append(Chart(title, _svg(figure, f"{run.name} {title}"), numbers))
    return charts


def _add_touches(axes: Any, horizontal: Axis, touches: Axis) -> None:
    """Add an upper axis that states how many touches had been made."""
    from matplotlib.ticker import MaxNLocator

    upper = axes.secondary_xaxis("top")
    ticks = np.asarray(MaxNLocator(4, integer=True).tick_values(0, touches[-1]))
    ticks = ticks[(ticks > 0) & (ticks >= touches[0]) & (ticks <= touches[-1])]
    upper.set_xticks(np.interp(ticks, touches, horizontal), [f"{tick:,.0f}" for tick in ticks])
    upper.set_xlabel("touches")
    upper.xaxis.label.set_color(_INK)
    upper.tick_params(colors=_INK, labelsize=9)
    upper.spines["top"].set_color(_INK)


def _values(metrics: Sequence[Mapping[str, Any]], key: str) -> Axis:
    """Return an entry of each line, NaN where it is no number."""
    found = [row.get(key) for row in metrics]
    numbers = [isinstance(each, int | float) and not isinstance(each, bool) for each in found]
    values = [
        float(value) if number else np.nan  # type: ignore[arg-type]
        for value, number in zip(found, numbers, strict=True)
    ]
    return np.where(np.isfinite(values), values, np.nan)


def _curve_csv(title: str, progress: Progress, columns: Mapping[str, Axis]) -> Csv:
    axes = {"episode": progress.episodes, "minutes": progress.minutes, "touches": progress.touches}
    known = {name: values for name, values in axes.items() if values is not None}
    stacked = np.stack([*known.values(), *columns.values()], axis=1)
    shown = np.isfinite(stacked[:, len(known) :]).any(axis=1)
    lines = [
        [None if np.isnan(value) else float(f"{value:.6g}") for value in line] for line in stacked[shown]
    ]
    return Csv(title, [*known, *columns], lines)


def force_chart(calibration: Mapping[str, Any], key: str, title: str) -> Chart:
    """Draw the success rates of touches, by mass class and force.

    Args:
        calibration: As `eval.report.runs.read_calibration` returns it.
        key: `success_rates_seen` (objects large enough to be seen moving) or `success_rates_all`.
        title: Title of the chart.
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
            touched = bool(found) and found[0]["touches"] > 0
            heights.append(found[0]["successes"] / found[0]["touches"] if touched else np.nan)
        positions = np.arange(len(MASS_CLASSES)) + (place - (len(forces) - 1) / 2) * width
        bars = axes.bar(positions, heights, width * 0.92, color=colour, label=f"{force:g} N")
        labels = ["" if np.isnan(height) else f"{height:.2f}" for height in heights]
        axes.bar_label(bars, labels, color=_INK, fontsize=8, padding=2)
        for position in positions[np.isnan(heights)]:  # no object of the class was touched
            axes.text(position, 0.02, "-", color=_INK, fontsize=8, ha="center")
    axes.set_xticks(range(len(MASS_CLASSES)), MASS_CLASSES)
    axes.set_ylim(0, 1.12)
    axes.set_ylabel("success rate")
    _finish(figure, axes, legend=True)
    header = ("mass_class", "force", "touches", "successes")
    numbers = Csv(f"Forces {title}", header, [[rate[name] for name in header] for rate in rates])
    return Chart(title, _svg(figure, f"forces {key}"), numbers)


def _figure() -> Figure:
    load_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(5.2, 3.2), layout="constrained")


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
