from dataclasses import replace
from math import exp, hypot
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfsup import supervisor as supervisor_module
from selfsup.experience import Experience
from selfsup.feedback import Feedback, KernelName, escalation, is_successful, kernel
from selfsup.superpixels import superpixel_labels
from selfsup.supervisor import SupervisionOptions, Supervisor


@pytest.mark.parametrize("name", ["gaussian", "exponential"])
def test_kernel_is_its_formula(name: KernelName) -> None:
    weights = kernel(name)
    assert weights.shape == (5, 5) and weights.dtype == np.float32
    for u in range(-2, 3):
        for v in range(-2, 3):
            expected = exp(-u * u - v * v) if name == "gaussian" else exp(-hypot(u, v))
            assert weights[u + 2, v + 2] == pytest.approx(expected, rel=1e-6)


def test_kernel_cannot_be_changed_by_its_users_and_unknown_ones_are_refused() -> None:
    with pytest.raises(ValueError, match="read-only"):
        kernel()[0, 0] = 1
    with pytest.raises(ValueError, match=r"'box'.*gaussian.*exponential"):
        kernel("box")


def slow_weight(mask: np.ndarray, row: int, column: int, name: KernelName) -> float:
    total = 0.0
    for u in range(-2, 3):
        for v in range(-2, 3):
            r, c = row + u, column + v
            if 0 <= r < mask.shape[0] and 0 <= c < mask.shape[1] and mask[r, c]:
                total += exp(-u * u - v * v) if name == "gaussian" else exp(-hypot(u, v))
    return total


@pytest.mark.parametrize("name", ["gaussian", "exponential"])
@given(
    seed=st.integers(0, 2**32 - 1),
    fraction=st.floats(0, 1),
    row=st.integers(0, 6),
    column=st.integers(0, 8),
    threshold=st.floats(0.1, 4),
)
@settings(max_examples=60, deadline=None)
def test_success_is_that_of_the_slow_definition(
    name: KernelName, seed: int, fraction: float, row: int, column: int, threshold: float
) -> None:
    mask = np.random.default_rng(seed).random((7, 9)) < fraction
    weight = slow_weight(mask, row, column, name)
    if abs(weight - threshold) > 1e-5:
        assert is_successful(mask, row, column, name, threshold) == (weight >= threshold)


def test_success_at_the_threshold_of_the_paper() -> None:
    mask = np.zeros((100, 100), dtype=bool)
    mask[50, 50] = mask[50, 51] = True
    assert not is_successful(mask, 50, 50)
    mask[51, 51] = True  # 1 + e^-1 + e^-2 = 1.503
    assert is_successful(mask, 50, 50)
    assert not is_successful(mask, 50, 60)


def test_success_in_a_corner_and_off_the_grid() -> None:
    mask = np.ones((100, 100), dtype=bool)
    assert is_successful(mask, 0, 0) and is_successful(mask, 99, 99)  # (1 + e^-1 + e^-4)^2 = 1.92
    with pytest.raises(ValueError, match=r"cell \(0, 100\).*0\.\.99"):
        is_successful(mask, 0, 100)
    with pytest.raises(ValueError, match=r"cell \(-1, 0\)"):
        is_successful(mask, -1, 0)


def test_escalation_of_every_force() -> None:
    assert escalation(0) == ((0, Feedback.CORRECT), (0, Feedback.CORRECT), (2, Feedback.TOO_SMALL))
    assert escalation(1) == ((0, Feedback.TOO_LARGE), (1, Feedback.CORRECT), (2, Feedback.TOO_SMALL))
    assert escalation(2) == ((1, Feedback.TOO_LARGE), (2, Feedback.CORRECT))


@pytest.mark.parametrize("force", [-1, 3])
def test_escalation_of_no_force(force: int) -> None:
    with pytest.raises(ValueError, match=str(force)):
        escalation(force)


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A grey image with a bright square of 20 x 20 cells, and the same with its upper half gone."""
    before = np.full((300, 300, 3), 90, dtype=np.uint8)
    before[120:180, 120:180] = (220, 40, 40)
    after = before.copy()
    after[120:150, 120:180] = 90
    return before, after


def test_a_judgement_follows_the_superpixels_of_the_first_image() -> None:
    before, after = scene()
    judgement = Supervisor(before, SupervisionOptions()).judge(before, after, 45, 45)
    square = np.zeros((100, 100), dtype=bool)
    square[40:60, 40:60] = True
    upper = square.copy()
    upper[50:] = False
    np.testing.assert_array_equal(judgement.changed, upper)
    np.testing.assert_array_equal(judgement.mask, square)
    assert judgement.success is True


def test_without_superpixels_the_mask_is_what_changed() -> None:
    before, after = scene()
    judgement = Supervisor(before, SupervisionOptions(use_superpixels=False)).judge(before, after, 55, 45)
    np.testing.assert_array_equal(judgement.mask, judgement.changed)
    assert judgement.mask is not judgement.changed
    assert judgement.success is False


def test_superpixels_are_computed_once_and_only_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(rgb: np.ndarray) -> np.ndarray:
        calls.append(1)
        return superpixel_labels(rgb)

    monkeypatch.setattr(supervisor_module, "superpixel_labels", counted)
    before, after = scene()
    supervisor = Supervisor(before, SupervisionOptions())
    assert not supervisor.judge(before, before.copy(), 45, 45).success
    assert not calls
    supervisor.judge(before, after, 45, 45)
    supervisor.judge(after, before, 45, 45)
    assert len(calls) == 1


def test_the_same_object_is_not_even_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    before, _ = scene()
    supervisor = Supervisor(before)

    def forbidden(*arguments: Any) -> None:
        raise AssertionError("the images were compared")

    monkeypatch.setattr(supervisor_module, "changed_cells", forbidden)
    judgement = supervisor.judge(before, before, 45, 45)
    assert judgement.mask.shape == judgement.changed.shape == (100, 100)
    assert not judgement.mask.any() and not judgement.changed.any() and not judgement.success


def test_the_change_test_is_the_one_chosen() -> None:
    before, _ = scene()
    after = before.copy()
    after[30], after[32] = 0, 180  # within row 10 of cells the differences cancel, their squares do not
    pooled = SupervisionOptions("pooled_difference", use_superpixels=False)
    squared = SupervisionOptions("pooled_squared_difference", use_superpixels=False)
    assert not Supervisor(before, pooled).judge(before, after, 10, 5).changed.any()
    assert Supervisor(before, squared).judge(before, after, 10, 5).changed[10].all()


def test_the_kernel_is_the_one_chosen() -> None:
    before, _ = scene()
    after = before.copy()
    for row, column in [(50, 5), (52, 5), (48, 5), (50, 3), (50, 7)]:
        after[3 * row : 3 * row + 3, 3 * column : 3 * column + 3] = 255
    gaussian = SupervisionOptions(use_superpixels=False)  # 1 + 4 e^-4 = 1.07
    exponential = SupervisionOptions(kernel_name="exponential", use_superpixels=False)  # 1 + 4 e^-2 = 1.54
    assert not Supervisor(before, gaussian).judge(before, after, 50, 5).success
    assert Supervisor(before, exponential).judge(before, after, 50, 5).success


def test_wrong_options_and_images_are_refused() -> None:
    with pytest.raises(ValueError, match="'flow'"):
        SupervisionOptions(change_test="flow")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'box'"):
        SupervisionOptions(kernel_name="box")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="first_rgb is float64"):
        Supervisor(np.zeros((300, 300, 3)))  # type: ignore[arg-type]
    small = np.zeros((30, 30, 3), np.uint8)
    with pytest.raises(ValueError, match="one location"):
        Supervisor(np.zeros((300, 300, 3), np.uint8)).judge(small, small.copy(), 0, 0)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rgb", np.zeros((100, 100, 3), np.uint8), "rgb is uint8 of shape"),
        ("depth", np.zeros((300, 300), np.float64), "depth is float64"),
        ("masks", np.zeros((1, 100, 100), bool), "masks is bool of shape"),
        ("forces", np.zeros(2, np.int64), "forces is int64"),
        ("forces", np.full(2, 3, np.int8), r"forces contains 3.*0\.\.2"),
        ("feedback", np.full(2, -1, np.int8), "feedback contains -1"),
        ("success_points", np.full((2, 2), 100, np.int16), r"success_points contains 100.*0\.\.99"),
        ("failure_points", np.zeros((2, 3), np.int16), "failure_points is int16 of shape"),
        ("failure_points", np.full((1, 2), -1, np.int16), "failure_points contains -1"),
    ],
)
def test_an_experience_checks_its_arrays(make_experience: Any, field: str, value: Any, message: str) -> None:
    changes: dict[str, Any] = {field: value}
    with pytest.raises(ValueError, match=message):
        replace(make_experience(), **changes)


def test_an_experience_may_be_empty(make_experience: Any) -> None:
    experience: Experience = make_experience(successes=0, failures=0)
    assert experience.masks.shape == (0, 100, 100)
