"""How tests make the adapter to AI2-THOR over the player that starts at once."""

import contextlib
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from player_launcher import client_environment

from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.ai2thor.simulator import Ai2thorSimulator

FLAT_PLAYER = shlex.join([sys.executable, str(Path(__file__).with_name("flat_player.py"))])
HERE = Location("FloorPlan1", (0.25, 0.9, 0.0), 90, 30, 7)
ON_MUG = (150, 170)
"""Row and column of a pixel on the mug, wherever it was pushed to by two touches or fewer."""

ON_SINK = (260, 150)
ON_WALL = (20, 20)
AWAY = np.array([1.0, 2.0, -1.0])


@contextlib.contextmanager
def flat_simulator(
    home: Path, faults: list | None = None, asked: dict | None = None, **options: Any
) -> Iterator:
    """Make the adapter with an environment in which the player misbehaves as asked."""
    with client_environment(home, faults), pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLAT_PLAYER", json.dumps(asked or {}))
        quick = {"local_executable_path": FLAT_PLAYER, "start_timeout": 20, "step_timeout": 20}
        simulator = Ai2thorSimulator(**{**quick, **options})
        yield simulator
        simulator.close()


def one_sentence(error: BaseException) -> bool:
    """Whether a message is one line that names the cause, the player's log and a remedy."""
    remedy = "(doctor|start_timeout|step_timeout|commit_id|unset)"
    return bool(re.fullmatch(rf"AI2-THOR's player \S.*; its log is /\S.*\.log; .*{remedy}.*\.", str(error)))


def asked_of(simulator: Ai2thorSimulator, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict]]:
    """Return a list to which every action that the simulator asks the player for will be added."""
    actions: list[tuple[str, dict]] = []
    player = simulator.world.player
    step, reset = player.step, player.reset

    def noted_step(name: str, **rest: Any) -> Any:
        actions.append((name, rest))
        return step(name, **rest)

    def noted_reset(room: str) -> None:
        actions.append(("Reset", {"room": room}))
        reset(room)

    monkeypatch.setattr(player, "step", noted_step)
    monkeypatch.setattr(player, "reset", noted_reset)
    return actions
