"""Which views of a location are learned from, and which of its touches count in each."""

from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from box_scenes import Box, scene
from hypothesis import given, settings
from hypothesis import strategies as st

from selfsup.experience import Experience
from selfsup.feedback import Feedback
from selfsup.training_images.images import first_view_image, training_images
from selfsup.training_images.masks import unchanged_cells
from selfsup.training_images.options import TargetOptions
from selfsup.training_images.visit_log import TouchedPoint, VisitLog


def point(
    box: Box,
    views: tuple[int, ...],
    success: bool = True,
    force: int = 2,
    feedback: Feedback = Feedback.CORRECT,
) -> TouchedPoint:
    """A touch in the middle of a box; its B+ is the box and the column right of it."""
    row, column = box.row + box.height // 2, box.column + box.width // 2
    mask = Box(box.row, box.column, box.height, box.width + 1).cells()
    attempts = len(views) - 1
    told = (Feedback.TOO_LARGE,) * (attempts - 1) + (feedback,)
    changed = tuple(one != other for one, other in pairwise(views))
    return TouchedPoint(row, column, force, views, told, changed, mask if success else None)


def log_of(scenes: list[tuple[Box, ...]], points: list[TouchedPoint]) -> VisitLog:
    views = [scene(*boxes)[0] for boxes in scenes]
    log = VisitLog(views[0].rgb, views[0].depth)
    for view in views[1:]:
        log.see(view.rgb, view.depth)
    assert len(log.views) == len(scenes)
    log.points += points
    return log


LEFT, RIGHT, STILL = Box(40, 20), Box(40, 60, red=120), Box(10, 10, red=240)
LEFT_LATER, RIGHT_LATER = Box(70, 20), Box(70, 60, red=120)


def two_touches() -> VisitLog:
    """The left box is moved, then the right one; in between the one that stands still is touched in vain."""
    return log_of(
        [(LEFT, RIGHT, STILL), (LEFT_LATER, RIGHT, STILL), (LEFT_LATER, RIGHT_LATER, STILL)],
        [
            point(LEFT, (0, 1), force=1),
            point(STILL, (1, 1), success=False),
            point(RIGHT, (1, 1, 2), feedback=Feedback.TOO_SMALL, force=0),
            point(LEFT, (2, 2), success=False),  # the wall, where the left box was
        ],
    )


def cells_of(points: npt.NDArray[np.int16]) -> list[tuple[int, int]]:
    return [(int(row), int(column)) for row, column in points]


def test_by_default_a_location_is_learned_from_as_in_the_paper() -> None:
    log = two_touches()
    (image,) = training_images(log, TargetOptions())
    for each in fields(Experience):
        np.testing.assert_array_equal(getattr(image, each.name), getattr(first_view_image(log), each.name))
    assert image.rgb is log.views[0].rgb
    assert cells_of(image.success_points) == [(46, 25), (46, 65)]
    assert cells_of(image.failure_points) == [(16, 15), (46, 25)]
    np.testing.assert_array_equal(image.masks, [log.points[0].mask, log.points[2].mask])
    assert image.forces.tolist() == [1, 0]
    assert image.feedback.tolist() == [Feedback.CORRECT, Feedback.TOO_SMALL]


def test_own_views_hold_what_had_not_changed() -> None:
    log = two_touches()
    first, second = training_images(log, TargetOptions("own", "cleaned"))
    np.testing.assert_array_equal(first.rgb, log.views[0].rgb)
    np.testing.assert_array_equal(second.depth, log.views[1].depth)
    # The right box stood where it was when the left one was touched; the left one had gone before.
    assert cells_of(first.success_points) == [(46, 25), (46, 65)]
    assert cells_of(second.success_points) == [(46, 65)]
    np.testing.assert_array_equal(first.masks, [LEFT.cells(), RIGHT.cells()])
    np.testing.assert_array_equal(second.masks, [RIGHT.cells()])
    assert second.forces.tolist() == [0] and second.feedback.tolist() == [Feedback.TOO_SMALL]
    # The wall behind the left box was seen only after that had gone.
    assert cells_of(first.failure_points) == [(16, 15)]
    assert cells_of(second.failure_points) == [(16, 15), (46, 25)]


def test_a_mask_of_which_a_part_had_changed_does_not_count() -> None:
    """Another box stood before a corner of the right one, whose middle looks as it did then."""
    corner = Box(34, 58, height=8, width=4, depth=0.8, red=160)
    log = log_of([(corner, RIGHT), (RIGHT,), (RIGHT_LATER,)], [point(corner, (0, 1)), point(RIGHT, (1, 2))])
    first, second = training_images(log, TargetOptions("own", "cleaned"))
    assert cells_of(first.success_points) == [(38, 60)]
    np.testing.assert_array_equal(second.masks, [RIGHT.cells()])


def test_own_views_may_keep_the_masks_of_the_paper() -> None:
    log = two_touches()
    first, second = training_images(log, TargetOptions("own", "aligned"))
    assert len(first.masks) == 2
    np.testing.assert_array_equal(second.masks, [log.points[2].mask])


def test_all_attempts_at_a_point_count_for_its_mask() -> None:
    """The first attempt moves a box, without success; the second moves it back to almost the same place."""
    log = log_of([(LEFT,), (LEFT_LATER,), (Box(43, 22),)], [point(LEFT, (0, 1, 2))])
    (image,) = training_images(log, TargetOptions("own", "cleaned"))
    np.testing.assert_array_equal(image.rgb, log.views[0].rgb)
    np.testing.assert_array_equal(image.masks, [LEFT.cells()])


def test_a_success_at_which_nothing_moved_is_left_out() -> None:
    log = log_of([(LEFT, RIGHT), (LEFT_LATER, RIGHT)], [point(RIGHT, (0, 1))])
    (image,) = training_images(log, TargetOptions("own", "cleaned"))
    assert len(image.success_points) == len(image.failure_points) == 0


def test_a_location_without_success_is_its_first_view_with_the_failures_there() -> None:
    log = log_of(
        [(LEFT, STILL), (LEFT_LATER, STILL)],
        [point(STILL, (0, 0), False), point(LEFT, (0, 1), False), point(LEFT_LATER, (1, 1), False)],
    )
    (image,) = training_images(log, TargetOptions("own", "cleaned"))
    assert image.rgb is log.views[0].rgb
    assert cells_of(image.failure_points) == [(16, 15), (46, 25)]


@given(
    moves=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 8), st.integers(0, 8)), max_size=5),
    masks=st.sampled_from(["aligned", "cleaned"]),
)
@settings(max_examples=40, deadline=None)
def test_own_views_are_the_views_before_successes_with_what_looks_alike(
    moves: list[tuple[int, int, int]], masks: Any
) -> None:
    places = [Box(10, 10), Box(10, 50, red=120), Box(60, 10, red=240)]
    log = VisitLog(*(getattr(scene(*places)[0], name) for name in ("rgb", "depth")))
    for number, row, column in moves:
        touched, before = places[number], log.present
        places[number] = Box(
            touched.row // 50 * 50 + row + 5, column + touched.column // 40 * 40 + 5, red=touched.red
        )
        view = scene(*places)[0]
        after = log.see(view.rgb, view.depth)
        log.points.append(point(touched, (before, after), success=after != before))
    successes = [each for each in log.points if each.success]
    images = training_images(log, TargetOptions("own", masks))
    numbers = sorted({each.views[0] for each in successes}) or [0]
    assert len(images) == len(numbers)
    for number, image in zip(numbers, images, strict=True):
        np.testing.assert_array_equal(image.rgb, log.views[number].rgb)
        cells = cells_of(image.success_points)
        assert bool(cells) == bool(successes)
        for mask, cell in zip(image.masks, cells, strict=True):
            assert mask[cell]
            origin = next(
                each
                for each in successes
                if (each.row, each.column) == cell
                and unchanged_cells(log.views[each.views[0]], log.views[number])[mask].all()
            )
            assert origin.mask is not None and (masks == "cleaned" or (mask == origin.mask).all())


def moved_in_vain() -> VisitLog:
    """The left box is moved by the second of two attempts, neither a success, then the wall is touched."""
    return log_of(
        [(LEFT, STILL), (Box(41, 20), STILL)],
        [
            point(LEFT, (0, 0, 1), success=False, force=1, feedback=Feedback.TOO_SMALL),
            point(RIGHT, (1, 1), success=False),
        ],
    )


def test_what_moved_without_success_may_count_as_a_success() -> None:
    (image,) = training_images(moved_in_vain(), TargetOptions("own", "cleaned", "moved"))
    assert cells_of(image.success_points) == [(46, 25)]
    np.testing.assert_array_equal(image.masks, [LEFT.cells()])
    assert image.forces.tolist() == [1] and image.feedback.tolist() == [Feedback.TOO_SMALL]
    assert cells_of(image.failure_points) == [(46, 65)]


def test_by_default_the_success_test_decides() -> None:
    for views in ("own", "first"):
        (image,) = training_images(moved_in_vain(), TargetOptions(views, "cleaned"))
        assert not len(image.success_points)
        assert cells_of(image.failure_points) == [(46, 25), (46, 65)]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"views": "last"}, "choose one of first, own"),
        ({"masks": "true"}, "choose one of aligned, cleaned"),
        ({"successes": "all"}, "choose one of tested, moved"),
    ],
)
def test_options_that_make_no_sense_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TargetOptions(**values)


def test_a_view_that_did_not_change_is_the_one_before() -> None:
    view, other = scene(LEFT)[0], scene(RIGHT)[0]
    log = VisitLog(view.rgb, view.depth)
    assert log.see(view.rgb.copy(), view.depth.copy()) == 0
    assert log.see(view.rgb, view.depth + np.float32(0.001)) == 1
    assert log.see(other.rgb, other.depth) == 2 == log.present
    assert len(log.views) == 3


def test_attempts_and_views_of_a_point_must_fit() -> None:
    with pytest.raises(ValueError, match="2 views"):
        TouchedPoint(0, 0, 0, (0, 0), (Feedback.CORRECT,) * 2, (False,) * 2, None)
    with pytest.raises(ValueError, match="0 attempts"):
        TouchedPoint(0, 0, 0, (0,), (), (), None)
