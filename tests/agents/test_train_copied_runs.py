"""A run that was copied, or that ran out of room, goes on as if nothing had happened, or is left as it is."""

import shutil
from pathlib import Path

import pytest
from made_up_runs import CONFIG, MadeUpCollector, assert_same_run, measured, tree
from no_room import room_for

from agents.selfsup_agent.training import train
from agents.training.checkpoint import CheckpointError


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run that was stopped, and what became of it where nothing was lost."""
    folder = tmp_path_factory.mktemp("runs")
    stopped, whole = folder / "stopped", folder / "whole"
    train(CONFIG, stopped, collector=MadeUpCollector(), stop_after=3)
    shutil.copytree(stopped, whole, symlinks=True)
    train(CONFIG, whole, resume=True, collector=MadeUpCollector())
    return stopped, whole


@pytest.fixture
def whole(runs: tuple[Path, Path]) -> Path:
    return runs[1]


@pytest.fixture
def copy(runs: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of the run that was stopped, by what drops links."""
    run = tmp_path / "copy"
    shutil.copytree(runs[0], run, symlinks=True)
    (run / "checkpoints" / "last").unlink()
    return run


def test_a_copy_without_links_goes_on(whole: Path, copy: Path) -> None:
    train(CONFIG, copy, resume=True, collector=MadeUpCollector())
    assert_same_run(copy, whole)


def test_a_copy_whose_newest_checkpoint_is_not_whole_goes_on_from_the_one_before(
    whole: Path, copy: Path
) -> None:
    (copy / "checkpoints" / "000003" / "optimizer.safetensors").unlink()
    with pytest.warns(RuntimeWarning, match=r"optimizer\.safetensors does not exist.*continues from 000002"):
        train(CONFIG, copy, resume=True, collector=MadeUpCollector())
    assert_same_run(copy, whole)


def test_a_copy_without_metrics_goes_on_and_says_so(whole: Path, copy: Path) -> None:
    (copy / "metrics.jsonl").unlink()
    with pytest.warns(RuntimeWarning, match=r"metrics\.jsonl lacks the records of 3 of the 3 completed"):
        train(CONFIG, copy, resume=True, collector=MadeUpCollector())
    assert measured(copy) == [row for row in measured(whole) if row["episode"] == 4]


@pytest.mark.parametrize(
    ("lost", "complaint"),
    [
        (["checkpoints"], "is incomplete"),
        (["checkpoints", "run.json"], "is incomplete"),
        (["checkpoints/000002", "checkpoints/000003"], "is incomplete"),
        (["checkpoints/000003/model.safetensors", "checkpoints/000002/state.json"], "no complete checkpoint"),
        (["config.json"], r"config\.json does not exist"),
        (["memory_bank"], r"memory bank .* cannot be restored .*segment-00000000"),
        (["memory_bank/stage-2/segment-00000001.safetensors"], "segment-00000001"),
    ],
)
def test_a_copy_that_lacks_a_part_is_refused_and_left_as_it_is(
    copy: Path, lost: list[str], complaint: str
) -> None:
    for name in lost:
        path = copy / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = tree(copy)
    with pytest.raises(CheckpointError, match=complaint):
        train(CONFIG, copy, resume=True, collector=MadeUpCollector())
    assert tree(copy) == before


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("memory_bank/stage-2/segment-00000000.safetensors", "is corrupt: its CRC-32"),
        ("metrics.jsonl", "line 1 is not a record"),
        ("run.json", "cannot be read"),
    ],
)
def test_a_copy_with_a_damaged_part_is_refused_and_left_as_it_is(
    copy: Path, name: str, complaint: str
) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(b"#" + content[1:])
    before = tree(copy)
    with pytest.raises(CheckpointError, match=complaint):
        train(CONFIG, copy, resume=True, collector=MadeUpCollector())
    assert tree(copy) == before


@pytest.mark.parametrize(("size", "episodes"), [(1000, 3), (100_000, 3), (100_000, 2)])
def test_a_full_disk_ends_the_run_and_loses_nothing(
    whole: Path, copy: Path, size: int, episodes: int
) -> None:
    """It is met by the notes; by a checkpoint; by the weights that the workers are to read."""
    if episodes == 2:
        shutil.rmtree(copy / "checkpoints" / "000003")
    with room_for(size), pytest.raises(OSError, match="File too large") as error:
        train(CONFIG, copy, resume=True, collector=MadeUpCollector())
    assert str(copy) in str(error.value.filename)
    assert not [path for path in copy.rglob("*") if path.name.endswith(".tmp")]
    assert sorted(path.name for path in (copy / "checkpoints").iterdir())[-1] == f"{episodes:06d}"
    train(CONFIG, copy, resume=True, collector=MadeUpCollector())
    assert_same_run(copy, whole)
