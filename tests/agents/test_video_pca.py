"""The VideoPCA agent: configuration, training in a toy world, resumption, proposals, command line."""

import json
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest
import torch
from command_lines import complaint, exit_code
from fake_simulator import FakeSimulator

import eval.evaluation.reporting
from agents.base import Agent
from agents.collection.collect import CollectionTask, collect_locations
from agents.collection.oracles import MAX_ADDED_POINTS
from agents.training.checkpoint import CheckpointError, last_checkpoint, load_checkpoint
from agents.training.metrics import TIMINGS, read_metrics
from agents.training.run_folder import RunExistsError, note_run, read_config
from agents.training.schedule import ConfigurationError
from agents.video_pca.__main__ import BASELINE
from agents.video_pca.agent import VideoPCAAgent, instances_of
from agents.video_pca.configuration import VideoPCAConfig
from agents.video_pca.training import train
from agents.video_pca.videos import Videos
from eval.views.evaluation_set import EvaluationSet
from thor_interact_env.locations.location import Location

CONFIG = VideoPCAConfig(preset="smoke", precision="32-true", device="cpu", threads=1, workers=0)


class ToyCollector:
    """Visits the locations of a task in the toy world, at once."""

    def __init__(self, most=1000):
        self.visited, self.most, self.closed = 0, most, False

    def submit(self, task: CollectionTask):
        if self.visited >= self.most:
            raise KeyboardInterrupt
        self.visited += len(task.seeds)
        future: Future = Future()
        environment = {**task.environment, "simulator": FakeSimulator()}
        future.set_result(collect_locations(replace(task, environment=environment)))
        return future

    def close(self):
        self.closed = True


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "whole"
    collector = ToyCollector()
    agent = train(CONFIG, run, collector=collector)
    return run, collector, agent


def a_view():
    return FakeSimulator().load(Location("FloorPlan1", (0.25, 0.9009992, 0.5), 0.0, 0.0, 3))


def measured(run):
    return [{name: value for name, value in row.items() if name not in TIMINGS} for row in read_metrics(run)]


def assert_same_weights(run, other):
    mine, others = (load_checkpoint(last_checkpoint(each)).model for each in (run, other))
    assert mine.keys() == others.keys()
    assert all(torch.equal(tensor, others[name]) for name, tensor in mine.items())


def test_a_run_follows_the_schedule_of_the_self_supervised_agent(trained):
    run, collector, _ = trained
    stage = CONFIG.schedule.stages[0]
    assert collector.visited == stage.total_locations and collector.closed
    rows = read_metrics(run)
    assert [row["episode"] for row in rows] == list(range(stage.episodes + 1))
    assert rows[-1]["updates"] == stage.total_updates
    assert rows[0]["locations"] == stage.total_locations
    assert rows[0]["touches"] > 0 and rows[0]["moved_fraction"] > 0.8
    assert all(np.isfinite(row["loss"]) for row in rows[1:])
    assert json.loads((run / "config.json").read_text())["system"] == "video_pca"
    assert json.loads((run / "run.json").read_text())["training_seconds"] > 0
    assert not [path for path in run.rglob("*") if path.name.endswith(".tmp")]


def test_the_agent_comes_back_from_its_run(trained):
    run, _, agent = trained
    again = VideoPCAAgent.from_run(run, "cpu")
    assert isinstance(again, Agent)
    view = a_view()
    soft = again.soft_map(view)
    assert soft.shape == (100, 100) and 0 <= soft.min() <= soft.max() <= 1
    assert np.array_equal(soft, agent.soft_map(view))
    again.threshold = float(np.median(soft))
    found = again.propose(view)
    assert found
    masks = [instance.mask for instance in found if instance.mask is not None]
    assert np.sum(masks, axis=0).max() == 1
    for instance, mask in zip(found, masks, strict=True):
        assert mask[instance.point] and instance.force == 1
    assert [instance.score for instance in found] == sorted((each.score for each in found), reverse=True)


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(trained, tmp_path):
    run = tmp_path / "interrupted"
    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, run, collector=ToyCollector(most=4))
    note_run(run, kept_seconds=1000.0)  # as if the part before had taken as long
    train(CONFIG, run, resume=True, collector=ToyCollector(), stop_after=1)
    (run / "checkpoints" / "last").unlink()  # as what copies a run without links leaves it
    (run / "checkpoints").rename(tmp_path / "checkpoints")
    metrics = read_metrics(run)
    with pytest.raises(CheckpointError, match="is incomplete"):
        train(CONFIG, run, resume=True, collector=ToyCollector())
    assert read_metrics(run) == metrics
    (tmp_path / "checkpoints").rename(run / "checkpoints")
    first = (run / "checkpoints" / "000001" / "state.json").stat().st_ino
    rest = ToyCollector()
    train(CONFIG, run, resume=True, collector=rest)
    assert rest.visited == 0
    assert (run / "checkpoints" / "000001" / "state.json").stat().st_ino == first  # it was not made again
    assert json.loads((run / "run.json").read_text())["training_seconds"] > 1000
    assert_same_weights(run, trained[0])
    assert measured(run) == measured(trained[0])


class LastFirst:
    """Two workers, one of which is done with each task only when others are submitted after it."""

    def __init__(self):
        self.toy, self.late = ToyCollector(), []

    def close(self):
        self.toy.close()

    def submit(self, task):
        future: Future = Future()
        self.late.append((future, task))
        if len(self.late) == 2:
            for waiting, what in reversed(self.late):
                waiting.set_result(self.toy.submit(what).result())
            self.late = []
        return future


def test_locations_are_written_as_soon_as_they_are_visited(tmp_path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / ".videos.1-a.tmp").touch()  # left by a killed process
    one_by_one, together = Videos(CONFIG, tmp_path), Videos(CONFIG, tmp_path / "together")
    collector, written = ToyCollector(), 0
    left = len(one_by_one.missing())
    for count in one_by_one.collect(collector):
        written, left = written + count, left - 1
        assert collector.visited == written  # none before the one before it was written
        assert len(one_by_one.missing()) == left
    assert left == 0
    counts = list(together.collect(LastFirst()))
    assert sum(counts) == len(one_by_one)
    everywhere = range(len(one_by_one))
    for mine, others in zip(one_by_one.read(everywhere), together.read(everywhere), strict=True):
        assert np.array_equal(mine.rgb, others.rgb) and np.array_equal(mine.soft, others.soft)
    assert not list((tmp_path / "videos").glob(".*"))


def test_whole_files_stay_and_damaged_ones_are_made_again(tmp_path):
    videos = Videos(CONFIG, tmp_path)
    list(videos.collect(ToyCollector()))
    assert videos.missing() == []
    expected = videos.read(range(len(videos)))
    paths = sorted((tmp_path / "videos").iterdir())
    paths[0].write_bytes(paths[0].read_bytes()[:1000])
    assert videos.missing() == [0]
    again = ToyCollector()
    list(videos.collect(again))
    assert again.visited == CONFIG.schedule.locations_per_room
    for mine, other in zip(expected, videos.read(range(len(videos))), strict=True):
        assert np.array_equal(mine.soft, other.soft) and np.array_equal(mine.rgb, other.rgb)
        assert np.array_equal(mine.depth, other.depth) and mine.moved == other.moved
    assert max(record.soft.max() for record in expected) > 100


def test_random_points_need_no_ground_truth(tmp_path, monkeypatch):
    def forbidden(self):
        raise AssertionError("ground truth was asked for")

    monkeypatch.setattr(FakeSimulator, "instances", forbidden)
    videos = Videos(replace(CONFIG, oracle_points=0, random_points=3), tmp_path)
    list(videos.collect(ToyCollector()))
    assert videos.summary()["touches"] == 3 * len(videos)
    assert 0 <= videos.summary()["moved_fraction"] < 1


def test_folders_and_configurations_are_checked(trained, tmp_path):
    run = trained[0]
    with pytest.raises(RunExistsError, match="resume"):
        train(CONFIG, run, collector=ToyCollector())
    with pytest.raises(ConfigurationError, match="another seed"):
        train(replace(CONFIG, seed=5), run, resume=True, collector=ToyCollector())
    with pytest.raises(CheckpointError, match="is not a folder"):
        train(CONFIG, tmp_path / "nothing", resume=True, collector=ToyCollector())
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG.to_json(), "system": "mask_rcnn"}))
    with pytest.raises(CheckpointError, match="mask_rcnn"):
        VideoPCAAgent.from_run(tmp_path)
    assert read_config(last_checkpoint(run), VideoPCAConfig) == CONFIG


def test_configuration_round_trip():
    assert VideoPCAConfig.from_json(json.loads(json.dumps(CONFIG.to_json()))) == CONFIG
    assert replace(CONFIG, workers=3).digest() == CONFIG.digest()
    assert replace(CONFIG, threshold=0.4).digest() != CONFIG.digest()


def test_the_paper_touches_all_objects():
    assert VideoPCAConfig.from_preset("paper").oracle_points == MAX_ADDED_POINTS
    assert VideoPCAConfig.from_preset("paper", oracle_points=3).oracle_points == 3
    assert VideoPCAConfig.from_preset("quick") == VideoPCAConfig(preset="quick")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"preset": "huge"}, "huge"),
        ({"seed": -1}, "-1"),
        ({"oracle_points": 0}, "at least one point"),
        ({"threshold": 1.0}, "threshold"),
        ({"workers": -2}, "-2"),
    ],
)
def test_configurations_that_make_no_sense(values, message):
    with pytest.raises(ConfigurationError, match=message):
        VideoPCAConfig(**values)


def test_instances_are_the_connected_parts_of_the_foreground():
    soft = np.full((100, 100), 0.1, np.float32)
    soft[10:30, 10:30] = 0.5
    soft[15, 17] = 0.9
    soft[60:80, 50:90] = 0.7
    soft[95, 95] = 0.9  # a lone cell
    labels = np.arange(100, dtype=np.int32)[:, None] // 5 * 20 + np.arange(100, dtype=np.int32) // 5
    large, small = instances_of(soft, labels, 0.3)
    assert large.score == pytest.approx(0.7) and small.score == pytest.approx(0.501)
    assert small.point == (3 * 15 + 1, 3 * 17 + 1)
    assert large.mask is not None
    assert large.mask.sum() == 9 * 20 * 40 and large.mask[180:240, 150:270].all()
    assert instances_of(soft, labels, 0.95) == []
    assert [instance.score for instance in instances_of(soft, labels, 0.6)] == [pytest.approx(0.7)]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["fly"], "no command 'fly'"),
        (["train", "--preset", "huge"], "huge"),
        (["train", "--splitt", "x"], "--splitt"),
        (["train", "--split", "Nowhere"], "Nowhere"),
        (["evaluate", "missing"], "missing"),
    ],
)
def test_a_mistake_is_one_line(words, part, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert part in complaint(BASELINE.main, capsys, *words)


def test_evaluate_writes_its_table(trained, capsys, monkeypatch):
    def toy_set(config, split, locations, seed, reachable_fraction=None):
        assert config.split == "NovelSpaces"
        world, place = FakeSimulator(), Location("FloorPlan1", (0.25, 0.9009992, 0.5), 0.0, 0.0, 3)
        view, truth = world.load(place), world.instances()
        return EvaluationSet(
            split, seed, 0.2, (place,) * locations, (view,) * locations, (truth,) * locations
        )

    monkeypatch.setattr(eval.evaluation.reporting, "evaluation_set", toy_set)
    assert exit_code(BASELINE.main, "evaluate", str(trained[0]), "--locations", "2", "--device", "cpu") == 0
    written = json.loads((trained[0] / "evaluation.json").read_text())
    assert set(written["rows"]) == {"VideoPCA", "all superpixels"}
    assert written["rows"]["VideoPCA"]["images"] == 2
    assert "VideoPCA" in capsys.readouterr().out
