"""The report: its numbers, what it holds, what it asks for (nothing), and its errors."""

import base64
import csv
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import Mock

import pytest
import report_material as material
from command_lines import outcome
from fake_simulator import FakeSimulator

from agents.training.schedule import RunError
from eval.report import command_line as report
from eval.report.command_line import ReportOptions, gather, render
from eval.report.data import (
    finding_groups,
    interaction_rows,
    percent,
    seed_rows,
    table_1,
    table_2,
)
from eval.report.runs import ReportError, RunFolder
from eval.report.views import agent_of
from eval.table.rows import ROWS, compared_row_of, configuration_of
from thor_interact_env.env import ThorInteractEnv


@pytest.fixture
def runs(tmp_path):
    """Two runs that are no rows: one that learns masses, and one twice as good that does not."""
    joint = material.write_run(tmp_path / "joint", True, 0.5)
    return joint, material.write_run(tmp_path / "segmentation", False, 1.0)


@pytest.fixture
def as_rows(runs):
    """The same as rows (a) and (c) of the table."""
    return tuple(material.as_row(path, letter) for path, letter in zip(runs, "ac", strict=True))


def test_table_1_compares_runs_with_the_published_numbers(as_rows) -> None:
    first, second = table_1([RunFolder.read(path) for path in reversed(as_rows)])
    assert (first["title"], second["title"]) == (f"(a) {ROWS['a'].name}", f"(c) {ROWS['c'].name}")
    assert first["measured"] == ["10.0", "5.0", "8.0", "4.0"]
    assert first["published"] == ["27.59", "13.44", "25.01", "11.00"]
    assert first["ratios"] == ["0.50"] * 4
    assert first["published_ratios"] == ["1.06", "1.12", "1.06", "1.07"]
    assert second["ratios"] == second["published_ratios"] == ["1.00"] * 4
    assert first["seed"] == 3


def test_a_ratio_is_one_to_row_c_of_the_same_preset(as_rows, tmp_path) -> None:
    (alone,) = table_1([RunFolder.read(as_rows[0])])
    assert alone["ratios"] == ["-"] * 4
    other = material.as_row(material.write_run(tmp_path / "hour", False, 3.0, preset="hour"), "c")
    shown = {
        row["name"]: row["ratios"] for row in table_1([RunFolder.read(path) for path in (*as_rows, other)])
    }
    assert shown == {"joint": ["0.50"] * 4, "segmentation": ["1.00"] * 4, "hour": ["1.00"] * 4}


def test_ratios_are_shown_with_the_name_of_their_run(as_rows) -> None:
    """Rows of two presets have the same title."""
    page = report.render(report.gather(report.ReportOptions(runs=tuple(as_rows), panels=0)))
    ratios = page.partition('aria-label="Ratios to row (c)"')[2].partition("</table>")[0]
    assert all(f">{run.name}</span>" in ratios for run in as_rows)


def test_what_is_no_row_has_no_letter_of_its_own(runs) -> None:
    first, second = table_1([RunFolder.read(path) for path in runs])
    assert first["title"] == "self-supervised, quick, compared with (a)" and first["ratios"] == ["-"] * 4
    assert second["title"] == "self-supervised, quick, compared with (c)"
    assert second["published"][0] == "26.10"


def test_a_score_stands_above_its_interval(runs) -> None:
    joint, _ = table_1([RunFolder.read(path) for path in runs])
    assert joint["intervals"] == ["5.0 to 15.0", "", "4.0 to 12.0", ""]


def test_several_seeds_of_a_row_have_a_mean_and_a_spread(runs, tmp_path) -> None:
    again = material.write_run(tmp_path / "again", True, 1.5, seed=4)
    (row,) = seed_rows([RunFolder.read(path) for path in (*runs, again)])
    assert row["title"] == "self-supervised, quick, compared with (a)" and row["seeds"] == "3, 4"
    assert row["measured"][:4] == ["20.0 ± 14.1", "10.0 ± 7.1", "16.0 ± 11.3", "8.0 ± 5.7"]
    assert row["measured"][4] == "55.0 ± 0.0" and row["measured"][6] == "-"  # nothing was touched


def test_runs_that_differ_in_more_than_the_seed_are_not_brought_together(runs, tmp_path) -> None:
    other = material.write_run(tmp_path / "other", True, 1.5, seed=4, use_superpixels=False)
    assert seed_rows([RunFolder.read(path) for path in (*runs, other)]) == []
    elsewhere = material.write_run(tmp_path / "elsewhere", True, 1.5, seed=4, workers=7)
    assert len(seed_rows([RunFolder.read(path) for path in (*runs, other, elsewhere)])) == 1


def test_a_run_named_twice_is_one(runs) -> None:
    twice = (runs[0], runs[0].parent / "." / runs[0].name, runs[0] / ".." / runs[0].name)
    content = report.gather(report.ReportOptions(runs=twice, panels=0))
    assert len(content["runs"]) == len(content["table_1"]) == 1


def test_a_folder_of_runs_stands_for_all_of_them(runs) -> None:
    folder = runs[0].parent
    (folder / "logs").mkdir()
    (folder / "run-all.lock").touch()
    found = RunFolder.read_all([folder, runs[0]])
    paths = sorted(run.path.resolve() for run in found)
    assert paths == sorted(path.parent.resolve() for path in folder.glob("*/config.json"))


def test_the_findings_are_those_of_the_rows(as_rows) -> None:
    (group,) = finding_groups([RunFolder.read(path) for path in as_rows])
    held = {tuple(each["rows"]): each["holds"] for each in group["findings"]}
    assert held[("a", "c")] is False and held[("d", "c")] is None
    assert group["split"] == "NovelSpaces" and group["preset"] == "quick"
    assert "(ratio 0.50 [" in group["findings"][0]["numbers"]


def test_runs_that_are_no_rows_say_nothing_about_findings(runs) -> None:
    assert finding_groups([RunFolder.read(path) for path in runs]) == []
    only = RunFolder.read(material.as_row(runs[1], "c"))
    assert finding_groups([only]) == []


def test_table_2_holds_the_confusion_and_the_published_one_of_what_learns_mass(runs) -> None:
    (joint,) = table_2([RunFolder.read(path) for path in runs])
    assert joint["confusion"] == material.CONFUSION and joint["accuracy"] == "55.0"
    assert joint["published"]["accuracy"] == "55.86" and joint["intervals"] == ["", ""]


@pytest.mark.parametrize(
    ("config", "letter"),
    [
        ({"system": "video_pca"}, "g"),
        ({"system": "ppo"}, None),
        ({"system": "mask_rcnn", "targets": "truth", "loss": "pixel", "mass": True}, "b"),
        ({"system": "mask_rcnn", "targets": "truth", "loss": "robust", "mass": True}, None),
        ({}, "a"),
        ({"loss_weights": "released"}, None),
        ({"embedding_normalization": "averaged"}, None),
        ({"kernel_name": "exponential"}, None),
        ({"force_area": "mask"}, None),
        ({"location_score": "mean"}, None),
        ({"use_superpixels": False}, None),  # (k) does not learn forces
        ({"schedule": {"stages": [{"joint": False}]}, "use_superpixels": False}, "k"),
        ({"schedule": {"stages": [{"joint": False}], "prioritized": False}}, "c"),
        ({"schedule": {"stages": [{"joint": False}], "prioritized": False}, "preset": "paper"}, "l"),
        ({"schedule": {"stages": [{"joint": False}]}, "oracles": {"points": True, "masks": True}}, "f"),
        ({"schedule": {"stages": [{"joint": False}]}, "oracles": {"points": False, "masks": False}}, "c"),
        ({"targets": {"views": "first", "masks": "aligned", "successes": "tested"}}, "a"),
        ({"targets": {"views": "own", "masks": "aligned", "successes": "tested"}}, None),
    ],
)
def test_the_compared_row_of_a_run_follows_from_its_configuration(tmp_path, config: dict, letter) -> None:
    run = RunFolder.read(material.write_run(tmp_path / "run", True, 1.0, **config))
    assert run.row is None and run.compared_row == letter
    if letter is None:
        assert run.published == {} and "compared with" not in run.title


def test_the_compared_row_of_a_row_is_itself() -> None:
    found = {}
    for letter in "acdefklmn":
        config = configuration_of(ROWS[letter], "paper", seed=0).to_json()
        found[letter] = compared_row_of("self_supervised", json.loads(json.dumps(config)))
    assert found == {letter: letter for letter in found}


def test_the_row_and_the_touches_of_a_table_are_read(tmp_path) -> None:
    folder = material.write_run(tmp_path / "run", False, 1.0)
    evaluation = json.loads((folder / "evaluation.json").read_text())
    touches = {"greedy_success_rate": 0.3, "random_success_rate": 0.1, "touched_locations": 7}
    text = json.dumps(evaluation | {"table": {"row": "k"}, "interaction": touches})
    (folder / "evaluation.json").write_text(text)
    run = RunFolder.read(folder)
    assert run.row == "k" and run.title == f"(k) {ROWS['k'].name}"
    (row,) = interaction_rows([run], [])
    assert (row["label"], row["own"], row["random"], row["locations"]) == (run.title, "30.0", "10.0", 7)


def test_the_leaderboard_is_sorted(tmp_path) -> None:
    board = report.read_leaderboard(material.write_leaderboard(tmp_path / "board.jsonl"))
    rows = interaction_rows([], board)
    assert [row["label"] for row in rows] == ["strong", "weak <agent>"]
    elsewhere = {**board[0], "world": "mujoco 99", "shipped": True}
    sources = {row["source"] for row in interaction_rows([], [board[0], elsewhere])}
    assert len(sources) == 2 and "leaderboard, shipped views, world mujoco 99" in sources
    assert rows[0]["points"] == "10.00" and rows[0]["intervals"] == ["20.0 to 80.0", "", "", ""]
    assert rows[0]["own"] == "40.0" and rows[0]["objects"] == "1.50" and rows[0]["mask_ap50"] == "-"


@pytest.mark.parametrize("value", [None, float("nan"), True, "much"])
def test_what_is_no_number_is_a_dash(value) -> None:
    assert percent(value) == "-" and percent(0.125) == "12.5"


class Page(HTMLParser):
    """Collects what a page refers to, its text and its ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.ids: list[str] = []
        self.images: list[dict] = []
        self.downloads: dict[str, list[list[str]]] = {}
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag, attributes) -> None:
        found = dict(attributes)
        self.references += [found[name] for name in ("src", "href", "xlink:href") if name in found]
        self.ids += [found["id"]] if "id" in found else []
        if tag == "img":
            self.images.append(found)
        if tag == "a" and "download" in found:
            content = base64.b64decode(found["href"].partition(",")[2]).decode()
            self.downloads[found["download"]] = list(csv.reader(io.StringIO(content)))
        if tag == "script":
            assert not found
            self.scripts += 1
        assert tag != "iframe"


@pytest.fixture
def everything(as_rows, tmp_path, monkeypatch):
    """The page that shows all there is, and its text."""
    monkeypatch.setattr("eval.report.views.agent_of", lambda run: material.KnowsSomeViews())
    options = ReportOptions(
        runs=as_rows,
        leaderboard=material.write_leaderboard(tmp_path / "board.jsonl"),
        calibration=material.write_calibration(tmp_path / "forces.json"),
        panels=1,
    )
    return render(gather(options, material.toy_views(), FakeSimulator()))


def test_the_page_holds_everything_and_asks_for_nothing(everything) -> None:
    page = Page(everything)
    assert all(one.startswith(("data:", "#")) for one in page.references), page.references
    assert not re.search(r"url\((?!#|&#34;#)", everything)
    assert {one[1:] for one in page.references if one.startswith("#") and len(one) < 20} >= {
        "detection",
        "made",
    }
    for anchor in ("detection", "findings", "mass", "interaction", "learning", "forces", "views", "made"):
        assert page.ids.count(anchor) == 1
    # Of each run the best view, the worst, the film, and two images of each touch that succeeded.
    assert len(page.images) == 2 * (3 + 2 * 3)
    assert all(image["alt"] for image in page.images)
    assert "does NOT hold" in everything and "not run: d" in everything and "5.0 to 15.0" in everything
    assert "weak &lt;agent&gt;" in everything and "weak <agent>" not in everything
    assert "python -m agents &lt;train&gt; &amp; more" in everything and "Abacus" in everything
    assert "prefers-color-scheme: dark" in everything and 'name="viewport"' in everything


def test_its_images_can_be_decoded(everything) -> None:
    from PIL import Image

    for image in Page(everything).images:
        head, _, content = image["src"].partition(",")
        picture = Image.open(io.BytesIO(base64.b64decode(content)))
        picture.load()
        assert picture.format is not None
        assert head == f"data:image/{picture.format.lower()};base64"
        six = image["alt"].startswith("Six panels")
        assert picture.size[0] == (1880 if six else 300)
        assert getattr(picture, "n_frames", 1) > (1 if picture.format == "GIF" else 0)


def test_a_page_about_one_source_leaves_the_rest_out(tmp_path) -> None:
    options = ReportOptions(leaderboard=material.write_leaderboard(tmp_path / "board.jsonl"))
    ids = Page(render(gather(options))).ids
    assert "interaction" in ids and not {
        "detection",
        "findings",
        "mass",
        "learning",
        "forces",
        "views",
    } & set(ids)


def test_views_are_drawn_of_the_runs_that_are_named(runs, monkeypatch) -> None:
    monkeypatch.setattr("eval.report.views.agent_of", lambda run: material.KnowsSomeViews())
    options = ReportOptions(runs=runs, panels=1, drawn=("joint",))
    (drawn,) = gather(options, material.toy_views(), FakeSimulator())["images"]
    assert drawn["run"].name == "joint" and drawn["best"] and drawn["gif"]
    with pytest.raises(RunError, match="drawn names missing; the runs are joint, segmentation"):
        gather(replace(options, drawn=("missing",)), material.toy_views(), FakeSimulator())


def test_of_points_without_masks_the_touches_are_shown(runs, monkeypatch) -> None:
    class PointsOnly(material.KnowsSomeViews):
        def propose(self, observation):
            return [replace(one, mask=None) for one in super().propose(observation)]

    monkeypatch.setattr("eval.report.views.agent_of", lambda run: PointsOnly())
    (drawn,) = gather(ReportOptions(runs=runs[:1]), material.toy_views(), FakeSimulator())["images"]
    assert drawn["best"] == drawn["worst"] == [] and drawn["gif"] and "no masks" in drawn["missing"]


def test_panels_are_touched_in_the_world_of_the_run(tmp_path, monkeypatch) -> None:
    asked = Mock(wraps=ThorInteractEnv)
    monkeypatch.setattr("eval.report.views.agent_of", lambda run: material.KnowsSomeViews())
    monkeypatch.setattr("eval.report.views.ThorInteractEnv", asked)
    run = material.write_run(
        tmp_path / "run",
        False,
        1.0,
        use_superpixels=False,
        change_test="optical_flow",
        kernel_name="exponential",
    )
    gather(ReportOptions(runs=(run,), panels=1), material.toy_views(), FakeSimulator())
    assert asked.called
    for one in asked.call_args_list:
        given = one.kwargs
        assert not given["use_superpixels"]
        assert (given["change_test"], given["kernel_name"]) == ("optical_flow", "exponential")


def test_a_run_whose_agent_cannot_be_used_is_still_reported(runs) -> None:
    text = render(gather(ReportOptions(runs=runs[:1]), material.toy_views(), FakeSimulator()))
    assert "no agent that can be used" in text and "27.59" in text
    unknown = RunFolder.read(runs[0])
    with pytest.raises(ReportError, match="no agent that can be used"):
        agent_of(unknown)
    with pytest.raises(ReportError, match="system 'crystal'"):
        agent_of(RunFolder(runs[0], {"system": "crystal"}, {}, {}, []))


def test_all_numbers_are_one_click_away(everything) -> None:
    page = Page(everything)
    names = {
        *("table-1-detection.csv", "baselines.csv", "findings.csv", "interaction-and-leaderboard.csv"),
        *("confusion-joint-measured.csv", "confusion-joint-published.csv"),
        *("joint-touches-that-succeed.csv", "segmentation-loss.csv", "forces-all-objects-in-reach.csv"),
        *("predictions-joint-view-0.csv", "touches-joint-view-0.csv"),
    }
    assert names <= set(page.downloads), names - set(page.downloads)
    confusion = page.downloads["confusion-joint-measured.csv"]
    assert confusion[0][1:] == ["light", "medium", "heavy"]
    assert [[float(value) for value in row[1:]] for row in confusion[1:]] == material.CONFUSION
    detection = page.downloads["table-1-detection.csv"]
    assert dict(zip(detection[0], detection[1], strict=True))["measured bbox_ap50"] == "10.0"
    board = page.downloads["interaction-and-leaderboard.csv"]
    assert [row[0] for row in board[1:]] == ["strong", "weak <agent>"]
    forces = page.downloads["forces-all-objects-in-reach.csv"]
    assert ["light", "5.0", "10", "7"] in forces
    touches = page.downloads["touches-joint-view-0.csv"]
    assert len(touches) > 3 and {row[4] for row in touches[1:]} == {"True", "False"}
    # Every chart, panel and table has its own.
    figures = everything.count("<svg ") + everything.count("Six panels") + everything.count('class="touches"')
    tables = everything.count("<table")
    assert len(re.findall(r'class="csv"', everything)) >= figures + tables


def test_the_policy_allows_the_script_of_the_page_and_no_other(everything) -> None:
    assert Page(everything).scripts == 1
    (allowed,) = re.findall(r"script-src 'sha256-([^']+)'", everything)
    (script,) = re.findall(r"<script>(.*?)</script>", everything, re.DOTALL)
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() == allowed


def test_the_command_writes_the_page(runs, tmp_path, capsys) -> None:
    out = tmp_path / "page.html"
    code, said, _ = outcome(report.main, capsys, *runs, "--out", out, "--panels", 0)
    assert code == 0 and str(out) in said
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "nothing to report"),
        (["no/such/run"], "is not a folder"),
        (["empty"], "has no config.json"),
        (["--leaderboard", "none.jsonl"], "none.jsonl cannot be read"),
        (["--calibration", "none.json"], "is not a calibration"),
        (["run", "--panels", "-1"], "panels is -1"),
        (["run", "--out", "no/such/page.html"], "does not exist"),
        (["run", "--out", "empty"], "empty is a folder"),
    ],
)
def test_a_mistake_is_one_line(words, complaint, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    material.write_run(tmp_path / "run", True, 1.0)
    (tmp_path / "empty").mkdir()
    code, _, said = outcome(report.main, capsys, *words)
    assert code == 2 and complaint in said and len(said.splitlines()) == 1
    assert not (tmp_path / "report.html").exists()
