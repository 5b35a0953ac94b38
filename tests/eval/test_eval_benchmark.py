"""The benchmark in the toy world: closed forms, failures with their locations, the command line."""

import dataclasses
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from command_lines import outcome
from fake_simulator import SIDE, FakeSimulator
from no_room import room_for

from agents.base import Instance
from agents.source import AgentSource
from eval.benchmark import benchmark
from eval.benchmark.benchmark import (
    benchmark_agent,
    benchmark_table,
    benchmark_views,
    failure_report,
    floor_of,
    interval_report,
)
from eval.benchmark.leaderboard import LeaderboardError, append_to_leaderboard, read_leaderboard
from eval.evaluation.touching import touch_everywhere
from eval.views.evaluation_set import EvaluationSet
from thor_interact_env.actions import AGENT_HEIGHT_Y
from thor_interact_env.errors import UnknownSplitError
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.base import Observation

PLACES = [Location(f"FloorPlan{room}", (0.25, AGENT_HEIGHT_Y, 0.5), 90, 0, 5) for room in (26, 27, 28)]


@pytest.fixture(autouse=True)
def user_folder(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def toy_views() -> EvaluationSet:
    return EvaluationSet.at(PLACES, "NovelSpaces/test", simulator=FakeSimulator, progress=False)


def marked_views() -> EvaluationSet:
    """The toy views; the top left pixel of each is its number."""
    views = toy_views()
    marked = []
    for number, view in enumerate(views.observations):
        rgb = view["rgb"].copy()
        rgb[0, 0] = number
        marked.append(Observation(rgb=rgb, depth=view["depth"]))
    return dataclasses.replace(views, observations=tuple(marked))


def knowing(views: EvaluationSet, forces: tuple[int, ...] = (0, 1, 2)) -> list[list[Instance]]:
    """Proposals of an agent that knows the three objects; touched in order of their indices."""
    return [
        [
            Instance((int(rows.min()) + SIDE // 2, int(columns.min()) + SIDE // 2), force, 0.9, mask)
            for mask, force in zip(truth.masks, forces, strict=True)
            for rows, columns in [mask.nonzero()]
        ]
        for truth in views.truths
    ]


def touched(predictions: list[list[Instance]], interactions: int = 5) -> dict:
    result = touch_everywhere(
        predictions, toy_views(), interactions, simulator=FakeSimulator(), progress=False
    )
    assert result is not None
    return result


def test_an_agent_that_knows_the_objects_moves_them_all() -> None:
    result = touched(knowing(toy_views()))
    assert result["greedy_success_rate"] == 1.0
    assert (result["objects_per_location"], result["objects_per_interaction"]) == (3.0, 1.0)
    assert result["success_by_rank"] == [1.0, 1.0, 1.0, None, None]
    assert (result["points_per_location"], result["interactions"]) == (3.0, 9)


def test_only_the_first_points_are_touched_and_a_wrong_one_has_its_rank() -> None:
    wall = Instance((2, 2), 0, 0.99, None)
    predictions = [[found[0], wall, *found[1:]] for found in knowing(toy_views(), (2, 0, 1))]
    result = touched(predictions, interactions=3)
    assert result["success_by_rank"] == [1.0, 0.0, 1.0]
    assert result["greedy_success_rate"] == pytest.approx(2 / 3)
    assert (result["objects_per_location"], result["points_per_location"]) == (2.0, 3.0)


def test_random_points_are_the_same_for_every_agent() -> None:
    names = ("random_success_rate", "random_objects_per_location", "random_objects_per_interaction")
    knows, ignorant = touched(knowing(toy_views()), 20), touched([[], [], []], 20)
    assert [knows[name] for name in names] == [ignorant[name] for name in names]
    assert 0 < ignorant["random_success_rate"] < 1
    assert ignorant["greedy_success_rate"] == ignorant["objects_per_location"] == 0
    assert ignorant["success_by_rank"] == [None] * 20


def test_equal_seeds_touch_equally_and_no_interactions_touch_nothing() -> None:
    assert touched(knowing(toy_views())) == touched(knowing(toy_views()))
    assert touch_everywhere([[], [], []], toy_views(), 0, simulator=FakeSimulator()) is None


def measured(name: str, views: EvaluationSet | None = None, **options: object) -> dict:
    return benchmark_agent(
        AgentSource(f"user_agents:{name}", options),
        views or marked_views(),
        interactions=2,
        simulator=FakeSimulator(),
        progress=False,
    )


def test_a_result_holds_perception_only_of_agents_with_masks() -> None:
    without = measured("Centre")
    assert without["perception"] is None and without["failed_views"] == 0
    assert without["interaction"]["points_per_location"] == 1.0
    assert json.loads(json.dumps(without, allow_nan=False)) == without
    with_masks = measured("Centre", mask=True)
    assert with_masks["perception"]["images"] == 3
    assert with_masks["options"] == {"mask": True}
    assert with_masks["interaction"] == without["interaction"]


def test_who_finds_nothing_scores_nothing() -> None:
    result = measured("FindsNothing")
    assert result["perception"]["mask_ap50"] == 0.0 and result["failed_views"] == 0
    assert result["interaction"]["greedy_success_rate"] == 0.0


def test_scores_have_intervals_over_locations() -> None:
    result = measured("Centre", mask=True)
    for group, name in (("interaction", "greedy_success_rate"), ("perception", "mass_bbox_ap50")):
        low, high = result[group]["intervals"][name]
        assert low <= result[group][name] <= high
    said = interval_report(result)
    assert said.startswith("95 % over locations: its points ") and "mask AP50 0.0 to" in said
    assert interval_report({"interaction": None, "perception": None}) == ""


def test_a_failure_is_reported_with_its_location_and_counts_as_nothing_proposed() -> None:
    result = measured("Raises")
    assert result["failed_views"] == 1
    (failure,) = result["failures"]
    assert (failure["view"], failure["kind"]) == (1, "raised")
    assert Location.from_json(failure["location"]) == PLACES[1]
    assert result["interaction"]["points_per_location"] == pytest.approx(2 / 3)
    report = failure_report(result)
    assert report.startswith("1 of 3 views failed") and "FloorPlan27" in report and "no idea" in report
    assert failure_report(measured("Centre")) == "No view failed."
    many = {"failures": [failure] * 8, "locations": 9}
    assert (
        failure_report(many).splitlines()[-1] == "  and 3 more"
        and len(failure_report(many).splitlines()) == 7
    )


def test_the_table_sets_results_side_by_side() -> None:
    result = measured("Centre")
    lines = benchmark_table([result, result, floor_of(result)]).splitlines()
    assert len(lines) == 5 and "its points" in lines[0] and "objects/location" in lines[0]
    rate = f"{100 * result['interaction']['random_success_rate']:.1f}"
    assert lines[4].split()[:4] == ["random", "points", rate, rate]


@pytest.fixture
def command(monkeypatch, capsys):
    """Run the command line on the toy views; return exit code, output and errors."""
    monkeypatch.setattr(benchmark, "benchmark_views", lambda *given: marked_views())
    real = benchmark.benchmark_agent
    monkeypatch.setattr(
        benchmark,
        "benchmark_agent",
        lambda *given, **options: real(*given, **options | {"simulator": FakeSimulator(), "progress": False}),
    )

    return partial(outcome, benchmark.main, capsys)


def test_the_command_writes_json_and_appends_to_the_leaderboard(command, tmp_path) -> None:
    out, board = tmp_path / "result.json", tmp_path / "board.jsonl"
    words = ("--agent", "user_agents:Raises", "--out", out, "--leaderboard", board, "--interactions", 2)
    for label in ("first", "second"):
        code, said, _ = command(*words, "--label", label, "--agent-options", '{"force": 0}')
        assert code == 0 and "1 of 3 views failed" in said and label in said
    result = json.loads(out.read_text())
    assert result["label"] == "second" and result["options"] == {"force": 0} and len(result["failures"]) == 1
    entries = read_leaderboard(board)
    assert [entry["label"] for entry in entries] == ["first", "second"]
    del result["failures"]
    assert entries[1] == result


def test_where_the_disk_is_full_the_result_is_printed_all_the_same(command, tmp_path) -> None:
    out, board = tmp_path / "result.json", tmp_path / "board.jsonl"
    words = ("--agent", "user_agents:Centre", "--out", out, "--leaderboard", board, "--label", "x" * 5000)
    with room_for(4096):
        code, said, error = command(*words)
    assert code == 2 and "objects in reach" in said and "No view failed" in said
    assert error.count("\n") == 1 and str(out) in error
    assert list(tmp_path.iterdir()) == []


def test_a_leaderboard_on_a_full_disk_stays_as_it_was(tmp_path: Path) -> None:
    board = tmp_path / "board.jsonl"
    append_to_leaderboard(board, entry("first"))
    before = board.read_bytes()
    with room_for(4096), pytest.raises(OSError, match=r"board\.jsonl"):
        append_to_leaderboard(board, entry("x" * 5000))
    assert board.read_bytes() == before
    append_to_leaderboard(board, entry("second"))
    assert [one["label"] for one in read_leaderboard(board)] == ["first", "second"]


def test_without_places_the_results_go_to_runs(command, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, said, _ = command("--agent", "user_agents:Centre", "--label", "in the middle", "--interactions", 1)
    (file,) = (tmp_path / "runs").glob("benchmark-in-the-middle-NovelObjects-*.json")
    assert code == 0 and file.name in said
    (entry,) = read_leaderboard(tmp_path / "runs" / "leaderboard.jsonl")
    written = json.loads(file.read_text())
    assert entry["label"] == written["label"] == "in the middle"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--agent", "user_agents:Nobody"], "cannot be imported"),
        (["--agent", "user_agents:CannotBeMade"], "no weights here"),
        (["--agent", "user_agents:Centre", "--agent-options", "[1]"], "not a JSON object"),
        (["--agent", "user_agents:Centre", "--agent-options", "{"], "not a JSON object"),
        (["--agent", "user_agents:Centre", "--agent-options", '{"a": NaN}'], "not JSON compliant"),
        (["--agent", "user_agents:Centre", "--agent-options", '{"a": 1e999}'], "not JSON compliant"),
        (["--agent", "user_agents:Centre", "--out", "."], "is a folder; name a file"),
        (["--agent", "user_agents:Centre", "--leaderboard", "."], "is a folder; name a file"),
        (["--agent", "user_agents:Centre", "--out", "a", "--leaderboard", "./a"], "are the same file"),
        (["--agent", "user_agents:Centre", "--locations", "0"], "locations is 0"),
        (["--agent", "user_agents:Centre", "--interactions", "-1"], "interactions is -1"),
        (["--agent", "user_agents:Centre", "--time-budget", "0"], "time_budget is 0"),
        (["--agent", "user_agents:Centre", "--out", "no/such/folder.json"], "folder"),
        (["--agent", "mask_rcnn"], "add --run"),
        (["--agent", "superpixels", "--run", "."], "learns nothing: leave out --run"),
        (["--agent", "nobody", "--run", "."], "no agent 'nobody'"),
        (["--locations", "3"], "agent"),
    ],
)
def test_a_mistake_is_one_line(command, words: list[str], complaint: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, said = command(*words)
    assert code == 2 and complaint in said and len(said.splitlines()) == 1


def test_views_of_unknown_splits_are_refused() -> None:
    with pytest.raises(UnknownSplitError, match="NovelRooms/test"):
        benchmark_views("NovelRooms", 3)
    with pytest.raises(UnknownSplitError, match="NovelSpaces/val"):
        benchmark_views("NovelSpaces/val", 3, shipped=True)
    with pytest.raises(ValueError, match="the shipped list"):
        benchmark_views("NovelSpaces", 10**6, shipped=True)


def entry(label: str) -> dict:
    return {"label": label, "split": "s", "interaction": None, "perception": None, "failures": [1, 2]}


def test_the_leaderboard_mends_a_line_that_was_cut_short(tmp_path: Path) -> None:
    board = tmp_path / "board.jsonl"
    append_to_leaderboard(board, entry("whole"))
    with board.open("ab") as file:
        file.write(b'{"label": "cut sh')
    assert [one["label"] for one in read_leaderboard(board)] == ["whole"]
    append_to_leaderboard(board, entry("next"))
    assert [one["label"] for one in read_leaderboard(board)] == ["whole", "next"]
    assert all("failures" not in one for one in read_leaderboard(board))


def test_the_leaderboard_keeps_a_last_line_without_its_end(tmp_path: Path) -> None:
    board = tmp_path / "board.jsonl"
    append_to_leaderboard(board, entry("first"))
    append_to_leaderboard(board, entry("second"))
    board.write_bytes(board.read_bytes().rstrip())  # as an editor may leave it
    assert [one["label"] for one in read_leaderboard(board)] == ["first", "second"]
    append_to_leaderboard(board, entry("third"))
    assert [one["label"] for one in read_leaderboard(board)] == ["first", "second", "third"]


def test_a_damaged_leaderboard_names_the_line(tmp_path: Path) -> None:
    board = tmp_path / "board.jsonl"
    append_to_leaderboard(board, entry("one"))
    board.write_bytes(board.read_bytes() + b"[]\n")
    with pytest.raises(LeaderboardError, match=r"board\.jsonl line 2"):
        read_leaderboard(board)
    with pytest.raises(LeaderboardError, match="cannot be read"):
        read_leaderboard(tmp_path / "none.jsonl")
    with pytest.raises(ValueError, match="JSON"):
        append_to_leaderboard(board, entry("bad") | {"score": float("nan")})


def test_many_that_append_at_once_lose_nothing(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    board = tmp_path / "board.jsonl"
    names = [f"{number}-{'x' * 5000}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: append_to_leaderboard(board, entry(name)), names))
    assert sorted(one["label"] for one in read_leaderboard(board)) == sorted(names)


def test_the_worked_example_is_measured() -> None:
    source = AgentSource("examples.my_agent:NearestSuperpixels")
    result = benchmark_agent(source, toy_views(), interactions=2, simulator=FakeSimulator(), progress=False)
    assert result["failed_views"] == 0
    assert result["perception"]["mask_ap50"] > 0.4 and result["interaction"]["greedy_success_rate"] > 0


def test_the_worked_example_finds_what_stands_out() -> None:
    from examples.my_agent import NearestSuperpixels

    views = toy_views()
    for view, truth in zip(views.observations, views.truths, strict=True):
        found = NearestSuperpixels().propose(view)
        scores = [one.score for one in found]
        assert scores == sorted(scores, reverse=True) and all(0 <= score <= 1 for score in scores)
        assert all(one.mask is not None and one.mask[one.point] for one in found)
        best = np.stack([one.mask for one in found[:3] if one.mask is not None])
        overlaps = [(best & mask).sum((1, 2)) / (best | mask).sum((1, 2)) for mask in truth.masks]
        assert np.max(overlaps) > 0.8


def test_a_registered_agent_is_named_by_its_name(tmp_path) -> None:
    source = benchmark.BenchmarkOptions("video_pca", run=tmp_path).source()
    assert (source.name, source.run) == ("agents.video_pca.agent:VideoPCAAgent", tmp_path)
