"""The run folder: the run's configuration, its machine, and its files."""

import os
import platform
import shlex
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from agents.training.checkpoint import (
    Checkpoint,
    CheckpointError,
    list_checkpoints,
    read_json,
    save_checkpoint,
    versions,
    write_json,
)
from agents.training.configuration import SELF_SUPERVISED, TrainConfig
from agents.training.processor import available_cores, processor_name
from agents.training.schedule import ConfigurationError, RunError
from thor_interact_env.spawning import check_main_guard

CONFIG_FILE = "config.json"
RUN_FILE = "run.json"
METRICS_FILE = "metrics.jsonl"
MEMORY_FOLDER = "memory_bank"
COLLECTOR_FOLDER = "collector"


class RunConfiguration(Protocol):
    """The configuration of a run: a frozen dataclass such as `TrainConfig`."""

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as JSON-able values."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the configuration that `to_json` described."""

    def difference(self, other: Self) -> str | None:
        """Return what separates two configurations whose results differ."""


Configuration = TypeVar("Configuration", bound=RunConfiguration)


class RunExistsError(RunError):
    """The folder of a new run is not empty."""


def load_config(run: Path) -> TrainConfig:
    """Return the configuration of a run of the self-supervised learner; see `read_config`."""
    return read_config(run, TrainConfig)


def read_config(run: Path, kind: type[Configuration]) -> Configuration:
    """Return the configuration of a run.

    Args:
        run: The run folder, or the folder of one of its checkpoints.
        kind: The class of configurations of the system that was trained.

    Raises:
        CheckpointError: The folder or its configuration is missing or malformed.
    """
    path, values = _written_config(run)
    try:
        return kind.from_json(values)
    except (ConfigurationError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is not a run's configuration: {error}") from None


def system_of(run: Path) -> str:
    """Return the name of the system that a run has trained, as `agents.registry` knows it.

    Args:
        run: The run folder, or the folder of one of its checkpoints.

    Raises:
        CheckpointError: The folder or its configuration is missing or malformed.
    """
    return str(_values(run).get("system", SELF_SUPERVISED))


def seed_of(run: Path) -> int:
    """Return the seed of a run of any system, 0 if its configuration names none; see `system_of`.

    Raises:
        CheckpointError: The folder or its configuration is missing or malformed.
    """
    seed = _values(run).get("seed", 0)
    if not isinstance(seed, int):
        raise CheckpointError(f"{config_file(run)} is not a run's configuration: its seed is {seed!r}.")
    return seed


def _values(run: Path) -> Mapping[str, Any]:
    """Return what the file of a run's configuration holds, an object."""
    path, values = _written_config(run)
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} is not a run's configuration: it is no object.")
    return values


def _written_config(run: Path) -> tuple[Path, Any]:
    """Return the file of a run's configuration, and what it holds."""
    if not run.is_dir():
        raise CheckpointError(
            f"{run} is not a folder; name a run folder, such as runs/quick-NovelSpaces-seed0."
        )
    path = config_file(run)
    return path, read_json(path, "name the folder of a run.")


def config_file(run: Path) -> Path:
    """Return the path of the configuration of a run.

    Args:
        run: The run folder, or the folder of one of its checkpoints.
    """
    folder = run if (run / CONFIG_FILE).exists() else run.resolve().parent.parent
    return (folder if (folder / CONFIG_FILE).exists() else run) / CONFIG_FILE


def first_rank() -> bool:
    """Return whether this process writes the run folder: of those started by torchrun, the first does."""
    return os.environ.get("RANK", "0") == "0"


def check_run(config: RunConfiguration, run: Path, resume: bool) -> None:
    """Check that a run can be written to a folder, without touching it.

    Args:
        config: The run.
        run: Its folder.
        resume: Continue the existing run.

    Raises:
        RunExistsError: The folder is not empty and `resume` is false.
        CheckpointError: `resume` is true and there is no run, or the folder is one of a run's checkpoints.
        ConfigurationError: `resume` is true and the run there has another configuration.
        MainGuardError: This process only collects for a run, and is running the main program again.
    """
    check_main_guard()
    if not first_rank():
        return
    if resume:
        owner = config_file(run).parent
        if owner != run and owner.exists():
            raise CheckpointError(f"{run} is part of the run {owner}; continue that: --out {owner}")
        difference = read_config(run, type(config)).difference(config)
        if difference is not None:
            raise ConfigurationError(
                f"{run} was trained with another {difference}; resume with its own settings, "
                "or start a new run."
            )
    elif run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise RunExistsError(
            f"{run} exists and is not empty; add --resume to continue it, or name another --out."
        )


def prepare_run(config: RunConfiguration, run: Path, resume: bool) -> None:
    """Create a run folder, or continue an existing one; see `check_run` for arguments and errors."""
    check_run(config, run, resume)
    if not resume and first_rank():
        run.mkdir(parents=True, exist_ok=True)
        write_json(run / CONFIG_FILE, config.to_json())


@contextmanager
def prepared_run(config: RunConfiguration, run: Path, resume: bool) -> Iterator[None]:
    """Prepare a run folder, and free it again if the configuration is then refused.

    Args:
        config: The run.
        run: Its folder; see `check_run` for the errors.
        resume: Continue the existing run.
    """
    new = not run.exists()
    prepare_run(config, run, resume)
    try:
        yield
    except ConfigurationError:
        if not resume and first_rank():
            (run / CONFIG_FILE).unlink()
            if new:
                run.rmdir()
        raise


def prepare_untrained(system: str, config: RunConfiguration, run: Path, resume: bool) -> None:
    """Make the folder of an agent that learns nothing, in which its evaluation finds a place.

    Args:
        system: Name of the agent.
        config: Where and how it is evaluated.
        run: The folder.
        resume: Whether the folder may be there.

    Raises:
        RunExistsError: Something is there and `resume` is false.
    """
    if not resume:
        check_run(config, run, resume)
    run.mkdir(parents=True, exist_ok=True)
    write_json(run / CONFIG_FILE, {"system": system, **config.to_json()})
    note_start(run, sys.orig_argv)


def goes_on(run: Path) -> bool:
    """Return whether a run that is to be resumed has a checkpoint to continue from; if not, it starts again.

    Raises:
        CheckpointError: It has none, but had one: parts of the folder are missing, as after a copy, and a
            new start would delete others.
    """
    if list_checkpoints(run) or (run / "checkpoints" / "last").is_dir():
        return True
    notes = notes_of(run)
    # The first is recorded with each checkpoint, the second at the end.
    saved = not {"checkpoint", "training_seconds"}.isdisjoint(notes)
    if saved or (not notes and (run / METRICS_FILE).exists()):
        raise CheckpointError(
            f"{run} is incomplete: {run / 'checkpoints'} holds no checkpoint, and this run had one; copy the "
            "whole folder again, or train into a new one."
        )
    return False


def keep_checkpoint(run: Path, number: int, checkpoint: Checkpoint) -> None:
    """Save a checkpoint, and record that there is one; see `agents.training.checkpoint.save_checkpoint`."""
    save_checkpoint(run, number, checkpoint)
    note_run(run, checkpoint=number)


def notes_of(run: Path) -> dict[str, Any]:
    """Return the content of `run.json`; empty if there is none.

    Raises:
        CheckpointError: The file exists but is not JSON.
    """
    path = run / RUN_FILE
    return read_json(path, "delete it; it holds no weights.") if path.exists() else {}


def note_run(run: Path, **values: Any) -> None:
    """Add entries to `run.json`, keeping existing ones.

    Raises:
        CheckpointError: The file exists but is not JSON.
    """
    if first_rank():
        write_json(run / RUN_FILE, {**notes_of(run), **values})


def note_start(run: Path, command: list[str], world: str | None = None) -> None:
    """Record the time, command, world and machine of a start or resumption of a run.

    Warns if the run continues in another world than it started in.

    Args:
        run: The run folder.
        command: The command line. Of the program only its name is kept, without its folder.
        world: The result of `world_of` for the training world; None if nothing is trained.

    Raises:
        CheckpointError: `run.json` exists but is not JSON.
    """
    if not first_rank():
        return
    old = notes_of(run)
    start = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join([Path(command[0]).name, *command[1:]]),
    }
    if world is not None:
        start["world"] = world
        others = ", ".join(sorted(set(worlds_of(old)) - {world}))
        if others:
            warnings.warn(
                f"{run} started in another version of the world ({others}) than the present one ({world}), "
                "where it continues: the result belongs to neither. For comparable results start a new run.",
                RuntimeWarning,
                stacklevel=2,
            )
    note_run(run, starts=[*old.get("starts", []), start], hardware=hardware(), versions=versions())


def worlds_of(notes: Mapping[str, Any]) -> list[str]:
    """Return the worlds in which a run learned, as recorded in its `run.json`, in order of their names."""
    return sorted({str(start["world"]) for start in notes.get("starts", []) if "world" in start})


def note_worlds(run: Path, world: str) -> dict[str, Any]:
    """Return the worlds of an evaluation, to be written with it.

    Args:
        run: The run folder, or the folder of one of its checkpoints.
        world: The result of `world_of` for the world of the evaluation.

    Returns:
        `world`, that of the evaluation, and `learned_in`, those that the run learned in.

    Raises:
        CheckpointError: `run.json` exists but is not JSON.
    """
    return {"world": world, "learned_in": worlds_of(notes_of(config_file(run).parent))}


def hardware() -> dict[str, Any]:
    """Return the hardware of this machine: processor, cores, and GPU if there is one."""
    import torch

    return {
        "processor": processor_name(),
        "cores": available_cores(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": platform.platform(),
    }


def clear_collector(run: Path, rank: int = 0) -> Path:
    """Return the empty folder of the weights that the collecting workers of a rank read."""
    folder = run / (f"{COLLECTOR_FOLDER}-{rank}" if rank else COLLECTOR_FOLDER)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
