"""What the tests of several ranks run, in each of the processes and in their own."""

import sys
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from agents.collection.collect import CollectionTask
from agents.collection.interact import InteractionRecord
from agents.selfsup_agent.training import train
from agents.training.batches import make_batch
from agents.training.configuration import TrainConfig
from agents.training.learner import Learner
from agents.training.ranks import gather, launched_ranks
from agents.training.schedule import Schedule, Stage
from selfsup.experience import Experience

SCHEDULE = Schedule(
    stages=(Stage(4, 2, 2, 1, 1, greedy_points=1, random_points=1, joint=True),),
    batch_size=4,
    learning_rate=1e-3,
    final_learning_rate=1e-3,
    decay_fraction=0.0,
    memory_capacity=8,
    locations_per_room=1,
)


def config(ranks: int) -> TrainConfig:
    return TrainConfig(
        schedule=SCHEDULE,
        preset="smoke",
        precision="32-true",
        device="cpu",
        threads=1,
        workers=0,
        ranks=ranks,
        embedding_normalization="averaged",
    )


def experience(seed: int) -> Experience:
    """One object on noise; every third location has none."""
    rng = np.random.default_rng(seed)
    count = 0 if seed % 3 == 2 else 1
    rgb = rng.integers(0, 60, (300, 300, 3), dtype=np.uint8)
    mask = np.zeros((100, 100), bool)
    row, column = (int(value) for value in rng.integers(5, 60, 2))
    mask[row : row + 30, column : column + 20] = True
    rgb[mask.repeat(3, 0).repeat(3, 1)] += np.uint8(150)
    return Experience(
        rgb=rgb,
        depth=rng.integers(500, 3000, (300, 300)).astype(np.float32) / np.float32(1000),
        success_points=np.array([[row + 5, column + 5]] * count, np.int16).reshape(-1, 2),
        masks=mask[None][:count],
        forces=np.array([1] * count, np.int8),
        feedback=np.array([0] * count, np.int8),
        failure_points=np.array([[2, 2], [97, 50]], np.int16),
    )


def learn(ranks: int) -> dict[str, Tensor]:
    """Learn twice from the same batches of 4, shared by the ranks.

    Returns:
        The losses of both updates, and the gradients and running statistics of the first.
    """
    learner = Learner(config(ranks))
    rank = learner.fabric.global_rank
    losses, found = [], {}
    for update in range(2):
        whole = [experience(4 * update + index) for index in range(4)]
        result = learner.update(make_batch(whole[rank::ranks], "gaussian"), 1e-4, joint=True)
        measured = gather(result.measures, ranks)
        losses.append([float(np.mean([each[name] for each in measured])) for name in NAMES])
        if update == 0:
            for name, parameter in learner.network.named_parameters():
                assert parameter.grad is not None
                found[f"gradient.{name}"] = parameter.grad.clone().contiguous()
            for name, value in learner.weights().items():
                if "running" in name:
                    found[name] = value.clone()
    return {"losses": torch.tensor(losses), **found}


NAMES = ("interaction_loss", "embedding_loss", "force_loss")


class MadeUpCollector:
    """Answers at once; notes what it was asked for."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def submit(self, task: CollectionTask) -> Future[list[InteractionRecord]]:
        self.seeds += task.seeds
        future: Future[list[InteractionRecord]] = Future()
        future.set_result([InteractionRecord(experience(seed), 1, 1, 0, 2, 3, 1) for seed in task.seeds])
        return future

    def close(self) -> None:
        pass


def train_twice(folder: Path) -> None:
    """Train whole, and with a stop in between, on all ranks; leave what each rank was asked to collect."""
    ranks = launched_ranks()
    asked = MadeUpCollector()
    train(config(ranks), folder / "whole", collector=asked)
    train(config(ranks), folder / "stopped", collector=MadeUpCollector(), stop_after=1)
    train(config(ranks), folder / "stopped", resume=True, collector=MadeUpCollector())
    seeds = gather(asked.seeds, ranks)
    (folder / "seeds.txt").write_text("\n".join(" ".join(map(str, each)) for each in seeds))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    found = learn(launched_ranks())
    if Learner(config(launched_ranks())).fabric.global_rank == 0:
        save_file(found, folder / "learned.safetensors")
    train_twice(folder)
