"""The ground truth of one object in the authors' dataset files, and the checks of fields read from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from thor_interact_env.actions import FORCES
from thor_interact_env.errors import DatasetError

MASS_CLASSES: Final[tuple[str, str, str]] = ("light", "medium", "heavy")
"""Names of the mass classes: the values of `Annotation.category_id` are indices into them."""

MASS_LIMITS: Final[tuple[float, float]] = (0.5, 2.0)
"""Kilograms from which an object is medium, and from which it is heavy (paper section 5)."""

NOT_MOVED: Final = -1
"""The `Annotation.min_force` of an object that no force moved, or whose forces were not tried."""


def mass_class(kilograms: float) -> int:
    """Return the index in `MASS_CLASSES` of an object's mass.

    Args:
        kilograms: Mass, greater than 0.

    Raises:
        ValueError: The mass is not a positive number.

    Examples:
        >>> [mass_class(mass) for mass in (0.1, 0.5, 2.0)]
        [0, 1, 2]
    """
    if not kilograms > 0:
        raise ValueError(f"mass {kilograms} kg must be a number greater than 0")
    return sum(kilograms >= limit for limit in MASS_LIMITS)


@dataclass(frozen=True)
class Annotation:
    """One movable object in reach, as the authors' files describe it.

    Attributes:
        segmentation: COCO run-length code: {"size": [height, width], "counts": text or list of integers}.
        category_id: Mass class: 0 light, 1 medium, 2 heavy; that of `gt_mass`, or of `min_force`.
        min_force: Minimum force in newtons that moves the object; -1 if none did, or none was tried.
        gt_mass: Mass in kilograms, above 0.
        extra: Further keys of the object in the file, kept unchanged.
    """

    segmentation: Mapping[str, Any]
    category_id: int
    min_force: float
    gt_mass: float
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the object in the format of the file."""
        own = {name: getattr(self, name) for name in ("segmentation", "category_id", "min_force", "gt_mass")}
        return {**own, **self.extra}

    def mask(self) -> npt.NDArray[np.bool_]:
        """Return the visible part of the object, (height, width) bool.

        Raises:
            DatasetError: The run-length code does not fill the image.
        """
        height, width = self.segmentation["size"]
        lengths = run_lengths(self.segmentation["counts"], height * width, "segmentation.counts")
        runs = np.arange(len(lengths)) % 2 == 1  # the first run is background
        return np.repeat(runs, lengths).reshape((height, width), order="F")

    @classmethod
    def from_json(cls, value: object, where: str = "annotation") -> Annotation:
        """Check and read one annotation; `where` begins the message of a `DatasetError`."""
        data = require_object(value, where, ("segmentation", "category_id", "min_force", "gt_mass"))
        code = require_object(data["segmentation"], f"{where}.segmentation", ("size", "counts"))
        size = code["size"]
        if not isinstance(size, list) or len(size) != 2:
            raise DatasetError(f"{where}.segmentation.size: expected [height, width], found {size!r}")
        height, width = (require_integer(number, f"{where}.segmentation.size", 1) for number in size)
        run_lengths(code["counts"], height * width, f"{where}.segmentation.counts")
        category = require_integer(data["category_id"], f"{where}.category_id", 0)
        force = require_number(data["min_force"], f"{where}.min_force")
        mass = require_number(data["gt_mass"], f"{where}.gt_mass")
        if force != NOT_MOVED and force <= 0:
            allowed = "a positive number of newtons, or -1 if nothing moved the object"
            raise DatasetError(f"{where}.min_force: expected {allowed}, found {force!r}")
        if mass <= 0:
            raise DatasetError(f"{where}.gt_mass: expected a positive number of kilograms, found {mass!r}")
        # The authors' code takes the class from the force if known, else from the mass.
        allowed_classes = {mass_class(mass)} | ({_force_class(force)} if force != NOT_MOVED else set())
        if category not in allowed_classes:
            fits = " or ".join(f"{index} ({MASS_CLASSES[index]})" for index in sorted(allowed_classes))
            raise DatasetError(
                f"{where}.category_id: expected {fits} for an object of {mass:g} kg and a minimum force of "
                f"{force:g}, found {category!r}"
            )
        return cls(
            segmentation=code,
            category_id=category,
            min_force=force,
            gt_mass=mass,
            extra=without_fields(data, ("segmentation", "category_id", "min_force", "gt_mass")),
        )


def _force_class(newtons: float) -> int:
    return sum(newtons >= force for force in FORCES[1:])


def run_lengths(counts: object, pixels: int, where: str) -> npt.NDArray[np.int64]:
    """Return the lengths of the runs of a COCO run-length code: background and object in turn, by columns.

    pycocotools decodes a damaged text without an error and leaves pixels undefined, so it is checked here.

    Args:
        counts: The lengths as a list, or as COCO's text.
        pixels: Number of pixels of the image, which the runs must fill.
        where: Begins the message of an error.

    Raises:
        DatasetError: It is neither, or the runs do not fill the image.
    """
    if isinstance(counts, list):
        for number in counts:
            require_integer(number, where, 0)
        lengths = np.array(counts, np.int64)
    elif isinstance(counts, str):
        lengths = _from_text(counts, where)
    else:
        raise DatasetError(f"{where}: expected a text or a list, found {counts!r}")
    if lengths.sum() != pixels or (lengths < 0).any():
        raise DatasetError(f"{where}: expected runs of {pixels} pixels in all, found {int(lengths.sum())}")
    return lengths


def _from_text(text: str, where: str) -> npt.NDArray[np.int64]:
    """Decode COCO's text: 5 bits a character, least significant first, 32 means that more follow.

    A number is signed, and from the fourth on it is the difference to the last but one.
    """
    digits = np.frombuffer(text.encode(), np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero(digits < 32)
    if not len(digits) or digits.min() < 0 or digits.max() > 63 or ends[-1:].tolist() != [len(digits) - 1]:
        raise DatasetError(f"{where}: expected a COCO run-length text, found {text[:40]!r}")
    starts = np.concatenate([[0], ends[:-1] + 1])
    sizes = ends - starts + 1
    if sizes.max() > 7:  # 35 bits: more than an image holds
        raise DatasetError(
            f"{where}: expected a COCO run-length text, found a number of {sizes.max()} digits"
        )
    places = np.arange(len(digits)) - np.repeat(starts, sizes)
    values = np.add.reduceat((digits & 31) << (5 * places), starts)
    values -= np.where(digits[ends] & 16, 1 << (5 * sizes), 0)
    lengths = values.copy()
    # The first number is absolute; odd and even ones are running sums from there.
    lengths[1::2] = np.cumsum(values[1::2])
    lengths[2::2] = np.cumsum(values[2::2])
    return lengths


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


def require_integer(value: object, where: str, minimum: int) -> int:
    """Return `value` if it is an integer of at least `minimum`; else raise `DatasetError` at `where`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise DatasetError(f"{where}: expected an integer of at least {minimum}, found {value!r}")
    return value


def require_number(value: object, where: str) -> float:
    """Return `value` if it is a finite number; else raise `DatasetError` at `where`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DatasetError(f"{where}: expected a finite number, found {value!r}")
    return value
