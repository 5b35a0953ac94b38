"""The evaluation of a run: its table with the baselines, and its targets.

The entry points of the agents call this; the agents and their training do not depend on
it. Modules that load torch are imported inside the functions, so that `--help` is fast.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.artefacts import is_artefact
from agents.registration import SUPERPIXELS
from agents.registry import baselines, registered_agent
from agents.training.configuration import SELF_SUPERVISED, TrainConfig
from agents.training.presets import TARGETS

if TYPE_CHECKING:
    from agents.base import Agent
    from eval.evaluation.dataset_evaluation import DatasetChoice
    from eval.views.evaluation_set import EvaluationSet

EVALUATION_FILE = "evaluation.json"
RESULTS = Path("runs")
"""Folder of the evaluations of agents that come with the package."""
NOT_REFINED = "its instances, not refined"
"""Row of a self-supervised agent with refined instances, by the paper's algorithm."""
MONITORED = ("bbox_ap", "bbox_ap50", "mask_ap", "mask_ap50", "mass_accuracy")
BASELINES_FACTOR = 2.0
"""Target of a run's scores as a multiple of those of all superpixels."""
SUCCESS_FACTOR = 5.0
"""Target of the success of greedy touches as a multiple of that of random ones."""


def evaluation_set(
    config: TrainConfig, split: str, locations: int, seed: int, reachable_fraction: float | None = None
) -> EvaluationSet:
    """Return held-out views in the simulator of a run, whose rooms hold the run's objects.

    Args:
        config: The run.
        split: A split with its part, such as `NovelSpaces/test`, or `Elsewhere/test`, which has its own
            objects and not the run's.
        locations: Number of views.
        seed: Seed of the locations.
        reachable_fraction: Minimum fraction of each view within reach; None takes the run's.

    Raises:
        UnknownSplitError: There is no such split.
    """
    from eval.views.worlds import ELSEWHERE_TEST, views_in_world

    objects = None if split == ELSEWHERE_TEST else config.objects
    fraction = config.schedule.reachable_fraction if reachable_fraction is None else reachable_fraction
    return views_in_world(split, locations, seed, fraction, config.simulator, config.reach, objects)


def monitor(config: TrainConfig) -> Callable[[Agent], dict[str, float]] | None:
    """Return the function that evaluates AP during training, or None if its schedule has none.

    Validation rooms are used if the split has them, else other views of its test rooms.
    """
    if not config.schedule.evaluate_every:
        return None
    from eval.evaluation.evaluate import evaluate_agent
    from thor_interact_env.locations.splits import SPLITS

    validated = f"{config.split}/val" in SPLITS
    split, seed = (f"{config.split}/val", 0) if validated else (f"{config.split}/test", 1)
    held_out = evaluation_set(config, split, config.schedule.evaluation_locations, seed)

    def evaluate(agent: Agent) -> dict[str, float]:
        result = evaluate_agent(agent, held_out)
        return {name: float(result[name]) for name in MONITORED if result.get(name) is not None}

    return evaluate


def evaluate_run(
    run: Path,
    config: TrainConfig,
    locations: int,
    split: str,
    reachable_fraction: float | None = None,
    seed: int = 0,
    device: str = "auto",
    dataset: DatasetChoice | None = None,
    agents: Mapping[str, Agent] | None = None,
) -> dict[str, Any]:
    """Evaluate a run and its baselines on test rooms, print the table, and write `evaluation_file`.

    Args:
        run: Run folder, or the folder of one of its checkpoints.
        config: The run's configuration.
        locations: Number of views.
        split: `NovelSpaces` or `NovelObjects`.
        reachable_fraction: Minimum fraction of each view within reach; None takes the run's.
        seed: Seed of the views, and of the random baseline.
        device: Device of the networks.
        dataset: A dataset file, whose locations replace `locations`, `split` and
            `reachable_fraction`.
        agents: The agents by name; None takes the self-supervised agent of the run and its baselines.

    Returns:
        The content of the file: settings, `rows` (results by agent), `targets`.

    Raises:
        CheckpointError: The run has no readable checkpoint.
        ConfigurationError: There is no such device.
        DatasetError: The file is not a dataset.
    """
    from agents.selfsup_agent.agent import SelfSupervisedAgent
    from agents.training.checkpoint import write_json
    from agents.training.run_folder import note_worlds
    from eval.evaluation.dataset_evaluation import choose_views, described, remarks
    from eval.evaluation.evaluate import comparison_table, evaluate_agent
    from eval.evaluation.own_objects import own_truths
    from eval.metrics.bootstrap import RESAMPLES
    from thor_interact_env.world import world_of

    if agents is None:
        trained = SelfSupervisedAgent.from_run(run, device)
        agents = {
            registered_agent(SELF_SUPERVISED).label: trained,
            **({NOT_REFINED: trained.without_refinement()} if trained.refined else {}),
            "untrained network": SelfSupervisedAgent.untrained(
                config.seed, device, config.force_branch, config.network
            ),
            **baselines(seed),
        }
    started = time.perf_counter()
    seen = None if dataset is None else choose_views(config, dataset)
    if seen is None:
        held_out = evaluation_set(config, f"{split}/test", locations, seed, reachable_fraction)
    else:
        held_out = seen.views
    own = next(iter(agents))  # intervals of the baselines would cost as much as their scores
    rows = {
        name: evaluate_agent(each, held_out, progress=None, resamples=RESAMPLES if name == own else 0)
        for name, each in agents.items()
    }
    success = recent_success(run)
    both = {registered_agent(SELF_SUPERVISED).label, registered_agent(SUPERPIXELS).label}
    compared = held_out.split == f"{config.split}/test" and both <= set(rows)
    reached = targets(config, rows, success) if compared else []
    result = {
        "split": held_out.split,
        "simulator": config.simulator,
        "objects": held_out.objects,
        **note_worlds(run, world_of(config.simulator, held_out.objects)),
        "locations": len(held_out),
        "seed": seed,
        "reachable_fraction": held_out.reachable_fraction,
        "reach": config.reach,
        "rows": rows,
        "training_success": success,
        "targets": reached,
        "seconds": round(time.perf_counter() - started, 1),
    }
    if seen is not None:
        result["dataset"] = described(seen)
    counted = held_out.truths if held_out.objects is None else own_truths(held_out)
    objects = sum(len(truth) for truth in counted)
    print(f"\n{held_out.split}, {len(held_out)} locations, {objects} objects in reach; scores in percent:")
    print(comparison_table(rows))
    for remark in [] if seen is None else remarks(seen):
        print(remark)
    if success:
        print(
            f"touches with success, last quarter of training: greedy {success['greedy']:.1%}, "
            f"random {success['random']:.1%}"
        )
    for target in reached:
        print(
            f"{target['name']}: {target['value']:.3f}, target {target['target']:.3f}, "
            f"{'reached' if target['reached'] else 'NOT reached'}"
        )
    file = evaluation_file(
        run, split, config.objects, config.simulator, None if dataset is None else dataset.path
    )
    file.parent.mkdir(exist_ok=True)
    write_json(file, result)  # last: if the disk is full, the scores have been printed
    print(f"written to {file}")
    return result


def evaluation_file(
    run: Path,
    split: str | None = None,
    objects: str | None = None,
    simulator: str | None = None,
    dataset: Path | None = None,
) -> Path:
    """Return the file to which an evaluation is written.

    That on the run's own split, with its own objects and simulator, is `evaluation.json`, from which a model
    card and a report are made. Another one does not replace it: its name states in what it differs, such as
    `evaluation-Elsewhere.json`.

    Args:
        run: A run folder, or the folder of one of its checkpoints: the file is in it. Of an artefact
            (`agents.artefacts`), whose own file belongs to its model card, and of a finished row of
            `eval.table`, whose own file is the row's result: in `runs/`, named after it.
        split: Whose test rooms were seen; None means the run's own.
        objects: Objects that were added to the rooms; None means the run's own, and with the split Elsewhere
            any means those of the split.
        simulator: The simulator; None means the run's own.
        dataset: The dataset file whose locations took the place of a split.

    Raises:
        CheckpointError: The run's configuration is not JSON.
    """
    from agents.training.checkpoint import read_json
    from agents.training.run_folder import config_file
    from thor_interact_env.simulators.own_objects.elsewhere import ELSEWHERE

    path = config_file(run)
    own = read_json(path, "name the folder of a run.") if path.exists() else {}
    place = dataset.stem if dataset is not None else split or own.get("split", "")
    others = []
    if objects is not None and split != ELSEWHERE and objects != own.get("objects"):
        others.append(Path(objects).name)
    if simulator is not None and simulator != own.get("simulator", "mujoco"):
        others.append(simulator)
    if others or dataset is not None or place != own.get("split", place):
        others.insert(0, place)
    elsewhere = is_artefact(run) or _is_row(run / EVALUATION_FILE)
    words = ["evaluation", *([run.name] if elsewhere else []), *others]
    name = "-".join(re.sub(r"[^A-Za-z0-9._-]+", "-", word) for word in words)
    return (RESULTS if elsewhere else run) / f"{name}.json"


def _is_row(file: Path) -> bool:
    try:
        return "table" in json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def recent_success(run: Path) -> dict[str, float]:
    """Return the success rates of greedy and random touches in the last quarter of training.

    Args:
        run: The run folder.

    Returns:
        `greedy` and `random` in 0..1; empty without records.
    """
    from agents.training.metrics import read_metrics

    rows = [row for row in read_metrics(run) if row.get("greedy_touches") and row.get("random_touches")]
    rows = rows[-max(len(rows) // 4, 1) :]
    if not rows:
        return {}
    return {
        kind: sum(row[f"{kind}_success"] * row[f"{kind}_touches"] for row in rows)
        / sum(row[f"{kind}_touches"] for row in rows)
        for kind in ("greedy", "random")
    }


def targets(
    config: TrainConfig, rows: Mapping[str, Mapping[str, Any]], success: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Compare a run with the targets of its preset.

    Args:
        config: The run.
        rows: Results by agent, of `eval.evaluation.evaluate.evaluate_agent`.
        success: As returned by `recent_success`.

    Returns:
        One entry per target: `name`, `value`, `target`, `reached`; none for a preset without targets.
    """
    measured_in = (config.split, config.simulator, config.objects)
    if config.preset not in TARGETS or measured_in != ("NovelSpaces", "mujoco", None):
        return []
    floor = registered_agent(SUPERPIXELS).label
    found, superpixels = rows[registered_agent(SELF_SUPERVISED).label], rows[floor]
    wanted = {
        f"{name} >= {minimum:g}": (found[name], minimum) for name, minimum in TARGETS[config.preset].items()
    }
    for name in TARGETS[config.preset]:
        minimum = BASELINES_FACTOR * superpixels[name]
        wanted[f"{name} >= {BASELINES_FACTOR:g} x {floor}"] = (found[name], minimum)
    if success:
        name = f"greedy success >= {SUCCESS_FACTOR:g} x random success"
        wanted[name] = (success["greedy"], SUCCESS_FACTOR * success["random"])
    return [
        {"name": name, "value": value, "target": target, "reached": bool(value >= target)}
        for name, (value, target) in wanted.items()
    ]
