import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.segmentation import felzenszwalb

from selfsup import superpixels
from selfsup.grid import MINIMUM_SUPERPIXEL
from selfsup.superpixels import align_to_superpixels, superpixel_labels

ROOT = Path(__file__).parents[2]


@pytest.fixture
def segmentation_anew() -> Iterator[None]:
    """Choose the segmentation anew, and leave the next test to do so too."""
    superpixels.segmentation.cache_clear()
    yield
    superpixels.segmentation.cache_clear()


@st.composite
def images(draw: st.DrawFn) -> np.ndarray:
    """Noise, single colours, and blocks of few colours, in which very many edges cost the same."""
    height, width = draw(st.tuples(st.integers(1, 25), st.integers(1, 25)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    colours = rng.integers(0, 256, (draw(st.sampled_from([1, 2, 3, 8, 256])), 3), dtype=np.uint8)
    block = draw(st.integers(1, 9))
    image = colours[rng.integers(0, len(colours), (height, width))].repeat(3, 0).repeat(3, 1)
    noise = draw(st.sampled_from([0, 1, 9, 99]))
    image = image.repeat(block, 0).repeat(block, 1)[: 3 * height, : 3 * width]
    return np.clip(image + rng.integers(-noise, noise + 1, image.shape), 0, 255).astype(np.uint8)


def by_skimage(image: np.ndarray, scale: float, sigma: float, min_size: int) -> np.ndarray:
    return felzenszwalb(image, scale=scale, sigma=sigma, min_size=min_size, channel_axis=-1)


@given(
    image=images(),
    scale=st.sampled_from([1.0, 30.0, 200.0]),
    sigma=st.sampled_from([0.0, 0.5, 1.3]),
    min_size=st.sampled_from([1, 5, 20, 200]),
)
@settings(max_examples=150, deadline=None)
def test_compiled_labels_are_those_of_skimage(
    image: np.ndarray, scale: float, sigma: float, min_size: int
) -> None:
    segment = pytest.importorskip("selfsup.felzenszwalb").segment
    expected = by_skimage(image, scale, sigma, min_size)
    np.testing.assert_array_equal(segment(image, scale, sigma, min_size), expected)


def test_labels_of_rendered_views_are_those_of_skimage() -> None:
    env = gymnasium.make("thor_interact_env:ThorInteract-v0", locations="NovelSpaces/val")
    for seed in range(3):
        rgb = env.reset(seed=seed)[0]["rgb"]
        expected = by_skimage(rgb, superpixels.SCALE, superpixels.SIGMA, MINIMUM_SUPERPIXEL)
        np.testing.assert_array_equal(superpixels.segmentation()(rgb), expected)
        np.testing.assert_array_equal(superpixel_labels(rgb), expected[1::3, 1::3])
    env.close()


def test_the_order_of_equal_costs_is_that_of_skimage(monkeypatch: pytest.MonkeyPatch) -> None:
    # Stripes of one pixel are small segments with two equally near neighbours each.
    module = pytest.importorskip("selfsup.felzenszwalb")
    picture = np.zeros((60, 60, 3), np.uint8)
    picture[:, 10::20] = 255
    argsort = Mock(wraps=np.argsort)
    monkeypatch.setattr(np, "argsort", argsort)
    labels = module.segment(picture, 30.0, 0.0, 200)
    assert [len(call.args[0]) for call in argsort.call_args_list] == [4 * 60 * 60 - 6 * 60 + 2]
    np.testing.assert_array_equal(labels, by_skimage(picture, 30.0, 0.0, 200))


@pytest.mark.usefixtures("segmentation_anew")
def test_numba_is_used_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    monkeypatch.setattr(superpixels, "felzenszwalb", None)
    assert superpixel_labels(np.zeros((30, 30, 3), np.uint8)).shape == (10, 10)


@pytest.mark.usefixtures("segmentation_anew")
@pytest.mark.parametrize("variable", [None, "NUMBA_DISABLE_JIT"])
def test_skimage_serves_where_numba_is_missing_or_switched_off(
    monkeypatch: pytest.MonkeyPatch, variable: str | None, recwarn: pytest.WarningsRecorder
) -> None:
    if variable is None:
        monkeypatch.setitem(sys.modules, "numba", None)
    else:
        monkeypatch.setattr(pytest.importorskip("numba").config, "DISABLE_JIT", 1)
    monkeypatch.delitem(sys.modules, "selfsup.felzenszwalb", raising=False)
    asked = Mock(wraps=felzenszwalb)
    monkeypatch.setattr(superpixels, "felzenszwalb", asked)
    picture = np.random.default_rng(0).integers(0, 256, (30, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(superpixel_labels(picture), by_skimage(picture, 200, 0.5, 200)[1::3, 1::3])
    assert asked.call_count == 1 and not recwarn.list


@pytest.mark.usefixtures("segmentation_anew")
def test_skimage_serves_where_compilation_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    module = pytest.importorskip("selfsup.felzenszwalb")

    def fail(*_: object) -> None:
        raise module.numba.core.errors.TypingError("no such type")

    monkeypatch.setattr(module, "grow", fail)
    image = np.random.default_rng(0).integers(0, 256, (30, 30, 3), dtype=np.uint8)
    with pytest.warns(RuntimeWarning, match="no such type"):
        labels = superpixel_labels(image)
    np.testing.assert_array_equal(labels, by_skimage(image, 200, 0.5, 200)[1::3, 1::3])


@pytest.mark.usefixtures("segmentation_anew")
def test_a_picture_too_large_for_single_precision_is_segmented_by_skimage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = pytest.importorskip("selfsup.felzenszwalb")
    assert 6_000_000 < module.most_pixels(superpixels.SCALE) < 7_000_000
    monkeypatch.setattr(module, "most_pixels", lambda scale: 899)
    monkeypatch.setattr(superpixels, "felzenszwalb", lambda image, **_: np.full(image.shape[:2], 7))
    assert (superpixel_labels(np.zeros((30, 30, 3), np.uint8)) == 7).all()
    assert (superpixel_labels(np.zeros((27, 30, 3), np.uint8)) == 0).all()


def test_processes_that_start_at_once_share_one_cache(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    program = (
        "import warnings; warnings.simplefilter('error'); import numpy as np;"
        "from selfsup import superpixels;"
        "image = np.random.default_rng(0).integers(0, 99, (60, 60, 3), dtype=np.uint8);"
        "print(superpixels.segmentation().__name__, superpixels.superpixel_labels(image).tolist())"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environment |= {"OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = {process.communicate(timeout=300)[0].strip() for process in started}
    assert len(outputs) == 1 and outputs.pop().startswith("compiled ")
    assert list(tmp_path.rglob("*.nbc"))


def test_without_a_place_for_the_cache_each_process_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    module = pytest.importorskip("selfsup.felzenszwalb")
    original = module.numba.njit

    def njit(cache: bool = False, **options: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return original(**options)

    monkeypatch.setattr(module.numba, "njit", njit)
    assert module.compiled(lambda number: number + 1)(2) == 3


def slow_alignment(changed: np.ndarray, labels: np.ndarray, min_fraction: float) -> np.ndarray:
    aligned = np.zeros_like(changed)
    for label in np.unique(labels):
        cells = [(r, c) for r in range(len(labels)) for c in range(len(labels[0])) if labels[r, c] == label]
        if sum(bool(changed[cell]) for cell in cells) >= min_fraction * len(cells):
            for cell in cells:
                aligned[cell] = True
    return aligned


@given(
    seed=st.integers(0, 2**32 - 1),
    labels=st.integers(1, 12),
    fraction=st.floats(0, 1),
    min_fraction=st.sampled_from([0.25, 0.5, 1.0]),
)
@settings(max_examples=50, deadline=None)
def test_alignment_is_that_of_the_slow_definition(
    seed: int, labels: int, fraction: float, min_fraction: float
) -> None:
    rng = np.random.default_rng(seed)
    label_grid = rng.integers(0, labels, (7, 9)).astype(np.int32)
    changed = rng.random((7, 9)) < fraction
    aligned = align_to_superpixels(changed, label_grid, min_fraction)
    np.testing.assert_array_equal(aligned, slow_alignment(changed, label_grid, min_fraction))
    np.testing.assert_array_equal(align_to_superpixels(aligned, label_grid, min_fraction), aligned)


def test_a_quarter_is_enough_and_less_is_not() -> None:
    labels = np.array([[0] * 4, [5] * 4, [5] * 4], dtype=np.int32)
    changed = np.zeros((3, 4), dtype=bool)
    changed[0, 0] = changed[1, 0] = True
    assert align_to_superpixels(changed, labels)[0].all()
    assert not align_to_superpixels(changed, labels)[1:].any()
    changed[2, 3] = True
    assert align_to_superpixels(changed, labels).all()


def test_nothing_changed_gives_nothing() -> None:
    labels = np.arange(100, dtype=np.int32).reshape(10, 10)
    assert not align_to_superpixels(np.zeros((10, 10), bool), labels).any()


def test_labels_are_those_of_the_central_pixels() -> None:
    rng = np.random.default_rng(0)
    image = np.repeat(np.repeat(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8), 50, 0), 50, 1)
    image = np.clip(image + rng.integers(-9, 10, image.shape), 0, 255).astype(np.uint8)
    labels = superpixel_labels(image)
    full = felzenszwalb(image, scale=200, sigma=0.5, min_size=200)
    assert labels.shape == (100, 100) and labels.dtype == np.int32
    for row, column in [(0, 0), (0, 99), (57, 3), (99, 99)]:
        assert labels[row, column] == full[3 * row + 1, 3 * column + 1]


def test_two_halves_of_an_image_are_two_superpixels() -> None:
    image = np.zeros((300, 300, 3), dtype=np.uint8)
    image[:, 150:] = 200
    labels = superpixel_labels(image)
    left, right = labels[:, :48], labels[:, 52:]  # the blurred edge between them may be one of its own
    assert len(np.unique(left)) == len(np.unique(right)) == 1
    assert left[0, 0] != right[0, 0]


def test_wrong_input_is_refused() -> None:
    labels = np.zeros((3, 3), np.int32)
    with pytest.raises(ValueError, match="must be equal"):
        align_to_superpixels(np.zeros((3, 4), bool), labels)
    with pytest.raises(ValueError, match=r"min_fraction is 0"):
        align_to_superpixels(np.zeros((3, 3), bool), labels, 0)
    with pytest.raises(ValueError, match="negative label -1"):
        align_to_superpixels(np.zeros((3, 3), bool), labels - 1)
    with pytest.raises(ValueError, match="float64"):
        superpixel_labels(np.zeros((300, 300, 3)))  # type: ignore[arg-type]
