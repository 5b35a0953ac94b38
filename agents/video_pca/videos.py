"""Recorded motions, kept as one soft mask per location: the training data of VideoPCA."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from tqdm.auto import tqdm

from agents.collection.collect import CollectionTask, location_seeds
from agents.collection.collector import Collector
from agents.collection.interact import InteractionRecord, InteractionSchedule, random_points
from agents.training.checkpoint import CheckpointError
from agents.video_pca.configuration import VideoPCAConfig
from selfsup.files import remove_temporaries
from selfsup.grid import GRID, IMAGE_SIZE
from selfsup.video_pca import combined, soft_mask
from thor_interact_env.actions import DIRECTIONS, FORCES, REACH
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.files import write_whole
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.splits import split_rooms

VIDEOS_FOLDER = "videos"

_AHEAD = 64
"""Maximum number of tasks whose locations are in memory or being visited."""

_MAXIMUM_FORCE = len(FORCES) - 1
_SIZE = (IMAGE_SIZE, IMAGE_SIZE)
_ARRAYS: dict[str, tuple[str, tuple[int, ...]]] = {
    "rgb": ("U8", (*_SIZE, 3)),
    "depth": ("F16", _SIZE),
    "soft": ("U8", (GRID, GRID)),
    "touches": ("I64", ()),
    "moved": ("I64", ()),
}
"""Safetensors type and shape of a file's arrays for each location."""


@dataclass(frozen=True, eq=False)
class VideoRecord:
    """The record of one location.

    Attributes:
        rgb: (300, 300, 3) uint8, the first view.
        depth: (300, 300) float16, metres from the camera.
        soft: (100, 100) uint8, 255 times the soft mask of all that moved.
        touches: Points touched, an integer.
        moved: Touches with a visible motion, an integer.
    """

    rgb: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float16]
    soft: npt.NDArray[np.uint8]
    touches: int
    moved: int


def watch(
    env: ThorInteractEnv, location: Location, rng: np.random.Generator, oracle_points: int, random_count: int
) -> VideoRecord:
    """Visit one location: touch objects, then random points, with the maximum force, and record the motion.

    Args:
        env: Made with `record_motion=True`; an episode must allow all touches.
        location: Where to go.
        rng: Decides points and directions.
        oracle_points: Maximum number of movable objects in reach to touch (the paper's interaction oracle:
            the ground truth of the first view gives only their positions).
        random_count: Points drawn uniformly over the grid.

    Returns:
        The first view, and the soft mask of all that moved.
    """
    observation, _ = env.reset(options={"location": location})
    view, depth = observation["rgb"], observation["depth"]
    points = _object_points(env, depth, oracle_points, rng) if oracle_points else []
    points += [(row, column) for row, column, _ in random_points(random_count, rng)]
    softs = []
    before = view
    for row, column in points:
        direction = int(rng.integers(len(DIRECTIONS)))
        after, *_, info = env.step(np.array([row, column, _MAXIMUM_FORCE, direction]))
        if info["frame_count"]:
            softs.append(soft_mask(before, info["frames"][: info["frame_count"]]))
        before = after["rgb"]
    soft = np.rint(255 * combined(softs)).astype(np.uint8)
    return VideoRecord(view, depth.astype(np.float16), soft, len(points), len(softs))


def _object_points(
    env: ThorInteractEnv, depth: npt.NDArray[np.float32], most: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Return one random pixel in reach of each movable object, in random order."""
    masks = env.ground_truth().masks & (depth < getattr(env.simulator, "reach", REACH))
    points: list[tuple[int, int]] = []
    for index in rng.permutation(len(masks)):
        rows, columns = masks[index].nonzero()
        if len(rows) and len(points) < most:
            chosen = rng.integers(len(rows))
            points.append((int(rows[chosen]), int(columns[chosen])))
    return points


class Videos:
    """The soft masks of a run's locations in files of its folder, a few locations each.

    A file is written completely when its locations have been visited, so that a stopped run continues with
    the next one. A batch is read from the files: memory does not limit the number of locations.
    """

    def __init__(self, config: VideoPCAConfig, run: Path) -> None:
        """Set the locations; nothing is read or collected yet.

        Args:
            config: The run.
            run: Its folder.
        """
        self._folder = run / VIDEOS_FOLDER
        schedule = config.schedule
        self._count = schedule.stages[0].total_locations
        task = CollectionTask(
            seeds=tuple(location_seeds(config.seed, 0, 0, self._count)),
            rooms=split_rooms(f"{config.split}/train"),
            schedule=InteractionSchedule(greedy=0, random=config.points, joint=False),
            # Masks come from frames; the environment's own masks are not used.
            environment={
                "simulator": config.simulator,
                "simulator_options": config.simulator_options,
                "record_motion": True,
                "use_superpixels": False,
            },
            reachable_fraction=schedule.reachable_fraction,
            locations_per_room=schedule.locations_per_room,
            visit=partial(watch, oracle_points=config.oracle_points, random_count=config.random_points),
        )
        self._tasks = task.split()
        self._per_file = schedule.locations_per_room

    def __len__(self) -> int:
        """Return the number of locations."""
        return self._count

    def missing(self) -> list[int]:
        """Return the numbers of the files that are missing or invalid."""
        return [number for number in range(len(self._tasks)) if not self._is_whole(number)]

    def collect(self, collector: Collector) -> Iterator[int]:
        """Visit all locations that have not been visited.

        Args:
            collector: Visits them.

        Yields:
            The number of further visited locations, after they are written.

        Raises:
            CollectionError: A location cannot be visited; earlier ones are kept.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        remove_temporaries(self._folder)
        missing = self.missing()
        with tqdm(total=len(self), unit=" locations", desc="watching motions", disable=None) as bar:
            bar.update(len(self) - sum(len(self._tasks[number].seeds) for number in missing))
            waiting: dict[Future[list[InteractionRecord]], int] = {}
            left = deque(missing)
            while left or waiting:
                while left and len(waiting) < _AHEAD and not any(each.done() for each in waiting):
                    number = left.popleft()
                    waiting[collector.submit(self._tasks[number])] = number
                # In any order: a worker prefers the tasks of the room that it has.
                for done in wait(waiting, return_when=FIRST_COMPLETED).done:
                    records = cast(list[VideoRecord], done.result())
                    arrays = {name: np.array([getattr(each, name) for each in records]) for name in _ARRAYS}
                    write_whole(self._path(waiting.pop(done)), save(arrays))
                    bar.update(len(records))
                    yield len(records)

    def read(self, indices: Sequence[int]) -> list[VideoRecord]:
        """Return the records of some locations.

        Args:
            indices: Each in 0..len(self) - 1.

        Raises:
            CheckpointError: A file is missing or cannot be read.
        """
        records = []
        for index in indices:
            number, place = divmod(int(index), self._per_file)
            with self._opened(number) as file:
                values: dict[str, Any] = {
                    name: file.get_slice(name)[place : place + 1][0] for name in _ARRAYS
                }
            records.append(VideoRecord(**values))
        return records

    def summary(self) -> dict[str, float]:
        """Return statistics: `locations`, `touches`, `moved_fraction` of the touches."""
        counts = {"touches": 0, "moved": 0}
        for number in range(len(self._tasks)):
            with self._opened(number) as file:
                for name in counts:
                    counts[name] += int(file.get_tensor(name).sum())
        fraction = counts["moved"] / max(counts["touches"], 1)
        return {"locations": len(self), "touches": counts["touches"], "moved_fraction": fraction}

    @contextmanager
    def _opened(self, number: int) -> Iterator[Any]:
        """Open a file of locations that have been visited."""
        try:
            with safe_open(self._path(number), framework="numpy") as file:
                yield file
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"{self._path(number)} cannot be read ({error}); resume the run, which makes it again."
            ) from error

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.safetensors"

    def _is_whole(self, number: int) -> bool:
        if not self._path(number).exists():
            return False
        try:
            with safe_open(self._path(number), framework="numpy") as file:
                found = {
                    name: (file.get_slice(name).get_dtype(), tuple(file.get_slice(name).get_shape()))
                    for name in file.keys()  # noqa: SIM118, it is not a mapping
                }
        except (SafetensorError, OSError):
            return False
        count = len(self._tasks[number].seeds)
        return found == {name: (kind, (count, *shape)) for name, (kind, shape) in _ARRAYS.items()}
