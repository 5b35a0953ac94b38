"""What a VideoPCA run was asked to do. Nothing here imports torch, so that `--help` answers at once."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from agents.configuration import TrainConfig, default_run_folder, digest_of, first_difference
from agents.schedule import Schedule, preset, require

SYSTEM = "video_pca"
"""Value of `system` in the config.json of such a run."""


@dataclass(frozen=True)
class VideoPCAConfig:
    """One VideoPCA run (row g of the paper's table 1). With its seed this decides every weight.

    As in the paper (appendix D), the network is trained on as many locations, for as many updates and at the
    same rates as the self-supervised network in the first stage of the same preset.
    """

    preset: str = "quick"
    """Schedule: smoke, quick, hour or paper."""

    split: str = "NovelSpaces"
    """Which rooms to learn in and which to keep for the test: NovelSpaces or NovelObjects."""

    seed: int = 0
    """Seed of the weights, the locations, the touches and the batches."""

    oracle_points: int = 4
    """Most movable objects touched at a location, each once (the interaction oracle of the paper)."""

    random_points: int = 0
    """Points touched at random at a location, uniform over the grid, after those of the oracle."""

    threshold: float = 0.3
    """Least soft value of a foreground cell at test time, in 0..1."""

    simulator: str = "mujoco"
    """Simulator to learn in."""

    device: str = "auto"
    """Where to train: auto, cpu, cuda, cuda:1, mps, ..."""

    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    """Arithmetic of the network; auto takes bf16 on GPUs and on CPUs that have it in hardware."""

    threads: int = 2
    """CPU threads of the network."""

    workers: int | None = None
    """Processes that collect; 0 collects inside the learner, None takes as many as there are cores."""

    def __post_init__(self) -> None:
        """Reject values that cannot be trained with.

        Raises:
            ConfigurationError: A value is outside its range, or there is no such preset.
        """
        preset(self.preset)
        for name, least in (("seed", 0), ("oracle_points", 0), ("random_points", 0), ("threads", 1)):
            require(getattr(self, name) >= least, f"{name} is {getattr(self, name)}; it must be >= {least}.")
        require(
            self.points >= 1,
            "oracle_points and random_points are both 0; at least one point must be touched.",
        )
        require(0 < self.threshold < 1, f"threshold is {self.threshold}; it must lie between 0 and 1.")
        require(
            self.workers is None or self.workers >= 0, f"workers is {self.workers}; it must be 0 or more."
        )

    @property
    def points(self) -> int:
        """Most touches at a location."""
        return self.oracle_points + self.random_points

    @property
    def schedule(self) -> Schedule:
        """The first stage, the segmentation, of the preset."""
        chosen = preset(self.preset)
        return replace(chosen, stages=chosen.stages[:1])

    @property
    def training(self) -> TrainConfig:
        """The self-supervised run whose network, optimizer and evaluation this run shares."""
        names = ("preset", "split", "seed", "simulator", "device", "precision", "threads", "workers")
        return TrainConfig(schedule=self.schedule, **{name: getattr(self, name) for name in names})

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as JSON-able values, with the name of the system."""
        return {"system": SYSTEM, **asdict(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "VideoPCAConfig":
        """Return the configuration that `to_json` described.

        Raises:
            ConfigurationError: It is of another system, or a field is missing, unknown, or of a wrong value.
        """
        require(isinstance(values, Mapping), f"it is {type(values).__name__}; it must be an object.")
        system = values.get("system", "the self-supervised agent")
        require(system == SYSTEM, f"it is of {system}, not of {SYSTEM}; name the folder of a VideoPCA run.")
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
        """Return a SHA-256 of all that decides the result."""
        return digest_of(self.decisive())


def default_folder(config: VideoPCAConfig) -> Path:
    """Return where a run is written when no folder is named."""
    folder = default_run_folder(config.preset, config.split, config.seed)
    return folder.with_name(f"{SYSTEM}-{folder.name}")
