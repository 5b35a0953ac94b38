"""The command line of the paper's learner: train, evaluate, predict, publish, import released weights.

torch and what needs it are imported inside the functions, so that `--help` is fast.
"""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import tyro

from agents.commands.defaults import default_configuration
from agents.commands.held_out import NetworkHeldOut
from agents.commands.options import choose_command, parse_options, run_command_line
from agents.commands.predict import predict_command
from agents.commands.publish import publish_command
from agents.training.configuration import TrainConfig, check_simulator, check_split, default_run_folder
from agents.training.schedule import require
from eval.evaluation.dataset_evaluation import DatasetChoice
from eval.evaluation.reporting import evaluate_run, monitor
from eval.figures.predicting import predict
from eval.publishing.publish import publish

PROGRAM = "python -m agents.selfsup_agent"

OVERVIEW = f"""usage: {PROGRAM} [COMMAND] [OPTIONS]

Learn about objects by touching them, without labels.

commands:
  train            train, evaluate, print where the results are (the default: preset quick)
  evaluate         compare a run with baselines on held-out rooms, or on those of a dataset file
  predict          draw the predictions of a run for one view
  publish          make a folder of a run in the layout of the Hugging Face hub
  import-released  make a run of the weights that the paper's authors released

`{PROGRAM} COMMAND --help` explains one command; these are all commands.
"""

CONTENTS: Mapping[str, str] = {
    "config.json": "what was trained",
    "run.json": "commands, machine, times, targets",
    "metrics.jsonl": "losses, success rates and AP, one line per episode",
    "tensorboard": "the same for `tensorboard --logdir`",
    "checkpoints": "the trained network, by the number of episodes",
    "evaluation.json": "the table above",
    "memory_bank": "stored views and touches; only needed to resume",
}
"""The content of a run folder."""


@dataclass(frozen=True)
class TrainCommand:
    """Train, evaluate on held-out rooms, and print where the results are.

    A preset (smoke: seconds, quick: under 10 minutes on 2 cores, hour, paper) fills the schedule; every value
    of it can be overridden, such as `--schedule.batch-size 8` or `--schedule.stages.0.episodes 10`.
    """

    config: Annotated[TrainConfig, tyro.conf.arg(name="")]
    """What to train."""

    out: Path | None = None
    """Run folder; None means runs/PRESET-SPLIT-seedSEED."""

    resume: bool = False
    """Continue the run in the folder, exactly as if it had not stopped."""

    final_evaluation: bool = True
    """Evaluate the trained network and the baselines after training."""


@dataclass(frozen=True)
class EvaluateCommand(NetworkHeldOut):
    """Compare a run with the untrained network, random points and all superpixels, on held-out rooms.

    The views are sampled in the test rooms of a split, or are those of a dataset file (--dataset).
    """

    dataset: Path | None = None
    """A dataset file in the authors' format, such as NovelObjects__test.json: its locations replace
    those of a split, all of them or as many as --locations states."""

    truth: Literal["file", "simulator"] | None = None
    """What to score against at the locations of a dataset file: its annotations, or what the simulator shows.
    None means the simulator with the embedded one, whose rooms are not those of the authors' files, and else
    the file."""

    simulator: str | None = None
    """Simulator of the views, such as ai2thor; None means the run's own."""


@dataclass(frozen=True)
class ImportCommand:
    """Make a run of the weights that the paper's authors released, for `evaluate` and `predict`.

    The file is a pickle, but no code in it is run. A file that does not match the released network in
    every name, shape and type is refused.
    """

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE")]
    """Weights as released (.pth)."""

    out: Path | None = None
    """Run folder to make; None means runs/released-SPLIT."""

    split: str = "NovelSpaces"
    """What the weights were trained on: NovelSpaces or NovelObjects."""

    simulator: str = "mujoco"
    """Default simulator of `evaluate` and `predict`; the weights were trained in AI2-THOR."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: Always: 0 after success, 2 after a mistake in the arguments, 130 after Ctrl-C.
    """
    run_command_line(_run_command, arguments)


def _run_command(words: Sequence[str]) -> None:
    if list(words) in (["-h"], ["--help"]):
        _explain_everything()
        return
    if not words or words[0].startswith("-"):
        words = ["train", *words]
    choose_command(COMMANDS, OVERVIEW, words)


def _explain_everything() -> None:
    print(OVERVIEW)
    for name, command in COMMANDS.items():
        print(f"{'-' * 20} {name} {'-' * 20}")
        with contextlib.suppress(SystemExit):
            command(["--help"])


def parse_train(words: Sequence[str]) -> TrainCommand:
    """Read the options of `train`.

    The preset, or with `--resume` the configuration saved in the run folder, gives the defaults.

    Args:
        words: The command line after `train`.

    Raises:
        ConfigurationError: There is no such preset, or a value is invalid.
        CheckpointError: The run to continue has no readable configuration.
        SystemExit: tyro has printed the help or an error.
    """
    config, out = default_configuration(TrainConfig, words, default_run_folder)
    return parse_options(TrainCommand, f"{PROGRAM} train", words, TrainCommand(config, out))


def _train(words: Sequence[str]) -> None:
    command = parse_train(words)
    config = command.config
    check_split(config.split)
    check_simulator(config.simulator, config.objects)
    run = command.out or default_run_folder(config.preset, config.split, config.seed)
    from agents.training.run_folder import check_run, first_rank

    # Before torch is loaded and held-out views are made, so that a wrong folder is reported at once.
    check_run(config, run, command.resume)
    from agents.selfsup_agent.training import train
    from agents.training.learner import resolve_device

    resolve_device(config.device)
    again = "" if command.out is None else f" --out {shlex.quote(str(run))}"
    selected = f"--preset {config.preset} --split {config.split} --seed {config.seed}"
    try:
        print(
            f"training: preset {config.preset}, {config.split}, seed {config.seed}, folder {run}", flush=True
        )
        train(config, run, command.resume, monitor(config))
        if not first_rank():
            return
        if command.final_evaluation:
            count = config.schedule.final_evaluation_locations
            evaluate_run(run, config, locations=count, split=config.split, device=config.device)
    except KeyboardInterrupt:
        message = f"Interrupted. Continue: {PROGRAM} train {selected}{again} --resume"
        print(f"\n{message}", file=sys.stderr)
        raise SystemExit(130) from None
    print(f"\nThe results are in {run}:")
    for name, meaning in CONTENTS.items():
        if (run / name).exists():
            print(f"  {name:<18}{meaning}")
    print(f"Draw a prediction: {PROGRAM} predict {run} LOCATION.json --out prediction.png")


def _evaluate(words: Sequence[str]) -> None:
    command = parse_options(EvaluateCommand, f"{PROGRAM} evaluate", words)
    from agents.training.run_folder import load_config

    config = load_config(command.run)
    split, locations = command.choose(config.split)
    config = config.in_world(command.simulator, command.objects)
    check_simulator(config.simulator, command.objects)
    dataset = None
    if command.dataset is not None:
        for option in ("split", "reachable_fraction"):
            given = getattr(command, option)
            name = option.replace("_", "-")
            require(given is None, f"--{name} {given} and --dataset exclude each other; leave one out.")
        dataset = DatasetChoice(command.dataset, command.locations, command.truth)
    else:
        require(command.truth is None, f"--truth {command.truth} needs a --dataset; add one.")
    evaluate_run(
        command.run,
        config,
        locations=locations,
        split=split,
        reachable_fraction=command.reachable_fraction,
        seed=command.seed,
        device=command.device,
        dataset=dataset,
    )


def _predict(words: Sequence[str]) -> None:
    predict_command(f"{PROGRAM} predict", words, predict)


def _publish(words: Sequence[str]) -> None:
    publish_command(PROGRAM, words, publish)


def _import_released(words: Sequence[str]) -> None:
    command = parse_options(ImportCommand, f"{PROGRAM} import-released", words)
    check_split(command.split)
    check_simulator(command.simulator)
    run = command.out or Path("runs") / f"released-{command.split}"
    from agents.selfsup_agent.importing import import_released, released_config

    import_released(command.file, run, released_config(command.split, command.simulator))
    print(f"{command.file.name}, trained on {command.split}, is now the run {run}")
    print(f"Evaluate it: {PROGRAM} evaluate {shlex.quote(str(run))}")


COMMANDS: Mapping[str, Callable[[Sequence[str]], None]] = {
    "train": _train,
    "evaluate": _evaluate,
    "predict": _predict,
    "publish": _publish,
    "import-released": _import_released,
}


if __name__ == "__main__":
    main()
