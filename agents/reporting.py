"""What a run is worth: its table beside the baselines, its targets, and pictures of its predictions.

This is the one place where agents meet eval, inside functions: the agents themselves, and their training,
know nothing of how they are measured.
"""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from agents.configuration import TrainConfig
from agents.schedule import TARGETS, RunError

if TYPE_CHECKING:
    from agents.base import Agent
    from agents.dataset_evaluation import DatasetChoice
    from agents.selfsup_agent import SelfSupervisedAgent
    from eval.evaluation_set import EvaluationSet
    from thor_interact_env.locations import Location
    from thor_interact_env.simulators.base import Instances, Observation

EVALUATION_FILE = "evaluation.json"
MONITORED = ("bbox_ap", "bbox_ap50", "mask_ap", "mask_ap50", "mass_accuracy")
BASELINES_FACTOR = 2.0
"""A run should score this many times what all superpixels as proposals score."""
SUCCESS_FACTOR = 5.0
"""Greedy touches should succeed this many times as often as random ones."""


class PredictionInputError(RunError):
    """What was given to predict from is neither an image with depth nor a location."""


def evaluation_set(
    config: TrainConfig, split: str, locations: int, seed: int, reachable_share: float | None = None
) -> EvaluationSet:
    """Return held-out views in the simulator of a run.

    Args:
        config: The run.
        split: A split with its part, such as `NovelSpaces/test`.
        locations: Number of views.
        seed: Seed of the locations.
        reachable_share: Least share of each view within reach; None takes the run's.

    Raises:
        UnknownSplitError: There is no such split.
    """
    from eval.evaluation_set import views_in_world

    share = config.schedule.reachable_share if reachable_share is None else reachable_share
    return views_in_world(split, locations, seed, share, config.simulator, config.reach)


def monitor(config: TrainConfig) -> Callable[[Agent], dict[str, float]] | None:
    """Return the function that measures AP while a run trains, or None if its schedule asks for none.

    Rooms kept for validation are used where the split has them, else other views of its test rooms.
    """
    if not config.schedule.evaluate_every:
        return None
    from eval.evaluate import evaluate_agent
    from thor_interact_env.splits import SPLITS

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
    reachable_share: float | None = None,
    seed: int = 0,
    device: str = "auto",
    dataset: DatasetChoice | None = None,
    agents: Mapping[str, Agent] | None = None,
) -> dict[str, Any]:
    """Measure a run and its baselines on test rooms, print the table, and write `evaluation.json`.

    Args:
        run: Run folder, or the folder of one of its checkpoints, where the file is written.
        config: The run's configuration.
        locations: Number of views.
        split: `NovelSpaces` or `NovelObjects`.
        reachable_share: Least share of each view within reach; None takes the run's.
        seed: Seed of the views, and of the random baseline.
        device: Where to run the networks.
        dataset: A dataset file, whose locations are taken in place of `locations`, `split` and
            `reachable_share`.
        agents: What to measure, by name; None takes the self-supervised agent of the run and its baselines.

    Returns:
        What was written: settings, `rows` (results by agent), `targets`.

    Raises:
        CheckpointError: The run has no readable checkpoint.
        ConfigurationError: There is no such device.
        DatasetError: The dataset file is none.
    """
    from agents.checkpoint import write_json
    from agents.dataset_evaluation import choose_views, described, remarks
    from agents.random_agent import RandomAgent
    from agents.run_folder import note_worlds
    from agents.selfsup_agent import SelfSupervisedAgent
    from agents.superpixel_agent import SuperpixelAgent
    from eval.bootstrap import RESAMPLES
    from eval.evaluate import comparison_table, evaluate_agent
    from thor_interact_env.datasets.fingerprint import world_of

    if agents is None:
        agents = {
            "self-supervised": SelfSupervisedAgent.from_run(run, device),
            "untrained network": SelfSupervisedAgent.untrained(
                config.seed, device, config.force_branch, config.network
            ),
            "random points": RandomAgent(seed=seed),
            "all superpixels": SuperpixelAgent(),
        }
    started = time.perf_counter()
    seen = None if dataset is None else choose_views(config, dataset)
    if seen is None:
        held_out = evaluation_set(config, f"{split}/test", locations, seed, reachable_share)
    else:
        held_out = seen.views
    own = next(iter(agents))  # intervals of the baselines would cost as much as their scores
    rows = {
        name: evaluate_agent(each, held_out, progress=None, resamples=RESAMPLES if name == own else 0)
        for name, each in agents.items()
    }
    success = recent_success(run)
    compared = held_out.split == f"{config.split}/test" and {"self-supervised", "all superpixels"} <= set(
        rows
    )
    reached = targets(config, rows, success) if compared else []
    result = {
        "split": held_out.split,
        "simulator": config.simulator,
        **note_worlds(run, world_of(config.simulator)),
        "locations": len(held_out),
        "seed": seed,
        "reachable_share": held_out.reachable_share,
        "reach": config.reach,
        "rows": rows,
        "training_success": success,
        "targets": reached,
        "seconds": round(time.perf_counter() - started, 1),
    }
    if seen is not None:
        result["dataset"] = described(seen)
    write_json(run / EVALUATION_FILE, result)
    objects = sum(len(truth) for truth in held_out.truths)
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
    return result


def recent_success(run: Path) -> dict[str, float]:
    """Return the success rates of greedy and random touches in the last quarter of training.

    Args:
        run: The run folder.

    Returns:
        `greedy` and `random` in 0..1; empty where there is nothing to go by.
    """
    from agents.metrics import read_metrics

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
    """Compare a run with what its preset should reach.

    Args:
        config: The run.
        rows: Results by agent, of `eval.evaluate.evaluate_agent`.
        success: As returned by `recent_success`.

    Returns:
        One entry per target: `name`, `value`, `target`, `reached`; none for a preset without targets.
    """
    measured_in = (config.split, config.simulator)
    if config.preset not in TARGETS or measured_in != ("NovelSpaces", "mujoco"):
        return []
    found, superpixels = rows["self-supervised"], rows["all superpixels"]
    wanted = {f"{name} >= {least:g}": (found[name], least) for name, least in TARGETS[config.preset].items()}
    for name in TARGETS[config.preset]:
        least = BASELINES_FACTOR * superpixels[name]
        wanted[f"{name} >= {BASELINES_FACTOR:g} x all superpixels"] = (found[name], least)
    if success:
        name = f"greedy success >= {SUCCESS_FACTOR:g} x random success"
        wanted[name] = (success["greedy"], SUCCESS_FACTOR * success["random"])
    return [
        {"name": name, "value": value, "target": target, "reached": bool(value >= target)}
        for name, (value, target) in wanted.items()
    ]


def predict(
    run: Path,
    image_or_location: str,
    out: Path,
    depth: Path | None = None,
    device: str = "auto",
    simulator: str | None = None,
) -> None:
    """Write the six panels of one view.

    Args:
        run: Run folder, or the folder of one of its checkpoints.
        image_or_location: See `read_view`.
        out: Picture to write.
        depth: Depth of a PNG image.
        device: Where to run the network.
        simulator: Where a location is; None takes the run's.

    Raises:
        CheckpointError: The run has no readable checkpoint.
        PredictionInputError: The input is neither an image with depth nor a location, or `out` is no PNG.
        ThorInteractError: There is no such location.
    """
    from agents.run_folder import load_config

    config = load_config(run)
    config = replace(config, simulator=simulator or config.simulator)
    given = read_view(image_or_location, depth)
    if out.suffix.lower() != ".png":
        raise PredictionInputError(f"{out} must end in .png.")
    if not out.parent.is_dir():
        raise PredictionInputError(f"The folder {out.parent} of {out.name} does not exist; create it first.")
    from agents.selfsup_agent import SelfSupervisedAgent
    from eval.figures import six_panels, write_png
    from thor_interact_env.simulators.base import Observation

    agent = SelfSupervisedAgent.from_run(run, device)
    truth, supervision = None, None
    if isinstance(given, Observation):
        observation = given
    else:
        observation, truth, supervision = _visit(config, given, agent)
    instances = agent.propose(observation)
    scores, force = agent.maps(observation)
    write_png(out, six_panels(observation, instances, scores, force, truth, supervision))
    print(f"{len(instances)} instances; picture written to {out}")


def read_view(text: str, depth: Path | None = None) -> Observation | Location:
    """Return the view or the location that a word of the command line stands for.

    Args:
        text: A .npz with `rgb` and `depth`, a .png, a .json with a location, or a location as JSON text.
        depth: A .npy with the depth of the .png.

    Raises:
        PredictionInputError: It is none of them, or an array has another shape.
        InvalidLocationError: A field of the location is missing or wrong.
    """
    if text.lstrip().startswith("{"):
        return _location(text, "the JSON text")
    path = Path(text)
    if not path.is_file():
        raise PredictionInputError(f"{path} is neither a file nor a location as JSON text.")
    if path.suffix == ".json":
        return _location(path.read_text(encoding="utf-8", errors="replace"), str(path))
    if path.suffix == ".npz":
        arrays = _arrays(path)
        missing = {"rgb", "depth"} - set(arrays)
        if missing:
            raise PredictionInputError(f"{path} lacks {', '.join(sorted(missing))}; it needs rgb and depth.")
        return _observation(path, arrays["rgb"], arrays["depth"])
    if path.suffix == ".png":
        if depth is None:
            raise PredictionInputError(f"{path} has no depth; add --depth FILE.npy with (300, 300) metres.")
        if not depth.is_file():
            raise PredictionInputError(f"The depth file {depth} does not exist.")
        import cv2

        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise PredictionInputError(f"{path} is not a PNG image.")
        return _observation(path, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), _arrays(depth)["depth"])
    raise PredictionInputError(f"{path} is not a .npz, .png or .json file.")


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a .npz by name, or that of a .npy as `depth`."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"depth": loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise PredictionInputError(f"{path} cannot be read as NumPy arrays ({error}).") from None


def _observation(path: Path, rgb: npt.NDArray[Any], depth: npt.NDArray[Any]) -> Observation:
    from thor_interact_env.actions import IMAGE_SIZE
    from thor_interact_env.simulators.base import Observation

    size = (IMAGE_SIZE, IMAGE_SIZE)
    if rgb.shape != (*size, 3) or rgb.dtype != np.uint8:
        raise PredictionInputError(f"{path}: rgb is {rgb.dtype} {rgb.shape}; it must be uint8 {(*size, 3)}.")
    if depth.shape != size or not np.issubdtype(depth.dtype, np.floating):
        raise PredictionInputError(
            f"{path}: depth is {depth.dtype} {depth.shape}; it must be float {size}, in metres."
        )
    if not np.isfinite(depth).all() or (depth < 0).any():
        raise PredictionInputError(
            f"{path}: depth has values that are negative or not finite; it is in metres."
        )
    return Observation(np.ascontiguousarray(rgb), np.ascontiguousarray(depth, np.float32))


def _location(text: str, source: str) -> Location:
    from thor_interact_env.locations import Location

    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise PredictionInputError(f"{source} is not JSON ({error}).") from None
    if isinstance(values, dict):
        # An entry of the authors' data sets keeps its location inside.
        values = values.get("thor_meta", values)
    return Location.from_json(values)


def _visit(
    config: TrainConfig, location: Location, agent: SelfSupervisedAgent
) -> tuple[Observation, Instances, npt.NDArray[np.bool_]]:
    """Look at a location, ask for its ground truth, and touch the points that the agent proposes."""
    from agents.interact import InteractionSchedule, interact
    from thor_interact_env.env import ThorInteractEnv

    def points(observation: Observation) -> list[tuple[int, int, int]]:
        return [(*instance.point, instance.force) for instance in agent.propose(observation)]

    schedule = InteractionSchedule(agent.max_instances, 0, config.schedule.stages[-1].joint)
    env = ThorInteractEnv(locations=[location], interactions=schedule.steps, **config.environment())
    try:
        observation = env.simulator.load(location)
        truth = env.simulator.instances()
        record = interact(env, location, points, schedule, np.random.default_rng(config.seed))
    finally:
        env.close()
    return observation, truth, record.experience.masks
