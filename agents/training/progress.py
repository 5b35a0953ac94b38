"""Start and progress of a run, common to all learners."""

import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from agents.training.checkpoint import CheckpointError
from agents.training.learner import resolve_device
from agents.training.metrics import read_metrics
from agents.training.run_folder import (
    METRICS_FILE,
    RUN_FILE,
    RunConfiguration,
    first_rank,
    goes_on,
    note_run,
    note_start,
    notes_of,
    prepare_run,
)
from thor_interact_env.checks import is_number
from thor_interact_env.locations.splits import split_rooms
from thor_interact_env.world import world_of


class Trainable(RunConfiguration, Protocol):
    """A run's configuration with device, simulator and split."""

    @property
    def split(self) -> str:
        """NovelSpaces or NovelObjects."""

    @property
    def device(self) -> str:
        """Where to train: auto, cpu, cuda, ..."""

    @property
    def simulator(self) -> str:
        """Name of the simulator to learn in."""


def begin_run(config: Trainable, run: Path, resume: bool) -> bool:
    """Check a run, and prepare the folder of a new one; an existing run is not changed.

    Args:
        config: The run.
        run: Its folder.
        resume: Continue the existing run.

    Returns:
        Whether there is a checkpoint to continue from.

    Raises:
        RunExistsError: The folder is not empty and `resume` is false.
        ConfigurationError: The folder's run has another configuration, or the device cannot be used.
        CheckpointError: `resume` is true and there is no run, or parts of it are missing.
        UnknownSplitError: There is no such split.
        MainGuardError: This process only collects for a run, and is running the main program again.
    """
    split_rooms(f"{config.split}/train")
    resolve_device(config.device)
    prepare_run(config, run, resume)
    return resume and goes_on(run)


def note_begin(config: Trainable, run: Path, episodes: int) -> None:
    """Record in a run's folder that it starts or continues; nothing there has been changed before.

    Warns if the run continues in another world than it started in, or lacks the metrics of completed
    episodes.

    Args:
        config: The run.
        run: Its folder.
        episodes: Number of completed episodes.

    Raises:
        CheckpointError: `run.json` or the metrics are malformed.
    """
    check_metrics(run, episodes)
    note_start(run, sys.orig_argv, world_of(config.simulator))


def check_metrics(run: Path, episodes: int) -> None:
    """Warn if a run lacks the metrics of completed episodes, as after a partial copy.

    Args:
        run: Its folder.
        episodes: Number of completed episodes, each with a record of its number.

    Raises:
        CheckpointError: A line of the metrics is not a record.
    """
    if not first_rank():
        return
    missing = set(range(1, episodes + 1)) - {row["episode"] for row in read_metrics(run)}
    if missing:
        warnings.warn(
            f"{run / METRICS_FILE} lacks the records of {len(missing)} of the {episodes} completed episodes: "
            "the run continues without them; stop it and copy the file again if you have it.",
            RuntimeWarning,
            stacklevel=3,
        )


class Progress:
    """Progress of a run: completed episodes and updates, and their time."""

    def __init__(self) -> None:
        """Start at zero."""
        self.episode = self.updates = 0
        self._seconds_before, self._started = 0.0, time.perf_counter()

    def seconds(self) -> float:
        """Return the wall-clock time, without that of work lost by a kill."""
        return self._seconds_before + time.perf_counter() - self._started

    def note_kept(self, run: Path) -> None:
        """Record the time so far, because its results are kept although there is no checkpoint."""
        note_run(run, kept_seconds=round(self.seconds(), 3))

    def restore_kept(self, run: Path) -> None:
        """Add the time of kept results, if a run continues without a checkpoint.

        Raises:
            CheckpointError: `run.json` is malformed.
        """
        kept = notes_of(run).get("kept_seconds", 0.0)
        if not is_number(kept):
            raise CheckpointError(
                f"{run / RUN_FILE} has kept_seconds {kept!r}, not a number; delete the file."
            )
        self._seconds_before = float(kept)

    def saved(self) -> dict[str, Any]:
        """Return what `restored` takes, for a checkpoint."""
        return {"episode": self.episode, "updates": self.updates, "seconds": self.seconds()}

    def restored(self, state: Mapping[str, Any]) -> None:
        """Restore a checkpoint.

        Raises:
            KeyError, TypeError, ValueError: The state is malformed.
        """
        self.episode, self.updates = int(state["episode"]), int(state["updates"])
        self._seconds_before = float(state["seconds"])


@contextmanager
def reading_state(folder: Path) -> Iterator[None]:
    """Report errors in the state of a checkpoint while it is read.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: A value of the state was missing, or of a wrong type.
    """
    try:
        yield
    except CheckpointError:  # also a ValueError, with a better message
        raise
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / 'state.json'} is malformed ({error!r}); train again.") from None
