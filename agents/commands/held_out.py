"""The options of every `evaluate` command: which run, on which held-out views.

Nothing here imports torch, so that `--help` is fast.
"""

from dataclasses import dataclass
from typing import Annotated

import tyro

from agents.commands.run_argument import RunPath
from agents.training.configuration import check_test_split
from agents.training.schedule import require

DEFAULT_LOCATIONS = 200
"""Default number of held-out locations."""


@dataclass(frozen=True)
class HeldOut:
    """The options of every `evaluate` command; a system adds its own."""

    run: Annotated[tyro.conf.Positional[RunPath], tyro.conf.arg(metavar="RUN")]
    """Run folder, the folder of one of its checkpoints, or pretrained:NAME."""

    locations: int | None = None
    """Held-out locations; the same for every run. None means 200."""

    split: str | None = None
    """Whose test rooms: NovelSpaces or NovelObjects, or Elsewhere: objects of other people in rooms of
    NovelSpaces. None means the run's own split."""

    objects: str | None = None
    """Folder of objects that are added to the rooms, and counted, or Elsewhere (docs/objects.md). None means
    the run's own, and with --split Elsewhere those of the split."""

    seed: int = 0
    """Seed of the locations, and of the random points there."""

    def choose(self, own_split: str) -> tuple[str, int]:
        """Return the split and the number of locations.

        Args:
            own_split: That of the run.

        Raises:
            ConfigurationError: There is no such split, or it has its own objects, or the number of locations
                or the seed is invalid.
        """
        split = self.split or own_split
        check_test_split(split)
        from thor_interact_env.simulators.own_objects.elsewhere import ELSEWHERE

        require(
            split != ELSEWHERE or self.objects is None,
            f"{split} has its own objects: leave out --objects {self.objects}.",
        )
        locations = DEFAULT_LOCATIONS if self.locations is None else self.locations
        require(locations >= 1, f"locations is {locations}; it must be at least 1.")
        require(self.seed >= 0, f"seed is {self.seed}; it must be 0 or more.")
        return split, locations


@dataclass(frozen=True)
class NetworkHeldOut(HeldOut):
    """The same for networks, which are evaluated on views with a chosen reachable fraction."""

    reachable_fraction: float | None = None
    """Minimum fraction of each view within reach (0: the paper's unfiltered rule); None: the run's own."""

    device: str = "auto"
    """Where to run the network: auto, cpu, cuda, ..."""
