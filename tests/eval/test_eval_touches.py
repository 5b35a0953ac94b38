"""Touches as an animated image: what is touched, what is shown for how long, and the file."""

from pathlib import Path

import numpy as np
import pytest
from command_lines import complaint, exit_code
from fake_simulator import FakeSimulator
from PIL import Image

from eval.figures.command_line import main
from eval.figures.touches import SHOWN, AnimationError, Touch, frames_of, touch_in_turn, write_animation
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.locations.location import Location

ROOT = Path(__file__).parents[2]
PLACE = Location("FloorPlan26", (0.25, 0.9009992, 0.5), 90, 0, 5)


def touches_in_the_toy_world(successes: int, misses: int) -> list[Touch]:
    """Touch a wall, then each movable rectangle at its centre, twice, and the wall again."""
    simulator = FakeSimulator()
    env = ThorInteractEnv(simulator, locations=[PLACE], interactions=20, record_motion=True)
    env.reset(options={"location": PLACE})
    centres = [np.argwhere(mask).mean(axis=0).astype(int) for mask in env.ground_truth().masks]
    points = [(0, 0), *(tuple(centre) for centre in centres for _ in range(2)), (0, 0)]
    return touch_in_turn(env, PLACE, [(*point, 2, 0) for point in points], successes, misses)


def some_touch(seed: int, success: bool, motion: int = 0) -> Touch:
    rng = np.random.default_rng(seed)
    before, after = rng.integers(0, 256, (2, 300, 300, 3), dtype=np.uint8)
    mask = np.zeros((100, 100), bool)
    mask[40:60, 10 * seed : 10 * seed + 8] = success
    return Touch(
        before, after, np.stack([after] * motion) if motion else before[:0], (150, 90), 1, mask, success
    )


def test_touches_stop_after_enough_successes():
    for successes in (1, 2):
        touches = touches_in_the_toy_world(successes, misses=0)
        assert len(touches) == successes and all(touch.success for touch in touches)
    first, second = touches
    assert np.array_equal(first.after, second.before) and not np.array_equal(first.before, first.after)
    assert first.mask.any() and not (first.mask & second.mask).all()


def test_as_many_misses_are_kept_as_asked():
    assert [touch.success for touch in touches_in_the_toy_world(1, misses=0)] == [True]
    assert [touch.success for touch in touches_in_the_toy_world(1, misses=1)] == [False, True]


def test_what_was_found_is_not_touched_again():
    touches = touches_in_the_toy_world(9, misses=9)
    points = [touch.point for touch in touches if touch.success]
    assert len(points) == len(set(points)) > 1


def test_a_place_where_nothing_moves_is_refused():
    env = ThorInteractEnv(FakeSimulator(), locations=[PLACE], interactions=20, record_motion=True)
    with pytest.raises(AnimationError, match="No touch in FloorPlan26 moved anything"):
        touch_in_turn(env, PLACE, [(0, 0, 2, 0)], 1, 1)


def test_a_mask_appears_after_its_touch_and_stays():
    touches = [some_touch(1, True, motion=3), some_touch(2, False), some_touch(3, True)]
    frames = frames_of(touches, width=1260)
    kinds = ["point", *["motion"] * 3, "after", "mask", "point", "nothing", "point", "after", "end"]
    assert [frame.milliseconds for frame in frames] == [SHOWN[kind] for kind in kinds]
    assert {frame.image.shape for frame in frames} == {frames[0].image.shape}
    # The right half, with the first view: it changes when a mask is found and only then.
    right = [frame.image[:, 630:] for frame in frames]
    changes = [
        number for number in range(1, len(right)) if not np.array_equal(right[number], right[number - 1])
    ]
    assert changes == [5, 10]
    # Of the first mask, a pixel inside has its colour from then on.
    inside = right[5][56 + 10 + 300, 20 + 6 * 14 - 10]
    assert not np.array_equal(inside, right[4][366, 94]) and np.array_equal(inside, right[10][366, 94])


@pytest.mark.parametrize("name", ["touches.webp", "touches.gif"])
def test_the_file_holds_the_frames(tmp_path, name):
    frames = frames_of([some_touch(1, True, motion=2), some_touch(3, True)], width=200)
    size = write_animation(tmp_path / name, frames)
    assert size == (tmp_path / name).stat().st_size
    with Image.open(tmp_path / name) as image:
        assert image.size == frames[0].image.shape[1::-1] and image.info["loop"] == 0
        total = 0
        for number in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(number)
            image.load()
            total += int(image.info["duration"])
        last = np.asarray(image.convert("RGB"), float)
    assert total == sum(frame.milliseconds for frame in frames)
    assert np.abs(last - frames[-1].image).mean() < 12


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(AnimationError, match=r"touches\.png must end in \.webp or \.gif"):
        write_animation(tmp_path / "touches.png", frames_of([some_touch(1, True)], width=200))
    assert list(tmp_path.iterdir()) == []


def test_the_command_draws_a_room(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("--location", "FloorPlan29", "--seed", "1", "--touches", "1", "--width", "200")
    assert exit_code(main, *words, "--out", "room.webp") == 0
    assert "frames in room.webp" in capsys.readouterr().out
    with Image.open("room.webp") as image:
        assert image.size[0] == 200 and image.n_frames > 4  # type: ignore[attr-defined]
    content = Path("room.webp").read_bytes()
    assert exit_code(main, *words, "--out", "again.webp") == 0
    assert Path("again.webp").read_bytes() == content


def test_mistakes_are_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("view.npz", rgb=np.zeros((300, 300, 3), np.uint8), depth=np.ones((300, 300), np.float32))
    assert "must end in .webp or .gif" in complaint(main, capsys, "--out", "touches.mp4")
    assert "touches is 0" in complaint(main, capsys, "--touches", "0")
    assert "at most 100" in complaint(main, capsys, "--quality", "101")
    assert "The folder of no/touches.webp" in complaint(main, capsys, "--out", "no/touches.webp")
    assert "neither a file, a room" in complaint(main, capsys, "--location", "NoRoom")
    assert "a view, which cannot be touched" in complaint(main, capsys, "--location", "view.npz")


def test_the_image_of_the_documentation_is_small_and_moves():
    (file,) = {ROOT / "docs" / "touches.webp"}
    assert file.stat().st_size < 2e6
    with Image.open(file) as image:
        assert image.n_frames > 30  # type: ignore[attr-defined]
