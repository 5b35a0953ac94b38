"""One register of the agents that learn."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from agents.registry import (
    RegisteredAgent,
    Row,
    baselines,
    load,
    register,
    registered_agent,
    registered_agents,
    registered_rows,
    unregister,
)
from agents.training.run_folder import RunExistsError
from agents.training.schedule import ConfigurationError
from thor_interact_env.simulators.base import Observation


def test_every_agent_loads_what_it_names():
    learning = {"mask_rcnn", "ppo", "queried_masks", "self_supervised", "video_pca"}
    assert set(registered_agents()) == {*learning, "random_points", "superpixels"}
    for agent in registered_agents().values():
        assert agent.learns == (agent.name in learning)
        assert callable(load(agent.agent).propose)
        if agent.learns:
            assert callable(load(agent.train)) and callable(load(agent.agent).from_run)
        beside = agent.configure("smoke", seed=4, split="NovelObjects").counterpart()
        assert (beside.preset, beside.seed, beside.split) == ("smoke", 4, "NovelObjects")


def test_every_row_has_a_configuration(subtests):
    for letter, row in registered_rows().items():
        with subtests.test(row=letter):
            agent = registered_agent(row.agent)
            config = agent.configure("smoke", seed=4, split="NovelObjects", **row.options)
            beside = config.counterpart()
            assert (config.seed, beside.seed, beside.split, beside.preset) == (4, 4, "NovelObjects", "smoke")
            assert type(config).from_json(json.loads(json.dumps(config.to_json()))) == config


def test_names_and_letters_are_given_once():
    known = registered_agent("video_pca")
    register(known)  # the same again
    with pytest.raises(ConfigurationError, match="'video_pca' is registered already"):
        register(replace(known, label="another"))
    with pytest.raises(ConfigurationError, match="Row 'g' of 'mine' is one of 'video_pca'"):
        register(RegisteredAgent("mine", "mine", "a:A", "b:B", "c:c", rows=(Row("g", "mine"),)))
    assert "mine" not in registered_agents()
    mine = RegisteredAgent("mine", "mine", "a:A", "b:B", "c:c", rows=(Row("z", "mine"),))
    register(mine)
    assert registered_agent("mine") == mine and "z" in registered_rows()
    unregister("mine")
    assert "mine" not in registered_agents() and "z" not in registered_rows()
    with pytest.raises(ConfigurationError, match="no agent 'mine'"):
        unregister("mine")


def test_an_agent_is_registered_until_it_is_removed():
    register(RegisteredAgent("mine", "mine", "a:A", "b:B", "c:c", rows=(Row("z", "mine"),)))
    assert registered_agent("mine").label == "mine" and registered_rows()["z"].agent == "mine"
    unregister("mine")
    assert "mine" not in registered_agents() and "z" not in registered_rows()
    with pytest.raises(ConfigurationError, match="no agent 'mine'"):
        unregister("mine")


def test_baselines_are_made_without_a_run_and_by_their_seed():
    rng = np.random.default_rng(0)
    view = Observation(
        rgb=rng.integers(0, 255, (300, 300, 3), dtype=np.uint8), depth=np.ones((300, 300), np.float32)
    )

    def points(seed):
        return {label: [one.point for one in agent.propose(view)] for label, agent in baselines(seed).items()}

    first, again, other = points(1), points(1), points(2)
    assert list(first) == ["random points", "all superpixels"] and first == again
    assert first["random points"] != other["random points"]
    assert first["all superpixels"] == other["all superpixels"]
    with pytest.raises(ConfigurationError, match="'ppo' learns; make it from a run"):
        registered_agent("ppo").make()


def test_the_run_of_a_baseline_is_a_folder_with_its_configuration(tmp_path):
    agent = registered_agent("superpixels")
    config, run = agent.configure("smoke", split="NovelObjects"), tmp_path / "run"
    assert isinstance(agent.learn(config, run, resume=False), load(agent.agent))
    values = json.loads((run / "config.json").read_text())
    assert (values["system"], values["split"], values["preset"]) == ("superpixels", "NovelObjects", "smoke")
    with pytest.raises(RunExistsError, match="not empty"):
        agent.learn(config, run, resume=False)
    agent.learn(config, run, resume=True)
    assert len(json.loads((run / "run.json").read_text())["starts"]) == 2
    assert isinstance(agent.from_run(run), load(agent.agent))


def test_a_baseline_draws_by_the_seed_of_its_run(tmp_path):
    agent = registered_agent("random_points")
    view = Observation(rgb=np.zeros((300, 300, 3), np.uint8), depth=np.ones((300, 300), np.float32))
    drawn = []
    for seed in (3, 4):
        run = tmp_path / str(seed)
        agent.learn(agent.configure("smoke", seed=seed), run, resume=False)
        trained, made = agent.from_run(run), agent.make(seed)
        found = [one.point for one in trained.propose(view)]
        assert found == [one.point for one in made.propose(view)]
        drawn.append(found)
    assert drawn[0] != drawn[1]


def test_unknown_names_say_what_there_is():
    with pytest.raises(ConfigurationError, match=r"no agent 'mine'; choose one of .*mask_rcnn"):
        registered_agent("mine")
    with pytest.raises(ConfigurationError, match=r"no module 'agents\.nowhere'"):
        load("agents.nowhere:Agent")
    with pytest.raises(ConfigurationError, match=r"agents\.base has no 'Nothing'"):
        load("agents.base:Nothing")


def test_a_package_of_a_user_registers_its_agent(tmp_path):
    """An installed distribution with an entry point is a row of the table, and its runs are known."""
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "registration.py").write_text(
        "from agents.registry import RegisteredAgent, Row, register\n"
        "register(RegisteredAgent('mine', 'My agent', 'my_package.agent:A', 'my_package.agent:C',\n"
        "    'my_package.agent:train', rows=(Row('z', 'my row'),)))\n"
    )
    metadata = tmp_path / "my_package-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[thor_interact.agents]\nmine = my_package.registration\n")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from eval.table.command_line import main\n"
        "main(['rows'])"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1].split() == ["z", "my", "row", "My", "agent"]


def test_the_register_loads_no_network():
    program = "import sys, agents.registry as one; one.registered_rows(); print(*sys.modules)"
    command = [sys.executable, "-c", program]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert not {"torch", "torchvision", "stable_baselines3"} & set(loaded.split())
