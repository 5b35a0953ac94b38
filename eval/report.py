"""One page that shows what runs are worth: `python -m eval.report RUN... --out report.html`.

The page is one file with everything in it, opens anywhere, and asks the network for nothing.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import tyro

from agents.options import parse_options, run_command_line
from agents.schedule import require
from eval.evaluation_set import EvaluationSet
from eval.findings import verdict
from eval.leaderboard import read_leaderboard
from eval.report_data import (
    ReportError,
    RunFolder,
    baseline_rows,
    finding_groups,
    interaction_rows,
    provenance,
    read_calibration,
    seed_rows,
    table_1,
    table_2,
)
from thor_interact_env.annotations import MASS_CLASSES
from thor_interact_env.datasets.fingerprint import source_fingerprint
from thor_interact_env.files import write_whole
from thor_interact_env.simulators.base import Simulator

PROGRAM = "python -m eval.report"

GIF_FRAMES = 24
"""Most frames of a sequence of touches: a page should stay light."""


@dataclass(frozen=True)
class ReportOptions:
    """Write one self-contained HTML page about runs."""

    runs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Run folders, of any system."""

    leaderboard: Path | None = None
    """File that `eval.benchmark --leaderboard` appended to."""

    calibration: Path | None = None
    """JSON file of `python -m thor_interact_env.simulators.mujoco.calibrate --json`."""

    out: Path = Path("report.html")
    """Page to write."""

    title: str = "ThorInteract: what the runs show"
    """Heading of the page."""

    panels: int = 2
    """Best views, and as many worst ones, drawn for each run; 0 draws none and touches nothing."""

    views: int = 30
    """Held-out views that the drawn ones are picked from, and that must be looked at for it."""


def render(content: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        content: What the template `report.html` shows; see `gather`.

    Raises:
        DependencyNotInstalled: jinja2 is not there.
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
    return environment.get_template("report.html").render(content)


def gather(
    options: ReportOptions,
    views: EvaluationSet | None = None,
    simulator: str | Simulator = "mujoco",
) -> dict[str, Any]:
    """Read everything that a page shows, and draw its pictures.

    Args:
        options: What was asked for.
        views: Views to draw panels of; None takes those of each run's evaluation.
        simulator: The world that is touched for panels: a name, or an object.

    Returns:
        The content of the template.

    Raises:
        ReportError: A run, or the calibration, cannot be read.
        LeaderboardError: The leaderboard cannot be read.
        DependencyNotInstalled: matplotlib is not there.
    """
    require(options.panels >= 0, f"panels is {options.panels}; it must be 0 or more.")
    require(options.views >= 1, f"views is {options.views}; it must be at least 1.")
    if not options.runs and options.leaderboard is None and options.calibration is None:
        raise ReportError("nothing to report: name run folders, --leaderboard or --calibration.")
    runs = [RunFolder.read(path) for path in options.runs]
    board = [] if options.leaderboard is None else read_leaderboard(options.leaderboard)
    calibration = None if options.calibration is None else read_calibration(options.calibration)
    _require_matplotlib()
    from eval.report_pictures import force_chart, learning_curves

    return {
        "title": options.title,
        "command": shlex.join(sys.orig_argv[1:] if sys.orig_argv else []),
        "made": datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
        "world": source_fingerprint()[:12],
        "mass_classes": MASS_CLASSES,
        "table_1": table_1(runs),
        "baselines": baseline_rows(runs),
        "seeds": seed_rows(runs),
        "findings": finding_groups(runs),
        "verdict": verdict,
        "table_2": table_2(runs),
        "interactions": interaction_rows(runs, board),
        "curves": [(run, learning_curves(run)) for run in runs],
        "forces": []
        if calibration is None
        else [
            ("Objects that show at least 20 grid cells", force_chart(calibration, "shares_seen")),
            ("All objects in reach", force_chart(calibration, "shares_all")),
        ],
        "calibration": calibration,
        "pictures": [_pictures(run, options, views, simulator) for run in runs if options.panels],
        "runs": [(run, provenance(run)) for run in runs],
    }


def _pictures(
    run: RunFolder, options: ReportOptions, views: EvaluationSet | None, simulator: str | Simulator
) -> dict[str, Any]:
    """Draw the best and the worst views of a run, and what happens when the best one is touched."""
    from eval.report_pictures import gif_uri, jpeg_uri
    from eval.report_views import agent_of, best_and_worst, touched

    try:
        agent = agent_of(run)
    except ReportError as error:
        return {"run": run, "missing": str(error), "best": [], "worst": [], "gif": None}
    if views is None:
        split = str(run.evaluation.get("split", f"{run.split}/test"))
        seed = int(run.evaluation.get("seed", 0))
        share = float(run.evaluation.get("reachable_share", 0.2))
        views = EvaluationSet.make(split, options.views, seed, share)
    best, worst = best_and_worst(agent, views, options.panels, simulator)
    drawn = {
        kind: [(panel.view, f"{panel.score:.2f}", jpeg_uri(panel.picture)) for panel in panels]
        for kind, panels in (("best", best), ("worst", worst))
    }
    gif = None
    if best:
        shown = best[0].view
        _, frames = touched(views, shown, agent.propose(views.observations[shown]), simulator)
        gif = gif_uri(frames[:GIF_FRAMES]) if frames else None
    return {"run": run, "missing": "" if best else "no view has an object in reach", **drawn, "gif": gif}


def _require_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        from gymnasium.error import DependencyNotInstalled

        raise DependencyNotInstalled(
            'a report needs jinja2 and matplotlib; run: pip install "thor-interact[report]"'
        ) from error


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: Always: 0 after success, 2 after a mistake in what was asked for, 130 after Ctrl-C.
    """
    run_command_line(_run, arguments)


def _run(words: Sequence[str]) -> None:
    options = parse_options(ReportOptions, PROGRAM, words)
    if not options.out.absolute().parent.is_dir():
        raise ReportError(f"The folder of {options.out} does not exist; create it first.")
    content = render(gather(options)).encode()
    write_whole(options.out, content)
    print(f"Report written to {options.out} ({len(content) / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
