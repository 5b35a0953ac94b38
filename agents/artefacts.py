"""Trained agents that come with the package, and folders of the same layout that `publish` makes.

Such a folder has the layout of a model on the Hugging Face hub, and takes the place of a run folder:

    model.safetensors  weights, matrices and kernels in bfloat16
    config.json        configuration of the run
    README.md          model card
    state.json         SHA-256 of the weights, as of a checkpoint; versions of the libraries
    run.json           machine, times and worlds of the training
    evaluation.json    results of the run, from which the card is written

`pretrained("selfsup-hour")` returns an agent that comes with the package; a command line that takes a run
takes `pretrained:selfsup-hour`. torch is loaded only where an agent is made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agents.training.schedule import RunError

if TYPE_CHECKING:
    from agents.base import Agent

PRETRAINED = Path(__file__).with_name("pretrained")
"""Folder of the agents that come with the package, one folder each."""

PREFIX = "pretrained:"
"""What precedes the name of one of them where a run folder is expected."""

CARD_FILE = "README.md"


class PretrainedError(RunError):
    """There is no pretrained agent of this name."""


def pretrained_names() -> tuple[str, ...]:
    """Return the names of the agents that come with the package, in alphabetical order."""
    if not PRETRAINED.is_dir():
        return ()
    return tuple(sorted(folder.name for folder in PRETRAINED.iterdir() if is_artefact(folder)))


def is_artefact(folder: Path) -> bool:
    """Return whether a folder holds weights beside their configuration; those of a run are in subfolders."""
    from agents.training.checkpoint import MODEL_FILE
    from agents.training.run_folder import CONFIG_FILE

    return (folder / MODEL_FILE).is_file() and (folder / CONFIG_FILE).is_file()


def pretrained_folder(name: str) -> Path:
    """Return the folder of an agent that comes with the package.

    Args:
        name: Its name, such as `selfsup-hour`.

    Raises:
        PretrainedError: There is none of this name; the message names all.
    """
    names = pretrained_names()
    if name not in names:
        known = f"choose one of {', '.join(names)}" if names else "this installation has none"
        raise PretrainedError(f"There is no pretrained agent {name!r}; {known}.")
    return PRETRAINED / name


def run_folder(run: str | Path) -> Path:
    """Return the folder that a user has named where a run is expected.

    Args:
        run: A path, returned as it is, or `pretrained:NAME`.

    Raises:
        PretrainedError: The package has no agent of this name.
    """
    text = str(run)
    return pretrained_folder(text.removeprefix(PREFIX)) if text.startswith(PREFIX) else Path(run)


def run_name(run: Path) -> str:
    """Return how a user names a run: `pretrained:NAME` if it comes with the package, else its path."""
    return f"{PREFIX}{run.name}" if run.parent == PRETRAINED else str(run)


def pretrained(name: str, device: str = "auto") -> Agent:
    """Return a trained agent that comes with the package. The weights are checked by their SHA-256.

    Args:
        name: Its name, such as `selfsup-hour`.
        device: Where to run: `auto`, `cpu`, `cuda`, ...

    Raises:
        PretrainedError: There is none of this name.
        CheckpointError: Its files are damaged.
        ConfigurationError: There is no such device.
    """
    from agents.registry import learner_of

    folder = pretrained_folder(name)
    return learner_of(folder).from_run(folder, device)
