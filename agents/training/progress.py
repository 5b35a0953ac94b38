"""Start, progress and updates of a run, common to all learners."""

import base64
import random
import sys
import time
import warnings
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from agents.training.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_last_checkpoint,
    optimizer_tensors,
)
from agents.training.learner import resolve_device
from agents.training.metrics import MetricsLogger, read_metrics
from agents.training.processor import processor_seconds, separate_cores
from agents.training.ranks import gather
from agents.training.run_folder import (
    METRICS_FILE,
    RUN_FILE,
    RunConfiguration,
    first_rank,
    goes_on,
    keep_checkpoint,
    note_run,
    note_start,
    notes_of,
    prepared_run,
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

    @property
    def objects(self) -> str | None:
        """Folder of objects that are added to its rooms; None adds none."""

    def digest(self) -> str:
        """Return a SHA-256 of all that decides the result."""


Config = TypeVar("Config", bound=Trainable)
Opened = TypeVar("Opened", bound="Progress[Any]")
Trained = TypeVar("Trained")


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


@dataclass(frozen=True)
class Updates:
    """What the updates of an episode measured.

    Attributes:
        values: By name, one of each update.
        rate: Learning rate of the last one; of the next where there was none.
        count: How many there were.
        seconds: How long they took.
    """

    values: Mapping[str, Sequence[float]]
    rate: float
    count: int
    seconds: float

    def row(self, batch_size: int, ranks: int = 1) -> dict[str, float]:
        """Return means, `learning_rate` and `images_per_second`, for the metrics.

        Args:
            batch_size: Images of an update, of all ranks together.
            ranks: Processes that learn together; their values are averaged.
        """
        parts = gather(dict(self.values), ranks)
        names = dict.fromkeys(name for part in parts for name in part)  # not every rank had masks
        together = {name: [one for part in parts for one in part.get(name, [])] for name in names}
        means = {name: float(np.mean(measured)) for name, measured in together.items()}
        speed = self.count * batch_size / max(self.seconds, 1e-9)
        return {**means, "learning_rate": self.rate, "images_per_second": speed}


class Progress(ABC, Generic[Config]):
    """A run in progress: completed episodes and updates, and their time.

    Attributes:
        config: The run.
        run: Its folder.
        episode: Episodes done.
        updates: Updates done.
    """

    def __init__(self, config: Config, run: Path) -> None:
        """Start at zero.

        Args:
            config: The run.
            run: Its folder.
        """
        self.config, self.run = config, run
        self.episode = self.updates = 0
        self._seconds_before, self._started = 0.0, time.perf_counter()
        self._processor_before, self._processor_started = 0.0, processor_seconds()

    @abstractmethod
    def restore(self) -> None:
        """Restore the last checkpoint of the run folder.

        Raises:
            CheckpointError: There is none, it is damaged, or it is of another run.
        """

    def seconds(self) -> float:
        """Return the wall-clock time, without that of work lost by a kill."""
        return self._seconds_before + time.perf_counter() - self._started

    def processor_seconds(self) -> float:
        """Return the CPU time of all processes of the run on this machine, as `seconds` counts it."""
        return self._processor_before + processor_seconds() - self._processor_started

    def times(self) -> dict[str, float]:
        """Return `seconds` and `processor_seconds`, for the metrics."""
        return {
            "seconds": round(self.seconds(), 3),
            "processor_seconds": round(self.processor_seconds(), 3),
        }

    def note_kept(self) -> None:
        """Write down the time so far, because what was made in it is kept although there is no checkpoint."""
        note_run(
            self.run,
            kept_seconds=round(self.seconds(), 3),
            kept_processor_seconds=round(self.processor_seconds(), 3),
        )

    def restore_kept(self) -> None:
        """Count the time of what was kept, where a run goes on without a checkpoint.

        Raises:
            CheckpointError: `run.json` is malformed.
        """
        self.count_kept_of(self.run)

    def count_kept_of(self, run: Path) -> None:
        """Count the time in which a run made what this one uses: this one, or another.

        Raises:
            CheckpointError: `run.json` is malformed.
        """
        self._seconds_before += _kept(run, "kept_seconds")
        self._processor_before += _kept(run, "kept_processor_seconds")

    def note_end(self) -> None:
        """Write down how long the run took, in wall-clock and CPU time, and how many episodes it has."""
        note_run(
            self.run,
            training_seconds=round(self.seconds(), 1),
            training_processor_seconds=round(self.processor_seconds(), 1),
            episodes=self.episode,
        )

    def make_updates(
        self,
        count: int,
        rate: Callable[[int], float],
        update: Callable[[float], Mapping[str, float]],
        logger: MetricsLogger,
    ) -> Updates:
        """Make the updates of an episode, each with torch's threads on cores of their own, and count them.

        Args:
            count: How many.
            rate: Learning rate of an update, given how many were made before it in the whole run.
            update: Makes one at a rate, and returns what it measured.
            logger: Its bar moves on with each.
        """
        values: dict[str, list[float]] = defaultdict(list)
        start, last = time.perf_counter(), rate(self.updates)
        for _ in range(count):
            last = rate(self.updates)
            with separate_cores():
                measured = update(last)
            for name, value in measured.items():
                values[name].append(value)
            self.updates += 1
            logger.advance()
        return Updates(values, last, count, time.perf_counter() - start)

    def keep(self, weights: dict[str, Tensor], optimizer: Optimizer, **state: Any) -> None:
        """Save a checkpoint of the episodes done.

        Args:
            weights: Of the network.
            optimizer: Its moments are saved with them.
            **state: What else `restore` needs, as JSON-able values.

        Raises:
            OSError: The folder cannot be written to, or the disk is full.
        """
        counters = {
            "episode": self.episode,
            "updates": self.updates,
            "seconds": self.seconds(),
            "processor_seconds": self.processor_seconds(),
        }
        whole = {"config": self.config.digest(), **counters, **state}
        keep_checkpoint(self.run, self.episode, Checkpoint(weights, optimizer_tensors(optimizer), whole))

    @contextmanager
    def restoring(self, load: Callable[[Checkpoint, Path], None]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """Go back to the last whole checkpoint, and hand out its folder and the state that `keep` saved.

        Args:
            load: Puts back the weights and the optimizer.

        Raises:
            CheckpointError: There is none, it is of another run, or a value of the state is missing or of a
                wrong kind, here or where it is read inside the `with` statement.
        """
        folder, checkpoint = load_last_checkpoint(self.run, self.config.digest())
        load(checkpoint, folder)
        state = checkpoint.state
        try:
            self.episode, self.updates = int(state["episode"]), int(state["updates"])
            self._seconds_before = float(state["seconds"])
            self._processor_before = float(state["processor_seconds"])
            yield folder, state
        except CheckpointError:  # a ValueError too, and says more
            raise
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise CheckpointError(f"{folder / 'state.json'} is malformed ({error!r}); train again.") from None


def _kept(run: Path, name: str) -> float:
    kept = notes_of(run).get(name, 0.0)
    if not is_number(kept):
        raise CheckpointError(f"{run / RUN_FILE} has {name} {kept!r}, no number; delete the file.")
    return float(kept)


def last_episode(total: int, stop_after: int | None) -> int:
    """Return after how many episodes to stop.

    Args:
        total: Episodes of the run.
        stop_after: Most episodes; None goes to the end.
    """
    return total if stop_after is None else min(total, stop_after)


def open_run(config: Config, run: Path, resume: bool, make: Callable[[Config, Path], Opened]) -> Opened:
    """Begin a run in its folder, or go on with one; how the training of every learner opens.

    Warns where the run goes on in another world than it began in, or lacks the metrics of episodes done.

    Args:
        config: The run.
        run: Its folder.
        resume: Go on with what is there.
        make: Makes the run in progress, at its beginning, of its configuration and folder.

    Returns:
        What `make` made, as far as the last whole checkpoint says.

    Raises:
        RunExistsError: The folder is not empty and `resume` is false.
        ConfigurationError: The folder's run has another configuration, or the device cannot be used.
        CheckpointError: `resume` is true and there is no run, or parts of it are missing or malformed;
            nothing was changed.
        UnknownSplitError: There is no such split.
        InvalidOptionError: Objects are added to another simulator than the embedded one.
        ObjectError: The objects cannot be used; the message names the fault and the remedy.
        MainGuardError: This process only collects for a run, and is running the main program again.
    """
    split_rooms(f"{config.split}/train")
    world = world_of(config.simulator, config.objects)
    resolve_device(config.device)
    with prepared_run(config, run, resume):
        going_on = resume and goes_on(run)
        progress = make(config, run)
    if going_on:
        progress.restore()
    else:
        progress.restore_kept()
    check_metrics(run, progress.episode)
    note_start(run, sys.orig_argv, world)
    return progress


def held_out(
    evaluate: Callable[[Trained], Mapping[str, float]] | None,
    every: int,
    episode: int,
    agent: Callable[[], Trained],
) -> dict[str, float]:
    """Measure the agent on held-out views, if it is time to.

    Args:
        evaluate: Measures an agent: numbers by name; None never does.
        every: Episodes between two measurements; 0 never does.
        episode: Episodes done.
        agent: Makes the agent as it is now.

    Returns:
        The numbers, for the metrics.
    """
    if evaluate is None or not every or episode % every:
        return {}
    return {f"held_out/{name}": value for name, value in evaluate(agent()).items()}


def random_states(generator: np.random.Generator) -> dict[str, Any]:
    """Return the states of Python's, torch's and one NumPy generator as JSON-able values.

    torch has a generator for the CPU and one for each GPU.
    """
    version, words, gauss = random.getstate()
    states = {
        "python": [version, list(words), gauss],
        "torch": _encode(torch.get_rng_state()),
        "numpy": generator.bit_generator.state,
    }
    if torch.cuda.is_available():
        states["gpus"] = [_encode(state) for state in torch.cuda.get_rng_state_all()]
    return states


def restore_random_states(states: Mapping[str, Any], generator: np.random.Generator) -> None:
    """Put back what `random_states` returned.

    Raises:
        CheckpointError: A state is missing or malformed.
    """
    try:
        version, words, gauss = states["python"]
        random.setstate((version, tuple(words), gauss))
        torch.set_rng_state(_decode(states["torch"]))
        generator.bit_generator.state = states["numpy"]
        # None of them exists without a GPU.
        for number, state in enumerate(states.get("gpus", ())[: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(_decode(state), number)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"the random states are malformed ({error!r}); the checkpoint is corrupt."
        ) from None


def _encode(state: Tensor) -> str:
    return base64.b64encode(state.numpy().tobytes()).decode("ascii")


def _decode(text: str) -> Tensor:
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)
