"""Makes records, episode by episode, in one or several processes, with the same result."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import gymnasium
from tqdm.auto import tqdm

from thor_interact_env.checks import is_integer
from thor_interact_env.datasets.measuring import load_pycocotools
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.errors import DatasetError, InvalidOptionError
from thor_interact_env.files import locked, replace_folder
from thor_interact_env.record import coco, minari_dataset, parquet
from thor_interact_env.record.actors import ActorFactory, make_actor
from thor_interact_env.record.checking import FILE, Record, digests, open_record
from thor_interact_env.record.episodes import record_episode
from thor_interact_env.record.plan import Plan, Start
from thor_interact_env.record.tables import load_pyarrow, read_table, touch_table, write_table
from thor_interact_env.spawning import check_main_guard, run_tasks
from thor_interact_env.world import distribution_version

FORMATS: Final = (parquet.FORMAT, minari_dataset.FORMAT, coco.FORMAT)
"""The formats of records."""

_VERSION: Final = 1  # of the parts: those of another version are not used


@dataclass(frozen=True)
class _EpisodeTask:
    """One episode, carried out and written by a worker."""

    plan: Plan
    start: Start
    number: int
    views: bool
    path: Path
    agents: ActorFactory | None


def make_record(
    plan: Plan,
    folder: str | os.PathLike[str],
    format: str = parquet.FORMAT,
    *,
    workers: int = 1,
    agents: ActorFactory | None = None,
    progress: bool | None = None,
) -> Record:
    """Carry out the episodes of a plan and write them as one record.

    Finished episodes are kept in a folder next to the record, `.NAME.parts`, until the record is written:
    after an interruption the same call continues from there. If the record is complete, its files are
    checked.

    Args:
        plan: What to record.
        folder: Folder of the record, new or empty; those above it are made if necessary.
        format: One of `FORMATS`.
        workers: Processes, at least 1. The record does not depend on it, unless the agent's proposals depend
            on the episodes that it has seen before.
        agents: Makes the agent of the plan by its name; None: the agent is `random`.
        progress: Show a progress bar; None shows it on a terminal only.

    Returns:
        The record.

    Raises:
        InvalidOptionError: The format is unknown, the folder holds something else, another process is making
            it, the number of workers is below 1, the agent cannot be made, or the plan does not fit the
            format.
        DatasetError: A file of a complete record is missing or changed.
        RecordingError: A saved episode is malformed, or its results are others here.
        DependencyNotInstalled: A library of the format is missing.
        MainGuardError: The main program makes the record without a main guard.
    """
    check_main_guard()
    target = Path(folder).resolve()  # "." has no name, and a link cannot be replaced by a folder
    _check(plan, target, format, workers)
    starts = plan.starts()
    keys = [_key(plan, start, number, format) for number, start in enumerate(starts)]
    key = hashlib.sha256("".join(keys).encode()).hexdigest()
    if (target / FILE).is_file():
        return _complete(target, key, format)
    target.parent.mkdir(parents=True, exist_ok=True)
    busy = InvalidOptionError(f"another process is making {target}; wait for it, or name another folder")
    with locked(target.with_name(f".{target.name}.lock"), busy):
        if target.is_dir() and any(target.iterdir()):  # another process has just made it
            return _complete(target, key, format)
        parts = target.with_name(f".{target.name}.parts")
        parts.mkdir(exist_ok=True)
        views = format == coco.FORMAT
        tasks = [
            _EpisodeTask(plan, start, number, views, parts / f"{number:06d}-{name}.parquet", agents)
            for number, (start, name) in enumerate(zip(starts, keys, strict=True))
        ]
        try:
            _make_episodes(plan, tasks, workers, progress)
        finally:
            _close_worker(plan, agents)
            with contextlib.suppress(OSError):  # it is not empty: the same call can continue
                parts.rmdir()
        record = _write(target, plan, starts, [task.path for task in tasks], format, key)
        shutil.rmtree(parts)
    return record


def _make_episodes(plan: Plan, tasks: Sequence[_EpisodeTask], workers: int, progress: bool | None) -> None:
    """Make the episodes that are missing."""
    missing = [task for task in tasks if not _is_made(task.path)]
    with tqdm(
        total=len(tasks),
        initial=len(tasks) - len(missing),
        desc=plan.actor,
        unit=" episodes",
        disable=None if progress is None else not progress,
    ) as bar:
        for _ in run_tasks(_make_episode, missing, workers):
            bar.update()


def _check(plan: Plan, target: Path, format: str, workers: int) -> None:
    if format not in FORMATS:
        raise InvalidOptionError(f"there is no format {format!r}; the formats are {', '.join(FORMATS)}")
    if not is_integer(workers) or workers < 1:
        raise InvalidOptionError(f"workers {workers!r} is not an integer of at least 1")
    if target.exists() and not target.is_dir():
        raise InvalidOptionError(f"{target} is a file; name a folder")
    load_pyarrow()
    if format == coco.FORMAT:
        load_pycocotools()
    elif not plan.saved and plan.touches == 0:
        raise InvalidOptionError(f"touches 0 leaves nothing to record as {format}; only coco has views alone")
    if format == minari_dataset.FORMAT:
        minari_dataset.check_name(target)


def _complete(target: Path, key: str, format: str) -> Record:
    """Return the record of a folder that is not empty, if it is this one."""
    if not (target / FILE).is_file():
        raise InvalidOptionError(f"{target} holds other files; name a new or an empty folder")
    record = open_record(target)
    if (record.key, record.format) != (key, format):
        raise InvalidOptionError(
            f"{target} holds a record that other options, or another version, have made; name a new folder"
        )
    return record


def _key(plan: Plan, start: Start, number: int, format: str) -> str:
    """Return a digest of all that determines an episode."""
    distributions = ("mujoco", "opencv-python-headless", "scikit-image", "pillow", "numpy")
    environment = dict(plan.environment(start))
    environment.pop("simulator_options", None)  # where the objects are; the world has a digest of them
    values = {
        "start": start.to_json(),
        "environment": environment,
        "agent": plan.actor,
        "touches": None if plan.saved else plan.touches,
        "number": number,
        "views": format == coco.FORMAT,
        "version": _VERSION,
        "world": plan.world,
        **({"scenes": plan.scenes} if plan.scenes else {}),
        **({"training": plan.training} if plan.training else {}),
        "versions": [distribution_version(name) for name in distributions],
    }
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]


def _is_made(path: Path) -> bool:
    try:
        return len(read_table(path)) > 0
    except (FileNotFoundError, DatasetError):
        return False


def _write(
    target: Path, plan: Plan, starts: Sequence[Start], parts: Sequence[Path], format: str, key: str
) -> Record:
    """Write a record under a temporary name, then rename it."""
    staging = target.with_name(f".{target.name}.writing")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    if format == minari_dataset.FORMAT:
        items = minari_dataset.write_minari(staging, target.name, plan, starts, parts)
    elif format == coco.FORMAT:
        items = coco.write_coco(staging, plan, parts)
    else:
        items = parquet.write_parquet(staging, plan, parts)
    record = Record(target, format, len(starts), items, plan.world, plan.to_json(), key, digests(staging))
    record.write(staging)
    replace_folder(staging, target, last={FILE})
    return record


class _Worker:
    """What a process keeps between episodes: the agent, and the environment with its rooms."""

    def __init__(self, plan: Plan, agents: ActorFactory | None) -> None:
        self.actor = make_actor(plan.agent, agents)
        self._arguments: dict[str, Any] | None = None
        self._env: gymnasium.Env[Any, Any] | None = None

    def environment(self, arguments: dict[str, Any]) -> ThorInteractEnv:
        """Return an environment with these arguments, the one of before if they are the same."""
        if self._env is None or arguments != self._arguments:
            self.close()
            self._env, self._arguments = gymnasium.make("ThorInteract-v0", **arguments), arguments
        env = self._env.unwrapped
        assert isinstance(env, ThorInteractEnv)
        return env

    def close(self) -> None:
        """Close the environment."""
        if self._env is not None:
            self._env.close()
            self._env = None


@functools.lru_cache(maxsize=1)
def _worker(plan: Plan, agents: ActorFactory | None) -> _Worker:
    return _Worker(plan, agents)


def _close_worker(plan: Plan, agents: ActorFactory | None) -> None:
    """Close what this process has used; other processes have ended."""
    if _worker.cache_info().currsize:
        _worker(plan, agents).close()
        _worker.cache_clear()


def _make_episode(task: _EpisodeTask) -> None:
    worker = _worker(task.plan, task.agents)
    env = worker.environment(task.plan.environment(task.start))
    episode = (env, task.start, worker.actor, task.plan, task.number)
    table = coco.view_table(*episode) if task.views else touch_table(record_episode(*episode))
    write_table(task.path, table)
