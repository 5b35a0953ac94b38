"""The PPO baseline in the toy world: it learns, is the same after a stop, and pickles nothing."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_lines import exit_code
from fake_simulator import FakeSimulator

import eval.benchmark.benchmark
from agents.base import Agent
from agents.closing import Closing
from agents.collection.collect import CollectionError
from agents.ppo_agent.__main__ import OVERVIEW, evaluate_run, main
from agents.ppo_agent.agent import PPOAgent
from agents.ppo_agent.configuration import PPOConfig
from agents.ppo_agent.policy import make_policy
from agents.ppo_agent.training import make_environment, train
from agents.selfsup_agent.network import InteractionNet
from agents.source import AgentSource, checked_instances
from agents.training.checkpoint import Checkpoint, CheckpointError, save_checkpoint
from agents.training.metrics import read_metrics
from agents.training.run_folder import RunExistsError, read_config
from agents.training.schedule import ConfigurationError, RunError
from eval.benchmark.agent_process import Answer
from eval.views.evaluation_set import EvaluationSet
from thor_interact_env.actions import AGENT_HEIGHT_Y, REACH
from thor_interact_env.errors import MainGuardError
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.base import Observation

SMALL = PPOConfig(
    preset="smoke",
    environments=2,
    processes=False,
    interactions=12,
    interactions_per_episode=2,
    steps_per_update=2,
    batch_size=4,
    epochs=1,
    grid=5,
    image_size=36,
    updates_per_checkpoint=1,
    threads=1,
    device="cpu",
)
"""Three updates of four touches."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A trained run."""
    folder = tmp_path_factory.mktemp("ppo") / "run"
    train(SMALL, folder, simulator=FakeSimulator())
    return folder


def test_the_metrics_state_the_time_since_the_start(run: Path) -> None:
    seconds = [row["seconds"] for row in read_metrics(run)]
    assert len(seconds) == 3 and 0 < seconds[0] < seconds[1] < seconds[2]
    assert seconds[2] == pytest.approx(json.loads((run / "run.json").read_text())["training_seconds"], abs=1)


def view(seed: int = 0) -> Observation:
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.5, 2 * REACH, (300, 300)).astype(np.float32)
    return Observation(rgb=rng.integers(0, 256, (300, 300, 3)).astype(np.uint8), depth=depth)


def weights(agent: PPOAgent) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy() for name, value in agent.policy.named_parameters()}


def assert_equal_weights(one: PPOAgent, other: PPOAgent) -> None:
    for name, value in weights(one).items():
        np.testing.assert_array_equal(value, weights(other)[name], err_msg=name)


def test_a_run_is_a_folder_like_any_other(run: Path) -> None:
    assert json.loads((run / "config.json").read_text())["system"] == "ppo"
    assert read_config(run, PPOConfig) == SMALL
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["episode"] for row in rows] == [1, 2, 3]
    assert [row["interactions"] for row in rows] == [4, 8, 12]
    assert all(0 <= row["success"] <= 1 and np.isfinite(row["policy_loss"]) for row in rows)
    notes = json.loads((run / "run.json").read_text())
    assert notes["updates"] == 3 and notes["hardware"] and notes["versions"]
    kinds = {path.suffix for path in (run / "checkpoints").rglob("*") if path.is_file()}
    assert kinds == {".safetensors", ".json"}


def test_it_proposes_the_most_probable_points_without_masks(run: Path) -> None:
    agent = PPOAgent.from_run(run, points=7)
    assert isinstance(agent, Agent)
    found = agent.propose(view())
    scores = [one.score for one in found]
    assert len(found) == len({one.point for one in found}) == 7
    assert scores == sorted(scores, reverse=True) and 0 < sum(scores) <= 1
    middles = {30, 90, 150, 210, 270}
    assert all(set(one.point) <= middles and one.mask is None and one.force in (0, 1, 2) for one in found)
    everywhere = PPOAgent.from_run(run, points=100).propose(view())
    assert len(everywhere) == 25 and sum(one.score for one in everywhere) == pytest.approx(1.0, abs=1e-5)
    assert [one.point for one in agent.propose(view())] == [one.point for one in found]


def test_training_changes_the_policy_and_the_seed_decides_it(run: Path, tmp_path: Path) -> None:
    trained = PPOAgent.from_run(run)
    assert_equal_weights(trained, train(SMALL, tmp_path / "again", simulator=FakeSimulator()))
    other = train(dataclasses.replace(SMALL, seed=1), tmp_path / "other", simulator=FakeSimulator())
    name = "action_net.weight"
    assert (weights(trained)[name] != weights(other)[name]).any()


def test_a_run_that_is_stopped_goes_on_as_if_it_had_not_been(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agents.ppo_agent import training as ppo_training

    folder = tmp_path / "run"
    real = ppo_training.keep_checkpoint

    def save_and_stop(run: Path, update: int, checkpoint: Checkpoint) -> None:
        state = {**checkpoint.state, "seconds": checkpoint.state["seconds"] + 1000}
        real(run, update, dataclasses.replace(checkpoint, state=state))
        if update == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ppo_training, "keep_checkpoint", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            train(SMALL, folder, simulator=FakeSimulator())
    (folder / "checkpoints" / "last").unlink()  # as what copies a run without links leaves it
    (folder / "checkpoints").rename(tmp_path / "checkpoints")
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(CheckpointError, match="is incomplete"):
        train(SMALL, folder, resume=True, simulator=FakeSimulator())
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    (tmp_path / "checkpoints").rename(folder / "checkpoints")
    resumed = train(SMALL, folder, resume=True, simulator=FakeSimulator())
    assert_equal_weights(resumed, PPOAgent.from_run(run))
    rows = [json.loads(line)["episode"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert rows == [1, 2, 3]
    assert json.loads((folder / "run.json").read_text())["training_seconds"] > 1000  # both parts


def test_processes_that_cannot_begin_or_end_early_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stable_baselines3 import PPO
    from stable_baselines3.common import vec_env

    def cannot_begin(*arguments: object, **options: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(vec_env, "SubprocVecEnv", cannot_begin)
        with pytest.raises(MainGuardError, match='if __name__ == "__main__":'):
            train(dataclasses.replace(SMALL, processes=True), tmp_path / "begun")

    def end_early(model: Any, *arguments: object, **options: object) -> None:
        for process in model.env.processes:
            process.kill()
        model.env.env_method("get_wrapper_attr", "spec")
        raise AssertionError("the processes are gone")

    monkeypatch.setattr(PPO, "learn", end_early)
    with pytest.raises(CollectionError, match=r"process of an environment has ended.*--resume"):
        train(dataclasses.replace(SMALL, processes=True), tmp_path / "ended")


def test_what_cannot_go_on_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunExistsError, match="add --resume"):
        train(SMALL, run, simulator=FakeSimulator())
    with pytest.raises(ConfigurationError, match=r"seed \(0, not 5\)"):
        train(dataclasses.replace(SMALL, seed=5), run, resume=True, simulator=FakeSimulator())
    with pytest.raises(CheckpointError, match="not a folder"):
        PPOAgent.from_run(tmp_path / "nothing")
    with pytest.raises(ConfigurationError, match="device 'nowhere' cannot be used"):
        train(dataclasses.replace(SMALL, device="nowhere"), tmp_path / "new", simulator=FakeSimulator())
    assert not (tmp_path / "new").exists()
    (tmp_path / "config.json").write_text('{"preset": "quick"}')
    with pytest.raises(CheckpointError, match="system 'ppo'"):
        read_config(tmp_path, PPOConfig)


def test_weights_of_another_policy_are_refused(run: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(run, copy, symlinks=True)
    values = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(values | {"grid": 6}))
    with pytest.raises(CheckpointError, match="another policy"):
        PPOAgent.from_run(copy)
    (copy / "config.json").write_text(json.dumps(values | {"colour": 6}))
    with pytest.raises(CheckpointError, match="unknown colour"):
        PPOAgent.from_run(copy)


def test_the_environment_is_what_the_policy_reads() -> None:
    env = make_environment(SMALL, FakeSimulator())
    image, _ = env.reset(seed=0)
    policy = make_policy(SMALL, "cpu")
    assert image.transpose(2, 0, 1).shape == policy.observation_space.shape
    assert env.action_space == policy.action_space
    *_, truncated, info = env.step(np.array([24, 2]))
    assert not truncated and "success" in info


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"preset": "huge"}, "huge"),
        ({"seed": -1}, "seed is -1"),
        ({"steps_per_update": 15}, "multiple"),
        ({"grid": 0}, "grid is 0"),
        ({"grid": 301}, "grid is 301; it must be at most 300"),
        ({"reachable_fraction": 1.5}, r"reachable_fraction is 1.5; it must be in 0..1"),
        ({"image_size": 20}, "image_size is 20"),
        ({"discount": 2.0}, "discount is 2"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"interactions": 0}, "interactions is 0"),
    ],
)
def test_values_that_make_no_sense_are_refused(values: dict, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        PPOConfig(**values)


def test_presets_touch_as_often_as_the_self_supervised_learner() -> None:
    from agents.training.presets import preset

    for name in ("smoke", "quick", "hour", "paper"):
        touches = sum(
            stage.total_locations * (stage.greedy_points + stage.random_points)
            for stage in preset(name).stages
        )
        config = PPOConfig(preset=name)
        per_update = config.environments * config.steps_per_update
        assert 0 <= config.updates * per_update - touches < per_update
    assert "evaluate" in OVERVIEW


@pytest.mark.parametrize(
    "values", [{"batch_size": 1}, {"environments": 1, "steps_per_update": 1, "interactions_per_episode": 1}]
)
def test_touches_too_few_for_a_step_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="is 1; it must be at least 2"):
        PPOConfig(**values)


def test_a_resumed_run_has_the_options_of_its_folder(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resumed: list[PPOConfig] = []
    monkeypatch.setattr("agents.ppo_agent.training.train", lambda config, *rest: resumed.append(config))
    words = ("train", "--out", run, "--resume", "--evaluation-locations", 0)
    assert exit_code(main, *words) == 0 and resumed == [SMALL]
    assert exit_code(main, *words, "--learning-rate", "0.1") == 2


class InThisProcess(Closing):
    """Asks an agent here: a process would load torch anew."""

    def __init__(self, source: AgentSource, time_budget: float, start_budget: float) -> None:
        self.agent = source.make()

    def propose(self, observation: Observation) -> Answer:
        return Answer(checked_instances(self.agent.propose(observation)), 0.1)

    def close(self) -> None:
        """Nothing was started."""


@pytest.fixture
def toy_benchmark(monkeypatch):
    """The benchmark looks at two views of the toy world, and touches it."""
    places = [Location(f"FloorPlan{room}", (0.25, AGENT_HEIGHT_Y, 0.5), 90, 0, 5) for room in (26, 27)]
    views = EvaluationSet.at(places, "NovelSpaces/test", simulator=FakeSimulator, progress=False)
    measure = eval.benchmark.benchmark_agent
    monkeypatch.setattr(eval.benchmark.benchmark, "AgentProcess", InThisProcess)
    monkeypatch.setattr(eval.benchmark, "benchmark_views", lambda *given, **options: views)
    monkeypatch.setattr(
        eval.benchmark,
        "benchmark_agent",
        lambda *given, **options: measure(*given, simulator=FakeSimulator(), progress=False, **options),
    )


def test_it_is_compared_with_a_self_supervised_run_at_equal_touches(
    run: Path, tmp_path: Path, toy_benchmark, capsys: pytest.CaptureFixture[str]
) -> None:
    network = InteractionNet()
    save_checkpoint(tmp_path, 1, Checkpoint(network.state_dict(), {}, {}))
    written = evaluate_run(run, "NovelSpaces", 2, interactions=3, compare_with=tmp_path)
    assert written == json.loads((run / "evaluation.json").read_text())
    assert list(written["rows"]) == ["PPO", "self-supervised", "random points"]
    policy, learner, floor = written["rows"].values()
    assert {"mask_ap50", "greedy_success_rate"} <= set(learner["intervals"])
    assert policy["points_per_location"] == 3 >= learner["points_per_location"] >= 1
    assert policy["random_success_rate"] == learner["random_success_rate"] == floor["greedy_success_rate"]
    assert "mask_ap50" in learner and "mask_ap50" not in policy
    said = capsys.readouterr().out
    assert all(name in said for name in written["rows"]) and str(run / "evaluation.json") in said
    other = evaluate_run(run, "NovelObjects", 2, interactions=3)
    assert other == json.loads((run / "evaluation-NovelObjects.json").read_text())
    assert written == json.loads((run / "evaluation.json").read_text())


def test_what_is_no_run_cannot_be_compared_with_it(run: Path, tmp_path: Path, toy_benchmark) -> None:
    with pytest.raises(RunError, match="no checkpoint"):
        evaluate_run(run, "NovelSpaces", 2, interactions=1, compare_with=tmp_path)
