"""Statistics of a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from selfsup.grid import STRIDE
from thor_interact_env.actions import FORCES
from thor_interact_env.errors import DatasetError
from thor_interact_env.locations.annotations import MASS_CLASSES, NOT_MOVED, Annotation, mass_class
from thor_interact_env.locations.dataset import DatasetEntry

SIZE_LIMITS: Final[tuple[int, ...]] = (16, 32, 64)
"""Limits of size classes in grid cells; the success test rarely detects objects of fewer than 16."""


@dataclass(frozen=True)
class Statistics:
    """Statistics of a list of locations.

    Attributes:
        locations: Number of locations.
        rooms: Number of rooms they are in.
        objects: Number of annotations.
        objects_per_location: Their mean number at a location.
        fraction_without_objects: Fraction of the locations with none, in 0..1.
        distinct_objects: Number of different objects, or None if the annotations do not name them.
        types: Number of object types, or None likewise.
        mass_classes: Number of light, medium and heavy objects.
        median_cells: Median size of a mask in grid cells; 0 without objects.
        sizes: Number of objects of fewer than 16, 16-31, 32-63, and at least 64 cells.
        minimum_forces: For light, medium and heavy: how many objects need at most 5, 30, 200 N, more than
            that, and how many did not move (or no force was tried).
    """

    locations: int
    rooms: int
    objects: int
    objects_per_location: float
    fraction_without_objects: float
    distinct_objects: int | None
    types: int | None
    mass_classes: tuple[int, int, int]
    median_cells: float
    sizes: tuple[int, ...]
    minimum_forces: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, entries: Sequence[DatasetEntry]) -> Statistics:
        """Return the statistics of a dataset.

        Args:
            entries: A `LocationDataset`, or a part of one.

        Raises:
            DatasetError: There is no entry.
        """
        if not entries:
            raise DatasetError("the dataset holds no location; statistics need at least one")
        pairs = [(entry, item) for entry in entries for item in entry.annotations]
        cells = np.array([_cells(item) for _, item in pairs])
        classes = [mass_class(item.gt_mass) for _, item in pairs]
        table = np.zeros((len(MASS_CLASSES), len(FORCES) + 2), int)
        for index, (_, item) in zip(classes, pairs, strict=True):
            moved = item.min_force != NOT_MOVED
            table[index, np.searchsorted(FORCES, item.min_force) if moved else -1] += 1
        sizes = np.bincount(np.digitize(cells, SIZE_LIMITS), minlength=len(SIZE_LIMITS) + 1)
        light, medium, heavy = np.bincount(classes, minlength=len(MASS_CLASSES)).tolist()
        return cls(
            locations=len(entries),
            rooms=len({entry.location.scene for entry in entries}),
            objects=len(pairs),
            objects_per_location=len(pairs) / len(entries),
            fraction_without_objects=sum(not entry.annotations for entry in entries) / len(entries),
            distinct_objects=_different(
                (entry.location.scene, item.extra.get("object_id")) for entry, item in pairs
            ),
            types=_different((None, item.extra.get("object_type")) for _, item in pairs),
            mass_classes=(light, medium, heavy),
            median_cells=float(np.median(cells)) if len(cells) else 0.0,
            sizes=tuple(sizes.tolist()),
            minimum_forces=tuple(map(tuple, table.tolist())),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as a JSON object."""
        return asdict(self)


def _cells(annotation: Annotation) -> int:
    """Number of grid cells whose centre the object covers."""
    return int(annotation.mask()[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE].sum())


def _different(names: Iterable[tuple[str | None, object]]) -> int | None:
    listed = list(names)
    return (
        None if any(name is None for _, name in listed) else len({(room, str(name)) for room, name in listed})
    )


def as_table(columns: Sequence[tuple[str, Statistics]]) -> str:
    """Return statistics as a Markdown table, a column for each dataset.

    Args:
        columns: Title and statistics of each.
    """
    rows = [["", *(title for title, _ in columns)]]

    def add(title: str, values: Iterable[object]) -> None:
        rows.append([title, *map(str, values)])

    every = [statistics for _, statistics in columns]
    add("locations", (f"{one.locations:,}" for one in every))
    add("rooms", (one.rooms for one in every))
    add("objects in reach", (f"{one.objects:,}" for one in every))
    add("objects per location", (f"{one.objects_per_location:.2f}" for one in every))
    add("locations without objects", (f"{one.fraction_without_objects:.0%}" for one in every))
    add("distinct objects", (_stated(one.distinct_objects) for one in every))
    add("object types", (_stated(one.types) for one in every))
    for index, name in enumerate(MASS_CLASSES):
        add(name, (_percent(one.mass_classes[index], one.objects) for one in every))
    add("median size (cells)", (f"{one.median_cells:.0f}" for one in every))
    limits = [0, *SIZE_LIMITS]
    names = [f"{low}-{high - 1} cells" for low, high in zip(limits, SIZE_LIMITS, strict=False)]
    for index, name in enumerate([*names, f"{limits[-1]} cells and more"]):
        add(name, (_percent(one.sizes[index], one.objects) for one in every))
    forces = [*(f"{force:g} N" for force in FORCES), "more", "not moved"]
    for index, name in enumerate(MASS_CLASSES):
        for column, force in enumerate(forces):
            counts = [one.minimum_forces[index][column] for one in every]
            if force != "more" or any(counts):
                totals = [one.mass_classes[index] if _tried(one) else 0 for one in every]
                add(f"{name}: {force}", map(_percent, counts, totals))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| "
        + " | ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in rows
    ]
    rule = "|".join(
        "-" * (width + 2) if place == 0 else "-" * (width + 1) + ":" for place, width in enumerate(widths)
    )
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def _tried(statistics: Statistics) -> bool:
    """Return whether forces were tried; otherwise every object counts as not moved."""
    return any(count for row in statistics.minimum_forces for count in row[:-1])


def _stated(number: int | None) -> str:
    return "not stated" if number is None else f"{number:,}"


def _percent(count: int, total: int) -> str:
    return f"{count / total:.0%}" if total else "-"
