"""Evaluated runs of every registered agent that is an interaction network: untrained, in no time."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from report_material import results

from agents.query_agent.network import QueryNet
from agents.registry import load, registered_agent, registered_agents
from agents.selfsup_agent.network_agent import NetworkAgent
from agents.selfsup_agent.variants import make_network
from agents.training.checkpoint import Checkpoint, save_checkpoint, write_json

NETWORKS: Mapping[str, Callable[[], torch.nn.Module]] = {
    "self_supervised": make_network,
    "queried_masks": QueryNet,
}

COMMAND = "python -m agents train --out /home/somebody/secret"


def network_agents() -> set[str]:
    """Return the names of the registered agents that are interaction networks."""
    return {name for name, one in registered_agents().items() if issubclass(load(one.agent), NetworkAgent)}


def write_network_run(run: Path, name: str = "self_supervised", seed: int = 0) -> Path:
    """Write what a finished and evaluated run leaves behind, memory bank and optimizer excepted."""
    run.mkdir(parents=True)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        weights = NETWORKS[name]().state_dict()
    # A network from a seed finds next to nothing: let every cell be as sure as its features differ.
    weights["score_head.weight"] = weights["score_head.weight"] * 100
    save_checkpoint(run, 2, Checkpoint(weights, {}, {}))
    write_json(run / "config.json", registered_agent(name).configure("smoke").to_json())
    start = {"time": "2020-01-01T00:00:00+00:00", "command": COMMAND, "world": "mujoco 0123"}
    hardware = {"processor": "Abacus", "cores": 2, "gpu": None}
    notes = {"starts": [start], "hardware": hardware, "checkpoint": 2, "training_seconds": 90}
    write_json(run / "run.json", notes)
    evaluation = {
        "split": "NovelSpaces/test",
        "world": "mujoco 0123",
        "locations": 4,
        "seed": 0,
        "reach": 1.5,
        "rows": {registered_agent(name).label: results(0.5), "all superpixels": results(0.1)},
        "training_success": {"greedy": 0.25, "random": 0.125},
    }
    write_json(run / "evaluation.json", evaluation)
    touches = [
        {"episode": episode, "greedy_touches": 10 * episode, "random_touches": 1} for episode in (1, 2, 3)
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in touches))
    return run
