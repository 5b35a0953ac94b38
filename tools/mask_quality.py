"""How well masks from touches fit the touched objects, by recipe: `python tools/mask_quality.py --help`.

It visits locations of training rooms as collection does, and compares what each recipe says that a touch
moved with the true mask of the touched object in the view before the first attempt at its point. Ground truth
is used for this measurement alone, and to choose the thresholds of `CleaningOptions`.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from skimage.segmentation import felzenszwalb

from agents.collection.choosing import ProposePoints, cluster_seeds
from agents.collection.collect import CollectionTask, collect_locations, location_seeds
from agents.collection.interact import InteractionSchedule, touch_points
from selfsup.change import changed_cells
from selfsup.feedback import escalation
from selfsup.grid import GRID, STRIDE
from selfsup.segments import ArraySegment
from selfsup.superpixels import SCALE, SIGMA, superpixel_labels
from selfsup.training_images.images import training_images
from selfsup.training_images.masks import (
    CellChanges,
    CleaningOptions,
    cell_changes,
    cleaned_mask,
    connected_part,
    superpixels_around,
)
from selfsup.training_images.options import TargetOptions
from selfsup.training_images.visit_log import TouchedPoint, View, VisitLog
from thor_interact_env.actions import FORCES
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.splits import split_rooms
from thor_interact_env.simulators.base import Instances

Mask = npt.NDArray[np.bool_]
Recipe = Callable[[VisitLog, TouchedPoint], Mask | None]
Labels = Callable[[VisitLog, TouchedPoint, CellChanges], npt.NDArray[np.int32]]

CLEANED = "**2 levels or 2 mm (`cleaned`)**"
SMALL_SUPERPIXEL = 60  # pixels
NOISE = (2.0, 0.005)  # standard deviations of colour, in levels, and of depth, in metres
AREAS = (0, 200, 1000, 4500, np.inf)  # pixels


@dataclass(frozen=True, eq=False)
class Truth:
    """The movable objects in reach of one view: masks on the grid, areas in pixels."""

    masks: Mask
    areas: npt.NDArray[np.int64]

    def object_at(self, row: int, column: int) -> int | None:
        """Return the index of the object that a grid cell shows, or None."""
        found = np.flatnonzero(self.masks[:, row, column])
        return int(found[0]) if len(found) else None


class TruthRecorder(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Notes the ground truth of each view that a `VisitLog` keeps."""

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Begin anew."""
        observation, info = super().reset(**arguments)
        self._log = VisitLog(observation["rgb"], observation["depth"])
        self.truths = [self._truth()]
        return observation, info

    def step(self, action: Any) -> Any:
        """Touch, and note the ground truth if the view changed."""
        result = super().step(action)
        if self._log.see(result[0]["rgb"], result[0]["depth"]) == len(self.truths):
            self.truths.append(self._truth())
        return result

    def _truth(self) -> Truth:
        world: Any = self.env.unwrapped
        instances: Instances = world.ground_truth()
        centre = STRIDE // 2
        return Truth(instances.masks[:, centre::STRIDE, centre::STRIDE], instances.masks.sum(axis=(1, 2)))


@dataclass(frozen=True, eq=False)
class Visit:
    """A location with what was touched there, and the truth of each of its views."""

    log: VisitLog
    truths: Sequence[Truth]


def visits(count: int, seed: int, weights: Path | None, greedy: int, random: int) -> Iterator[Visit]:
    """Visit locations of training rooms one after another.

    Args:
        count: Locations.
        seed: Decides them.
        weights: State dict of the network that chooses points; None touches random ones only.
        greedy: Points that the network chooses at each location.
        random: Random points at each location.
    """
    schedule = InteractionSchedule(greedy if weights else 0, random, joint=True)
    propose: ProposePoints = lambda _: []  # noqa: E731
    if weights is not None:
        propose = cluster_seeds(load_file(weights))(greedy, -np.inf)

    def visit(env: gymnasium.Env[Any, Any], location: Location, rng: np.random.Generator) -> Visit:
        recorder = TruthRecorder(env)
        log, _ = touch_points(recorder, location, propose, schedule, rng)
        return Visit(log, recorder.truths)

    seeds = tuple(location_seeds(seed, 0, 0, count))
    # The points of a visit of its own are none of the task's.
    task = CollectionTask(seeds, split_rooms("NovelSpaces/train"), schedule, weights, visit=visit)
    for part in task.split():
        found: list[Any] = collect_locations(part)
        yield from found


def recipes() -> dict[str, Recipe]:
    """Return the ways to a mask, by name."""

    def cleaned(
        first: int = 0,
        labels: Labels | None = None,
        paper_colours: bool = False,
        noise: tuple[float, float] | None = None,
        **thresholds: Any,
    ) -> Recipe:
        options = CleaningOptions(**thresholds)

        def recipe(log: VisitLog, point: TouchedPoint) -> Mask | None:
            before, after = (_noisy(log.views[point.views[which]], noise, which + 2) for which in (first, -1))
            changes = cell_changes(before, after, options)
            if paper_colours:
                changes = replace(changes, changed=changes.changed | changed_cells(before.rgb, after.rgb))
            if not changes.changed.any():
                return None
            way = labels or (lambda *_: superpixels_around(before.rgb, changes.changed))
            return cleaned_mask(changes, way(log, point, changes), point.row, point.column, options)

        return recipe

    by_b: dict[str, Any] = {"paper_colours": True, "colour_change": 255, "min_fraction": 0.5}
    return {
        "B": lambda log, point: changed_cells(*(log.views[number].rgb for number in point.views[-2:])),
        "B+ (paper, `aligned`)": lambda log, point: point.mask,
        "B+, connected": lambda log, point: _connected(point.mask, point),
        "B or 2 mm, last attempt": cleaned(-2, **by_b),
        "B or 2 mm": cleaned(**by_b),
        CLEANED: cleaned(),
        "the same, last attempt alone": cleaned(-2),
        "the same, superpixels of the first view": cleaned(labels=_of_first_view),
        f"the same, superpixels from {SMALL_SUPERPIXEL} px": cleaned(labels=_small),
        f"the same, superpixels from {SMALL_SUPERPIXEL} px if under 100 cells changed": cleaned(
            labels=_where_few(_small, 100)
        ),
        "the same, changed cells in place of superpixels": cleaned(labels=_each_cell),
        "the same, changed cells if under 60 changed": cleaned(labels=_where_few(_each_cell, 60)),
        "arrivals taken away unless all of a superpixel changed": cleaned(whole_fraction=1.0),
        "without steps of depth": cleaned(depth_step=np.inf),
        "1 level": cleaned(colour_change=1),
        "4 levels": cleaned(colour_change=4),
        "8 levels": cleaned(colour_change=8),
        "2 levels or 1 cm": cleaned(depth_change=0.01),
        "superpixels changed by 0.5": cleaned(min_fraction=0.5),
        "superpixels changed by 0.7": cleaned(min_fraction=0.7),
        "`cleaned`, with noise of 2 levels and 5 mm": cleaned(noise=NOISE),
        "8 levels or 2 cm, the same noise": cleaned(
            noise=NOISE, colour_change=8, depth_change=0.02, depth_step=0.03
        ),
    }


def _noisy(view: View, noise: tuple[float, float] | None, seed: int) -> View:
    if noise is None:
        return view
    rng = np.random.default_rng(seed)
    rgb = view.rgb + rng.normal(0, noise[0], view.rgb.shape)
    depth = view.depth + rng.normal(0, noise[1], view.depth.shape).astype(np.float32)
    return View(np.clip(np.rint(rgb), 0, 255).astype(np.uint8), depth)


def _connected(mask: Mask | None, point: TouchedPoint) -> Mask | None:
    return None if mask is None else connected_part(mask, point.row, point.column)


def _of_first_view(log: VisitLog, point: TouchedPoint, changes: CellChanges) -> npt.NDArray[np.int32]:
    return superpixel_labels(log.views[0].rgb)


def _small(log: VisitLog, point: TouchedPoint, changes: CellChanges) -> npt.NDArray[np.int32]:
    rgb, centre = log.views[point.views[0]].rgb, STRIDE // 2
    labels = felzenszwalb(rgb, scale=SCALE, sigma=SIGMA, min_size=SMALL_SUPERPIXEL, channel_axis=-1)
    return np.ascontiguousarray(labels[centre::STRIDE, centre::STRIDE], dtype=np.int32)


def _each_cell(log: VisitLog, point: TouchedPoint, changes: CellChanges) -> npt.NDArray[np.int32]:
    return np.arange(GRID * GRID, dtype=np.int32).reshape(GRID, GRID)


def _where_few(labels: Labels, count: int) -> Labels:
    return lambda *given: (labels if given[2].changed.sum() < count else _usual)(*given)


def _usual(log: VisitLog, point: TouchedPoint, changes: CellChanges) -> npt.NDArray[np.int32]:
    return superpixels_around(log.views[point.views[0]].rgb, changes.changed)


@dataclass(frozen=True, eq=False)
class Measured:
    """A successful touch of an object: its force in newtons, the object's area, what each recipe found."""

    force: float
    area: int
    found: Mapping[str, tuple[float, float, float] | None]
    """IoU, precision and recall; None without a mask."""


def measure(visit: Visit, ways: Mapping[str, Recipe]) -> tuple[list[Measured], int]:
    """Return what the recipes make of a location's successes on objects, and how many were on none."""
    measured, elsewhere = [], 0
    for point in visit.log.points:
        if not point.success:
            continue
        truth = visit.truths[point.views[0]]
        index = truth.object_at(point.row, point.column)
        if index is None:
            elsewhere += 1
            continue
        force, _ = escalation(point.force)[len(point.changed) - 1]
        found = {name: _compared(way(visit.log, point), truth.masks[index]) for name, way in ways.items()}
        measured.append(Measured(FORCES[force], int(truth.areas[index]), found))
    return measured, elsewhere


def unseen(visit: Visit) -> list[float | None]:
    """Return the IoU of what each failed point moved all the same, None on no movable object."""
    ious: list[float | None] = []
    way = recipes()[CLEANED]
    for point in visit.log.points:
        mask = None if point.success else way(visit.log, point)
        if mask is not None:
            truth = visit.truths[point.views[0]]
            index = truth.object_at(point.row, point.column)
            found = None if index is None else _compared(mask, truth.masks[index])
            ious.append(None if found is None else found[0])
    return ious


def _compared(mask: Mask | None, true: Mask) -> tuple[float, float, float] | None:
    if mask is None:
        return None
    common = float((mask & true).sum())
    return (
        common / max(float((mask | true).sum()), 1),
        common / max(float(mask.sum()), 1),
        common / max(float(true.sum()), 1),
    )


def mask_table(measured: Sequence[Measured], names: Sequence[str]) -> str:
    """Return a table in Markdown: mean IoU by recipe (0 without a mask), by force and by area."""
    groups: dict[str, list[Measured]] = {"all": list(measured)}
    groups |= {f"{force:g} N": [each for each in measured if each.force == force] for force in FORCES}
    for low, high in pairwise(AREAS):
        title = f"from {low:g} px" if high == np.inf else f"under {high:g} px"
        groups[title] = [each for each in measured if low <= each.area < high]
    heads = [*(f"{title} ({len(members)})" for title, members in groups.items())]
    heads += ["IoU > .75", "precision", "recall", "no mask"]
    lines = [_row(["recipe", *heads]), _row(["---"] * (len(heads) + 1))]
    for name in names:
        cells = [_mean([_value(each, name, 0) for each in members]) for members in groups.values()]
        ious = np.array([_value(each, name, 0) for each in measured])
        cells.append(_mean((ious > 0.75).tolist()))
        cells += [_mean([_value(each, name, which) for each in measured]) for which in (1, 2)]
        cells.append(_mean([each.found[name] is None for each in measured]))
        lines.append(_row([name, *cells]))
    return "\n".join(lines)


def _value(measured: Measured, name: str, which: int) -> float:
    found = measured.found[name]
    return 0.0 if found is None else found[which]


def _mean(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f}".lstrip("0") if values else ""


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


class ImageCounts:
    """What the training images of some locations hold, summed over them."""

    def __init__(self, options: TargetOptions) -> None:
        """Begin with no location."""
        self.options = options
        self.locations = self.images = self.masks = self.failures = self.failures_on_objects = self.size = 0
        self.ious: list[float] = []

    def add(self, visit: Visit) -> None:
        """Add the images of a location."""
        images = training_images(visit.log, self.options)
        self.locations += 1
        self.images += len(images)
        self.size += ArraySegment(images).size
        for image in images:
            # A view of the log, copied nowhere on its way into the image.
            number = next(i for i, view in enumerate(visit.log.views) if view.rgb is image.rgb)
            truth = visit.truths[number]
            for (row, column), mask in zip(image.success_points, image.masks, strict=True):
                index = truth.object_at(row, column)
                found = None if index is None else _compared(mask, truth.masks[index])
                self.ious.append(0.0 if found is None else found[0])
            self.masks += len(image.masks)
            self.failures += len(image.failure_points)
            self.failures_on_objects += sum(
                truth.object_at(row, column) is not None for row, column in image.failure_points
            )

    def cells(self) -> list[str]:
        """Return a row of the table."""
        options = self.options
        failed = f"{self.failures} ({self.failures_on_objects / max(self.failures, 1):.1%})"
        means = (_mean(self.ious), f"{self.size / max(self.locations, 1) / 1000:.0f}")
        return [
            options.views,
            options.masks,
            options.successes,
            str(self.images),
            str(self.masks),
            *means,
            failed,
        ]


IMAGE_HEADS = ["views", "masks", "successes", "images", "masks in them", "mean IoU", "kB / location"]
IMAGE_HEADS += ["failed points (of them on movable objects)"]
CHOICES = (
    TargetOptions(),
    TargetOptions("first", "cleaned"),
    TargetOptions("own", "aligned"),
    TargetOptions("own", "cleaned"),
    TargetOptions("own", "cleaned", "moved"),
)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--locations", type=int, default=160)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--weights", type=Path, help="safetensors of the network that chooses points")
    parser.add_argument("--greedy", type=int, default=6, help="points that it chooses at a location")
    parser.add_argument("--random", type=int, default=12, help="random points at a location")
    given = parser.parse_args()
    torch.set_num_threads(1)
    ways = recipes()
    counts = [ImageCounts(options) for options in CHOICES]
    measured: list[Measured] = []
    missed_moves: list[float | None] = []
    elsewhere = points = 0
    for visit in visits(given.locations, given.seed, given.weights, given.greedy, given.random):
        found, missed = measure(visit, ways)
        measured += found
        elsewhere += missed
        missed_moves += unseen(visit)
        points += len(visit.log.points)
        for count in counts:
            count.add(visit)
    print(f"{points} points, {len(measured)} successes on movable objects, {elsewhere} elsewhere")
    on_objects = [iou for iou in missed_moves if iou is not None]
    print(
        f"{len(missed_moves)} failed points at which something moved, {len(on_objects)} of them on movable "
        f"objects, with masks of IoU {_mean(on_objects)}\n"
    )
    print(mask_table(measured, list(ways)) + "\n")
    print(
        "\n".join([_row(IMAGE_HEADS), _row(["---"] * len(IMAGE_HEADS)), *(_row(c.cells()) for c in counts)])
    )


if __name__ == "__main__":
    main()
