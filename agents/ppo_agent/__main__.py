"""The command line of PPO: train and evaluate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import tyro

from agents.commands.defaults import default_configuration
from agents.commands.held_out import HeldOut
from agents.commands.options import choose_command, parse_options, run_command_line
from agents.commands.run_argument import RunPath
from agents.ppo_agent.configuration import PROGRAM, SYSTEM, PPOConfig
from agents.registry import registered_agent
from agents.training.configuration import SELF_SUPERVISED
from agents.training.schedule import require
from thor_interact_env.world import world_of

OVERVIEW = f"""usage: {PROGRAM} COMMAND [OPTIONS]

Learn where to touch by reinforcement, with PPO of Stable-Baselines3.

commands:
  train      train, evaluate, and print where the results are
  evaluate   compare a run with random points and a self-supervised run on held-out views

`{PROGRAM} COMMAND --help` explains one command."""


@dataclass(frozen=True)
class TrainCommand:
    """Train, compare with random points on held-out views, and print where the results are."""

    config: tyro.conf.OmitArgPrefixes[PPOConfig] = PPOConfig()  # noqa: RUF009, it is frozen
    """What to train."""

    out: Path | None = None
    """Run folder; None means runs/ppo-PRESET-SPLIT-seedSEED."""

    resume: bool = False
    """Continue the run in the folder from its last checkpoint; its configuration gives the defaults."""

    evaluation_locations: int = 200
    """Held-out locations of the final evaluation; 0: no evaluation."""


@dataclass(frozen=True)
class EvaluateCommand(HeldOut):
    """Compare a run with random points and a self-supervised run, as measured by `eval.benchmark`."""

    compare_with: RunPath | None = None
    """Run folder of a self-supervised agent, or pretrained:NAME."""

    interactions: int = 10
    """Points touched at each location."""


def default_run_folder(preset: str, split: str, seed: int) -> Path:
    """Return where a run is written when no folder is named."""
    return Path("runs") / f"ppo-{preset}-{split}-seed{seed}"


def evaluate_run(
    run: Path,
    split: str,
    locations: int,
    interactions: int = 10,
    seed: int = 0,
    compare_with: Path | None = None,
    objects: str | None = None,
) -> dict[str, Any]:
    """Evaluate a run and its baselines, print the table, and write the file of the results.

    Args:
        run: Run folder, or the folder of one of its checkpoints; `eval.evaluation.reporting.evaluation_file`
            says where the file is written.
        split: `NovelSpaces` or `NovelObjects`.
        locations: Number of views.
        interactions: Points touched at each.
        seed: Seed of the views and the touches.
        compare_with: Run folder of a self-supervised agent, or None.
        objects: Objects that are added to the rooms; None adds none.

    Returns:
        The content of the file: settings, and `rows` (results by agent).

    Raises:
        AgentSourceError: An agent cannot be made from its run.
    """
    from agents.source import AgentSource
    from agents.training.checkpoint import write_json
    from agents.training.run_folder import note_worlds
    from eval.benchmark.benchmark import benchmark_agent, benchmark_table, benchmark_views, floor_of
    from eval.evaluation.reporting import evaluation_file

    own = registered_agent(SYSTEM)
    sources = {own.label: AgentSource(own.agent, {"points": max(interactions, 1)}, run)}
    if compare_with is not None:
        other = registered_agent(SELF_SUPERVISED)
        sources[other.label] = AgentSource(other.agent, {}, compare_with)
    views = benchmark_views(split, locations, seed, objects=objects)
    results = [
        benchmark_agent(source, views, interactions=interactions, seed=seed, label=name)
        for name, source in sources.items()
    ]
    results.append(floor_of(results[0]))
    kept = ("images_per_second", "failed_views")
    written = {
        "split": views.split,
        "objects": views.objects,
        **note_worlds(run, world_of("mujoco", views.objects)),
        "locations": locations,
        "seed": seed,
        "reachable_fraction": views.reachable_fraction,
        "interactions": interactions,
        "rows": {one["label"]: _scores_of(one) | {name: one[name] for name in kept} for one in results},
    }
    print(f"\n{views.split}, {locations} locations, {interactions} points at each:")
    print(benchmark_table(results))
    file = evaluation_file(run, split, objects)
    file.parent.mkdir(exist_ok=True)
    write_json(file, written)  # last: if the disk is full, the scores have been printed
    print(f"written to {file}")
    return written


def _scores_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an agent found and what it moved, together with the intervals of both."""
    parts = [result[name] or {} for name in ("perception", "interaction")]
    scores: dict[str, Any] = {name: value for part in parts for name, value in part.items()}
    intervals = {name: ends for part in parts for name, ends in part.get("intervals", {}).items()}
    return scores | ({"intervals": intervals} if intervals else {})


def _train(words: Sequence[str]) -> None:
    default, out = default_configuration(PPOConfig, words, default_run_folder)
    command = parse_options(TrainCommand, f"{PROGRAM} train", words, TrainCommand(default, out))
    from agents.ppo_agent.training import train
    from agents.training.configuration import check_simulator, check_split
    from agents.training.run_folder import check_run

    config = command.config
    check_split(config.split)
    run = command.out or default_run_folder(config.preset, config.split, config.seed)
    check_run(config, run, command.resume)
    check_simulator("mujoco", config.objects)
    require(
        command.evaluation_locations >= 0,
        f"evaluation_locations is {command.evaluation_locations}; it must be 0 or more.",
    )
    total = config.updates * config.environments * config.steps_per_update
    print(f"training: {total} touches, {config.split}, seed {config.seed}, folder {run}", flush=True)
    train(config, run, command.resume)
    if command.evaluation_locations:
        evaluate_run(run, config.split, command.evaluation_locations, objects=config.objects)
    print(f"\nThe results are in {run}.")


def _evaluate(words: Sequence[str]) -> None:
    command = parse_options(EvaluateCommand, f"{PROGRAM} evaluate", words)

    from agents.training.run_folder import read_config
    from thor_interact_env.simulators.own_objects.elsewhere import ELSEWHERE

    config = read_config(command.run, PPOConfig)
    split, locations = command.choose(config.split)
    objects = None if split == ELSEWHERE else command.objects or config.objects
    require(command.interactions >= 1, f"interactions is {command.interactions}; it must be at least 1.")
    evaluate_run(
        command.run, split, locations, command.interactions, command.seed, command.compare_with, objects
    )


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; see `agents.commands.options.run_command_line`."""
    commands = {"train": _train, "evaluate": _evaluate}
    run_command_line(lambda words: choose_command(commands, OVERVIEW, words), arguments)


if __name__ == "__main__":
    main()
