"""Any agent, also of a user, on any split: `python -m eval.benchmark --agent package.module:Class`.

An agent is any class with `propose(observation) -> list[Instance]` (`agents.base.Agent`). It is shown every
view once, in a supervised process (`eval.benchmark.agent_process`), and its proposals are used twice:

* Perception, if any instance has a mask, or nothing was proposed at all:
  `eval.evaluation.evaluate.evaluate_predictions`, the numbers of the paper's tables 1 and 2.
* Interaction, always: its points are touched in order at each location, with forces tried by escalation, by
  the same function as in training (`agents.collection.interact.interact`); then, after a reset, the same
  number of random points, as a lower bound.

A view at which the agent fails counts as one without proposals and is listed with its location; the other
views are not affected.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from tqdm.auto import tqdm

from agents.artefacts import run_name
from agents.commands.options import parse_options, run_command_line
from agents.commands.run_argument import RunPath
from agents.registry import registered_agent
from agents.source import AgentSource
from agents.training.configuration import check_simulator
from agents.training.schedule import require
from eval.benchmark.agent_process import AgentProcess, Answer
from eval.benchmark.leaderboard import append_to_leaderboard
from eval.benchmark.views import benchmark_views
from eval.evaluation.evaluate import cell, comparison_table, evaluate_predictions
from eval.evaluation.own_objects import own_truths
from eval.evaluation.touching import touch_everywhere
from eval.metrics.bootstrap import RESAMPLES
from eval.views.evaluation_set import EvaluationSet
from thor_interact_env.files import write_whole
from thor_interact_env.simulators.base import Simulator
from thor_interact_env.world import world_of

PROGRAM = "python -m eval.benchmark"

COLUMNS: Mapping[str, str] = {
    "greedy_success_rate": "its points",
    "random_success_rate": "random",
    "objects_per_location": "objects/location",
    "objects_per_interaction": "objects/point",
    "bbox_ap50": "bbox AP50",
    "bbox_ap": "bbox AP",
    "mask_ap50": "mask AP50",
    "mask_ap": "mask AP",
    "mass_accuracy": "mass",
    "mass_bbox_ap50": "mass+box AP50",
    "images_per_second": "images/s",
    "failed_views": "failed",
}
"""Results of `benchmark_table` and their headings. Success rates, AP and mass accuracy are in percent."""


RESULTS = Path("runs")
"""Default folder of results."""


@dataclass(frozen=True)
class BenchmarkOptions:
    """Evaluate any agent on held-out views: its instances, and the objects that its touches move."""

    agent: str
    """The class, package.module:Class, such as examples.my_agent:NearestSuperpixels; or the name of a
    registered agent: with --run one that learns, such as self_supervised, or alone a baseline that does not,
    such as superpixels."""

    split: str = "NovelObjects"
    """Whose test rooms: NovelObjects or NovelSpaces; or Elsewhere: objects of other people in rooms of
    NovelSpaces; or a split with its part, such as NovelSpaces/val; or all: every room of the simulator."""

    simulator: str = "mujoco"
    """The simulator: mujoco (embedded), mjcf (scenes on disk, named by THOR_INTERACT_MJCF) or ai2thor."""

    objects: Path | None = None
    """Folder of objects that are added to the rooms, and counted, or Elsewhere (docs/objects.md); None adds
    none."""

    locations: int = 200
    """Number of views; the same as in `evaluate` of a run."""

    interactions: int = 10
    """Points of the agent touched at each location, the best first, and random ones; 0 touches none."""

    agent_options: str = "{}"
    """Keyword arguments of the class, or of its from_run, as JSON text."""

    run: RunPath | None = None
    """Run folder, or pretrained:NAME; the agent is then made by its class method from_run."""

    time_budget: float = 60.0
    """Maximum seconds for a view; after these the agent is stopped. Its first view may take longer."""

    start_budget: float = 120.0
    """Maximum seconds to make the agent, and for its first view in addition to the budget."""

    shipped: bool = False
    """Use locations that come with the package, evenly chosen, instead of the evaluation set."""

    seed: int = 0
    """Seed of the views and of the touches."""

    label: str | None = None
    """Name in tables; None takes the agent's."""

    leaderboard: Path = RESULTS / "leaderboard.jsonl"
    """JSON-lines file to append the result to; `eval.report --leaderboard` shows it."""

    out: Path | None = None
    """JSON file to write the result to, every failure and its location included; None means
    runs/benchmark-LABEL-SPLIT-TIME.json."""

    def check(self) -> None:
        """Raise `ConfigurationError` if a number is outside its range, or the simulator is unknown."""
        check_simulator(self.simulator)
        for name, minimum in (("locations", 1), ("interactions", 0), ("seed", 0)):
            value = getattr(self, name)
            require(value >= minimum, f"{name} is {value}; it must be {minimum} or more.")
        for name in ("time_budget", "start_budget"):
            value = getattr(self, name)
            require(0 < value < float("inf"), f"{name} is {value}; it must be a positive number of seconds.")

    def source(self) -> AgentSource:
        """Return the source of the agent.

        Raises:
            ConfigurationError: The options are not a JSON object, or no agent of this name is registered.
        """
        try:
            options = json.loads(self.agent_options)
            json.dumps(options, allow_nan=False)
        except ValueError as error:
            options = error
        require(
            isinstance(options, dict),
            f"agent_options is {self.agent_options!r}, not a JSON object such as '{{\"seed\": 1}}'"
            + (f" ({options})." if isinstance(options, Exception) else "."),
        )
        if ":" in self.agent:
            return AgentSource(self.agent, options, self.run)
        registered = registered_agent(self.agent)
        made = "learns and is made from a run: add" if registered.learns else "learns nothing: leave out"
        require(registered.learns == (self.run is not None), f"{self.agent} {made} --run.")
        return AgentSource(registered.agent, options, self.run)


def benchmark_agent(
    source: AgentSource,
    views: EvaluationSet,
    *,
    interactions: int = 10,
    time_budget: float = 60.0,
    start_budget: float = 120.0,
    seed: int = 0,
    label: str | None = None,
    simulator: str | Simulator = "mujoco",
    progress: bool | None = None,
) -> dict[str, Any]:
    """Evaluate one agent.

    Args:
        source: The agent.
        views: Held-out views with their ground truth.
        interactions: Points touched at each location, its own and, after a reset, random ones.
        time_budget: Seconds for a view; see `eval.benchmark.agent_process`.
        start_budget: Seconds to make the agent, and for its first view in addition.
        seed: Seed of random points and directions; they are the same for every agent.
        label: Name in tables; None takes the source's.
        simulator: The simulator of the touches: a name, or an object.
        progress: Show progress bars; None shows them on a terminal only.

    Returns:
        A JSON-able dict: settings, with the `rooms` of the views and `scenes`, a digest of scenes on disk or
        None; `perception`, as `evaluate_predictions` returns, or None from an agent without masks;
        `interaction`, see `touch_everywhere`; `images_per_second` and `slowest_seconds`
        inside `propose`, None where it never returned; `failed_views` and `failures` (`view`, `location`,
        `kind`, `message`).

    Raises:
        AgentSourceError: The agent cannot be made.
    """
    started = time.perf_counter()
    answers = _ask(source, views, time_budget, start_budget, progress)
    predictions = [answer.instances for answer in answers]
    proposed = [one for instances in predictions for one in instances]
    # No proposals count as nothing found; points alone have no extents to score.
    masked = not proposed or any(one.mask is not None for one in proposed)
    durations = [answer.seconds for answer in answers if answer.seconds is not None]
    timed = durations[1:] or durations  # the first includes one-time costs
    failures = [
        {"view": number, "location": location.to_json(), **asdict(answer.failure)}
        for number, (answer, location) in enumerate(zip(answers, views.locations, strict=True))
        if answer.failure is not None
    ]
    return {
        "label": label or source.name,
        "agent": source.name,
        "options": dict(source.options),
        "run": None if source.run is None else run_name(source.run),
        "split": views.split,
        "objects": views.objects,
        "simulator": simulator if isinstance(simulator, str) else None,
        "rooms": list(dict.fromkeys(location.scene for location in views.locations)),
        "scenes": _scenes_of(simulator),
        "locations": len(views),
        "views_seed": views.seed,
        "reachable_fraction": views.reachable_fraction,
        "interactions": interactions,
        "seed": seed,
        "time_budget": time_budget,
        "perception": evaluate_predictions(predictions, views, RESAMPLES) if masked else None,
        "interaction": touch_everywhere(predictions, views, interactions, seed, simulator, progress),
        "images_per_second": len(timed) / max(sum(timed), 1e-9) if timed else None,
        "slowest_seconds": max(durations, default=None),
        "failed_views": len(failures),
        "failures": failures,
        "world": world_of(simulator, views.objects) if isinstance(simulator, str) else None,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _scenes_of(simulator: str | Simulator) -> str | None:
    """Return a digest of the scenes on disk of a simulator, which differ between machines, or None."""
    if not isinstance(simulator, str):
        return None
    from thor_interact_env.record.plan import Plan

    return Plan(simulator=simulator).scenes or None


def _ask(
    source: AgentSource,
    views: EvaluationSet,
    time_budget: float,
    start_budget: float,
    progress: bool | None,
) -> list[Answer]:
    silent = None if progress is None else not progress
    with AgentProcess(source, time_budget, start_budget) as agent:
        return [
            agent.propose(observation)
            for observation in tqdm(views.observations, desc="looking", unit=" views", disable=silent)
        ]


def floor_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the results of the random points as a separate result.

    Args:
        result: What `benchmark_agent` returned.
    """
    touched = result["interaction"]
    interaction = touched and {
        "greedy_success_rate": touched["random_success_rate"],
        "random_success_rate": touched["random_success_rate"],
        "objects_per_location": touched["random_objects_per_location"],
        "objects_per_interaction": touched["random_objects_per_interaction"],
    }
    return {
        **result,
        "label": "random points",
        "agent": None,
        "options": {},
        "run": None,
        "perception": None,
        "interaction": interaction,
        "images_per_second": None,
        "slowest_seconds": None,
        "failed_views": 0,
        "failures": [],
    }


def benchmark_table(results: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of the results of several agents; see `eval.evaluation.evaluate.comparison_table`.

    Args:
        results: What `benchmark_agent` returned, or lines of a leaderboard.
    """
    rows = {}
    for result in results:
        row = {**(result.get("perception") or {}), **(result.get("interaction") or {})}
        row |= {name: result.get(name) for name in ("images_per_second", "failed_views")}
        name = str(result["label"])
        while name in rows:
            name += "'"
        rows[name] = row
    return comparison_table(rows, COLUMNS)


def interval_report(result: Mapping[str, Any]) -> str:
    """Return the intervals of the scores over locations, in one line.

    Args:
        result: What `benchmark_agent` returned.
    """
    parts = []
    for measured in (result["interaction"] or {}, result["perception"] or {}):
        for name, (low, high) in measured.get("intervals", {}).items():
            if name in COLUMNS:
                low, high = (cell(name, end) for end in (low, high))
                parts.append(f"{COLUMNS[name]} {low} to {high}")
    return "95 % over locations: " + ", ".join(parts) + "." if parts else ""


def failure_report(result: Mapping[str, Any], most: int = 5) -> str:
    """Return the locations at which an agent failed, one line each.

    Args:
        result: What `benchmark_agent` returned.
        most: Number of failures to list; the rest is counted.
    """
    failures = result["failures"]
    lines = [f"{len(failures)} of {result['locations']} views failed and count as nothing proposed:"]
    for failure in failures[:most]:
        location = json.dumps(failure["location"])
        lines.append(f"  view {failure['view']} {failure['kind']}: {failure['message']} at {location}")
    if len(failures) > most:
        lines.append(f"  and {len(failures) - most} more")
    return "\n".join(lines) if failures else "No view failed."


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: Always: 0 after success (failures of the agent included), 2 after a mistake in the
            arguments, 130 after Ctrl-C.
    """
    run_command_line(lambda words: _run(parse_options(BenchmarkOptions, PROGRAM, words)), arguments)


def _run(options: BenchmarkOptions) -> None:
    options.check()
    source = options.source()
    label = re.sub(r"[^A-Za-z0-9._-]+", "-", options.label or options.agent.rpartition(":")[2])
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    # Benchmarks that start in the same second do not overwrite each other's file.
    name = f"benchmark-{label}-{options.split.replace('/', '-')}-{now}-{secrets.token_hex(3)}.json"
    out = options.out or RESULTS / name
    require(
        out.resolve() != options.leaderboard.resolve(),
        f"out and leaderboard are the same file, {out}; name two files.",
    )
    for file in (out, options.leaderboard):
        if file.parent == RESULTS:
            RESULTS.mkdir(exist_ok=True)
        if not file.absolute().parent.is_dir():
            raise FileNotFoundError(f"The folder of {file} does not exist; create it first.")
        if file.is_dir():
            raise IsADirectoryError(f"{file} is a folder; name a file.")
    views = benchmark_views(
        options.split,
        options.locations,
        options.seed,
        options.shipped,
        options.simulator,
        options.objects,
    )
    result = benchmark_agent(
        source,
        views,
        interactions=options.interactions,
        time_budget=options.time_budget,
        start_budget=options.start_budget,
        seed=options.seed,
        label=options.label,
        simulator=options.simulator,
    )
    result["shipped"] = options.shipped
    counted = views.truths if views.objects is None else own_truths(views)
    objects = sum(len(truth) for truth in counted)
    # Printed first: on a full disk neither file can be written.
    print(f"{views.split}, {len(views)} locations, {objects} objects in reach:")
    print(benchmark_table([result]))
    print(interval_report(result) or "Nothing was touched, and no mask was proposed.")
    print(failure_report(result), flush=True)
    write_whole(out, (json.dumps(result, indent=1, allow_nan=False) + "\n").encode())
    append_to_leaderboard(options.leaderboard, result)
    print(f"Result written to {out}, and appended to {options.leaderboard}")
