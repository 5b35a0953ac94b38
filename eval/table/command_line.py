"""The paper's tables: run a row, and show finished rows with the published numbers.

`python -m eval.table run c --split NovelSpaces --preset quick --out runs/table` trains and evaluates row (c);
`python -m eval.table show runs/table` prints the table. `python -m eval.table rows` lists the rows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import tyro

from agents.commands.options import choose_command, parse_options, run_command_line
from agents.commands.run_argument import RunPath
from agents.training.schedule import RunError, require
from eval.table.row_results import read_results, summarize
from eval.table.rows import ROWS, label_of
from eval.table.run_all import RunAllOptions, describe, run_all
from eval.table.run_row import RunOptions, finish_row, run_folder
from eval.table.text import aligned, show
from thor_interact_env.files import write_whole

PROGRAM = "python -m eval.table"

OVERVIEW = f"""usage: {PROGRAM} COMMAND [OPTIONS]

The rows of the paper's tables, measured here and as published.

commands:
  rows     list the rows
  run      train and evaluate one row; run it again to continue it
  run-all  train and evaluate all rows; run it again to continue
  show     print the tables of finished rows

`{PROGRAM} COMMAND --help` explains one command.
"""


@dataclass(frozen=True)
class RowsOptions:
    """List the rows: letter, name and system."""


@dataclass(frozen=True)
class ShowOptions:
    """Print the tables of finished rows, by split and preset, with the published numbers."""

    folders: Annotated[tyro.conf.Positional[tuple[RunPath, ...]], tyro.conf.arg(metavar="FOLDER...")]
    """Run folders, folders that hold some, or pretrained:NAME."""

    json: Path | None = None
    """File to write the same numbers to, as JSON."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: Always: 0 after success, 2 after a mistake in the arguments, 130 after Ctrl-C.
    """
    run_command_line(lambda words: choose_command(_COMMANDS, OVERVIEW, words), arguments)


def _run_command(words: Sequence[str]) -> None:
    options = parse_options(RunOptions, f"{PROGRAM} run", words)
    try:
        finish_row(options)
    except KeyboardInterrupt:
        print("\nRun the same command again to continue.", file=sys.stderr)
        raise
    print(f"The results are in {run_folder(options)}. Tables: {PROGRAM} show {options.out}")


def _run_all_command(words: Sequence[str]) -> None:
    options = parse_options(RunAllOptions, f"{PROGRAM} run-all", words)
    if options.list:
        print(describe(options))
        return
    try:
        failures = run_all(options)
    except KeyboardInterrupt:
        print("\nRun the same command again to continue.", file=sys.stderr)
        raise
    print(f"Tables: {PROGRAM} show {options.out}")
    if failures:
        raise RunError("\n".join([f"{len(failures)} rows failed:", *failures]))


def _show_command(words: Sequence[str]) -> None:
    options = parse_options(ShowOptions, f"{PROGRAM} show", words)
    require(len(options.folders) >= 1, "name at least one folder with finished rows.")
    entries = summarize(read_results(options.folders))
    print(show(entries))
    if options.json is not None:
        write_whole(options.json, (json.dumps(entries, indent=1) + "\n").encode("utf-8"))


def _rows_command(words: Sequence[str]) -> None:
    parse_options(RowsOptions, f"{PROGRAM} rows", words)
    lines = [
        ["", "row", "system"],
        *([each.letter, each.name, label_of(each.agent)] for each in ROWS.values()),
    ]
    print(aligned(lines))


_COMMANDS = {"rows": _rows_command, "run": _run_command, "run-all": _run_all_command, "show": _show_command}
