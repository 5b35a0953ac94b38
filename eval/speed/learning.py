"""The cost of learning, relative to the bare network without losses, and to copying the same bytes."""

import dataclasses
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents.base import MAX_INSTANCES, VIEWS_AT_ONCE, Instance
from agents.closing import Closing
from agents.query_agent.agent import QueryAgent
from agents.query_agent.inference import distinct_instances, queried_instances, upscale_queried
from agents.query_agent.masks import BEYOND_OFFSET
from agents.selfsup_agent.clustering import greedy_instances, upscale_instances
from agents.selfsup_agent.network import InteractionNet, image_batch
from agents.selfsup_agent.refinement import refined_instances
from agents.training.batches import Batches
from agents.training.configuration import TrainConfig
from agents.training.learner import Learner
from agents.training.processor import fast_bf16, has_feature
from eval.metrics.coco import coco_scores
from eval.speed.measure import (
    Bar,
    Measurement,
    Work,
    device_clock,
    measure,
    measure_together,
    memory_copy,
)
from selfsup.augmentation import augment
from selfsup.experience import Experience
from selfsup.memory_bank import MemoryBank
from thor_interact_env.simulators.base import Instances, Observation

BARE_STEP = "bare network step"
"""Floor: forward pass, backward pass from constant gradients, and optimiser, in the same precision."""

TRAINING_STEP = "training step"
"""Name of the measurement of one whole update: batch, forward, losses, backward, optimiser, priorities."""

PRESETS_WITH_STEPS = ("quick", "hour")
"""Presets whose own training step is measured too: small batches, windows of views, their optimiser."""

STEP_BAR = Bar(ratio=1.15)
"""Maximum cost of a training step relative to the bare network."""

IMAGES_PER_SECOND, IMAGES_PER_SECOND_WITH_AMX = 40, 100
"""Minimum number of images that two cores should process in a second, with clustering and refinement."""

QUERIED_BAR = Bar(ratio=1.05)
"""Maximum cost of views with queried masks relative to the same with the paper's instances, refined. Their
network has 18 more output channels, which cost up to 3%. On views of rooms half of the masks are nearly those
of better ones and need not be brought to the size of the image; those of this measurement all stay."""

AP_IMAGES = 20
"""Images of the measurement of average precision, each with 10 true and 32 predicted instances."""


class TrainingStep(Closing):
    """One update of a schedule, and its floor.

    Attributes:
        learner: The learner.
        bank: Memory bank of two batches of locations.
        targets: Those of the batch of the floor.
        prediction: The network's output for that batch.
    """

    def __init__(self, config: TrainConfig, experiences: Sequence[Experience], folder: Path) -> None:
        """Make a learner and a memory bank.

        Args:
            config: Its schedule decides batches, windows and optimiser; its seed weights and batches.
            experiences: To learn from, at least one; repeated until there are two batches of them.
            folder: Of the memory bank.
        """
        self._schedule = schedule = config.schedule
        self.learner = Learner(config)
        self.bank = MemoryBank(schedule.memory_capacity, folder, schedule.prioritized)
        self.bank.add([experiences[index % len(experiences)] for index in range(2 * schedule.batch_size)])
        self._rng = np.random.default_rng(config.seed)
        with self._batches(1) as batches:
            batch = batches.take()
        self._episode = self._batches(sys.maxsize)
        device = self.learner.fabric.device
        self.targets = batch.targets.to(device)
        images = batch.images.to(device, memory_format=self.learner.memory_format)
        corners = batch.corners
        self._inputs = (images,) if corners is None else (images, corners.to(device))
        with torch.no_grad():
            self.prediction = self.learner.forward(*self._inputs)
        self._ones = [torch.ones_like(part) for part in self.prediction]

    def _batches(self, count: int) -> Batches:
        schedule = self._schedule
        augmentation = partial(augment, jitter_probability=schedule.jitter_probability)
        return Batches(
            self.bank,
            self._rng,
            schedule.batch_size,
            count,
            augmentation=augmentation,
            side=schedule.window,
        )

    def passes(self) -> None:
        """Floor of the losses: forward pass, and backward pass from constant gradients."""
        with self.learner.fabric.autocast():
            parts = self.learner.network(*self._inputs)
        torch.autograd.backward(list(parts), self._ones)

    def bare(self) -> None:
        """Floor of a whole update: `passes` and the optimiser."""
        self.learner.optimizer.zero_grad(set_to_none=True)
        self.passes()
        self.learner.optimizer.step()

    def whole(self) -> None:
        """Take a batch, set its priorities, and update the weights while the next batch is prepared."""
        self.learner.learn(self._episode, self._schedule.learning_rate, joint=True)

    def close(self) -> None:
        """Wait for the batch that is being prepared."""
        self._episode.close()


def learning_measurements(
    experiences: Sequence[Experience],
    batch_size: int,
    updates: int,
    threads: int,
    seed: int,
    device: str = "cpu",
) -> list[Measurement]:
    """Measure the parts of a training step of `paper` and the whole of it, and those of other presets.

    Args:
        experiences: To learn from, at least one; repeated until there are two batches of them.
        batch_size: Images of a batch of `paper`.
        updates: Times that each part is timed.
        threads: CPU threads of the network.
        seed: Of the weights and batches.
        device: Where the network learns.

    Returns:
        Measurements of losses, optimiser step, training step, sampling from and adding to the memory bank,
        and of one training step for each of `PRESETS_WITH_STEPS`.
    """

    def config(name: str) -> TrainConfig:
        return TrainConfig.from_preset(name, seed=seed, threads=threads, device=device)

    clock = device_clock(device)

    with tempfile.TemporaryDirectory() as folder:
        paper = config("paper")
        paper = dataclasses.replace(
            paper, schedule=dataclasses.replace(paper.schedule, batch_size=batch_size)
        )
        with TrainingStep(paper, experiences, Path(folder, "paper")) as step:
            results = [*_parts(step, updates, clock)]
            bank, rng = step.bank, np.random.default_rng(seed)
            sampling = f"bank sample of {batch_size}"
            works = {TRAINING_STEP: step.whole, sampling: lambda: bank.sample(batch_size, rng)}
            bars = {TRAINING_STEP: STEP_BAR, sampling: Bar(ratio=0.05)}
            results += measure_together(works, updates, step.bare, BARE_STEP, bars, clock=clock)
        few = [experiences[index % len(experiences)] for index in range(16)]
        size = sum(getattr(each, field.name).nbytes for each in few for field in dataclasses.fields(each))
        results.append(
            measure("bank add of 16", lambda: bank.add(few), updates, memory_copy(size), "copy of 16")
        )
        for name in PRESETS_WITH_STEPS:
            with TrainingStep(config(name), experiences, Path(folder, name)) as short:
                results.append(
                    measure(
                        step_name(name), short.whole, updates, short.bare, BARE_STEP, STEP_BAR, clock=clock
                    )
                )
    return results


def step_name(name: str) -> str:
    """Return the name of the measurement of a preset's own training step."""
    return f"{TRAINING_STEP} of {name}"


def _parts(step: TrainingStep, updates: int, clock: Callable[[], float]) -> list[Measurement]:
    """Measure losses and optimiser."""
    prediction = step.prediction
    leaves = type(prediction)(*(part.detach().clone().requires_grad_() for part in prediction))

    def losses() -> None:
        fit = step.learner.mask_fit(leaves, step.targets)
        parts = step.learner.losses(leaves, fit, step.targets, joint=True, frozen=False)
        torch.stack(list(parts.values())).sum().backward()

    step.passes()  # the optimiser needs gradients
    size = sum(parameter.nbytes for parameter in step.learner.network.parameters())
    optimise, copy = step.learner.stepper.step, memory_copy(size)
    return [
        measure("losses", losses, updates, step.passes, "network passes", Bar(ratio=0.25), clock=clock),
        measure("optimiser step", optimise, updates, copy, "copy of the weights", clock=clock),
    ]


def agent_measurements(
    agent: Any, view: Observation, repeats: int, seed: int, device: str = "cpu"
) -> list[Measurement]:
    """Measure inference, that of queried masks too, clustering, refinement and average precision.

    Args:
        agent: A self-supervised agent on the device.
        view: Its input.
        repeats: Times that each is timed.
        seed: Seed of the artificial maps and instances.
        device: Where the network infers. The number of images per second has a target on the CPU only.
    """
    network = InteractionNet().eval().to(torch.device(device)).to(memory_format=torch.channels_last)
    reduced, clock, kind = fast_bf16(torch.device(device)), device_clock(device), torch.device(device).type
    wanted = IMAGES_PER_SECOND_WITH_AMX if has_feature("amx_tile") else IMAGES_PER_SECOND

    def bare(views: int) -> Work:
        images = image_batch([(view["rgb"], view["depth"])] * views)
        images = images.to(device, memory_format=torch.channels_last)

        def passes() -> None:
            with torch.inference_mode(), torch.autocast(kind, torch.bfloat16, enabled=reduced):
                network(images)

        return passes

    def several_views() -> None:
        agent.predict_many([view] * VIEWS_AT_ONCE)
        for _ in range(VIEWS_AT_ONCE):
            many = greedy_instances(scores, forces, embeddings, MAX_INSTANCES, -np.inf)
            upscale_instances(refined_instances(many, embeddings))

    def several_queried_views() -> None:
        queried.predict_many([view] * VIEWS_AT_ONCE)
        for _ in range(VIEWS_AT_ONCE):
            many = queried_instances(scores, forces, embeddings, queries, MAX_INSTANCES, -np.inf)
            upscale_queried(distinct_instances(many))

    queried = QueryAgent.untrained(seed, device)
    scores, forces, embeddings = crowded_maps(seed)
    queries = crowded_queries(embeddings)
    several = f"{VIEWS_AT_ONCE} views, {MAX_INSTANCES} instances each"
    found = greedy_instances(scores, forces, embeddings, MAX_INSTANCES, -np.inf)
    copy = memory_copy(embeddings.nbytes)
    predictions, truths = made_up_instances(seed)
    size = sum(truth.masks.nbytes for truth in truths)
    size += sum(each.mask.nbytes for group in predictions for each in group if each.mask is not None)
    return [
        measure("forward", lambda: agent.predict(view), repeats, bare(1), "bare network", clock=clock),
        measure(
            several,
            several_views,
            repeats,
            bare(VIEWS_AT_ONCE),
            "bare network",
            Bar(seconds=VIEWS_AT_ONCE * 2 / wanted) if device == "cpu" else None,
            clock=clock,
        ),
        measure(
            f"{VIEWS_AT_ONCE} views, {MAX_INSTANCES} queried masks each",
            several_queried_views,
            repeats,
            several_views,
            several,
            QUERIED_BAR,
            clock=clock,
        ),
        measure(
            f"clustering, {MAX_INSTANCES} instances",
            lambda: greedy_instances(scores, forces, embeddings, MAX_INSTANCES, -np.inf),
            repeats,
            copy,
            "copy of the embeddings",
            Bar(seconds=0.005),
        ),
        measure(
            f"refinement, {MAX_INSTANCES} instances",
            lambda: refined_instances(found, embeddings),
            repeats,
            copy,
            "copy of the embeddings",
        ),
        measure(
            f"AP of {AP_IMAGES} images",
            lambda: coco_scores(predictions, truths),
            min(repeats, 3),
            memory_copy(size),
            "copy of the masks",
        ),
    ]


def crowded_maps(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores, force logits and embeddings of 100 objects, of which clustering finds 32 or more.

    Args:
        seed: Seed of their values.

    Returns:
        (100, 100), (3, 100, 100) and (16, 100, 100) float32.
    """
    rng = np.random.default_rng(seed)
    centres = 4 * rng.standard_normal((16, 10, 10))
    embeddings = centres.repeat(10, axis=1).repeat(10, axis=2) + 0.1 * rng.standard_normal((16, 100, 100))
    scores, forces = rng.standard_normal((100, 100)), rng.standard_normal((3, 100, 100))
    return scores.astype(np.float32), forces.astype(np.float32), embeddings.astype(np.float32)


def crowded_queries(embeddings: np.ndarray) -> np.ndarray:
    """Return queries by which each cell of crowded maps asks for its object: what is within 1 of the cell.

    Args:
        embeddings: (16, 100, 100) float32, of `crowded_maps`.

    Returns:
        (18, 100, 100) float32.
    """
    return np.zeros((len(embeddings) + BEYOND_OFFSET, *embeddings.shape[1:]), np.float32)


def made_up_instances(seed: int) -> tuple[list[list[Instance]], list[Instances]]:
    """Return predictions and ground truth of `AP_IMAGES` images: rectangles near true ones.

    Args:
        seed: Seed of their values.
    """
    rng = np.random.default_rng(seed)
    predictions, truths = [], []
    for _ in range(AP_IMAGES):
        corners = rng.integers(0, 240, (10, 2))
        masks = np.stack([_rectangle(row, column) for row, column in corners])
        truths.append(Instances(masks, np.ones(10), ("Mug",) * 10, tuple(f"Mug|{n}" for n in range(10))))
        near = np.clip(corners[rng.integers(0, 10, 32)] + rng.integers(-20, 20, (32, 2)), 0, 240)
        predictions.append(
            [
                Instance((int(row), int(column)), 0, float(rng.random()), _rectangle(row, column))
                for row, column in near
            ]
        )
    return predictions, truths


def _rectangle(row: int, column: int) -> np.ndarray:
    mask = np.zeros((300, 300), bool)
    mask[row : row + 50, column : column + 40] = True
    return mask
