"""Which world a number was measured in."""

import importlib.metadata
from importlib.metadata import PackageNotFoundError, version
from typing import Final

WORLD_VERSION: Final = 1
"""Version of the embedded simulator's world: its rooms, things, forces, motions and images.

Results of one version can be compared. Whoever changes what is seen or how things move raises it, and
records new digests: `python -m thor_interact_env.simulators.mujoco.golden --record`.
"""


class OtherWorldWarning(UserWarning):
    """Locations or results are of another version of the embedded world than this one."""


def world_of(simulator: str) -> str:
    """Return what tells the world that a simulator shows from those of its other versions.

    Args:
        simulator: Name of a simulator, such as `mujoco`.

    Returns:
        Of the embedded simulator "mujoco world" and `WORLD_VERSION`; of AI2-THOR its name and the version of
        its client, which decides the build that is downloaded.
    """
    if simulator == "mujoco":
        return f"mujoco world {WORLD_VERSION}"
    try:
        return f"{simulator} {importlib.metadata.version(simulator)}"
    except importlib.metadata.PackageNotFoundError:
        return simulator


def distribution_version(name: str) -> str:
    """Return the version of an installed distribution, or `not installed`.

    Args:
        name: Of the distribution, such as `mujoco`. What is run from a mere checkout, or comes from another
            distribution of the same modules, is not installed under that name.
    """
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
