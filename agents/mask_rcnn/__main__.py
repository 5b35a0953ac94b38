"""The command line of Mask R-CNN: train and evaluate; see `agents.commands.baseline`.

torch and what needs it are imported inside the functions, so that `--help` is fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from agents.commands.baseline import Baseline, TrainOptions
from agents.commands.held_out import NetworkHeldOut
from agents.mask_rcnn.configuration import SYSTEM, MaskRCNNConfig
from agents.registry import registered_agent
from eval.evaluation.reporting import evaluate_run

if TYPE_CHECKING:
    from agents.base import Agent

PROGRAM = "python -m agents.mask_rcnn"

OVERVIEW = f"""usage: {PROGRAM} COMMAND [OPTIONS]

Mask R-CNN on true or self-supervised masks, for comparison with agents that learn by touching.

commands:
  train      train, evaluate, and print where the results are
  evaluate   evaluate a run on held-out rooms

`{PROGRAM} COMMAND --help` explains one command."""

NAME = registered_agent(SYSTEM).label
"""Name of the agent in the table of an evaluation."""


@dataclass(frozen=True, kw_only=True)
class TrainCommand(TrainOptions):
    """Train Mask R-CNN, evaluate it on held-out rooms, and print where the results are.

    A preset (smoke: seconds, quick: under 12 minutes on 2 cores, hour, paper) fills the schedule; every value
    of it can be overridden, such as `--schedule.batch-size 8`.
    """

    config: Annotated[MaskRCNNConfig, tyro.conf.arg(name="")]
    """What to train."""


class EvaluateCommand(NetworkHeldOut):
    """Evaluate a run on held-out rooms."""


def default_run_folder(config: MaskRCNNConfig) -> Path:
    """Return where a run is written when no folder is named."""
    use = "-".join(
        name
        for name, on in (
            ("self-supervised", config.targets == "self_supervised"),
            ("robust", config.loss == "robust"),
            ("mass", config.mass),
        )
        if on
    )
    middle = f"mask-rcnn-{use}" if use else "mask-rcnn"
    return Path("runs") / f"{config.preset}-{middle}-{config.split}-seed{config.seed}"


def _description(config: MaskRCNNConfig) -> str:
    mass = "with" if config.mass else "without"
    return f"{NAME}, {config.targets} masks, {config.loss} loss, {mass} mass"


def _train(config: MaskRCNNConfig, run: Path, resume: bool) -> None:
    from agents.mask_rcnn.training import train
    from eval.evaluation.reporting import monitor

    train(config, run, resume, monitor(config.counterpart()) if config.schedule.evaluate_every else None)


def _agents(run: Path, device: str, seed: int) -> Mapping[str, Agent]:
    return {NAME: registered_agent(SYSTEM).from_run(run, device)}


BASELINE = Baseline(
    program=PROGRAM,
    overview=OVERVIEW,
    config=MaskRCNNConfig,
    train_options=TrainCommand,
    evaluate_options=EvaluateCommand,
    run_folder=default_run_folder,
    description=_description,
    train=_train,
    agents=_agents,
    evaluate=evaluate_run,
)


if __name__ == "__main__":
    BASELINE.main()
