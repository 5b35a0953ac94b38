"""The configuration of a VideoPCA run. Nothing here imports torch, so that `--help` is fast."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from agents.collection.oracles import MAX_ADDED_POINTS
from agents.training.configuration import RunSettings, TrainConfig, digest_of, first_difference, values_of
from agents.training.presets import preset
from agents.training.schedule import Schedule, require

SYSTEM = "video_pca"
"""Value of `system` in the config.json of such a run."""


@dataclass(frozen=True)
class VideoPCAConfig(RunSettings):
    """One VideoPCA run (row g of the paper's table 1). These values determine every weight.

    As in the paper (appendix D), the network is trained on as many locations, for as many updates and at the
    same rates as the self-supervised network in the first stage of the same preset.
    """

    oracle_points: int = 3
    """Maximum number of movable objects touched at a location, each once (the interaction oracle of the
    paper). The paper, and the preset `paper`, touch all; short runs visit more locations instead."""

    random_points: int = 0
    """Points touched at random at a location, uniform over the grid, after those of the oracle."""

    threshold: float = 0.3
    """Minimum soft value of a foreground cell at test time, in 0..1."""

    def __post_init__(self) -> None:
        """Reject values that cannot be trained with.

        Raises:
            ConfigurationError: A value is outside its range, or there is no such preset.
        """
        super().__post_init__()
        preset(self.preset)
        for name, minimum in (("oracle_points", 0), ("random_points", 0)):
            require(
                getattr(self, name) >= minimum, f"{name} is {getattr(self, name)}; it must be >= {minimum}."
            )
        require(
            self.points >= 1,
            "oracle_points and random_points are both 0; at least one point must be touched.",
        )
        require(0 < self.threshold < 1, f"threshold is {self.threshold}; it must be between 0 and 1.")

    @property
    def points(self) -> int:
        """Maximum number of touches at a location."""
        return self.oracle_points + self.random_points

    @property
    def schedule(self) -> Schedule:
        """The first stage of the preset, the segmentation."""
        chosen = preset(self.preset)
        return replace(chosen, stages=chosen.stages[:1])

    @classmethod
    def from_preset(cls, name: str, **values: Any) -> "VideoPCAConfig":
        """Return the configuration of a preset; that of `paper` touches all objects.

        Args:
            name: smoke, quick, hour or paper.
            values: Fields that differ from the defaults, such as `split`, `seed` or `threshold`.

        Raises:
            ConfigurationError: There is no such preset, or a value is invalid.
        """
        usual = {"oracle_points": MAX_ADDED_POINTS} if name == "paper" else {}
        return cls(preset=name, **{**usual, **values})

    def counterpart(self) -> TrainConfig:
        """Return the self-supervised run whose network, optimizer and evaluation this run shares."""
        return TrainConfig(schedule=self.schedule, **self.settings())

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as JSON-able values, with the name of the system."""
        return {"system": SYSTEM, **values_of(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "VideoPCAConfig":
        """Return the configuration that `to_json` described.

        Raises:
            ConfigurationError: It is of another system, or a field is missing, unknown, or has an invalid
            value.
        """
        require(isinstance(values, Mapping), f"it is {type(values).__name__}; it must be an object.")
        system = values.get("system", "the self-supervised agent")
        require(system == SYSTEM, f"it is of {system}, not of {SYSTEM}; name the folder of a VideoPCA run.")
        values = {"objects": None, **values}
        names = {field.name for field in fields(cls)} | {"system"}
        wrong = names ^ set(values)
        require(not wrong, f"it has unknown or lacks {', '.join(sorted(wrong))}; another version wrote it.")
        return cls(**{name: value for name, value in values.items() if name != "system"})

    def decisive(self) -> dict[str, Any]:
        """Return all that decides the result: every value but `workers`, and the schedule."""
        values = self.to_json() | {"schedule": asdict(self.schedule)}
        del values["workers"]
        return values

    def difference(self, other: "VideoPCAConfig") -> str | None:
        """Return what separates two configurations whose results differ, such as `seed (0, not 1)`."""
        return first_difference(self.decisive(), other.decisive())

    def digest(self) -> str:
        """Return a SHA-256 of all that determines the result."""
        return digest_of(self.decisive())
