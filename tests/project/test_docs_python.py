"""Every Python example in the documentation runs; of those that need AI2-THOR the names are looked up."""

import ast
import inspect
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from documents import Block, blocks
from fake_simulator import FakeSimulator
from own_object_files import LAMP, folder_of

from agents import registry
from agents.selfsup_agent.registration import paper_row
from agents.selfsup_agent.variants import make_network
from agents.training.checkpoint import Checkpoint, save_checkpoint, write_json
from agents.training.configuration import TrainConfig
from thor_interact_env.datasets.drawing import Drawing
from thor_interact_env.datasets.making import make_dataset
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.export.command_line import main as export
from thor_interact_env.locations import Location
from thor_interact_env.record import Plan, make_record
from thor_interact_env.simulators.mujoco.objects import tables

EXAMPLES = {str(block): block for block in blocks("python")}

NOT_RUN = {"docs/ai2thor.md": "needs AI2-THOR's Unity build"}

NAMES = {
    "docs/extending.md": {
        **vars(tables),  # a builder is written in such a module
        "gymnasium": gymnasium,
        "MySimulator": FakeSimulator,
        "location": Location("FloorPlan1", (0.0, 0.9, 0.0), 0, 0, 0),
        "paper_row": paper_row,
    }
}
"""Names that the text around an example explains."""


def write_run(folder: Path, preset: str) -> None:
    """Write a run with an untrained network, in place of one that takes minutes or an hour."""
    config = TrainConfig.from_preset(preset)
    torch.manual_seed(0)
    model = make_network().state_dict()
    folder.mkdir(parents=True)
    write_json(folder / "config.json", config.to_json())
    save_checkpoint(folder, 1, Checkpoint(model, {}, {}), keep=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the reader of the pages is: with runs, a dataset file, and exported rooms."""
    folder = tmp_path_factory.mktemp("reader")
    for preset in ("quick", "hour"):
        write_run(folder / "runs" / preset, preset)
    for seed in range(9):  # until there is an object at the first location
        drawing, file = Drawing("NovelSpaces/test", 1, seed), folder / "NovelSpaces__test.json"
        if make_dataset(drawing, file, forces=False, progress=False)[0].annotations:
            break
        file.unlink()
    plan = Plan(episodes=1, touches=1)
    for name, format in (("touches", "parquet"), ("touches-v0", "minari"), ("views", "coco")):
        make_record(plan, folder / name, format, progress=False)
    export(["FloorPlan1", "--out", str(folder / "scenes")])
    export(["Procedural7", "--out", str(folder / "room.mjz")])
    folder_of(folder / "my_objects", "lamp.xml,Lamp,0.7,,0.3,,,\n", lamp_xml=LAMP)
    return folder


def check_names(code: str) -> None:
    """Import what an example imports; look up attributes of modules and arguments of `gymnasium.make`."""
    tree = ast.parse(code)
    names: dict[str, object] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            exec(compile(ast.Module([statement], []), "example", "exec"), names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names:
            getattr(names[node.value.id], node.attr)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "gymnasium.make":
            gymnasium.spec(ast.literal_eval(node.args[0]))
            known = inspect.signature(ThorInteractEnv).parameters
            assert [each.arg for each in node.keywords if each.arg not in known] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(monkeypatch, folder, name):
    block: Block = EXAMPLES[name]
    if block.page in NOT_RUN:
        check_names(block.code)
        return
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(folder))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(folder / "cache"))
    known = set(registry.registered_agents())
    names = dict(NAMES.get(block.page, {}), __name__="example")
    try:
        exec(compile(block.code, name, "exec"), names)
    finally:
        for added in set(registry.registered_agents()) - known:
            registry.unregister(added)
    for value in list(names.values()):
        if isinstance(value, gymnasium.Env):
            value.close()


def test_examples_are_found():
    assert len(EXAMPLES) >= 12 and set(NOT_RUN) <= {block.page for block in EXAMPLES.values()}


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("from thor_interact_env.datasets import no_locations", ImportError),
        ("import thor_interact_env\nthor_interact_env.no_name", AttributeError),
        (
            'import gymnasium\nimport thor_interact_env\ngymnasium.make("ThorInteract-v0", share=1)',
            AssertionError,
        ),
        ('import gymnasium\ngymnasium.make("NoSuchEnvironment-v0")', gymnasium.error.NameNotFound),
    ],
)
def test_names_that_do_not_exist_are_found(code, error):
    with pytest.raises(error):
        check_names(code)


def test_a_brick_is_what_the_page_promises():
    (block,) = [each for each in EXAMPLES.values() if "def brick" in each.code]
    names = dict(NAMES[block.page])
    exec(block.code, names)
    blueprint = names["brick"](np.random.default_rng(0), (0.2, 0.1, 0.06))
    low, high = blueprint.bounds()
    np.testing.assert_allclose(high - low, (0.2, 0.1, 0.06))
