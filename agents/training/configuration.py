"""The configuration of a run: everything, with the seed, that determines its result.

Nothing here imports torch, so that `--help` is fast.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args

from agents.collection.oracles import OracleOptions
from agents.training.presets import preset
from agents.training.schedule import Schedule, Stage, require, segmentation_only
from selfsup.change import ChangeTest
from selfsup.feedback import ForceArea, KernelName
from selfsup.grid import GRID
from selfsup.training_images.options import TargetOptions

UNLIMITED_REACH = 1000.0
"""Metres; no room is that large, so a touch reaches everything in view (row m of the paper's table 1)."""

COLLECTED_BY = frozenset({"workers", "engine", "address", "room_memory"})
"""Fields about the collecting processes, which do not change the result."""

ENVIRONMENT_FIELDS = ("simulator", "change_test", "kernel_name", "use_superpixels", "reach")
"""Fields that are options of the environment, by the same names."""

SELF_SUPERVISED = "self_supervised"
"""Name of the paper's learner, whose `config.json` needs no entry `system`."""


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Configuration common to all systems that learn from the same locations."""

    preset: str = "quick"
    """Name of the schedule to start from; the text above names them all."""

    split: str = "NovelSpaces"
    """Which rooms to learn in and which to keep for the test: NovelSpaces or NovelObjects."""

    seed: int = 0
    """Seed of the weights, the locations, the touches and the batches."""

    simulator: str = "mujoco"
    """Simulator to learn in."""

    objects: str | None = None
    """Folder of objects that are added to the rooms of the simulator mujoco, or Elsewhere (docs/objects.md);
    None adds none."""

    device: str = "auto"
    """Where to train: auto, cpu, cuda, cuda:1, mps, ..."""

    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    """Arithmetic of the updates; auto takes bf16 on GPUs and CPUs on which it is faster. Agents, also those
    that choose points to touch, always infer as auto says."""

    threads: int = 2
    """CPU threads of the network; as many as there are cores is fastest, as workers have lower priority."""

    workers: int | None = None
    """Processes that collect; 0 collects inside the learner, None takes as many as there are cores. One that
    ends early is replaced and its task repeated; after three such ends during one task the run stops."""

    def __post_init__(self) -> None:
        """Reject values that cannot be trained with.

        Raises:
            ConfigurationError: A value is outside its range.
        """
        require(self.seed >= 0, f"seed is {self.seed}; it must be 0 or more.")
        require(self.threads >= 1, f"threads is {self.threads}; it must be at least 1.")
        require(
            self.workers is None or self.workers >= 0, f"workers is {self.workers}; it must be 0 or more."
        )

    def settings(self) -> dict[str, Any]:
        """Return these values by name, for a run of another system with the same values."""
        return {field.name: getattr(self, field.name) for field in fields(RunSettings)}

    @property
    def simulator_options(self) -> dict[str, Any]:
        """Keyword arguments of the simulator, beside its reach."""
        return {} if self.objects is None else {"objects": self.objects}


@dataclass(frozen=True)
class TrainConfig(RunSettings):
    """One training run. These values determine every weight, except those about collecting processes."""

    system: ClassVar[str] = SELF_SUPERVISED

    schedule: Schedule
    """How long and how fast to learn."""

    change_test: ChangeTest = "pooled_difference"
    """Which cells changed: the paper's rule, or the authors' code's (pooled_squared_difference),
    or where the optical flow says that something moved (optical_flow)."""

    kernel_name: KernelName = "gaussian"
    """Neighbourhood kernel of the success test: the paper's eq. 1, or the authors' code's (exponential)."""

    use_superpixels: bool = True
    """Align changed cells to superpixels; off is an ablation of the paper."""

    reach: float = 1.5
    """Metres from the camera within which a touch acts, and objects count as ground truth in the evaluation
    (1000: unlimited, an ablation of the paper). Views are still drawn by the fraction within 1.5 m."""

    oracles: OracleOptions = OracleOptions()  # noqa: RUF009, it is frozen
    """Ground truth in place of points or masks, to measure the cost of self-supervision."""

    targets: TargetOptions = TargetOptions()  # noqa: RUF009, it is frozen
    """What is kept of a location to learn from: by default the paper's first view with B+."""

    force_area: ForceArea = "point"
    """Where a touch says something about the force: around its point (paper), or over its whole mask."""

    network: Literal["paper", "released"] = "paper"
    """Which network: that of the paper's appendix A, or that of the weights its authors released."""

    force_branch: Literal["shared", "separate"] = "shared"
    """What the paper's force head reads: the features of all heads (paper), or the backbone's (authors'
    code); the released network has its own head in any case."""

    embedding_normalization: Literal["added", "averaged"] = "added"
    """Weights of masks in the embedding loss: 1 / area, added over the masks of an image (paper), or 200 /
    area, averaged over masks and over images that have any (as the authors' code is written, not run)."""

    loss_weights: Literal["paper", "released"] = "paper"
    """Weights of the three losses: the paper's, or those of the gradients that the authors' code takes: the
    images of a batch added, the embedding loss 200 and the force loss 10 times as much."""

    clipped_distances: bool = True
    """Clip the derivative of each component of an embedding's squared distance (paper); the authors' code
    does not."""

    location_score: Literal["minimum", "mean"] = "minimum"
    """How well a location is known, which decides its priority: the minimum IoU of its masks (paper), or
    their mean, 0 counted as 0.5 (authors' code)."""

    without_replacement: Literal["batch", "episode"] = "batch"
    """Within what no location is drawn twice from the memory bank: a batch, or all batches of an episode,
    drawn by the priorities at its start (authors' code)."""

    engine: Literal["local", "ray"] = "local"
    """Where to collect locations: this machine, or a Ray cluster (pip install "thor-interact[cluster]")."""

    address: str = "auto"
    """Ray cluster: auto for the one this machine belongs to, local for a new one on it, or host:port."""

    room_memory: float | None = None
    """Memory that the compiled rooms of all workers of a machine may take together, in GB (10^9 bytes), 21 MB
    each; None takes a quarter of what is available at the start."""

    wait_for_workers: bool = True
    """End an episode only when its locations are collected, so that a run is a function of its configuration.
    If off, they may enter the memory bank one episode later, and the learner does not wait."""

    ranks: int = 1
    """Learning processes, started by torchrun, one for each GPU or machine; they share each batch and the
    memory bank."""

    def __post_init__(self) -> None:
        """Reject values that cannot be trained with.

        Raises:
            ConfigurationError: A value is outside its range.
        """
        super().__post_init__()
        require(
            0 < self.reach < math.inf,
            f"reach is {self.reach}; it must be a positive number of metres ({UNLIMITED_REACH:g}: all).",
        )
        require(
            self.room_memory is None or self.room_memory > 0,
            f"room_memory is {self.room_memory}; it must be a positive number of GB.",
        )
        require(
            self.loss_weights == "paper" or self.embedding_normalization == "added",
            f"embedding_normalization is {self.embedding_normalization!r}, but loss_weights "
            f"{self.loss_weights!r} weights masks by itself; set one of them to its default.",
        )
        require(self.ranks >= 1, f"ranks is {self.ranks}; it must be at least 1.")
        require(
            not self.oracles.masks or self.targets == TargetOptions(),
            f"targets are {self.targets}, but the mask oracle knows masks of the first view only: leave them "
            "as they are, or switch the mask oracle off.",
        )
        require(
            self.force_area in get_args(ForceArea),
            f"force_area is {self.force_area!r}; choose one of {', '.join(get_args(ForceArea))}.",
        )
        require(
            self.network == "paper" or self.schedule.window == GRID,
            f"window is {self.schedule.window}, but the released network sees whole views only: add "
            f"--schedule.window {GRID}.",
        )

    @classmethod
    def from_preset(
        cls, name: str, forces: bool | None = None, prioritized: bool | None = None, **values: Any
    ) -> Self:
        """Return the configuration of a preset.

        Args:
            name: smoke, quick, hour or paper.
            forces: Whether forces are learned: False leaves the stages of the schedule without forces
                (`segmentation_only`), None and True take the schedule as it is.
            prioritized: How the memory bank is sampled; None: as the preset.
            values: Fields that differ from the defaults, such as `split`, `seed` or `reach`.

        Raises:
            ConfigurationError: There is no such preset, or a value is invalid.
        """
        schedule = cls.schedule_of(name)
        if forces is False:
            schedule = segmentation_only(schedule)
        if prioritized is not None:
            schedule = replace(schedule, prioritized=prioritized)
        return cls(schedule=schedule, preset=name, **values)

    @classmethod
    def schedule_of(cls, name: str) -> Schedule:
        """Return the schedule of a preset.

        Raises:
            ConfigurationError: There is no such preset.
        """
        return preset(name)

    def counterpart(self) -> "TrainConfig":
        """Return the self-supervised run that shares locations and evaluation with this one: itself."""
        return self

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as JSON-able values."""
        named = {} if self.system == SELF_SUPERVISED else {"system": self.system}
        return {**named, **values_of(self)}

    def environment(self) -> dict[str, Any]:
        """Return the keyword arguments of the environment in which the run touches objects."""
        named = {name: getattr(self, name) for name in ENVIRONMENT_FIELDS}
        return {**named, "simulator_options": self.simulator_options}

    def in_world(self, simulator: str | None, objects: str | None) -> Self:
        """Return the run as it is evaluated in a world.

        Args:
            simulator: Name of the simulator; None takes the run's.
            objects: Objects that are added to the rooms; None takes the run's, if the simulator is the run's.
        """
        kept = self.objects if simulator in (None, self.simulator) else None
        return replace(self, simulator=simulator or self.simulator, objects=objects or kept)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the configuration that `to_json` described.

        Raises:
            ConfigurationError: It is of another system, or a field is missing, unknown, or invalid.
        """
        require(isinstance(values, Mapping), f"config is {type(values).__name__}; it must be an object.")
        system = values.get("system", SELF_SUPERVISED)
        require(system == cls.system, f"it is of the system {system!r}, not {cls.system!r}.")
        values = {"objects": None} | {name: value for name, value in values.items() if name != "system"}
        _check_fields(cls, values, "config")
        schedule = values["schedule"]
        _check_fields(Schedule, schedule, "config.schedule")
        stages = []
        for number, stage in enumerate(schedule["stages"]):
            _check_fields(Stage, stage, f"config.schedule.stages[{number}]")
            stages.append(Stage(**stage))
        oracles = values["oracles"]
        if not isinstance(oracles, OracleOptions):
            if isinstance(oracles, Mapping):
                oracles = {"minimum_pixels": 0, **oracles}
            _check_fields(OracleOptions, oracles, "config.oracles")
            oracles = OracleOptions(**oracles)
        targets = values["targets"]
        if not isinstance(targets, TargetOptions):
            _check_fields(TargetOptions, targets, "config.targets")
            targets = TargetOptions(**targets)
        schedule = Schedule(**{**schedule, "stages": tuple(stages)})
        return cls(**{**values, "schedule": schedule, "oracles": oracles, "targets": targets})

    def digest(self) -> str:
        """Return a SHA-256 of all fields that determine the result."""
        values = {name: value for name, value in self.to_json().items() if name not in COLLECTED_BY}
        return digest_of(values)

    def difference(self, other: "TrainConfig") -> str | None:
        """Return what separates two configurations whose results differ, such as `seed (0, not 1)`."""
        return first_difference(self.to_json(), other.to_json())


def check_split(split: str) -> None:
    """Check that a split to train and test with exists.

    Raises:
        ConfigurationError: It does not.
    """
    from thor_interact_env.locations.splits import SPLITS  # the package loads Gymnasium, too slow for --help

    names = sorted({name.partition("/")[0] for name in SPLITS})
    require(split in names, f"There is no split {split!r}; choose one of {', '.join(names)}.")


def check_test_split(split: str) -> None:
    """Check that a split to test with exists: one to train with, or the objects of other people.

    Raises:
        ConfigurationError: It does not.
    """
    from thor_interact_env.simulators.own_objects.elsewhere import ELSEWHERE

    if split != ELSEWHERE:
        check_split(split)


def check_simulator(name: str, objects: str | None = None) -> None:
    """Check that a simulator exists, and that objects can be added to its rooms.

    Raises:
        ConfigurationError: It does not exist.
        InvalidOptionError, ObjectError, DependencyNotInstalled: As `check_objects` says.
    """
    from thor_interact_env.simulators import SIMULATORS
    from thor_interact_env.simulators.own_objects.option import check_objects

    require(name in SIMULATORS, f"There is no simulator {name!r}; choose one of {', '.join(SIMULATORS)}.")
    check_objects(objects, name)


def default_run_folder(preset_name: str, split: str, seed: int) -> Path:
    """Return where a run is written when no folder is named."""
    return Path("runs") / f"{preset_name}-{split}-seed{seed}"


def values_of(config: Any) -> dict[str, Any]:
    """Return the fields of a configuration as JSON-able values, without `objects` where there are none.

    So files and digests of runs without objects are the same as before there was the option.
    """
    values = {name: value for name, value in asdict(config).items() if (name, value) != ("objects", None)}
    return values | ({"oracles": config.oracles.to_json()} if "oracles" in values else {})


def _check_fields(kind: type, values: Any, where: str) -> None:
    names = {field.name for field in fields(kind)}
    require(isinstance(values, Mapping), f"{where} is {type(values).__name__}; it must be an object.")
    missing, unknown = names - set(values), set(values) - names
    require(not missing, f"{where} lacks {', '.join(sorted(missing))}; it was written by another version.")
    require(
        not unknown, f"{where} has unknown {', '.join(sorted(unknown))}; known: {', '.join(sorted(names))}."
    )


def digest_of(values: Mapping[str, Any]) -> str:
    """Return a hexadecimal SHA-256 of JSON-able values, independent of the order of their names."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def first_difference(mine: Mapping[str, Any], others: Mapping[str, Any]) -> str | None:
    """Return the first value in which two configurations differ, such as `seed (0, not 1)`, or None.

    Args:
        mine: A configuration as JSON-able values. Fields about collecting processes are ignored.
        others: Another one.
    """
    flat, other_flat = _flatten(mine), _flatten(others)
    for name in flat | other_flat:
        if name not in COLLECTED_BY and flat.get(name) != other_flat.get(name):
            return f"{name} ({flat.get(name)}, not {other_flat.get(name)})"
    return None


def _flatten(values: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(values, Mapping):
        items: Any = values.items()
    elif isinstance(values, list | tuple):
        items = enumerate(values)
    else:
        return {prefix: values}
    flat: dict[str, Any] = {}
    for key, value in items:
        flat |= _flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return flat
