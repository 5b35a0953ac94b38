"""The command line of records: make, check."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from thor_interact_env.parsing import OneLineParser, run_command
from thor_interact_env.record.actors import RANDOM, ActorFactory
from thor_interact_env.record.checking import Record, open_record
from thor_interact_env.record.coco import FORMAT as COCO
from thor_interact_env.record.making import FORMATS, make_record
from thor_interact_env.record.plan import DEFAULT_EPISODES, Plan
from thor_interact_env.simulators import SIMULATORS

PROGRAM = "python -m thor_interact_env.record"


def main(agents: ActorFactory | None = None, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        agents: Makes the agents that `--agent` names; None: only random touches are possible.
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: Always: 0 after success, 2 after a mistake in the arguments, 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    again = f"Interrupted. Continue: {PROGRAM} {shlex.join(words)}"
    run_command(lambda: print(_sentence(options.run(options, agents))), again)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog=PROGRAM,
        description="Touches of an agent or a person as a dataset, and views with true masks for detectors.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        command.set_defaults(run=run)
        return command

    plan = Plan()
    make = add("make", _make, "Carry out episodes and write them; after an interruption, continue.")
    make.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder, new or empty")
    make.add_argument(
        "--format",
        choices=FORMATS,
        default=FORMATS[0],
        help="parquet, for Hugging Face's datasets; minari; or coco, views with true masks "
        "(default: %(default)s)",
    )
    source = make.add_mutually_exclusive_group()
    source.add_argument(
        "--agent",
        default=plan.agent,
        metavar="AGENT",
        help=f"{RANDOM}: random touches in reach; a registered agent that learns nothing, such as "
        "superpixels; a run folder; or package.module:Class (default: %(default)s)",
    )
    source.add_argument(
        "--saved",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="repeat saved episodes, such as those of examples/replay.py",
    )
    make.add_argument(
        "--locations",
        default=plan.locations,
        metavar="SPLIT_OR_FILE",
        help="a split or all: locations are drawn; a .json file: its locations in order "
        "(default: %(default)s)",
    )
    make.add_argument(
        "--episodes",
        type=int,
        metavar="N",
        help=f"number of episodes (default: all locations of a file, otherwise {DEFAULT_EPISODES})",
    )
    make.add_argument(
        "--touches",
        type=int,
        default=plan.touches,
        help="touches in an episode; 0: first views alone, with --format coco (default: %(default)s)",
    )
    make.add_argument("--seed", type=int, default=plan.seed, help="seed of the record (default: 0)")
    make.add_argument(
        "--simulator", choices=SIMULATORS, default=plan.simulator, help="the simulator (default: %(default)s)"
    )
    make.add_argument(
        "--objects",
        metavar="FOLDER",
        help="add the objects of a folder to the rooms, or those of Elsewhere (default: none)",
    )
    make.add_argument(
        "--reachable-fraction",
        type=float,
        default=plan.reachable_fraction,
        metavar="FRACTION",
        help="minimum fraction of a drawn view within reach, 0..1 (default: %(default)s)",
    )
    make.add_argument("--workers", type=int, default=1, help="processes; the record does not depend on it")

    check = add("check", _check, "Compare the files of a record with its digests.")
    check.add_argument("folder", type=Path, metavar="FOLDER", help="folder of the record")
    return parser


def _make(options: argparse.Namespace, agents: ActorFactory | None) -> Record:
    given = {field.name: getattr(options, field.name) for field in fields(Plan)}
    plan = Plan(**{**given, "saved": tuple(options.saved)})
    return make_record(plan, options.out, options.format, workers=options.workers, agents=agents)


def _check(options: argparse.Namespace, agents: ActorFactory | None) -> Record:
    return open_record(options.folder)


def _sentence(record: Record) -> str:
    items = "views" if record.format == COCO else "touches"
    size = sum((record.folder / name).stat().st_size for name in record.files)
    return (
        f"{record.folder}: {record.format}, {record.episodes:,} episodes, {record.items:,} {items}, "
        f"{size / 1e6:,.1f} MB, {record.world}"
    )
