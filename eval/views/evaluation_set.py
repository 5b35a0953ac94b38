"""Held-out views with their ground truth, the same for every run.

An evaluation set is a pure function of (split, count, seed, reachable fraction) and of the simulator. Making
one takes minutes, so it is kept in a cache folder, under a name that depends on all that determines it.
"""

import hashlib
import json
import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy
from tqdm.auto import tqdm

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import REACH
from thor_interact_env.checks import check_reachable_fraction
from thor_interact_env.datasets.drawing import Drawing, draw_room, rooms_with_counts
from thor_interact_env.env import MAX_DEPTH
from thor_interact_env.errors import UnreachableLocationError
from thor_interact_env.files import CACHE_VARIABLE, default_cache_folder, write_whole
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.splits import split_rooms
from thor_interact_env.simulators import make_simulator
from thor_interact_env.simulators.base import Instances, Observation, Simulator
from thor_interact_env.world import distribution_version, world_of

Scalar = TypeVar("Scalar", bound=np.generic)

_FORMAT = 1


class EvaluationSetWarning(UserWarning):
    """A cached evaluation set could not be used, or a new one could not be kept."""


@dataclass(frozen=True)
class EvaluationSet:
    """Views of rooms in which no agent trains, with the movable objects in reach.

    Locations without a movable object in reach are included: locations are chosen by depth alone, and an
    agent should propose nothing there.

    Attributes:
        split: Name of the split, such as `"NovelSpaces/test"`.
        seed: Seed of the sampling; None for given locations.
        reachable_fraction: Minimum fraction of each view within reach, in 0..1; None for given locations.
        locations: Where each view is taken, rooms together.
        observations: What the agent sees there.
        truths: The movable objects in reach.
        mass_classes: (n,) int64 index 0..2 of the mass class of each object, where a dataset file states it;
            None: by the masses of `truths`.
        left_out: Given locations that have no view, because the agent cannot stand there.
        objects: Folder of objects that were added to the rooms, or its name; None if none were.
    """

    split: str
    seed: int | None
    reachable_fraction: float | None
    locations: tuple[Location, ...]
    observations: tuple[Observation, ...]
    truths: tuple[Instances, ...]
    mass_classes: tuple[npt.NDArray[np.int64], ...] | None = None
    left_out: tuple[Location, ...] = ()
    objects: str | None = None

    def __post_init__(self) -> None:
        """Check that every location has its view and its truth."""
        counts = (len(self.locations), len(self.observations), len(self.truths))
        if len(set(counts)) != 1:
            raise ValueError(
                f"{counts[0]} locations, {counts[1]} observations, {counts[2]} truths; give as many of each"
            )
        if self.mass_classes is not None:
            objects, classes = (
                [len(truth) for truth in self.truths],
                [len(each) for each in self.mass_classes],
            )
            if objects != classes:
                raise ValueError(f"views of {objects} objects, but mass classes of {classes}; give as many")

    def __len__(self) -> int:
        """Return the number of views."""
        return len(self.locations)

    def spread(self, count: int) -> "EvaluationSet":
        """Return some of the views, spread evenly over all and so over the rooms.

        Args:
            count: How many, at least 1; all if there are not more.
        """
        count = min(count, len(self))
        some = [number * len(self) // count for number in range(count)]
        classes = self.mass_classes
        return replace(
            self,
            locations=tuple(self.locations[number] for number in some),
            observations=tuple(self.observations[number] for number in some),
            truths=tuple(self.truths[number] for number in some),
            mass_classes=None if classes is None else tuple(classes[number] for number in some),
        )

    @classmethod
    def make(
        cls,
        split: str,
        count: int = 200,
        seed: int = 0,
        reachable_fraction: float = 0.2,
        *,
        simulator: Callable[[], Simulator] | None = None,
        cache_folder: str | os.PathLike[str] | None = None,
        progress: bool | None = None,
    ) -> "EvaluationSet":
        """Return the set, from the cache if possible, else sampled and then cached.

        Args:
            split: Name of a split of `thor_interact_env.locations.SPLITS`.
            count: Number of views, at least 1, spread evenly over the split's rooms.
            seed: Seed of the sampling, 0 or more. A smaller set's views are among those of a larger one.
            reachable_fraction: Minimum fraction of each view within 1.5 m, in 0..1 (0: the paper's rule).
            simulator: Makes the simulator, called only if views have to be sampled; None makes the embedded
                one. With one of your own nothing is cached, unless `cache_folder` is given.
            cache_folder: Folder of the cache; None takes `default_cache_folder()`. If there is none, or it
                cannot be used, a warning is issued.
            progress: Show a progress bar while sampling; None shows it on a terminal only.

        Raises:
            UnknownSplitError: There is no such split.
            InvalidOptionError: The reachable fraction is not in 0..1.
            ValueError: The count is below 1 or the seed below 0.
        """
        if count < 1:
            raise ValueError(f"count {count} of an evaluation set must be at least 1")
        if seed < 0:
            raise ValueError(f"seed {seed} of an evaluation set must be 0 or more")
        check_reachable_fraction(reachable_fraction)
        split_rooms(split)
        cached = simulator is None or cache_folder is not None
        key = _key(split, count, seed, reachable_fraction)
        folder = (cache_folder or default_cache_folder()) if cached else None
        path = None if folder is None else Path(folder) / _file_name(key)
        if path is not None and _is_there(path):
            try:
                return _read(path, key)
            except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
                message = f"the cached evaluation set {path} is damaged ({error}) and is made again"
                warnings.warn(message, EvaluationSetWarning, stacklevel=2)
        made = _sample(
            split, count, seed, reachable_fraction, simulator or (lambda: make_simulator("mujoco")), progress
        )
        reason = "this user has no home folder" if cached else None
        if path is not None:
            reason = _cache(path, made, key)
        if reason is not None:  # this must not stop an evaluation
            message = f"the evaluation set could not be cached ({reason}); set {CACHE_VARIABLE} to a folder"
            warnings.warn(message, EvaluationSetWarning, stacklevel=2)
        return made

    @classmethod
    def at(
        cls,
        locations: Sequence[Location],
        split: str,
        *,
        leave_out_unreachable: bool = False,
        simulator: Callable[[], Simulator] | None = None,
        progress: bool | None = None,
    ) -> "EvaluationSet":
        """Return the views at given locations: those of a dataset file, or a shipped list. Nothing is cached.

        Args:
            locations: `LocationDataset.read(path).locations`, `shipped_locations(split)` or any other, at
                least one; those of a room are best given together, so that it is compiled once.
            split: Name of the set in reports.
            leave_out_unreachable: Omit the locations at which the agent cannot stand, and list them
                in `left_out`. At least one must remain.
            simulator: Makes the simulator; None makes the embedded one.
            progress: Show a progress bar; None shows it on a terminal only.

        Raises:
            ValueError: There is no location.
            UnknownRoomError: The simulator lacks one of the rooms.
            UnreachableLocationError: The agent cannot stand at one of the locations, or at any of them.
        """
        if not locations:
            raise ValueError(f"no locations are given for the evaluation set {split!r}; give at least one")
        world = (simulator or (lambda: make_simulator("mujoco")))()
        left_out: list[Location] = []

        def views() -> Iterator[tuple[Location, Observation]]:
            for location in locations:
                try:
                    view = world.load(location)
                except UnreachableLocationError:
                    left_out.append(location)
                    if not leave_out_unreachable or len(left_out) == len(locations):
                        raise
                else:
                    yield location, view

        made = _look(split, None, None, world, views(), len(locations), progress)
        return replace(made, left_out=tuple(left_out))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # in a folder that may not be entered
        return False


def _cache(path: Path, made: EvaluationSet, key: Mapping[str, object]) -> str | None:
    """Write a set to the cache; return the reason of a failure, or None."""
    try:
        _write(path, made, key)
        _remove_superseded(path)
    except OSError as error:
        return str(error)
    return None


def _key(split: str, count: int, seed: int, reachable_fraction: float) -> dict[str, object]:
    return {
        "format": _FORMAT,
        "split": split,
        "count": int(count),
        "seed": int(seed),
        "reachable_fraction": float(reachable_fraction),
        "reach": REACH,
        "image_size": IMAGE_SIZE,
        "version": distribution_version("thor-interact"),
        "mujoco": distribution_version("mujoco"),
        "opencv": distribution_version("opencv-python-headless"),
        "numpy": np.__version__,
        "world": world_of("mujoco"),
    }


def _file_name(key: Mapping[str, object]) -> str:
    """Return a file name: first the requested set, then its versions; see `_remove_superseded`."""
    asked = {name: key[name] for name in ("split", "count", "seed", "reachable_fraction")}
    return f"evaluation-{_digest(asked)[:16]}-{_digest(key)[:32]}.safetensors"


def _digest(key: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def _remove_superseded(path: Path) -> None:
    """Delete the same set of other versions: each can be over a hundred megabytes."""
    request = path.name.rsplit("-", 1)[0]
    for other in path.parent.glob(f"{request}-*.safetensors"):
        if other != path:
            other.unlink(missing_ok=True)


def _sample(
    split: str,
    count: int,
    seed: int,
    reachable_fraction: float,
    make: Callable[[], Simulator],
    progress: bool | None,
) -> EvaluationSet:
    drawing = Drawing(split, count, seed, reachable_fraction)
    simulator = make()
    views = (  # in the order of rooms: each is compiled once
        view
        for room, several in rooms_with_counts(drawing)
        for view in draw_room(simulator, drawing, room, several)
    )
    return _look(split, seed, reachable_fraction, simulator, views, count, progress)


def _look(
    split: str,
    seed: int | None,
    reachable_fraction: float | None,
    simulator: Simulator,
    views: Iterable[tuple[Location, Observation]],
    count: int,
    progress: bool | None,
) -> EvaluationSet:
    """Collect view and ground truth of each location as it is loaded; then close the simulator."""
    locations: list[Location] = []
    observations: list[Observation] = []
    truths: list[Instances] = []
    shown = None if progress is None else not progress
    try:
        for location, view in tqdm(
            views, total=count, desc=f"{split}: sampling", unit=" views", disable=shown
        ):
            locations.append(location)
            depth = np.minimum(view["depth"], np.float32(MAX_DEPTH))  # as the environment shows it
            observations.append(Observation(rgb=_frozen(view["rgb"]), depth=_frozen(depth)))
            truths.append(simulator.instances())
    finally:
        simulator.close()
    return EvaluationSet(
        split, seed, reachable_fraction, tuple(locations), tuple(observations), tuple(truths)
    )


def _frozen(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def _checksum(tensors: Mapping[str, npt.NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tensors[name].shape}".encode())
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()


def _write(path: Path, made: EvaluationSet, key: Mapping[str, object]) -> None:
    """Write one safetensors file with the JSON in its header, so that both are always of the same set."""
    masks = np.concatenate([truth.masks for truth in made.truths])
    tensors: dict[str, npt.NDArray[Any]] = {
        "rgb": np.stack([view["rgb"] for view in made.observations]),
        "depth": np.stack([view["depth"] for view in made.observations]),
        "masks": np.packbits(masks.reshape(len(masks), math.prod(masks.shape[1:])), axis=1),
        "masses": np.concatenate([truth.masses for truth in made.truths]).astype(np.float64),
        "objects": np.array([len(truth) for truth in made.truths], np.int64),
    }
    document = {
        "key": key,
        "checksum": _checksum(tensors),
        "locations": [location.to_json() for location in made.locations],
        "types": [list(truth.types) for truth in made.truths],
        "ids": [list(truth.ids) for truth in made.truths],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, safetensors.numpy.save(tensors, metadata={"evaluation_set": json.dumps(document)}))


def _read(path: Path, key: Mapping[str, object]) -> EvaluationSet:
    with safetensors.safe_open(str(path), framework="numpy") as file:
        document = json.loads((file.metadata() or {})["evaluation_set"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a mapping
    if document["checksum"] != _checksum(tensors):
        raise ValueError("its contents do not match its checksum")
    if document["key"] != key:
        raise ValueError("it was made from other settings than its name says")
    rgb, depth, counts = tensors["rgb"], tensors["depth"], tensors["objects"]
    size = rgb.shape[1:3]
    packed, masses = tensors["masks"], tensors["masses"]
    truths: list[Instances] = []
    first = 0
    for types, ids, objects in zip(document["types"], document["ids"], counts.tolist(), strict=True):
        bits = np.unpackbits(packed[first : first + objects], axis=1, count=size[0] * size[1])
        masks = bits.reshape(objects, *size).astype(bool)
        truths.append(Instances(masks, masses[first : first + objects], tuple(types), tuple(ids)))
        first += objects
    return EvaluationSet(
        str(key["split"]),
        int(document["key"]["seed"]),
        float(document["key"]["reachable_fraction"]),
        tuple(Location.from_json(location) for location in document["locations"]),
        tuple(
            Observation(rgb=_frozen(view), depth=_frozen(far)) for view, far in zip(rgb, depth, strict=True)
        ),
        tuple(truths),
    )
