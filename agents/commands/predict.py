"""The command `predict` of what is an interaction network.

Nothing here imports torch, so that `--help` answers at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from agents.commands.options import parse_options
from agents.commands.run_argument import RunPath
from agents.training.configuration import check_simulator
from agents.training.schedule import require


@dataclass(frozen=True)
class PredictCommand:
    """Draw six panels of one view: view, scores, forces, instances, ground truth, self-supervised masks.

    The last two need a LOCATION, where the simulator has the ground truth and the points can be touched.
    """

    run: Annotated[tyro.conf.Positional[RunPath], tyro.conf.arg(metavar="RUN")]
    """Run folder, the folder of one of its checkpoints, or pretrained:NAME."""

    image_or_location: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="IMAGE_OR_LOCATION")]
    """A .npz with `rgb` (300, 300, 3) uint8 and `depth` (300, 300) in metres; a .png (with --depth); or a
    location: a .json file or JSON text with scene, position {x, y, z}, rotation, horizon and seed; or a room
    or a split in which a location is drawn, such as FloorPlan26 or NovelSpaces/test."""

    out: Path = Path("prediction.png")
    """Image to write (PNG)."""

    overview: Path | None = None
    """Second image to write (PNG): the network's tensors, stage by stage, from the view to the masks."""

    depth: Path | None = None
    """Depth of a .png image: a .npy with (300, 300) metres from the camera."""

    device: str = "auto"
    """Where to run the network: auto, cpu, cuda, ..."""

    simulator: str | None = None
    """Simulator in which a LOCATION is; None means the run's own."""

    objects: str | None = None
    """Folder of objects that are added to the rooms of a LOCATION, or Elsewhere (docs/objects.md); None means
    the run's own."""

    seed: int = 0
    """Seed of a location that is drawn in a room or a split."""


def predict_command(program: str, words: Sequence[str], predict: Callable[..., None]) -> None:
    """Read the options of `predict`, and carry it out.

    Args:
        program: How the command is called, such as `python -m agents.selfsup_agent predict`.
        words: The words after it.
        predict: `eval.figures.predicting.predict`, which only entry points import.

    Raises:
        SystemExit: The help was printed, or a complaint.
    """
    command = parse_options(PredictCommand, program, words)
    if command.simulator is not None:
        check_simulator(command.simulator)
    require(command.seed >= 0, f"seed is {command.seed}; it must be 0 or more.")
    predict(
        command.run,
        command.image_or_location,
        command.out,
        command.depth,
        command.device,
        command.simulator,
        command.overview,
        command.seed,
        command.objects,
    )
