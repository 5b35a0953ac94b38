"""Checkpoints: safetensors and JSON, written whole or not at all.

A run's `checkpoints/` holds one folder per kept checkpoint, named by the number of episodes done, and a
relative link `last`::

    checkpoints/000010/model.safetensors      weights and batch statistics
                       optimizer.safetensors  Adam's moments
                       state.json             counters, random states, memory bank, versions, checksums
    checkpoints/last -> 000010
"""

import base64
import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from agents.schedule import RunError

MODEL_FILE = "model.safetensors"
OPTIMIZER_FILE = "optimizer.safetensors"
STATE_FILE = "state.json"
FORMAT = 1
"""Version of the layout; a checkpoint of another one is refused."""

_DECISIVE = ("torch", "torchvision", "numpy", "mujoco", "opencv-python-headless", "scikit-image", "gymnasium")
"""Distributions that a result may depend on."""


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
    """Write a JSON file under a temporary name, then rename it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def read_json(path: Path, remedy: str) -> Any:
    """Read a JSON file.

    Raises:
        CheckpointError: It is missing or not JSON; the message ends with `remedy`.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist; {remedy}") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); {remedy}") from None


def save_weights(path: Path, model: Mapping[str, Tensor]) -> None:
    """Write the tensors of a state dict to one safetensors file, under a temporary name first."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    # safetensors stores plain row-major tensors; channels_last ones are laid out anew.
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.items()}
    save_file(tensors, temporary)
    os.replace(temporary, path)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as tensors named `<parameter index>.<entry>`."""
    return {
        f"{index}.{entry}": value
        for index, entries in optimizer.state_dict()["state"].items()
        for entry, value in entries.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` returned, in each parameter's memory layout.

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


def random_states(generator: np.random.Generator) -> dict[str, Any]:
    """Return the states of Python's, torch's and one NumPy generator as JSON-able values."""
    version, words, gauss = random.getstate()
    states = {
        "python": [version, list(words), gauss],
        "torch": _encode(torch.get_rng_state()),
        "numpy": generator.bit_generator.state,
    }
    if torch.cuda.is_available():
        states["cuda"] = _encode(torch.cuda.get_rng_state())
    return states


def restore_random_states(states: Mapping[str, Any], generator: np.random.Generator) -> None:
    """Put back what `random_states` returned.

    Raises:
        CheckpointError: A state is missing or malformed.
    """
    try:
        version, words, gauss = states["python"]
        random.setstate((version, tuple(words), gauss))
        torch.set_rng_state(_decode(states["torch"]))
        generator.bit_generator.state = states["numpy"]
        if "cuda" in states and torch.cuda.is_available():
            torch.cuda.set_rng_state(_decode(states["cuda"]))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"the random states are malformed ({error!r}); the checkpoint is corrupt."
        ) from None


def _encode(state: Tensor) -> str:
    return base64.b64encode(state.numpy().tobytes()).decode("ascii")


def _decode(text: str) -> Tensor:
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)


def versions() -> dict[str, str]:
    """Return the versions of what a result may depend on, of what is installed of it."""
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
        checkpoint: What to write.
        keep: How many checkpoints stay.

    Returns:
        The checkpoint's folder.
    """
    folder = checkpoint_folder(run, number)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for stale in folder.parent.glob(".*.tmp"):
        shutil.rmtree(stale) if stale.is_dir() and not stale.is_symlink() else stale.unlink()
    temporary = folder.with_name(f".{folder.name}.tmp")
    temporary.mkdir()
    save_weights(temporary / MODEL_FILE, checkpoint.model)
    save_weights(temporary / OPTIMIZER_FILE, checkpoint.optimizer)
    checksums = {name: _checksum(temporary / name) for name in (MODEL_FILE, OPTIMIZER_FILE)}
    state = {"format": FORMAT, "versions": versions(), "sha256": checksums, **checkpoint.state}
    write_json(temporary / STATE_FILE, state)
    if folder.exists():  # made before, by a run that went on from an older checkpoint
        os.replace(folder, folder.with_name(f".{folder.name}.old.tmp"))
    os.replace(temporary, folder)
    link = folder.with_name(".last.tmp")
    link.symlink_to(folder.name)
    os.replace(link, folder.with_name("last"))
    present = list_checkpoints(run)
    newest = [path for path in present if int(path.name) <= number][-keep:]
    for path in [*folder.parent.glob(".*.old.tmp"), *(path for path in present if path not in newest)]:
        shutil.rmtree(path)
    return folder


def list_checkpoints(run: Path) -> list[Path]:
    """Return the checkpoint folders of a run, oldest first."""
    return sorted(
        path for path in (run / "checkpoints").glob("[0-9]*") if path.is_dir() and path.name.isdigit()
    )


def last_checkpoint(run: Path) -> Path:
    """Return the folder of a run's last checkpoint.

    Args:
        run: A run folder, or the folder of one checkpoint, which is returned as it is.

    Raises:
        CheckpointError: There is no such folder, or no checkpoint in it.
    """
    if not run.is_dir():
        raise CheckpointError(
            f"{run} is not a folder; name a run folder, such as runs/quick-NovelSpaces-seed0."
        )
    if (run / STATE_FILE).exists() or (run / MODEL_FILE).exists():
        return run
    last = run / "checkpoints" / "last"
    if last.is_dir():
        return last.resolve()
    raise CheckpointError(
        f"{run} holds no checkpoint ({last} does not exist); train first, or name another run."
    )


def load_checkpoint(folder: Path, weights_only: bool = False) -> Checkpoint:
    """Read a checkpoint and check that it is whole.

    Args:
        folder: Its folder.
        weights_only: Leave the optimizer out.

    Raises:
        CheckpointError: A file is missing, truncated or corrupt; the message names it and what to do.
    """
    others = [path.name for path in list_checkpoints(folder.parent.parent) if path.name != folder.name]
    remedy = (
        f"delete {folder} and point {folder.parent / 'last'} at {others[-1]}, or train again."
        if others
        else "train again, or restore the file from a copy."
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
        if _checksum(path) != state["sha256"].get(name):
            raise CheckpointError(f"{path} is truncated or corrupt (its checksum differs); {remedy}")
        try:
            tensors[name] = load_file(path)
        except SafetensorError as error:
            raise CheckpointError(f"{path} is not a safetensors file ({error}); {remedy}") from None
    return Checkpoint(tensors[MODEL_FILE], tensors[OPTIMIZER_FILE], state)


def load_last_checkpoint(run: Path, digest: str) -> tuple[Path, Checkpoint]:
    """Load the last checkpoint of a run that is to go on.

    Args:
        run: The run folder.
        digest: Of the configuration to go on with.

    Returns:
        The checkpoint's folder, and what was saved.

    Raises:
        CheckpointError: There is none, it is corrupt, or of a run with another configuration.
    """
    folder = last_checkpoint(run)
    checkpoint = load_checkpoint(folder)
    if checkpoint.state.get("config") != digest:
        raise CheckpointError(f"{folder} is of a run with another configuration; train into a new folder.")
    return folder, checkpoint


def restore_training(
    network: torch.nn.Module, optimizer: torch.optim.Optimizer, checkpoint: Checkpoint, folder: Path
) -> None:
    """Put back the weights and the optimizer of a checkpoint.

    Args:
        network: Gets the weights.
        optimizer: Gets its moments.
        checkpoint: What was saved.
        folder: Where it comes from, for the message.

    Raises:
        CheckpointError: It is of another network.
    """
    try:
        network.load_state_dict(checkpoint.model)
    except RuntimeError as error:
        raise CheckpointError(
            f"The weights in {folder} are of another network ({error}); train again."
        ) from None
    restore_optimizer(optimizer, checkpoint.optimizer)


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
