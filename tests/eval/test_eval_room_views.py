"""Views of scenes on disk that belong to no split, and agents measured there."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_lines import complaint, outcome
from mjcf_scenes import ROOM, write_scene

from eval.benchmark import benchmark
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
    assert [location.scene for location in views.locations] == [ROOM] * 3 + ["FloorPlan8"] * 2
    assert views.split == "mjcf all" and len(views.truths) == 5
    again = views_of_all_rooms("mjcf", 5, seed=3, reachable_fraction=0.1, progress=False)
    assert views.locations == again.locations
    assert views.locations != views_of_all_rooms("mjcf", 5, seed=4, progress=False).locations
    for first, second in zip(views.observations, again.observations, strict=True):
        assert np.array_equal(first["rgb"], second["rgb"])
    with pytest.raises(ValueError, match="count 0"):
        views_of_all_rooms("mjcf", 0)


def test_an_agent_is_measured_on_scenes_on_disk(tmp_path, capsys):
    result, board = tmp_path / "result.json", tmp_path / "board.jsonl"
    words = ["--agent", "user_agents:Centre", "--simulator", "mjcf", "--split", "all", "--locations", "2"]
    files = ["--out", result, "--leaderboard", board]
    done = outcome(benchmark.main, capsys, *words, "--interactions", "1", *files)
    assert done.code == 0, done.err
    measured = json.loads(result.read_text())
    assert (measured["split"], measured["locations"], measured["world"]) == ("mjcf all", 2, "mjcf")
    assert measured["interaction"]["random_success_rate"] is not None
    assert "shipped" in complaint(benchmark.main, capsys, *words, "--shipped", *files)
    words[words.index("all")] = "NovelSpaces"
    assert "FloorPlan" in complaint(benchmark.main, capsys, *words, *files)


def test_forces_are_calibrated_on_scenes_on_disk(tmp_path, capsys):
    calibrate.main(["--simulator", "mjcf", "--locations", "6", "--json", str(tmp_path / "touches.json")])
    assert "| light |" in capsys.readouterr().out
    touches = json.loads((tmp_path / "touches.json").read_text())["touches"]
    assert touches and {touch["room"] for touch in touches} <= set(ROOMS)
    with pytest.raises(SystemExit):
        calibrate.main(["--simulator", "mjcf", "--rooms", "FloorPlan9"])
    assert "no room 'FloorPlan9' in mjcf" in capsys.readouterr().err
