"""The six panels: their layout, what their colours say, and the file."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.base import Instance
from eval.figures.panels import FORCE_COLOURS, palette, six_panels, write_png
from thor_interact_env.simulators.base import Instances, Observation

GREY = Observation(rgb=np.full((300, 300, 3), 128, np.uint8), depth=np.ones((300, 300), np.float32))
PANEL, TITLE, GAP = 600, 56, 20


def panel(image: np.ndarray, row: int, column: int) -> np.ndarray:
    top = GAP // 2 + TITLE + row * (PANEL + TITLE + GAP)
    left = GAP + column * (PANEL + GAP)
    return image[top : top + PANEL, left : left + PANEL]


def rectangle(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros((300, 300), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def test_layout_and_view() -> None:
    image = six_panels(GREY, [], np.zeros((100, 100)), np.zeros((100, 100), int))
    assert image.shape == (GAP // 2 + 2 * (PANEL + TITLE) + 2 * GAP, 3 * PANEL + 4 * GAP, 3)
    assert image.dtype == np.uint8
    assert (panel(image, 0, 0) == 128).all()


def test_a_higher_score_is_a_brighter_green() -> None:
    scores = np.full((100, 100), -20.0, np.float32)
    scores[:, 40:60], scores[:, 80:] = 0.0, 1e9
    shown = panel(six_panels(GREY, [], scores, None), 0, 1).astype(int)
    low, middle, high = shown[300, 60], shown[300, 300], shown[300, 540]
    assert low[1] < middle[1] < high[1]
    assert low[0] == low[1] == low[2] and high[1] > 2 * high[0]


def test_forces_have_their_colours() -> None:
    force = np.repeat([0, 1, 2], [30, 30, 40])[None].repeat(100, axis=0)
    shown = panel(six_panels(GREY, [], None, force), 0, 2).astype(int)
    for index, column in enumerate((60, 240, 500)):
        assert shown[300, column].argmax() == np.argmax(FORCE_COLOURS[index]) == index


def test_predictions_are_tinted_outlined_and_dotted() -> None:
    instances = [
        Instance((75, 75), 2, 0.9, rectangle(50, 50, 100, 100)),
        Instance((250, 250), 0, 0.2, None),
    ]
    shown = panel(six_panels(GREY, instances, None, None), 1, 0).astype(int)
    assert np.abs(shown[151, 151] - np.array(FORCE_COLOURS[2])).max() < 12
    assert np.abs(shown[501, 501] - np.array(FORCE_COLOURS[0])).max() < 12
    inside, outside = shown[250, 250], shown[400, 100]
    assert np.ptp(inside) > 20 and np.ptp(outside) == 0
    assert np.abs(shown[200, 99:103] - np.array(palette(1)[0])).max(axis=1).min() < 40


def test_truth_shows_the_mass_inside_the_mask() -> None:
    ring = rectangle(100, 100, 100, 100) & ~rectangle(110, 110, 80, 90)
    truth = Instances(ring[None], np.array([1.0]), ("Ring",), ("Ring|1",))
    image = six_panels(GREY, [], None, None, truth=truth)
    shown = panel(image, 1, 1).astype(int)
    dots = np.abs(shown - np.array(FORCE_COLOURS[1])).max(axis=2) < 6
    row, column = np.argwhere(dots).mean(axis=0)
    assert ring[int(row) // 2, int(column) // 2]


@pytest.mark.parametrize("size", [100, 300])
def test_supervision_of_either_resolution(size: int) -> None:
    masks = np.zeros((1, size, size), bool)
    masks[:, : size // 2] = True
    shown = panel(six_panels(GREY, [], None, None, supervision=masks), 1, 2).astype(int)
    assert np.ptp(shown[100, 300]) > 20 and np.ptp(shown[500, 300]) == 0


def test_nothing_at_all_still_makes_an_image() -> None:
    nothing = Instances(np.zeros((0, 300, 300), bool), np.zeros(0), (), ())
    empty = np.zeros((0, 100, 100), bool)
    assert six_panels(GREY, [], None, None, nothing, empty).shape == six_panels(GREY, [], None, None).shape


def test_drawing_changes_no_argument() -> None:
    mask = rectangle(50, 50, 100, 100)
    rgb = GREY["rgb"].copy()
    six_panels(
        Observation(rgb=rgb, depth=GREY["depth"]),
        [Instance((75, 75), 1, 0.9, mask)],
        np.zeros((100, 100)),
        None,
    )
    assert (rgb == 128).all() and (mask == rectangle(50, 50, 100, 100)).all()


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"scores of shape \(300, 300\)"):
        six_panels(GREY, [], np.zeros((300, 300)), None)
    with pytest.raises(ValueError, match=r"supervision of shape \(100, 100\)"):
        six_panels(GREY, [], None, None, supervision=np.zeros((100, 100), bool))


@given(st.integers(0, 40))
def test_palette(count: int) -> None:
    colours = palette(count)
    assert len(colours) == count == len(set(colours))
    assert colours == palette(40)[:count]
    assert all(0 <= channel <= 255 for colour in colours for channel in colour)


def test_the_file_holds_the_image(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    write_png(tmp_path / "panels.png", image)
    read = cv2.imread(str(tmp_path / "panels.png"))
    assert read is not None and (read[..., ::-1] == image).all()
    assert [file.name for file in tmp_path.iterdir()] == ["panels.png"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "panels.png"
    target.write_bytes(b"old")

    def fail(source: str, destination: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_png(target, np.zeros((4, 4, 3), np.uint8))
    assert target.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_what_is_not_an_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="float64"):
        write_png(tmp_path / "panels.png", np.zeros((4, 4, 3)))  # type: ignore[arg-type]
