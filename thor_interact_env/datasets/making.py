"""Makes dataset files, room by room, in one or several processes, with the same result."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from tqdm.auto import tqdm

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import REACH
from thor_interact_env.checks import is_integer
from thor_interact_env.datasets.drawing import Drawing, draw_room, rooms_with_counts
from thor_interact_env.datasets.measuring import DIRECTIONS_TRIED, POINTS, measure
from thor_interact_env.errors import DatasetError, InvalidOptionError
from thor_interact_env.files import locked
from thor_interact_env.locations.dataset import LocationDataset
from thor_interact_env.locations.splits import split_rooms
from thor_interact_env.simulators import check_simulator_name, make_simulator
from thor_interact_env.spawning import check_main_guard, run_tasks
from thor_interact_env.world import OtherWorldWarning, distribution_version, world_of

PAPER_SIZES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "NovelSpaces/train": 8_000,
        "NovelSpaces/val": 500,
        "NovelSpaces/test": 1_000,
        "NovelObjects/train": 6_211,
        "NovelObjects/val": 500,
        "NovelObjects/test": 1_000,
    }
)
"""Locations of each split: together 17,211 as in the paper, which does not state their division."""

_FORMAT: Final = 3  # of the measurements: part files of another version are not used

_LIST: Final = "list"  # key of an entry: a digest of all that determines the list


@dataclass(frozen=True)
class _RoomTask:
    """One room of a list, drawn, measured and written by a worker."""

    drawing: Drawing
    room: int
    count: int
    forces: bool
    simulator: str
    objects: str | os.PathLike[str] | None
    extra: Mapping[str, str]
    path: Path


def make_dataset(
    drawing: Drawing,
    path: str | os.PathLike[str],
    *,
    forces: bool = True,
    workers: int = 1,
    simulator: str = "mujoco",
    objects: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> LocationDataset:
    """Draw a list of locations, measure its ground truth and write both as one file.

    Finished rooms are kept in a folder next to the file, `.NAME.parts`, until the file is written: after an
    interruption the same call continues from there. If the file is this list already, it is read and kept.

    Args:
        drawing: The list.
        path: File to write, .json, new; its folder is made if necessary.
        forces: Whether to find the minimum force that moves each object.
        workers: Processes, at least 1. The file does not depend on it.
        simulator: Name of the simulator.
        objects: Folder of objects that are added to the rooms of the embedded simulator, or "Elsewhere"; the
            file states them. None adds none.
        progress: Show a progress bar; None shows it on a terminal only.

    Returns:
        The list as written.

    Raises:
        InvalidOptionError: The number of workers is below 1, objects are added to another simulator, the
            name does not end in .json, the file is another one, or another process is making it.
        ObjectError: The objects cannot be used.
        ValueError: There is no such simulator.
        DependencyNotInstalled: pycocotools is missing.
        MainGuardError: The main program makes the dataset without a main guard, so workers would make it
        again.
    """
    check_main_guard()
    if not is_integer(workers) or workers < 1:
        raise InvalidOptionError(f"workers {workers!r} is not an integer of at least 1")
    check_simulator_name(simulator)
    extra = {"world": world_of(simulator, objects)}
    if objects is not None:
        extra["objects"] = Path(objects).absolute().name
    file = Path(os.path.abspath(path))
    if file.is_dir() or not file.name:
        raise InvalidOptionError(f"{str(path)!r} is a folder; name the file to write, such as list.json")
    if file.suffix != ".json":
        raise InvalidOptionError(f"{str(path)!r} does not end in .json, as a list of locations has to")
    folder = file.with_name(f".{file.name}.parts")
    scenes = ""
    if simulator == "mjcf":
        from thor_interact_env.simulators.mjcf.simulator import scenes_digest  # it needs OpenGL

        scenes = scenes_digest()
    tasks = [
        _RoomTask(
            drawing,
            room,
            count,
            forces,
            simulator,
            objects,
            extra,
            folder / f"{_key(drawing, room, count, forces, simulator, extra['world'], scenes)}.json",
        )
        for room, count in rooms_with_counts(drawing)
    ]
    key = hashlib.sha256("".join(task.path.stem for task in tasks).encode()).hexdigest()[:32]
    if file.exists():
        return _complete(file, key, drawing.locations)
    file.parent.mkdir(parents=True, exist_ok=True)
    busy = InvalidOptionError(f"another process is making {file}; wait for it, or name another file")
    with locked(file.with_name(f".{file.name}.lock"), busy):
        if file.exists():  # another process has just made it
            return _complete(file, key, drawing.locations)
        folder.mkdir(exist_ok=True)
        dataset = _make(drawing, tasks, key, workers, progress)
        dataset.write(file)
        shutil.rmtree(folder)
    return dataset


def _make(
    drawing: Drawing, tasks: Sequence[_RoomTask], key: str, workers: int, progress: bool | None
) -> LocationDataset:
    """Make the rooms that are missing, and return the list of all."""
    missing = [task for task in tasks if not _is_made(task)]
    with tqdm(
        total=drawing.locations,
        initial=drawing.locations - sum(task.count for task in missing),
        desc=drawing.split,
        unit=" locations",
        disable=None if progress is None else not progress,
    ) as bar:
        for task in run_tasks(_make_room, missing, workers):
            bar.update(task.count)
    entries = [entry for task in tasks for entry in LocationDataset.read(task.path)]
    return LocationDataset(
        [
            replace(entry, image_id=number, extra={**entry.extra, _LIST: key})
            for number, entry in enumerate(entries)
        ]
    )


def _complete(file: Path, key: str, locations: int) -> LocationDataset:
    """Return the list of a file that exists, if it is this one and whole."""
    with contextlib.suppress(DatasetError), warnings.catch_warnings():
        warnings.simplefilter("ignore", OtherWorldWarning)
        dataset = LocationDataset.read(file)
        if [entry.extra.get(_LIST) for entry in dataset] == [key] * locations:
            return dataset
    raise InvalidOptionError(
        f"{file} exists and is not this list: other options, another version or another program have made "
        "it; name a new file"
    )


def _key(
    drawing: Drawing, room: int, count: int, forces: bool, simulator: str, world: str, scenes: str
) -> str:
    """Return the name of a part file, which depends on all that determines its content."""
    distributions = ("mujoco", "opencv-python-headless", "scikit-image")
    values = {
        **asdict(drawing),
        "locations": count,  # of this room: nothing else depends on the length of the whole list
        "room": split_rooms(drawing.split)[room],
        "generator": room,
        "touches": [POINTS, DIRECTIONS_TRIED] if forces else None,
        "simulator": simulator,
        "format": _FORMAT,
        "reach": REACH,
        "image_size": IMAGE_SIZE,
        "world": world,
        **({"scenes": scenes} if scenes else {}),
        "numpy": np.__version__,
        "versions": [distribution_version(name) for name in distributions],
    }
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]


def _is_made(task: _RoomTask) -> bool:
    try:
        return len(LocationDataset.read(task.path)) == task.count
    except (FileNotFoundError, DatasetError):
        return False


def _make_room(task: _RoomTask) -> None:
    options = {} if task.objects is None else {"objects": task.objects}
    simulator = make_simulator(task.simulator, **options)
    try:
        drawn = draw_room(simulator, task.drawing, task.room, task.count)
        entries = [
            replace(
                measure(simulator, location, number, forces=task.forces),
                extra=task.extra,
            )
            for number, (location, _) in enumerate(drawn)
        ]
    finally:
        simulator.close()
    LocationDataset(entries).write(task.path)
