"""The configuration of a PPO run. Nothing here imports torch, so that `--help` is fast."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from agents.training.configuration import TrainConfig, first_difference, values_of
from agents.training.presets import preset
from agents.training.schedule import ConfigurationError, require
from selfsup.grid import IMAGE_SIZE

PROGRAM = "python -m agents.ppo_agent"

SYSTEM = "ppo"
"""Entry `system` in `config.json` of a run of this module."""


@dataclass(frozen=True)
class PPOConfig:
    """One training run of the PPO baseline."""

    preset: str = "quick"
    """Number of touches: smoke, quick, hour or paper, as many as in the same self-supervised preset."""

    split: str = "NovelSpaces"
    """Which rooms to learn in and which to keep for the test: NovelSpaces or NovelObjects."""

    seed: int = 0
    """Seed of the weights, the locations and the touches."""

    objects: str | None = None
    """Folder of objects that are added to the rooms, or Elsewhere (docs/objects.md); None adds none."""

    interactions: int | None = None
    """Total number of touches, rounded up to whole updates; None: that of the preset."""

    environments: int = 2
    """Number of environments in parallel."""

    processes: bool = True
    """Run each environment in its own process; this changes the speed and not the result."""

    steps_per_update: int = 150
    """Touches in each environment between two updates; a multiple of interactions_per_episode."""

    interactions_per_episode: int = 10
    """Touches at a location."""

    episodes_per_room: int = 4
    """Locations visited in a room before the next, because preparing a room costs more than a visit."""

    grid: int = 10
    """Cells along each side of the view that can be chosen."""

    image_size: int = 75
    """Side in pixels of the image that the policy sees."""

    reachable_fraction: float = 0.2
    """Minimum fraction of each view within reach."""

    discount: float = 0.0
    """Discount of later rewards: 0, because the reward of a touch depends only on the view."""

    learning_rate: float = 5e-4
    """Rate of Adam."""

    batch_size: int = 100
    """Touches in one gradient step."""

    epochs: int = 6
    """Passes over the touches of an update."""

    entropy_coefficient: float = 0.01
    """Weight of the entropy bonus, which keeps the policy exploring."""

    updates_per_checkpoint: int = 2
    """Updates between two checkpoints; after each, new episodes start, so that a resumed run is the same."""

    device: str = "auto"
    """Where the policy runs: auto, cpu, cuda, ..."""

    threads: int = 2
    """CPU threads of the policy."""

    def __post_init__(self) -> None:
        """Reject values that cannot be trained with.

        Raises:
            ConfigurationError: A value is outside its range.
        """
        preset(self.preset)
        require(self.seed >= 0, f"seed is {self.seed}; it must be 0 or more.")
        for name in (
            "environments",
            "steps_per_update",
            "interactions_per_episode",
            "episodes_per_room",
            "grid",
            "batch_size",
            "epochs",
            "updates_per_checkpoint",
            "threads",
        ):
            require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}; it must be at least 1.")
        for name, value in (
            ("batch_size", self.batch_size),
            ("environments x steps_per_update", self.environments * self.steps_per_update),
        ):
            # Advantages are divided by their standard deviation.
            require(value >= 2, f"{name} is {value}; it must be at least 2.")
        require(
            self.interactions is None or self.interactions >= 1,
            f"interactions is {self.interactions}; it must be at least 1.",
        )
        require(
            self.steps_per_update % self.interactions_per_episode == 0,
            f"steps_per_update is {self.steps_per_update}; it must be a multiple of "
            f"interactions_per_episode ({self.interactions_per_episode}).",
        )
        require(self.grid <= IMAGE_SIZE, f"grid is {self.grid}; it must be at most {IMAGE_SIZE} cells.")
        require(
            0 <= self.reachable_fraction <= 1,
            f"reachable_fraction is {self.reachable_fraction}; it must be in 0..1.",
        )
        require(
            36 <= self.image_size <= 300, f"image_size is {self.image_size}; it must be in 36..300 pixels."
        )
        require(0 <= self.discount <= 1, f"discount is {self.discount}; it must be in 0..1.")
        require(self.learning_rate > 0, f"learning_rate is {self.learning_rate}; it must be positive.")

    @property
    def total_interactions(self) -> int:
        """Touches of the run, before rounding up to whole updates."""
        if self.interactions is not None:
            return self.interactions
        stages = preset(self.preset).stages
        return sum(stage.total_locations * (stage.greedy_points + stage.random_points) for stage in stages)

    @property
    def updates(self) -> int:
        """Updates of the run."""
        return math.ceil(self.total_interactions / (self.environments * self.steps_per_update))

    @classmethod
    def from_preset(cls, name: str, **values: Any) -> PPOConfig:
        """Return the configuration of a preset.

        Args:
            name: smoke, quick, hour or paper.
            values: Fields that differ from the defaults, such as `split` or `seed`.

        Raises:
            ConfigurationError: There is no such preset, or a value is invalid.
        """
        return cls(preset=name, **values)

    def counterpart(self) -> TrainConfig:
        """Return the self-supervised run of the same preset, split, seed and objects."""
        names = ("split", "seed", "objects", "device")
        return TrainConfig.from_preset(self.preset, **{name: getattr(self, name) for name in names})

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as JSON-able values, with the name of the system."""
        return {"system": SYSTEM, **values_of(self)}

    def difference(self, other: PPOConfig) -> str | None:
        """Return what separates two configurations, such as `seed (0, not 1)`."""
        return first_difference(self.to_json(), other.to_json())

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PPOConfig:
        """Return the configuration that `to_json` described.

        Raises:
            ConfigurationError: It is of another system, or a field is unknown or has an invalid value.
        """
        require(
            isinstance(values, Mapping) and values.get("system") == SYSTEM,
            f"it is not of the system {SYSTEM!r}; name a run that {PROGRAM} train made.",
        )
        unknown = set(values) - {field.name for field in fields(cls)} - {"system"}
        require(not unknown, f"it has unknown {', '.join(sorted(unknown))}.")
        try:
            return cls(**{name: value for name, value in values.items() if name != "system"})
        except TypeError as error:
            raise ConfigurationError(f"it has a field of a wrong type ({error}).") from None
