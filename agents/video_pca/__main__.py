"""The command line of VideoPCA: train and evaluate; see `agents.commands.baseline`.

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
from agents.registration import SUPERPIXELS
from agents.registry import registered_agent
from agents.training.configuration import default_run_folder as self_supervised_run_folder
from agents.video_pca.configuration import SYSTEM, VideoPCAConfig
from eval.evaluation.reporting import evaluate_run

if TYPE_CHECKING:
    from agents.base import Agent

PROGRAM = "python -m agents.video_pca"

OVERVIEW = f"""usage: {PROGRAM} COMMAND [OPTIONS]

VideoPCA: masks from videos of moving objects, for comparison with agents that learn by touching.

commands:
  train      train, evaluate, and print where the results are
  evaluate   compare a run with all superpixels on held-out rooms

`{PROGRAM} COMMAND --help` explains one command."""

NAME = registered_agent(SYSTEM).label
"""What the agent is called in the table of an evaluation."""


@dataclass(frozen=True, kw_only=True)
class TrainCommand(TrainOptions):
    """Train VideoPCA, evaluate it on held-out rooms, and print where the results are."""

    config: Annotated[VideoPCAConfig, tyro.conf.arg(name="")]
    """What to train."""


class EvaluateCommand(NetworkHeldOut):
    """Compare a VideoPCA run with all superpixels on held-out rooms."""


def default_run_folder(config: VideoPCAConfig) -> Path:
    """Return where a run is written when no folder is named."""
    folder = self_supervised_run_folder(config.preset, config.split, config.seed)
    return folder.with_name(f"{SYSTEM}-{folder.name}")


def _train(config: VideoPCAConfig, run: Path, resume: bool) -> None:
    from agents.video_pca.training import train

    train(config, run, resume)


def _agents(run: Path, device: str, seed: int) -> Mapping[str, Agent]:
    floor = registered_agent(SUPERPIXELS)
    return {NAME: registered_agent(SYSTEM).from_run(run, device), floor.label: floor.make()}


BASELINE = Baseline(
    program=PROGRAM,
    overview=OVERVIEW,
    config=VideoPCAConfig,
    train_options=TrainCommand,
    evaluate_options=EvaluateCommand,
    run_folder=default_run_folder,
    description=lambda config: NAME,
    train=_train,
    agents=_agents,
    evaluate=evaluate_run,
)


if __name__ == "__main__":
    BASELINE.main()
