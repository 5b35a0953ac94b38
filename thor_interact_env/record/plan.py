"""What is recorded: which agent touches where, how often, from which seeds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from thor_interact_env.checks import check_reachable_fraction, is_integer
from thor_interact_env.errors import InvalidOptionError
from thor_interact_env.files import content_digest
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.starting import parse_locations
from thor_interact_env.record.actors import RANDOM
from thor_interact_env.recording import Recording
from thor_interact_env.simulators import check_simulator_name
from thor_interact_env.world import world_of

DEFAULT_EPISODES: Final = 100
"""Episodes of a record whose locations are drawn."""

SAVED: Final = "saved"
"""What stands for the agent where the touches are those of saved episodes."""


@dataclass(frozen=True)
class Start:
    """The start of an episode.

    Attributes:
        seed: Seed of the reset and of the agent.
        location: Where it starts; None: where the seed leads.
        recording: The saved episode that is repeated; None: an agent chooses the touches.
    """

    seed: int
    location: Location | None = None
    recording: Recording | None = None

    @property
    def options(self) -> dict[str, Any] | None:
        """The options of the reset, as JSON objects."""
        return None if self.location is None else {"location": self.location.to_json()}

    def to_json(self) -> dict[str, Any]:
        """Return the start as a JSON object."""
        saved = None if self.recording is None else self.recording.to_json()
        return {"seed": self.seed, "options": self.options, "recording": saved}


@dataclass(frozen=True)
class Plan:
    """Everything that determines a record; the number of processes does not.

    Attributes:
        agent: `random`, or the name of an agent; see `make_actor`.
        locations: A split such as `"NovelSpaces/train"`, or `"all"` rooms: every episode's location is drawn
            by its own seed; or a .json file of locations, taken in its order.
        episodes: Number of episodes; None: all of a file, otherwise `DEFAULT_EPISODES`.
        touches: Touches in an episode; 0 records first views, for the format `coco` only.
        seed: With the number of an episode it determines the episode's seed.
        simulator: Name of the simulator.
        objects: Folder of objects that are added to the rooms of the embedded simulator, or "Elsewhere"; None
            adds none.
        reachable_fraction: Minimum fraction of a drawn view within 1.5 m, in 0..1.
        saved: Files of saved episodes (`thor_interact_env.recording`) to record instead: the agent, the
            locations, the number of episodes and of touches are then those of the files.

    Raises:
        InvalidOptionError: A value is outside its range, or there is no such simulator.
        UnknownSplitError: `locations` is neither a split nor a .json file.
        ObjectError: The objects cannot be used.
    """

    agent: str = RANDOM
    locations: str = "NovelSpaces/train"
    episodes: int | None = None
    touches: int = 10
    seed: int = 0
    simulator: str = "mujoco"
    objects: str | None = None
    reachable_fraction: float = 0.2
    saved: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Check the values, and make them what JSON takes: no numbers of NumPy, and paths as text."""
        for name in ("agent", "locations", "objects"):
            value = getattr(self, name)
            object.__setattr__(self, name, os.fspath(value) if isinstance(value, os.PathLike) else value)
        check_simulator_name(self.simulator)
        if self.objects is not None:
            from thor_interact_env.simulators.own_objects.option import check_objects  # it needs OpenGL

            check_objects(self.objects, self.simulator)
        check_reachable_fraction(self.reachable_fraction)
        for name, minimum in (("touches", 0), ("seed", 0)):
            value = getattr(self, name)
            if not is_integer(value) or value < minimum:
                raise InvalidOptionError(f"{name} {value!r} is not an integer of at least {minimum}")
        if self.episodes is not None and (not is_integer(self.episodes) or self.episodes < 1):
            raise InvalidOptionError(f"episodes {self.episodes!r} is not an integer of at least 1")
        for name, kind in (("touches", int), ("seed", int), ("episodes", int), ("reachable_fraction", float)):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else kind(value))
        if isinstance(self.saved, str | os.PathLike):
            raise InvalidOptionError(f"saved is {self.saved!r}; put the files of episodes into a tuple")
        object.__setattr__(self, "saved", tuple(Path(path) for path in self.saved))
        if self.saved and self.simulator != "mujoco":
            raise InvalidOptionError("saved episodes are of the simulator mujoco; leave out another one")

    @property
    def actor(self) -> str:
        """The name of what chose the touches, as a record states it."""
        return SAVED if self.saved else self.agent

    @cached_property
    def world(self) -> str:
        """The world and its version, as a record states it."""
        return world_of(self.simulator, self.objects)

    @cached_property
    def scenes(self) -> str:
        """A digest of the scenes of the simulator "mjcf" (`scenes_digest`); empty for other simulators."""
        if self.simulator != "mjcf":
            return ""
        from thor_interact_env.simulators.mjcf.simulator import scenes_digest  # it needs OpenGL

        return scenes_digest()

    @cached_property
    def training(self) -> str:
        """A digest of what training has made of an agent that is a run folder: configuration and checkpoints.

        Of a folder of another layout all files count. Empty for other agents.
        """
        folder = Path(self.agent)
        if self.saved or self.agent == RANDOM or not folder.is_dir():
            return ""
        weights = [*folder.glob("*.safetensors"), *folder.glob("checkpoints")]
        found = [folder / "config.json", *weights] if weights else folder.iterdir()
        return content_digest(folder, found).hex()

    @property
    def _objects(self) -> dict[str, Any]:
        """The options of the simulator as an argument of the environment; none without objects."""
        return {} if self.objects is None else {"simulator_options": {"objects": self.objects}}

    def environment(self, start: Start) -> dict[str, Any]:
        """Return the arguments of `ThorInteract-v0` for an episode.

        Raises:
            InvalidOptionError: A saved episode has no touch.
        """
        if start.recording is not None:
            if not start.recording.actions:
                raise InvalidOptionError(f"the saved episode of seed {start.seed} has no touch")
            return {"interactions": len(start.recording.actions), **self._objects}
        drawn = {"locations": self.locations} if start.location is None else {}
        return {
            "simulator": self.simulator,
            **drawn,
            "interactions": max(self.touches, 1),
            "reachable_fraction": self.reachable_fraction,
            **self._objects,
        }

    def starts(self) -> list[Start]:
        """Return the starts of all episodes, in order.

        Raises:
            RecordingError: A file is not a saved episode.
            DatasetError: The file of locations is malformed.
            InvalidOptionError: The file has fewer locations than `episodes`.
            OSError: A file cannot be read.
        """
        if self.saved:
            recordings = [Recording.read(path) for path in self.saved]
            return [Start(one.seed, one.location, one) for one in recordings]
        listed = parse_locations(self.locations, self.simulator, {"objects": self.objects})[1]
        if listed is None:
            count = DEFAULT_EPISODES if self.episodes is None else self.episodes
            return [Start(episode_seed(self.seed, number)) for number in range(count)]
        count = len(listed) if self.episodes is None else self.episodes
        if count > len(listed):
            raise InvalidOptionError(
                f"episodes {count} is more than the {len(listed)} locations of {self.locations}"
            )
        return [Start(episode_seed(self.seed, number), listed[number]) for number in range(count)]

    def to_json(self) -> Mapping[str, Any]:
        """Return what a record states about its plan."""
        return {
            "agent": self.actor,
            "locations": None if self.saved else self.locations,
            "touches": None if self.saved else self.touches,
            "seed": None if self.saved else self.seed,
            "simulator": self.simulator,
            **({} if self.objects is None else {"objects": Path(os.path.abspath(self.objects)).name}),
            "reachable_fraction": None if self.saved else self.reachable_fraction,
        }


def episode_seed(seed: int, number: int) -> int:
    """Return the seed of one episode of a record, in 0..2**32 - 1.

    Args:
        seed: Seed of the record, at least 0.
        number: Number of the episode, at least 0.
    """
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
