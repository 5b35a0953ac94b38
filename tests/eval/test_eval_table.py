"""The rows of the paper's tables: what each is, how it is run and resumed, and how they are shown."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from command_lines import complaint, exit_code
from table_material import write_result

import agents.selfsup_agent.training
from agents.base import Instance
from agents.collection.oracles import OracleOptions
from agents.mask_rcnn.configuration import MaskRCNNConfig
from agents.registry import RegisteredAgent, Row, register, registered_rows, unregister
from agents.training.configuration import TrainConfig
from agents.training.presets import preset
from agents.training.run_folder import note_run, note_start, prepare_run
from agents.training.schedule import ConfigurationError, RunError
from eval.evaluation.reporting import evaluation_file
from eval.findings import describe, judge
from eval.report.runs import RunFolder
from eval.results.keep import KeepOptions, keep_results
from eval.table.command_line import main
from eval.table.jobs import state_of
from eval.table.row_results import ResultsError, read_results, summarize
from eval.table.rows import PUBLISHED, PUBLISHED_CONFUSION, ROWS, SCORES, configuration_of, published, row
from eval.table.run_row import RunOptions, run_folder, run_row
from eval.table.text import show
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.base import Instances, Observation
from thor_interact_env.world import world_of


def test_published_numbers_are_the_papers():
    assert "".join(ROWS) == "abcdefghijklmnopqrstu"
    assert set(PUBLISHED) == set("abcdefghijklm")
    assert PUBLISHED["a"]["NovelObjects"] == {
        "bbox_ap50": 0.2419,
        "bbox_ap": 0.1165,
        "mask_ap50": 0.22,
        "mask_ap": 0.1024,
        "mass_accuracy": 0.5079,
        "mass_bbox_ap50": 0.1185,
    }
    assert published("h", "NovelSpaces")["mask_ap"] == 0.2885
    assert published("b", "NovelSpaces")["mass_accuracy"] == 0.8611
    for split, confusion in PUBLISHED_CONFUSION.items():
        assert np.sum(confusion, axis=1) == pytest.approx(np.ones(3), abs=2e-4)
        diagonal = np.diagonal(confusion).mean()
        assert diagonal == pytest.approx(published("a", split)["mass_accuracy"], abs=1e-3)


@pytest.mark.parametrize("name", ["smoke", "quick", "hour", "paper"])
def test_rows_differ_from_c_in_one_thing(name):
    reference = configuration_of(row("c"), name, split="NovelSpaces", seed=3)
    assert reference.schedule.prioritized and reference.seed == 3
    assert not any(stage.joint for stage in reference.schedule.stages)
    changes: dict[str, dict[str, Any]] = {
        "d": {"oracles": OracleOptions(masks=True)},
        "e": {"oracles": OracleOptions(points=True)},
        "f": {"oracles": OracleOptions(points=True, masks=True)},
        "q": {"oracles": OracleOptions(points=True, masks=True, minimum_pixels=200)},
        "k": {"use_superpixels": False},
        "l": {"schedule": replace(reference.schedule, prioritized=False)},
        "m": {"reach": 1000.0},
        "n": {"change_test": "optical_flow"},
    }
    for letter, change in changes.items():
        assert configuration_of(row(letter), name, split="NovelSpaces", seed=3) == replace(
            reference, **change
        )
    joint = configuration_of(row("a"), name, split="NovelSpaces", seed=3)
    assert joint.schedule == replace(preset(name), prioritized=True)


@pytest.mark.parametrize(("short", "whole"), [("t", "i"), ("u", "h")])
def test_rows_in_the_time_of_c_have_fewer_updates_and_nothing_else_different(short, whole):
    fewer, reference = (configuration_of(row(letter), "hour", seed=3) for letter in (short, whole))
    assert 0 < fewer.schedule.updates < reference.schedule.updates / 2
    assert replace(fewer, schedule=reference.schedule) == reference
    assert not published(short, "NovelSpaces")


@dataclass(frozen=True)
class OwnConfig(TrainConfig):
    """As docs/extending.md describes the configuration of a learner of another package."""

    system: ClassVar[str] = "mine"

    patience: int = 3


def train_own(config: OwnConfig, run: Path, resume: bool, evaluate: Any) -> Any:
    prepare_run(config, run, resume)
    note_start(run, ["mine"], world_of(config.simulator))
    note_run(run, episodes=config.schedule.total_episodes, training_seconds=1.0)
    return FindsNothing()


class FoundAgain:
    @classmethod
    def from_run(cls, run: Path, device: str) -> Any:
        return FindsNothing()


def test_a_learner_of_another_package_is_a_row(small_world, tmp_path, monkeypatch):
    agent, config, train = (f"{__name__}:{name}" for name in ("FoundAgain", "OwnConfig", "train_own"))
    rows = (Row("z", "my row", {"patience": 4}),)
    register(RegisteredAgent("mine", "My learner", agent, config, train, rows=rows))
    try:
        for module in ("table.rows", "table.row_results", "results.keep"):
            monkeypatch.setattr(f"eval.{module}.ROWS", registered_rows())
        options = RunOptions("z", preset="smoke", seed=2, out=tmp_path, interactions=0)
        result = run_row(options)
        kept = json.loads((run_folder(options) / "config.json").read_text())
        assert (kept["system"], kept["patience"], kept["seed"]) == ("mine", 4, 2)
        assert list(result["rows"]) == ["My learner"] and result["training"]["seconds"] == 1.0
        more = replace(options, locations=3, measure_again=True)
        assert state_of(more).state == "begun"
        assert run_row(more)["locations"] == 3  # by `from_run`: its training is done
        assert [one.letter for one in read_results([tmp_path])] == ["z"]
        keep_results(KeepOptions((tmp_path,), tmp_path / "kept"))
    finally:
        unregister("mine")


def test_unknown_rows_are_named_with_the_choices():
    with pytest.raises(ConfigurationError, match=r"no row 'z'.*a \(joint self-supervised\).*optical flow"):
        row("z")


class FindsNothing:
    def __init__(self):
        self.asked = 0

    def propose(self, observation: Observation) -> list[Instance]:
        self.asked += 1
        return []


@pytest.fixture
def small_world(monkeypatch):
    """Replace training and held-out views; returns what training was asked for."""
    calls: list[tuple[object, Path, bool]] = []

    def train(config, run, resume=False, evaluate=None):
        calls.append((config, run, resume))
        run.mkdir(parents=True, exist_ok=True)
        (run / "config.json").write_text("{}")
        return FindsNothing()

    def held_out(config, split, locations, seed, reachable_fraction=None):
        from eval.views.evaluation_set import EvaluationSet

        mask = np.zeros((1, 300, 300), bool)
        mask[0, :30, :30] = True
        truth = Instances(mask, np.ones(1), ("Mug",), ("Mug|1",))
        view = Observation(rgb=np.zeros((300, 300, 3), np.uint8), depth=np.ones((300, 300), np.float32))
        place = Location("FloorPlan21", (0.0, 0.9, 0.0), 0.0, 0.0, 1)
        several = ((place,) * locations, (view,) * locations, (truth,) * locations)
        return EvaluationSet(split, seed, 0.2, *several)

    monkeypatch.setattr(agents.selfsup_agent.training, "train", train)
    monkeypatch.setattr("eval.evaluation.reporting.evaluation_set", held_out)
    monkeypatch.setattr("eval.evaluation.reporting.monitor", lambda config: None)
    return calls, train


def test_a_row_is_trained_and_measured_once(small_world, tmp_path, capsys):
    calls, _ = small_world
    options = RunOptions("d", preset="smoke", seed=2, out=tmp_path, interactions=0)
    result = run_row(options)
    config, run, resume = calls[0]
    assert config == configuration_of(row("d"), "smoke", split="NovelSpaces", seed=2)
    assert (run, resume) == (tmp_path / "d-NovelSpaces-smoke-seed2", False)
    assert json.loads((run / "evaluation.json").read_text()) == result
    assert result["table"]["row"] == "d" and result["locations"] == 2
    assert (result["interactions"], result["touched_locations"]) == (0, 40)
    assert set(result["rows"]["self-supervised"]["intervals"]) >= set(SCORES)
    assert run_row(options) == result
    assert len(calls) == 1 and "already finished" in capsys.readouterr().out
    with pytest.raises(RunError, match=r"locations 2, not 3: add --measure-again .*--locations 2 to keep"):
        run_row(replace(options, locations=3))
    assert json.loads((run / "evaluation.json").read_text()) == result
    more = replace(options, locations=3, measure_again=True)
    assert run_row(more)["locations"] == 3  # training goes on where it is
    assert [resume for *_, resume in calls] == [False, True]
    assert "measured again" in capsys.readouterr().out
    run_row(replace(more, touched_locations=1))  # another size, too
    assert len(calls) == 3
    other = replace(options, seed=5)
    run.rename(run_folder(other))
    with pytest.raises(RunError, match="holds another row"):
        run_row(other)


def test_a_baseline_that_learns_nothing_is_a_row_too(small_world, tmp_path):
    calls, _ = small_world
    options = RunOptions("s", preset="smoke", out=tmp_path, interactions=0)
    result = run_row(options)
    assert list(result["rows"]) == ["all superpixels"] and result["table"]["system"] == "superpixels"
    assert not calls  # nothing was trained
    folder = RunFolder.read(run_folder(options))
    assert (folder.system, folder.row, folder.title) == (
        "superpixels",
        "s",
        "(s) all superpixels as proposals",
    )
    run_row(replace(options, locations=3, measure_again=True))  # in the folder there is


def test_an_interrupted_row_goes_on(small_world, tmp_path):
    calls, _ = small_world
    options = RunOptions("c", preset="smoke", out=tmp_path, interactions=0)
    run_folder(options).mkdir()
    (run_folder(options) / "config.json").write_text("{}")
    run_row(options)
    assert calls[0][2] is True


def test_other_agents_are_trained_as_they_are_registered(small_world, tmp_path, monkeypatch):
    calls, train = small_world
    monkeypatch.setattr("agents.mask_rcnn.training.train", train)
    wanted = {
        "b": ("truth", "pixel", True),
        "h": ("truth", "pixel", False),
        "i": ("self_supervised", "pixel", False),
        "j": ("self_supervised", "robust", False),
    }
    for letter, expected in wanted.items():
        result = run_row(RunOptions(letter, preset="smoke", out=tmp_path, interactions=0, workers=0))
        config = calls[-1][0]
        assert isinstance(config, MaskRCNNConfig)
        assert (config.targets, config.loss, config.mass) == expected
        assert (config.preset, config.split, config.seed, config.workers) == ("smoke", "NovelSpaces", 0, 0)
        assert list(result["rows"]) == ["Mask R-CNN"]
    assert [one.letter for one in read_results([tmp_path])] == list(wanted)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "z"], "There is no row 'z'"),
        (["run", "c", "--split", "Nowhere"], "There is no split 'Nowhere'"),
        (["run", "c", "--preset", "fast"], "There is no preset 'fast'"),
        (["run", "c", "--seed", "-1"], "seed is -1"),
        (["run", "c", "--locations", "0"], "locations is 0"),
        (["run", "c", "--interactions", "-2"], "interactions is -2"),
        (["show"], "name at least one folder"),
        (["show", "not/there"], "not/there is not a folder"),
        (["rows", "c"], "c; see python -m eval.table rows --help"),
        (["walk"], "there is no command 'walk'"),
    ],
)
def test_mistakes_are_one_line(words, message, capsys):
    assert message in complaint(main, capsys, *words)


def test_tables_show_what_was_measured_beside_what_was_published(tmp_path, capsys):
    write_result(tmp_path, "c", "NovelSpaces", {"mask_ap50": 0.2, "bbox_ap50": 0.1})
    intervals = {"mask_ap50": [0.25, 0.35]}
    write_result(tmp_path, "d", "NovelSpaces", {"mask_ap50": 0.3, "intervals": intervals})
    for seed, value in enumerate((0.1, 0.12, 0.14)):
        write_result(tmp_path, "a", "NovelSpaces", {"mask_ap50": value, "mass_accuracy": 0.5}, seed)
    file = tmp_path / "tables.json"
    assert exit_code(main, "show", tmp_path, "--json", file) == 0
    printed = capsys.readouterr().out
    assert "30.0 [25.0, 35.0]" in printed and "12.0 +- 2.0" in printed
    (entry,) = json.loads(file.read_text())
    assert list(entry["rows"]) == ["a", "c", "d"] and entry["rows"]["a"]["seeds"] == [0, 1, 2]
    score = entry["rows"]["d"]["scores"]["mask_ap50"]
    assert score["ratio"] == pytest.approx(1.5)
    assert score["published_ratio"] == pytest.approx(36.49 / 23.70)
    spread = entry["rows"]["a"]["scores"]["mask_ap50"]
    assert (spread["mean"], spread["spread"]) == (pytest.approx(0.12), pytest.approx(0.02))
    lines = [line.split() for line in printed.splitlines()]
    (published,) = [line for line in lines if line[:3] == ["c", "self-supervised", "1"]]
    assert published[3:] == ["10.0", "26.10", "0.0", "12.05", "20.0", "23.70", "0.0", "10.30"]
    assert "Table 2, mass" in printed and "55.86" in printed
    assert "greedy success %" in printed and "25.0" in printed


def test_runs_are_found_once_and_grouped(tmp_path):
    run = write_result(tmp_path / "one", "c", "NovelSpaces", {})
    write_result(tmp_path / "two", "c", "NovelObjects", {})
    write_result(tmp_path / "two", "c", "NovelObjects", {}, preset="hour")
    (tmp_path / "one" / "plain").mkdir()
    (tmp_path / "one" / "plain" / "evaluation.json").write_text('{"rows": {}}')
    results = read_results([tmp_path, run, tmp_path / "one"])
    entries = summarize(results)
    assert [(entry["split"], entry["preset"]) for entry in entries] == [
        ("NovelObjects", "hour"),
        ("NovelObjects", "quick"),
        ("NovelSpaces", "quick"),
    ]
    assert len(results) == 3 and show(entries).count("Table 1") == 3


def test_touches_of_several_seeds_have_their_spread(tmp_path):
    for seed, (rate, ends) in enumerate(((0.1, [0.08, 0.12]), (0.3, [0.26, 0.34]))):
        path = write_result(tmp_path, "c", "NovelSpaces", {}, seed) / "evaluation.json"
        touched = {"greedy_success_rate": rate, "intervals": {"greedy_success_rate": ends}}
        path.write_text(json.dumps(json.loads(path.read_text()) | {"interaction": touched}))
    (entry,) = summarize(read_results([tmp_path]))
    score = entry["rows"]["c"]["interaction"]["greedy_success_rate"]
    assert (score["mean"], score["seeds"]) == (pytest.approx(0.2), 2)
    assert "20.0 +- 14.1" in show([entry]) and "[8.0" not in show([entry])


def test_one_seed_is_not_counted_twice(tmp_path):
    first = write_result(tmp_path / "one", "c", "NovelSpaces", {})
    second = write_result(tmp_path / "two", "c", "NovelSpaces", {})
    write_result(tmp_path / "two", "c", "NovelSpaces", {}, seed=1)
    with pytest.raises(ResultsError, match="count as two seeds") as error:
        summarize(read_results([tmp_path]))
    assert str(first) in str(error.value) and str(second) in str(error.value)
    (entry,) = summarize(read_results([tmp_path / "two"]))
    assert entry["rows"]["c"]["seeds"] == [0, 1]


def test_rows_of_several_worlds_are_said_to_be(tmp_path):
    write_result(tmp_path, "c", "NovelSpaces", {})
    entries = summarize(read_results([tmp_path]))
    assert entries[0]["worlds"] == ["this"] and "versions of the world" not in show(entries)
    write_result(tmp_path, "d", "NovelSpaces", {}, world="that")
    entries = summarize(read_results([tmp_path]))
    assert entries[0]["worlds"] == ["that", "this"]
    assert "2 versions of the world (that, this)" in show(entries)


def test_rows_measured_at_several_numbers_of_locations_are_said_to_be(tmp_path):
    write_result(tmp_path, "c", "NovelSpaces", {})
    entries = summarize(read_results([tmp_path]))
    assert "were measured at" not in show(entries) + describe(judge(entries))
    path = write_result(tmp_path, "c", "NovelSpaces", {}, seed=1) / "evaluation.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"locations": 400}))
    entries = summarize(read_results([tmp_path]))
    for text in (show(entries), describe(judge(entries))):
        assert "were measured at 200 or 400 locations" in text


def test_a_row_of_another_world_is_not_done_in_this_one(small_world, tmp_path, monkeypatch):
    options = RunOptions("c", preset="smoke", out=tmp_path, interactions=0)
    monkeypatch.setattr("eval.table.run_row.world_of", lambda simulator: f"{simulator} of old")
    assert run_row(options)["world"] == "mujoco of old"
    monkeypatch.setattr("eval.table.run_row.world_of", lambda simulator: f"{simulator} of today")
    unfinished = run_folder(replace(options, seed=1))
    unfinished.mkdir()
    (unfinished / "run.json").write_text('{"starts": [{"world": "mujoco of old"}]}')
    with pytest.raises(RunError, match=r"begun in another version of the world \(mujoco of old\)"):
        run_row(replace(options, seed=1))
    with pytest.raises(RunError, match=r"another version of the world \(mujoco of old\).*name another --out"):
        run_row(options)


@pytest.mark.parametrize("content", ["{", '{"table": {"row": "c"}}', '{"table": {"row": "z"}, "rows": {}}'])
def test_malformed_results_name_the_file(tmp_path, content):
    with pytest.raises(ResultsError, match="no finished row"):
        read_results([tmp_path])
    (tmp_path / "evaluation.json").write_text(content)
    with pytest.raises(ResultsError, match=r"evaluation\.json is not the evaluation of a row"):
        read_results([tmp_path])


def test_the_base_configuration_is_a_training_configuration():
    config = configuration_of(row("h"), "quick", split="NovelObjects", seed=1).counterpart()
    assert isinstance(config, TrainConfig) and config.reach == 1.5


def test_another_evaluation_does_not_replace_the_result_of_a_row(tmp_path: Path) -> None:
    run = write_result(tmp_path, "c", "NovelSpaces", {})
    assert evaluation_file(run) == Path("runs") / f"evaluation-{run.name}.json"
    (run / "evaluation.json").write_text('{"rows": {}}')  # of `evaluate`: a newer one replaces it
    assert evaluation_file(run) == run / "evaluation.json"
    (run / "evaluation.json").unlink()
    assert evaluation_file(run) == run / "evaluation.json"


def test_the_name_of_an_evaluation_says_in_what_it_differs_from_the_runs_own(tmp_path: Path) -> None:
    run = tmp_path / "hour"
    run.mkdir()
    (run / "config.json").write_text('{"split": "NovelSpaces", "simulator": "mujoco", "objects": "lamps"}')
    for same in ((), ("NovelSpaces", "lamps", "mujoco")):
        assert evaluation_file(run, *same) == run / "evaluation.json"
    assert evaluation_file(run, "Elsewhere", "Elsewhere") == run / "evaluation-Elsewhere.json"
    assert evaluation_file(run, "NovelObjects", "lamps") == run / "evaluation-NovelObjects.json"
    other = evaluation_file(run, "NovelSpaces", "../my chairs")
    assert other == run / "evaluation-NovelSpaces-my-chairs.json"
    moved = evaluation_file(run, simulator="ai2thor")
    assert moved == run / "evaluation-NovelSpaces-ai2thor.json"
    file = evaluation_file(run, "NovelSpaces", dataset=Path("sets/mine.json"))
    assert file == run / "evaluation-mine.json"
    (run / "evaluation.json").write_text('{"table": {}}')
    assert evaluation_file(run, "NovelObjects") == Path("runs/evaluation-hour-NovelObjects.json")
    assert evaluation_file(run, "NovelSpaces") == Path("runs/evaluation-hour.json")
