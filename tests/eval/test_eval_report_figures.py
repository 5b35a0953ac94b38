"""The figures of the report: which views and touches are drawn, and curves over minutes and touches."""

import json
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
import report_material as material
from fake_simulator import FakeSimulator

from agents.base import Instance
from eval.figures.touches import Touch
from eval.report.charts import CURVES, force_chart, learning_curves
from eval.report.command_line import ReportOptions, gather, render
from eval.report.images import gif_uri, touch_frames, webp_uri, with_mask, with_point
from eval.report.runs import RunFolder
from eval.report.views import best_and_worst, touched, view_score
from thor_interact_env.simulators.base import Instances


@pytest.fixture
def runs(tmp_path):
    """One run."""
    return (material.write_run(tmp_path / "joint", True, 0.5),)


def test_the_page_says_that_rows_were_measured_at_several_numbers_of_locations(tmp_path) -> None:
    rows = [material.as_row(material.write_run(tmp_path / letter, True, 0.5), letter) for letter in "ac"]
    options = ReportOptions(tuple(rows), panels=0)
    assert "rows were measured at" not in render(gather(options))
    path = rows[1] / "evaluation.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"locations": 400}))
    assert "rows were measured at 4 or 400 locations" in render(gather(options))


def test_views_are_picked_by_their_score() -> None:
    best, worst = best_and_worst(
        material.KnowsSomeViews(), material.toy_views(), 2, {"simulator": FakeSimulator()}
    )
    assert {panel.view for panel in best} == {0, 2} and {panel.view for panel in worst} == {1, 3}
    assert all(panel.score > 0.8 for panel in best) and all(panel.score == 0 for panel in worst)
    assert best[0].score >= best[1].score and best[0].image.dtype == np.uint8


def test_a_view_score_is_the_mean_of_the_best_overlaps() -> None:
    masks = np.zeros((2, 300, 300), bool)
    masks[0, :10, :10] = masks[1, 50:60, 50:60] = True
    truth = Instances(masks, np.ones(2), ("Mug", "Mug"), ("1", "2"))
    half = masks[0].copy()
    half[:5] = False
    found = [Instance((0, 0), 0, 0.9, half), Instance((0, 0), 0, 0.8, None)]
    assert view_score(found, truth) == pytest.approx(0.25)
    assert view_score([], truth) == 0.0
    unsure = [Instance((0, 0), 0, 0.9, half)] * 10 + [Instance((0, 0), 0, 0.1, masks[1])]
    assert view_score(unsure, truth) == pytest.approx(0.25)


def test_touching_is_filmed() -> None:
    views = material.toy_views()
    masks, touches = touched(
        views, 0, material.KnowsSomeViews().propose(views.observations[0]), {"simulator": FakeSimulator()}
    )
    succeeded = [touch for touch in touches if touch.success]
    assert len(masks) == len(succeeded) >= 1 and len(touches) >= 3
    assert all(np.array_equal(touch.mask, mask) for touch, mask in zip(succeeded, masks, strict=True))
    for former, later in pairwise(touches):
        assert np.array_equal(former.after, later.before)
    frames = [frame for touch in touches for frame in touch_frames(touch)]
    assert all(frame.shape == (328, 300, 3) and frame.dtype == np.uint8 for frame in frames)
    first = succeeded[0]
    row, column = first.point
    drawn = (with_point(first) != first.before).any(axis=2)
    assert drawn[row - 12 : row + 13, column - 12 : column + 13].sum() == drawn.sum() > 50
    outlined = (with_mask(first) != first.after).any(axis=2)
    grown = np.asarray(
        cv2.dilate(first.mask.repeat(3, 0).repeat(3, 1).astype(np.uint8), np.ones((9, 9))), bool
    )
    assert outlined.sum() > 50 and not (outlined & ~grown).any()


def test_charts_take_the_colour_of_the_page(runs, tmp_path) -> None:
    run = RunFolder.read(runs[0])
    charts = learning_curves(run)
    assert [chart.title for chart in charts] == ["Touches that succeed", "AP50 on held-out rooms", "Loss"]
    calibration = json.loads((material.write_calibration(tmp_path / "f")).read_text())
    for chart in (*charts, force_chart(calibration, "success_rates_seen", "Seen")):
        assert chart.svg.startswith("<svg ") and "currentColor" in chart.svg and "#010203" not in chart.svg
        assert "<script" not in chart.svg
    assert learning_curves(run) == charts


def test_curves_are_drawn_over_minutes_and_touches(runs) -> None:
    run = RunFolder.read(runs[0])
    succeeded, _, loss = learning_curves(run)
    for chart in (succeeded, loss):
        assert "minutes of training" in chart.svg and ">touches<" in chart.svg and "1,600" in chart.svg
    assert succeeded.numbers.header == ["episode", "minutes", "touches", "greedy", "random"]
    # 100 n greedy and 20 random touches in episode n, which ends after n * n minutes.
    assert succeeded.numbers.rows[2] == [3, 9, 100 + 200 + 300 + 3 * 20, 0.3, 0.03]
    assert [row[-1] for row in loss.numbers.rows] == pytest.approx([5, 2.5, 1.66667, 1.25, 1])


def test_without_minutes_and_touches_there_are_episodes(runs) -> None:
    run = RunFolder.read(runs[0])
    left_out = ("seconds", "greedy_touches", "random_touches")
    plain = [{name: row[name] for name in row if name not in left_out} for row in run.metrics]
    for chart in learning_curves(replace(run, metrics=plain)):
        assert ">episode<" in chart.svg and "minutes" not in chart.svg and ">touches<" not in chart.svg
        assert chart.numbers.header[0] == "episode" and "minutes" not in chart.numbers.header


def test_of_a_line_without_a_number_there_is_no_point(runs) -> None:
    run = RunFolder.read(runs[0])
    rows = [dict(row) for row in run.metrics]
    rows[1]["loss"], rows[2]["loss"], rows[3]["loss"] = float("nan"), None, True
    (chart,) = [chart for chart in learning_curves(replace(run, metrics=rows)) if chart.title == "Loss"]
    assert [row[-1] for row in chart.numbers.rows] == [5, 1]
    assert set(CURVES) >= {chart.title}


def test_frames_become_a_film_and_none_is_an_error() -> None:
    view = np.zeros((300, 300, 3), np.uint8)
    touch = Touch(view, view + np.uint8(9), view[None][:0], (10, 20), 1, np.zeros((100, 100), bool), True)
    frames = touch_frames(touch)
    assert gif_uri(frames).startswith("data:image/gif;base64,")
    assert (frames[0] != frames[1]).any() and (view == 0).all()
    assert webp_uri(view).startswith("data:image/webp;base64,")
    with pytest.raises(ValueError, match="at least one frame"):
        gif_uri([])


def test_what_was_not_touched_has_no_rate() -> None:
    rates = [
        {"mass_class": name, "force": 5.0, "touches": touches, "successes": 0}
        for name, touches in (("light", 0), ("medium", 4), ("heavy", 4))
    ]
    chart = force_chart({"success_rates_seen": rates}, "success_rates_seen", "Seen")
    assert chart.svg.count(">0.00</text>") == 2 and chart.svg.count(">-</text>") == 1
