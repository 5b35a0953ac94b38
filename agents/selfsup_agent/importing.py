"""The authors' released weights as a run of this package.

A `.pth` file is a pickle: it is read with `weights_only=True`, which runs no code of the file, checked, and
written as safetensors and JSON.
"""

import hashlib
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agents.selfsup_agent.released_network import ReleasedNet
from agents.training.checkpoint import Checkpoint, save_checkpoint
from agents.training.configuration import TrainConfig
from agents.training.presets import preset
from agents.training.run_folder import RunExistsError, note_run, note_start, prepare_run
from agents.training.schedule import RunError

_NAMED = 3
"""Maximum number of values named in an error message."""


class ReleasedWeightsError(RunError):
    """A file does not hold weights of the released network."""


def released_config(split: str, simulator: str = "mujoco") -> TrainConfig:
    """Return the configuration of the released weights, as far as this package has options for it.

    Args:
        split: What they were trained on, `NovelSpaces` or `NovelObjects`.
        simulator: Default simulator of the evaluation. They were trained in AI2-THOR.
    """
    return TrainConfig(
        schedule=preset("paper"),
        preset="paper",
        split=split,
        simulator=simulator,
        change_test="pooled_squared_difference",
        kernel_name="exponential",
        network="released",
        force_branch="separate",
        loss_weights="released",
        clipped_distances=False,
        location_score="mean",
        without_replacement="episode",
    )


def read_released(path: Path) -> dict[str, Tensor]:
    """Read a file of released weights and check that the network can use them as they are.

    Args:
        path: A file that `torch.save` wrote: a mapping of names to tensors.

    Returns:
        The state dict of a `ReleasedNet`, on the CPU.

    Raises:
        ReleasedWeightsError: It is no such file, or a tensor is missing, unexpected, of another shape or
            type, or holds a value that is not finite.
    """
    if not path.is_file():
        raise ReleasedWeightsError(f"{path} is not a file; name a file of the authors' weights (.pth).")
    try:
        with warnings.catch_warnings(action="ignore"):  # the error is reported below
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise anything, from EOFError to IndexError
        reason = str(error).partition("\n")[0].partition(". ")[0] or type(error).__name__
        raise ReleasedWeightsError(
            f"{path} cannot be read as weights ({reason}); it must be as torch.save writes a state dict."
        ) from None
    problems = differences(content)
    if problems:
        raise ReleasedWeightsError(f"{path} does not hold the released network: {'; '.join(problems)}.")
    return {name: tensor.detach() for name, tensor in content.items()}


def differences(content: object) -> list[str]:
    """Return the differences of a value from a state dict of the released network, one phrase per kind.

    Args:
        content: The content of a file.
    """
    if not isinstance(content, Mapping) or not all(isinstance(name, str) for name in content):
        return [f"it is {type(content).__name__}, not a mapping of names to tensors"]
    expected = ReleasedNet().state_dict()
    wrong_shapes, wrong_types, wrong_values = [], [], []
    for name in (name for name in expected if name in content):
        found, wanted = content[name], expected[name]
        if not isinstance(found, Tensor):
            wrong_types.append(f"{name} is {type(found).__name__}, not a tensor")
        elif found.dtype != wanted.dtype or found.layout != wanted.layout:
            found_type = found.dtype if found.layout == wanted.layout else f"{found.layout} {found.dtype}"
            wrong_types.append(f"{name} is {found_type}, not {wanted.dtype}".replace("torch.", ""))
        elif found.shape != wanted.shape:
            wrong_shapes.append(f"{name} is {tuple(found.shape)}, not {tuple(wanted.shape)}")
        elif not found.isfinite().all():
            wrong_values.append(name)
    kinds = {
        "missing": [name for name in expected if name not in content],
        "unexpected": [name for name in content if name not in expected],
        "of another shape": wrong_shapes,
        "of another type": wrong_types,
        "not finite": wrong_values,
    }
    return [f"{len(found)} {kind} ({_few(found)})" for kind, found in kinds.items() if found]


def _few(names: list[str]) -> str:
    return ", ".join([*names[:_NAMED], *(["..."] if len(names) > _NAMED else [])])


def import_released(path: Path, run: Path, config: TrainConfig) -> None:
    """Write a run folder with the released weights: completely or not at all.

    Args:
        path: The file; see `read_released`.
        run: The run folder to make.
        config: See `released_config`.

    Raises:
        ReleasedWeightsError: The file does not hold the released network.
        RunExistsError: The folder is not empty.
    """
    if run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise RunExistsError(f"{run} exists and is not empty; name another --out.")
    weights = read_released(path)
    origin = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    run.parent.mkdir(parents=True, exist_ok=True)
    # A folder in a folder, because that of mkdtemp is readable by its owner only.
    workplace = Path(tempfile.mkdtemp(prefix=f".{run.name}.", suffix=".tmp", dir=run.parent))
    try:
        made = workplace / run.name
        prepare_run(config, made, resume=False)
        note_start(made, sys.orig_argv)
        note_run(made, imported=origin)
        save_checkpoint(made, 0, Checkpoint(weights, {}, {"imported": origin}))
        os.replace(made, run)
    finally:
        shutil.rmtree(workplace)
