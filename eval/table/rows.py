"""The rows of the paper's tables: which system each is, and what the paper published for it.

Rows (a), (c) to (f) and (k) to (n) are the self-supervised learner with other fields of its one
configuration. They differ from a preset in two ways that make the rows comparable with each other:

* Rows other than (a) are segmentation only: the segmentation stages of the preset, or where it has none, as
  in `quick` and `hour`, its stages without forces.
* Every row samples its memory bank by priority, as the paper does, except (l), which is (c) sampled
  uniformly. `quick` and `hour` by themselves sample uniformly, so row (a) is not exactly those presets.

Row (m) acts without a limit of reach, and is evaluated, as in the paper, on all movable objects in sight; its
views are those of the other rows.

Nothing here imports torch, so that `--help` answers at once.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Literal

from agents.collection.oracles import OracleOptions
from agents.training.configuration import UNLIMITED_REACH, TrainConfig
from agents.training.presets import PRESETS, preset
from agents.training.schedule import ConfigurationError, segmentation_only

System = Literal["self_supervised", "mask_rcnn", "video_pca"]

LABELS: Mapping[System, str] = {
    "self_supervised": "self-supervised",
    "mask_rcnn": "Mask R-CNN",
    "video_pca": "VideoPCA",
}
"""Name of each system in an evaluation's `rows`."""

SCORES = ("bbox_ap50", "bbox_ap", "mask_ap50", "mask_ap")
"""Columns of the paper's table 1, in its order."""

MASS_SCORES = ("mass_accuracy", "mass_bbox_ap50")
"""Columns of the paper's table 2."""

_PUBLISHED_SPLITS = ("NovelObjects", "NovelSpaces")

_TABLE_1: Mapping[str, str] = {
    "a": "24.19 / 27.59 | 11.65 / 13.44 | 22.00 / 25.01 | 10.24 / 11.00",
    "b": "33.94 / 50.72 | 22.08 / 34.44 | 28.21 / 45.57 | 16.75 / 30.12",
    "c": "27.06 / 26.10 | 12.71 / 12.05 | 24.37 / 23.70 | 11.09 / 10.30",
    "d": "30.77 / 38.44 | 16.83 / 21.25 | 27.46 / 36.49 | 13.89 / 18.67",
    "e": "26.11 / 28.06 | 12.26 / 13.23 | 24.87 / 26.14 | 11.53 / 11.71",
    "f": "30.23 / 25.68 | 14.86 / 12.03 | 27.40 / 24.54 | 13.23 / 11.00",
    "g": "8.10 / 7.48 | 3.99 / 3.45 | 7.33 / 6.97 | 3.27 / 2.82",
    "h": "36.49 / 49.86 | 22.92 / 31.63 | 30.66 / 44.87 | 18.35 / 28.85",
    "i": "15.93 / 21.26 | 8.16 / 11.39 | 10.88 / 15.84 | 6.08 / 8.73",
    "j": "17.51 / 22.29 | 9.11 / 12.08 | 10.71 / 16.23 | 4.02 / 8.81",
    "k": "12.74 / 13.24 | 4.77 / 4.93 | 10.21 / 10.72 | 3.81 / 3.75",
    "l": "21.04 / 21.32 | 8.70 / 8.78 | 19.02 / 19.68 | 7.75 / 7.76",
    "m": "21.06 / 20.10 | 9.38 / 9.36 | 20.64 / 17.26 | 9.15 / 7.56",
}
"""Table 1 in percent, NovelObjects / NovelSpaces: bbox AP50, bbox AP, mask AP50, mask AP."""

_TABLE_2: Mapping[str, str] = {
    "a": "50.79 / 55.86 | 11.85 / 11.01",
    "b": "78.28 / 86.11 | 26.90 / 46.24",
}
"""Table 2 in percent: mean accuracy per class, and AP50 of mass and box together."""

PUBLISHED_CONFUSION: Mapping[str, tuple[tuple[float, float, float], ...]] = {
    "NovelObjects": ((0.1318, 0.5041, 0.3641), (0.0510, 0.6114, 0.3376), (0.0066, 0.2128, 0.7805)),
    "NovelSpaces": ((0.4193, 0.5092, 0.0714), (0.1591, 0.5413, 0.2996), (0.0366, 0.2483, 0.7151)),
}
"""Confusion of row (a) by split, in 0..1: rows true light, medium, heavy; columns predicted."""


@dataclass(frozen=True)
class Row:
    """One row of the paper's table 1, or one of ours beside it.

    Attributes:
        letter: Its letter; `n` is not in the paper's table.
        name: What it is, in a few words.
        system: What learns.
        options: Fields of the system's configuration that make the row; the others are the preset's.
        joint: Whether forces are learned, too.
        prioritized: Whether the memory bank is sampled by priority; for the self-supervised system.
        published: By split, the paper's scores by name, in 0..1; empty where it gives none.
    """

    letter: str
    name: str
    system: System
    options: Mapping[str, Any] = field(default_factory=dict)
    joint: bool = False
    prioritized: bool = True
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def _published(letter: str) -> dict[str, dict[str, float]]:
    """Read the rows of tables 1 and 2 with this letter."""
    columns = dict(zip(SCORES, _TABLE_1[letter].split("|"), strict=True))
    if letter in _TABLE_2:
        columns |= dict(zip(MASS_SCORES, _TABLE_2[letter].split("|"), strict=True))
    return {
        split: {name: round(float(cell.split("/")[place]) / 100, 6) for name, cell in columns.items()}
        for place, split in enumerate(_PUBLISHED_SPLITS)
    }


def _row(letter: str, name: str, system: System = "self_supervised", **changes: Any) -> Row:
    fields = {key: changes.pop(key) for key in ("joint", "prioritized") if key in changes}
    published = _published(letter) if letter in _TABLE_1 else {}
    return Row(letter, name, system, MappingProxyType(changes), published=published, **fields)


ROWS: Mapping[str, Row] = MappingProxyType(
    {
        row.letter: row
        for row in (
            _row("a", "joint self-supervised", joint=True),
            _row(
                "b", "Mask R-CNN, supervised, mass", "mask_rcnn", joint=True,
                targets="truth", loss="pixel", mass=True,
            ),
            _row("c", "self-supervised"),
            _row("d", "(c) + true masks", oracles=OracleOptions(masks=True)),
            _row("e", "(c) + oracle points", oracles=OracleOptions(points=True)),
            _row("f", "(c) + both oracles", oracles=OracleOptions(points=True, masks=True)),
            _row("g", "VideoPCA", "video_pca"),
            _row(
                "h", "Mask R-CNN, supervised", "mask_rcnn",
                targets="truth", loss="pixel", mass=False,
            ),
            _row(
                "i", "Mask R-CNN, B+ masks", "mask_rcnn",
                targets="self_supervised", loss="pixel", mass=False,
            ),
            _row(
                "j", "(i) + robust set loss", "mask_rcnn",
                targets="self_supervised", loss="robust", mass=False,
            ),
            _row("k", "(c) - superpixels", use_superpixels=False),
            _row("l", "(c) - prioritised sampling", prioritized=False),
            _row("m", "(c), unlimited reach", reach=UNLIMITED_REACH),
            _row("n", "(c), optical flow", change_test="optical_flow"),
        )
    }
)  # fmt: skip
"""All rows by letter: the paper's (a) to (m), and (n), which its appendix D mentions without numbers."""


_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "self_supervised": {
        "oracles": asdict(OracleOptions()),
        **{
            one.name: one.default
            for one in fields(TrainConfig)
            if one.name in ("use_superpixels", "reach", "change_test")
        },
    }
}
"""What the options of a system's rows are in the rows that do not name them."""


def row(letter: str) -> Row:
    """Return the row of that letter.

    Raises:
        ConfigurationError: There is no such row.
    """
    if letter not in ROWS:
        names = ", ".join(f"{each.letter} ({each.name})" for each in ROWS.values())
        raise ConfigurationError(f"There is no row {letter!r}; choose one of {names}.")
    return ROWS[letter]


def row_beside(system: str, config: Mapping[str, Any]) -> str | None:
    """Return the letter of the row whose published numbers belong beside a run.

    Args:
        system: The run's learner, such as `self_supervised`.
        config: Its configuration, as `config.json` holds it.

    Returns:
        The row of the same system, options and losses, whatever its preset; None where there is none.
    """
    for each in ROWS.values():
        wanted = {**_DEFAULTS.get(each.system, {}), **_as_json(each.options)}
        if each.system == system and all(config.get(name, value) == value for name, value in wanted.items()):
            if system != "self_supervised":
                return each.letter
            schedule = config.get("schedule", {})
            stages = schedule.get("stages") or [{}]
            usual = PRESETS[config["preset"]].prioritized if config.get("preset") in PRESETS else True
            # What a preset samples uniformly by itself is not the ablation.
            prioritized = not usual or schedule.get("prioritized", True)
            if (bool(stages[-1].get("joint")), prioritized) == (each.joint, each.prioritized):
                return each.letter
    return None


def _as_json(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: asdict(value) if isinstance(value, OracleOptions) else value for name, value in options.items()
    }


def self_supervised_config(row: Row, preset_name: str, split: str, seed: int) -> TrainConfig:
    """Return the training configuration of a row.

    Args:
        row: The row. The options of one of another system are left out; what is left says where and how it is
            evaluated.
        preset_name: Its size: smoke, quick, hour or paper.
        split: NovelSpaces or NovelObjects.
        seed: Seed of the run.

    Raises:
        ConfigurationError: There is no such preset.
    """
    schedule = preset(preset_name)
    if not row.joint:
        schedule = segmentation_only(schedule)
    schedule = replace(schedule, prioritized=row.prioritized)
    options = row.options if row.system == "self_supervised" else {}
    return TrainConfig(schedule=schedule, preset=preset_name, split=split, seed=seed, **options)
