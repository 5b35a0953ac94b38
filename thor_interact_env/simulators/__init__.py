"""The interchangeable simulators, made by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:  # base.py is loaded by the simulator that is made
    from thor_interact_env.simulators.base import Simulator

SIMULATORS: Final[tuple[str, ...]] = ("mujoco", "mjcf", "ai2thor")
"""Names for `make_simulator`."""

NONDETERMINISTIC: Final[frozenset[str]] = frozenset({"ai2thor"})
"""Simulators that do not give equal bytes for equal calls."""


def check_simulator_name(name: object) -> None:
    """Raise `ValueError` naming the choices unless `name` is one of `SIMULATORS`."""
    if name not in SIMULATORS:
        raise ValueError(f"there is no simulator {name!r}; the choices are {', '.join(SIMULATORS)}")


def make_simulator(name: str, **options: Any) -> Simulator:
    """Make a simulator; its module and dependencies are loaded only now.

    Args:
        name: One of `SIMULATORS`.
        **options: Keyword arguments of its class, such as `reach` (metres). For "ai2thor" they override
            those of the environment variable THOR_INTERACT_AI2THOR, for "mjcf" those of THOR_INTERACT_MJCF.

    Raises:
        ValueError: There is no simulator of this name.
        InvalidOptionError: An option, or the environment variable, is not allowed.
        DependencyNotInstalled: "ai2thor" is requested and its client is not installed.
    """
    check_simulator_name(name)
    if name == "ai2thor":
        from thor_interact_env.simulators.ai2thor.options import player_options
        from thor_interact_env.simulators.ai2thor.simulator import Ai2thorSimulator

        return Ai2thorSimulator(**player_options() | options)
    if name == "mjcf":
        from thor_interact_env.simulators.mjcf.simulator import MjcfSimulator, scene_options

        return MjcfSimulator(**scene_options() | options)
    from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

    return MujocoSimulator(**options)
