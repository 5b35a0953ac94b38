"""Check what this machine can run: `python -m thor_interact_env.doctor`.

It renders one view with the embedded simulator, compares its world with the recorded one, and checks the
requirements of AI2-THOR; with `--start-player`, or if the embedded simulator does not work, it also starts
AI2-THOR's player. For each missing requirement it prints one remedy. The exit code is 0 if at least one
simulator has worked, 1 if none has, 2 after a mistake on the command line. Each simulator is tried in a
supervised process, so a graphics driver that crashes or hangs is reported like any other fault.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes.util
import importlib.metadata
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

from thor_interact_env.errors import InvalidOptionError, RenderingError
from thor_interact_env.files import home_folder
from thor_interact_env.parsing import OneLineParser

Status = Literal["ok", "slow", "missing", "failed", "untried"]
"""Status of a finding: it works, works slowly, is missing, was tried and failed, or was not tried."""

SOFTWARE_RASTERISERS: Final = ("llvmpipe", "softpipe", "swrast", "swiftshader", "software rasterizer")
"""Parts of the names of OpenGL renderers that draw on the CPU, in lower case."""

_PROGRAM: Final = "python -m thor_interact_env.doctor"
_TIMEOUT: Final = 120.0  # seconds for the view of the embedded simulator
_STEP_TIMEOUT: Final = 50.0  # seconds for each action of AI2-THOR's player
_ROOM: Final = "FloorPlan1"


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        name: Name of the check.
        status: Its status.
        detail: A version, a reason or the like.
        remedy: The remedy; "" if none is needed.
    """

    name: str
    status: Status
    detail: str
    remedy: str = ""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: Always: 0 when a simulator works, 1 when none does, 2 after a mistake in the arguments.
    """
    options = _parser().parse_args(arguments)
    if options.try_simulator is not None:
        print(json.dumps(_try(options.try_simulator, json.loads(options.options))))
        raise SystemExit(0)
    start = options.start_player or options.executable is not None
    findings = examine(start, options.executable, options.timeout)
    if options.json:
        report = {"works": works(findings), "findings": [asdict(finding) for finding in findings]}
        print(json.dumps(report, indent=2))
    else:
        print("\n".join(_lines(findings)))
    raise SystemExit(0 if works(findings) else 1)


def works(findings: Sequence[Finding]) -> bool:
    """Return whether at least one simulator was tried and gave an image."""
    return any(
        finding.name in ("embedded simulator", "AI2-THOR's player") and finding.status in ("ok", "slow")
        for finding in findings
    )


def examine(
    start_player: bool = False, executable: str | None = None, timeout: float = 300.0
) -> list[Finding]:
    """Run all checks.

    Args:
        start_player: Whether AI2-THOR's player is started, if its client and a build are installed; if the
            embedded simulator does not work it is started in any case.
        executable: A player to start instead of a downloaded build; None: the build.
        timeout: Maximum seconds until the first view of the player.

    Returns:
        The findings, the embedded simulator's first.
    """
    embedded = examine_embedded()
    return [*embedded, *examine_ai2thor(start_player or not works(embedded), executable, timeout)]


def examine_embedded() -> list[Finding]:
    """Render a view with the embedded simulator in a supervised process."""
    found = [_package("MuJoCo", "mujoco", "pip install mujoco")]
    if found[0].status != "ok":
        return [*found, Finding("embedded simulator", "failed", "MuJoCo is not installed", found[0].remedy)]
    try:
        from thor_interact_env.simulators.mujoco.drawing.opengl import REMEDY
    except RenderingError as error:
        what, _, remedy = str(error).partition("; ")
        return [*found, Finding("embedded simulator", "failed", what, remedy)]
    answer = ask_process(view_command("mujoco", {}), _TIMEOUT)
    if "error" in answer:
        return [*found, Finding("embedded simulator", "failed", answer["error"], f"{REMEDY}.")]
    software = any(name in answer["renderer"].lower() for name in SOFTWARE_RASTERISERS)
    remedy = "it draws on the CPU, which is slow: install the driver of a GPU for EGL, if there is one."
    found.append(
        Finding(
            "OpenGL",
            "slow" if software else "ok",
            f"{answer['renderer']}, through {answer['backend']}",
            remedy if software else "",
        )
    )
    detail = f"a view of {answer['room']} in {answer['seconds']:.1f} s, then {answer['view_ms']:.0f} ms each"
    found.append(Finding("embedded simulator", "slow" if software else "ok", detail))
    world = answer["world"]
    return [*found, Finding("world", "ok" if world["same"] else "failed", world["detail"], world["remedy"])]


def examine_ai2thor(start_player: bool, executable: str | None, timeout: float) -> list[Finding]:
    """Check the requirements of AI2-THOR; with `start_player`, start its player in a supervised process."""
    from thor_interact_env.simulators.ai2thor.options import VARIABLE, PlayerOptions, player_options

    name, mistake = "AI2-THOR's player", None
    machine = PlayerOptions()
    try:
        machine = PlayerOptions(**player_options())
    except InvalidOptionError as error:
        mistake = Finding(name, "failed", str(error), f"unset {VARIABLE}, or correct it.")
    executable = executable or machine.executable()
    client = _package("AI2-THOR's client", "ai2thor", 'pip install "thor-interact[thor]"')
    needed = [
        client,
        _unity_build(machine.build_folder() if client.status == "ok" else None, executable),
        _vulkan(),
        _display(machine.display()),
    ]
    drawing = needed[2] if machine.build_platform() == "CloudRendering" else needed[3]
    # A player named by the user may use any renderer.
    lacking = [finding for finding in [client, needed[1], drawing] if finding.status != "ok"]
    if mistake is not None:
        player = mistake
    elif client.status != "ok" or (executable is None and lacking):
        names = ", ".join(finding.name for finding in lacking)
        player = Finding(name, "missing", f"for lack of: {names}", lacking[0].remedy)
    elif not start_player:
        remedy = f"start it with {_PROGRAM} --start-player."
        player = Finding(name, "untried", "all it needs is there", remedy)
    else:
        options: dict[str, Any] = {"start_timeout": timeout, "step_timeout": _STEP_TIMEOUT, "restarts": 0}
        if executable is not None:
            options["local_executable_path"] = executable
        # Before it starts, up to three programs that look for screens and GPUs take their time.
        answer = ask_process(view_command("ai2thor", options), 4 * timeout + 2 * _STEP_TIMEOUT)
        if "error" in answer:
            player = Finding(name, "failed", answer["error"], "see docs/ai2thor.md.")
        else:
            player = Finding(name, "ok", f"a view of {answer['room']} in {answer['seconds']:.1f} s")
    return [*needed, player]


def installed_builds() -> list[str]:
    """Return the names of the Unity builds that AI2-THOR's client has downloaded.

    Raises:
        OSError: Their folder cannot be read.
    """
    folder = _releases()
    if folder is None or not folder.is_dir():
        return []
    return sorted(item.name for item in folder.iterdir() if item.is_dir())


def _unity_build(wanted: str | None, executable: str | None) -> Finding:
    """Check for the build of that name, or for a local player; without a client no build is needed."""
    from thor_interact_env.simulators.ai2thor.options import HOME_REMEDY, PlayerOptions

    name = "Unity build"
    if executable is not None:
        try:
            PlayerOptions(local_executable_path=executable).executable()
        except InvalidOptionError as error:
            return Finding(name, "missing", str(error), "correct the path of the player")
        return Finding(name, "ok", executable)
    if _releases() is None:
        return Finding(name, "missing", "HOME is not set", f"{HOME_REMEDY}.")
    try:
        builds = installed_builds()
    except OSError as error:
        return Finding(name, "missing", f"{_releases()} cannot be read ({error.strerror})", f"{HOME_REMEDY}.")
    if wanted in builds:
        return Finding(name, "ok", str(wanted))
    detail = f"none in {_releases()}"
    if builds:
        detail = f"{wanted or 'a client that uses one'} is missing; {_releases()} has {', '.join(builds)}"
    install = (
        "see docs/ai2thor.md: the client downloads a build when it first runs, or name one as executable."
    )
    return Finding(name, "missing", detail, install)


def _vulkan() -> Finding:
    library = ctypes.util.find_library("vulkan")
    if library:
        return Finding("Vulkan", "ok", library)
    remedy = (
        'apt-get install libvulkan1 (CloudRendering needs it), or use platform="Linux64" and an X server.'
    )
    return Finding("Vulkan", "missing", "no libvulkan", remedy)


def _display(display: str | None) -> Finding:
    if display:
        return Finding("X display", "ok", display)
    remedy = 'use platform="CloudRendering", or start an X server and set DISPLAY.'
    return Finding("X display", "missing", "DISPLAY is not set", remedy)


def _releases() -> Path | None:
    home = home_folder()
    return None if home is None else home / ".ai2thor" / "releases"


def _package(name: str, distribution: str, install: str) -> Finding:
    try:
        return Finding(name, "ok", importlib.metadata.version(distribution))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", "not installed", f"{install}.")


def _try(simulator: str, options: dict[str, Any]) -> dict[str, Any]:
    """Render one view of a simulator; return its times, or {"error": sentence}."""
    import numpy as np

    from thor_interact_env.locations.location import Location
    from thor_interact_env.simulators import make_simulator

    world = None
    try:
        start = time.perf_counter()
        world = make_simulator(simulator, **options)
        positions = world.reachable_positions(_ROOM, 0)
        places = [Location(_ROOM, tuple(position), 0.0, 30.0, 0) for position in positions[:2]]
        view = world.load(places[0])
        seconds = time.perf_counter() - start
        if len(np.unique(view["rgb"])) < 2 or not np.isfinite(view["depth"]).all():
            return {"error": "the image is empty: OpenGL draws nothing"}
        start = time.perf_counter()
        world.load(places[-1])
        answer = {"room": _ROOM, "seconds": seconds, "view_ms": 1000 * (time.perf_counter() - start)}
        if simulator == "mujoco":
            from thor_interact_env.simulators.mujoco.drawing.drawing_thread import renderer_name
            from thor_interact_env.simulators.mujoco.golden import compare

            answer |= {"backend": os.environ.get("MUJOCO_GL", "the default"), "renderer": renderer_name()}
            answer["world"] = asdict(compare())
    except Exception as error:  # any exception of a driver, a loader or a player is a finding
        return {"error": " ".join(str(error).split()) or type(error).__name__}
    finally:
        if world is not None:
            world.close()
    return answer


def view_command(simulator: str, options: dict[str, Any]) -> list[str]:
    """Return the command that looks at one view of a simulator and prints what it found as JSON.

    Args:
        simulator: Its name.
        options: Its keyword arguments.
    """
    words = ["--try-simulator", simulator, "--options", json.dumps(options)]
    return [sys.executable, "-m", "thor_interact_env.doctor", *words]


def ask_process(command: Sequence[str], timeout: float) -> dict[str, Any]:
    """Run a command in a process of its own, and end it with all that it has started.

    Args:
        command: Words; its last line is a JSON object.
        timeout: Seconds after which it is killed.

    Returns:
        That object; {"error": sentence} where it hangs, crashes or says something else.
    """
    environment = dict(os.environ)
    root = str(Path(__file__).parents[1])  # where this package is, if it is not installed
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            printed, complaints = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            return {"error": f"it did not show a view within {timeout:g} s"}
        finally:
            # Processes that it has started, such as a player, end with it, also after an interruption.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    try:
        answer: dict[str, Any] = json.loads(printed.splitlines()[-1])
    except (IndexError, ValueError):
        last = (complaints.strip().splitlines() or ["nothing was said"])[-1]
        return {"error": f"the process ended with exit code {process.returncode} ({last})"}
    return answer


def _lines(findings: Sequence[Finding]) -> list[str]:
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.name:<{width}}  {finding.status:<7}  {finding.detail}")
        if finding.remedy:
            lines.append(f"{'':<{width}}  {'':<7}  -> {finding.remedy}")
    verdict = (
        "At least one simulator works." if works(findings) else "No simulator works: see the remedies above."
    )
    return [*lines, verdict]


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog=_PROGRAM, description="Check what this machine can run.", allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument(
        "--start-player", action="store_true", help="also start AI2-THOR's player, if a build is installed"
    )
    parser.add_argument(
        "--executable", metavar="PATH", help="start this player instead of a downloaded build"
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=300.0,
        metavar="SECONDS",
        help="for the player's start (default: 300)",
    )
    parser.add_argument("--try-simulator", choices=("mujoco", "ai2thor"), help=argparse.SUPPRESS)
    parser.add_argument("--options", default="{}", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
