"""What learning costs, next to the bare network without losses, and next to copying the same bytes."""

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents.base import Instance
from agents.batches import Batches, make_batch
from agents.clustering import MAX_INSTANCES, greedy_instances
from agents.configuration import TrainConfig
from agents.learner import Learner
from agents.network import InteractionNet, image_tensor
from agents.presets import preset
from agents.processor import fast_bf16
from eval.coco import coco_scores
from eval.speed_measure import Bar, Measurement, measure, measure_together, memory_copy
from selfsup.feedback import Experience
from selfsup.losses import mask_distances, mask_iou
from selfsup.memory_bank import MemoryBank
from thor_interact_env.simulators.base import Instances, Observation

BARE_STEP = "bare network step"
"""Floor: forward pass, backward pass from constant gradients, and optimiser, in the same precision."""

TRAINING_STEP = "training step"
"""Name of the measurement of one whole update: batch, forward, losses, backward, optimiser, priorities."""

AP_IMAGES = 20
"""Images of the measurement of average precision, each with 10 true and 32 predicted instances."""


def learning_measurements(
    experiences: Sequence[Experience], batch_size: int, updates: int, threads: int, seed: int
) -> list[Measurement]:
    """Measure the parts of a training step and the whole of it.

    Args:
        experiences: To learn from, at least one; repeated until there are two batches of them.
        batch_size: Images of a batch.
        updates: Times that each part is timed.
        threads: CPU threads of the network.
        seed: Of the weights and batches.

    Returns:
        Measurements of losses, optimiser step, training step, sampling from and adding to the memory bank.
    """
    schedule = dataclasses.replace(preset("paper"), batch_size=batch_size)
    learner = Learner(TrainConfig(schedule=schedule, preset="paper", seed=seed, threads=threads))
    many = [experiences[index % len(experiences)] for index in range(2 * batch_size)]
    batch = make_batch(many[:batch_size], "gaussian")
    device = learner.fabric.device
    images = batch.images.to(device, memory_format=learner.memory_format)
    targets = batch.targets.to(device)
    with torch.no_grad():
        prediction = learner.forward(images)
    ones = [torch.ones_like(part) for part in prediction]
    leaves = type(prediction)(*(part.detach().clone().requires_grad_() for part in prediction))

    def network_passes() -> None:
        with learner.fabric.autocast():
            parts = learner.network(images)
        torch.autograd.backward(list(parts), ones)

    def bare_step() -> None:
        learner.optimizer.zero_grad(set_to_none=True)
        network_passes()
        learner.optimizer.step()

    def losses() -> None:
        distances = mask_distances(leaves.embeddings, targets.masks, targets.mask_image)
        with torch.no_grad():
            mask_iou(distances, targets.masks)
        parts = learner.losses(leaves, distances, targets, joint=True, frozen=False)
        torch.stack(list(parts.values())).sum().backward()

    network_passes()  # the optimiser needs gradients
    parameters = sum(parameter.nbytes for parameter in learner.network.parameters())
    results = [
        measure("losses", losses, updates, network_passes, "network passes", Bar(ratio=0.25)),
        measure(
            "optimiser step", learner.stepper.step, updates, memory_copy(parameters), "copy of the weights"
        ),
    ]
    with tempfile.TemporaryDirectory() as folder:
        bank = MemoryBank(schedule.memory_capacity, Path(folder))
        bank.add(many)
        rng = np.random.default_rng(seed)

        def training_step() -> None:
            with Batches(bank, rng, batch_size, 1) as batches:
                learner.learn(batches, schedule.learning_rate, joint=True)

        sampling = f"bank sample of {batch_size}"
        works = {TRAINING_STEP: training_step, sampling: lambda: bank.sample(batch_size, rng)}
        bars = {TRAINING_STEP: Bar(ratio=1.35), sampling: Bar(ratio=0.05)}
        results += measure_together(works, updates, bare_step, BARE_STEP, bars)
        few = many[:16]
        size = sum(getattr(each, field.name).nbytes for each in few for field in dataclasses.fields(each))
        results.append(
            measure("bank add of 16", lambda: bank.add(few), updates, memory_copy(size), "copy of 16")
        )
    return results


def agent_measurements(agent: Any, view: Observation, repeats: int, seed: int) -> list[Measurement]:
    """Measure inference, clustering and average precision.

    Args:
        agent: A self-supervised agent on the CPU.
        view: What it looks at.
        repeats: Times that each is timed.
        seed: Of the made-up maps and instances.
    """
    network = InteractionNet().eval().to(memory_format=torch.channels_last)
    image = image_tensor(view.rgb, view.depth)[None].to(memory_format=torch.channels_last)
    reduced = fast_bf16(torch.device("cpu"))

    def bare() -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=reduced):
            network(image)

    scores, forces, embeddings = crowded_maps(seed)
    predictions, truths = made_up_instances(seed)
    size = sum(truth.masks.nbytes for truth in truths)
    size += sum(each.mask.nbytes for group in predictions for each in group if each.mask is not None)
    return [
        measure("forward", lambda: agent.predict(view), repeats, bare, "bare network"),
        measure(
            f"clustering, {MAX_INSTANCES} instances",
            lambda: greedy_instances(scores, forces, embeddings, MAX_INSTANCES, -np.inf),
            repeats,
            memory_copy(embeddings.nbytes),
            "copy of the embeddings",
            Bar(seconds=0.005),
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
        seed: Decides them.

    Returns:
        (100, 100), (3, 100, 100) and (16, 100, 100) float32.
    """
    rng = np.random.default_rng(seed)
    centres = 4 * rng.standard_normal((16, 10, 10))
    embeddings = centres.repeat(10, axis=1).repeat(10, axis=2) + 0.1 * rng.standard_normal((16, 100, 100))
    scores, forces = rng.standard_normal((100, 100)), rng.standard_normal((3, 100, 100))
    return scores.astype(np.float32), forces.astype(np.float32), embeddings.astype(np.float32)


def made_up_instances(seed: int) -> tuple[list[list[Instance]], list[Instances]]:
    """Return predictions and ground truth of `AP_IMAGES` images: rectangles near true ones.

    Args:
        seed: Decides them.
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
