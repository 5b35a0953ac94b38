"""How tests have AI2-THOR's client launch the stand-in player."""

import contextlib
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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
