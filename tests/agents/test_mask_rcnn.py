import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from command_lines import complaint
from hypothesis import given
from hypothesis import strategies as st
from mask_rcnn_material import TINY, ToyCollector, configuration, record

from agents.base import Agent
from agents.mask_rcnn.__main__ import BASELINE, default_run_folder
from agents.mask_rcnn.agent import MaskRCNNAgent, innermost_pixel
from agents.mask_rcnn.configuration import PRESETS, MaskRCNNConfig, MaskRCNNSchedule, mask_rcnn_preset
from agents.mask_rcnn.network import build_mask_rcnn, mask_loss
from agents.mask_rcnn.training import train
from agents.mask_rcnn.views import distinct, mask_boxes
from agents.training.checkpoint import CheckpointError, last_checkpoint, load_checkpoint
from agents.training.metrics import TIMINGS, read_metrics
from agents.training.run_folder import RunExistsError, load_config, read_config
from agents.training.schedule import ConfigurationError
from thor_interact_env.simulators.base import Observation


def test_a_configuration_survives_its_file_and_names_its_system(tmp_path):
    config = configuration(split="NovelObjects", seed=3, mass=True)
    values = json.loads(json.dumps(config.to_json()))
    assert values["system"] == "mask_rcnn"
    assert MaskRCNNConfig.from_json(values) == config
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert read_config(tmp_path, MaskRCNNConfig) == config
    with pytest.raises(CheckpointError, match=r"config\.json"):
        load_config(tmp_path)  # not a run of the self-supervised learner
    with pytest.raises(ConfigurationError, match="system 'ppo'"):
        MaskRCNNConfig.from_json(values | {"system": "ppo"})
    with pytest.raises(ConfigurationError, match="surplus"):
        MaskRCNNConfig.from_json(values | {"surplus": 1})
    assert config.difference(replace(config, workers=2)) is None
    assert config.digest() == replace(config, workers=2).digest() != replace(config, seed=4).digest()
    assert config.difference(replace(config, seed=4)) == "seed (3, not 4)"
    other = replace(config, schedule=replace(TINY, batch_size=1))
    assert config.difference(other) == "schedule.batch_size (2, not 1)"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mass": True, "targets": "self_supervised"}, "no mass class"),
        ({"targets": "guessed"}, "'guessed'; choose one of truth, self_supervised"),
        ({"loss": "hinge"}, "'hinge'; choose one of pixel, robust"),
        ({"seed": -1}, "seed is -1"),
        ({"schedule": replace(TINY, locations=13)}, "visits 12, and no more may be used"),
    ],
)
def test_configurations_that_make_no_sense(values, message):
    with pytest.raises(ConfigurationError, match=message):
        replace(configuration(), **values)


@pytest.mark.parametrize(
    ("name", "value"), [("channels", 12), ("batch_size", 7), ("milestones", (3, 2)), ("updates", 0)]
)
def test_schedules_that_make_no_sense(name, value):
    with pytest.raises(ConfigurationError, match=name):
        replace(TINY, **{name: value})


def test_the_rate_rises_and_falls():
    schedule = replace(TINY, updates=10, learning_rate=1.0, warmup_updates=3, milestones=(6, 8))
    rates = [schedule.rate(update) for update in range(10)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])
    paper = PRESETS["paper"]
    assert (paper.optimizer, paper.learning_rate, paper.milestones, paper.updates) == (
        "sgd", 2e-3, (60_000, 80_000), 90_000,
    )  # fmt: skip


@given(fraction=st.floats(0.1, 2))
def test_a_shortened_schedule_has_its_rates_as_far_along(fraction):
    whole = PRESETS["paper"]
    shortened = MaskRCNNConfig.from_preset("paper", updates_fraction=fraction).schedule
    assert shortened.updates == round(fraction * whole.updates)
    for part in (0.005, 0.5, 0.66, 0.67, 0.88, 0.89, 0.999):  # no milestone is within a rounding of these
        rate = shortened.rate(round(part * shortened.updates))
        assert rate == pytest.approx(whole.rate(round(part * whole.updates)), rel=0.02)
    unchanged = {name: getattr(whole, name) for name in ("updates", "warmup_updates", "milestones")}
    assert replace(shortened, **unchanged) == whole


def test_schedules_are_not_shortened_to_nothing():
    assert PRESETS["smoke"].shortened(0.01).updates == 1
    with pytest.raises(ConfigurationError, match=r"fraction of the updates is 0; it must be above 0"):
        PRESETS["quick"].shortened(0)


def test_boxes_and_points_of_masks():
    masks = np.zeros((2, 20, 30), bool)
    masks[0, 3, 7] = masks[1, :, 25:] = True
    assert mask_boxes(masks).tolist() == [[7, 3, 8, 4], [25, 0, 30, 20]]
    assert mask_boxes(masks[:0]).shape == (0, 4)
    assert innermost_pixel(masks[0]) == (3, 7)
    row, column = innermost_pixel(masks[1])
    assert column == 27 and 2 <= row <= 17
    overlapping = np.zeros((3, 10, 10), bool)
    overlapping[0, :5], overlapping[1, :4], overlapping[2, 6:] = True, True, True
    assert (distinct(overlapping) == overlapping[[0, 2]]).all()
    assert len(distinct(overlapping[:0])) == 0


def test_the_loss_of_masks():
    logits = torch.zeros(1, 4, 4)
    logits[:, :2] = 3.0
    target = torch.zeros(1, 4, 4)
    target[:, 0], target[:, 1] = 1.0, 0.6
    pixel = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
    assert mask_loss(logits, target, "pixel").item() == pytest.approx(pixel.item())
    # Its own prediction is good enough: the robust loss asks for nothing else.
    own = torch.nn.functional.binary_cross_entropy_with_logits(logits, (logits > 0).float())
    assert mask_loss(logits, target, "robust").item() == pytest.approx(own.item())
    assert mask_loss(logits[:0], target[:0], "robust") == 0


def test_views_without_objects_teach_too():
    torch.manual_seed(0)
    network = build_mask_rcnn(configuration(loss="robust")).train()
    nothing = {
        "boxes": torch.zeros(0, 4),
        "labels": torch.zeros(0, dtype=torch.int64),
        "masks": torch.zeros(0, 300, 300, dtype=torch.uint8),
    }
    losses = network([torch.rand(4, 300, 300) for _ in range(2)], [nothing, nothing])
    sum(losses.values()).backward()
    assert all(torch.isfinite(loss) for loss in losses.values())
    assert losses["loss_mask"] == 0 and losses["loss_classifier"] > 0
    # Without an optimizer state for each weight, a resumed run would differ.
    assert all(weight.grad is not None for weight in network.parameters())


def test_boxes_are_not_rounded_in_half_precision(tmp_path):
    """A row of pixels at the lower edge: in bf16, rows 299 and 300 are one."""

    class EdgeCollector(ToyCollector):
        def submit(self, task):
            (future := super().submit(task)).result()[0].truth.masks[1] = np.arange(300)[:, None] == 299
            return future

    train(configuration("bf16-mixed"), tmp_path / "run", collector=EdgeCollector())
    losses = [row["loss"] for row in read_metrics(tmp_path / "run") if "loss" in row]
    assert losses and np.isfinite(losses).all()


@pytest.mark.parametrize("targets", ["truth", "self_supervised"])
def test_a_resumed_run_is_the_run_that_was_not_stopped(tmp_path, targets):
    values = {"targets": targets, "loss": "pixel" if targets == "truth" else "robust"}
    config = configuration(mass=targets == "truth", **values)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    asked = []

    def evaluate(agent):
        asked.append(agent)
        return {"mask_ap": 0.5}

    agent = train(config, whole, evaluate=evaluate, collector=ToyCollector())
    assert len(asked) == 1  # after the second of two episodes
    train(config, parts, collector=ToyCollector(), stop_after=1)
    (parts / "checkpoints" / "last").unlink()  # as what copies a run without links leaves it
    first = (parts / "checkpoints" / "000001" / "state.json").stat().st_ino
    with pytest.raises(RunExistsError):
        train(config, parts, collector=ToyCollector())
    again = ToyCollector()
    train(config, parts, resume=True, evaluate=evaluate, collector=again)
    assert again.seeds == []  # the views are there
    assert (parts / "checkpoints" / "000001" / "state.json").stat().st_ino == first  # it was not made again
    states = [load_checkpoint(last_checkpoint(run)) for run in (whole, parts)]
    assert all(torch.equal(states[0].model[name], states[1].model[name]) for name in states[0].model)
    assert all(
        torch.equal(states[0].optimizer[name], states[1].optimizer[name]) for name in states[0].optimizer
    )
    rows = [
        [{name: row[name] for name in row if name not in TIMINGS} for row in read_metrics(run)]
        for run in (whole, parts)
    ]
    assert rows[0] == rows[1]
    assert [row["phase"] for row in rows[0]] == ["collect", "learn", "learn"]
    # A run that lacks its checkpoints does not start anew.
    shutil.rmtree(whole / "checkpoints")
    with pytest.raises(CheckpointError, match="is incomplete"):
        train(config, whole, resume=True, collector=ToyCollector())
    assert read_metrics(whole) and not (whole / "checkpoints").exists()
    # Killed when all was collected and nothing learned: what was collected is told all the same.
    notes = json.loads((whole / "run.json").read_text())
    (whole / "run.json").write_text(json.dumps({"starts": notes["starts"]}))
    nobody = ToyCollector()
    train(config, whole, resume=True, evaluate=evaluate, collector=nobody)
    told = [{name: row[name] for name in row if name not in TIMINGS} for row in read_metrics(whole)]
    assert nobody.seeds == [] and told == rows[1]
    assert rows[0][2]["held_out/mask_ap"] == 0.5

    seen = record(9, True).experience
    observation = Observation(rgb=seen.rgb, depth=seen.depth)
    restored = MaskRCNNAgent.from_run(parts, "cpu")
    assert isinstance(restored, Agent)
    for one, other in zip(agent.propose(observation), restored.propose(observation), strict=True):
        assert one.score == other.score
        assert one.mask is not None and other.mask is not None and np.array_equal(one.mask, other.mask)
    with pytest.raises(ConfigurationError, match="seed"):
        train(replace(config, seed=1), parts, resume=True, collector=ToyCollector())


@pytest.mark.parametrize("mass", [False, True])
def test_proposals_are_well_formed(mass):
    torch.manual_seed(0)
    agent = MaskRCNNAgent(build_mask_rcnn(configuration(mass=mass)), "fp32")
    found = agent.propose(
        Observation(rgb=record(1, True).experience.rgb, depth=np.full((300, 300), 1.5, np.float32))
    )
    assert 1 <= len(found) <= 32
    assert [instance.score for instance in found] == sorted((each.score for each in found), reverse=True)
    for instance in found:
        assert instance.mask is not None
        assert instance.mask.shape == (300, 300) and instance.mask.dtype == np.bool_
        assert instance.mask[instance.point]
        assert 0 <= instance.score <= 1 and instance.force in ((0, 1, 2) if mass else (0,))


def refusal(capsys, *words):
    return complaint(BASELINE.main, capsys, *words)


def test_mistakes_on_the_command_line_are_one_line(tmp_path, capsys):
    assert "there is no command 'predict'" in refusal(capsys, "predict")
    assert "no preset 'slow'" in refusal(capsys, "train", "--preset", "slow")
    assert "no mass class" in complaint(
        BASELINE.main, capsys, "train", "--mass", "--targets", "self_supervised"
    )
    assert "not a folder" in refusal(capsys, "evaluate", str(tmp_path / "nowhere"))
    (tmp_path / "something").touch()
    assert "not empty" in complaint(
        BASELINE.main, capsys, "train", "--preset", "smoke", "--out", str(tmp_path)
    )


def test_options_override_the_preset_and_a_run_to_go_on_with_overrides_both(tmp_path):
    command = BASELINE.parse_train(["--preset", "smoke", "--schedule.batch-size", "3", "--mass"])
    assert command.config.schedule == replace(mask_rcnn_preset("smoke"), batch_size=3)
    assert str(default_run_folder(command.config)) == "runs/smoke-mask-rcnn-mass-NovelSpaces-seed0"
    config = configuration(seed=7, targets="self_supervised", loss="robust")
    assert default_run_folder(config).name == "smoke-mask-rcnn-self-supervised-robust-NovelSpaces-seed7"
    (tmp_path / "config.json").write_text(json.dumps(config.to_json()))
    assert BASELINE.parse_train(["--out", str(tmp_path), "--resume"]).config == config
    assert isinstance(command.config.schedule, MaskRCNNSchedule)


def test_help_loads_neither_torch_nor_torchvision():
    code = (
        "import sys, contextlib, agents.mask_rcnn, agents.mask_rcnn.__main__ as line\n"
        "with contextlib.suppress(SystemExit): line.BASELINE.parse_train(['--help'])\n"
        "assert not {'torch', 'torchvision'} & set(sys.modules), 'loaded'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--schedule.learning-rate" in done.stdout
