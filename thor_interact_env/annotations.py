"""The ground truth of one object in the authors' dataset files, and the checks of fields read from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from thor_interact_env.errors import DatasetError


@dataclass(frozen=True)
class Annotation:
    """One movable object in reach, as the authors' files describe it.

    Attributes:
        segmentation: COCO run-length code: {"size": [height, width], "counts": text or list of integers}.
        category_id: Mass class: 0 light, 1 medium, 2 heavy.
        min_force: Least force in newtons that moves the object; -1 where it was not measured.
        gt_mass: Mass in kilograms.
        extra: Further keys of the object in the file, kept as they are.
    """

    segmentation: Mapping[str, Any]
    category_id: int
    min_force: float
    gt_mass: float
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the object that stands in the file."""
        own = {name: getattr(self, name) for name in ("segmentation", "category_id", "min_force", "gt_mass")}
        return {**own, **self.extra}

    @classmethod
    def from_json(cls, value: object, where: str = "annotation") -> Annotation:
        """Check and read one annotation; `where` begins the message of a `DatasetError`."""
        data = require_object(value, where, ("segmentation", "category_id", "min_force", "gt_mass"))
        code = require_object(data["segmentation"], f"{where}.segmentation", ("size", "counts"))
        size, counts = code["size"], code["counts"]
        if not isinstance(size, list) or len(size) != 2:
            raise DatasetError(f"{where}.segmentation.size: expected [height, width], found {size!r}")
        for number in size:
            require_integer(number, f"{where}.segmentation.size", 1)
        if isinstance(counts, list):
            for number in counts:
                require_integer(number, f"{where}.segmentation.counts", 0)
        elif not isinstance(counts, str):
            raise DatasetError(f"{where}.segmentation.counts: expected a text or a list, found {counts!r}")
        return cls(
            segmentation=code,
            category_id=require_integer(data["category_id"], f"{where}.category_id", 0),
            min_force=require_number(data["min_force"], f"{where}.min_force"),
            gt_mass=require_number(data["gt_mass"], f"{where}.gt_mass"),
            extra=without_fields(data, ("segmentation", "category_id", "min_force", "gt_mass")),
        )


def require_object(value: object, where: str, fields: Sequence[str]) -> Mapping[str, Any]:
    """Return `value` if it is an object that has all the fields; else raise `DatasetError` at `where`."""
    if not isinstance(value, Mapping):
        raise DatasetError(f"{where}: expected an object, found {value!r}")
    for name in fields:
        if name not in value:
            raise DatasetError(f"{where}: the field {name!r} is missing; required are {', '.join(fields)}")
    return value


def without_fields(data: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the further keys of an object: all but `names`."""
    return {name: value for name, value in data.items() if name not in names}


def require_integer(value: object, where: str, least: int) -> int:
    """Return `value` if it is an integer of at least `least`; else raise `DatasetError` at `where`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise DatasetError(f"{where}: expected an integer of at least {least}, found {value!r}")
    return value


def require_number(value: object, where: str) -> float:
    """Return `value` if it is a finite number; else raise `DatasetError` at `where`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DatasetError(f"{where}: expected a finite number, found {value!r}")
    return value
