"""The rows of the paper's tables, as the agents register them, with the published numbers.

Nothing here imports torch, so that `--help` is fast.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from types import MappingProxyType
from typing import Any

from agents.collection.oracles import OracleOptions
from agents.registry import Row, registered_agent, registered_agents, registered_rows
from agents.training.configuration import SELF_SUPERVISED, TrainConfig
from agents.training.presets import PRESETS
from agents.training.schedule import ConfigurationError
from selfsup.training_images.options import TargetOptions

ROWS: Mapping[str, Row] = registered_rows()
"""All rows by letter: the paper's (a) to (m), (n) of its appendix D, and those of other packages."""

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


def _published(letter: str) -> dict[str, dict[str, float]]:
    """Read the rows of tables 1 and 2 with this letter."""
    columns = dict(zip(SCORES, _TABLE_1[letter].split("|"), strict=True))
    if letter in _TABLE_2:
        columns |= dict(zip(MASS_SCORES, _TABLE_2[letter].split("|"), strict=True))
    return {
        split: {name: round(float(cell.split("/")[place]) / 100, 6) for name, cell in columns.items()}
        for place, split in enumerate(_PUBLISHED_SPLITS)
    }


PUBLISHED: Mapping[str, Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {letter: _published(letter) for letter in _TABLE_1}
)
"""The paper's scores in 0..1, by letter, split and name."""


def published(letter: str, split: str) -> Mapping[str, float]:
    """Return the paper's scores of a row on a split, in 0..1 by name; empty where it gives none."""
    return PUBLISHED.get(letter, {}).get(split, {})


def label_of(system: str) -> str:
    """Return the label of a system in tables; its name if it is not registered."""
    known = registered_agents()
    return known[system].label if system in known else system


_COMPARED = (
    *("use_superpixels", "reach", "change_test", "kernel_name", "force_area", "network", "force_branch"),
    *("embedding_normalization", "loss_weights", "clipped_distances", "location_score"),
)

_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    SELF_SUPERVISED: {
        "oracles": OracleOptions().to_json(),
        "targets": asdict(TargetOptions()),
        **{one.name: one.default for one in fields(TrainConfig) if one.name in _COMPARED},
    }
}
"""Defaults of the options of a system's rows."""


def row(letter: str) -> Row:
    """Return the row of that letter.

    Raises:
        ConfigurationError: There is no such row.
    """
    if letter not in ROWS:
        names = ", ".join(f"{each.letter} ({each.name})" for each in ROWS.values())
        raise ConfigurationError(f"There is no row {letter!r}; choose one of {names}.")
    return ROWS[letter]


def configuration_of(row: Row, preset: str, **settings: Any) -> Any:
    """Return the configuration of a row's run.

    Args:
        row: The row.
        preset: Its size: smoke, quick, hour or paper.
        **settings: Further fields, such as `split`, `seed`, `device` and `workers`.

    Raises:
        ConfigurationError: There is no such preset.
    """
    return registered_agent(row.agent).configure(preset, **settings, **row.options)


def compared_row_of(system: str, config: Mapping[str, Any]) -> str | None:
    """Return the letter of the row with whose published numbers a run is compared.

    Args:
        system: The run's learner, such as `self_supervised`.
        config: Its configuration, as `config.json` holds it.

    Returns:
        The row of the same system, options and losses, of any preset; None if there is none.
    """
    for each in ROWS.values():
        wanted = {**_DEFAULTS.get(each.agent, {}), **_as_json(each.options)}
        if each.agent == system and all(config.get(name, value) == value for name, value in wanted.items()):
            if system != SELF_SUPERVISED:
                return each.letter
            schedule = config.get("schedule", {})
            stages = schedule.get("stages") or [{}]
            usual = PRESETS[config["preset"]].prioritized if config.get("preset") in PRESETS else True
            # The uniform sampling of a preset is not the ablation.
            prioritized = not usual or schedule.get("prioritized", True)
            if (bool(stages[-1].get("joint")), prioritized) == (each.forces, each.options["prioritized"]):
                return each.letter
    return None


def _as_json(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _value_as_json(value)
        for name, value in options.items()
        if name not in ("forces", "prioritized")
    }


def _value_as_json(value: Any) -> Any:
    if isinstance(value, OracleOptions):
        return value.to_json()
    return asdict(value) if isinstance(value, TargetOptions) else value
