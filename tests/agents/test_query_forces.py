"""Forces as probabilities: which the feedback leaves open, how often each is, and the likelihood."""

import math
from itertools import product

import numpy as np
import pytest
import torch

from agents.query_agent.forces import (
    MINIMUM_FREQUENCY,
    MOMENTUM,
    allowed_forces,
    force_frequencies,
    likelihood_loss,
    updated_frequencies,
)
from selfsup.experience import Experience
from selfsup.feedback import Feedback
from selfsup.targets import build_targets

UNIFORM = torch.full((3,), 1 / 3)


def target_of(touches: list[tuple[int, Feedback]]) -> torch.Tensor:
    """The target of one image in which each touch (force, feedback) has a mask of 6 x 6 cells of its own."""
    masks = np.zeros((len(touches), 100, 100), bool)
    for number in range(len(touches)):
        masks[number, 10 * number : 10 * number + 6, 20:26] = True
    experience = Experience(
        rgb=np.zeros((300, 300, 3), np.uint8),
        depth=np.ones((300, 300), np.float32),
        success_points=np.array([[10 * number + 2, 22] for number in range(len(touches))], np.int16),
        masks=masks,
        forces=np.array([force for force, _ in touches], np.int8),
        feedback=np.array([feedback for _, feedback in touches], np.int8),
        failure_points=np.zeros((0, 2), np.int16),
    )
    return build_targets([experience], "gaussian", "mask").force


OPEN = {
    (0, Feedback.CORRECT): {0},
    (1, Feedback.CORRECT): {1},
    (2, Feedback.CORRECT): {2},
    (0, Feedback.TOO_SMALL): {1, 2},
    (1, Feedback.TOO_SMALL): {2},
    (1, Feedback.TOO_LARGE): {0},
    (2, Feedback.TOO_LARGE): {0, 1},
}


@pytest.mark.parametrize(("touch", "expected"), OPEN.items())
def test_the_feedback_leaves_some_forces_open(touch: tuple[int, Feedback], expected: set[int]) -> None:
    allowed, weight = allowed_forces(target_of([touch]))
    assert set(torch.nonzero(allowed[0, :, 3, 23]).ravel().tolist()) == expected
    assert torch.equal(weight[0] > 0, allowed[0].any(dim=0))
    assert int((weight > 0).sum()) == 36


def test_each_touch_counts_alike_and_open_forces_in_equal_parts() -> None:
    counted = force_frequencies(target_of([(1, Feedback.CORRECT), (2, Feedback.TOO_LARGE)]))
    assert (counted / counted.sum()).tolist() == pytest.approx([0.25, 0.75, 0.0], abs=1e-6)
    assert force_frequencies(torch.zeros(2, 3, 5, 5)).tolist() == [0, 0, 0]


def test_frequencies_approach_those_of_the_batches() -> None:
    counted = torch.tensor([2.0, 6.0, 0.0])
    once = updated_frequencies(UNIFORM, counted)
    expected = (1 - MOMENTUM) / 3 + MOMENTUM * torch.tensor([0.25, 0.75, 0.0])
    torch.testing.assert_close(once, expected)
    for _ in range(2000):
        once = updated_frequencies(once, counted)
    low = MINIMUM_FREQUENCY
    assert once.tolist() == pytest.approx([0.25, 0.75, low], abs=2 * low)
    assert float(once.min()) >= low / (1 + low)
    torch.testing.assert_close(updated_frequencies(UNIFORM, torch.zeros(3)), UNIFORM)


def test_the_loss_is_the_negative_log_likelihood_of_the_open_forces() -> None:
    touches = list(OPEN)
    target = target_of(touches)
    logits = torch.tensor([0.3, -1.0, 0.8])
    frequencies = torch.tensor([0.1, 0.3, 0.6])
    weighted = [float(f * math.exp(x)) for f, x in zip(frequencies, logits, strict=True)]
    maps = logits[None, :, None, None].expand(target.shape)
    weight = float(target.abs().sum()) / len(touches)
    each = [math.log(sum(weighted[k] for k in OPEN[touch]) / sum(weighted)) for touch in touches]
    loss = likelihood_loss(maps, target, frequencies).item()
    assert loss == pytest.approx(-0.1 * weight * sum(each), rel=1e-5)


def test_images_without_touches_have_no_loss_and_no_gradient() -> None:
    logits = torch.randn(2, 3, 8, 8, requires_grad=True)
    loss = likelihood_loss(logits, torch.zeros(2, 3, 8, 8), UNIFORM)
    loss.backward()
    assert loss.item() == 0 and logits.grad is not None and not logits.grad.any()


def test_the_gradient_raises_open_forces_and_lowers_the_others() -> None:
    target = target_of([(2, Feedback.TOO_LARGE)])
    logits = torch.zeros(1, 3, 100, 100, requires_grad=True)
    likelihood_loss(logits, target, UNIFORM).backward()
    assert logits.grad is not None
    first, second, third = logits.grad[0, :, 3, 23].tolist()
    assert first == second < 0 < third


def test_balanced_logits_do_not_follow_the_frequencies() -> None:
    """Nine touches of ten are heavy. Where nothing tells things apart, the logits alone favour no force."""
    target = target_of([(2, Feedback.CORRECT)] * 9 + [(0, Feedback.CORRECT)])
    counted = force_frequencies(target)
    frequencies = updated_frequencies(UNIFORM, counted)
    for _ in range(2000):
        frequencies = updated_frequencies(frequencies, counted)
    logits = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        likelihood_loss(logits[None, :, None, None].expand(target.shape), target, frequencies).backward()
        optimizer.step()
    light, _, heavy = logits.detach().tolist()
    assert abs(light - heavy) < 0.1


def test_maps_of_other_shapes_are_refused() -> None:
    for shape in product((1, 2), (8, 9)):
        if shape != (2, 8):
            with pytest.raises(ValueError, match="force logits are of shape"):
                likelihood_loss(torch.zeros(2, 3, 8, 8), torch.zeros(shape[0], 3, 8, shape[1]), UNIFORM)
