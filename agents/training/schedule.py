"""The schedule of a run: stages, sizes and rates (paper section 5 and appendix C).

Nothing here imports torch, so that `--help` is fast.
"""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from selfsup.grid import GRID

Optimizer = Literal["adam", "muon"]
"""Name of an optimizer."""


MINIMUM_WINDOW = 24
"""Cells along a side of the smallest window to learn from: the receptive field of a cell is 46 cells wide."""


class RunError(ValueError):
    """Base of every error about a run's configuration or input; its message is for the user."""


class ConfigurationError(RunError):
    """A schedule or a run's configuration has an invalid value."""


def require(condition: bool, message: str) -> None:
    """Raise ConfigurationError with this message unless the condition holds."""
    if not condition:
        raise ConfigurationError(message)


@dataclass(frozen=True)
class Stage:
    """One stage of training: fill the memory bank, then alternate collecting and learning."""

    initial_locations: int
    """Locations collected before the first update of the stage."""

    episodes: int
    """Episodes of the stage; each collects new locations while it updates the network."""

    locations_per_episode: int
    """Locations collected in one episode."""

    updates_start: int
    """Network updates in the first episode."""

    updates_end: int
    """Network updates in the last episode; linear in between."""

    greedy_points: int
    """Points the network chooses at a location."""

    random_points: int
    """Points chosen at random at a location, uniform over the grid and the forces."""

    joint: bool
    """Learn the forces too; otherwise every touch uses the largest force (segmentation only)."""

    frozen_detection_episodes: int = 0
    """Episodes at the start of the stage in which only the force head learns."""

    def __post_init__(self) -> None:
        """Reject sizes that cannot be trained with.

        Raises:
            ConfigurationError: A count is too small, or a frozen stage has nothing left to train.
        """
        for name in ("initial_locations", "episodes", "locations_per_episode"):
            require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}; it must be at least 1.")
        for name in (
            "updates_start",
            "updates_end",
            "greedy_points",
            "random_points",
            "frozen_detection_episodes",
        ):
            require(getattr(self, name) >= 0, f"{name} is {getattr(self, name)}; it must not be negative.")
        require(
            self.greedy_points + self.random_points >= 1,
            "greedy_points and random_points are both 0; at least one point must be touched.",
        )
        require(
            self.joint or self.frozen_detection_episodes == 0,
            f"frozen_detection_episodes is {self.frozen_detection_episodes} in a stage that is not joint; "
            "set joint to true or frozen_detection_episodes to 0, or nothing would be trained.",
        )

    def updates(self, episode: int) -> int:
        """Return the number of network updates in an episode of this stage.

        Args:
            episode: 0 for the first episode of the stage.
        """
        fraction = episode / (self.episodes - 1) if self.episodes > 1 else 0.0
        return round(self.updates_start + fraction * (self.updates_end - self.updates_start))

    @property
    def total_updates(self) -> int:
        """Network updates in the whole stage."""
        return sum(self.updates(episode) for episode in range(self.episodes))

    @property
    def total_locations(self) -> int:
        """Locations the whole stage visits; the last episode collects none, as no update would use them."""
        return self.initial_locations + (self.episodes - 1) * self.locations_per_episode


@dataclass(frozen=True)
class Schedule:
    """Length and rates of the training."""

    stages: tuple[Stage, ...]
    """The stages, in order. Each starts with an empty memory bank and a fresh optimizer."""

    batch_size: int
    """Training images in one update."""

    learning_rate: float
    """The optimizer's learning rate."""

    final_learning_rate: float
    """Learning rate of the last update."""

    decay_fraction: float
    """Fraction of all updates, at the end, over which the rate falls linearly to its final one (0: none)."""

    optimizer: Optimizer = "adam"
    """The optimizer: Adam (paper), or Muon, which gives better results with many masks."""

    tied_upsampling: bool = False
    """Keep the four kernels of each transposed convolution equal, as they start: nearest-neighbour upsampling
    and a 1x1 convolution. At a high rate Adam makes them differ, which puts stripes into the embeddings and
    splits masks."""

    jitter_probability: float = 0.8
    """Probability that the colours of a sampled location are changed (paper: 0.8). Short runs
    have no time to learn changed hues."""

    window: int = GRID
    """Cells along a side of the square window of each view that an update learns from, drawn around a touched
    point (100: the whole view, as in the paper). A window costs a fraction of the view."""

    area_exponent: float = 1.0
    """Power of a mask's area by which the embedding loss divides (paper: 1, so that all masks have equal
    weight; 0: all cells have equal weight). See `selfsup.losses.distance_loss`."""

    refined_instances: bool = False
    """Whether instances found in a view are refined (`agents.selfsup_agent.refinement`): only the part of a
    cluster around its point, scored by its mask as well. Points to touch and training are the same. Not in
    the paper."""

    weight_decay: float = 1e-4
    """Adam's L2 penalty."""

    memory_capacity: int = 20_000
    """Training images the memory bank holds, by default one per location; the oldest are replaced first."""

    prioritized: bool = True
    """Sample locations by priority; otherwise uniformly (an ablation of the paper)."""

    reachable_fraction: float = 0.2
    """Minimum fraction of the view within reach, in training and evaluation (0: the paper's rule)."""

    locations_per_room: int = 4
    """Consecutive locations that share a room, because preparing a room is slow."""

    evaluate_every: int = 0
    """Episodes between evaluations of AP on held-out locations (0: none during training)."""

    evaluation_locations: int = 60
    """Held-out locations of each evaluation during training."""

    final_evaluation_locations: int = 200
    """Held-out locations of the evaluation after training."""

    checkpoint_every: int = 1
    """Episodes between checkpoints."""

    def __post_init__(self) -> None:
        """Reject values that cannot be trained with.

        Raises:
            ConfigurationError: A value is outside its range.
        """
        require(len(self.stages) >= 1, "stages is empty; a schedule needs at least one stage.")
        counts = ("batch_size", "memory_capacity", "locations_per_room", "checkpoint_every")
        for name in (*counts, "evaluation_locations", "final_evaluation_locations"):
            require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}; it must be at least 1.")
        require(self.evaluate_every >= 0, f"evaluate_every is {self.evaluate_every}; it must be 0 or more.")
        for name in ("learning_rate", "final_learning_rate"):
            require(getattr(self, name) > 0, f"{name} is {getattr(self, name)}; it must be above 0.")
        require(self.weight_decay >= 0, f"weight_decay is {self.weight_decay}; it must be 0 or more.")
        require(
            MINIMUM_WINDOW <= self.window <= GRID,
            f"window is {self.window}; it must be in {MINIMUM_WINDOW}..{GRID} ({GRID}: the whole view).",
        )
        for name in ("decay_fraction", "reachable_fraction", "jitter_probability", "area_exponent"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"{name} is {value}; it must be in 0..1.")
        known = get_args(Optimizer)
        message = f"optimizer is {self.optimizer!r}; choose one of {', '.join(known)}."
        require(self.optimizer in known, message)
        for number, stage in enumerate(self.stages):
            require(
                min(stage.initial_locations, self.memory_capacity) >= self.batch_size,
                f"Stage {number} starts with {stage.initial_locations} locations in a memory of "
                f"{self.memory_capacity}, fewer than one batch of {self.batch_size}; lower batch_size.",
            )

    @property
    def total_episodes(self) -> int:
        """Episodes of all stages."""
        return sum(stage.episodes for stage in self.stages)

    @property
    def total_updates(self) -> int:
        """Network updates of all stages."""
        return sum(stage.total_updates for stage in self.stages)

    @property
    def total_locations(self) -> int:
        """Locations visited in all stages."""
        return sum(stage.total_locations for stage in self.stages)

    def rate(self, update: int) -> float:
        """Return the learning rate of one update.

        Args:
            update: Number of updates already made in the whole run, 0 for the first.
        """
        last = self.total_updates - 1
        start = last - self.decay_fraction * self.total_updates
        if update <= start or last <= start:
            return self.learning_rate
        fraction = min((update - start) / (last - start), 1.0)
        return self.learning_rate + fraction * (self.final_learning_rate - self.learning_rate)

    def views_seen(self, stage: Stage) -> float:
        """Return the number of whole views in the updates of a stage, windows counted by their area."""
        return stage.total_updates * self.batch_size * (self.window / GRID) ** 2

    def place(self, episode: int) -> tuple[int, int]:
        """Return the stage number, and the episode within that stage, of an episode of the run.

        Args:
            episode: 0 for the first episode of the run.

        Raises:
            IndexError: The run has fewer episodes.
        """
        if not 0 <= episode < self.total_episodes:
            raise IndexError(f"Episode {episode} does not exist; the run has {self.total_episodes} episodes.")
        for number, stage in enumerate(self.stages):
            if episode < stage.episodes:
                return number, episode
            episode -= stage.episodes
        raise AssertionError("unreachable")


def segmentation_only(schedule: Schedule) -> Schedule:
    """Return the part of a schedule that learns no forces (row c of the paper's table 1).

    Args:
        schedule: Any schedule.

    Returns:
        Its stages that are not joint (the paper's first); where all are joint, all of them made
        segmentation only.
    """
    stages = tuple(stage for stage in schedule.stages if not stage.joint)
    if not stages:
        stages = tuple(replace(stage, joint=False, frozen_detection_episodes=0) for stage in schedule.stages)
    return replace(schedule, stages=stages)
