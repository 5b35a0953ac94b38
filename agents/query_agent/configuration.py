"""What a run of queried masks is asked to do: the paper's configuration, with other defaults and presets.

Nothing here imports torch, so that `--help` answers at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

from agents.training.configuration import TrainConfig
from agents.training.presets import PRESETS
from agents.training.schedule import ConfigurationError, Schedule, require
from selfsup.feedback import ForceArea
from selfsup.training_images.options import TargetOptions

SYSTEM = "queried_masks"
"""Entry `system` of the configuration files."""

ForceLoss = Literal["likelihood", "paper"]
"""`likelihood`: `agents.query_agent.forces`. `paper`: eq. 4."""

IMAGES = TargetOptions(views="own", masks="cleaned")
"""What is learned from by default."""

_HOUR = PRESETS["hour"]

QUERY_PRESETS: Mapping[str, Schedule] = {
    # The same touches, updates and rates as the paper's learner has.
    **{name: PRESETS[name] for name in ("smoke", "quick", "hour", "paper")},
    # Eight times `hour`.
    "day": replace(
        _HOUR,
        stages=(
            replace(
                _HOUR.stages[0],
                episodes=200,
                locations_per_episode=180,
                updates_start=200,
                updates_end=200,
            ),
        ),
        memory_capacity=100_000,
        evaluate_every=25,
        evaluation_locations=100,
    ),
}
"""Schedules by name: those of the paper's learner, and `day`. `refined_instances` has no effect, and
`area_exponent` only with an `embedding_weight` above 0: both are about the paper's clusters and their
loss."""


@dataclass(frozen=True)
class QueryConfig(TrainConfig):
    """One training run. With its seed this decides every weight; only who collects does not matter."""

    system: ClassVar[str] = SYSTEM

    targets: TargetOptions = IMAGES
    """What is kept of a location to learn from: by default each touch's own view and cleaned masks."""

    force_area: ForceArea = "mask"
    """Where a touch says something about the force: in its mask, or as in the paper around its point."""

    force_loss: ForceLoss = "likelihood"
    """How forces are learned: the likelihood of the feedback, all forces alike, or the paper's loss."""

    force_weight: float = 3.0
    """Factor of the force loss beside the paper's 0.1."""

    embedding_weight: float = 0.0
    """Factor of the paper's loss of the embeddings beside that of the queries."""

    def __post_init__(self) -> None:
        """Reject values that cannot be trained with.

        Raises:
            ConfigurationError: A value is outside its range.
        """
        super().__post_init__()
        for name in ("force_weight", "embedding_weight"):
            require(getattr(self, name) >= 0, f"{name} is {getattr(self, name)}; it must not be negative.")
        require(
            self.force_loss in get_args(ForceLoss),
            f"force_loss is {self.force_loss!r}; choose one of {', '.join(get_args(ForceLoss))}.",
        )
        require(
            self.loss_weights == "paper",
            f"loss_weights is {self.loss_weights!r}; the released code has no loss of queried masks.",
        )
        require(
            self.network == "paper",
            f"network is {self.network!r}; only the network of the paper's appendix A has a query head.",
        )

    @classmethod
    def schedule_of(cls, name: str) -> Schedule:
        """Return the schedule of a preset.

        Raises:
            ConfigurationError: There is no such preset.
        """
        if name not in QUERY_PRESETS:
            raise ConfigurationError(
                f"There is no preset {name!r}; choose one of {', '.join(QUERY_PRESETS)}."
            )
        return QUERY_PRESETS[name]
