"""The views of a split in a simulator by name, and those of rooms that hold objects of a folder."""

import os
from dataclasses import replace

from eval.views.evaluation_set import EvaluationSet
from thor_interact_env.actions import REACH
from thor_interact_env.errors import InvalidOptionError
from thor_interact_env.simulators import make_simulator
from thor_interact_env.simulators.own_objects.elsewhere import ELSEWHERE
from thor_interact_env.simulators.own_objects.option import check_objects

ELSEWHERE_TEST = f"{ELSEWHERE}/test"
"""The evaluation set of objects of other people: views in the rooms of `ELSEWHERE_ROOMS`."""

ELSEWHERE_ROOMS = "NovelSpaces/test"
"""The split whose rooms hold these objects."""


def views_in_world(
    split: str,
    count: int,
    seed: int,
    reachable_fraction: float,
    simulator: str,
    reach: float,
    objects: str | os.PathLike[str] | None = None,
) -> EvaluationSet:
    """Return the evaluation set of a simulator by name, cached for the embedded one at the standard reach.

    Args:
        split: As in `EvaluationSet.make`, or `ELSEWHERE_TEST`.
        count: As there.
        seed: As there.
        reachable_fraction: As there.
        simulator: Name of a simulator.
        reach: Metres within which a touch acts, and objects count as ground truth.
        objects: Folder of objects that are added to the rooms of the embedded simulator, or `ELSEWHERE`;
            None adds none.

    Returns:
        The views. With objects in the rooms, nothing is cached.

    Raises:
        UnknownSplitError: There is no such split.
        InvalidOptionError: Objects are added to another simulator, or to `ELSEWHERE_TEST`.
        ObjectError: The folder cannot be used.
        DependencyNotInstalled: The packages of `ELSEWHERE_TEST` are not installed.
    """
    rooms = split
    if split == ELSEWHERE_TEST:
        if objects not in (None, ELSEWHERE):
            raise InvalidOptionError(f"{split} has its own objects; leave the folder {str(objects)!r} out")
        rooms, objects = ELSEWHERE_ROOMS, ELSEWHERE
    if objects is None:
        usual = (simulator, reach) == ("mujoco", REACH)
        make = None if usual else (lambda: make_simulator(simulator, reach=reach))
        return EvaluationSet.make(split, count, seed, reachable_fraction, simulator=make)
    check_objects(objects, simulator)
    world = make_simulator("mujoco", objects=objects, reach=reach)
    made = EvaluationSet.make(rooms, count, seed, reachable_fraction, simulator=lambda: world)
    return replace(made, split=split, objects=os.fspath(objects))
