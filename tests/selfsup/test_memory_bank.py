import itertools
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from no_room import room_for

from selfsup.experience import Experience
from selfsup.memory_bank import NEW_PRIORITY, MemoryBank, MemoryBankError, image_scores, priority


def assert_equal(first: Experience, second: Experience) -> None:
    for field in fields(first):
        one, other = getattr(first, field.name), getattr(second, field.name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def contents(bank: MemoryBank) -> list[Experience]:
    """All experiences, in the order of their indices."""
    indices, experiences = bank.sample(len(bank), np.random.default_rng(0))
    return [experiences[position] for position in np.argsort(indices)]


def segment_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("in_files", [False, True])
def test_what_comes_out_is_what_went_in(make_experience: Any, tmp_path: Path, in_files: bool) -> None:
    bank = MemoryBank(10, tmp_path if in_files else None)
    batch = [make_experience(0, 3, 2), make_experience(1, 0, 4), make_experience(2, 1, 0)]
    bank.add(batch)
    bank.add([make_experience(3, 0, 0)])
    assert len(bank) == 4
    for stored, original in zip(contents(bank), [*batch, make_experience(3, 0, 0)], strict=True):
        assert_equal(stored, original)


def test_stored_experiences_do_not_change_with_the_originals(make_experience: Any) -> None:
    bank = MemoryBank(2)
    original = make_experience(0)
    bank.add([original])
    original.rgb[:] = 0
    assert_equal(contents(bank)[0], make_experience(0))


@pytest.mark.parametrize("in_files", [False, True])
def test_the_oldest_are_replaced_first(make_experience: Any, tmp_path: Path, in_files: bool) -> None:
    bank = MemoryBank(3, tmp_path if in_files else None)
    for start in (0, 2):
        bank.add([make_experience(start), make_experience(start + 1)])
    assert len(bank) == 3
    for stored, seed in zip(contents(bank), [3, 1, 2], strict=True):
        assert_equal(stored, make_experience(seed))
    bank.add([make_experience(seed) for seed in range(10, 15)])
    assert len(bank) == 3
    kept = {experience.rgb.tobytes() for experience in contents(bank)}
    assert kept == {make_experience(seed).rgb.tobytes() for seed in (12, 13, 14)}


def test_adding_nothing_does_nothing(tmp_path: Path) -> None:
    bank = MemoryBank(3, tmp_path / "bank")
    bank.add([])
    assert len(bank) == 0 and not (tmp_path / "bank").exists()


def test_a_full_disk_leaves_the_bank_as_it_was(make_experience: Any, tmp_path: Path) -> None:
    bank = MemoryBank(3, tmp_path)
    bank.add([make_experience(0), make_experience(1)])
    before, files = bank.state(), {path: path.read_bytes() for path in tmp_path.iterdir()}
    with room_for(10_000), pytest.raises(OSError, match="segment-00000001"):
        bank.add([make_experience(2), make_experience(3)])
    assert bank.state() == before
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files
    bank.add([make_experience(2), make_experience(3)])
    for found, seed in zip(contents(bank), (3, 1, 2), strict=True):
        assert_equal(found, make_experience(seed))


@given(score=st.floats(0, 1))
def test_priority_is_its_formula(score: float) -> None:
    assert float(priority(score)) == pytest.approx((score - 0.5) ** 2 + 0.02)


def test_priorities_start_high_follow_the_scores_and_are_renewed_on_replacement(make_experience: Any) -> None:
    bank = MemoryBank(2)
    bank.add([make_experience(0), make_experience(1)])
    assert bank.priorities.tolist() == [NEW_PRIORITY, NEW_PRIORITY] == [0.5, 0.5]
    bank.update_priorities(np.array([1, 0]), [0.5, 1.0])
    assert bank.priorities.tolist() == pytest.approx([0.27, 0.02])
    bank.add([make_experience(2)])
    assert bank.priorities.tolist() == pytest.approx([0.5, 0.02])


@pytest.mark.parametrize(
    ("indices", "scores", "message"),
    [
        ([0, 2], [0.5, 0.5], r"span 0\.\.2.*0\.\.1"),
        ([-1], [0.5], "span -1"),
        ([0], [1.01], "score is 1.01"),
        ([0], [float("nan")], "score is nan"),
        ([0, 1], [0.5], r"\(2,\).*\(1,\)"),
    ],
)
def test_wrong_updates_are_refused_and_change_nothing(
    make_experience: Any, indices: list[int], scores: list[float], message: str
) -> None:
    bank = MemoryBank(2)
    bank.add([make_experience(0), make_experience(1)])
    with pytest.raises(ValueError, match=message):
        bank.update_priorities(np.array(indices), scores)
    assert bank.priorities.tolist() == [0.5, 0.5]


def test_the_mean_rule_takes_the_mean_of_an_images_masks_and_counts_0_as_one_half() -> None:
    scores = image_scores([0.9, 0.3, 0.6, 0.0, 0.0, 0.8], [2, 0, 2, 3, 1, 1], 5, "mean")
    assert scores.tolist() == pytest.approx([0.3, 0.4, 0.75, 0.5, 0.5])
    assert image_scores([], [], 2, "mean").tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match=r"'median'.*minimum.*mean"):
        image_scores([], [], 2, "median")  # type: ignore[arg-type]


def test_scores_of_images() -> None:
    scores = image_scores([0.9, 0.3, 0.6, 0.0], [2, 0, 2, 3], 5)
    assert scores.tolist() == [0.3, 0.5, 0.6, 0.0, 0.5]
    tensors = image_scores(torch.tensor([0.25]), torch.tensor([1]), 2)
    assert tensors.tolist() == [0.5, 0.25]
    assert image_scores([], [], 2).tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match=r"0\.\.1"):
        image_scores([0.5], [2], 2)
    with pytest.raises(ValueError, match="must be"):
        image_scores([0.5], [0, 1], 2)


def probability_of_pairs(weights: list[float]) -> dict[frozenset[int], float]:
    """Draw two, one after the other, each in proportion to its weight among those left."""
    total = sum(weights)
    pairs: dict[frozenset[int], float] = {}
    for first, second in itertools.permutations(range(len(weights)), 2):
        chance = weights[first] / total * weights[second] / (total - weights[first])
        pairs[frozenset((first, second))] = pairs.get(frozenset((first, second)), 0) + chance
    return pairs


@pytest.mark.parametrize("prioritized", [True, False])
def test_sampling_is_without_replacement_in_proportion_to_priority(
    make_experience: Any, prioritized: bool
) -> None:
    bank = MemoryBank(4, prioritized=prioritized)
    bank.add([make_experience(seed, 0, 0) for seed in range(4)])
    bank.update_priorities(np.array([0, 1]), [0.5, 1.0])  # .02 .27 .5 .5
    rng = np.random.default_rng(0)
    draws = 3000
    counts: dict[frozenset[int], int] = {}
    for _ in range(draws):
        indices = bank.draw(2, rng)
        assert indices.dtype == np.int64
        pair = frozenset(indices.tolist())
        assert len(pair) == 2
        counts[pair] = counts.get(pair, 0) + 1
    expected = probability_of_pairs([0.02, 0.27, 0.5, 0.5] if prioritized else [1, 1, 1, 1])
    for pair, chance in expected.items():
        assert counts.get(pair, 0) / draws == pytest.approx(
            chance, abs=4 * (chance * (1 - chance) / draws) ** 0.5
        )


def test_sampling_is_a_function_of_the_generator(make_experience: Any) -> None:
    bank = MemoryBank(8)
    bank.add([make_experience(seed) for seed in range(8)])
    first = bank.sample(5, np.random.default_rng(3))
    second = bank.sample(5, np.random.default_rng(3))
    assert first[0].tolist() == second[0].tolist()
    for one, other in zip(first[1], second[1], strict=True):
        assert_equal(one, other)


@pytest.mark.parametrize("batch_size", [0, 3, -1])
def test_impossible_batches_are_refused(make_experience: Any, batch_size: int) -> None:
    bank = MemoryBank(5)
    bank.add([make_experience(0), make_experience(1)])
    with pytest.raises(ValueError, match=rf"batch_size is {batch_size}.*1\.\.2"):
        bank.sample(batch_size, np.random.default_rng(0))


def test_a_capacity_must_be_positive() -> None:
    with pytest.raises(ValueError, match="capacity is 0"):
        MemoryBank(0)


def test_a_state_brings_back_a_bank_that_goes_on_as_the_first_would(
    make_experience: Any, tmp_path: Path
) -> None:
    bank = MemoryBank(5, tmp_path)
    for start in (0, 3):
        bank.add([make_experience(seed) for seed in range(start, start + 3)])
    bank.update_priorities(np.array([0, 4]), [0.1, 0.7])
    state = json.loads(json.dumps(bank.state()))

    other = MemoryBank(5, tmp_path)
    other.restore(state)
    assert other.priorities.tolist() == bank.priorities.tolist()
    for one, two in zip(contents(bank), contents(other), strict=True):
        assert_equal(one, two)
    bank.add([make_experience(20), make_experience(21)])
    names = segment_names(tmp_path)
    other.add([make_experience(20), make_experience(21)])
    assert segment_names(tmp_path) == names
    assert other.state() == bank.state()
    for one, two in zip(contents(bank), contents(other), strict=True):
        assert_equal(one, two)


def test_a_full_bank_and_an_empty_one_can_be_restored(make_experience: Any, tmp_path: Path) -> None:
    empty = MemoryBank(2, tmp_path)
    empty.restore(empty.state())
    assert len(empty) == 0
    empty.add([make_experience(0), make_experience(1)])
    full = MemoryBank(2, tmp_path)
    full.restore(empty.state())
    full.add([make_experience(2)])
    assert_equal(contents(full)[0], make_experience(2))


def test_segments_are_deleted_once_replaced_and_not_needed_by_a_state(
    make_experience: Any, tmp_path: Path
) -> None:
    def name(number: int) -> str:
        return f"segment-{number:08d}.safetensors"

    bank = MemoryBank(2, tmp_path)
    bank.add([make_experience(0), make_experience(1)])
    bank.add([make_experience(2)])
    assert segment_names(tmp_path) == [name(0), name(1)]  # location 1 is still of segment 0
    bank.add([make_experience(3)])
    assert segment_names(tmp_path) == [name(1), name(2)]

    first = bank.state()
    bank.add([make_experience(4), make_experience(5)])
    assert segment_names(tmp_path) == [name(1), name(2), name(3)]
    bank.state()
    bank.add([make_experience(6), make_experience(7)])
    assert segment_names(tmp_path) == [name(1), name(2), name(3), name(4)]
    restored = MemoryBank(2, tmp_path)
    restored.restore(first)
    assert_equal(contents(restored)[0], make_experience(2))

    bank.state()
    bank.add([make_experience(8), make_experience(9)])
    assert segment_names(tmp_path) == [name(3), name(4), name(5)]


def test_a_resumed_run_repeats_what_a_killed_one_did_after_its_last_state(
    make_experience: Any, tmp_path: Path
) -> None:
    bank = MemoryBank(2, tmp_path)
    bank.add([make_experience(0), make_experience(1)])
    state = bank.state()
    for seed in (2, 3, 4):
        bank.add([make_experience(seed)])
    (tmp_path / ".segment-00000004.safetensors.7-0a.tmp").write_bytes(b"half a file")

    resumed = MemoryBank(2, tmp_path)
    resumed.restore(state)
    for seed in (2, 3, 4, 5):
        resumed.add([make_experience(seed)])
    bank.add([make_experience(5)])
    for one, two in zip(contents(resumed), contents(bank), strict=True):
        assert_equal(one, two)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("damage", ["truncated", "flipped", "rubbish", "missing"])
def test_a_damaged_segment_is_named_and_the_bank_stays_as_it_was(
    make_experience: Any, tmp_path: Path, damage: str
) -> None:
    bank = MemoryBank(4, tmp_path)
    bank.add([make_experience(0)])
    bank.add([make_experience(1)])
    state = bank.state()
    path = tmp_path / "segment-00000001.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "flipped":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    else:
        path.write_bytes(content[:-1] if damage == "truncated" else b"rubbish")
    other = MemoryBank(4, tmp_path)
    other.add([])
    with pytest.raises(MemoryBankError, match="segment-00000001"):
        other.restore(state)
    assert len(other) == 0
    if damage != "flipped":
        with pytest.raises(MemoryBankError, match="segment-00000001"):
            bank.sample(2, np.random.default_rng(0))


def test_states_that_do_not_fit_are_refused(make_experience: Any, tmp_path: Path) -> None:
    bank = MemoryBank(4, tmp_path)
    bank.add([make_experience(0)])
    state = bank.state()
    with pytest.raises(MemoryBankError, match=r"capacity 4.*has 5"):
        MemoryBank(5, tmp_path).restore(state)
    for key, value, message in [
        ("format", 99, "format 99"),
        ("priorities", [], "0 priorities"),
        ("cursor", 3, "cursor 3"),
        ("slots", [[0, 1]], "1 of 1 in a segment"),
        ("slots", [[7, 0]], "IndexError"),
    ]:
        with pytest.raises(MemoryBankError, match=message):
            MemoryBank(4, tmp_path).restore({**state, key: value})
    del state["segments"]
    with pytest.raises(MemoryBankError, match="KeyError"):
        MemoryBank(4, tmp_path).restore(state)


def test_a_bank_without_a_folder_has_no_state(make_experience: Any, tmp_path: Path) -> None:
    bank = MemoryBank(4)
    bank.add([make_experience(0)])
    with pytest.raises(MemoryBankError, match="folder"):
        bank.state()
    with pytest.raises(MemoryBankError, match="folder"):
        bank.restore({})


def test_names_of_segments_say_nothing_about_the_folder(make_experience: Any, tmp_path: Path) -> None:
    """A run folder can be moved."""
    bank = MemoryBank(4, tmp_path / "here")
    bank.add([make_experience(0)])
    state = bank.state()
    (tmp_path / "here").rename(tmp_path / "there")
    moved = MemoryBank(4, tmp_path / "there")
    moved.restore(state)
    assert_equal(contents(moved)[0], make_experience(0))
