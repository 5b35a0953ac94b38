"""The command line of the datasets: make, all, statistics, ship."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from thor_interact_env.datasets.drawing import Drawing
from thor_interact_env.datasets.making import PAPER_SIZES, make_dataset
from thor_interact_env.datasets.shipped import SHIPPED_SPLITS, ship
from thor_interact_env.datasets.statistics import Statistics, as_table
from thor_interact_env.locations.dataset import LocationDataset
from thor_interact_env.locations.splits import SPLITS
from thor_interact_env.parsing import OneLineParser, run_command

PROGRAM = "python -m thor_interact_env.datasets"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: Always: 0 after success, 2 after a mistake in the arguments, 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    again = f"{PROGRAM} {shlex.join(words)}"
    message = "Interrupted." if options.command == "statistics" else f"Interrupted. Continue: {again}"
    run_command(lambda: options.run(options), message)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog=PROGRAM, description="Lists of locations with their ground truth.", allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        command.set_defaults(run=run)
        return command

    make = add("make", _make, "Draw and measure the locations of one split.")
    make.add_argument("split", metavar="SPLIT", help=f"one of {', '.join(SPLITS)}")
    make.add_argument("--locations", type=int, help="number of locations (default: that of `all`)")
    make.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write (.json)")
    _add_making(make)

    every = add("all", _all, f"Make the lists of all splits: {sum(PAPER_SIZES.values()):,} locations.")
    every.add_argument(
        "--locations",
        type=int,
        metavar="N",
        help="locations of each split (default: the paper's total, divided)",
    )
    every.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to write to")
    _add_making(every)

    statistics = add("statistics", _statistics, "Print statistics of files as a table.")
    statistics.add_argument("files", nargs="+", type=Path, metavar="FILE", help="datasets (.json)")
    statistics.add_argument("--json", action="store_true", help="print JSON instead")

    shipped = add("ship", _ship, "Remake the test lists that come with the package.")
    shipped.add_argument("--locations", type=int, default=1000, help="locations of each (default: 1000)")
    shipped.add_argument(
        "--out", type=Path, metavar="FOLDER", help="folder to write to (default: the package's)"
    )
    return parser


def _add_making(command: argparse.ArgumentParser) -> None:
    command.add_argument("--seed", type=int, default=0, help="seed of the drawing (default: 0)")
    command.add_argument(
        "--reachable-fraction",
        type=float,
        default=0.2,
        metavar="FRACTION",
        help="minimum fraction of each view within reach, 0..1; 0 is the paper's rule (default: 0.2)",
    )
    command.add_argument(
        "--no-forces",
        dest="forces",
        action="store_false",
        help="do not try which force moves each object: faster, and every min_force is -1",
    )
    command.add_argument(
        "--objects",
        metavar="FOLDER",
        help="add the objects of a folder to the rooms, or those of Elsewhere; the file states them, and its "
        "readers need the same (default: none)",
    )
    command.add_argument("--workers", type=int, default=1, help="processes; the files do not depend on it")


def _make(options: argparse.Namespace) -> None:
    size = PAPER_SIZES.get(options.split, 0)  # for an unknown split `Drawing` raises an error
    _make_file(options, options.split, options.out, size)


def _all(options: argparse.Namespace) -> None:
    paths = {split: options.out / file_name(split) for split in PAPER_SIZES}
    for split in sorted(paths, key=lambda split: not paths[split].exists()):  # refused before any is drawn
        _make_file(options, split, paths[split], PAPER_SIZES[split])


def _make_file(options: argparse.Namespace, split: str, path: Path, size: int) -> None:
    count = size if options.locations is None else options.locations
    drawing = Drawing(split, count, options.seed, options.reachable_fraction)
    kept = ", kept: it was complete" if path.exists() else ""
    made = make_dataset(
        drawing, path, forces=options.forces, workers=options.workers, objects=options.objects
    )
    objects = sum(len(entry.annotations) for entry in made)
    print(f"{path}: {len(made):,} locations, {objects:,} objects in reach{kept}", flush=True)


def file_name(split: str) -> str:
    """Return the file of a split, named as the authors name theirs: `NovelSpaces__test.json`."""
    return split.replace("/", "__") + ".json"


def _statistics(options: argparse.Namespace) -> None:
    stems = [path.stem for path in dict.fromkeys(options.files)]
    columns = [
        (
            path.stem.replace("__", "/") if stems.count(path.stem) == 1 else str(path),
            Statistics.of(LocationDataset.read(path)),
        )
        for path in options.files
    ]
    if options.json:
        print(json.dumps({title: statistics.to_json() for title, statistics in columns}, indent=1))
    else:
        print(as_table(columns))


def _ship(options: argparse.Namespace) -> None:
    for split in SHIPPED_SPLITS:
        path = ship(Drawing(split, options.locations), options.out)
        print(f"{path}: {options.locations:,} locations, {path.stat().st_size / 1000:.0f} kB", flush=True)
