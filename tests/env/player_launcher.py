"""How tests have AI2-THOR's client launch the stand-in player."""

import contextlib
import functools
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from thor_interact_env.simulators.ai2thor.simulator import Ai2thorSimulator

PLAYER = Path(__file__).parents[1] / "thor_player" / "player.py"

PLAYER_COMMAND = shlex.join([sys.executable, str(PLAYER)])
"""What the client is given as the path of its player."""

FAULTS_VARIABLE = "THOR_PLAYER_FAULTS"


@contextlib.contextmanager
def client_environment(home: Path, faults: list | None = None) -> Iterator[Path]:
    """Let the client write into a folder of its own, and find no display and no GPU.

    Args:
        home: An empty folder.
        faults: One entry for each player that starts: see `tests/thor_player/faults.py`.

    Yields:
        The file of the faults that no player has taken yet.
    """
    file = home / "faults.json"
    file.write_text(json.dumps(faults or []))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv(FAULTS_VARIABLE, str(file))
        patch.delenv("DISPLAY", raising=False)
        patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        yield file


class SharedThorSimulator(Ai2thorSimulator):
    """The adapter over one player that outlives the environments it is lent to; copies have their own."""

    def __reduce__(self):
        return functools.partial(Ai2thorSimulator, **self.arguments), ()

    def close(self):
        """Leave the player running; see `end`."""

    def end(self):
        super().close()


@functools.cache
def shared_simulator():
    """Make the shared simulator; its player is started by the first call."""
    return SharedThorSimulator(local_executable_path=PLAYER_COMMAND, start_timeout=300, step_timeout=300)
