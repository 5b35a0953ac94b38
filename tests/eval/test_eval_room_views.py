"""Views of scenes on disk that belong to no split, and agents measured there."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_lines import complaint, outcome
from mjcf_scenes import ROOM, write_scene

from agents.training.configuration import TrainConfig
from eval.benchmark import benchmark
from eval.benchmark.leaderboard import read_leaderboard
from eval.figures.predicting import draw_location
from eval.report.data import interaction_rows
from eval.views.room_views import views_of_all_rooms
from thor_interact_env.simulators.mjcf.simulator import VARIABLE
from thor_interact_env.simulators.mujoco import calibrate

ROOMS = (ROOM, "FloorPlan8")


@pytest.fixture(autouse=True)
def scenes(monkeypatch, tmp_path):
    for room in ROOMS:
        folder = write_scene(tmp_path / "molmospaces", room=room)
    monkeypatch.setenv(VARIABLE, json.dumps({"scenes": str(folder)}))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return folder


def test_views_are_spread_over_all_rooms_and_drawn_again():
    views = views_of_all_rooms("mjcf", 5, seed=3, reachable_fraction=0.1, progress=False)
    seen = [location.scene for location in views.locations]
    assert sorted(map(seen.count, ROOMS)) == [2, 3] and seen == sorted(seen, key=ROOMS.index)
    assert views.split == "mjcf all" and len(views.truths) == 5
    assert (views.seed, views.reachable_fraction) == (3, 0.1)
    again = views_of_all_rooms("mjcf", 5, seed=3, reachable_fraction=0.1, progress=False)
    assert views.locations == again.locations
    assert views.locations != views_of_all_rooms("mjcf", 5, seed=4, progress=False).locations
    for first, second in zip(views.observations, again.observations, strict=True):
        assert np.array_equal(first["rgb"], second["rgb"])
    with pytest.raises(ValueError, match="count 0"):
        views_of_all_rooms("mjcf", 0)


def test_rooms_at_the_end_of_the_list_are_seen_too():
    single = [views_of_all_rooms("mjcf", 1, seed, 0.1, progress=False) for seed in range(6)]
    assert {views.locations[0].scene for views in single} == set(ROOMS)


def test_an_agent_is_measured_on_scenes_on_disk(tmp_path, capsys, scenes):
    result, board = tmp_path / "result.json", tmp_path / "board.jsonl"
    words = ["--agent", "user_agents:Centre", "--simulator", "mjcf", "--split", "all", "--locations", "2"]
    files = ["--out", result, "--leaderboard", board]
    done = outcome(benchmark.main, capsys, *words, "--interactions", "1", *files)
    assert done.code == 0, done.err
    measured = json.loads(result.read_text())
    assert (measured["split"], measured["locations"], measured["world"]) == ("mjcf all", 2, "mjcf")
    assert measured["interaction"]["random_success_rate"] is not None
    assert (measured["simulator"], measured["rooms"], measured["views_seed"]) == ("mjcf", list(ROOMS), 0)
    model = next(scenes.glob("*.xml"))
    model.write_text(model.read_text() + "<!-- another scene -->")
    assert outcome(benchmark.main, capsys, *words, "--interactions", "0", *files).code == 0
    lines = read_leaderboard(board)
    assert len({line["scenes"] for line in lines}) == 2
    sources = [row["source"] for row in interaction_rows([], lines)]
    assert len(set(sources)) == 2 and all("views of seed 0, world mjcf, scenes " in text for text in sources)
    (given,) = interaction_rows([], [lines[0] | {"views_seed": None}])
    assert given["source"].startswith("leaderboard, given views, world mjcf")
    assert "shipped" in complaint(benchmark.main, capsys, *words, "--shipped", *files)
    words[words.index("all")] = "NovelSpaces"
    assert "FloorPlan" in complaint(benchmark.main, capsys, *words, *files)


def test_a_location_is_drawn_in_a_room_of_any_name(tmp_path):
    write_scene(tmp_path / "molmospaces", room="my-room")
    config = TrainConfig.from_preset("smoke", simulator="mjcf")
    place = draw_location("my-room", config)
    assert place is not None and place.scene == "my-room"
    for other in ("your-room", "folder/my-room", "my-room.json", '{"scene": "my-room"}'):
        assert draw_location(other, config) is None, other


def test_forces_are_calibrated_on_scenes_on_disk(tmp_path, capsys):
    calibrate.main(["--simulator", "mjcf", "--locations", "6", "--json", str(tmp_path / "touches.json")])
    assert "| light |" in capsys.readouterr().out
    touches = json.loads((tmp_path / "touches.json").read_text())["touches"]
    assert touches and {touch["room"] for touch in touches} <= set(ROOMS)
    with pytest.raises(SystemExit):
        calibrate.main(["--simulator", "mjcf", "--rooms", "FloorPlan9"])
    assert "no room 'FloorPlan9' in mjcf" in capsys.readouterr().err
