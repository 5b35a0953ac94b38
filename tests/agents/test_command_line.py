import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
from command_lines import complaint, exit_code
from made_up_world import LOCATION, SMOKE, view, world
from pictures import read_picture

import agents.selfsup_agent.training
from agents.selfsup_agent.__main__ import main, parse_train
from agents.training.configuration import TrainConfig
from agents.training.presets import preset
from agents.training.schedule import ConfigurationError
from eval.evaluation.reporting import targets
from eval.figures.predicting import PredictionInputError, read_view
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.base import Observation

__all__ = ["world"]  # a fixture


def test_train_evaluate_and_predict(world, capsys):
    assert exit_code(main, "train", *SMOKE, "--out", "run") == 0
    printed = capsys.readouterr().out
    assert "self-supervised" in printed and "all superpixels" in printed and "untrained network" in printed
    assert "The results are in run" in printed
    result = json.loads((world / "run" / "evaluation.json").read_text())
    assert result["split"] == "NovelSpaces/test" and result["locations"] == 2
    assert set(result["rows"]) == {"self-supervised", "untrained network", "random points", "all superpixels"}
    assert result["training_success"] == {"greedy": 1.0, "random": 0.0}

    assert exit_code(main, "evaluate", "run", "--locations", "1", "--split", "NovelObjects") == 0
    assert "written to run/evaluation-NovelObjects.json" in capsys.readouterr().out
    assert json.loads((world / "run" / "evaluation.json").read_text()) == result
    result = json.loads((world / "run" / "evaluation-NovelObjects.json").read_text())
    assert result["split"] == "NovelObjects/test" and result["locations"] == 1

    written = (world / "run" / "config.json").read_text()
    config = json.loads(written)
    assert config["schedule"]["refined_instances"] is False
    assert exit_code(main, "evaluate", "run", "--locations", "1") == 0
    whole = json.loads((world / "run" / "evaluation.json").read_text())["rows"]
    config["schedule"]["refined_instances"] = True
    (world / "run" / "config.json").write_text(json.dumps(config))
    assert exit_code(main, "evaluate", "run", "--locations", "1") == 0
    rows = json.loads((world / "run" / "evaluation.json").read_text())["rows"]
    assert set(rows) == {*whole, "its instances, not refined"}
    assert rows["its instances, not refined"]["bbox_ap"] == whole["self-supervised"]["bbox_ap"]
    (world / "run" / "config.json").write_text(written)

    np.savez(world / "view.npz", rgb=view()["rgb"], depth=view()["depth"])
    words = ("predict", "run", "view.npz", "--out", "panels.png", "--overview")
    assert exit_code(main, *words, "way.png") == 0
    assert read_picture(world / "way.png").shape[1] > 3000
    assert "way.jpg must end in .png" in complaint(main, capsys, *words, "way.jpg")
    picture = read_picture(world / "panels.png")
    assert picture is not None
    assert picture.shape[1] > picture.shape[0] > 300

    assert "--resume" in complaint(main, capsys, "train", *SMOKE, "--out", "run")
    assert exit_code(main, "train", *SMOKE, "--out", "run", "--resume", "--no-final-evaluation") == 0
    assert "seed (0, not 1)" in complaint(
        main, capsys, "train", *SMOKE, "--out", "run", "--seed", "1", "--resume"
    )

    model = world / "run" / "checkpoints" / "000004" / "model.safetensors"
    model.write_bytes(model.read_bytes()[:1000])
    assert "model.safetensors" in complaint(main, capsys, "evaluate", "run")
    assert "model.safetensors" in complaint(main, capsys, "predict", "run", "view.npz")
    resuming = ("train", *SMOKE, "--out", "run", "--resume", "--no-final-evaluation")
    with pytest.warns(RuntimeWarning, match=r"model\.safetensors.*continues from 000003"):
        assert exit_code(main, *resuming) == 0
    assert exit_code(main, "evaluate", "run", "--locations", "1") == 0
    for folder in (world / "run" / "checkpoints").glob("0*"):
        (folder / "model.safetensors").write_bytes(b"")
    assert "no complete checkpoint" in complaint(main, capsys, *resuming)


def test_without_a_folder_the_run_is_named_after_what_it_is(world, monkeypatch):
    train = Mock()
    monkeypatch.setattr(agents.selfsup_agent.training, "train", train)
    assert exit_code(main, *SMOKE, "--seed", "4", "--no-final-evaluation") == 0
    ((config, run, *_),) = (call.args for call in train.call_args_list)
    assert config.seed == 4 and run == Path("runs", "smoke-NovelSpaces-seed4")


def test_interruption_says_how_to_go_on(world, monkeypatch, capsys):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(agents.selfsup_agent.training, "train", interrupted)
    assert exit_code(main, "train", *SMOKE, "--out", "run") == 130
    error = capsys.readouterr().err.strip()
    assert error.count("\n") == 0
    assert error.endswith("train --preset smoke --split NovelSpaces --seed 0 --out run --resume")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--preset", "fast"], "no preset 'fast'; choose one of smoke, quick, hour, paper"),
        (["train", "--split", "Moon"], "no split 'Moon'; choose one of NovelObjects, NovelSpaces"),
        (["train", "--simulator", "unreal"], "no simulator 'unreal'"),
        (["train", "--device", "abacus"], "device 'abacus' cannot be used"),
        (["train", "--schedule.batch-size", "100000"], "lower batch_size"),
        (["train", "--seed", "-1"], "seed is -1"),
        (["train", "--out", "a-file"], "a-file exists and is not empty"),
        (["train", "--out", "nowhere", "--resume"], "nowhere is not a folder"),
        (["evaluate", "nowhere"], "nowhere is not a folder"),
        (["evaluate", "."], "config.json does not exist"),
        (["predict", "nowhere", "view.npz"], "nowhere is not a folder"),
        (["train", "--speed", "9"], "--speed"),
        (["train", "--seed", "many"], "many"),
        (["evaluate"], "RUN"),
        (["evaluate", "nowhere", "--locations", "few"], "few"),
        (["learn"], "no command 'learn'; choose one of train, evaluate, predict"),
    ],
)
def test_wrong_words_are_one_line(world, capsys, words, message):
    (world / "a-file").write_text("something")
    assert message in complaint(main, capsys, *words)
    assert [path.name for path in world.iterdir()] == ["a-file"]


def test_help_explains_every_field(capsys):
    assert exit_code(main, "--help") == 0
    explained = capsys.readouterr().out
    for words in (
        "--resume",
        "--schedule.learning-rate",
        "--schedule.stages.0.greedy-points",
        "--workers",
        "--change-test",
        "--locations",
        "--depth",
        "Points the network chooses at a location.",
        "Seed of the weights, the locations, the touches and the batches.",
    ):
        assert words in " ".join(explained.replace("│", " ").split()), words


def test_help_does_not_wait_for_torch():
    code = (
        "import sys\n"
        "from agents.selfsup_agent.__main__ import main\n"
        "try:\n    main(['train', '--help'])\nexcept SystemExit:\n    pass\n"
        "assert 'torch' not in sys.modules and 'mujoco' not in sys.modules, 'slow'\n"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_the_module_is_the_program():
    words = [sys.executable, "-m", "agents.selfsup_agent", "evaluate", "nowhere"]
    finished = subprocess.run(words, capture_output=True, text=True, env={**os.environ}, check=False)
    assert finished.returncode == 2
    assert finished.stderr.strip() == "error: nowhere is not a folder; name a run folder, such as " + (
        "runs/quick-NovelSpaces-seed0."
    )


def test_options_override_the_preset():
    command = parse_train(
        ["--preset", "hour", "--schedule.batch-size", "8", "--schedule.stages.0.episodes", "3"]
    )
    assert command.config.preset == "hour"
    assert command.config.schedule.batch_size == 8
    assert command.config.schedule.stages[0].episodes == 3
    assert command.config.schedule.learning_rate == preset("hour").learning_rate
    with pytest.raises(ConfigurationError, match="'fast'"):
        parse_train(["--preset=fast"])


def test_targets_are_compared():
    rows = {
        "self-supervised": {"bbox_ap50": 0.2, "mask_ap50": 0.05},
        "all superpixels": {"bbox_ap50": 0.07, "mask_ap50": 0.04},
    }
    config = TrainConfig(schedule=preset("quick"))
    compared = targets(config, rows, {"greedy": 0.3, "random": 0.05})
    assert [target["reached"] for target in compared] == [True, False, True, False, True]
    assert targets(TrainConfig(schedule=preset("smoke"), preset="smoke"), rows, {}) == []


@pytest.mark.parametrize("wrapped", [False, True])
def test_locations_are_read_from_text_and_files(tmp_path, wrapped):
    value = {"thor_meta": LOCATION.to_json()} if wrapped else LOCATION.to_json()
    (tmp_path / "location.json").write_text(json.dumps(value))
    assert read_view(json.dumps(value)) == LOCATION
    assert read_view(str(tmp_path / "location.json")) == LOCATION


def test_images_are_read_from_npz_and_png(tmp_path):
    seen = view(3)
    np.savez(tmp_path / "view.npz", rgb=seen["rgb"], depth=seen["depth"].astype(np.float64))
    cv2.imwrite(str(tmp_path / "view.png"), cv2.cvtColor(seen["rgb"], cv2.COLOR_RGB2BGR))
    np.save(tmp_path / "depth.npy", seen["depth"])
    for read in (
        read_view(str(tmp_path / "view.npz")),
        read_view(str(tmp_path / "view.png"), tmp_path / "depth.npy"),
    ):
        assert not isinstance(read, Location)
        assert set(read) == set(Observation.__annotations__)
        assert np.array_equal(read["rgb"], seen["rgb"]) and np.array_equal(read["depth"], seen["depth"])


def test_other_inputs_are_refused(tmp_path):
    seen = view()
    np.savez(tmp_path / "no_depth.npz", rgb=seen["rgb"])
    np.savez(tmp_path / "small.npz", rgb=seen["rgb"][:100], depth=seen["depth"])
    np.savez(tmp_path / "holes.npz", rgb=seen["rgb"], depth=np.full((300, 300), np.nan))
    (tmp_path / "torn.npz").write_bytes((tmp_path / "small.npz").read_bytes()[:500])
    (tmp_path / "not.png").write_text("no image")
    (tmp_path / "not.json").write_text("{")
    (tmp_path / "some.txt").write_text("")
    np.save(tmp_path / "depth.npy", seen["depth"])
    for name, message in {
        "no_depth.npz": "lacks depth",
        "small.npz": r"must be uint8 \(300, 300, 3\)",
        "holes.npz": "not finite",
        "torn.npz": "cannot be read",
        "not.json": "is not JSON",
        "some.txt": r"not a \.npz, \.png or \.json",
        "nothing.png": "neither a file, a room",
    }.items():
        with pytest.raises(PredictionInputError, match=message):
            read_view(str(tmp_path / name))
    with pytest.raises(PredictionInputError, match="add --depth"):
        read_view(str(tmp_path / "not.png"))
    with pytest.raises(PredictionInputError, match="not a PNG"):
        read_view(str(tmp_path / "not.png"), tmp_path / "depth.npy")
