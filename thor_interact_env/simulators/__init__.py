"""The interchangeable simulators, made by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from thor_interact_env.errors import InvalidOptionError

if TYPE_CHECKING:  # base.py is loaded by the simulator that is made
    from thor_interact_env.simulators.base import Simulator

SIMULATORS: Final[tuple[str, ...]] = ("mujoco", "mjcf", "ai2thor")
"""Names for `make_simulator`."""

NONDETERMINISTIC: Final[frozenset[str]] = frozenset({"ai2thor"})
"""Simulators that do not give equal bytes for equal calls."""


def check_simulator_name(name: object) -> None:
    """Raise `InvalidOptionError` naming the choices unless `name` is one of `SIMULATORS`."""
    if name not in SIMULATORS:
        raise InvalidOptionError(f"there is no simulator {name!r}; the choices are {', '.join(SIMULATORS)}")


def is_deterministic(simulator: str | Simulator) -> bool:
    """Return whether equal calls of a simulator, given by its name or as an object, give equal bytes."""
    return simulator not in NONDETERMINISTIC if isinstance(simulator, str) else simulator.deterministic


def make_simulator(name: str, **options: Any) -> Simulator:
    """Make a simulator; its module and dependencies are loaded only now.

    Args:
        name: One of `SIMULATORS`.
        **options: Keyword arguments of its class, such as `reach` (metres). For "ai2thor" they override
            those of the environment variable THOR_INTERACT_AI2THOR, for "mjcf" those of THOR_INTERACT_MJCF.

    Raises:
        InvalidOptionError: There is no simulator of this name, or an option, or the environment variable, is
            not allowed.
        DependencyNotInstalled: "ai2thor" is requested and its client is not installed.
    """
    check_simulator_name(name)
    if name == "ai2thor":
        from thor_interact_env.simulators.ai2thor.options import player_options
        from thor_interact_env.simulators.ai2thor.simulator import Ai2thorSimulator

        return _made(Ai2thorSimulator, name, player_options() | options)
    if name == "mjcf":
        from thor_interact_env.simulators.mjcf.simulator import MjcfSimulator, scene_options

        return _made(MjcfSimulator, name, scene_options() | options)
    from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

    return _made(MujocoSimulator, name, options)


def _made(kind: type[Simulator], name: str, options: Mapping[str, Any]) -> Simulator:
    """Make a simulator of a class, whose options are its keyword arguments and those of its bases."""
    allowed = [
        each.name
        for base in kind.__mro__[:-1]
        if "__init__" in vars(base)
        for each in list(inspect.signature(base).parameters.values())
        if each.kind is each.POSITIONAL_OR_KEYWORD
    ]
    for option in options:
        if option not in allowed:
            raise InvalidOptionError(
                f"the simulator {name!r} has no option {option!r}; its options are {', '.join(allowed)}"
            )
    return kind(**options)
