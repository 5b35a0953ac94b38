"""Settings that every test shares: none that a user would not have, so no variable is set here."""

import sys
from pathlib import Path

# Test modules are imported by path, so helpers are found (here and in spawned processes) only if
# their folder is on the path.
for folder in ("helpers", "agents", "env", "eval", "simulators"):
    sys.path.insert(0, str(Path(__file__).parent / folder))
