"""A toy world that kills the process it is in, as the system does when memory runs out."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from fake_simulator import FakeSimulator

from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.base import Observation


@dataclass
class MortalSimulator(FakeSimulator):
    """Kills its process at the location of one seed, so many times.

    Attributes:
        deaths: A folder, in which each death leaves a file.
        times: Number of deaths.
        visits: Locations visited by this process before death.
    """

    deaths: Path = Path()
    times: int = 1
    visits: int = 1

    def load(self, location: Location) -> Observation:
        """Die, or go there."""
        died = len(list(self.deaths.iterdir()))
        if died < self.times and self.loads >= self.visits:
            (self.deaths / str(died)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().load(location)
