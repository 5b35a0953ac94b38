"""The ground truth of one location: masks, masses, and the minimum force that visibly moves each object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from selfsup.grid import STRIDE
from selfsup.supervisor import Supervisor
from thor_interact_env.actions import DIRECTIONS, FORCES, REACH
from thor_interact_env.locations.annotations import NOT_MOVED, Annotation, mass_class
from thor_interact_env.locations.dataset import DatasetEntry
from thor_interact_env.locations.location import Location

if TYPE_CHECKING:
    from thor_interact_env.simulators.base import Instances, Observation, Simulator

POINTS: Final = 3
"""Points of an object at which forces are tried: the innermost one in reach, the others at random."""

DIRECTIONS_TRIED: Final = 2
"""Directions tried at each of these points."""


def measure(
    simulator: Simulator, location: Location, image_id: int = 0, *, forces: bool = True
) -> DatasetEntry:
    """Return the ground truth of one location, a function of the location and the simulator alone.

    Args:
        simulator: The simulator; afterwards the location is loaded and nothing has moved.
        location: The location.
        image_id: Number of the entry.
        forces: Whether to try which force moves each object; else every `min_force` is -1.

    Returns:
        The entry. Its annotations also name `object_type` and `object_id`.

    Raises:
        UnknownRoomError: The simulator has no such room.
        UnreachableLocationError: The agent cannot stand there.
        DependencyNotInstalled: pycocotools is missing.
    """
    view = simulator.load(location)
    truth = simulator.instances()
    height, width = view["depth"].shape
    supervisor = Supervisor(view["rgb"])
    annotations = []
    for index, mask in enumerate(truth.masks):
        touches = _touches(mask & (view["depth"] < REACH), np.random.default_rng([location.seed, index]))
        force = _minimum_force(simulator, view, supervisor, touches) if forces else NOT_MOVED
        annotations.append(annotation(truth, index, force))
    return DatasetEntry(image_id, width, height, location, tuple(annotations))


def annotation(truth: Instances, index: int, min_force: float = NOT_MOVED) -> Annotation:
    """Return the annotation of one object of a view.

    Args:
        truth: The ground truth of the view.
        index: Index of the object.
        min_force: Minimum force in newtons that moves it; -1 if none did, or none was tried.

    Raises:
        DependencyNotInstalled: pycocotools is missing.
    """
    mass = float(truth.masses[index])
    return Annotation(
        segmentation=_encode(truth.masks[index]),
        category_id=mass_class(mass),
        min_force=min_force,
        gt_mass=mass,
        extra={"object_type": truth.types[index], "object_id": truth.ids[index]},
    )


def _touches(
    reachable: npt.NDArray[np.bool_], rng: np.random.Generator
) -> list[tuple[int, int, npt.NDArray[np.float64]]]:
    """Return rows, columns and directions of the touches to try at an object, the most promising first."""
    # Beyond the edge of the image nothing is in reach.
    distances = ndimage.distance_transform_edt(np.pad(reachable, 1))[1:-1, 1:-1]
    pixels = np.flatnonzero(reachable)
    others = rng.choice(pixels, min(POINTS - 1, len(pixels)), replace=False)
    touches = []
    for pixel in (int(distances.argmax()), *others.tolist()):
        row, column = divmod(pixel, reachable.shape[1])
        directions = rng.choice(len(DIRECTIONS), DIRECTIONS_TRIED, replace=False)
        touches += [(row, column, DIRECTIONS[direction]) for direction in directions]
    return touches


def _minimum_force(
    simulator: Simulator,
    view: Observation,
    supervisor: Supervisor,
    touches: list[tuple[int, int, npt.NDArray[np.float64]]],
) -> float:
    """Return the minimum force one of whose touches passes the success test, or -1; restore everything."""
    state = simulator.get_state()
    present = view  # a touch that can move nothing returns this same object
    for force in FORCES:
        for row, column, direction in touches:
            seen = simulator.touch(row, column, force, direction)
            if seen is present:
                continue
            present = simulator.set_state(state)
            if supervisor.judge(view["rgb"], seen["rgb"], row // STRIDE, column // STRIDE).success:
                return force
    return NOT_MOVED


def load_pycocotools() -> Any:
    """Return the module pycocotools.mask.

    Raises:
        DependencyNotInstalled: It is not installed.
    """
    try:
        from pycocotools import mask as coco
    except ImportError as error:
        from gymnasium.error import DependencyNotInstalled

        message = "pycocotools is not installed; datasets are written with it: pip install pycocotools"
        raise DependencyNotInstalled(message) from error
    return coco


def _encode(mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    counts = load_pycocotools().encode(np.asfortranarray(mask, np.uint8))["counts"].decode("ascii")
    return {"size": [int(length) for length in mask.shape], "counts": counts}
