"""Agents that come with the package: by name in Python and in every command line that takes a run."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from command_lines import complaint, exit_code
from made_up_runs import tree
from made_up_world import view, world
from network_runs import write_network_run

import agents
from agents import artefacts
from agents.artefacts import PretrainedError, is_artefact, pretrained_names, run_folder, run_name
from agents.commands.held_out import HeldOut, NetworkHeldOut
from agents.commands.options import parse_options
from agents.commands.predict import PredictCommand
from agents.commands.publish import PublishCommand
from agents.commands.run_argument import with_run_folders
from agents.query_agent.agent import QueryAgent
from agents.selfsup_agent.__main__ import EvaluateCommand, main
from agents.selfsup_agent.agent import SelfSupervisedAgent
from agents.training.checkpoint import CheckpointError, last_checkpoint
from agents.training.configuration import TrainConfig
from eval.benchmark.benchmark import BenchmarkOptions
from eval.figures.predicting import draw_location
from eval.findings import FindingsOptions
from eval.publishing.publish import publish
from eval.report.command_line import ReportOptions
from eval.speed.command_line import SpeedOptions
from eval.table.command_line import ShowOptions
from thor_interact_env.locations.splits import SPLITS

__all__ = ["world"]  # a fixture


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with two agents."""
    folder = tmp_path / "package" / "pretrained"
    for name, kind in (("zebra", "queried_masks"), ("ant", "self_supervised")):
        publish(write_network_run(tmp_path / "trained" / name, kind), folder / name)
    (folder / "__pycache__").mkdir()
    monkeypatch.setattr(artefacts, "PRETRAINED", folder)
    return folder


def test_an_agent_is_had_by_name(package):
    assert pretrained_names() == ("ant", "zebra")
    ant, zebra = agents.pretrained("ant"), agents.pretrained("zebra", device="cpu")
    assert isinstance(ant, SelfSupervisedAgent) and isinstance(zebra, QueryAgent)
    own = SelfSupervisedAgent.from_run(package / "ant")
    for mine, others in zip(own.predict(view()), ant.predict(view()), strict=True):
        assert torch.equal(mine, others)


def test_an_unknown_name_is_answered_with_those_that_exist(package, monkeypatch):
    with pytest.raises(PretrainedError, match="no pretrained agent 'ants'; choose one of ant, zebra"):
        agents.pretrained("ants")
    monkeypatch.setattr(artefacts, "PRETRAINED", package / "nowhere")
    with pytest.raises(PretrainedError, match="this installation has none"):
        agents.pretrained("ant")
    assert pretrained_names() == ()


def test_a_changed_byte_is_noticed(package):
    path = package / "ant" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="checksum differs"):
        agents.pretrained("ant")


def test_names_of_runs_and_their_folders(package, tmp_path):
    assert run_folder("pretrained:ant") == package / "ant"
    assert run_name(package / "ant") == "pretrained:ant"
    for other in ("runs/ant", "/pretrained", str(tmp_path / "trained" / "ant")):
        assert run_folder(other) == Path(other) and run_name(Path(other)) == other
    trained = tmp_path / "trained" / "ant"
    assert is_artefact(package / "ant")
    assert not is_artefact(trained) and not is_artefact(last_checkpoint(trained))


@pytest.mark.parametrize(
    ("options", "words", "field"),
    [
        (HeldOut, (), "run"),
        (NetworkHeldOut, (), "run"),
        (EvaluateCommand, (), "run"),
        (PredictCommand, ("view.npz",), "run"),
        (PublishCommand, ("--out", "x"), "run"),
        (BenchmarkOptions, ("--agent", "self_supervised", "--run"), "run"),
        (ReportOptions, ("runs/one",), "runs"),
        (FindingsOptions, ("runs/one",), "folders"),
        (ShowOptions, ("runs/one",), "folders"),
    ],
)
def test_command_lines_that_take_a_run_take_a_name(package, options, words, field):
    first = words if words[-1:] == ("--run",) or field != "run" else ()
    after = () if first else words
    parsed = parse_options(options, "program", [*first, "pretrained:zebra", *after])
    several = getattr(parsed, field)
    assert several == ((Path("runs/one"), package / "zebra") if field != "run" else package / "zebra")
    with pytest.raises(PretrainedError, match="choose one of ant, zebra"):
        parse_options(options, "program", [*first, "pretrained:bee", *after])


def test_the_measurement_of_speed_takes_a_name(package):
    assert with_run_folders(SpeedOptions(run=Path("pretrained:ant"))).run == package / "ant"


def test_other_options_are_left_alone(package):
    options = PredictCommand(Path("run"), "pretrained:ant", out=Path("pretrained:ant"))
    assert with_run_folders(options) == options
    assert with_run_folders(ReportOptions(out=Path("pretrained:no"))).out == Path("pretrained:no")


def test_predict_by_name_is_predict_by_folder(package, world, capsys):
    np.savez("view.npz", rgb=view()["rgb"], depth=view()["depth"])
    assert exit_code(main, "predict", "pretrained:ant", "view.npz", "--out", "name.png") == 0
    assert exit_code(main, "predict", package / "ant", "view.npz", "--out", "folder.png") == 0
    assert Path("name.png").read_bytes() == Path("folder.png").read_bytes()
    said = complaint(main, capsys, "predict", "pretrained:bee", "view.npz")
    assert "no pretrained agent 'bee'; choose one of ant, zebra" in said


def test_an_evaluation_leaves_the_package_as_it_is(package, world):
    before = tree(package)
    assert exit_code(main, "evaluate", "pretrained:ant", "--locations", "2") == 0
    assert tree(package) == before
    result = json.loads(Path("runs/evaluation-ant.json").read_text())
    assert result["locations"] == 2 and result["learned_in"] == ["mujoco 0123"]


def test_a_location_is_drawn_in_a_room_or_a_split():
    config = TrainConfig.from_preset("smoke")
    room = draw_location("FloorPlan26", config)
    assert room is not None and room.scene == "FloorPlan26"
    assert room == draw_location("FloorPlan26", config) != draw_location("FloorPlan26", config, seed=1)
    held_out = draw_location("NovelSpaces/test", config, seed=3)
    assert held_out is not None and held_out.scene in SPLITS["NovelSpaces/test"]
    for other in ("FloorPlan31", "view.npz", "NovelSpaces", "{}"):
        assert draw_location(other, config) is None, other
