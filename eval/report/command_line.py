"""One page with the results of runs: `python -m eval.report RUN... --out report.html`.

The page is one file with all its content and needs no network.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import tyro

from agents.commands.options import parse_options, run_command_line
from agents.commands.run_argument import RunPath
from agents.training.schedule import require
from eval.benchmark.leaderboard import read_leaderboard
from eval.findings import verdict
from eval.report.data import (
    baseline_rows,
    finding_groups,
    interaction_rows,
    provenance,
    seed_rows,
    table_1,
    table_2,
)
from eval.report.downloads import (
    baselines_csv,
    confusion_csv,
    detection_csv,
    findings_csv,
    interaction_csv,
    seeds_csv,
)
from eval.report.runs import ReportError, RunFolder, read_calibration
from eval.table.text import mixed_locations, mixed_worlds
from eval.views.evaluation_set import EvaluationSet
from eval.views.worlds import views_in_world
from thor_interact_env.actions import FORCES, REACH
from thor_interact_env.files import write_whole
from thor_interact_env.locations.annotations import MASS_CLASSES
from thor_interact_env.simulators.base import Simulator
from thor_interact_env.world import world_of

PROGRAM = "python -m eval.report"

GIF_TOUCHES = 12
"""Maximum number of touches in a film, each with two frames, to limit the size of the page."""


_CSV = {
    function.__name__: function
    for function in (baselines_csv, confusion_csv, detection_csv, findings_csv, interaction_csv, seeds_csv)
}
"""What the template calls to offer numbers for download, by name."""


@dataclass(frozen=True)
class ReportOptions:
    """Write one self-contained HTML page about runs."""

    runs: tyro.conf.Positional[tuple[RunPath, ...]] = ()
    """Run folders of any system, folders that hold some, or pretrained:NAME."""

    leaderboard: Path | None = None
    """File that `eval.benchmark --leaderboard` appended to."""

    calibration: Path | None = None
    """JSON file of `python -m thor_interact_env.simulators.mujoco.calibrate --json`."""

    out: Path = Path("report.html")
    """Page to write."""

    title: str = "ThorInteract: results of runs"
    """Heading of the page."""

    panels: int = 2
    """Best views, and as many worst ones, drawn for each run; 0 draws none."""

    drawn: tuple[str, ...] = ()
    """Names of the run folders whose views are drawn (about 1 MB each); none means all."""

    views: int = 30
    """Held-out views from which the drawn ones are chosen; all are evaluated."""


def render(content: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        content: The content of the template `report.html`; see `gather`.

    Raises:
        DependencyNotInstalled: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        from gymnasium.error import DependencyNotInstalled

        raise DependencyNotInstalled(
            'a report needs jinja2 and matplotlib; run: pip install "thor-interact[report]"'
        ) from error
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    # The page's policy allows this one script and no other.
    script = environment.get_template("script.html").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("report.html").render(
        {**content, **_CSV, "script": script, "script_hash": digest}
    )


def gather(
    options: ReportOptions,
    views: EvaluationSet | None = None,
    simulator: Simulator | None = None,
) -> dict[str, Any]:
    """Read the content of a page, and draw its images.

    Args:
        options: The options.
        views: Views to draw panels of; None takes those of each run's evaluation.
        simulator: The simulator of the touches for panels; None takes that of each run.

    Returns:
        The content of the template.

    Raises:
        ReportError: A run, or the calibration, cannot be read.
        LeaderboardError: The leaderboard cannot be read.
        DependencyNotInstalled: matplotlib is not installed.
    """
    require(options.panels >= 0, f"panels is {options.panels}; it must be 0 or more.")
    require(options.views >= 1, f"views is {options.views}; it must be at least 1.")
    if not options.runs and options.leaderboard is None and options.calibration is None:
        raise ReportError("nothing to report: name run folders, --leaderboard or --calibration.")
    runs = RunFolder.read_all(options.runs)
    unknown = set(options.drawn) - {run.name for run in runs}
    require(
        not unknown,
        f"drawn names {', '.join(sorted(unknown))}; the runs are {', '.join(run.name for run in runs)}.",
    )
    board = [] if options.leaderboard is None else read_leaderboard(options.leaderboard)
    calibration = None if options.calibration is None else read_calibration(options.calibration)
    from eval.report.charts import force_chart, learning_curves, load_matplotlib

    load_matplotlib()
    rows = table_1(runs)
    return {
        "title": options.title,
        "command": shlex.join(sys.orig_argv[1:] if sys.orig_argv else []),
        "made": datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
        "world": world_of("mujoco"),
        "mass_classes": MASS_CLASSES,
        "table_1": rows,
        "ratios": [row for row in rows if any(ratio != "-" for ratio in row["ratios"])],
        "baselines": baseline_rows(runs),
        "seeds": seed_rows(runs),
        "findings": finding_groups(runs),
        "verdict": verdict,
        "mixed_worlds": mixed_worlds,
        "mixed_locations": mixed_locations,
        "table_2": table_2(runs),
        "interactions": interaction_rows(runs, board),
        "curves": [(run, learning_curves(run)) for run in runs],
        "forces": []
        if calibration is None
        else [
            force_chart(calibration, "success_rates_seen", "Objects that show at least 20 grid cells"),
            force_chart(calibration, "success_rates_all", "All objects in reach"),
        ],
        "calibration": calibration,
        "images": [
            _images(run, options, views, simulator)
            for run in runs
            if options.panels and (not options.drawn or run.name in options.drawn)
        ],
        "runs": [(run, provenance(run)) for run in runs],
    }


def _images(
    run: RunFolder, options: ReportOptions, views: EvaluationSet | None, simulator: Simulator | None
) -> dict[str, Any]:
    """Draw the best and the worst views of a run, and touches in one of them."""
    from eval.report.downloads import instances_csv, touches_csv
    from eval.report.images import gif_uri, touch_frames, webp_uri, with_mask, with_point
    from eval.report.views import agent_of, best_and_worst, touched

    shown: dict[str, Any] = {"run": run, "missing": "", "best": [], "worst": [], "gif": None}
    try:
        agent = agent_of(run)
    except ReportError as error:
        return {**shown, "missing": str(error)}
    environment = {**run.environment, "simulator": _simulator_name(run) if simulator is None else simulator}
    views = _views(run, options.views) if views is None else views
    best, worst = best_and_worst(agent, views, options.panels, environment)
    for kind, panels in (("best", best), ("worst", worst)):
        shown[kind] = [
            {
                "view": panel.view,
                "score": f"{panel.score:.2f}",
                "image": webp_uri(panel.image),
                "numbers": instances_csv(f"{run.name} view {panel.view}", panel.instances),
            }
            for panel in panels
        ]
    filmed = best[0].view if best else next((n for n, truth in enumerate(views.truths) if len(truth)), None)
    if filmed is None:
        return {**shown, "missing": "no view has an object in reach"}
    _, touches = touched(views, filmed, agent.propose(views.observations[filmed]), environment)
    in_film = touches[:GIF_TOUCHES]
    frames = [frame for touch in in_film for frame in touch_frames(touch)]
    return {
        **shown,
        "missing": "" if best else "no panels, because it proposes points and no masks",
        "gif": gif_uri(frames) if frames else None,
        "in_film": len(in_film),
        "filmed": filmed,
        "touches": [
            {
                "number": number,
                "force": f"{FORCES[touch.force]:g} N",
                "before": webp_uri(with_point(touch)),
                "after": webp_uri(with_mask(touch)),
            }
            for number, touch in enumerate(touches, start=1)
            if touch.success
        ],
        "tried": len(touches),
        "numbers": touches_csv(f"{run.name} view {filmed}", touches),
    }


def _drawable(run: RunFolder) -> Mapping[str, Any]:
    """Return a run's evaluation, or an empty one if it was on a dataset file, whose views are not drawn."""
    return {} if "dataset" in run.evaluation else run.evaluation


def _simulator_name(run: RunFolder) -> str:
    return str(_drawable(run).get("simulator", run.environment.get("simulator", "mujoco")))


def _views(run: RunFolder, count: int) -> EvaluationSet:
    """Return views of a run's own evaluation, in its own world.

    If that was on a dataset file, they are those of an evaluation on the run's split.
    """
    evaluation = _drawable(run)
    objects = evaluation.get("objects", run.config.get("objects"))
    return views_in_world(
        str(evaluation.get("split", f"{run.config.get('split')}/test")),
        count,
        int(evaluation.get("seed", 0)),
        float(evaluation.get("reachable_fraction", 0.2)),
        _simulator_name(run),
        float(run.environment.get("reach", REACH)),
        objects,
    )


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: Always: 0 after success, 2 after a mistake in the arguments, 130 after Ctrl-C.
    """
    run_command_line(_run, arguments)


def _run(words: Sequence[str]) -> None:
    options = parse_options(ReportOptions, PROGRAM, words)
    if not options.out.absolute().parent.is_dir():
        raise ReportError(f"The folder of {options.out} does not exist; create it first.")
    if options.out.is_dir():
        raise ReportError(f"{options.out} is a folder; name a file.")
    content = render(gather(options)).encode()
    write_whole(options.out, content)
    print(f"Report written to {options.out} ({len(content) / 1e6:.1f} MB)")
