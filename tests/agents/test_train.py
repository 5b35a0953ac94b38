import json
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest
import torch
from box_simulator import BoxSimulator
from made_up_runs import CONFIG, MadeUpCollector, assert_same_run, measured, weights_of

import agents.collection.collect
from agents.collection.collect import location_seeds
from agents.collection.oracles import OracleOptions
from agents.collection.pending import distinct_masks
from agents.selfsup_agent.agent import SelfSupervisedAgent
from agents.selfsup_agent.training import train
from agents.training.checkpoint import CheckpointError, load_checkpoint
from agents.training.configuration import TrainConfig
from agents.training.metrics import read_metrics
from agents.training.run_folder import RunExistsError, note_worlds, notes_of, prepare_run, worlds_of
from agents.training.schedule import ConfigurationError
from thor_interact_env.locations.splits import split_rooms
from thor_interact_env.simulators.base import Observation
from thor_interact_env.world import world_of


class InterruptedCollector(MadeUpCollector):
    """Is interrupted in the middle of an episode."""

    def __init__(self, tasks):
        super().__init__()
        self.left = tasks

    def submit(self, task):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().submit(task)


class LateFuture(Future):
    """Is never done before it is asked for its result."""

    def __init__(self, records):
        super().__init__()
        self.records = records

    def result(self, timeout=None):
        if not self.done():
            self.set_result(self.records)
        return super().result(timeout)


class LateCollector(MadeUpCollector):
    """Has nothing ready when an episode ends."""

    def submit(self, task):
        return LateFuture(super().submit(task).result())


def evaluate(agent):
    view = Observation(rgb=np.full((300, 300, 3), 90, np.uint8), depth=np.ones((300, 300), np.float32))
    return {"instances": float(len(agent.propose(view)))}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "whole"
    collector = MadeUpCollector()
    agent = train(CONFIG, run, evaluate=evaluate, collector=collector)
    return run, collector, agent


def test_a_run_folder_holds_everything(uninterrupted):
    run, collector, _ = uninterrupted
    assert TrainConfig.from_json(json.loads((run / "config.json").read_text())) == CONFIG
    facts = json.loads((run / "run.json").read_text())
    assert facts["hardware"]["cores"] >= 1
    program, *_ = facts["starts"][0]["command"].split()
    assert program and "/" not in program  # where it lies is nobody's business
    assert facts["training_seconds"] > 0
    assert list((run / "tensorboard").glob("events*"))
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["000003", "000004", "last"]
    assert not (run / "collector").exists()
    assert not [path for path in run.rglob("*") if path.name.endswith(".tmp")]
    assert collector.closed


def test_metrics_tell_the_story(uninterrupted):
    rows = read_metrics(uninterrupted[0])
    assert [(row["stage"], row["phase"], row["episode"]) for row in rows] == [
        (1, "fill", 1),
        (1, "learn", 1),
        (1, "learn", 2),
        (2, "fill", 3),
        (2, "learn", 3),
        (2, "learn", 4),
    ]
    segmentation, frozen, joint = rows[1], rows[4], rows[5]
    assert {"interaction_loss", "embedding_loss", "mask_iou", "interaction_iou"} <= segmentation.keys()
    assert "force_loss" not in segmentation
    assert "force_loss" in frozen and "interaction_loss" not in frozen
    assert {"force_loss", "interaction_loss", "embedding_loss", "force_iou"} <= joint.keys()
    assert segmentation["greedy_success"] == 1.0 and segmentation["random_success"] == 0.0
    assert segmentation["distinct_objects_per_location"] == 1.0
    assert rows[-1]["updates"] == CONFIG.schedule.total_updates
    assert rows[-1]["locations"] == CONFIG.schedule.total_locations
    assert [row["episode"] for row in rows if "held_out/instances" in row] == [2, 4]


def test_tasks_follow_the_schedule(uninterrupted):
    tasks = uninterrupted[1].tasks
    assert [len(task.seeds) for task in tasks] == [4, 2, 4, 2]
    assert [task.schedule.joint for task in tasks] == [False, False, True, True]
    assert len({seed for task in tasks for seed in task.seeds}) == 12
    assert all(task.rooms == split_rooms("NovelSpaces/train") for task in tasks)
    assert all(task.reachable_fraction == CONFIG.schedule.reachable_fraction for task in tasks)


def test_ablations_and_oracles_reach_the_tasks(tmp_path):
    collector = MadeUpCollector()
    oracles = OracleOptions(points=True, masks=True)
    config = replace(CONFIG, oracles=oracles, reach=1000.0, use_superpixels=False, change_test="optical_flow")
    train(config, tmp_path / "run", collector=collector, stop_after=1)
    task = collector.tasks[0]
    assert task.oracles == oracles
    options = dict(task.environment)
    assert (options["reach"], options["use_superpixels"], options["change_test"]) == (
        1000.0,
        False,
        "optical_flow",
    )


def test_the_agent_is_that_of_the_last_checkpoint(uninterrupted):
    run, _, agent = uninterrupted
    rng = np.random.default_rng(0)
    view = Observation(
        rgb=rng.integers(0, 256, (300, 300, 3), dtype=np.uint8), depth=np.ones((300, 300), np.float32)
    )
    again = SelfSupervisedAgent.from_run(run)
    for mine, others in zip(agent.predict(view), again.predict(view), strict=True):
        assert torch.equal(mine, others)
    found = agent.propose(view)
    assert 0 < len(found) <= 32
    assert [instance.score for instance in found] == sorted(
        (instance.score for instance in found), reverse=True
    )
    assert sum(instance.mask.astype(int) for instance in found).max() <= 1


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(uninterrupted, tmp_path, stop):
    run = tmp_path / "run"
    train(CONFIG, run, evaluate=evaluate, collector=MadeUpCollector(), stop_after=stop)
    torch.manual_seed(1234)  # another process has other random states
    train(CONFIG, run, resume=True, evaluate=evaluate, collector=MadeUpCollector())
    assert_same_run(run, uninterrupted[0])


@pytest.mark.parametrize("tasks", [0, 1, 2, 3])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(uninterrupted, tmp_path, tasks):
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, run, evaluate=evaluate, collector=InterruptedCollector(tasks))
    assert not (run / "collector").exists()
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"episode": 9, "cut sho')  # the kill came while a line was written
    train(CONFIG, run, resume=True, evaluate=evaluate, collector=MadeUpCollector())
    assert_same_run(run, uninterrupted[0])


def test_a_kill_during_the_first_checkpoint_starts_anew(uninterrupted, tmp_path):
    run = tmp_path / "run"
    prepare_run(CONFIG, run, resume=False)
    (run / "checkpoints" / ".000001.tmp").mkdir(parents=True)
    train(CONFIG, run, resume=True, evaluate=evaluate, collector=MadeUpCollector())
    assert_same_run(run, uninterrupted[0])


def test_a_run_that_goes_on_in_another_world_is_warned_of(tmp_path, monkeypatch):
    run = tmp_path / "run"
    train(CONFIG, run, collector=MadeUpCollector(), stop_after=1)
    (own,) = worlds_of(notes_of(run))
    assert own == world_of("mujoco")
    monkeypatch.setattr("agents.training.progress.world_of", lambda simulator, objects: "another")
    with pytest.warns(RuntimeWarning, match=rf"version of the world \({own}\).*the present one \(another\)"):
        train(CONFIG, run, resume=True, collector=MadeUpCollector(), stop_after=1)
    assert note_worlds(run, "another") == {"world": "another", "learned_in": ["another", own]}
    assert note_worlds(run / "checkpoints" / "last", "x")["learned_in"] == ["another", own]


def test_rare_checkpoints_lose_work_but_change_nothing(uninterrupted, tmp_path):
    config = replace(CONFIG, schedule=replace(CONFIG.schedule, checkpoint_every=3))
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(config, run, evaluate=evaluate, collector=InterruptedCollector(2))
    assert not (run / "checkpoints").exists()
    train(config, run, resume=True, evaluate=evaluate, collector=MadeUpCollector())
    assert measured(run) == measured(uninterrupted[0])
    whole, again = weights_of(uninterrupted[0]), weights_of(run)
    assert all(torch.equal(tensor, again[name]) for name, tensor in whole.items())


def test_a_learner_that_need_not_wait_learns_on_and_counts_everything_once(tmp_path):
    stage = replace(CONFIG.schedule.stages[0], episodes=4)
    config = replace(CONFIG, schedule=replace(CONFIG.schedule, stages=(stage,)), wait_for_workers=False)
    collector = LateCollector()
    train(config, tmp_path / "late", collector=collector)
    assert [row["locations"] for row in read_metrics(tmp_path / "late")] == [4, 4, 6, 8, 10]
    asked = [seed for task in collector.tasks for seed in task.seeds]
    assert len(asked) == len(set(asked)) == 10
    train(config, tmp_path / "stopped", collector=LateCollector(), stop_after=2)
    again = LateCollector()
    train(config, tmp_path / "stopped", resume=True, collector=again)
    assert [row["locations"] for row in read_metrics(tmp_path / "stopped")] == [4, 4, 6, 8, 10]
    # What was on its way when the run stopped is fetched again, and nothing else.
    assert [seed for task in again.tasks for seed in task.seeds] == asked[6:]
    patient = replace(config, wait_for_workers=True)
    train(patient, tmp_path / "patient", collector=LateCollector())
    assert [row["locations"] for row in read_metrics(tmp_path / "patient")] == [4, 6, 8, 10, 10]


def test_a_finished_run_is_left_alone(uninterrupted):
    run = uninterrupted[0]
    before = measured(run)
    train(CONFIG, run, resume=True, collector=MadeUpCollector())
    assert measured(run) == before


def test_the_seed_decides(uninterrupted, tmp_path):
    run = tmp_path / "run"
    train(replace(CONFIG, seed=1), run, collector=MadeUpCollector(), stop_after=1)
    assert measured(run)[1]["loss"] != measured(uninterrupted[0])[1]["loss"]


def test_frozen_detection_stays_exactly_as_it_was(uninterrupted, tmp_path):
    run = tmp_path / "run"
    train(CONFIG, run, collector=MadeUpCollector(), stop_after=3)
    before = load_checkpoint(run / "checkpoints" / "000002").model
    after = load_checkpoint(run / "checkpoints" / "000003").model
    changed = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert changed == {"force_head.weight", "force_head.bias"}


def test_a_new_run_does_not_touch_an_old_one(uninterrupted):
    with pytest.raises(RunExistsError, match="--resume"):
        train(CONFIG, uninterrupted[0], collector=MadeUpCollector())


def test_resuming_with_other_settings_is_refused(uninterrupted):
    with pytest.raises(ConfigurationError, match=r"seed \(0, not 5\)"):
        train(replace(CONFIG, seed=5), uninterrupted[0], resume=True, collector=MadeUpCollector())


def test_a_checkpoint_is_not_resumed_in_its_own_folder(uninterrupted):
    run = uninterrupted[0]
    folder = run / "checkpoints" / "last"
    before = sorted(folder.iterdir())
    with pytest.raises(CheckpointError, match=f"part of the run {run}; continue that: --out {run}"):
        train(CONFIG, folder, resume=True, collector=MadeUpCollector())
    assert sorted(folder.iterdir()) == before


def test_a_refused_configuration_leaves_its_folder_free(tmp_path):
    ranked = replace(CONFIG, ranks=2)
    for run in (tmp_path / "new", tmp_path):
        with pytest.raises(ConfigurationError, match="2, but 1 processes"):
            train(ranked, run, collector=MadeUpCollector())
    assert not list(tmp_path.iterdir())


def test_a_damaged_run_folder_names_the_file(uninterrupted, tmp_path):
    run = tmp_path / "run"
    train(CONFIG, run, collector=MadeUpCollector(), stop_after=1)
    segment = next((run / "memory_bank").rglob("*.safetensors"))
    content = segment.read_bytes()
    segment.write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=segment.name):
        train(CONFIG, run, resume=True, collector=MadeUpCollector())
    segment.write_bytes(content)
    (run / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"config\.json"):
        train(CONFIG, run, resume=True, collector=MadeUpCollector())
    (run / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"config\.json"):
        train(CONFIG, run, resume=True, collector=MadeUpCollector())


def test_broken_metrics_name_the_line(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"episode": 1}\n{"epis\n{"episode": 2}\n')
    with pytest.raises(CheckpointError, match=r"metrics\.jsonl line 2"):
        read_metrics(tmp_path)


def test_seeds_do_not_depend_on_how_many_there_are():
    assert location_seeds(3, 1, 2, 5) == location_seeds(3, 1, 2, 9)[:5]
    drawn = [
        seed
        for run in range(3)
        for stage in range(2)
        for episode in range(4)
        for seed in location_seeds(run, stage, episode, 10)
    ]
    assert len(set(drawn)) == len(drawn)
    assert all(0 <= seed < 2**63 for seed in drawn)


def test_masks_of_one_object_count_once():
    masks = np.zeros((4, 100, 100), bool)
    masks[0, :10, :10] = True
    masks[1, :10, :9] = True
    masks[2, :10, 30:40] = True
    masks[3, :10, 34:44] = True
    assert distinct_masks(masks) == 3
    assert distinct_masks(masks[:0]) == 0


def test_training_in_the_environment_itself(monkeypatch, tmp_path):
    simulators = []

    def make(name, **options):
        simulators.append(BoxSimulator())
        return simulators[-1]

    monkeypatch.setattr(agents.collection.collect, "make_simulator", make)
    one, other = tmp_path / "one", tmp_path / "other"
    train(CONFIG, one)
    train(CONFIG, other, stop_after=2)
    train(CONFIG, other, resume=True)
    assert_same_run(one, other)
    rows = read_metrics(one)
    assert {row["greedy_touches"] for row in rows if "greedy_touches" in row} == {4, 2}
    assert any(row["random_success"] for row in rows if "random_success" in row)
    assert {location.scene for each in simulators for location in each.loaded} <= set(
        split_rooms("NovelSpaces/train")
    )
