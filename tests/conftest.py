"""Settings that every test shares."""

import os
import sys
from pathlib import Path

# Test modules are imported by path, so helpers are found (here and in spawned processes) only if
# their folder is on the path.
for folder in ("", "agents", "env", "eval"):
    sys.path.insert(0, str(Path(__file__).parent / folder))

# A headless machine has no window; pygame then draws to memory.
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
