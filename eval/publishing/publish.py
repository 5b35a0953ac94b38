"""Making an artefact of a run (`agents.artefacts`): its weights, results and model card in one folder.

Modules that load torch are imported inside the functions, so that `--help` is fast.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.artefacts import CARD_FILE
from agents.registry import RegisteredAgent, learner_of, load
from agents.training.configuration import COLLECTED_BY
from agents.training.schedule import RunError
from eval.evaluation.reporting import EVALUATION_FILE
from eval.publishing.card import Model, model_card
from thor_interact_env.files import write_whole

if TYPE_CHECKING:
    from torch import Tensor

KEPT_NOTES = ("hardware", "versions", "checkpoint", "training_seconds", "imported", "touches")
"""Entries of `run.json` that an artefact keeps; commands, which name folders of a machine, are left out."""


class PublishError(RunError):
    """A run cannot be published; the message states the reason and the remedy."""


def publish(run: Path, out: Path, license: str = "apache-2.0") -> None:
    """Make an artefact of a run: completely or not at all.

    Args:
        run: An evaluated run folder of an interaction network, the evaluated folder of one of its
            checkpoints, or an artefact.
        out: The folder to make; its name is the name of the model.
        license: Licence of the weights, as an identifier of the Hugging Face hub.

    Raises:
        PublishError: The folder is not empty, the run is not evaluated, or its agent has no interaction
            network.
        CheckpointError: The run has no readable checkpoint.
        ConfigurationError: The run's agent is not registered here.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise PublishError(f"{out} exists and is not empty; name another --out, or delete it.")
    learner = learner_of(run)
    from agents.selfsup_agent.network_agent import NetworkAgent
    from agents.training.checkpoint import (
        FORMAT,
        MODEL_FILE,
        STATE_FILE,
        last_checkpoint,
        load_checkpoint,
        save_weights,
        write_json,
    )
    from agents.training.run_folder import CONFIG_FILE, RUN_FILE

    if not issubclass(load(learner.agent), NetworkAgent):
        raise PublishError(
            f"{run} is a run of {learner.label}, which has no interaction network; name one that has."
        )
    evaluation = _evaluation_of(run, learner)
    checkpoint = load_checkpoint(last_checkpoint(run), weights_only=True)
    notes, config = _notes_of(run, checkpoint.state), _config_of(run, learner)
    out.parent.mkdir(parents=True, exist_ok=True)
    # A folder in a folder, because that of mkdtemp is readable by its owner only.
    workplace = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
    try:
        made = workplace / out.name
        made.mkdir()
        checksum = save_weights(made / MODEL_FILE, rounded(checkpoint.model))
        state = {name: checkpoint.state[name] for name in ("number", "versions") if name in checkpoint.state}
        write_json(made / STATE_FILE, {"format": FORMAT, **state, "sha256": {MODEL_FILE: checksum}})
        write_json(made / CONFIG_FILE, config)
        write_json(made / RUN_FILE, notes)
        write_json(made / EVALUATION_FILE, evaluation)
        learner.from_run(made, "cpu")
        write_whole(made / CARD_FILE, card_of(made, license).encode())
        os.replace(made, out)
    finally:
        shutil.rmtree(workplace)


def card_of(folder: Path, license: str = "apache-2.0") -> str:
    """Return the model card of an artefact, written from its other files.

    Args:
        folder: The artefact, with or without its card.
        license: Licence of the weights, as an identifier of the Hugging Face hub.

    Raises:
        CheckpointError: A file is missing or damaged.
        PublishError: It has no results.
    """
    from agents.training.checkpoint import MODEL_FILE, load_checkpoint
    from agents.training.run_folder import notes_of

    learner, checkpoint = learner_of(folder), load_checkpoint(folder, weights_only=True)
    return model_card(
        Model(
            name=folder.name,
            learner=learner,
            license=license,
            size=sum(tensor.numel() for tensor in checkpoint.model.values() if tensor.is_floating_point()),
            checksum=checkpoint.state["sha256"][MODEL_FILE],
            config=learner.config_of(folder).to_json(),
            notes=notes_of(folder),
            evaluation=_evaluation_of(folder, learner),
        )
    )


def rounded(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights with matrices and kernels in bfloat16; vectors, such as batch statistics, are unchanged.

    Args:
        weights: State dict of a network.
    """
    import torch

    return {
        name: tensor.to(torch.bfloat16) if tensor.is_floating_point() and tensor.ndim > 1 else tensor
        for name, tensor in weights.items()
    }


def _evaluation_of(run: Path, learner: RegisteredAgent) -> dict[str, Any]:
    from agents.training.checkpoint import read_json

    path = run / EVALUATION_FILE
    program = learner.agent.partition(":")[0].rpartition(".")[0]
    if not path.exists():
        raise PublishError(f"{run} is not evaluated; first run python -m {program} evaluate {run}")
    values = read_json(path, f"evaluate again: python -m {program} evaluate {run}")
    if not isinstance(values, dict) or not values.get("rows"):
        raise PublishError(f"{path} has no results; evaluate again: python -m {program} evaluate {run}")
    return values


def _config_of(run: Path, learner: RegisteredAgent) -> dict[str, Any]:
    """Return the configuration, without where the run was collected."""
    config = learner.config_of(run)
    usual = {
        field.name: field.default
        for field in fields(config)
        if field.name in COLLECTED_BY | {"device"} and field.default is not MISSING
    }
    return {**config.to_json(), **usual}


def _notes_of(run: Path, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an artefact keeps of `run.json`, with touches and time until the checkpoint."""
    from agents.training.metrics import read_metrics
    from agents.training.run_folder import config_file, notes_of

    folder = config_file(run).parent
    notes = notes_of(folder)
    starts = [
        {name: each[name] for name in ("time", "world") if name in each} for each in notes.get("starts", [])
    ]
    done = [row for row in read_metrics(folder) if row["episode"] <= state.get("number", float("inf"))]
    touches = sum(row.get(f"{kind}_touches", 0) for row in done for kind in ("greedy", "random"))
    notes |= {"checkpoint": state["number"]} if "number" in state else {}
    notes |= {"touches": touches} if touches else {}
    notes |= {"training_seconds": round(state["seconds"], 1)} if "seconds" in state else {}
    return {"starts": starts, **{name: notes[name] for name in KEPT_NOTES if name in notes}}
