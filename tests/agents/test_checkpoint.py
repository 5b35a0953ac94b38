import json
import os
import random

import numpy as np
import pytest
import torch

from agents.training.checkpoint import (
    Checkpoint,
    CheckpointError,
    checkpoint_folder,
    last_checkpoint,
    list_checkpoints,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)
from agents.training.progress import random_states, restore_random_states


def trained(steps=2, seed=0):
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).to(
        memory_format=torch.channels_last
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-4)
    for _ in range(steps):
        step(model, optimizer)
    return model, optimizer


def step(model, optimizer):
    optimizer.zero_grad()
    model(torch.randn(2, 3, 8, 8)).square().sum().backward()
    optimizer.step()


def checkpoint_of(model, optimizer, **state):
    return Checkpoint(model.state_dict(), optimizer_tensors(optimizer), state)


def test_training_goes_on_bit_for_bit(tmp_path):
    model, optimizer = trained()
    generator = np.random.default_rng(5)
    generator.random(3)
    state = {"random": random_states(generator)}
    folder = save_checkpoint(tmp_path, 1, checkpoint_of(model, optimizer, **state))
    step(model, optimizer)
    expected_draws = (random.random(), generator.random(), torch.rand(1).item())

    other_model, other_optimizer = trained(steps=0, seed=9)
    other_generator = np.random.default_rng(0)
    loaded = load_checkpoint(folder)
    other_model.load_state_dict(loaded.model)
    restore_optimizer(other_optimizer, loaded.optimizer)
    restore_random_states(loaded.state["random"], other_generator)
    step(other_model, other_optimizer)
    assert (random.random(), other_generator.random(), torch.rand(1).item()) == expected_draws
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other_model.state_dict()[name]), name
    for name, tensor in optimizer_tensors(optimizer).items():
        assert torch.equal(tensor, optimizer_tensors(other_optimizer)[name]), name


def test_the_newest_two_stay_and_last_is_a_relative_link(tmp_path):
    model, optimizer = trained()
    for number in (1, 2, 3):
        save_checkpoint(tmp_path, number, checkpoint_of(model, optimizer, episode=number))
    assert [path.name for path in list_checkpoints(tmp_path)] == ["000002", "000003"]
    assert os.readlink(tmp_path / "checkpoints" / "last") == "000003"
    assert last_checkpoint(tmp_path) == (tmp_path / "checkpoints" / "000003").resolve()
    assert load_checkpoint(last_checkpoint(tmp_path)).state["episode"] == 3
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["000002", "000003", "last"]
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    assert load_checkpoint(last_checkpoint(moved)).state["episode"] == 3


def test_going_back_to_an_older_one_replaces_what_came_after(tmp_path):
    model, optimizer = trained()
    for number in (1, 2, 3):
        save_checkpoint(tmp_path, number, checkpoint_of(model, optimizer, attempt=1))
    save_checkpoint(tmp_path, 2, checkpoint_of(model, optimizer, attempt=2))
    assert load_checkpoint(last_checkpoint(tmp_path)).state["attempt"] == 2
    assert [path.name for path in list_checkpoints(tmp_path)] == ["000002"]


def test_an_interrupted_save_leaves_the_last_one_valid(tmp_path):
    model, optimizer = trained()
    save_checkpoint(tmp_path, 1, checkpoint_of(model, optimizer, episode=1))
    unsavable = Checkpoint(model.state_dict(), optimizer_tensors(optimizer), {"episode": object()})
    with pytest.raises(TypeError):
        save_checkpoint(tmp_path, 2, unsavable)
    assert load_checkpoint(last_checkpoint(tmp_path)).state["episode"] == 1
    save_checkpoint(tmp_path, 2, checkpoint_of(model, optimizer, episode=2))
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["000001", "000002", "last"]


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped", "empty"])
def test_damage_names_the_file_and_the_remedy(tmp_path, name, damage):
    model, optimizer = trained()
    for number in (1, 2):
        save_checkpoint(tmp_path, number, checkpoint_of(model, optimizer))
    path = checkpoint_folder(tmp_path, 2) / name
    content = path.read_bytes()
    middle = len(content) // 2
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(content[:middle])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 0x80]) + content[middle + 1 :])
    with pytest.raises(CheckpointError, match=f"{name}.*000001"):
        load_checkpoint(last_checkpoint(tmp_path))


def test_weights_alone_need_no_optimizer(tmp_path):
    model, optimizer = trained()
    folder = save_checkpoint(tmp_path, 1, checkpoint_of(model, optimizer))
    (folder / "optimizer.safetensors").unlink()
    assert load_checkpoint(folder, weights_only=True).model.keys() == model.state_dict().keys()


def test_another_format_is_refused(tmp_path):
    folder = save_checkpoint(tmp_path, 1, checkpoint_of(*trained()))
    state = json.loads((folder / "state.json").read_text())
    (folder / "state.json").write_text(json.dumps({**state, "format": 99}))
    with pytest.raises(CheckpointError, match="format 1"):
        load_checkpoint(folder)


def test_folders_without_checkpoint_say_so(tmp_path):
    with pytest.raises(CheckpointError, match="is not a folder"):
        last_checkpoint(tmp_path / "nothing")
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        last_checkpoint(tmp_path)


def test_an_optimizer_of_another_network_is_refused():
    _, optimizer = trained()
    tensors = optimizer_tensors(optimizer)
    other = torch.optim.Adam([torch.nn.Parameter(torch.zeros(2))])
    with pytest.raises(CheckpointError, match="network has changed"):
        restore_optimizer(other, tensors)


def test_malformed_random_states_are_refused():
    generator = np.random.default_rng(0)
    states = random_states(generator)
    with pytest.raises(CheckpointError, match="malformed"):
        restore_random_states({**states, "numpy": {"bit_generator": "MT"}}, generator)
    with pytest.raises(CheckpointError, match="malformed"):
        restore_random_states({name: states[name] for name in ("numpy", "torch")}, generator)
