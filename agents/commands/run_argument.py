"""The options of command lines that take a run: a folder, or `pretrained:NAME`.

Nothing here imports torch, so that `--help` is fast.
"""

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar, get_args, get_type_hints

from agents.artefacts import run_folder

Options = TypeVar("Options")

_RUN: Final = "the folder of a run"

RunPath = Annotated[Path, _RUN]
"""Type of an option that takes a run folder, or `pretrained:NAME`."""


def with_run_folders(options: Options) -> Options:
    """Return options whose fields of the type `RunPath`, or of tuples of it, have folders as values.

    Args:
        options: A dataclass that was read from a command line.

    Raises:
        PretrainedError: One is `pretrained:NAME`, and the package has no agent of this name.
    """
    if not is_dataclass(options) or isinstance(options, type):
        return options
    hints = get_type_hints(type(options), include_extras=True)
    runs = {field.name for field in fields(options) if field.init and _takes_run(hints[field.name])}
    found = {name: _folders(getattr(options, name)) for name in runs}
    return replace(options, **found) if found else options


def _takes_run(hint: Any) -> bool:
    return hint is _RUN or any(_takes_run(part) for part in get_args(hint))


def _folders(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_folders, value))
    return run_folder(value) if isinstance(value, Path) else value
