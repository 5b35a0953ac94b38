"""The world of a result: its simulator and version."""

import importlib.metadata
import os
from importlib.metadata import PackageNotFoundError, version
from typing import Final

WORLD_VERSION: Final = 1
"""Version of the embedded simulator's world: its rooms, objects, forces, motions and images.

Results of one version can be compared. A change of images or motions needs a new version and new digests:
`python -m thor_interact_env.simulators.mujoco.golden --record`.
"""

WITH_OBJECTS: Final = " with objects "
"""What separates the world from the digest of the objects that were added to its rooms."""


class OtherWorldWarning(UserWarning):
    """Locations or results are of another version of the embedded world than this one."""


def world_of(simulator: str, objects: str | os.PathLike[str] | None = None) -> str:
    """Return the identifier of a simulator's world and its version.

    Args:
        simulator: Name of a simulator, such as `mujoco`.
        objects: Folder of objects that are added to its rooms, or "Elsewhere"; None: none.

    Returns:
        For the embedded simulator "mujoco world" and `WORLD_VERSION`, and with objects `WITH_OBJECTS` and
        their `objects_digest`; for AI2-THOR its name and the version of its client, which determines the
        downloaded build.

    Raises:
        InvalidOptionError: Objects are added to another simulator than the embedded one.
        ObjectError: The folder or its table cannot be used.
        DependencyNotInstalled: The packages of "Elsewhere" are not installed.
    """
    if objects is not None:
        from thor_interact_env.simulators.own_objects.option import check_objects, objects_digest

        check_objects(objects, simulator)
        return f"{world_of(simulator)}{WITH_OBJECTS}{objects_digest(objects)}"
    if simulator == "mujoco":
        return f"mujoco world {WORLD_VERSION}"
    try:
        return f"{simulator} {importlib.metadata.version(simulator)}"
    except importlib.metadata.PackageNotFoundError:
        return simulator


def distribution_version(name: str) -> str:
    """Return the version of an installed distribution, or `not installed`.

    Args:
        name: Name of the distribution, such as `mujoco`. A checkout, or another distribution of the same
            modules, is not installed under that name.
    """
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
