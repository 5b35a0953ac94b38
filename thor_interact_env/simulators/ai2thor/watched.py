"""AI2-THOR's client with pipes that never block indefinitely.

The client of ai2thor 5.0.0 opens both named pipes with a plain `open`, which waits indefinitely if the player
never opens its end; its time-outs start only after that, and the end of a player is detected as a time-out,
or not at all. Here the pipes do not block, every exchange has one deadline, and the end of the process is
detected at once. Everything else is the client's own. Importing this module needs ai2thor.
"""

import contextlib
import errno
import fcntl
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from io import FileIO
from typing import Any, Final, Literal, NoReturn

import requests
from ai2thor.build import Build
from ai2thor.controller import Controller
from ai2thor.fifo_server import FifoServer
from ai2thor.platform import Linux64

FaultKind = Literal["died", "silent", "garbled"]
"""How a player fails: its process ended, it does not answer, or it violates the protocol."""

LARGEST_FIELD: Final = 2**28
"""Maximum size in bytes of a field of a message."""

PIPE_SIZE: Final = 2**20
"""Bytes that the pipe from the player holds; with Linux's default of 64 KiB a step takes twice as long."""

_GLANCE: Final = 0.05  # seconds between two checks of the process
_FIRST_ANSWER: Final = 30.0  # maximum seconds for the answer of the server of the builds
_GPU_PROGRAMS: Final = (["vulkaninfo"], ["nvidia-smi", "-L"])
_ASK_DISPLAYS: Final = """
import json, sys
from ai2thor.platform import Linux64, Request
width, height, display = json.loads(sys.argv[1])
Linux64.validate(Request("Linux", width, height, display, False))
"""
_EXIT_CODE_SECONDS: Final = 2.0  # maximum seconds for the exit code of a player that has closed its pipe


class PlayerFault(Exception):  # noqa: N818 - it becomes a PlayerError
    """A failure of the player.

    Attributes:
        kind: How it failed.
        cause: The end of a sentence that starts with "the player".
    """

    def __init__(self, kind: FaultKind, cause: str) -> None:
        """Store both."""
        super().__init__(cause)
        self.kind: FaultKind = kind
        self.cause = cause


class WatchedServer(FifoServer):
    """The client's end of the two named pipes, with one deadline for each exchange.

    Args:
        start_timeout: Seconds from the start of the process to the end of the first set-up.
        step_timeout: Seconds for an action and its answer.
        **options: Those of `FifoServer`.

    Attributes:
        fault: The first fault, or None.
        starting: Whether the deadline is still that of the start.
    """

    def __init__(self, start_timeout: float, step_timeout: float, **options: Any) -> None:
        """Make the folder of the pipes; see the class."""
        super().__init__(timeout=step_timeout, **options)
        self.client_pipe: FileIO | None = None
        self.server_pipe: FileIO | None = None
        self.fault: PlayerFault | None = None
        self.starting = True
        self._start_timeout = start_timeout
        self._step_timeout = step_timeout
        self._deadline = 0.0
        self._process = os.getpid()

    def start(self) -> None:
        """Make the pipes; the time of the start is measured from now."""
        super().start()
        self.begin_start()

    def begin_start(self) -> None:
        """Measure the time of the start from now."""
        self._deadline = time.monotonic() + self._start_timeout

    def stop(self) -> None:
        """Close the pipes and kill the player; may be called at any time and repeatedly."""
        for pipe in (self.client_pipe, self.server_pipe):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        player = self.unity_proc
        if os.getpid() != self._process:  # a forked child does not end its parent's player
            return
        if player is not None:
            with contextlib.suppress(OSError):
                player.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                player.wait(timeout=5)
        self.raw_metadata = self.raw_files = None  # the client is kept until the interpreter ends
        with contextlib.suppress(OSError):
            self.tmp_dir.cleanup()

    def send(self, action: dict[str, Any]) -> None:
        """Send an action; the time of the exchange is measured from now."""
        if not self.starting:
            self._deadline = time.monotonic() + self._step_timeout
        super().send(action)

    def _send_message(self, message_type: int, body: bytes) -> None:
        self._last_action_message = body
        if self.client_pipe is None:
            self.client_pipe = self._open_for_writing()
        rest = memoryview(self._create_header(message_type, body) + body + self.eom_header)
        while rest:
            self._wait(self.client_pipe, select.POLLOUT)
            try:
                rest = rest[self.client_pipe.write(rest) or 0 :]
            except BrokenPipeError:
                self._report_exit()

    def _recv_message(self, timeout: float | None) -> Any:
        if self.server_pipe is None:
            handle = os.open(self.server_pipe_path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with contextlib.suppress(OSError, AttributeError):  # not allowed, or not Linux: works, but slower
                fcntl.fcntl(handle, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
            self.server_pipe = FileIO(handle, "rb")
        return super()._recv_message(timeout)

    def _read_with_timeout(self, server_pipe: FileIO, message_size: int, timeout: float | None) -> bytes:
        if message_size > LARGEST_FIELD:
            self._fail("garbled", f"announced {message_size:,} bytes, which is not AI2-THOR's protocol")
        content = bytearray(message_size)
        rest = memoryview(content)
        while rest:
            self._wait(server_pipe, select.POLLIN)
            count = server_pipe.readinto(rest)
            if count == 0:
                self._report_exit()
            rest = rest[count or 0 :]
        return bytes(content)

    def _open_for_writing(self) -> FileIO:
        while True:
            try:
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC
                return FileIO(os.open(self.client_pipe_path, flags), "wb")
            except OSError as error:
                if error.errno != errno.ENXIO:  # ENXIO: the player has not opened its end yet
                    raise
            self._check()
            time.sleep(0.002)

    def _wait(self, pipe: FileIO, event: int) -> None:
        """Return when the pipe is ready, or when its other end is closed."""
        poll = select.poll()
        poll.register(pipe, event)
        while True:
            left = self._deadline - time.monotonic()
            # A player that sends data endlessly is always ready, so the time is checked first.
            if left > 0 and poll.poll(1000 * min(left, _GLANCE)):
                return
            self._check()

    def _check(self) -> None:
        player = self.unity_proc
        if player is not None and player.poll() is not None:
            self._report_exit()
        if time.monotonic() >= self._deadline:
            seconds = self._start_timeout if self.starting else self._step_timeout
            self._fail("silent", f"did not answer within {seconds:g} s")

    def _report_exit(self) -> NoReturn:
        player = self.unity_proc
        code = None
        if player is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = player.wait(timeout=_EXIT_CODE_SECONDS)
        self._fail("died", "closed its pipe" if code is None else f"ended with exit code {code}")

    def _fail(self, kind: FaultKind, cause: str) -> NoReturn:
        if self.fault is None:
            self.fault = PlayerFault(kind, cause)
        raise self.fault


class WatchedController(Controller):
    """The client over a `WatchedServer`.

    Args:
        start_timeout: Seconds from the start of the process to the end of the first set-up.
        step_timeout: Seconds for an action and its answer.
        gpu_device: GPU on which CloudRendering draws, counted among all of the machine. The client would
            count among those in CUDA_VISIBLE_DEVICES, and choose one of them if none was given.
        **options: Those of `Controller`.

    Raises:
        PlayerFault: The player failed during its start; no process remains.
    """

    def __init__(
        self, start_timeout: float, step_timeout: float, gpu_device: int | None = None, **options: Any
    ) -> None:
        """Start the player and wait for it; see the class."""
        self._timeouts = (start_timeout, step_timeout)
        self._gpu_device = gpu_device
        self.server: WatchedServer | None = None
        self._build: Any = None
        try:
            super().__init__(server_timeout=step_timeout, server_start_timeout=start_timeout, **options)
        except BaseException as error:
            self.abandon()
            if self.server is not None and self.server.fault is not None:
                raise self.server.fault from error
            raise
        assert self.server is not None
        self.server.starting = False

    def step(self, action: Any = None, **arguments: Any) -> Any:
        """Send an action and return its event, as `Controller.step` does.

        Raises:
            PlayerFault: The player failed; it has been killed.
            ValueError: The player refused the action.
        """
        with self._guarded():
            return super().step(action, **arguments)

    def reset(self, scene: Any = None, **arguments: Any) -> Any:
        """Load a room and return its event, as `Controller.reset` does.

        Raises:
            PlayerFault: The player failed; it has been killed.
            ValueError: The player refused, or it has no such room.
            RuntimeError: The player could not be set up in it.
        """
        with self._guarded():
            return super().reset(scene, **arguments)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        server, last = self.server, self.last_event
        assert server is not None
        try:
            yield
        except BaseException as error:
            if server.fault is not None:
                raise server.fault from error
            if isinstance(error, ValueError | RuntimeError) and self.last_event is not last:
                raise  # a negative answer
            # Interrupted, or invalid data: in both cases the pipes are out of step.
            self.abandon()
            if isinstance(error, Exception):
                cause = error.__context__ or error
                server.fault = PlayerFault(
                    "garbled", f"sent data that the client cannot read ({_one_line(cause)})"
                )
                raise server.fault from error
            raise

    def find_platform_builds(
        self, candidate_platforms: Any, request: Any, commits: Any, releases_dir: str, local_build: bool
    ) -> Any:
        """Return the available builds, of each platform the first.

        The client looks for those that are not on this machine without a time limit, and takes no answer as a
        build that does not exist.

        Raises:
            OSError: A build must be downloaded, and cannot be.
            RuntimeError: An X server does not answer.
        """
        found = []
        for platform in candidate_platforms:
            builds = [
                Build(platform, commit, self.include_private_scenes, releases_dir) for commit in commits
            ]
            found += [build for build in builds if os.path.isdir(build.base_dir) or _can_be_had(build)][:1]
        if any(build.platform is Linux64 for build in found):
            self._ask_displays()
        return found

    def _ask_displays(self) -> None:
        """Run the client's queries to X servers once in a process that can be killed.

        Raises:
            RuntimeError: One of them does not answer.
        """
        question = json.dumps([self.width, self.height, self.x_display])
        modules = os.pathsep.join(filter(None, sys.path))  # where this process has found the client
        try:
            subprocess.run(
                [sys.executable, "-c", _ASK_DISPLAYS, question],
                env={**os.environ, "PYTHONPATH": modules},
                capture_output=True,
                timeout=self._timeouts[0],
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(
                f"the X server of display {self.x_display or 'in /tmp/.X11-unix'} did not answer within "
                f"{self._timeouts[0]:g} s: restart it, name another as x_display, or use "
                'platform="CloudRendering"'
            ) from error

    def unity_command(self, width: int, height: int, headless: bool) -> list[str]:
        """Return the command line of the player.

        To find a GPU the client runs two programs, which hang with a broken driver; here they are tried
        first, with the time limit of a start.

        Raises:
            RuntimeError: One of them hangs, or the GPU is not one of those that they list.
        """
        file = os.path.join(self.base_dir, "cuda-vulkan-mapping.json")  # cached by the client
        asked = self.gpu_device is not None and not os.path.exists(file)
        for program in _GPU_PROGRAMS if asked else ():
            with contextlib.suppress(OSError):  # absent: the client reports it
                try:
                    subprocess.run(program, capture_output=True, timeout=self._timeouts[0])
                except subprocess.TimeoutExpired as error:
                    raise RuntimeError(
                        f"`{' '.join(program)}`, which finds gpu_device {self.gpu_device}, did not end "
                        f"within {self._timeouts[0]:g} s: the GPU's driver hangs, or start_timeout is "
                        "too short"
                    ) from error
        try:
            words: list[str] = super().unity_command(width, height, headless)
        except KeyError as error:
            raise RuntimeError(
                f"gpu_device {self.gpu_device} is not one of the GPUs in {file}; "
                "delete that file if they changed"
            ) from error
        assert self.server is not None
        self.server.begin_start()  # those programs had their own time limit
        return words

    def _build_server(self, host: str, port: int, width: int, height: int) -> None:
        self.gpu_device = self._gpu_device  # not the client's value from CUDA_VISIBLE_DEVICES
        if FifoServer.server_type not in self._build.server_types:
            raise RuntimeError(
                "this build of AI2-THOR does not support named pipes; choose a later commit_id"
            )
        if self.server is None:
            start_timeout, step_timeout = self._timeouts
            self.server = WatchedServer(
                start_timeout,
                step_timeout,
                width=width,
                height=height,
                depth_format=self.depth_format,
                add_depth_noise=self.add_depth_noise,
            )

    def abandon(self) -> None:
        """Kill the player and release everything; never raises."""
        if self.server is not None:
            self.server.stop()
        with contextlib.suppress(Exception):
            self._build.unlock()


def _can_be_had(build: Build) -> bool:
    """Return whether the server of the builds has this one.

    Raises:
        OSError: There is no answer.
    """
    try:
        return bool(requests.head(build.url, timeout=_FIRST_ANSWER).status_code == 200)
    except requests.RequestException as error:
        raise OSError(
            f"this machine has no build of AI2-THOR, and {build.url} cannot be reached "
            f"({type(error).__name__}): connect to the network once, or name a player as "
            "local_executable_path"
        ) from error


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
