"""Run folders of any system, read from the files that all of them have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.training.configuration import ENVIRONMENT_FIELDS, SELF_SUPERVISED
from agents.training.schedule import RunError
from eval.table.row_results import RUNS_FOLDER
from eval.table.rows import ROWS, compared_row_of, label_of, published

_CONFIG = "config.json"


class ReportError(RunError):
    """A folder or file cannot be reported on; the message names it and the fault."""


@dataclass(frozen=True)
class RunFolder:
    """The files of a run.

    Attributes:
        path: Its folder.
        config: `config.json`.
        notes: `run.json`, empty without: starts, hardware, versions.
        evaluation: `evaluation.json`, empty without.
        metrics: Lines of `metrics.jsonl`.
    """

    path: Path
    config: Mapping[str, Any]
    notes: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, path: Path) -> RunFolder:
        """Read a run folder.

        Raises:
            ReportError: There is no such folder, it has no configuration, or a file is not JSON.
        """
        if not path.is_dir():
            raise ReportError(
                f"{path} is not a folder; name run folders, such as runs/quick-NovelSpaces-seed0."
            )
        config = _read_object(path / _CONFIG)
        if not config:
            raise ReportError(
                f"{path} has no config.json, nor has a folder in it; name folders of runs, or a folder that "
                "holds some."
            )
        notes, evaluation = (_read_object(path / name) for name in ("run.json", "evaluation.json"))
        return cls(path, config, notes, evaluation, _read_lines(path / "metrics.jsonl"))

    @classmethod
    def read_all(cls, paths: Iterable[Path]) -> list[RunFolder]:
        """Read run folders, and all in folders that hold some, each once.

        Such a folder is that of a table, or one of `eval.results`, with the runs in its folder `runs`.

        Args:
            paths: The folders.

        Raises:
            ReportError: A path is neither, or a file is not JSON.
        """
        found: dict[Path, Path] = {}
        for path in paths:
            inside: list[Path] = []
            if not (path / _CONFIG).exists():
                inside = sorted(path.glob(f"*/{_CONFIG}")) or sorted(path.glob(f"{RUNS_FOLDER}/*/{_CONFIG}"))
            found |= {run.resolve(): run for run in [file.parent for file in inside] or [path]}
        return [cls.read(path) for path in found.values()]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def system(self) -> str:
        """Which learner it is: `self_supervised`, `mask_rcnn`, `video_pca`, `ppo`, ..."""
        return str(self.config.get("system", SELF_SUPERVISED))

    @property
    def row(self) -> str | None:
        """Letter of the row of the table that the run was made for by `eval.table`, or None."""
        named = self.evaluation.get("table", {}).get("row")
        return str(named) if named in ROWS else None

    @property
    def compared_row(self) -> str | None:
        """Letter of the row with whose published numbers it is compared: its own, or that of its options."""
        return self.row or compared_row_of(self.system, self.config)

    @property
    def published(self) -> Mapping[str, float]:
        """The paper's scores of that row on the same split, in 0..1 by name; empty where it gives none."""
        return published(self.compared_row, self.split) if self.compared_row else {}

    @property
    def preset(self) -> str:
        """Its size, or a dash."""
        return str(self.config.get("preset", "-"))

    @property
    def title(self) -> str:
        """Name of the row with its letter; or for other runs the system and its size."""
        if self.row is not None:
            return f"({self.row}) {ROWS[self.row].name}"
        system = label_of(self.system)
        return f"{system}, {self.preset}" + (
            f", compared with ({self.compared_row})" if self.compared_row else ""
        )

    @property
    def learns_mass(self) -> bool:
        """Whether it learns forces; otherwise its mass classes have no meaning."""
        return self.compared_row is not None and ROWS[self.compared_row].forces

    @property
    def environment(self) -> Mapping[str, Any]:
        """Options of the environment that it learned in, as far as its configuration names them."""
        return {name: self.config[name] for name in ENVIRONMENT_FIELDS if name in self.config}

    @property
    def split(self) -> str:
        """`NovelObjects` or `NovelSpaces`: that of the evaluation, else of the training."""
        return str(self.evaluation.get("split", self.config.get("split", ""))).partition("/")[0]

    @property
    def results(self) -> Mapping[str, Any]:
        """Results of the run's own agent: the first row of its evaluation; empty without."""
        rows = self.evaluation.get("rows") or {}
        return next(iter(rows.values()), {})

    @property
    def baselines(self) -> Mapping[str, Mapping[str, Any]]:
        """Results of its baselines, by name."""
        rows = self.evaluation.get("rows") or {}
        return dict(list(rows.items())[1:])


def _read_object(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReportError(f"{path} cannot be read as JSON ({error}).") from None
    if not isinstance(values, dict):
        raise ReportError(f"{path} holds {type(values).__name__}, not an object.")
    return values


def read_calibration(path: Path) -> dict[str, Any]:
    """Return the content of a file of the calibration with `--json`.

    Raises:
        ReportError: It is missing or invalid.
    """
    values = _read_object(path)
    if not {"success_rates_seen", "success_rates_all", "options"} <= set(values):
        raise ReportError(
            f"{path} is not a calibration; write one with "
            "python -m thor_interact_env.simulators.mujoco.calibrate --json FILE."
        )
    return values


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the complete lines of a JSON-lines file; one cut short by a kill is left out."""
    if not path.exists():
        return []
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1], start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ReportError(f"{path} line {number} is not JSON ({error}).") from None
        rows.append(row)
    return rows
