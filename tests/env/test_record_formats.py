"""Each format of a record, read by the reader that its users have."""

import json
from typing import Any

import gymnasium
import numpy as np
import pytest
from record_material import EPISODES, TOUCHES, agents, plan_at, save_episode

from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.locations.annotations import MASS_CLASSES, mass_class
from thor_interact_env.locations.location import Location
from thor_interact_env.record import Plan, make_record, open_record, parquet, read_episodes
from thor_interact_env.record.episodes import true_views
from thor_interact_env.record.images import pixels, png, tiff
from thor_interact_env.world import world_of


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return plan_at(tmp_path_factory.mktemp("locations"))


@pytest.fixture(scope="module")
def touches(plan, tmp_path_factory):
    folder = tmp_path_factory.mktemp("parquet") / "touches"
    make_record(plan, folder, "parquet", agents=agents, progress=False)
    return folder


@pytest.fixture(scope="module")
def episodes(touches):
    return list(read_episodes(touches))


@pytest.fixture(scope="module")
def minari_folder(plan, tmp_path_factory):
    folder = tmp_path_factory.mktemp("minari") / "touches-v0"
    make_record(plan, folder, "minari", agents=agents, progress=False)
    return folder


@pytest.fixture
def dataset(minari_folder, monkeypatch):
    minari = pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(minari_folder.parent))
    return minari.load_dataset("touches-v0")


@pytest.fixture(scope="module")
def views(plan, tmp_path_factory):
    folder = tmp_path_factory.mktemp("coco") / "views"
    make_record(plan, folder, "coco", agents=agents, progress=False)
    return folder


@pytest.fixture(scope="module")
def coco(views):
    from pycocotools.coco import COCO

    return COCO(views / "annotations.json")


@pytest.mark.parametrize("kind", ["colours", "cells", "depth"])
def test_an_image_file_has_no_loss(kind):
    rng = np.random.default_rng(0)
    image, write = {
        "colours": (rng.integers(0, 256, (300, 300, 3), np.uint8), png),
        "cells": (rng.random((100, 100)) < 0.5, png),
        "depth": (rng.random((300, 300), np.float32) * np.float32(1e-3) + 1, tiff),
    }[kind]
    read = pixels(write(image))
    assert read.dtype == image.dtype
    np.testing.assert_array_equal(read, image)


class TestParquet:
    def load(self, touches, tmp_path):
        datasets = pytest.importorskip("datasets")
        return datasets.load_dataset(str(touches), cache_dir=str(tmp_path / "cache"))

    def test_datasets_reads_every_touch_with_its_images(self, touches, episodes, tmp_path):
        loaded = self.load(touches, tmp_path)
        assert list(loaded) == ["train"] and len(loaded["train"]) == EPISODES * TOUCHES
        rows = iter(loaded["train"])
        for episode in episodes:
            for number in range(len(episode)):
                row = next(rows)
                images = {
                    "rgb_before": episode.rgb[number],
                    "depth_before": episode.depth[number],
                    "rgb_after": episode.rgb[number + 1],
                    "depth_after": episode.depth[number + 1],
                    "mask": episode.mask[number],
                    "changed": episode.changed[number],
                }
                for name, expected in images.items():
                    found = np.array(row[name])
                    assert found.dtype == expected.dtype, name
                    np.testing.assert_array_equal(found, expected, name)
                assert (row["episode"], row["touch"]) == (episode.number, number)
                action = [row[name] for name in ("row", "column", "force", "direction")]
                assert action == episode.actions[number].tolist()
                assert (row["success"], row["seed"]) == (episode.success[number], episode.seed)
                position = (row["x"], row["y"], row["z"])
                place = Location(row["scene"], position, row["rotation"], row["horizon"], row["spawn_seed"])
                assert place == episode.location
                assert (row["agent"], row["world"]) == ("pushes", world_of("mujoco"))

    def test_large_records_have_several_files(self, plan, touches, episodes, tmp_path, monkeypatch):
        monkeypatch.setattr(parquet, "SHARD_BYTES", 1)
        make_record(plan, tmp_path / "touches", agents=agents, progress=False)
        names = [path.name for path in sorted((tmp_path / "touches" / "data").iterdir())]
        assert names == [f"train-{number:05d}-of-{EPISODES:05d}.parquet" for number in range(EPISODES)]
        for one, other in zip(read_episodes(tmp_path / "touches"), episodes, strict=True):
            np.testing.assert_array_equal(one.rgb, other.rgb)
        assert len(self.load(tmp_path / "touches", tmp_path)["train"]) == EPISODES * TOUCHES

    def test_equal_views_take_space_once(self, tmp_path, episodes):
        """Touches that move nothing are the most frequent ones."""
        sizes = []
        for count in (1, 40):
            plan = Plan(episodes=1, touches=count, seed=1, locations="NovelSpaces/val")
            make_record(plan, tmp_path / str(count), progress=False)
            (path,) = (tmp_path / str(count) / "data").iterdir()
            (episode,) = read_episodes(tmp_path / str(count))
            views = {view.tobytes() for view in episode.rgb}
            sizes.append(path.stat().st_size / len(views))
        assert len(episode) == 40 and len(views) < 20, "most touches of this test move nothing"
        assert sizes[1] < 2 * sizes[0]


class TestMinari:
    def test_minari_reads_what_was_recorded(self, dataset, episodes):
        assert (dataset.total_episodes, dataset.total_steps) == (EPISODES, EPISODES * TOUCHES)
        for read, episode in zip(dataset, episodes, strict=True):
            for name in ("rgb", "depth"):
                np.testing.assert_array_equal(read.observations[name], getattr(episode, name))
            np.testing.assert_array_equal(read.actions, episode.actions)
            np.testing.assert_array_equal(read.rewards, episode.success.astype(float))
            assert read.truncations.tolist() == [False] * (TOUCHES - 1) + [True]
            assert not read.terminations.any()
            for name in ("mask", "changed", "success"):
                recorded = getattr(episode, name)
                np.testing.assert_array_equal(read.infos[name][1:], recorded)
                assert not read.infos[name][0].any() and read.infos[name].dtype == np.bool_

    def test_the_recovered_environment_replays_bit_for_bit(self, dataset):
        env = dataset.recover_environment()
        assert isinstance(env, gymnasium.Env)
        about = dataset.storage.get_episode_metadata(range(len(dataset)))
        for read, known in zip(dataset, about, strict=True):
            found: list[Any] = [env.reset(seed=known["seed"], options=known.get("options"))]
            found += [env.step(action) for action in read.actions]
            for number, result in enumerate(found):
                for name, value in result[0].items():
                    np.testing.assert_array_equal(value, read.observations[name][number])
                for name, value in result[-1].items():
                    np.testing.assert_array_equal(value, read.infos[name][number])
            assert [step[1] for step in found[1:]] == read.rewards.tolist()
            assert [step[3] for step in found[1:]] == read.truncations.tolist()
        env.close()

    def test_episodes_state_their_location_and_world(self, dataset, episodes):
        about = dataset.storage.get_episode_metadata(range(len(dataset)))
        for known, episode in zip(about, episodes, strict=True):
            assert Location.from_json(json.loads(known["location"])) == episode.location
            assert (known["world"], known["agent"]) == (world_of("mujoco"), "pushes")
            assert known["rewards_sum"] == episode.success.sum()

    def test_saved_episodes_of_different_length_are_replayed(self, tmp_path, monkeypatch):
        minari = pytest.importorskip("minari")
        save_episode(tmp_path / "a.json", 3, 1)
        save_episode(tmp_path / "b.json", 4, 2)
        plan = Plan(saved=(tmp_path / "a.json", tmp_path / "b.json"))
        make_record(plan, tmp_path / "mine-v1", "minari", progress=False)
        monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
        dataset = minari.load_dataset("mine-v1")
        assert [len(one) for one in dataset] == [1, 2]
        assert dataset.spec.env_spec.kwargs == {"interactions": 2}

    def test_the_users_own_folder_of_datasets_is_not_touched(self, plan, tmp_path, monkeypatch):
        monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "mine"))
        make_record(plan, tmp_path / "touches-v0", "minari", agents=agents, progress=False)
        assert [path.name for path in tmp_path.iterdir() if path.suffix != ".json"] == ["touches-v0"]
        open_record(tmp_path / "touches-v0")


class TestCoco:
    def expected(self, plan):
        """Return the views of the plan with their truth, from the environment itself."""
        for start in plan.starts():
            env = ThorInteractEnv(**plan.environment(start))
            yield from true_views(env, start, agents("pushes"), plan.touches)
            env.close()

    def test_pycocotools_reads_views_and_true_masks(self, views, coco, plan, episodes):
        expected = list(self.expected(plan))
        assert sorted(coco.imgs) == list(range(1, len(expected) + 1))
        annotations = 0
        for image_id, (touched, rgb, truth) in enumerate(expected, 1):
            image = coco.imgs[image_id]
            np.testing.assert_array_equal(pixels((views / image["file_name"]).read_bytes()), rgb)
            assert (image["height"], image["width"], image["touches"]) == (300, 300, touched)
            assert Location.from_json(image["thor_meta"]) == episodes[image["episode"]].location
            np.testing.assert_array_equal(rgb, episodes[image["episode"]].rgb[touched])
            items = coco.loadAnns(coco.getAnnIds(imgIds=image_id))
            assert len(items) == len(truth) > 0
            annotations += len(items)
            for item, mask, mass, kind in zip(items, truth.masks, truth.masses, truth.types, strict=True):
                np.testing.assert_array_equal(coco.annToMask(item).astype(bool), mask)
                rows, columns = np.nonzero(mask)
                box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
                assert item["bbox"] == box and item["area"] == mask.sum() and item["iscrowd"] == 0
                name = coco.loadCats(item["category_id"])[0]["name"]
                assert name == MASS_CLASSES[mass_class(mass)]
                assert (item["gt_mass"], item["object_type"]) == (mass, kind)
        assert sorted(coco.anns) == list(range(1, annotations + 1))

    def test_views_that_did_not_change_are_there_once(self, coco, episodes):
        changes = sum((one.rgb[1:] != one.rgb[:-1]).any(axis=(1, 2, 3)).sum() for one in episodes)
        assert 0 < changes < EPISODES * TOUCHES and len(coco.imgs) == EPISODES + changes

    def test_categories_are_the_mass_classes_from_1(self, coco):
        categories = [(one["id"], one["name"]) for one in coco.loadCats(coco.getCatIds())]
        assert categories == [(1, "light"), (2, "medium"), (3, "heavy")]

    def test_true_masks_score_1_in_cocos_evaluation(self, coco):
        from pycocotools.cocoeval import COCOeval

        found = [{**item, "score": 1.0} for item in coco.anns.values()]
        for kind in ("segm", "bbox"):
            evaluation = COCOeval(coco, coco.loadRes(found), kind)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
            assert evaluation.stats[0] == pytest.approx(1.0)

    def test_first_views_alone_need_no_touch(self, tmp_path):
        plan = plan_at(tmp_path, touches=0)
        record = make_record(plan, tmp_path / "views", "coco", agents=agents, progress=False)
        images = json.loads((tmp_path / "views" / "annotations.json").read_text())["images"]
        assert record.items == EPISODES == len(images) and {one["touches"] for one in images} == {0}


def test_touches_state_nothing_of_the_ground_truth(touches):
    """Only views for detectors do: an agent learns from touches alone."""
    import pyarrow.parquet

    (path,) = (touches / "data").iterdir()
    names = pyarrow.parquet.read_schema(path).names
    assert not [name for name in names if "mass" in name or "type" in name or "object" in name]
