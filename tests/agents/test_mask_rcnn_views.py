"""The views that Mask R-CNN learns from: kept in the run folder, made again, and shared between runs."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from fake_simulator import MASSES, FakeSimulator
from mask_rcnn_material import TINY, ToyCollector, collected, configuration, record

from agents.collection.collect import CollectionTask, collect_locations, location_seeds
from agents.collection.interact import InteractionSchedule
from agents.mask_rcnn.configuration import PRESETS, MaskRCNNConfig
from agents.mask_rcnn.sharing import take_over_views
from agents.mask_rcnn.training import train
from agents.mask_rcnn.views import LabelledView, ViewFolder, collection_tasks
from agents.training.presets import preset
from agents.training.run_folder import note_run
from selfsup.augmentation import Augmentation
from selfsup.memory_bank import MemoryBankError


def test_locations_are_those_of_the_self_supervised_run():
    for name in ("quick", "hour"):
        assert PRESETS[name].locations == preset(name).total_locations
    tasks = collection_tasks(MaskRCNNConfig.from_preset("quick", split="NovelObjects", seed=5))
    stage = preset("quick").stages[0]
    assert [len(task.seeds) for task in tasks] == [stage.initial_locations] + [
        stage.locations_per_episode
    ] * (stage.episodes - 1)
    assert list(tasks[2].seeds) == location_seeds(5, 0, 2, stage.locations_per_episode)
    assert all(task.truth and not task.oracles.points for task in tasks)
    recorded = collection_tasks(MaskRCNNConfig.from_preset("quick", seed=5, targets="self_supervised"))
    assert [task.seeds for task in recorded] == [task.seeds for task in tasks]
    assert all(task.oracles.points and not task.oracles.masks and not task.truth for task in recorded)
    assert not any(task.schedule.joint for task in recorded)
    # The second stage follows the first, and the last episode is cut short.
    smoke = collection_tasks(replace(configuration(), schedule=replace(TINY, locations=11)))
    assert [len(task.seeds) for task in smoke] == [4, 2, 4, 1]
    assert list(smoke[3].seeds) == location_seeds(0, 1, 1, 1)


def test_truth_is_recorded_before_anything_is_touched():
    task = CollectionTask(
        seeds=(1, 2),
        rooms=("FloorPlan1",),
        schedule=InteractionSchedule(0, 0, joint=False),
        environment={"simulator": FakeSimulator()},
        truth=True,
    )
    for found in collect_locations(task):
        assert found.attempts == 0 and found.truth is not None
        assert sorted(found.truth.masses) == sorted(MASSES)
        assert found.truth.masks.shape == (3, 300, 300)
    assert collect_locations(replace(task, truth=False))[0].truth is None


def test_views_are_kept_and_damaged_ones_made_again(tmp_path):
    config = configuration(mass=True)
    views, seeds = collected(tmp_path, config)
    assert len(views) == len(seeds) == 6
    expected = record(seeds[4], True)
    view = views.read(4)
    assert (view.rgb == expected.experience.rgb).all() and (view.masks == expected.truth.masks).all()
    assert view.labels.tolist() == [1, 3]
    plain, again = collected(tmp_path, replace(config, mass=False))
    assert again == [] and plain.read(4).labels.tolist() == [1, 1]
    for name in ("segment-000001.safetensors", "truth-000001.safetensors"):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:-1] + b"\x07")
        repaired, again = collected(tmp_path, config)
        assert again == seeds[4:]
        assert (repaired.read(4).masks == expected.truth.masks).all()
    (tmp_path / "index.json").write_text("{")
    assert collected(tmp_path, config)[1] == seeds
    with pytest.raises(MemoryBankError, match="not collected"):
        ViewFolder(tmp_path / "other", config).read(0)


def test_self_supervised_masks_are_brought_to_pixels_and_each_object_is_kept_once(tmp_path):
    views, seeds = collected(tmp_path, configuration(targets="self_supervised", loss="robust"))
    view = views.read(0)
    recorded = record(seeds[0], False).experience.masks
    assert view.masks.shape == (1, 300, 300) and view.labels.tolist() == [1]
    assert (view.masks[0, 1::3, 1::3] == recorded[0]).all()
    assert view.masks.sum() == 9 * recorded[0].sum()
    _, targets = view.tensors()
    assert targets["boxes"].tolist() == [[24, 24, 126, 165]]


def test_an_augmented_view_is_mirrored_as_a_whole(tmp_path):
    view = collected(tmp_path, configuration())[0].read(0)
    mirrored = view.augmented(Augmentation(True, False, (1, 1, 1), 0, (0, 1, 2, 3)))
    image, targets = view.tensors()
    turned, turned_targets = mirrored.tensors()
    assert torch.equal(turned, image.flip(2))
    assert torch.equal(turned_targets["masks"], targets["masks"].flip(2))
    left, top, right, bottom = targets["boxes"].unbind(1)
    assert torch.equal(turned_targets["boxes"], torch.stack([300 - right, top, 300 - left, bottom], 1))
    brighter = view.augmented(Augmentation(False, True, (1.3, 1, 1), 0, (0, 1, 2, 3)))
    assert brighter.rgb.mean() > view.rgb.mean() and (brighter.depth == view.depth).all()


@pytest.mark.parametrize(("name", "expected"), [("smoke", 0.8), ("quick", 0.0)])
def test_colours_change_as_often_as_for_the_self_supervised_learner(tmp_path, monkeypatch, name, expected):
    drawn, augmented = [], LabelledView.augmented

    def noting(view, augmentation):
        drawn.append(augmentation.jitter)
        return augmented(view, augmentation)

    monkeypatch.setattr(LabelledView, "augmented", noting)
    config = replace(configuration(), preset=name)
    train(config, tmp_path / "run", collector=ToyCollector())
    assert preset(name).jitter_probability == expected
    assert len(drawn) == config.schedule.updates * config.schedule.batch_size
    assert any(drawn) == (expected > 0)


def test_views_of_another_run_are_taken_over_if_they_are_the_same(tmp_path):
    first, second = tmp_path / "i", tmp_path / "j"
    config = configuration(targets="self_supervised")
    train(config, first, collector=ToyCollector(), stop_after=1)
    (first / "views" / ".segment-000009.safetensors.1-a.tmp").touch()  # left by a killed process
    note_run(first, kept_seconds=100.0, kept_processor_seconds=200.0)
    monitored = replace(config.schedule, evaluate_every=1)
    robust, asked = replace(config, loss="robust", schedule=monitored), ToyCollector()
    with pytest.raises(KeyboardInterrupt):  # before its first checkpoint
        train(robust, second, collector=asked, evaluate=Mock(side_effect=KeyboardInterrupt))
    train(robust, second, resume=True, collector=asked)
    assert asked.seeds == []
    assert not list(second.glob("views/.*"))
    notes = json.loads((second / "run.json").read_text())
    assert notes["training_seconds"] > 100 and notes["training_processor_seconds"] > 200
    segment = "views/segment-000000.safetensors"
    (second / segment).unlink()
    torn = ToyCollector()
    shutil.rmtree(second / "checkpoints")
    (second / "run.json").write_text(json.dumps({"starts": notes["starts"]}))
    train(robust, second, resume=True, collector=torn)
    assert torn.seeds == list(collection_tasks(config)[0].seeds)
    assert (first / segment).read_bytes() == (second / segment).read_bytes()


@pytest.mark.parametrize("change", ["seed", "targets", "world", "incomplete", "config"])
def test_other_views_are_not_taken_over(tmp_path, change):
    first, second = tmp_path / "one", tmp_path / "two"
    config = configuration()
    train(config, first, collector=ToyCollector(), stop_after=1)
    if change == "world":
        note_run(first, starts=[{"world": "of old"}])
    elif change == "incomplete":
        index = json.loads((first / "views" / "index.json").read_text())
        (first / "views" / "index.json").write_text(json.dumps(dict(list(index.items())[1:])))
    elif change == "config":
        (first / "config.json").write_text("{")
    other = {"seed": replace(config, seed=1), "targets": replace(config, targets="self_supervised")}
    asked = ToyCollector()
    train(other.get(change, config), second, collector=asked, stop_after=1)
    assert len(asked.seeds) == config.schedule.locations


def test_folders_that_may_not_be_entered_are_passed_over(tmp_path, monkeypatch):
    closed, exists = tmp_path / "closed", Path.exists
    closed.mkdir()

    def entered(path, **options):  # as a user without rights sees it; the tests may run as root
        if path.is_relative_to(closed / "views"):
            raise PermissionError(f"[Errno 13] Permission denied: '{path}'")
        return exists(path, **options)

    monkeypatch.setattr(Path, "exists", entered)
    assert take_over_views(configuration(), tmp_path / "run") is None
