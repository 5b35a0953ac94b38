"""The command line of queried masks: train, evaluate, predict and publish; see `agents.commands.baseline`.

torch and what needs it are imported inside the functions, so that `--help` answers at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from agents.commands.baseline import Baseline, TrainOptions
from agents.commands.held_out import NetworkHeldOut
from agents.commands.predict import predict_command
from agents.commands.publish import publish_command
from agents.query_agent.configuration import SYSTEM, QueryConfig
from agents.registry import baselines, registered_agent
from eval.evaluation.reporting import evaluate_run, monitor
from eval.figures.predicting import predict
from eval.publishing.publish import publish

if TYPE_CHECKING:
    from agents.base import Agent

PROGRAM = "python -m agents.query_agent"

OVERVIEW = f"""usage: {PROGRAM} COMMAND [OPTIONS]

Queried masks: learn about objects by touching them, without labels, as the paper's learner does, but for one
more head of the network, by which each cell asks for the mask of its object.

commands:
  train      train, evaluate, print where the results are
  evaluate   compare a run with its baselines on held-out rooms
  predict    draw the predictions of a run for one view
  publish    make a folder of a run in the layout of the Hugging Face hub

`{PROGRAM} COMMAND --help` explains one command."""

NAME = registered_agent(SYSTEM).label
"""What the agent is called in the table of an evaluation."""


@dataclass(frozen=True, kw_only=True)
class TrainCommand(TrainOptions):
    """Train queried masks, evaluate them on held-out rooms, and print where the results are.

    A preset (smoke: seconds, quick: under 10 minutes on 2 cores, hour, day: 8 hours, paper) fills the
    schedule; every value of it can be overridden, such as `--schedule.batch-size 8`.
    """

    config: Annotated[QueryConfig, tyro.conf.arg(name="")]
    """What to train."""


class EvaluateCommand(NetworkHeldOut):
    """Compare a run with the untrained network, random points and all superpixels, on held-out rooms."""


def default_run_folder(config: QueryConfig) -> Path:
    """Return where a run is written when no folder is named."""
    return Path("runs") / f"{config.preset}-queried-masks-{config.split}-seed{config.seed}"


def _train(config: QueryConfig, run: Path, resume: bool) -> None:
    from agents.query_agent.training import train

    train(config, run, resume, monitor(config))


def _agents(run: Path, device: str, seed: int) -> Mapping[str, Agent]:
    from agents.query_agent.agent import QueryAgent
    from agents.training.run_folder import read_config

    config = read_config(run, QueryConfig)
    return {
        NAME: QueryAgent.from_run(run, device),
        "untrained network": QueryAgent.untrained(config.seed, device, config.force_branch),
        **baselines(seed),
    }


def _predict(words: Sequence[str]) -> None:
    predict_command(f"{PROGRAM} predict", words, predict)


def _publish(words: Sequence[str]) -> None:
    publish_command(PROGRAM, words, publish)


BASELINE = Baseline(
    program=PROGRAM,
    overview=OVERVIEW,
    config=QueryConfig,
    train_options=TrainCommand,
    evaluate_options=EvaluateCommand,
    run_folder=default_run_folder,
    description=lambda config: NAME,
    train=_train,
    agents=_agents,
    evaluate=evaluate_run,
    further={"predict": _predict, "publish": _publish},
)


if __name__ == "__main__":
    BASELINE.main()
