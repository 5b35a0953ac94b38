"""Checkpoints of runs that were copied, in whole or in part, and on file systems and disks of all kinds."""

import errno
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from made_up_runs import tree
from no_room import room_for

from agents.training.checkpoint import (
    Checkpoint,
    CheckpointError,
    checkpoint_folder,
    last_checkpoint,
    list_checkpoints,
    load_checkpoint,
    load_last_checkpoint,
    save_checkpoint,
)
from agents.training.run_folder import goes_on, keep_checkpoint, note_run

FILES = ("model.safetensors", "optimizer.safetensors", "state.json")


def checkpoint(number: int, size: int = 3) -> Checkpoint:
    weights = {"weight": torch.full((size,), float(number))}
    return Checkpoint(weights, {"0.step": torch.zeros(1)}, {"config": "digest", "episode": number})


def number_of(loaded: Checkpoint) -> int:
    assert float(loaded.model["weight"][0]) == loaded.state["episode"]
    return int(loaded.state["episode"])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    for number in (1, 2, 3):
        save_checkpoint(folder, number, checkpoint(number))
    return folder


def follow_links(run: Path, copy: Path) -> None:
    """As `cp -rL`, `scp -r` and `docker cp` do: `last` is a folder."""
    shutil.copytree(run, copy, symlinks=False)


def drop_links(run: Path, copy: Path) -> None:
    """As rsync without -l, rclone and buckets do."""
    shutil.copytree(run, copy, symlinks=True)
    (copy / "checkpoints" / "last").unlink()


def keep_links(run: Path, copy: Path) -> None:
    shutil.copytree(run, copy, symlinks=True)


def links_as_files(run: Path, copy: Path) -> None:
    """As version control without links does: a file with the name of what it led to."""
    drop_links(run, copy)
    (copy / "checkpoints" / "last").write_text("000003")


def through_zip(run: Path, copy: Path) -> None:
    """Python's own: `last` is an empty folder."""
    with zipfile.ZipFile(shutil.make_archive(str(copy), "zip", run)) as archive:
        archive.extractall(copy)


def only_last(run: Path, copy: Path) -> None:
    """Copy only the last checkpoint, by the name of the link."""
    shutil.copytree(run / "checkpoints" / "last", copy / "checkpoints" / "last")


def newest_only_as_last(run: Path, copy: Path) -> None:
    follow_links(run, copy)
    shutil.rmtree(copy / "checkpoints" / "000003")


COPIES = [
    follow_links,
    drop_links,
    keep_links,
    links_as_files,
    through_zip,
    only_last,
    newest_only_as_last,
]


@pytest.mark.parametrize("copy", COPIES)
def test_a_copied_run_goes_on_from_its_newest_checkpoint(
    run: Path, tmp_path: Path, copy: Callable[[Path, Path], None]
) -> None:
    there = tmp_path / "there"
    copy(run, there)
    assert goes_on(there)
    assert number_of(load_checkpoint(last_checkpoint(there), weights_only=True)) == 3
    assert number_of(load_last_checkpoint(there, "digest")[1]) == 3
    save_checkpoint(there, 4, checkpoint(4))
    assert number_of(load_last_checkpoint(there, "digest")[1]) == 4
    assert os.readlink(there / "checkpoints" / "last") == "000004"
    assert {path.name for path in (there / "checkpoints").iterdir()} <= {"000002", "000003", "000004", "last"}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("left", [None, 0, 20, -1])
def test_a_checkpoint_copied_in_part_is_passed_over_by_a_run_that_goes_on(
    run: Path, name: str, left: int | None
) -> None:
    path = checkpoint_folder(run, 3) / name
    content = path.read_bytes()
    if left is None:
        path.unlink()
    else:
        path.write_bytes(content[:left])
    if content[:left].strip() == content.strip():
        return  # the state without its last line break is whole
    with pytest.warns(RuntimeWarning, match=rf"000003.*{name}.*continues from 000002"):
        folder, found = load_last_checkpoint(run, "digest")
    assert folder.name == "000002" and number_of(found) == 2
    # Who asks for the agent of the run is not given an older one.
    with pytest.raises(CheckpointError, match=rf"{name}.*restore the file.*delete .*000003 to take 000002"):
        load_checkpoint(last_checkpoint(run))
    save_checkpoint(run, 3, checkpoint(3))
    assert number_of(load_last_checkpoint(run, "digest")[1]) == 3


def test_where_no_checkpoint_is_whole_nothing_is_loaded(run: Path) -> None:
    for folder in list_checkpoints(run):
        (folder / "model.safetensors").write_bytes(b"")
    before = tree(run)
    assert goes_on(run)
    with pytest.raises(CheckpointError, match=r"no complete checkpoint.*000003.*000002"):
        load_last_checkpoint(run, "digest")
    assert tree(run) == before


def test_a_folder_of_checkpoints_that_may_not_be_read_is_not_an_empty_one(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.listdir

    def closed(path: Any = ".") -> Any:
        if str(path).endswith("checkpoints"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "listdir", closed)
    with pytest.raises(PermissionError, match="checkpoints"):
        goes_on(run)
    with pytest.raises(PermissionError, match="checkpoints"):
        last_checkpoint(run)


def test_a_run_that_had_a_checkpoint_does_not_start_anew(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    assert not goes_on(run)  # begun, and killed at once
    note_run(run, starts=[])
    (run / "metrics.jsonl").write_text('{"episode": 1}\n')
    assert not goes_on(run)  # killed before its first checkpoint
    keep_checkpoint(run, 1, checkpoint(1))
    assert goes_on(run)
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(CheckpointError, match=r"is incomplete.*checkpoints holds no checkpoint.*copy"):
        goes_on(run)
    (run / "run.json").unlink()
    with pytest.raises(CheckpointError, match="is incomplete"):
        goes_on(run)  # the metrics say that it was begun


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_file_systems_without_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    save_checkpoint(tmp_path, 1, checkpoint(1))
    for name in ("symlink", "link", "chmod"):
        monkeypatch.setattr(os, name, refuse)
    for another in (2, 3):
        save_checkpoint(tmp_path, another, checkpoint(another))
        assert number_of(load_last_checkpoint(tmp_path)[1]) == another
    # The link of before would lead to an older one.
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["000002", "000003"]


@pytest.mark.parametrize("size", [4096, 20_000, 100_000])
def test_a_full_disk_loses_nothing(run: Path, size: int) -> None:
    """Files that are too large stand for a disk that is full: in the state, the optimizer or the weights."""
    before = tree(run)
    large = Checkpoint(
        {"weight": torch.zeros(10_000 if size >= 20_000 else 3)},
        {"0.step": torch.zeros(50_000 if size >= 100_000 else 1)},
        {"config": "digest", "episode": 4, "long": "x" * (10_000 if size == 4096 else 1)},
    )
    with room_for(size), pytest.raises(OSError, match="000004") as error:
        save_checkpoint(run, 4, large)
    assert error.value.errno == errno.EFBIG
    assert tree(run) == before
    save_checkpoint(run, 4, checkpoint(4))
    assert number_of(load_last_checkpoint(run)[1]) == 4


@pytest.mark.parametrize("number", [3, 4])
@pytest.mark.parametrize("failing", range(8))
def test_whichever_renaming_fails_the_last_checkpoint_is_whole(
    run: Path, monkeypatch: pytest.MonkeyPatch, number: int, failing: int
) -> None:
    """A checkpoint of a new number, and one that takes the place of another of its number."""
    real, done = os.replace, []

    def replace(source: Any, target: Any) -> None:
        done.append(target)
        if len(done) == failing + 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(source), None, str(target))
        real(source, target)

    again = Checkpoint(checkpoint(number).model, {}, {**checkpoint(number).state, "again": True})
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        try:
            save_checkpoint(run, number, again)
            saved = True
        except OSError:
            saved = False
    _, found = load_last_checkpoint(run, "digest")
    assert found.state.get("again", False) is saved
    assert number_of(found) == (number if saved else 3)
    assert not list((run / "checkpoints").glob(".*"))
    assert saved == (failing >= (5 if number == 3 else 4))
