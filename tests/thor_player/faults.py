"""Ways in which a player misbehaves on request.

The environment variable `THOR_PLAYER_FAULTS` names a JSON file with a list. Each player that starts takes the
first entry away: null behaves, and so does a player that finds the list empty or no file. The kinds of entry:

- `{"kind": "late", "seconds": 1}`: starts late, then behaves.
- `{"kind": "silent"}`: never opens its pipe.
- `{"kind": "exits", "code": 3}`: ends before it opens its pipe.
- `{"kind": "crash", "after": 5}`: is killed by a signal, instead of answering.
- `{"kind": "garbage", "after": 5}`: answers with bytes that are no message.
- `{"kind": "half", "after": 5}`: announces an answer and sends a part of it.
- `{"kind": "stall", "after": 5}`: never answers.
- `{"kind": "flood", "after": 5}`: sends whole parts of an answer, and never its end.
- `{"kind": "fails", "after": 5, "times": 1}`: says that it cannot do the action, for a reason of the room's.
- `{"kind": "stale"}`: says that everything rests, whatever moves, as AI2-THOR does once a body is destroyed.
- `{"kind": "renames"}`: its spawns put objects a little higher, so that all have other identifiers.

"after" is the number of actions that are answered before; with `"action": "TouchThenApplyForce"` only
actions of this name count, and only one of them is answered wrongly, or as many as "times" says.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dispatching import Outcome, thrown
from protocol import HEADER, Connection, Field

VARIABLE: Final = "THOR_PLAYER_FAULTS"

_LONGEST: Final = 120.0
"""Seconds after which a silent player ends even if nobody kills it."""


class Faults:
    """What this player does wrong.

    Args:
        environment: May hold `THOR_PLAYER_FAULTS`.

    Raises:
        ValueError: There is no such kind of fault.
    """

    _KINDS: Final = (
        *("late", "silent", "exits", "crash", "garbage", "half", "stall", "flood"),
        *("fails", "stale", "renames"),
    )

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take the next entry away; see the module."""
        self._fault: dict[str, Any] = self._take(environment.get(VARIABLE)) or {"kind": "none"}
        if self._fault["kind"] not in ("none", *self._KINDS):
            raise ValueError(f"there is no fault {self._fault['kind']!r}; there are {', '.join(self._KINDS)}")
        self._answered = 0

    @property
    def stale(self) -> bool:
        """Whether it says that everything rests, whatever moves."""
        return bool(self._fault["kind"] == "stale")

    @property
    def renames(self) -> bool:
        """Whether its spawns give other identifiers than those of other players."""
        return bool(self._fault["kind"] == "renames")

    @staticmethod
    def _take(path: str | None) -> dict[str, Any] | None:
        if path is None:
            return None
        file = Path(path)
        entries = json.loads(file.read_text())
        file.write_text(json.dumps(entries[1:]))
        return entries[0] if entries else None

    def before_start(self) -> None:
        """Misbehave before the pipe is opened."""
        match self._fault["kind"]:
            case "late":
                time.sleep(self._fault["seconds"])
            case "silent":
                _wait()
            case "exits":
                print("the player ends, as it was asked to", file=sys.stderr, flush=True)
                os._exit(self._fault["code"])

    def before_answer(self, action: str, connection: Connection) -> bool:
        """Misbehave instead of an answer to an action; return whether something was sent in its place."""
        if self._fault["kind"] == "fails" or not self._due(action):
            return False
        match self._fault["kind"]:
            case "crash":
                os.kill(os.getpid(), signal.SIGKILL)
            case "garbage":
                connection.write(b"\x4dthis is no message of the protocol")
            case "half":
                connection.write(HEADER.pack(Field.METADATA, 1000) + b"\x00" * 10)
                _wait()
            case "stall":
                _wait()
            case "flood":
                while True:  # until the other end is closed
                    connection.write(HEADER.pack(Field.METADATA, 1) + b"\x80")
        return True

    def failure(self, action: str) -> Outcome | None:
        """Return the outcome of an action that the player is to fail at; None: it may be done."""
        if self._fault["kind"] != "fails" or not self._due(action):
            return None
        if self._answered > self._fault["after"] + self._fault.get("times", 1):
            return None
        return thrown(
            "InvalidOperationException",
            "In FloorPlan1_physics, position (2.25, 0.90, -9.50) can be reached via capsule cast but is "
            "beyond the scene bounds.",
        )

    def _due(self, action: str) -> bool:
        """Count an action, and return whether its turn has come."""
        if "after" not in self._fault or self._fault.get("action", action) != action:
            return False
        self._answered += 1
        return bool(self._answered > self._fault["after"])


def _wait() -> None:
    """Do nothing until killed, orphaned, or long after any test has given up."""
    parent, start = os.getppid(), time.monotonic()
    while os.getppid() == parent and time.monotonic() - start < _LONGEST:
        time.sleep(0.05)
    os._exit(0)
