"""A Python of its own, for what depends on all that has happened in a process, such as what was loaded."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
FOLDERS = (TESTS / "helpers", TESTS / "env", TESTS / "simulators", TESTS.parent)


def run(program: str, *arguments: str, screen: bool = False, **variables: str) -> list[str]:
    """Run a program on a machine without a screen, with nothing chosen that decides how images are drawn.

    Args:
        program: Python; it can import the tests' helpers.
        *arguments: Words that it finds in `sys.argv`.
        screen: Whether the variables that name a screen are left as they are.
        **variables: What to set.

    Returns:
        The lines that it printed; it has ended well.
    """
    chosen = {"MUJOCO_GL", "SDL_VIDEODRIVER", "SDL_VIDEO_DRIVER", "LP_NUM_THREADS", "PYOPENGL_PLATFORM"}
    chosen |= set() if screen else {"DISPLAY", "WAYLAND_DISPLAY"}
    environment = {name: value for name, value in os.environ.items() if name not in chosen} | variables
    paths = [*map(str, FOLDERS), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", program, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-3000:]}"
    return done.stdout.splitlines()
