"""Two processes that share batches and memory bank learn what one does."""

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file

from agents.collection.collect import location_seeds
from agents.mask_rcnn.configuration import MaskRCNNConfig
from agents.mask_rcnn.training import train as train_mask_rcnn
from agents.ppo_agent.configuration import PPOConfig
from agents.ppo_agent.training import train as train_ppo
from agents.training.checkpoint import last_checkpoint, load_checkpoint
from agents.training.configuration import TrainConfig
from agents.training.metrics import TIMINGS, read_metrics
from agents.training.presets import preset
from agents.training.ranks import check_ranks
from agents.training.schedule import ConfigurationError

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("learning_in_ranks.py")


@pytest.fixture(scope="module")
def helper() -> ModuleType:
    spec = importlib.util.spec_from_file_location("learning_in_ranks", PROGRAM)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two ranks have left what they found; they are started as torchrun does it."""
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in range(2):
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "GROUP_RANK": "0",
            "WORLD_SIZE": "2",
            "LOCAL_WORLD_SIZE": "2",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "TORCHELASTIC_RUN_ID": "test",
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, str(PROGRAM), str(folder)]
        with (folder / f"rank-{rank}.txt").open("w") as log:
            processes.append(
                subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
            )
    for process in processes:
        process.wait()
    outputs = [(folder / f"rank-{rank}.txt").read_text() for rank in range(2)]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(outputs)
    return folder


def test_two_halves_of_a_batch_teach_what_the_whole_does(folder: Path, helper: ModuleType) -> None:
    shared, alone = load_file(folder / "learned.safetensors"), helper.learn(1)
    assert shared.keys() == alone.keys()
    for update, tolerance in enumerate((1e-4, 2e-2)):  # a small gradient's sign decides a step of Adam's
        losses, others = shared["losses"][update], alone["losses"][update]
        torch.testing.assert_close(losses, others, rtol=tolerance, atol=1e-6)
    for name, value in alone.items():
        if name == "losses":
            continue
        # Rounding turns a few ReLUs on or off, which shows in gradients more than in anything else. Where a
        # gradient is nil in theory (that of a shift of all embeddings) rounding is all there is of it.
        allowed = 3e-2 if name.startswith("gradient") else 1e-4
        assert float((shared[name] - value).norm()) <= allowed * float(value.norm()) + 1e-4, name


def test_each_rank_collects_its_own_part(folder: Path) -> None:
    seeds = [set(map(int, line.split())) for line in (folder / "seeds.txt").read_text().splitlines()]
    assert len(seeds) == 2 and not seeds[0] & seeds[1]
    assert seeds[0] | seeds[1] == {*location_seeds(0, 0, 0, 4), *location_seeds(0, 0, 1, 2)}
    assert all(len(part) == 3 for part in seeds)
    shards = [len(list((folder / "whole" / "memory_bank").glob(f"stage-1/rank-{rank}/*"))) for rank in (0, 1)]
    assert shards == [2, 2]


def test_ranks_that_were_stopped_go_on_as_if_nothing_had_happened(folder: Path) -> None:
    whole, stopped = (load_checkpoint(last_checkpoint(folder / name)) for name in ("whole", "stopped"))
    for name, tensor in whole.model.items():
        assert torch.equal(tensor, stopped.model[name]), name
    rows = [
        [{name: value for name, value in row.items() if name not in TIMINGS} for row in read_metrics(run)]
        for run in (folder / "whole", folder / "stopped")
    ]
    assert rows[0] == rows[1]
    assert rows[0][-1]["locations"] == 6 and rows[0][0]["greedy_touches"] == 4
    assert not list((folder / "whole").glob("collector*"))


def test_ranks_must_have_been_started() -> None:
    with pytest.raises(ConfigurationError, match=r"ranks is 2, but 1 .* torchrun --nproc-per-node 2"):
        check_ranks(2, batch_size=4)


def test_processes_that_the_configuration_does_not_know_of_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ConfigurationError, match=r"ranks is 1, but 3 processes .*add --ranks 3"):
        check_ranks(1)
    with pytest.raises(ConfigurationError, match=r"ranks is 1, but 3"):
        train_mask_rcnn(MaskRCNNConfig.from_preset("smoke"), tmp_path / "mask_rcnn")
    with pytest.raises(ConfigurationError, match=r"ranks is 1, but 3"):
        train_ppo(PPOConfig(preset="smoke"), tmp_path / "ppo")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("batch_size", "capacity", "name"), [(5, 8, "batch_size"), (4, 7, "memory_capacity")]
)
def test_what_ranks_cannot_share_is_refused(
    monkeypatch: pytest.MonkeyPatch, batch_size: int, capacity: int, name: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigurationError, match=f"{name} is .* 2 ranks"):
        check_ranks(2, batch_size=batch_size, memory_capacity=capacity)


def test_ranks_decide_the_result() -> None:
    one = TrainConfig(schedule=preset("smoke"))
    two = TrainConfig(schedule=preset("smoke"), ranks=2)
    assert one.digest() != two.digest()
    assert one.difference(two) == "ranks (1, not 2)"
    with pytest.raises(ConfigurationError, match="ranks is 0"):
        TrainConfig(schedule=preset("smoke"), ranks=0)
