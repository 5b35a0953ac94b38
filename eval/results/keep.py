"""Keep the results of rows: `python -m eval.results runs/table --out docs/results --pages README.md`.

A run folder is hundreds of megabytes; what all numbers follow from is some ten kilobytes of it, and those are
kept. `show`, `eval.findings` and `eval.report` read them as they read the run folders.
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import tyro

from agents.commands.options import parse_options, run_command_line
from agents.commands.run_argument import RunPath
from agents.training.checkpoint import read_json, write_json
from agents.training.run_folder import CONFIG_FILE, METRICS_FILE, RUN_FILE
from agents.training.schedule import require
from eval.findings import judge
from eval.results.markdown import fill
from eval.table.row_results import EVALUATION_FILE, RUNS_FOLDER, TRAINING, RowResult, read_results, summarize
from eval.table.rows import MASS_SCORES, ROWS, SCORES
from eval.table.run_row import RunOptions, command_of
from thor_interact_env.files import write_whole

PROGRAM = "python -m eval.results"

TABLES_FILE = "tables.json"
SCORES_FILE = "scores.csv"
FINDINGS_FILE = "findings.json"

_KEPT = (CONFIG_FILE, METRICS_FILE, EVALUATION_FILE)


@dataclass(frozen=True)
class KeepOptions:
    """Keep the results of finished rows in a small folder, and fill in the tables of Markdown pages."""

    folders: Annotated[tyro.conf.Positional[tuple[RunPath, ...]], tyro.conf.arg(metavar="FOLDER...")]
    """Run folders, or folders that hold some. Rows that the folder of results holds already remain in it."""

    out: Path = Path("results")
    """Folder of the results."""

    pages: tuple[Path, ...] = ()
    """Markdown pages whose tables are written anew; see `eval.results.markdown`."""


def keep_results(options: KeepOptions) -> list[RowResult]:
    """Keep the results of finished rows.

    Args:
        options: The options.

    Returns:
        All results that the folder holds now.

    Raises:
        ResultsError: A folder holds no results, or a file is malformed.
        CheckpointError: A run's other files are missing or malformed.
        MarkdownError: A page names a table that does not exist.
    """
    runs = options.out / RUNS_FOLDER
    finished = read_results(options.folders) if options.folders else []
    summarize(finished)  # an error if two are of the same row, split, preset and seed
    for one in finished:
        _keep(one, runs)
    require(runs.is_dir(), f"{options.out} holds no results yet; name folders with finished rows.")
    results = read_results([runs])
    entries = summarize(results)
    write_json(options.out / TABLES_FILE, entries)
    write_json(options.out / FINDINGS_FILE, judge(entries))
    write_whole(options.out / SCORES_FILE, scores_csv(results).encode())
    for page in options.pages:
        text = page.read_text(encoding="utf-8")
        write_whole(page, fill(text, entries, page).encode())
    return results


def _keep(result: RowResult, runs: Path) -> None:
    """Copy what belongs to a result out of its run folder."""
    run = result.path.parent
    folder = runs / f"{result.letter}-{result.split}-{result.preset}-seed{result.seed}"
    if folder.resolve() == run.resolve():
        return
    folder.mkdir(parents=True, exist_ok=True)
    notes = read_json(run / RUN_FILE, "run the row again.")
    # The words of the command hold folders of the machine, and are not those of who repeats it.
    options = RunOptions(
        result.letter,
        split=result.split,
        preset=result.preset,
        seed=result.seed,
        locations=result.locations,
        **result.touching,
    )
    command = shlex.join(command_of(options))
    starts = [{**start, "command": command} for start in notes.get("starts", [])]
    write_json(folder / RUN_FILE, {**notes, "starts": starts})
    for name in _KEPT:
        if (run / name).exists():
            write_whole(folder / name, (run / name).read_bytes())


def scores_csv(results: Sequence[RowResult]) -> str:
    """Return one line for each run: its scores with the ends of their intervals, and what training took."""
    names = (*SCORES, *MASS_SCORES)
    ends = [f"{name}_{end}" for name in names for end in ("low", "high")]
    header = ["row", "name", "split", "preset", "seed", "locations", "instances", *names, *ends]
    header += [f"training_{name}" for name in TRAINING] + ["processor"]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    for one in results:
        start = [one.letter, ROWS[one.letter].name, one.split, one.preset, one.seed, one.locations]
        training = [one.training.get(name) for name in TRAINING]
        hardware = one.training.get("hardware") or {}
        for instances, scores in (("own", one.scores), ("not refined", one.not_refined)):
            if scores:
                rest = [*training, hardware.get("processor")]
                writer.writerow([*start, instances, *_numbers(scores, names), *rest])
    return stream.getvalue()


def _numbers(scores: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    intervals = scores.get("intervals", {})
    values = [round(float(scores[name]), 6) for name in names]
    ends = [end for name in names for end in intervals.get(name, (None, None))]
    return [*values, *(None if end is None else round(float(end), 6) for end in ends)]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: Always: 0 after success, 2 after a mistake in the arguments.
    """
    run_command_line(lambda words: _run(parse_options(KeepOptions, PROGRAM, words)), arguments)


def _run(options: KeepOptions) -> None:
    results = keep_results(options)
    print(f"{options.out} holds the results of {len(results)} runs.")
    for page in options.pages:
        print(f"The tables of {page} are written.")
