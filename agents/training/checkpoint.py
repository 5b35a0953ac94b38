"""Checkpoints: safetensors and JSON, written completely or not at all.

A run's `checkpoints/` holds one folder per kept checkpoint, named by the number of episodes done::

    checkpoints/000010/model.safetensors      weights and batch statistics
                       optimizer.safetensors  Adam's moments
                       state.json             counters, random states, memory bank, versions, checksums
    checkpoints/last -> 000010                for users, if the file system has links

The last checkpoint is the one with the highest number. The link is never read: a program that copies a
run may omit it, or copy it as a folder, which then counts as a checkpoint until the next one is saved.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from agents.training.schedule import RunError
from thor_interact_env.files import write_whole

MODEL_FILE = "model.safetensors"
OPTIMIZER_FILE = "optimizer.safetensors"
STATE_FILE = "state.json"
FORMAT = 1
"""Version of the layout; a checkpoint of another one is refused."""

_DECISIVE = ("torch", "torchvision", "numpy", "mujoco", "opencv-python-headless", "scikit-image", "gymnasium")
"""Distributions on which a result may depend."""


class CheckpointError(RunError):
    """A checkpoint or run folder is missing, truncated, corrupt, or belongs to another run."""


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint in memory.

    Attributes:
        model: Weights and buffers by name.
        optimizer: State tensors of the optimizer, named `<parameter index>.<entry>`.
        state: JSON-able rest: counters, random states, memory bank.
    """

    model: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    state: dict[str, Any]


def write_json(path: Path, values: Any) -> None:
    """Write a JSON file, completely or not at all.

    Raises:
        OSError: The folder cannot be written to, or the disk is full.
    """
    write_whole(path, (json.dumps(values, indent=1) + "\n").encode())


def read_json(path: Path, remedy: str) -> Any:
    """Read a JSON file.

    Raises:
        CheckpointError: It is missing or not JSON; the message ends with `remedy`.
        OSError: It exists but cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist; {remedy}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); {remedy}") from None


def save_weights(path: Path, model: Mapping[str, Tensor]) -> str:
    """Write the tensors of a state dict to one safetensors file, completely or not at all.

    Returns:
        The SHA-256 of the file.

    Raises:
        OSError: The folder cannot be written to, or the disk is full.
    """
    # safetensors stores plain row-major tensors; channels_last tensors are copied.
    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in model.items()})
    write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as tensors named `<parameter index>.<entry>`."""
    return {
        f"{index}.{entry}": value
        for index, entries in optimizer.state_dict()["state"].items()
        for entry, value in entries.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Restore what `optimizer_tensors` returned, in each parameter's memory layout.

    Args:
        optimizer: An optimizer over the same parameters in the same order.
        tensors: Its saved state.

    Raises:
        CheckpointError: A tensor belongs to no parameter or does not have its shape.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, entry = name.partition(".")
        if not number.isdigit() or int(number) >= len(parameters):
            raise CheckpointError(
                f"optimizer tensor {name!r} belongs to no parameter; the network has changed."
            )
        parameter = parameters[int(number)]
        if entry != "step" and tensor.shape != parameter.shape:
            raise CheckpointError(
                f"optimizer tensor {name!r} has shape {tuple(tensor.shape)}, not "
                f"{tuple(parameter.shape)}; "
                "the network has changed."
            )
        # The same layout as before the checkpoint, or vectorised arithmetic might round differently.
        value = tensor if entry == "step" else torch.empty_like(parameter).copy_(tensor)
        state.setdefault(int(number), {})[entry] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def versions() -> dict[str, str]:
    """Return the versions of the installed distributions on which a result may depend."""
    found = {"python": platform.python_version()}
    for name in _DECISIVE:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def checkpoint_folder(run: Path, number: int) -> Path:
    """Return the folder of the checkpoint after `number` episodes."""
    return run / "checkpoints" / f"{number:06d}"


def save_checkpoint(run: Path, number: int, checkpoint: Checkpoint, keep: int = 2) -> Path:
    """Write a checkpoint, make it the last one, and delete all but the newest few.

    Args:
        run: The run folder.
        number: Episodes done.
        checkpoint: The content.
        keep: Number of checkpoints to keep.

    Returns:
        The checkpoint's folder.

    Raises:
        OSError: The folder cannot be written to, or the disk is full; the checkpoints are unchanged.
    """
    folder = checkpoint_folder(run, number)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for stale in folder.parent.glob(".*.tmp"):
        _delete(stale)
    temporary = folder.with_name(f".{folder.name}.tmp")
    try:
        temporary.mkdir()
        tensors = {MODEL_FILE: checkpoint.model, OPTIMIZER_FILE: checkpoint.optimizer}
        checksums = {name: save_weights(temporary / name, each) for name, each in tensors.items()}
        state = {"format": FORMAT, "number": number, "versions": versions(), "sha256": checksums}
        write_json(temporary / STATE_FILE, {**state, **checkpoint.state})
        _put_in_place(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _link_last(folder)
    present = list_checkpoints(run)
    newest = [path for path in present if int(path.name) <= number][-keep:]
    for path in [*folder.parent.glob(".*.old.tmp"), *(path for path in present if path not in newest)]:
        shutil.rmtree(path)
    return folder


def _put_in_place(temporary: Path, folder: Path) -> None:
    """Rename a folder; one of this name, left by a run that resumed from an older checkpoint, is replaced."""
    old = folder.with_name(f".{folder.name}.old.tmp")
    if folder.exists():
        os.replace(folder, old)
    try:
        os.replace(temporary, folder)
    except BaseException:
        if old.exists():
            os.replace(old, folder)
        raise


def _link_last(folder: Path) -> None:
    """Point the link `last` to a checkpoint, if the file system has links."""
    last, link = folder.with_name("last"), folder.with_name(".last.tmp")
    if last.is_dir() and not last.is_symlink():  # of a run that was copied with links followed
        shutil.rmtree(last)
    try:
        link.symlink_to(folder.name)
        os.replace(link, last)
    except OSError:
        for path in (link, last):  # the old one would point to an older checkpoint
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def list_checkpoints(run: Path) -> list[Path]:
    """Return the checkpoint folders of a run, oldest first.

    Raises:
        OSError: The folder that holds them cannot be read.
    """
    try:
        found = list((run / "checkpoints").iterdir())
    except FileNotFoundError:
        return []
    return sorted((path for path in found if path.name.isdigit() and path.is_dir()), key=_number_of)


def _number_of(folder: Path) -> int:
    """Return the number of a checkpoint: its name, or the state of a copy named `last`."""
    if folder.name.isdigit():
        return int(folder.name)
    try:
        state = read_json(folder / STATE_FILE, "")
        return int(state.get("number", state.get("episode", state.get("updates", -1))))
    except (CheckpointError, AttributeError, TypeError, ValueError):
        return -1


def _newest_first(run: Path) -> list[Path]:
    """Return all loadable folders: the checkpoints, and `last` if a copy made a folder of it."""
    found = list_checkpoints(run)
    last = run / "checkpoints" / "last"
    if last.is_dir() and not last.is_symlink():
        found.insert(0, last)  # of two of one number, the one of that name comes first
    return sorted(reversed(found), key=_number_of, reverse=True)


def last_checkpoint(run: Path) -> Path:
    """Return the folder of a run's last checkpoint, complete or not.

    Args:
        run: A run folder, or the folder of one checkpoint, which is returned unchanged.

    Raises:
        CheckpointError: There is no such folder, or no checkpoint in it.
    """
    if not run.is_dir():
        raise CheckpointError(
            f"{run} is not a folder; name a run folder, such as runs/quick-NovelSpaces-seed0."
        )
    if (run / STATE_FILE).exists() or (run / MODEL_FILE).exists():
        return run
    found = _newest_first(run)
    if not found:
        raise CheckpointError(
            f"{run} holds no checkpoint ({run / 'checkpoints'} has none); train first, or name another run."
        )
    return found[0]


def load_checkpoint(folder: Path, weights_only: bool = False) -> Checkpoint:
    """Read a checkpoint and check that it is complete.

    Args:
        folder: Its folder.
        weights_only: Leave the optimizer out.

    Raises:
        CheckpointError: A file is missing, truncated or corrupt; the message names it and a remedy.
        OSError: A file exists but cannot be read.
    """
    others = [path.name for path in list_checkpoints(folder.parent.parent) if path.name != folder.name]
    remedy = "restore the file from a copy, or " + (
        f"delete {folder} to take {others[-1]} in its place." if others else "train again."
    )
    state = read_json(folder / STATE_FILE, remedy)
    if (
        not isinstance(state, dict)
        or state.get("format") != FORMAT
        or not isinstance(state.get("sha256"), dict)
    ):
        raise CheckpointError(f"{folder / STATE_FILE} is not of checkpoint format {FORMAT}; {remedy}")
    tensors: dict[str, dict[str, Tensor]] = {MODEL_FILE: {}, OPTIMIZER_FILE: {}}
    for name in (MODEL_FILE,) if weights_only else (MODEL_FILE, OPTIMIZER_FILE):
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f"{path} does not exist; {remedy}")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != state["sha256"].get(name):
            raise CheckpointError(f"{path} is truncated or corrupt (its checksum differs); {remedy}")
        try:
            tensors[name] = load(content)
        except SafetensorError as error:
            raise CheckpointError(f"{path} is not a safetensors file ({error}); {remedy}") from None
    return Checkpoint(tensors[MODEL_FILE], tensors[OPTIMIZER_FILE], state)


def load_last_checkpoint(run: Path, digest: str | None = None) -> tuple[Path, Checkpoint]:
    """Load the last complete checkpoint of a run to continue.

    Warns of each newer one that is damaged, as in a run that was copied in part: the episodes after the
    complete one are repeated.

    Args:
        run: The run folder.
        digest: Digest of the configuration to continue with; None if checkpoints have none.

    Returns:
        The checkpoint's folder, and what was saved.

    Raises:
        CheckpointError: There is none, none is complete, or it is of a run with another configuration.
        OSError: A file exists but cannot be read.
    """
    last_checkpoint(run)
    damaged: list[str] = []
    for folder in _newest_first(run):
        try:
            checkpoint = load_checkpoint(folder)
        except CheckpointError as error:
            damaged.append(str(error))
            continue
        if digest is not None and checkpoint.state.get("config") != digest:
            raise CheckpointError(
                f"{folder} is of a run with another configuration; train into a new folder."
            )
        for complaint in damaged:
            warnings.warn(f"{complaint} This run continues from {folder.name}.", RuntimeWarning, stacklevel=2)
        return folder, checkpoint
    raise CheckpointError(f"{run} has no complete checkpoint: {' '.join(damaged)}")


def restore_training(
    network: torch.nn.Module, optimizer: torch.optim.Optimizer, checkpoint: Checkpoint, folder: Path
) -> None:
    """Restore the weights and the optimizer of a checkpoint.

    Args:
        network: Receives the weights.
        optimizer: Receives its moments.
        checkpoint: What was saved.
        folder: Its folder, for the error message.

    Raises:
        CheckpointError: It is of another network.
    """
    restore_network(network, checkpoint, folder)
    restore_optimizer(optimizer, checkpoint.optimizer)


def restore_network(network: torch.nn.Module, checkpoint: Checkpoint, folder: Path) -> None:
    """Put back the weights of a checkpoint alone; see `restore_training`."""
    try:
        network.load_state_dict(checkpoint.model)
    except RuntimeError as error:
        raise CheckpointError(
            f"The weights in {folder} are of another network ({error}); train again."
        ) from None
