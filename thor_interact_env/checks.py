"""Checks of values from users."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import TypeGuard

import numpy as np

from thor_interact_env.errors import InvalidOptionError


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a real number, of Python or of NumPy; a boolean is not one."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def is_integer(value: object) -> TypeGuard[int]:
    """Return whether a value is an integer, of Python or of NumPy; a boolean is not one."""
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_)


def check_reachable_fraction(fraction: object) -> None:
    """Raise `InvalidOptionError` unless `fraction` is a number in 0..1."""
    if not is_number(fraction) or not 0.0 <= fraction <= 1.0:
        raise InvalidOptionError(f"reachable_fraction {fraction!r} is not a number in 0..1")


def check_reach(reach: object) -> None:
    """Raise `InvalidOptionError` unless `reach` is a positive number; infinity is one."""
    if not is_number(reach) or not reach > 0:
        raise InvalidOptionError(f"reach {reach!r} is not a positive number of metres")


def check_render_mode(mode: object, modes: Sequence[str]) -> None:
    """Raise `InvalidOptionError` unless `mode` is None or one of some names."""
    if mode is not None and mode not in modes:
        raise InvalidOptionError(f"render_mode {mode!r} is not one of {', '.join(modes)}")


def check_interactions(interactions: object) -> None:
    """Raise `InvalidOptionError` unless `interactions` is an integer of at least 1."""
    if not is_integer(interactions) or interactions < 1:
        raise InvalidOptionError(f"interactions {interactions!r} is not an integer of at least 1")
