"""What a stored location is made of: its bytes, its depth, and how many of them there are."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import load_file

from selfsup.experience import Experience
from selfsup.memory_bank import MemoryBank
from selfsup.segments import (
    ArraySegment,
    FileSegment,
    MemoryBankError,
    decode_image,
    depth_to_millimetres,
    encode_image,
    pack,
)


def view() -> npt.NDArray[np.uint8]:
    """A shaded wall with a hundred boxes, about as busy as a rendered room."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:300, :300]
    shade = (rows // 3 + columns // 2).astype(np.uint8)
    image = np.stack([shade, shade // 2, 255 - shade], axis=2)
    for row, column in rng.integers(0, 280, (100, 2)):
        image[row : row + 25, column : column + 20] += rng.integers(0, 256, 3).astype(np.uint8)
    return image


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_images_come_back_exactly(data: st.DataObject) -> None:
    rgb, depth = view(), np.full((300, 300), data.draw(st.integers(0, 65535)), np.uint16)
    size = data.draw(st.integers(1, 9))
    row, column = data.draw(st.integers(0, 300 - size)), data.draw(st.integers(0, 300 - size))
    rgb[row : row + size, column : column + size] = data.draw(arrays(np.uint8, (size, size, 3)))
    depth[row : row + size, column : column + size] = data.draw(arrays(np.uint16, (size, size)))
    np.testing.assert_array_equal(decode_image(encode_image(rgb), "rgb"), rgb)
    np.testing.assert_array_equal(decode_image(encode_image(depth), "depth"), depth)


@given(st.floats(0, 60, width=32))
def test_depth_is_kept_to_half_a_millimetre(metres: float) -> None:
    stored = depth_to_millimetres(np.array([metres], np.float32))[0] / np.float32(1000)
    assert abs(float(stored) - metres) <= 0.0005 + 1e-5


def test_depth_beyond_the_range_becomes_its_end() -> None:
    stored = depth_to_millimetres(np.array([65.535, 70.0, np.inf], np.float32))
    assert stored.tolist() == [65535, 65535, 65535]


def test_a_file_holds_the_bytes_that_memory_would(make_experience: Any, tmp_path: Path) -> None:
    experiences = [make_experience(0, 3, 2), make_experience(1, 0, 4)]
    FileSegment.write(tmp_path / "segment", experiences)
    stored, packed = load_file(tmp_path / "segment"), pack(experiences)
    assert stored.keys() == packed.keys()
    for name, array in packed.items():
        assert stored[name].tobytes() == array.tobytes()
    assert ArraySegment(experiences).size == sum(array.nbytes for array in packed.values())


def test_twenty_thousand_locations_fit_in_four_gigabytes(make_experience: Any) -> None:
    rows, columns = np.mgrid[:300, :300].astype(np.float32)
    depth = 0.7 + rows * columns / 4e4
    seen = [
        replace(make_experience(0, 10, 10), rgb=np.roll(view(), 90 * turn, 0), depth=depth)
        for turn in range(3)
    ]
    assert 20_000 * ArraySegment(seen).size / 3 < 4e9


def views_of_one_location(make_experience: Any, seed: int, sides: list[int]) -> list[Experience]:
    """A first view, and one in which a square of each side is another."""
    rng = np.random.default_rng(seed)
    first = replace(make_experience(seed), rgb=view())
    views = [first]
    for side in sides:
        rgb, depth = first.rgb.copy(), first.depth.copy()
        rgb[:side, :side] = rng.integers(0, 256, (side, side, 3))
        depth[:side, :side] = rng.integers(0, 65_536, (side, side)) / np.float32(1000)
        views.append(replace(make_experience(seed + 1 + side), rgb=rgb, depth=depth))
    return views


@given(seed=st.integers(0, 100), sides=st.lists(st.integers(0, 300), max_size=3), whole=st.booleans())
@settings(max_examples=20, deadline=None)
def test_every_view_of_a_location_comes_back_exactly(
    make_experience: Any, tmp_path_factory: Any, seed: int, sides: list[int], whole: bool
) -> None:
    views = views_of_one_location(make_experience, seed, sides)
    if whole:
        views.insert(1, make_experience(seed + 1000))
    path = tmp_path_factory.mktemp("segments") / "segment"
    for segment in (ArraySegment(views), FileSegment.write(path, views)[0]):
        for index in reversed(range(len(views))):
            read = segment.read(index)
            for field in fields(Experience):
                np.testing.assert_array_equal(getattr(read, field.name), getattr(views[index], field.name))


def test_a_further_view_of_a_location_takes_a_fraction(make_experience: Any) -> None:
    views = views_of_one_location(make_experience, 0, [30, 40])
    one, three = ArraySegment(views[:1]).size, ArraySegment(views).size
    assert three - one < 0.2 * one


def test_a_further_view_is_compared_with_the_last_location(make_experience: Any) -> None:
    first, second = make_experience(5), views_of_one_location(make_experience, 0, [30])
    two, three = ArraySegment([first, second[0]]).size, ArraySegment([first, *second]).size
    assert three - two < 0.2 * ArraySegment(second[:1]).size


def test_what_is_read_can_be_written_to(make_experience: Any) -> None:
    segment = ArraySegment([make_experience(0)])
    segment.read(0).success_points[:] = 7
    segment.read(0).rgb[:] = 0
    np.testing.assert_array_equal(segment.read(0).rgb, make_experience(0).rgb)
    np.testing.assert_array_equal(segment.read(0).success_points, make_experience(0).success_points)


@pytest.mark.parametrize("encoded", [np.zeros(0, np.uint8), encode_image(view())[:40]])
def test_bytes_of_no_image_are_refused(encoded: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match=f"{encoded.size} bytes are no rgb image"):
        decode_image(encoded, "rgb")


def test_an_image_of_another_kind_is_refused() -> None:
    depth = encode_image(np.zeros((300, 300), np.uint16))
    with pytest.raises(ValueError, match="rgb image has 180000 bytes; it must have 270000"):
        decode_image(depth, "rgb")
    with pytest.raises(ValueError, match="depth image"):
        decode_image(encode_image(view()), "depth")


def test_an_image_that_cannot_be_decoded_names_the_file(make_experience: Any, tmp_path: Path) -> None:
    path = tmp_path / "segment"
    segment, _ = FileSegment.write(path, [make_experience(0)])
    content = path.read_bytes()
    start = content.index(b"\x28\xb5\x2f\xfd")
    path.write_bytes(content[:start] + bytes(60) + content[start + 60 :])
    with pytest.raises(MemoryBankError, match="segment"):
        segment.read(0)


def test_draws_follow_the_priorities_of_a_large_bank_exactly(make_experience: Any) -> None:
    """The first of a draw is in proportion to the priorities, and every draw holds distinct locations."""
    count = 40
    bank = MemoryBank(count)
    bank.add([make_experience(0, 0, 0)] * count)
    scores = np.linspace(0, 1, count)
    bank.update_priorities(np.arange(count), scores)
    rng = np.random.default_rng(1)
    draws = [bank.draw(30, rng) for _ in range(4000)]
    assert all(len(set(drawn.tolist())) == 30 for drawn in draws)
    seen = np.bincount([drawn[0] for drawn in draws], minlength=count)
    expected = bank.priorities / bank.priorities.sum() * len(draws)
    # The chi-squared statistic of 39 degrees of freedom is above 73 once in a thousand.
    assert (np.square(seen - expected) / expected).sum() < 73


def test_a_draw_takes_as_many_random_numbers_whatever_the_priorities(make_experience: Any) -> None:
    states = []
    for score in (0.5, 1.0):
        bank = MemoryBank(4)
        bank.add([make_experience(0, 0, 0)] * 4)
        bank.update_priorities(np.array([0, 1]), [score, 0.2])
        rng = np.random.default_rng(1)
        bank.draw(2, rng)
        states.append(rng.bit_generator.state)
    assert states[0] == states[1]
