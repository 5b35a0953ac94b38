"""One learner, without a simulator: what its options do to the weights."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from agents.selfsup_agent.network import Prediction
from agents.training.batches import Batches, make_batch
from agents.training.configuration import TrainConfig
from agents.training.learner import Learner
from agents.training.presets import preset
from agents.training.schedule import ConfigurationError, Optimizer
from selfsup.experience import Experience
from selfsup.memory_bank import MemoryBank

SMOKE = preset("smoke")


def bank_of(count: int) -> MemoryBank:
    rng = np.random.default_rng(0)
    bank = MemoryBank(count)
    for _ in range(count):
        row, column = (int(value) for value in rng.integers(5, 60, 2))
        mask = np.zeros((1, 100, 100), bool)
        mask[0, row : row + 30, column : column + 20] = True
        experience = Experience(
            rgb=rng.integers(0, 256, (300, 300, 3), dtype=np.uint8),
            depth=rng.uniform(0.5, 3, (300, 300)).astype(np.float16),
            success_points=np.array([[row + 5, column + 5]], np.int16),
            masks=mask,
            forces=np.array([1], np.int8),
            feedback=np.array([0], np.int8),
            failure_points=np.array([[2, 2]], np.int16),
        )
        bank.add([experience])
    return bank


def taught(tied: bool) -> Learner:
    config = TrainConfig(
        schedule=replace(SMOKE, tied_upsampling=tied), precision="32-true", device="cpu", threads=1
    )
    learner, bank, rng = Learner(config), bank_of(4), np.random.default_rng(0)
    with Batches(bank, rng, config.schedule.batch_size, 3) as batches:
        for _ in range(3):
            learner.learn(batches, 1e-3, joint=True)
    return learner


@pytest.mark.parametrize("tied", [True, False])
def test_tied_kernels_stay_equal_and_learn_while_free_ones_part(tied: bool) -> None:
    torch.manual_seed(0)
    before = Learner(TrainConfig(schedule=SMOKE, precision="32-true", device="cpu", threads=1)).network
    for start, kernels in zip(
        before.upsampling_kernels(), taught(tied).network.upsampling_kernels(), strict=True
    ):
        assert not torch.equal(start, kernels)
        equal = bool((kernels == kernels[..., :1, :1]).all())
        assert equal is tied


@pytest.mark.parametrize("value", [-0.1, 1.5])
def test_a_probability_of_jitter_outside_0_to_1_is_refused(value: float) -> None:
    with pytest.raises(ConfigurationError, match=r"jitter_probability is .*0\.\.1"):
        replace(SMOKE, jitter_probability=value)


def test_windows_teach_the_whole_network() -> None:
    schedule = replace(SMOKE, window=40)
    learner = Learner(TrainConfig(schedule=schedule, precision="32-true", device="cpu", threads=1))
    before = {name: value.clone() for name, value in learner.weights().items()}
    batch_size = schedule.batch_size
    with Batches(bank_of(4), np.random.default_rng(0), batch_size, 2, side=40) as batches:
        for _ in range(2):
            measures = learner.learn(batches, 1e-3, joint=True)
    assert {"interaction_loss", "embedding_loss", "force_loss", "mask_iou"} <= set(measures)
    trained = {name for name, _ in learner.network.named_parameters()}
    assert all(not torch.equal(before[name], learner.weights()[name]) for name in trained)


@pytest.mark.parametrize("value", [23, 101])
def test_a_window_that_is_no_part_of_a_view_is_refused(value: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"window is {value}; it must be in 24\.\.100"):
        replace(SMOKE, window=value)


def test_the_released_network_learns_from_whole_views_only() -> None:
    with pytest.raises(ConfigurationError, match=r"window is 60.*--schedule.window 100"):
        TrainConfig(schedule=replace(SMOKE, window=60), network="released")


def learner_of(**options: Any) -> Learner:
    return Learner(
        TrainConfig(precision="32-true", device="cpu", threads=1, **{"schedule": SMOKE, **options})
    )


def parameters_of(learner: Learner) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in learner.network.named_parameters()}


def learn(learner: Learner, rates: list[float], joint: bool = True) -> None:
    """Make an update with each of these rates; the batches are always the same."""
    with Batches(bank_of(4), np.random.default_rng(0), SMOKE.batch_size, len(rates)) as batches:
        for rate in rates:
            learner.learn(batches, rate, joint=joint)


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_an_update_moves_the_weights_in_proportion_to_the_rate_it_is_given(optimizer: Optimizer) -> None:
    moved = []
    for rate in (0.0, 1e-4, 4e-4):
        learner = learner_of(schedule=replace(SMOKE, optimizer=optimizer))
        before = parameters_of(learner)
        learn(learner, [rate])
        after = parameters_of(learner)
        moved.append(sum(float((after[name] - before[name]).abs().sum()) for name in before))
    assert moved[0] == 0
    assert moved[2] == pytest.approx(4 * moved[1], rel=1e-2)


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_a_new_stage_learns_as_a_new_learner_with_the_same_weights(optimizer: Optimizer) -> None:
    schedule = replace(SMOKE, optimizer=optimizer)
    learner, fresh = learner_of(schedule=schedule), learner_of(schedule=schedule)
    learn(learner, [1e-3, 1e-3])
    fresh.network.load_state_dict(learner.weights())
    learner.start_stage()
    for each in (learner, fresh):
        learn(each, [1e-3])
    others = parameters_of(fresh)
    assert all(torch.equal(value, others[name]) for name, value in parameters_of(learner).items())


def test_the_force_head_stays_as_it_is_where_forces_are_not_learned() -> None:
    learner, others = learner_of(schedule=SMOKE), learner_of(schedule=SMOKE)
    learner.choose_parts(joint=False)
    before = parameters_of(learner)
    for each in (learner, others):
        learn(each, [1e-3, 1e-3], joint=each is others)
    changed = {name for name, value in parameters_of(learner).items() if not torch.equal(value, before[name])}
    assert before.keys() - changed == {"force_head.weight", "force_head.bias"}
    learner.start_stage()
    learn(learner, [1e-3])
    assert not torch.equal(parameters_of(learner)["force_head.weight"], before["force_head.weight"])


def test_masks_are_weighted_as_the_configuration_says_and_by_default_as_in_the_paper() -> None:
    """With one mask in each image `averaged` weights are 200 times the paper's."""
    batch = make_batch(bank_of(2).read(np.arange(2)), "gaussian")
    losses = [
        learner.update(batch, 0.0, joint=False).measures["embedding_loss"]
        for learner in (
            learner_of(),
            learner_of(embedding_normalization="added"),
            learner_of(embedding_normalization="averaged"),
        )
    ]
    assert losses[0] == losses[1]
    assert losses[2] == pytest.approx(200 * losses[1], rel=1e-5)


def gradients(**options: Any) -> tuple[torch.Tensor, ...]:
    """What a batch of three pictures, two with a mask, pulls at scores, forces and embeddings."""
    learner = learner_of(**options)
    experiences = bank_of(3).read(np.arange(3))
    empty = replace(
        experiences[2],
        success_points=np.zeros((0, 2), np.int16),
        masks=np.zeros((0, 100, 100), bool),
        forces=np.zeros(0, np.int8),
        feedback=np.zeros(0, np.int8),
    )
    targets = make_batch([*experiences[:2], empty], "gaussian").targets
    generator = torch.Generator().manual_seed(0)
    shapes = ((3, 100, 100), (3, 3, 100, 100), (3, 16, 100, 100))
    leaves = Prediction(*(torch.randn(shape, generator=generator).requires_grad_() for shape in shapes))
    fit = learner.mask_fit(leaves, targets)
    losses = learner.losses(leaves, fit, targets, joint=True, frozen=False)
    torch.stack(list(losses.values())).sum().backward()
    return tuple(leaf.grad for leaf in leaves if leaf.grad is not None)


def test_the_released_gradients_are_added_over_the_batch_and_weigh_masks_200_and_forces_10_times() -> None:
    images, factors = 3, (1, 10, 200)
    for factor, ours, theirs in zip(factors, gradients(), gradients(loss_weights="released"), strict=True):
        assert ours.any()
        torch.testing.assert_close(theirs, images * factor * ours)


def test_distances_are_clipped_unless_the_configuration_says_otherwise() -> None:
    *_, clipped = gradients()
    *_, free = gradients(clipped_distances=False)
    assert torch.equal(clipped, gradients(clipped_distances=True)[2])
    assert free.norm() > 1.5 * clipped.norm()


def test_a_location_is_scored_by_the_rule_of_the_configuration() -> None:
    (one,) = bank_of(1).read(np.arange(1))
    nowhere = np.zeros((1, 100, 100), bool)
    nowhere[0, 99, 99] = True
    two = replace(
        one,
        success_points=one.success_points.repeat(2, 0),
        masks=np.concatenate([one.masks, nowhere]),
        forces=one.forces.repeat(2),
        feedback=one.feedback.repeat(2),
    )
    ious = [
        learner_of().update(make_batch([replace(one, masks=mask[None])], "gaussian"), 0.0, False).scores[0]
        for mask in two.masks
    ]
    assert ious[0] != ious[1]
    for rule, expected in (("minimum", min(ious)), ("mean", sum(ious) / 2 or 0.5)):
        learner = learner_of(location_score=rule)
        (score,) = learner.update(make_batch([two], "gaussian"), 0.0, False).scores
        assert score == pytest.approx(expected)


def test_released_weights_leave_no_choice_of_the_normalization() -> None:
    with pytest.raises(ConfigurationError, match="embedding_normalization is 'averaged', but loss_weights"):
        learner_of(loss_weights="released", embedding_normalization="averaged")
