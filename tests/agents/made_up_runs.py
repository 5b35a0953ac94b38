"""Runs of the self-supervised learner whose locations are made up: seconds, and no simulator."""

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from agents.collection.interact import InteractionRecord
from agents.training.checkpoint import last_checkpoint, load_checkpoint
from agents.training.configuration import TrainConfig
from agents.training.metrics import TIMINGS, read_metrics
from agents.training.presets import preset
from selfsup.experience import Experience

# Muon has more kinds of state to restore than Adam; windows cost a fraction of whole views.
SCHEDULE = replace(preset("smoke"), optimizer="muon", window=48)
CONFIG = TrainConfig(
    schedule=SCHEDULE, preset="smoke", precision="32-true", device="cpu", threads=1, workers=0
)


def made_up_record(seed, weights, joint):
    """A coloured rectangle on noise that moves when touched; it depends on the seed and on the weights."""
    rng = np.random.default_rng([seed, int(abs(float(weights["score_head.bias"][0])) * 1e9)])
    rgb = rng.integers(0, 60, (300, 300, 3), dtype=np.uint8)
    row, column = (int(value) for value in rng.integers(5, 60, 2))
    mask = np.zeros((100, 100), bool)
    mask[row : row + 30, column : column + 20] = True
    rgb[mask.repeat(3, 0).repeat(3, 1)] += np.uint8(150)
    experience = Experience(
        rgb=rgb,
        depth=rng.uniform(0.5, 3, (300, 300)).astype(np.float16),
        success_points=np.array([[row + 5, column + 5]], np.int16),
        masks=mask[None],
        forces=np.array([int(rng.integers(3)) if joint else 2], np.int8),
        feedback=np.array([0], np.int8),
        failure_points=np.array([[2, 2], [97, 50]], np.int16),
    )
    return InteractionRecord(experience, 1, 1, 0, 2, attempts=3, changes=1)


class MadeUpCollector:
    """Answers tasks at once, without a simulator."""

    def __init__(self):
        self.tasks = []
        self.closed = False

    def submit(self, task):
        self.tasks.append(task)
        weights = load_file(task.weights)
        future: Future[list[InteractionRecord]] = Future()
        future.set_result([made_up_record(seed, weights, task.schedule.joint) for seed in task.seeds])
        return future

    def close(self):
        self.closed = True


def measured(run):
    return [{name: value for name, value in row.items() if name not in TIMINGS} for row in read_metrics(run)]


def weights_of(run):
    return load_checkpoint(last_checkpoint(run)).model


def assert_same_run(run, other):
    mine, others = weights_of(run), weights_of(other)
    assert mine.keys() == others.keys()
    for name, tensor in mine.items():
        assert torch.equal(tensor, others[name]), name
    assert measured(run) == measured(other)
    optimizers = [load_checkpoint(last_checkpoint(each)).optimizer for each in (run, other)]
    assert all(torch.equal(tensor, optimizers[1][name]) for name, tensor in optimizers[0].items())


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return all that a folder holds: the content of files, None for folders, by relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }
