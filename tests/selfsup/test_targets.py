from dataclasses import replace
from math import exp, hypot
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selfsup.experience import Experience
from selfsup.feedback import Feedback, KernelName
from selfsup.targets import build_targets, force_directions


def convolved(plane: np.ndarray, name: KernelName) -> np.ndarray:
    """The definition: zero outside, one product at a time."""
    result = np.zeros((100, 100))
    for row, column in zip(*np.nonzero(plane), strict=True):
        for u in range(-2, 3):
            for v in range(-2, 3):
                weight = exp(-u * u - v * v) if name == "gaussian" else exp(-hypot(u, v))
                if 0 <= row + u < 100 and 0 <= column + v < 100:
                    result[row + u, column + v] += plane[row, column] * weight
    return result


def slow_targets(experience: Experience, name: KernelName) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    foreground, background, force = np.zeros((100, 100)), np.zeros((100, 100)), np.zeros((3, 100, 100))
    for row, column in experience.failure_points:
        background[row, column] = 1
    for (row, column), r, verdict in zip(
        experience.success_points, experience.forces, experience.feedback, strict=True
    ):
        foreground[row, column] = 1
        for other in range(3):
            if verdict == Feedback.CORRECT and other == r:
                force[other, row, column] += 1
            if verdict == Feedback.TOO_SMALL and other > r:
                force[other, row, column] += 1
            if verdict == Feedback.TOO_LARGE and other < r:
                force[other, row, column] += 1
    for row, column in zip(*np.nonzero(foreground), strict=True):
        vector = force[:, row, column] - force[:, row, column].mean()
        norm = np.abs(vector).sum()
        force[:, row, column] = vector / norm if norm > 1e-9 else 0
    spread_force = np.stack([convolved(plane, name) for plane in force])
    return convolved(foreground, name), convolved(background, name), spread_force


@pytest.mark.parametrize("name", ["gaussian", "exponential"])
def test_targets_are_those_of_the_slow_definition(make_experience: Any, name: KernelName) -> None:
    corners = np.array([[0, 0], [0, 99], [99, 0], [99, 99], [50, 0], [50, 50], [51, 51]], dtype=np.int16)
    batch = [
        make_experience(1, successes=6, failures=4),
        make_experience(2, successes=0, failures=2),
        replace(make_experience(3, successes=7, failures=7), success_points=corners, failure_points=corners),
        make_experience(4, successes=0, failures=0),
        replace(  # many touches of the same few cells
            make_experience(5, successes=30, failures=5),
            success_points=np.repeat(corners[4:], 10, axis=0),
        ),
    ]
    targets = build_targets(batch, name)
    assert targets.foreground.dtype == targets.background.dtype == targets.force.dtype == torch.float32
    assert targets.foreground.shape == targets.background.shape == (5, 100, 100)
    assert targets.force.shape == (5, 3, 100, 100)
    for image, experience in enumerate(batch):
        foreground, background, force = slow_targets(experience, name)
        np.testing.assert_allclose(targets.foreground[image], foreground, atol=1e-6)
        np.testing.assert_allclose(targets.background[image], background, atol=1e-6)
        np.testing.assert_allclose(targets.force[image], force, atol=1e-6)


@given(
    seed=st.integers(0, 1000), successes=st.integers(0, 4), name=st.sampled_from(["gaussian", "exponential"])
)
@settings(max_examples=20, deadline=None)
def test_over_masks_the_force_has_the_weight_it_has_around_points(
    make_experience: Any, seed: int, successes: int, name: KernelName
) -> None:
    # Points of distinct cells away from the border, so that nothing is cut off or normalised together.
    points = (10 + 20 * np.arange(successes)[:, None] + np.zeros(2)).astype(np.int16)
    experience = replace(make_experience(seed, successes, 1), success_points=points)
    around, over = (build_targets([experience], name, area).force for area in ("point", "mask"))
    torch.testing.assert_close(over.sum((2, 3)), around.sum((2, 3)), atol=1e-3, rtol=1e-4)
    touched = experience.masks.any(axis=0) if successes else np.zeros((100, 100), bool)
    assert not over[0, :, ~torch.from_numpy(touched)].any()
    for mask, force, feedback in zip(experience.masks, experience.forces, experience.feedback, strict=True):
        alone = mask & (experience.masks.sum(axis=0) == 1)
        direction = force_directions(np.array([force]), np.array([feedback]))[0]
        values = over[0, :, torch.from_numpy(alone)]
        assert torch.equal(values, values[:, :1].expand_as(values))
        raised = values[:, 0] > 0
        assert raised.tolist() == (
            [False] * 3 if direction.min() == direction.max() else (direction > 0).tolist()
        )


def test_an_unknown_area_of_the_force_is_refused(make_experience: Any) -> None:
    with pytest.raises(ValueError, match=r"view.*point.*mask"):
        build_targets([make_experience()], force_area="view")  # type: ignore[arg-type]


def test_masks_follow_each_other_with_their_images(make_experience: Any) -> None:
    batch = [make_experience(seed, successes=count) for seed, count in enumerate([2, 0, 3])]
    targets = build_targets(batch)
    assert targets.masks.dtype == torch.bool and targets.mask_image.dtype == torch.int64
    assert targets.mask_image.tolist() == [0, 0, 2, 2, 2]
    np.testing.assert_array_equal(targets.masks[:2], batch[0].masks)
    np.testing.assert_array_equal(targets.masks[2:], batch[2].masks)
    assert targets.mask_cells.dtype == torch.int64
    np.testing.assert_array_equal(targets.mask_cells[:2], batch[0].success_points)
    np.testing.assert_array_equal(targets.mask_cells[2:], batch[2].success_points)


def test_a_batch_without_masks_and_a_batch_without_images(make_experience: Any) -> None:
    targets = build_targets([make_experience(successes=0)])
    assert targets.masks.shape == (0, 100, 100) and targets.mask_image.shape == (0,)
    assert not targets.force.any()
    with pytest.raises(ValueError, match="at least one"):
        build_targets([])


@pytest.mark.parametrize(
    ("force", "feedback", "expected"),
    [
        (0, Feedback.CORRECT, [0.5, -0.25, -0.25]),
        (1, Feedback.CORRECT, [-0.25, 0.5, -0.25]),
        (2, Feedback.CORRECT, [-0.25, -0.25, 0.5]),
        (0, Feedback.TOO_SMALL, [-0.5, 0.25, 0.25]),
        (1, Feedback.TOO_SMALL, [-0.25, -0.25, 0.5]),
        (2, Feedback.TOO_SMALL, [0, 0, 0]),
        (0, Feedback.TOO_LARGE, [0, 0, 0]),
        (1, Feedback.TOO_LARGE, [0.5, -0.25, -0.25]),
        (2, Feedback.TOO_LARGE, [0.25, 0.25, -0.5]),
    ],
)
def test_force_target_of_every_case(
    make_experience: Any, force: int, feedback: Feedback, expected: list[float]
) -> None:
    experience = replace(
        make_experience(successes=1),
        success_points=np.array([[40, 60]], np.int16),
        forces=np.array([force], np.int8),
        feedback=np.array([feedback], np.int8),
    )
    targets = build_targets([experience])
    np.testing.assert_allclose(targets.force[0, :, 40, 60], expected, atol=1e-7)
    np.testing.assert_allclose(targets.force[0, :, 41, 62], np.array(expected) * exp(-5), atol=1e-7)
    assert targets.force[0, :, 43, 60].tolist() == [0, 0, 0]


@given(points=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(list(Feedback))), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_force_targets_balance_and_have_norm_one_or_zero(
    make_experience: Any, points: list[tuple[int, Feedback]]
) -> None:
    forces = np.array([force for force, _ in points], np.int8)
    feedback = np.array([verdict for _, verdict in points], np.int8)
    experience = replace(
        make_experience(successes=len(points)),
        success_points=np.full((len(points), 2), 50, np.int16),
        forces=forces,
        feedback=feedback,
    )
    vector = build_targets([experience]).force[0, :, 50, 50].numpy()
    assert abs(vector.sum()) < 1e-6
    norm = np.abs(vector).sum()
    total = force_directions(forces, feedback).sum(axis=0)
    assert norm == pytest.approx(0 if np.ptp(total) == 0 else 1, abs=1e-6)


def test_targets_move_to_a_device(make_experience: Any) -> None:
    targets = build_targets([make_experience()]).to("meta")
    tensors = [targets.foreground, targets.background, targets.force, targets.masks, targets.mask_image]
    assert {tensor.device.type for tensor in tensors} == {"meta"}


def test_targets_share_no_memory_with_experiences(make_experience: Any) -> None:
    experience = make_experience()
    targets = build_targets([experience])
    targets.masks.logical_not_()
    assert not np.array_equal(targets.masks.numpy(), experience.masks)


def test_touched_cells_travel_with_the_targets(make_experience: Any) -> None:
    """Each once, image after image, in the order of the grid, where the spread points have their peaks."""
    first = replace(
        make_experience(successes=3, failures=1),
        success_points=np.array([(5, 6), (3, 9), (5, 6)], np.int16),
        failure_points=np.array([(50, 50)], np.int16),
    )
    second = replace(
        make_experience(successes=0, failures=2), failure_points=np.array([(1, 2), (0, 99)], np.int16)
    )
    targets = build_targets([first, second])
    assert targets.success_cells.tolist() == [[0, 3, 9], [0, 5, 6]]
    assert targets.failure_cells.tolist() == [[0, 50, 50], [1, 0, 99], [1, 1, 2]]
    assert (targets.foreground[tuple(targets.success_cells.T)] >= 1).all()
