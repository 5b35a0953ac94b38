import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.mask_rcnn.robust_set_loss import LOGIT_STEP, MAX_STEPS, TARGET_IOU, mask_iou, robust_targets


def iou_of(mask, other):
    union = (mask | other).sum()
    return np.float32(1) if union == 0 else np.float32((mask & other).sum()) / np.float32(union)


def slowly(logits, noisy):
    """The procedure as it is told, one mask at a time."""
    inside = outside = 0

    def mask_after(more_inside, more_outside):
        up = np.float32(inside + more_inside) * np.float32(LOGIT_STEP)
        down = np.float32(outside + more_outside) * np.float32(LOGIT_STEP)
        return np.where(noisy, logits + up, logits - down) > 0

    for _ in range(MAX_STEPS):
        now = iou_of(mask_after(0, 0), noisy)
        if now >= TARGET_IOU:
            break
        for step in ((1, 0), (0, 1), (1, 1)):
            if iou_of(mask_after(*step), noisy) > now:
                break
        inside, outside = inside + step[0], outside + step[1]
    return mask_after(0, 0), inside, outside


def draw(seed, count=6, size=9, spread=1.5):
    rng = np.random.default_rng(seed)
    logits = rng.normal(rng.normal(0, 1), spread, (count, size, size)).astype(np.float32)
    noisy = np.zeros((count, size, size), bool)
    for mask in noisy:
        row, column = rng.integers(0, size - 2, 2)
        height, width = rng.integers(0, size, 2)
        mask[row : row + height, column : column + width] = True
    return logits, noisy


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), spread=st.sampled_from([0.05, 0.5, 1.5, 6.0]))
def test_all_at_once_is_one_after_another(seed, spread):
    logits, noisy = draw(seed, spread=spread)
    fast = robust_targets(torch.from_numpy(logits), torch.from_numpy(noisy)).numpy()
    slow = np.stack([slowly(*pair)[0] for pair in zip(logits, noisy, strict=True)])
    assert (fast == slow).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_targets_are_good_enough_or_out_of_steps_and_never_worse(seed):
    logits, noisy = draw(seed)
    targets = robust_targets(torch.from_numpy(logits), torch.from_numpy(noisy))
    before = mask_iou(torch.from_numpy(logits > 0), torch.from_numpy(noisy))
    after = mask_iou(targets, torch.from_numpy(noisy))
    assert (after >= before).all()
    for number, pair in enumerate(zip(logits, noisy, strict=True)):
        _, inside, outside = slowly(*pair)
        assert after[number] >= TARGET_IOU or max(inside, outside) <= MAX_STEPS <= inside + outside
        # A pixel changes only towards the noisy mask.
        changed = targets[number].numpy() != (pair[0] > 0)
        assert (targets[number].numpy()[changed] == pair[1][changed]).all()


def test_a_prediction_that_is_good_enough_is_its_own_target():
    noisy = torch.zeros(2, 8, 8, dtype=torch.bool)
    noisy[:, 2:6, 2:6] = True
    logits = torch.where(noisy, 3.0, -3.0)
    logits[0, 2, 2:6] = -0.01  # 12 of 16 pixels: IoU 0.75 exactly
    logits[1, 2, 2:6] = -0.01
    logits[1, 3, 2] = -0.01  # 11 of 16: not enough
    targets = robust_targets(logits, noisy)
    assert (targets[0] == (logits[0] > 0)).all()
    assert (targets[1] == noisy[1]).all()


def test_inside_comes_before_outside():
    noisy = torch.zeros(1, 4, 4, dtype=torch.bool)
    noisy[:, :2] = True
    logits = torch.where(
        noisy, -0.05, 0.05
    )  # one step inside gives 8 of 16, then one outside the mask itself
    assert (robust_targets(logits, noisy) == noisy).all()
    logits = torch.where(noisy, -0.05, -5.0)  # outside needs nothing
    assert (robust_targets(logits, noisy) == noisy).all()
    logits = torch.where(noisy, 5.0, 0.05)  # inside needs nothing
    assert (robust_targets(logits, noisy) == noisy).all()


def test_what_is_sure_stays_though_it_is_wrong():
    noisy = torch.zeros(1, 6, 6, dtype=torch.bool)
    noisy[:, :3] = True
    logits = torch.where(noisy, 4.0, -4.0)
    logits[:, 3:5] = 2.6  # surely foreground: 25 steps of 0.1 do not reach it
    assert (robust_targets(logits, noisy)[:, 3:5]).all()
    logits[:, 3:5] = 2.4
    assert (robust_targets(logits, noisy) == noisy).all()


def test_no_masks_empty_masks_and_wrong_ones():
    assert robust_targets(torch.zeros(0, 5, 5), torch.zeros(0, 5, 5, dtype=torch.bool)).shape == (0, 5, 5)
    empty = torch.zeros(1, 5, 5, dtype=torch.bool)
    assert not robust_targets(torch.full((1, 5, 5), 1.0), empty).any()
    assert mask_iou(empty, empty).item() == 1
    with pytest.raises(ValueError, match=r"noisy is torch\.float32"):
        robust_targets(torch.zeros(1, 5, 5), torch.zeros(1, 5, 5))
