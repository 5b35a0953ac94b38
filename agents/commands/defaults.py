"""The defaults of the options of `train`: those of a preset, or of the run to continue."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from agents.training.schedule import ConfigurationError


class Configurable(Protocol):
    """A configuration that a preset, or a run folder, gives."""

    @classmethod
    def from_preset(cls, name: str, **values: Any) -> Self:
        """Return the configuration of a preset, with fields that differ from the defaults."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the configuration that `to_json` described."""

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as JSON-able values."""

    def difference(self, other: Self) -> str | None:
        """Return a digest that differs if the results of two configurations can differ."""


Config = TypeVar("Config", bound=Configurable)


def default_configuration(
    kind: type[Config], words: Sequence[str], run_folder: Callable[[str, str, int], Path] | None = None
) -> tuple[Config, Path | None]:
    """Return the configuration that gives the defaults of `train`, and the run folder.

    Args:
        kind: Class of the configuration.
        words: The command line after `train`.
        run_folder: Where a run of a preset, a split and a seed is when no folder is named; None where that
            depends on more options.

    Returns:
        The configuration of the preset, or with `--resume` that of the run; and the folder of `--out`, or
        with `--resume` the one of `run_folder`, or None.

    Raises:
        ConfigurationError: There is no such preset.
        CheckpointError: The run to continue has no readable configuration.
    """
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--preset", default="quick")
    first.add_argument("--split", default="NovelSpaces")
    first.add_argument("--seed", default="0")
    first.add_argument("--out", type=Path)
    first.add_argument("--resume", action="store_true")
    try:
        known, _ = first.parse_known_args(list(words))
    except argparse.ArgumentError as error:
        raise ConfigurationError(str(error)) from None
    out: Path | None = known.out
    config = kind.from_preset(known.preset)
    if known.resume and not {"-h", "--help"} & set(words):
        if out is None and run_folder is not None:
            out = run_folder(known.preset, known.split, int(known.seed) if known.seed.isdigit() else 0)
        if out is not None:
            from agents.training.run_folder import read_config

            config = read_config(out, kind)
    return config, out
