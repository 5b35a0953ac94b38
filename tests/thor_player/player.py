"""A stand-in for AI2-THOR's Unity player, which the real client launches: the embedded simulator inside.

`ai2thor.controller.Controller(local_executable_path="PYTHON .../player.py", x_display=":0", ...)` starts it.
It renders 300 x 300 pixels and 90 degrees only. How it can be made to misbehave is told in `faults.py`.
"""

import os
import sys
from pathlib import Path

# Launched by path, from anywhere: the project it belongs to comes first.
sys.path.insert(0, str(Path(__file__).parents[2]))

from faults import Faults


def main() -> None:
    """Serve the client that launched this process until it closes its pipe."""
    faults = Faults(os.environ)
    faults.before_start()
    from serving import Player  # what loads slowly

    Player(os.environ, faults).run()


if __name__ == "__main__":
    main()
