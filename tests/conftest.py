"""Settings that every test shares: none that a user would not have, so no variable is set here."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# On a busy machine any example may take long; what hangs is ended by pytest-timeout.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# Test modules are imported by path, so helpers are found (here and in spawned processes) only if
# their folder is on the path.
for folder in ("helpers", "agents", "env", "eval", "simulators"):
    sys.path.insert(0, str(Path(__file__).parent / folder))
