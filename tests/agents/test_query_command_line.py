"""The command line of queried masks: train, evaluate and predict, in a world of one made-up view."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_lines import complaint, exit_code
from made_up_world import SMOKE, view, world

from agents.query_agent.__main__ import BASELINE
from agents.query_agent.configuration import QueryConfig
from agents.selfsup_agent.__main__ import main as paper
from agents.training.run_folder import read_config

__all__ = ["world"]  # a fixture

main = BASELINE.main
TRAIN = ("train", *SMOKE)


def test_train_evaluate_and_predict(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(main, *TRAIN, "--seed", "3", "--force-weight", "2") == 0
    run = Path("runs/smoke-queried-masks-NovelSpaces-seed3")
    assert f"The results are in {run}" in capsys.readouterr().out
    config = read_config(run, QueryConfig)
    assert (config.seed, config.force_weight, config.schedule.window) == (3, 2.0, 48)
    rows = json.loads((run / "evaluation.json").read_text())["rows"]
    assert set(rows) == {"queried masks", "untrained network", "random points", "all superpixels"}

    assert exit_code(main, "evaluate", run, "--locations", "3", "--split", "NovelObjects") == 0
    result = json.loads((run / "evaluation-NovelObjects.json").read_text())
    assert (result["split"], result["locations"]) == ("NovelObjects/test", 3)
    assert json.loads((run / "evaluation.json").read_text())["rows"] == rows

    random = [BASELINE.agents(run, "cpu", seed)["random points"] for seed in (0, 0, 7)]
    first, again, other = ([one.point for one in each.propose(view())] for each in random)
    assert first == again != other

    np.savez("view.npz", rgb=view()["rgb"], depth=view()["depth"])
    words = ("predict", run, "view.npz", "--out", "panels.png", "--overview", "way.png")
    assert exit_code(main, *words) == 0
    ours = cv2.imread("way.png")
    assert cv2.imread("panels.png") is not None and ours is not None
    # The paper's command draws the run of any interaction network, too.
    Path("way.png").unlink()
    assert exit_code(paper, *words) == 0
    np.testing.assert_array_equal(cv2.imread("way.png"), ours)

    assert "--resume" in complaint(main, capsys, *TRAIN, "--out", run)
    assert exit_code(main, *TRAIN, "--out", run, "--resume", "--no-final-evaluation") == 0


def test_mistakes_are_one_line(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no preset 'night'; choose one of smoke" in complaint(main, capsys, "train", "--preset", "night")
    said = complaint(main, capsys, "train", *SMOKE, "--network", "released", "--schedule.window", "100")
    assert "has a query head" in said
    assert "there is no command 'import-released'" in complaint(main, capsys, "import-released", "x")
    (world / "run").mkdir()
    (world / "run" / "config.json").write_text("[]")
    assert "is not a run's configuration" in complaint(main, capsys, "predict", "run", "view.npz")


def test_a_run_of_another_learner_is_named(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(paper, *TRAIN, "--out", "paper", "--no-final-evaluation") == 0
    said = complaint(main, capsys, "evaluate", "paper")
    assert "system 'self_supervised', not 'queried_masks'" in said


def test_a_baseline_without_a_network_is_not_drawn(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "run").mkdir()
    (world / "run" / "config.json").write_text('{"system": "nobody"}')
    np.savez("view.npz", rgb=view()["rgb"], depth=view()["depth"])
    assert "There is no agent 'nobody'" in complaint(main, capsys, "predict", "run", "view.npz")
