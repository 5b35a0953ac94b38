"""One process of AI2-THOR's Unity player: start, actions, end; every failure is one sentence."""

import contextlib
import os
import re
import time
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gymnasium.error import DependencyNotInstalled

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import FIELD_OF_VIEW
from thor_interact_env.errors import (
    PlayerActionError,
    PlayerDiedError,
    PlayerError,
    PlayerProtocolError,
    PlayerStartError,
    PlayerTimeoutError,
    UnknownRoomError,
)
from thor_interact_env.files import home_folder
from thor_interact_env.simulators.ai2thor.options import PlayerOptions

if TYPE_CHECKING:
    from ai2thor.server import Event

    from thor_interact_env.simulators.ai2thor.watched import PlayerFault, WatchedController

_LONGEST: Final = 300  # characters of a player's message that are repeated

_STACK: Final = re.compile(r"\. trace:|\n\s+at ")
"""End of the message of an exception in the player, before its stack."""

DOCTOR: Final = "`python -m thor_interact_env.doctor` prints what is missing on this machine"

_LEFT_OVER: Final = "AI2THOR_VISIBILITY_DISTANCE"
_UNITY_LOG: Final = ".config/unity3d/Allen Institute for Artificial Intelligence/AI2-THOR/Player.log"
_FAULTS: Final[dict[str, tuple[type[PlayerError], str]]] = {
    "died": (PlayerDiedError, f"read the end of the log; {DOCTOR}"),
    "silent": (PlayerTimeoutError, "raise step_timeout if the machine is only slow"),
    "garbled": (PlayerProtocolError, "use a build that fits the installed ai2thor package (see commit_id)"),
}


def require_ai2thor() -> None:
    """Load the client.

    Raises:
        DependencyNotInstalled: ai2thor is not installed.
    """
    try:
        import ai2thor.controller  # noqa: F401
    except ImportError as error:
        raise DependencyNotInstalled(
            f'simulator="ai2thor" needs AI2-THOR\'s client ({error}): run `pip install "thor-interact[thor]"`'
        ) from error


def said(text: object) -> str:
    """Return the message of a player or its client in one line, without the stack of an exception."""
    return " ".join(_STACK.split(str(text), maxsplit=1)[0].split())[:_LONGEST]


class Player:
    """AI2-THOR's player, started by the client, with images of depth and of instances.

    Args:
        options: Its options.
        visibility_distance: Metres, horizontally, within which the player lets the agent interact.
    """

    def __init__(self, options: PlayerOptions, visibility_distance: float) -> None:
        """Store the options; nothing is started."""
        self._options = options
        self._visibility_distance = visibility_distance
        self._controller: WatchedController | None = None
        self._started_at = 0.0
        self._process = os.getpid()

    @property
    def running(self) -> bool:
        """Whether this process has started it and not ended it."""
        return self._own() is not None

    @property
    def process_id(self) -> int:
        """Number of the player's process.

        Raises:
            RuntimeError: It is not running.
        """
        return int(self._running().unity_pid)

    @property
    def clip_planes(self) -> tuple[float, float]:
        """Distances in metres of the camera's near and far plane, as the player reported them."""
        server = self._running().server
        assert server is not None
        return float(server.camera_near_plane), float(server.camera_far_plane)

    def reset(self, room: str) -> None:
        """Load a room as it is built, starting the player if necessary.

        Raises:
            UnknownRoomError: This build has no such room.
            PlayerError: The player cannot be started, or failed.
        """
        controller = self._own()
        if controller is None:
            self._start(room)
            return
        scenes = controller.scenes_in_build
        if scenes and controller.normalize_scene(room) not in scenes:
            raise _absent(room, scenes)
        with self._explained("Reset"):
            controller.reset(room)

    def step(self, action: str, **arguments: Any) -> "Event":
        """Do an action; one that fails within the simulation returns an unsuccessful event.

        Args:
            action: Name of the action, such as "TeleportFull".
            **arguments: Its arguments.

        Raises:
            PlayerDiedError: The player's process has ended.
            PlayerTimeoutError: It did not answer in time.
            PlayerProtocolError: It sent unreadable data.
            PlayerActionError: It does not know the action or its arguments.
        """
        controller = self._running()
        with self._explained(action):
            return controller.step(action, **arguments)

    def close(self) -> None:
        """Kill the player; never raises, and a second call does nothing."""
        controller, self._controller = self._own(), None
        if controller is not None:
            controller.abandon()
            controller.last_event = None

    def log(self) -> Path:
        """Return the most informative log of the current player: Unity's own log, or its output."""
        home = home_folder() or Path("~")  # as in the client
        own = home / _UNITY_LOG
        with contextlib.suppress(OSError):
            if own.stat().st_mtime >= self._started_at:
                return own
        return home / ".ai2thor" / "log" / "unity.log"

    def fault(self, cause: str) -> PlayerProtocolError:
        """Return the error for an incomplete answer; `cause` follows "the player" in its message."""
        return PlayerProtocolError(self._sentence(cause, _FAULTS["garbled"][1]))

    def _start(self, room: str) -> None:
        require_ai2thor()
        from thor_interact_env.simulators.ai2thor.watched import PlayerFault, WatchedController

        if _LEFT_OVER in os.environ:  # the client would add it to every action, which players reject
            cause = f"would be sent {_LEFT_OVER}={os.environ[_LEFT_OVER]!r} from the environment"
            raise PlayerStartError(self._sentence(cause, f"unset {_LEFT_OVER}"))
        self._started_at = time.time()
        self._controller, self._process = None, os.getpid()
        try:
            with warnings.catch_warnings():
                # The client leaves its log file open until garbage collection.
                warnings.simplefilter("ignore", ResourceWarning)
                self._controller = WatchedController(
                    self._options.start_timeout,
                    self._options.step_timeout,
                    **self._options.of_controller(),
                    scene=room,
                    width=IMAGE_SIZE,
                    height=IMAGE_SIZE,
                    fieldOfView=FIELD_OF_VIEW,
                    visibilityDistance=self._visibility_distance,
                    renderDepthImage=True,
                    renderInstanceSegmentation=True,
                )
        except PlayerFault as fault:
            remedy = DOCTOR
            if fault.kind == "silent":
                remedy = f"raise start_timeout if the machine is only slow; {DOCTOR}"
            raise PlayerStartError(self._sentence(f"did not start: it {fault.cause}", remedy)) from None
        except Exception as error:  # the client's search for a build, a display and a GPU raises any type
            if "not contained in build" in str(error):
                raise UnknownRoomError(f"AI2-THOR's build has no room {room!r}") from error
            cause = f"could not be started ({type(error).__name__}: {said(error)})"
            raise PlayerStartError(self._sentence(cause, DOCTOR)) from error
        if self._options.local_executable_path is not None:
            # A build for CloudRendering ignores the quality on its command line, and the client recognises
            # only builds that it has chosen itself.
            self.step("ChangeQuality", quality=self._options.quality)

    @contextlib.contextmanager
    def _explained(self, action: str) -> Iterator[None]:
        """Convert exceptions of the client into this package's errors; a failed player is ended."""
        from thor_interact_env.simulators.ai2thor.watched import PlayerFault

        try:
            yield
        except PlayerFault as fault:
            self.close()
            raise self._error(fault, action) from None
        except (ValueError, RuntimeError) as error:
            message = f"refused {action} ({said(error)})"
            raise PlayerActionError(self._sentence(message, _FAULTS["garbled"][1])) from error
        except BaseException:
            self.close()  # interrupted during an exchange
            raise

    def _error(self, fault: "PlayerFault", action: str) -> PlayerError:
        kind, remedy = _FAULTS[fault.kind]
        return kind(self._sentence(f"failed at {action}: it {fault.cause}", remedy))

    def _sentence(self, cause: str, remedy: str) -> str:
        return f"AI2-THOR's player {cause}; its log is {self.log()}; {remedy}."

    def _own(self) -> "WatchedController | None":
        """Return the client that this process started; a forked child does not use its parent's."""
        return self._controller if self._process == os.getpid() else None

    def _running(self) -> "WatchedController":
        controller = self._own()
        if controller is None:
            raise RuntimeError("AI2-THOR's player is not running: call load(location) first.")
        return controller


def _absent(room: str, scenes: Collection[str]) -> UnknownRoomError:
    names = ", ".join(sorted(scene.removesuffix("_physics") for scene in scenes))
    return UnknownRoomError(f"AI2-THOR's build has no room {room!r}; it has {names}")
