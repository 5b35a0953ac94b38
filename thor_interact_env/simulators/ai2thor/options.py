"""Options of AI2-THOR's player: its start and its time-outs."""

import math
import os
import shlex
import shutil
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, get_args

from thor_interact_env.checks import is_integer, is_number
from thor_interact_env.errors import InvalidOptionError
from thor_interact_env.files import home_folder
from thor_interact_env.simulators.machine import machine_options

Platform = Literal["Linux64", "CloudRendering"]
"""Which of AI2-THOR's builds: for an X server, or for a GPU without one."""

Quality = Literal[
    "Very Low", "Low", "Medium", "MediumCloseFitShadows", "High", "Very High", "Ultra", "High WebGL"
]
"""Quality settings of AI2-THOR's player."""

VARIABLE: Final = "THOR_INTERACT_AI2THOR"
"""Environment variable with a machine's own options, for every command: a JSON object of `PlayerOptions`."""

HOME_REMEDY: Final = (
    "set HOME to a folder that this user may write to: AI2-THOR's client keeps its builds and logs there"
)

SOME_DISPLAY: Final = ":0"
"""A placeholder, because the client requires an X display even if none is used."""


@dataclass(frozen=True)
class PlayerOptions:
    """Options of the player: its start and its time-outs.

    Attributes:
        local_executable_path: A player to start instead of a downloaded build; words after it are arguments.
        platform: The build to download: "CloudRendering" (Vulkan, no X server) or "Linux64" (an X server).
            None: Linux64 if DISPLAY is set, else CloudRendering.
        commit_id: Commit of AI2-THOR whose build is taken. None: that of the installed client.
        gpu_device: GPU on which CloudRendering draws, as `nvidia-smi` numbers all of them, regardless of
            CUDA_VISIBLE_DEVICES. None: Vulkan's first.
        x_display: X display, such as ":0". None: DISPLAY.
        quality: Quality setting, one of `Quality`.
        start_timeout: Seconds from the start of the process until the first room is ready. Before that, the
            X server and each program that finds a GPU have the same limit. Downloading a build is not
            limited.
        step_timeout: Seconds for each action.
        restarts: Maximum number of restarts of a failing player within an episode.

    Raises:
        InvalidOptionError: A value is not allowed.
    """

    local_executable_path: str | os.PathLike[str] | None = None
    platform: Platform | None = None
    commit_id: str | None = None
    gpu_device: int | None = None
    x_display: str | None = None
    quality: Quality = "Ultra"
    start_timeout: float = 300.0
    step_timeout: float = 100.0
    restarts: int = 3

    def __post_init__(self) -> None:
        """Check the values."""
        if self.platform is not None and self.platform not in get_args(Platform):
            choices = ", ".join(get_args(Platform))
            raise InvalidOptionError(f"platform {self.platform!r} is not one of {choices}, nor None")
        if self.quality not in get_args(Quality):
            raise InvalidOptionError(f"quality {self.quality!r} is not one of {', '.join(get_args(Quality))}")
        for name in ("commit_id", "x_display"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value):
                raise InvalidOptionError(f"{name} {value!r} is neither a text nor None")
        if self.gpu_device is not None and (not is_integer(self.gpu_device) or self.gpu_device < 0):
            raise InvalidOptionError(
                f"gpu_device {self.gpu_device!r} is not an integer of at least 0, nor None"
            )
        for name in ("start_timeout", "step_timeout"):
            value = getattr(self, name)
            if not is_number(value) or not 0 < value < math.inf:
                raise InvalidOptionError(f"{name} {value!r} is not a positive finite number of seconds")
        if not is_integer(self.restarts) or self.restarts < 0:
            raise InvalidOptionError(f"restarts {self.restarts!r} is not an integer of at least 0")
        self.executable()

    def executable(self) -> str | None:
        """Return the command line of the local player, quoted for the client; None without one.

        Raises:
            InvalidOptionError: There is no such program, or it may not be run.
        """
        path = self.local_executable_path
        if path is None:
            return None
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else path
        if not isinstance(text, str):
            raise InvalidOptionError(f"local_executable_path {path!r} is neither a text nor a path")
        try:
            # A path may contain spaces; otherwise further words are the program's arguments.
            # A file of the current folder is not searched for in PATH.
            words = [os.path.abspath(text)] if os.path.isfile(text) else shlex.split(text) or [text]
        except ValueError as error:
            raise InvalidOptionError(
                f"local_executable_path {text!r} is no command line ({error}): close the quotation"
            ) from error
        if shutil.which(words[0]) is None:
            reason = (
                "may not be executed: run `chmod +x` on it" if os.path.isfile(words[0]) else "does not exist"
            )
            raise InvalidOptionError(f"local_executable_path {text!r}: {words[0]!r} {reason}")
        return shlex.join(words)

    def display(self) -> str | None:
        """Return the X display that the player is given, or None."""
        return self.x_display or os.environ.get("DISPLAY") or None

    def build_platform(self) -> Platform:
        """Return the build that is used without a local player."""
        return self.platform or ("Linux64" if self.display() else "CloudRendering")

    def build_folder(self) -> str:
        """Return the name of the folder that the build is downloaded to, such as `thor-Linux64-<commit>`.

        Raises:
            ImportError: ai2thor is not installed.
        """
        from ai2thor.build import COMMIT_ID, build_name

        return str(build_name(self.build_platform(), self.commit_id or COMMIT_ID))

    def of_controller(self) -> dict[str, Any]:
        """Return the keyword arguments of `ai2thor.controller.Controller` of these options.

        Raises:
            InvalidOptionError: This user has no home folder; the client would make a folder named `~` in the
            current folder.
        """
        import ai2thor.platform

        if home_folder() is None:
            raise InvalidOptionError(f"HOME is not set; {HOME_REMEDY}")
        options: dict[str, Any] = {"quality": self.quality, "gpu_device": self.gpu_device}
        executable, display = self.executable(), self.display()
        if executable is not None:
            return {**options, "local_executable_path": executable, "x_display": display or SOME_DISPLAY}
        options |= {"platform": getattr(ai2thor.platform, self.build_platform()), "x_display": display}
        return options if self.commit_id is None else {**options, "commit_id": self.commit_id}


def player_options() -> dict[str, Any]:
    """Return the options in the environment variable `VARIABLE`; none if it is not set.

    The path of a player and its GPU belong to a machine and not to a run, which may continue on another one.

    Raises:
        InvalidOptionError: It is not such an object; `PlayerOptions` checks the values.
    """
    allowed = [field.name for field in fields(PlayerOptions)]
    return machine_options(VARIABLE, allowed, '{"local_executable_path": "/opt/thor/player"}')
