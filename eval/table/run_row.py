"""One row of the tables: its run folder, training and evaluation."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from agents.base import propose_all
from agents.registry import Row, registered_agent
from agents.training.configuration import SELF_SUPERVISED, check_split
from agents.training.schedule import RunError, require
from eval.table.row_results import EVALUATION_FILE
from eval.table.rows import configuration_of, label_of, row
from thor_interact_env.world import world_of

if TYPE_CHECKING:
    from agents.base import Agent
    from agents.training.configuration import TrainConfig
    from eval.views.evaluation_set import EvaluationSet


@dataclass(frozen=True)
class RunOptions:
    """Train and evaluate one row. A finished row is not repeated, and an interrupted one continues."""

    row: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ROW")]
    """Letter of the row; see `python -m eval.table rows`."""

    split: str = "NovelSpaces"
    """NovelSpaces or NovelObjects."""

    preset: str = "quick"
    """Size of the run: smoke (seconds), quick (minutes), hour or paper."""

    seed: int = 0
    """Seed of the run. The held-out locations are the same for all."""

    out: Path = Path("runs/table")
    """Folder of the table; the run folder ROW-SPLIT-PRESET-seedSEED is made in it."""

    locations: int | None = None
    """Held-out locations of the evaluation; None takes the preset's number."""

    interactions: int = 10
    """Points touched at a location for the interaction metrics, and as many random ones; 0: none."""

    touched_locations: int = 40
    """Held-out locations that are touched for the interaction metrics, spread over all."""

    device: str = "auto"
    """Where to run the network: auto, cpu, cuda, ..."""

    workers: int | None = None
    """Processes that collect; None takes as many as there are cores."""

    measure_again: bool = False
    """Measure a finished row again if it was measured at other numbers of locations or points, and replace
    its results. If off, that is an error."""


def run_row(options: RunOptions) -> dict[str, Any]:
    """Finish one row: train the rest, evaluate, write `evaluation.json`.

    Args:
        options: The options.

    Returns:
        The content of the file: as `eval.evaluation.reporting.evaluate_run` writes it, with `interaction`
        (`eval.evaluation.touching.touch_everywhere`) and `table` (row, name, system, split, preset, seed).

    Raises:
        RunError: There is no such row or preset, the folder holds another run, or a checkpoint is damaged.
        ThorInteractError: There is no such split.
        DependencyNotInstalled: The row needs a library that is not installed.
    """
    check_options(options)
    chosen = row(options.row)
    done = finished_row(options)
    run = run_folder(options)
    if done is not None:
        print(f"row {chosen.letter} is already finished: {run}")
        return done
    if (run / EVALUATION_FILE).exists():
        print(f"row {chosen.letter} is finished and measured again: {run}")
    config = _configuration(options)
    base = config.counterpart()
    from agents.training.run_folder import notes_of, worlds_of

    world = world_of(base.simulator)
    began_in = set(worlds_of(notes_of(run))) - {world}
    require(not began_in, _other_world(run, "begun", began_in, world))
    agent = _train(chosen, config, base, run)
    evaluation = _evaluate(agent, chosen, base, run, options.split, _size(options, base))
    result = {**evaluation, "table": _identity(options)}
    from agents.training.checkpoint import write_json

    write_json(run / EVALUATION_FILE, result)
    return result


def command_of(options: RunOptions) -> list[str]:
    """Return the words of the command that makes a row, without its folder."""
    words = ["python", "-m", "eval.table", "run", options.row]
    for name in ("split", "preset", "seed", "locations"):
        value = getattr(options, name)
        words += [] if value is None else [f"--{name}", str(value)]
    for name in ("interactions", "touched_locations"):
        value = getattr(options, name)
        words += [] if value == getattr(RunOptions, name) else [f"--{name.replace('_', '-')}", str(value)]
    return words


def check_options(options: RunOptions) -> None:
    """Check that a row can be run.

    Raises:
        RunError: There is no such row or preset, or an option is outside its range.
        ThorInteractError: There is no such split.
    """
    check_split(options.split)
    require(options.seed >= 0, f"seed is {options.seed}; it must be 0 or more.")
    for name, minimum in (("interactions", 0), ("touched_locations", 1)):
        value = getattr(options, name)
        require(value >= minimum, f"{name} is {value}; it must be at least {minimum}.")
    require(
        options.locations is None or options.locations >= 1,
        f"locations is {options.locations}; it must be at least 1, or none for the preset's number.",
    )
    _configuration(options)


def finish_row(options: RunOptions) -> None:
    """Finish one row, with every failure that a user can remedy as a `RunError`; see `run_row`."""
    from agents.collection.collect import CollectionError
    from selfsup.memory_bank import MemoryBankError

    try:
        run_row(options)
    except (CollectionError, MemoryBankError, FloatingPointError) as error:
        raise RunError(str(error)) from error


def run_folder(options: RunOptions) -> Path:
    """Return the run folder of a row."""
    return options.out / f"{options.row}-{options.split}-{options.preset}-seed{options.seed}"


def finished_row(options: RunOptions) -> dict[str, Any] | None:
    """Return the evaluation of a finished row; None if there is none, or one of another size to replace.

    Args:
        options: The row.

    Raises:
        RunError: Its folder holds another row, a damaged file, a row of another version of the world, or one
            of another size that is not to be replaced.
    """
    run = run_folder(options)
    path = run / EVALUATION_FILE
    if not path.exists():
        return None
    base = _configuration(options).counterpart()
    size, world = _size(options, base), world_of(base.simulator)
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        said, sizes = values["table"], {name: values.get(name) for name in size}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{path} is not the evaluation of a row ({error!r}); delete it to make it again."
        ) from None
    require(said == _identity(options), f"{run} holds another row ({said}); name another --out.")
    seen = {values.get("world", "one that it does not name"), *values.get("learned_in", [])}
    require(seen == {world}, _other_world(run, "measured", seen, world))
    if sizes == size:
        return values
    others = {name: value for name, value in sizes.items() if value != size[name]}
    there = ", ".join(f"{name} {value}, not {size[name]}" for name, value in others.items())
    same = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in others.items())
    kept = "" if None in others.values() else f", or {same} to keep them"
    require(
        options.measure_again,
        f"{run} is finished and was measured with {there}: add --measure-again to replace its results{kept}.",
    )
    return None


def _configuration(options: RunOptions) -> Any:
    settings = {name: getattr(options, name) for name in ("split", "seed", "device", "workers")}
    return configuration_of(row(options.row), options.preset, **settings)


def _identity(options: RunOptions) -> dict[str, Any]:
    chosen = row(options.row)
    return {
        "row": chosen.letter,
        "name": chosen.name,
        "system": chosen.agent,
        "split": options.split,
        "preset": options.preset,
        "seed": options.seed,
    }


def _size(options: RunOptions, base: TrainConfig) -> dict[str, int]:
    return {
        "locations": options.locations or base.schedule.final_evaluation_locations,
        "interactions": options.interactions,
        "touched_locations": options.touched_locations,
    }


def _other_world(run: Path, what: str, seen: set[str], world: str) -> str:
    return (
        f"{run} was {what} in another version of the world ({', '.join(sorted(seen))}) than the present "
        f"one ({world}): name another --out, or delete it."
    )


def _train(chosen: Row, config: Any, base: TrainConfig, run: Path) -> Agent:
    """Train a row, or continue it; a finished run is not changed, and needs no memory bank."""
    learner = registered_agent(chosen.agent)
    if _is_trained(config, run):
        from agents.training.run_folder import check_run

        check_run(config, run, resume=True)
        return learner.from_run(run, base.device)
    resume = (run / "config.json").exists()
    print(
        f"row {chosen.letter}, {chosen.name}: {base.preset}, {base.split}, seed {base.seed}, folder {run}",
        flush=True,
    )
    from eval.evaluation.reporting import monitor

    return learner.learn(config, run, resume, monitor(base) if learner.monitored else None)


def _is_trained(config: Any, run: Path) -> bool:
    """Return whether the folder of a run says that its last episode is done."""
    from agents.training.run_folder import notes_of

    schedule = config.schedule
    last = getattr(schedule, "total_episodes", getattr(schedule, "episodes", None))
    return last is not None and notes_of(run).get("episodes") == last


def _evaluate(
    agent: Agent, chosen: Row, base: TrainConfig, run: Path, split: str, size: Mapping[str, int]
) -> dict[str, Any]:
    from agents.selfsup_agent.agent import SelfSupervisedAgent
    from agents.training.run_folder import note_worlds
    from eval.evaluation.evaluate import comparison_table, evaluate_agent
    from eval.evaluation.reporting import NOT_REFINED, evaluation_set, recent_success
    from eval.metrics.bootstrap import RESAMPLES

    started = time.perf_counter()
    held_out = evaluation_set(base, f"{split}/test", size["locations"], seed=0)
    label = label_of(chosen.agent)
    measured: dict[str, Agent] = {label: agent}
    if isinstance(agent, SelfSupervisedAgent) and agent.refined:
        measured[NOT_REFINED] = agent.without_refinement()
    rows = {
        name: evaluate_agent(each, held_out, progress=None, resamples=RESAMPLES)
        for name, each in measured.items()
    }
    print(f"\n{held_out.split}, {len(held_out)} locations; scores in percent:")
    print(comparison_table(rows))
    return {
        "split": held_out.split,
        **note_worlds(run, world_of(base.simulator)),
        **size,
        "seed": 0,
        "reachable_fraction": base.schedule.reachable_fraction,
        "reach": base.reach,
        "rows": rows,
        "training": training_of(run),
        "training_success": recent_success(run) if chosen.agent == SELF_SUPERVISED else {},
        "interaction": _touch(agent, base, held_out, size["interactions"], size["touched_locations"]),
        "targets": [],
        "seconds": round(time.perf_counter() - started, 1),
    }


def training_of(run: Path) -> dict[str, Any]:
    """Return what the training of a run took.

    Args:
        run: The run folder.

    Returns:
        `locations`, `touches`, `updates`, `seconds` of wall-clock and `processor_seconds` of CPU time, each
        None where the run does not say, and `hardware` and `versions`.
    """
    from agents.training.metrics import read_metrics
    from agents.training.run_folder import notes_of

    notes, metrics = notes_of(run), read_metrics(run)
    kinds = ("greedy_touches", "random_touches", "touches")
    last = {name: value for row in metrics for name, value in row.items()}
    return {
        "locations": last.get("locations"),
        "touches": sum(row.get(kind, 0) for row in metrics for kind in kinds) if metrics else None,
        "updates": last.get("updates"),
        "seconds": notes.get("training_seconds"),
        "processor_seconds": notes.get("training_processor_seconds"),
        "hardware": notes.get("hardware"),
        "versions": notes.get("versions"),
    }


def _touch(
    agent: Agent, base: TrainConfig, held_out: EvaluationSet, interactions: int, locations: int
) -> dict[str, Any] | None:
    """Touch what the agent proposes at some of the locations, and random points."""
    if not interactions:
        return None
    from eval.evaluation.touching import touch_everywhere
    from thor_interact_env.simulators import make_simulator

    views = held_out.spread(locations)
    simulator = make_simulator(base.simulator, reach=base.reach)
    try:
        predictions = [each for found in propose_all(agent, views.observations) for each in found]
        touched = touch_everywhere(predictions, views, interactions, simulator=simulator)
    finally:
        simulator.close()
    return None if touched is None else {**touched, "touched_locations": len(views)}
