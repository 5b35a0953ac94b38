"""A dataset file in place of sampled locations, for `evaluate RUN --dataset FILE`.

Modules that need a simulator are imported inside the functions, so that `--help` is fast.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agents.training.configuration import TrainConfig
from agents.training.schedule import require

if TYPE_CHECKING:
    from eval.views.dataset_views import DatasetViews, TruthSource

MINIMUM_AGREEMENT = 0.5
"""A file is out of date if the simulator shows a smaller fraction of its objects in their place."""


@dataclass(frozen=True)
class DatasetChoice:
    """Which locations of a dataset file to evaluate at, and what to score against.

    Attributes:
        path: The file, in the authors' format.
        locations: How many, from the start of the file; None takes all.
        truth: `file`: the masks and mass classes of the file; `simulator`: what the simulator shows. None
            takes the simulator's where that is the embedded one, and else the file's: the authors' files
            describe the rooms of AI2-THOR, and the embedded simulator has other rooms of the same names.

    Raises:
        ConfigurationError: The number of locations is below 1.
    """

    path: Path
    locations: int | None = None
    truth: Literal["file", "simulator"] | None = None

    def __post_init__(self) -> None:
        """Check the number of locations; see the class."""
        require(
            self.locations is None or self.locations >= 1,
            f"locations is {self.locations}; it must be at least 1.",
        )


def choose_views(config: TrainConfig, choice: DatasetChoice) -> DatasetViews:
    """Look at the locations of a dataset file in the simulator of a run, whose rooms hold the run's objects.

    Args:
        config: The run.
        choice: The file, its locations and the truth.

    Raises:
        ConfigurationError: The rooms hold objects, and the truth is that of a file without them.
        DatasetError: The file is not a dataset, or is damaged, or was made with other objects in the rooms.
        OSError: The file cannot be read.
        UnreachableLocationError: The agent can stand at none of the locations.
    """
    from eval.views.dataset_views import dataset_views, read_dataset
    from thor_interact_env.simulators import make_simulator

    usual: TruthSource = "simulator" if config.simulator == "mujoco" else "file"
    dataset = read_dataset(choice.path)
    with_objects = dataset.check_objects(str(choice.path), config.objects)
    require(
        with_objects or config.objects is None or choice.truth != "file",
        f"{choice.path} was made without the objects of {config.objects}: leave out --truth file.",
    )
    options = {"reach": config.reach, **config.simulator_options}
    seen = dataset_views(
        dataset[: choice.locations],
        choice.path.name,
        choice.truth or usual,
        simulator=lambda: make_simulator(config.simulator, **options),
    )
    return replace(seen, views=replace(seen.views, objects=config.objects))


def described(seen: DatasetViews) -> dict[str, Any]:
    """Return the entries of `evaluation.json` about the dataset."""
    left_out = [location.to_json() for location in seen.views.left_out]
    return {"truth": seen.truth, "agreement": seen.agreement, "left_out": left_out}


def remarks(seen: DatasetViews) -> list[str]:
    """Return remarks for readers of the scores, one line each."""
    left_out = seen.views.left_out
    lines = [f"scored against the {'annotations of the file' if seen.truth == 'file' else 'simulator'}"]
    if left_out:
        total = len(left_out) + len(seen.views)
        lines.append(
            f"{len(left_out)} of {total} locations left out, where the agent cannot stand, such as "
            f"{left_out[0].position} in {left_out[0].scene}"
        )
    if seen.truth == "file" and seen.agreement is not None:
        lines.append(f"{seen.agreement:.0%} of the file's objects are where the simulator shows an object")
        if seen.agreement < MINIMUM_AGREEMENT:
            lines.append(
                "the file was made with another build or other rooms; add --truth simulator to score against "
                "what is shown"
            )
    return lines
