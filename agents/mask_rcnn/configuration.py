"""The configuration of a Mask R-CNN run, its schedule and its presets.

Nothing here imports torch, so that `--help` is fast.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from agents.training.configuration import RunSettings, TrainConfig, digest_of, first_difference, values_of
from agents.training.presets import preset
from agents.training.schedule import ConfigurationError, require

SYSTEM = "mask_rcnn"
"""Entry `system` of the configuration files."""


@dataclass(frozen=True)
class MaskRCNNSchedule:
    """Data, length, rates and size of a Mask R-CNN run."""

    locations: int
    """Training locations: the first ones of those that the self-supervised preset visits."""

    updates: int
    """Network updates."""

    batch_size: int
    """Views in one update."""

    optimizer: Literal["sgd", "adamw"]
    """SGD with momentum 0.9 (the paper's), or AdamW, which learns faster in a short run from scratch."""

    learning_rate: float
    """Learning rate after the warm-up."""

    warmup_updates: int
    """Updates over which the rate rises linearly to its full value."""

    milestones: tuple[int, ...]
    """Updates after which the rate is divided by ten."""

    weight_decay: float = 1e-4
    """L2 penalty of SGD, or the decoupled weight decay of AdamW."""

    image_size: int = 300
    """Pixels to which the sides of a view are scaled before the network sees it."""

    channels: int = 256
    """Channels of the feature pyramid."""

    box_features: int = 1024
    """Width of the two hidden layers of the box head."""

    mask_channels: int = 256
    """Channels of the four convolutions of the mask head."""

    proposals: int = 1000
    """Region proposals kept for each view while training; half as many are kept at test time."""

    boxes_per_image: int = 512
    """Region proposals of each view that enter the loss, at most a quarter of them on objects."""

    updates_per_episode: int = 100
    """Updates that make one episode: a line of the metrics file."""

    checkpoint_every: int = 1
    """Episodes between checkpoints."""

    evaluate_every: int = 0
    """Episodes between evaluations of AP on held-out locations (0: none during training)."""

    final_evaluation_locations: int = 200
    """Held-out locations of the evaluation after training."""

    def __post_init__(self) -> None:
        """Reject values that cannot be trained with.

        Raises:
            ConfigurationError: A value is outside its range.
        """
        for name in ("locations", "updates", "batch_size", "updates_per_episode", "checkpoint_every"):
            require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}; it must be at least 1.")
        for name in ("channels", "mask_channels"):
            value = getattr(self, name)
            require(value >= 8 and value % 8 == 0, f"{name} is {value}; it must be a multiple of 8.")
        for name in ("box_features", "final_evaluation_locations"):
            require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}; it must be at least 1.")
        for name, minimum in (("proposals", 2), ("boxes_per_image", 4), ("image_size", 32)):
            value = getattr(self, name)
            require(value >= minimum, f"{name} is {value}; it must be at least {minimum}.")
        for name in ("warmup_updates", "evaluate_every", "weight_decay"):
            require(getattr(self, name) >= 0, f"{name} is {getattr(self, name)}; it must not be negative.")
        require(self.learning_rate > 0, f"learning_rate is {self.learning_rate}; it must be above 0.")
        require(
            list(self.milestones) == sorted(set(self.milestones)),
            f"milestones are {self.milestones}; they must increase.",
        )
        require(
            self.batch_size <= self.locations,
            f"batch_size is {self.batch_size}, more than the {self.locations} locations; lower it.",
        )

    @property
    def episodes(self) -> int:
        """Episodes of the whole run; the last one may be shorter."""
        return -(-self.updates // self.updates_per_episode)

    @property
    def total_updates(self) -> int:
        """Network updates of the whole run, by the name that the self-supervised schedule has for it."""
        return self.updates

    def rate(self, update: int) -> float:
        """Return the learning rate of one update.

        Args:
            update: Number of updates already made, 0 for the first.
        """
        passed = sum(update >= milestone for milestone in self.milestones)
        warmup = min((update + 1) / (self.warmup_updates + 1), 1.0)
        return self.learning_rate * warmup * 0.1**passed

    def shortened(self, fraction: float) -> "MaskRCNNSchedule":
        """Return this schedule with a fraction of its updates, and its rates at the same fractions of them.

        Args:
            fraction: Above 0. Updates, warm-up and milestones are multiplied by it and rounded.

        Raises:
            ConfigurationError: It is not above 0, or so small that two milestones coincide.
        """
        require(fraction > 0, f"the fraction of the updates is {fraction}; it must be above 0.")
        return replace(
            self,
            updates=max(round(fraction * self.updates), 1),
            warmup_updates=round(fraction * self.warmup_updates),
            milestones=tuple(round(fraction * milestone) for milestone in self.milestones),
        )


PRESETS: Mapping[str, MaskRCNNSchedule] = {
    # Every mechanism once, in seconds.
    "smoke": MaskRCNNSchedule(
        locations=6,
        updates=4,
        batch_size=2,
        optimizer="sgd",
        learning_rate=2e-3,
        warmup_updates=2,
        milestones=(3,),
        channels=16,
        box_features=32,
        mask_channels=16,
        proposals=100,
        boxes_per_image=16,
        updates_per_episode=2,
        evaluate_every=2,
        final_evaluation_locations=2,
    ),
    # A narrower pyramid and fewer regions: about a tenth of the arithmetic of the paper's size.
    "quick": MaskRCNNSchedule(
        locations=preset("quick").total_locations,
        updates=700,
        batch_size=4,
        optimizer="adamw",
        learning_rate=5e-4,
        warmup_updates=50,
        milestones=(490, 630),
        channels=64,
        box_features=256,
        mask_channels=64,
        proposals=250,
        boxes_per_image=64,
        updates_per_episode=35,
        checkpoint_every=2,
        evaluate_every=10,
    ),
    "hour": MaskRCNNSchedule(
        locations=preset("hour").total_locations,
        updates=5600,
        batch_size=4,
        optimizer="adamw",
        learning_rate=5e-4,
        warmup_updates=100,
        milestones=(4000, 5000),
        channels=64,
        box_features=256,
        mask_channels=64,
        proposals=250,
        boxes_per_image=64,
        updates_per_episode=100,
        checkpoint_every=4,
        evaluate_every=14,
    ),
    # The paper's optimizer and steps (section 5). Its two stages visit the same number of locations; these
    # are those of the first, the segmentation-only one that rows (h) to (j) are compared with.
    "paper": MaskRCNNSchedule(
        locations=preset("paper").stages[0].total_locations,
        updates=90_000,
        batch_size=16,
        optimizer="sgd",
        learning_rate=2e-3,
        warmup_updates=1000,
        milestones=(60_000, 80_000),
        updates_per_episode=500,
        checkpoint_every=2,
        evaluate_every=20,
        final_evaluation_locations=1000,
    ),
}
"""Schedules by name, like those of the self-supervised learner, at as many locations."""


def mask_rcnn_preset(name: str) -> MaskRCNNSchedule:
    """Return the schedule of that name.

    Raises:
        ConfigurationError: There is no such preset.
    """
    require(name in PRESETS, f"There is no preset {name!r}; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


@dataclass(frozen=True)
class MaskRCNNConfig(RunSettings):
    """One training run of Mask R-CNN. These values determine every weight; except `workers`.

    The rows of the paper's table 1: (b) `--mass`; (h) the defaults; (i) `--targets self_supervised`; (j) the
    same with `--loss robust`.
    """

    schedule: MaskRCNNSchedule
    """Length and rates of the training, and size of the network."""

    targets: Literal["truth", "self_supervised"] = "truth"
    """Masks to learn from: the true ones (full supervision), or those of what moved when the interaction
    oracle's points were touched with the maximum force."""

    loss: Literal["pixel", "robust"] = "pixel"
    """Loss of the masks: cross-entropy of each pixel, or the robust set loss for noisy masks."""

    mass: bool = False
    """Learn light, medium and heavy objects as three classes; otherwise all objects are one class."""

    def __post_init__(self) -> None:
        """Reject values that cannot be trained with.

        Raises:
            ConfigurationError: A value is outside its range, or two exclude each other.
        """
        super().__post_init__()
        most = preset(self.preset).total_locations
        require(
            self.schedule.locations <= most,
            f"locations is {self.schedule.locations}; the preset {self.preset!r} of the self-supervised "
            f"learner visits {most}, and no more may be used, for a fair comparison.",
        )
        require(
            not (self.mass and self.targets == "self_supervised"),
            "mass is on, but self-supervised masks have no mass class; use --targets truth or --no-mass.",
        )
        for name, allowed in (("targets", ("truth", "self_supervised")), ("loss", ("pixel", "robust"))):
            value = getattr(self, name)
            require(value in allowed, f"{name} is {value!r}; choose one of {', '.join(allowed)}.")

    @classmethod
    def from_preset(cls, name: str, updates_fraction: float = 1.0, **values: Any) -> "MaskRCNNConfig":
        """Return the configuration of a preset.

        Args:
            name: smoke, quick, hour or paper.
            updates_fraction: Of the preset's updates, above 0; see `MaskRCNNSchedule.shortened`.
            values: Fields that differ from the defaults, such as `split`, `seed` or `mass`.

        Raises:
            ConfigurationError: There is no such preset, or a value is invalid.
        """
        return cls(schedule=mask_rcnn_preset(name).shortened(updates_fraction), preset=name, **values)

    def counterpart(self) -> TrainConfig:
        """Return the self-supervised run of the same preset, split and seed: it visits the same locations."""
        return TrainConfig(schedule=preset(self.preset), **self.settings())

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as JSON-able values."""
        return {"system": SYSTEM, **values_of(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "MaskRCNNConfig":
        """Return the configuration that `to_json` described.

        Raises:
            ConfigurationError: It is of another system, or a field is missing, unknown, or has an invalid
            value.
        """
        require(isinstance(values, Mapping), "the configuration is not an object.")
        system = values.get("system", "self-supervised")
        require(system == SYSTEM, f"it is of the system {system!r}, not {SYSTEM!r}.")
        try:
            given = {name: value for name, value in values.items() if name != "system"}
            schedule = dict(given.pop("schedule"))
            schedule["milestones"] = tuple(schedule["milestones"])
            return cls(schedule=MaskRCNNSchedule(**schedule), **given)
        except (KeyError, TypeError) as error:
            raise ConfigurationError(f"a field is missing, unknown or malformed ({error}).") from None

    def digest(self) -> str:
        """Return a SHA-256 of all that determines the result: every field but `workers`."""
        values = self.to_json()
        del values["workers"]
        return digest_of(values)

    def difference(self, other: "MaskRCNNConfig") -> str | None:
        """Return what separates two configurations whose results differ, such as `seed (0, not 1)`."""
        return first_difference(self.to_json(), other.to_json())
