"""The console script `thor-interact`: one command for everything that `python -m` runs.

Unlike `python -m`, it does not look for packages in the current folder first: files there named
`agents` or `eval.py` do not interfere. An agent in the current folder is still found.
"""

import runpy
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from agents.commands.options import choose_command

COMMANDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "train": (("agents.selfsup_agent", "train"), "train the paper's learner"),
    "evaluate": (("agents.selfsup_agent", "evaluate"), "evaluate a run on held-out rooms"),
    "predict": (("agents.selfsup_agent", "predict"), "draw the predictions of a run for one view"),
    "publish": (("agents.selfsup_agent", "publish"), "make a model folder of a run"),
    "queried-masks": (("agents.query_agent",), "train and evaluate queried masks"),
    "mask-rcnn": (("agents.mask_rcnn",), "train and evaluate Mask R-CNN"),
    "video-pca": (("agents.video_pca",), "train and evaluate VideoPCA"),
    "ppo": (("agents.ppo_agent",), "train and evaluate PPO"),
    "play": (("thor_interact_env.play",), "touch a room by hand, on a local web page"),
    "benchmark": (("eval.benchmark",), "measure any agent"),
    "table": (("eval.table",), "run and show the rows of the paper's tables"),
    "results": (("eval.results",), "keep results, and write the tables of Markdown pages"),
    "findings": (("eval.findings",), "test the paper's findings on finished rows"),
    "report": (("eval.report",), "write one HTML page about runs"),
    "touches": (("eval.figures",), "draw touches as an animated image"),
    "speed": (("eval.speed",), "measure throughput"),
    "datasets": (("thor_interact_env.datasets",), "make and describe datasets of locations"),
    "record": (("thor_interact_env.record",), "write touches and views as datasets"),
    "gallery": (("thor_interact_env.gallery",), "draw rooms and object types"),
    "export": (("thor_interact_env.export",), "write rooms as MJCF scenes"),
    "doctor": (("thor_interact_env.doctor",), "check this machine"),
}
"""Module, first words and purpose of each command."""


def overview() -> str:
    """Return the text that explains the commands."""
    lines = [f"  {name:<14}{purpose}" for name, (_, purpose) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: thor-interact COMMAND [OPTIONS]",
            "",
            "commands:",
            *lines,
            "",
            "`thor-interact COMMAND --help`",
        ]
    )


def main() -> None:
    """Run the command of the process.

    Raises:
        SystemExit: The command has ended, or there is no such command (2).
    """
    commands = {name: partial(_run, called) for name, (called, _) in COMMANDS.items()}
    choose_command(commands, overview(), sys.argv[1:])


def _run(called: tuple[str, ...], words: Sequence[str]) -> None:
    """Run a module with its first words and those of the user, as `python -m` does."""
    sys.path.append(str(Path.cwd()))
    sys.argv = [*called, *words]
    runpy.run_module(called[0], run_name="__main__", alter_sys=True)
