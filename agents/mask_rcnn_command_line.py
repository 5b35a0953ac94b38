"""The command line of Mask R-CNN: train and evaluate.

torch and what needs it are imported inside the functions, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import tyro

from agents.configuration import check_simulator, check_split
from agents.held_out import NetworkHeldOut
from agents.mask_rcnn_schedule import MaskRCNNConfig, mask_rcnn_preset
from agents.options import choose_command, parse_options, run_command_line
from agents.schedule import ConfigurationError

PROGRAM = "python -m agents.mask_rcnn"

OVERVIEW = f"""usage: {PROGRAM} COMMAND [OPTIONS]

Mask R-CNN on true or self-supervised masks, to compare with what learns by touching.

commands:
  train      train, evaluate, and say where everything lies
  evaluate   measure a run on held-out rooms

`{PROGRAM} COMMAND --help` explains one command."""

NAME = "Mask R-CNN"
"""What the agent is called in the table of an evaluation."""


@dataclass(frozen=True)
class TrainCommand:
    """Train Mask R-CNN, evaluate it on held-out rooms, and say where everything lies.

    A preset (smoke: seconds, quick: under 12 minutes on 2 cores, hour, paper) fills the schedule; every value
    of it can be overridden, such as `--schedule.batch-size 8`.
    """

    config: Annotated[MaskRCNNConfig, tyro.conf.arg(name="")]
    """What to train."""

    out: Path | None = None
    """Run folder; None means a folder in runs/ that names preset, use, split and seed."""

    resume: bool = False
    """Go on with the run in the folder, exactly as if it had never stopped."""

    final_evaluation: bool = True
    """Evaluate the trained network when training is done."""


class EvaluateCommand(NetworkHeldOut):
    """Measure a run on held-out rooms."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: Always: 0 after success, 2 after a mistake in what was asked for, 130 after Ctrl-C.
    """
    run_command_line(lambda words: choose_command(COMMANDS, OVERVIEW, words), arguments)


def default_run_folder(config: MaskRCNNConfig) -> Path:
    """Return where a run is written when no folder is named."""
    use = "-".join(
        name
        for name, on in (
            ("felt", config.targets == "self_supervised"),
            ("robust", config.loss == "robust"),
            ("mass", config.mass),
        )
        if on
    )
    middle = f"mask-rcnn-{use}" if use else "mask-rcnn"
    return Path("runs") / f"{config.preset}-{middle}-{config.split}-seed{config.seed}"


def parse_train(words: Sequence[str]) -> TrainCommand:
    """Read the options of `train`.

    The preset, or with `--resume` and `--out` the configuration saved in that folder, gives the defaults.

    Args:
        words: The command line after `train`.

    Raises:
        ConfigurationError: There is no such preset, or a value makes no sense.
        CheckpointError: The run to go on with has no readable configuration.
        SystemExit: tyro has printed the help or its own complaint.
    """
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--preset", default="quick")
    first.add_argument("--out", type=Path)
    first.add_argument("--resume", action="store_true")
    try:
        known, _ = first.parse_known_args(list(words))
    except argparse.ArgumentError as error:
        raise ConfigurationError(str(error)) from None
    mask_rcnn_preset(known.preset)
    if known.resume and known.out is not None and not {"-h", "--help"} & set(words):
        from agents.run_folder import read_config

        config = read_config(known.out, MaskRCNNConfig)
    else:
        config = MaskRCNNConfig.from_preset(known.preset)
    return parse_options(TrainCommand, f"{PROGRAM} train", words, TrainCommand(config, known.out))


def _train(words: Sequence[str]) -> None:
    command = parse_train(words)
    config = command.config
    check_split(config.split)
    check_simulator(config.simulator)
    run = command.out or default_run_folder(config)
    from agents.run_folder import check_run

    # Before torch is loaded and held-out views are made, so that a wrong folder is reported at once.
    check_run(config, run, command.resume)
    from agents.learner import resolve_device
    from agents.mask_rcnn_training import train_mask_rcnn
    from agents.reporting import monitor

    resolve_device(config.device)
    try:
        print(
            f"training: Mask R-CNN, preset {config.preset}, {config.targets} masks, {config.loss} loss, "
            f"{'with' if config.mass else 'without'} mass, {config.split}, seed {config.seed}, folder {run}",
            flush=True,
        )
        evaluate: Any = monitor(config.counterpart()) if config.schedule.evaluate_every else None
        train_mask_rcnn(config, run, command.resume, evaluate)
        if command.final_evaluation:
            evaluate_mask_rcnn(run, config, config.schedule.final_evaluation_locations)
    except KeyboardInterrupt:
        message = f"Interrupted. Go on with: {PROGRAM} train --out {shlex.quote(str(run))} --resume"
        print(f"\n{message} --preset {config.preset}", file=sys.stderr)
        raise SystemExit(130) from None
    print(f"\nEverything lies in {run}; views/ is only needed to resume.")


def evaluate_mask_rcnn(
    run: Path,
    config: MaskRCNNConfig,
    locations: int,
    split: str | None = None,
    reachable_share: float | None = None,
    seed: int = 0,
    device: str = "auto",
) -> dict[str, Any]:
    """Measure a run on test rooms, print the table, and write `evaluation.json`.

    Args:
        run: Run folder, or the folder of one of its checkpoints, where the file is written.
        config: The run's configuration.
        locations: Number of views.
        split: `NovelSpaces` or `NovelObjects`; None takes the run's own.
        reachable_share: Least share of each view within reach; None takes the run's.
        seed: Seed of the views.
        device: Where to run the network.

    Returns:
        What was written; see `agents.reporting.evaluate_run`.

    Raises:
        CheckpointError: The run has no readable checkpoint.
        ConfigurationError: There is no such device.
    """
    from agents.mask_rcnn import MaskRCNNAgent
    from agents.reporting import evaluate_run

    return evaluate_run(
        run,
        config.counterpart(),
        locations,
        split or config.split,
        reachable_share,
        seed,
        device,
        agents={NAME: MaskRCNNAgent.from_run(run, device)},
    )


def _evaluate(words: Sequence[str]) -> None:
    command = parse_options(EvaluateCommand, f"{PROGRAM} evaluate", words)
    from agents.run_folder import read_config

    config = read_config(command.run, MaskRCNNConfig)
    split, locations = command.choose(config.split)
    evaluate_mask_rcnn(
        command.run, config, locations, split, command.reachable_share, command.seed, command.device
    )


COMMANDS: Mapping[str, Callable[[Sequence[str]], None]] = {"train": _train, "evaluate": _evaluate}
