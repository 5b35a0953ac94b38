"""Metrics of a run during training: a JSON-lines file, TensorBoard events and a progress bar."""

import io
import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter
from tqdm import tqdm

from agents.closing import Closing
from agents.training.checkpoint import CheckpointError
from agents.training.run_folder import METRICS_FILE
from thor_interact_env.files import append_whole, write_whole

TIMINGS = frozenset({"seconds", "processor_seconds", "images_per_second", "locations_per_second"})
"""Entries that differ between two runs of one configuration; all others are equal."""

_SHOWN = {
    "interaction_loss": "score",
    "mask_iou": "mask IoU",
    "greedy_success": "greedy",
    "random_success": "random",
}


class MetricsLogger(Closing):
    """Writes each record to all outputs.

    Each is appended completely or not at all. Usable as a context manager; leaving it closes the bar.
    """

    def __init__(self, run: Path, total_updates: int, episodes_done: int = 0, updates_done: int = 0) -> None:
        """Open the files and delete the records after the checkpoint from which the run continues.

        Args:
            run: The run folder.
            total_updates: Updates of the whole run, the length of the progress bar.
            episodes_done: Episodes whose records are kept.
            updates_done: Updates already made.

        Raises:
            CheckpointError: A line of the metrics is not a record.
            OSError: The folder cannot be written to, or the disk is full.
        """
        self._path = run / METRICS_FILE
        kept = [row for row in read_metrics(run) if row["episode"] <= episodes_done]
        write_whole(self._path, "".join(json.dumps(row) + "\n" for row in kept).encode())
        self._events = EventFile(run / "tensorboard", episodes_done + 1)
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
        """Show the current activity on the progress bar."""
        self._bar.set_description(text)

    def log(self, row: Mapping[str, Any]) -> None:
        """Record one row.

        Args:
            row: Values by name. `episode` is the step; numbers go to TensorBoard, all to the file.

        Raises:
            OSError: A file cannot be written to, or the disk is full.
        """
        append_whole(self._path, (json.dumps(dict(row)) + "\n").encode())
        self._events.add(
            row["episode"],
            {
                name if "/" in name else f"train/{name}": float(value)
                for name, value in row.items()
                if isinstance(value, int | float) and not isinstance(value, bool) and name != "episode"
            },
        )
        shown = {text: f"{row[name]:.2f}" for name, text in _SHOWN.items() if row.get(name) is not None}
        self._bar.set_postfix(shown)

    def close(self) -> None:
        """Close the bar; a second call does nothing."""
        self._bar.close()


class EventFile:
    """Numbers for TensorBoard, in a file of its own format.

    The writers of TensorBoard and torch write in a thread, which reports a full disk by a traceback and much
    later.
    """

    def __init__(self, folder: Path, first_step: int) -> None:
        """Start a new file.

        Args:
            folder: Folder for TensorBoard; made if missing. Its files are read in the order of their names.
            first_step: Values of this and later steps in earlier files are ignored.

        Raises:
            OSError: The folder cannot be written to, or the disk is full.
        """
        folder.mkdir(parents=True, exist_ok=True)
        moment = f"{time.time():020.9f}.{socket.gethostname()}.{os.getpid()}"
        self._path = folder / f"events.out.tfevents.{moment}"
        self._append(
            Event(wall_time=time.time(), step=first_step, file_version="brain.Event:2"),
            Event(wall_time=time.time(), step=first_step, session_log=SessionLog(status=SessionLog.START)),
        )

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Append numbers.

        Args:
            step: Position on the horizontal axis.
            values: By the names of their charts.

        Raises:
            OSError: The file cannot be written to, or the disk is full.
        """
        summary = Summary(value=[Summary.Value(tag=name, simple_value=each) for name, each in values.items()])
        self._append(Event(wall_time=time.time(), step=step, summary=summary))

    def _append(self, *events: Event) -> None:
        stream = io.BytesIO()
        records = RecordWriter(stream)
        for event in events:
            records.write(event.SerializeToString())
        append_whole(self._path, stream.getvalue())


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
