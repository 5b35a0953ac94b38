"""Queried masks in the training loop: what its learner, its points and its runs have of their own."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from box_simulator import BoxSimulator
from made_up_runs import CONFIG, SCHEDULE, MadeUpCollector, assert_same_run, weights_of

from agents.collection.oracles import OracleOptions
from agents.query_agent.agent import QueryAgent
from agents.query_agent.configuration import QUERY_PRESETS, QueryConfig
from agents.query_agent.inference import queried_instances
from agents.query_agent.learner import QueryLearner
from agents.query_agent.training import QueryMethod, queried_points, train
from agents.selfsup_agent.agent import SelfSupervisedAgent
from agents.selfsup_agent.clustering import INFERENCE_THRESHOLD, cell_centre
from agents.selfsup_agent.network import InteractionNet, image_batch
from agents.training.batches import Batch, views_of
from agents.training.checkpoint import CheckpointError
from agents.training.metrics import read_metrics
from agents.training.run_folder import load_config, read_config
from agents.training.schedule import ConfigurationError
from agents.training.windows import cut_views, cut_windows
from eval.table.rows import compared_row_of, configuration_of, row
from selfsup.experience import Experience
from selfsup.feedback import ForceArea
from selfsup.losses import force_loss
from selfsup.memory_bank import MemoryBank
from selfsup.targets import build_targets
from thor_interact_env.simulators.base import Instances, Observation

SIDE = 36
QUERY = QueryConfig(
    schedule=replace(SCHEDULE, window=SIDE),
    preset="smoke",
    precision="32-true",
    device="cpu",
    workers=0,
    threads=1,
)


def view(seed: int = 0) -> Observation:
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 50, (300, 300, 3), dtype=np.uint8)
    rgb[60:150, 90:180] += np.uint8(150)
    return Observation(rgb=rgb, depth=np.full((300, 300), 1.2, np.float32))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MadeUpCollector, QueryAgent]:
    run, collector = tmp_path_factory.mktemp("runs") / "whole", MadeUpCollector()
    return run, collector, train(QUERY, run, collector=collector)


def test_a_run_is_of_its_own_system_and_comes_back_as_it_was(whole: Any) -> None:
    run, _, agent = whole
    assert json.loads((run / "config.json").read_text())["system"] == "queried_masks"
    assert read_config(run, QueryConfig) == QUERY
    again = QueryAgent.from_run(run, "cpu")
    for one, other in zip(agent.propose(view()), again.propose(view()), strict=True):
        assert (one.point, one.force, one.score) == (other.point, other.force, other.score)
        assert one.mask is not None
        np.testing.assert_array_equal(one.mask, other.mask)
    with pytest.raises(CheckpointError, match="system 'queried_masks', not 'self_supervised'"):
        SelfSupervisedAgent.from_run(run / "checkpoints" / "last", "cpu")
    with pytest.raises(CheckpointError, match="system 'queried_masks', not 'self_supervised'"):
        load_config(run)


def test_metrics_name_its_losses(whole: Any) -> None:
    segmentation, joint = [row for row in read_metrics(whole[0]) if row["phase"] == "learn"][1::2]
    assert {"interaction_loss", "query_loss", "mask_iou", "interaction_iou"} <= segmentation.keys()
    assert "force_loss" in joint and "embedding_loss" not in joint


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(whole: Any, tmp_path: Path) -> None:
    run, _, _ = whole
    for stop in (1, 3, None):
        train(QUERY, tmp_path / "run", resume=stop != 1, collector=MadeUpCollector(), stop_after=stop)
    assert_same_run(run, tmp_path / "run")


def test_workers_choose_the_points_of_queried_masks(whole: Any) -> None:
    _, collector, _ = whole
    assert collector.tasks and all(task.chooser is queried_points for task in collector.tasks)
    chooser, agent = queried_points(weights_of(whole[0])), QueryAgent.from_run(whole[0], "cpu")
    maps = [part[0].numpy() for part in agent.predict(view())]
    frequencies = weights_of(whole[0])["force_frequencies"]
    assert not torch.equal(frequencies, torch.full((3,), 1 / 3))
    likely = maps[1] + frequencies.log().numpy()[:, None, None]
    for most in (1, 3):
        found = queried_instances(maps[0], likely, maps[2], maps[3], most)
        expected = [(*cell_centre(one.row, one.column), one.force) for one in found]
        assert expected and chooser(most, INFERENCE_THRESHOLD)(view()) == expected
    with pytest.raises(RuntimeError, match="query_head"):
        queried_points(InteractionNet().state_dict())


def experience(seed: int) -> Experience:
    rng = np.random.default_rng(seed)
    mask = np.zeros((1, 100, 100), bool)
    mask[0, 20:45, 30:60] = True
    rgb = rng.integers(0, 60, (300, 300, 3), dtype=np.uint8)
    rgb[mask[0].repeat(3, 0).repeat(3, 1)] += np.uint8(150)
    return Experience(
        rgb=rgb,
        depth=rng.uniform(0.5, 3, (300, 300)).astype(np.float32),
        success_points=np.array([[25, 35]], np.int16),
        masks=mask,
        forces=np.array([1], np.int8),
        feedback=np.array([0], np.int8),
        failure_points=np.array([[80, 80]], np.int16),
    )


def batch() -> Batch:
    experiences = [experience(0), experience(1)]
    targets, corners = cut_windows(build_targets(experiences), SIDE, np.random.default_rng(0))
    images = image_batch(cut_views(views_of(experiences), corners, SIDE), SIDE)
    return Batch(images, targets, None, corners)


def test_the_force_loss_has_its_factor_and_the_others_have_none() -> None:
    measures = [
        QueryLearner(replace(QUERY, force_weight=weight)).update(batch(), 0.0, joint=True).measures
        for weight in (1.0, 3.0)
    ]
    assert measures[1]["force_loss"] == pytest.approx(3 * measures[0]["force_loss"], rel=1e-5)
    for name in ("interaction_loss", "query_loss"):
        assert measures[1][name] == measures[0][name] > 0


def test_the_papers_loss_of_forces_can_be_chosen() -> None:
    learner = QueryLearner(replace(QUERY, force_loss="paper", force_weight=1.0))
    images = batch()
    found = learner.update(images, 0.0, joint=True).measures["force_loss"]
    again = QueryLearner(replace(QUERY, force_loss="paper", force_weight=1.0))
    again.choose_parts(False)
    prediction = again.forward(images.images, images.corners)
    assert found == pytest.approx(force_loss(prediction.force_logits, images.targets.force).item(), rel=1e-4)
    assert torch.equal(learner.weights()["force_frequencies"], torch.full((3,), 1 / 3))


def test_the_papers_loss_of_embeddings_counts_as_much_as_asked_for() -> None:
    measures = [
        QueryLearner(replace(QUERY, embedding_weight=weight)).update(batch(), 0.0, joint=True).measures
        for weight in (0.0, 1.0, 2.0)
    ]
    assert "embedding_loss" not in measures[0]
    assert measures[2]["embedding_loss"] == pytest.approx(2 * measures[1]["embedding_loss"], rel=1e-5)
    assert measures[1]["loss"] == pytest.approx(measures[0]["loss"] + measures[1]["embedding_loss"], rel=1e-5)


@pytest.mark.parametrize("area", ["point", "mask"])
def test_forces_are_learned_where_the_configuration_says(area: ForceArea) -> None:
    bank = MemoryBank(4)
    bank.add([experience(seed) for seed in range(4)])
    config = replace(QUERY, force_area=area, schedule=replace(SCHEDULE, window=100))
    with QueryMethod(config).batches(bank, np.random.default_rng(0), 1) as batches:
        targets = batches.take().targets
        image, mask = int(targets.mask_image[0]), targets.masks[0]
        told = (targets.force[image] != 0).any(dim=0)
        assert torch.equal(told, mask) == (area == "mask")
        assert int(told.sum()) == (int(mask.sum()) if area == "mask" else 25)


def test_its_rows_are_told_apart_by_what_is_learned_from() -> None:
    for letter in ("o", "p"):
        chosen = row(letter)
        config = configuration_of(chosen, "smoke").to_json()
        assert compared_row_of("queried_masks", json.loads(json.dumps(config))) == letter
    assert configuration_of(row("o"), "smoke") == QueryConfig.from_preset("smoke")
    assert configuration_of(row("p"), "smoke").targets == CONFIG.targets


def test_some_updates_teach_the_mask_of_what_was_touched() -> None:
    learner = QueryLearner(QUERY)
    before = {name: value.clone() for name, value in learner.weights().items()}
    first = learner.update(batch(), 2e-3, joint=True)
    for _ in range(11):
        last = learner.update(batch(), 2e-3, joint=True)
    assert last.measures["query_loss"] < 0.5 * first.measures["query_loss"]
    assert last.measures["mask_iou"] > 0.8 and last.scores.min() > 0.8
    names = [name for name, _ in learner.network.named_parameters()]
    assert all(not torch.equal(before[name], learner.weights()[name]) for name in names)


def test_with_detection_frozen_only_the_forces_learn() -> None:
    learner = QueryLearner(QUERY)
    learner.choose_parts(True)
    before = {name: value.clone() for name, value in learner.weights().items()}
    measures = learner.update(batch(), 1e-2, joint=True, frozen=True).measures
    assert "query_loss" not in measures
    changed = {name for name, value in learner.weights().items() if not torch.equal(value, before[name])}
    assert changed == {"force_head.weight", "force_head.bias", "force_frequencies"}


def test_its_presets_are_the_papers_touches_and_one_of_eight_hours() -> None:
    for name in ("smoke", "quick", "hour"):
        assert QueryConfig.from_preset(name).schedule == CONFIG.from_preset(name).schedule
    hour, day = QUERY_PRESETS["hour"], QUERY_PRESETS["day"]
    assert day.total_updates == 8 * hour.total_updates
    assert 7 < day.total_locations / hour.total_locations < 8
    with pytest.raises(ConfigurationError, match=r"no preset 'night'; choose one of .*day"):
        QueryConfig.from_preset("night")


def test_a_network_without_queries_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"network is 'released'; only"):
        QueryConfig(schedule=QUERY_PRESETS["paper"], network="released")
    with pytest.raises(ConfigurationError, match=r"force_weight is -1"):
        replace(QUERY, force_weight=-1.0)
    with pytest.raises(ConfigurationError, match=r"force_loss is 'mean'; choose one of likelihood, paper"):
        replace(QUERY, force_loss="mean")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"force_area is 'box'; choose one of point, mask"):
        replace(QUERY, force_area="box")  # type: ignore[arg-type]


@pytest.mark.parametrize("oracles", [OracleOptions(), OracleOptions(points=True)])
def test_no_ground_truth_is_asked_for_while_it_learns_and_proposes(
    oracles: OracleOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole run in the environment, whose simulator notes each question; an oracle's would be noted."""
    asked: list[int] = []
    instances = BoxSimulator.instances

    def noted(self: BoxSimulator) -> Instances:
        asked.append(1)
        return instances(self)

    monkeypatch.setattr(BoxSimulator, "instances", noted)
    monkeypatch.setattr("agents.collection.collect.make_simulator", lambda *_, **__: BoxSimulator())
    agent = train(replace(QUERY, oracles=oracles), tmp_path / "run")
    agent.propose(view())
    rows = read_metrics(tmp_path / "run")
    assert "query_loss" in rows[-1] and sum(row.get("random_success", 0) for row in rows) > 0
    assert bool(asked) == oracles.points
