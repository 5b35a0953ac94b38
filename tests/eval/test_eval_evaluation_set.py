"""Evaluation sets: the same for every run, cached whole or not at all, rebuilt when damaged."""

import json
import os
import pwd
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eval.views.evaluation_set as module
from eval.views.evaluation_set import EvaluationSet, EvaluationSetWarning, default_cache_folder
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.errors import InvalidOptionError, UnknownSplitError
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.splits import ALL_ROOMS, split_rooms
from thor_interact_env.simulators.base import Instances, Observation

SPLIT = "NovelSpaces/val"


class PaperWorld:
    """A simulator whose views are a function of the location; every third view has nothing in reach."""

    deterministic = True
    rooms = ALL_ROOMS

    def has_room(self, room):
        return room in self.rooms

    def __init__(self) -> None:
        self.loads: list[str] = []
        self.closed = False

    def reachable_positions(self, room: str, seed: int) -> np.ndarray:
        return np.array([[x / 4, 0.9, 0.0] for x in range(5)])

    def load(self, location: Location) -> Observation:
        self.loads.append(location.scene)
        self._rng = np.random.default_rng(
            [location.seed, int(4 * location.position[0]), int(location.rotation)]
        )
        rgb = np.full((300, 300, 3), self._rng.integers(256), np.uint8)
        return Observation(rgb=rgb, depth=np.full((300, 300), self._rng.uniform(0, 40), np.float32))

    def instances(self) -> Instances:
        count = int(self._rng.integers(3))
        masks = self._rng.random((count, 300, 300)) < 0.1
        ids = tuple(f"Mug|{index}" for index in range(count))
        return Instances(masks, self._rng.uniform(0.1, 5, count), ("Mug",) * count, ids)

    def close(self) -> None:
        self.closed = True


def make(
    folder: Path | None,
    count: int = 25,
    seed: int = 0,
    world: Any = None,
    split: str = SPLIT,
    fraction: float = 0.0,
) -> EvaluationSet:
    chosen: Any = world or PaperWorld()
    return EvaluationSet.make(
        split, count, seed, fraction, simulator=lambda: chosen, cache_folder=folder, progress=False
    )


class EmptyWorld(PaperWorld):
    """No view has anything in reach."""

    def instances(self) -> Instances:
        return Instances(np.zeros((0, 300, 300), bool), np.zeros(0), (), ())


def assert_equal(left: EvaluationSet, right: EvaluationSet) -> None:
    assert (left.split, left.seed, left.reachable_fraction) == (
        right.split,
        right.seed,
        right.reachable_fraction,
    )
    assert left.locations == right.locations
    for one, other in zip(left.observations, right.observations, strict=True):
        assert one["rgb"].tobytes() == other["rgb"].tobytes() and one["rgb"].shape == other["rgb"].shape
        assert (
            one["depth"].tobytes() == other["depth"].tobytes()
            and one["depth"].dtype == other["depth"].dtype == np.float32
        )
    for first, second in zip(left.truths, right.truths, strict=True):
        assert np.array_equal(first.masks, second.masks) and first.masks.dtype == second.masks.dtype == bool
        assert first.masks.shape == second.masks.shape
        assert first.masses.tolist() == second.masses.tolist()
        assert (first.types, first.ids) == (second.types, second.ids)


def forbidden() -> Any:
    raise AssertionError("the cache was not used")


def test_a_cached_set_is_the_set_that_was_made(tmp_path: Path) -> None:
    made = make(tmp_path)
    files = list(tmp_path.iterdir())
    assert [file.suffix for file in files] == [".safetensors"]
    read = EvaluationSet.make(SPLIT, 25, 0, 0.0, simulator=forbidden, cache_folder=tmp_path)
    assert_equal(made, read)
    assert any(len(truth) == 0 for truth in made.truths), "views with nothing in reach belong to the set"
    assert not read.observations[0]["rgb"].flags.writeable


def test_rooms_are_visited_once_and_evenly() -> None:
    world = PaperWorld()
    made = make(None, world=world)
    changes = sum(one != other for one, other in zip(world.loads, world.loads[1:], strict=False))
    assert changes == len(split_rooms(SPLIT)) - 1
    counts = [sum(location.scene == room for location in made.locations) for room in split_rooms(SPLIT)]
    assert sorted(set(counts)) == [1, 2]
    assert world.closed


def test_smaller_sets_are_part_of_larger_ones_and_seeds_differ() -> None:
    large = make(None, 30).locations
    assert set(make(None, 3).locations) <= set(make(None, 22).locations) <= set(large)
    assert not set(make(None, 30, seed=1).locations) & set(large)


@given(st.integers(1, 60))
def test_some_views_are_spread_over_all(count: int) -> None:
    views = make(None)
    some = views.spread(count)
    numbers = [views.locations.index(location) for location in some.locations]
    assert numbers == sorted(set(numbers)) and len(some) == min(count, len(views))
    gaps = np.diff([*numbers, len(views)])  # the last ones too are represented
    assert gaps.max() - gaps.min() <= 1 and numbers[0] == 0
    for chosen, number in zip(some.truths, numbers, strict=True):
        assert chosen is views.truths[number]


def test_depth_is_clipped_as_the_environment_shows_it() -> None:
    views = make(None).observations
    assert 19.99 < max(float(view["depth"].max()) for view in views) <= 20.0
    space = ThorInteractEnv().observation_space
    assert all(view in space for view in views)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "foreign"])
def test_a_damaged_cache_is_made_anew_with_a_warning(tmp_path: Path, damage: str) -> None:
    made = make(tmp_path, 3)
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    if damage == "flipped":
        content[-5] ^= 1
    contents: dict[str, bytes | bytearray] = {
        "truncated": content[:-9],
        "flipped": content,
        "empty": b"",
        "foreign": b"{}" * 99,
    }
    file.write_bytes(contents[damage])
    with pytest.warns(EvaluationSetWarning, match="damaged"):
        assert_equal(make(tmp_path, 3), made)
    assert_equal(EvaluationSet.make(SPLIT, 3, 0, 0.0, simulator=forbidden, cache_folder=tmp_path), made)


def test_everything_that_determines_a_set_has_its_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, 1)
    make(tmp_path, 2)
    make(tmp_path, 1, seed=5)
    make(tmp_path, 1, split="NovelObjects/test")
    make(tmp_path, 1, fraction=0.5)
    files = set(tmp_path.iterdir())
    assert len(files) == 5
    monkeypatch.setattr(module, "world_of", lambda simulator: "another world")
    make(tmp_path, 1)
    changed = set(tmp_path.iterdir())
    assert len(changed) == 5 and len(changed & files) == 4, "the set it supersedes is deleted"


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: str, target: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.warns(EvaluationSetWarning, match="disk full"):
        assert len(make(tmp_path, 2)) == 2
    assert list(tmp_path.iterdir()) == []


def test_the_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("THOR_INTERACT_CACHE", str(tmp_path / "own"))
    assert default_cache_folder() == tmp_path / "own"
    monkeypatch.delenv("THOR_INTERACT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache_folder() == tmp_path / "xdg" / "thor_interact"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache_folder() == tmp_path / ".cache" / "thor_interact"


@pytest.mark.parametrize("home", [None, "/" + "x" * 5000])
def test_a_user_without_a_home_can_evaluate(monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    """A container's user whom the system does not know, and a folder that cannot be looked into."""
    for name in ("THOR_INTERACT_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    monkeypatch.setattr(pwd, "getpwuid", lambda number: (_ for _ in ()).throw(KeyError(number)))
    assert (default_cache_folder() is None) is (home is None)
    monkeypatch.setattr(module, "make_simulator", lambda name: PaperWorld())
    with pytest.warns(EvaluationSetWarning, match=r"could not be cached .*; set THOR_INTERACT_CACHE"):
        assert len(EvaluationSet.make(SPLIT, 2, reachable_fraction=0.0, progress=False)) == 2


def test_wrong_arguments_are_named_before_anything_is_made() -> None:
    with pytest.raises(UnknownSplitError, match="Novel/test"):
        EvaluationSet.make("Novel/test", simulator=forbidden)
    with pytest.raises(InvalidOptionError, match="reachable_fraction"):
        EvaluationSet.make(SPLIT, reachable_fraction=1.5, simulator=forbidden)
    with pytest.raises(ValueError, match="count 0"):
        EvaluationSet.make(SPLIT, 0, simulator=forbidden)
    with pytest.raises(ValueError, match="seed -1"):
        EvaluationSet.make(SPLIT, seed=-1, simulator=forbidden)


def test_the_cache_holds_no_pickle(tmp_path: Path) -> None:
    make(tmp_path, 2)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    document = json.loads(header["__metadata__"]["evaluation_set"])
    assert document["key"]["count"] == len(document["locations"]) == 2


def test_views_without_objects_are_cached_too(tmp_path: Path) -> None:
    made = make(tmp_path, 2, world=EmptyWorld())
    again = make(tmp_path, 2, world=EmptyWorld())
    assert_equal(made, again)
    assert [truth.masks.shape for truth in again.truths] == [(0, 300, 300)] * 2
