"""What a run measures while it trains: a JSON-lines file, TensorBoard events and a progress bar."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from agents.checkpoint import CheckpointError
from agents.closing import Closing

METRICS_FILE = "metrics.jsonl"
TIMINGS = frozenset({"seconds", "images_per_second", "locations_per_second"})
"""Entries that differ between two runs of one configuration; all others are equal."""

_SHOWN = {
    "interaction_loss": "score",
    "mask_iou": "mask IoU",
    "greedy_success": "greedy",
    "random_success": "random",
}


class MetricsLogger(Closing):
    """Writes each record to every place at once.

    Usable as a context manager; leaving it closes the files.
    """

    def __init__(self, run: Path, total_updates: int, episodes_done: int = 0, updates_done: int = 0) -> None:
        """Open the files, dropping what was measured after the checkpoint the run goes on from.

        Args:
            run: The run folder.
            total_updates: Updates of the whole run, the length of the progress bar.
            episodes_done: Episodes whose records stay.
            updates_done: Updates already made.
        """
        self._path = run / METRICS_FILE
        kept = [row for row in read_metrics(run) if row["episode"] <= episodes_done]
        temporary = self._path.with_name(f".{METRICS_FILE}.{os.getpid()}.tmp")
        temporary.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        os.replace(temporary, self._path)
        self._file = self._path.open("a", encoding="utf-8")
        self._writer = SummaryWriter(str(run / "tensorboard"), purge_step=episodes_done + 1)
        self._bar = tqdm(
            total=total_updates,
            initial=updates_done,
            unit="update",
            disable=None,
            dynamic_ncols=True,
            leave=True,
        )

    def advance(self) -> None:
        """Move the progress bar by one update."""
        self._bar.update()

    def describe(self, text: str) -> None:
        """Say on the progress bar what is going on."""
        self._bar.set_description(text)

    def log(self, row: Mapping[str, Any]) -> None:
        """Record one row.

        Args:
            row: Values by name. `episode` is the step; numbers go to TensorBoard, all to the file.
        """
        self._file.write(json.dumps(dict(row)) + "\n")
        self._file.flush()
        for name, value in row.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and name != "episode":
                self._writer.add_scalar(name if "/" in name else f"train/{name}", value, row["episode"])
        shown = {text: f"{row[name]:.2f}" for name, text in _SHOWN.items() if row.get(name) is not None}
        self._bar.set_postfix(shown)

    def close(self) -> None:
        """Close the files and the bar; closing twice is harmless."""
        self._file.close()
        self._writer.close()
        self._bar.close()


def read_metrics(run: Path) -> list[dict[str, Any]]:
    """Return the records of a run, oldest first; a last line cut short by a kill is left out.

    Args:
        run: The run folder; without a metrics file there are no records.

    Raises:
        CheckpointError: A line is not a record.
    """
    path = run / METRICS_FILE
    if not path.exists():
        return []
    rows = []
    lines = path.read_bytes().split(b"\n")
    # What follows the last line break is empty, or a line whose writing was interrupted.
    for number, line in enumerate(lines[:-1], start=1):
        try:
            row = json.loads(line)
            row["episode"] + 0
        except (ValueError, TypeError, KeyError) as error:
            raise CheckpointError(
                f"{path} line {number} is not a record ({error!r}); delete that line and try again."
            ) from None
        rows.append(row)
    return rows
