"""Arithmetic that gives the same bits on every machine.

Sums, products, quotients and square roots of floating-point numbers have one correct result, which every
processor returns. Matrix products by BLAS, and sine, power and the like of NumPy and the C library, are
rounded in ways that depend on the processor. All positions are computed with these functions, which
use elementary operations in a fixed order; tests/project/test_exactness.py checks the modules of the world.
"""

import math
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", float, npt.NDArray[Any])

DEGREE = np.pi / 180
"""Radians of one degree."""

# pi / 2 in two parts: whole multiples of the first, up to 2^20, are exact.
_QUARTER = (1.57079632673412561417, 6.07710050650619224932e-11)

_LOG_2 = (6.93147180369123816490e-01, 1.90821492927058770002e-10)

# Coefficients of power series, the highest power first.
_SINE = tuple((-1) ** (n // 2) / math.factorial(n) for n in range(19, 0, -2))
_COSINE = tuple((-1) ** (n // 2) / math.factorial(n) for n in range(18, -1, -2))
_EXPONENTIAL = tuple(1 / math.factorial(n) for n in range(15, -1, -1))
_ARTANH = tuple(2.0 / n for n in range(23, 0, -2))


def _polynomial(coefficients: tuple[float, ...], x: Number) -> Number:
    total = x * 0 + coefficients[0]
    for coefficient in coefficients[1:]:  # In place: arrays are as large as textures.
        total *= x
        total += coefficient
    return total


def sine(angle: Number) -> Number:
    """Return the sine of an angle in radians, of magnitude below 10^5: a float, or an array of any shape.

    Within 2 units in the last place for magnitudes up to 100.
    """
    return _wave(angle, 0)


def cosine(angle: Number) -> Number:
    """Return the cosine; see `sine`."""
    return _wave(angle, 1)


def _wave(angle: Number, quarters: int) -> Number:
    """Return the sine of an angle plus a number of quarter turns."""
    if isinstance(angle, np.ndarray):
        turns = np.rint(angle * (2 / np.pi))
        rest = angle - turns * _QUARTER[0] - turns * _QUARTER[1]
        square, quadrant = rest * rest, (turns.astype(np.int64) + quarters) & 3
        odd, even = rest * _polynomial(_SINE, square), _polynomial(_COSINE, square)
        values = np.where(quadrant & 1, even, odd)
        return np.where(quadrant & 2, -values, values)
    turn = round(angle * (2 / np.pi))
    left = float(angle - turn * _QUARTER[0] - turn * _QUARTER[1])
    quadrant = (turn + quarters) & 3
    value = _polynomial(_COSINE, left * left) if quadrant & 1 else left * _polynomial(_SINE, left * left)
    return -value if quadrant & 2 else value


def arctangent(y: float, x: float) -> float:
    """Return the angle, radians, of a point to the right of the origin: x > 0.

    Raises:
        ValueError: x is not positive.
    """
    if not x > 0:
        raise ValueError(f"x is {x!r}; the angle is computed for points of positive x only.")
    distance, angle = length((x, y)), 0.0
    for _ in range(6):  # Each step cubes the error, which is at most pi / 2 at first.
        angle += (y * cosine(angle) - x * sine(angle)) / distance
    return angle


def exponential(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return e^x of an array whose magnitudes are below 700."""
    doublings = np.rint(x * (1 / (_LOG_2[0] + _LOG_2[1])))
    rest = x - doublings * _LOG_2[0] - doublings * _LOG_2[1]
    return np.ldexp(_polynomial(_EXPONENTIAL, rest), doublings.astype(np.int32))


def power(
    base: npt.NDArray[np.float64], exponent: float | npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return base^exponent of an array of numbers from 0 and positive exponents."""
    mantissa, doublings = np.frexp(np.where(base > 0, base, 1.0))
    low = mantissa < 0.7071067811865476
    mantissa, doublings = np.where(low, 2 * mantissa, mantissa), doublings - low
    fraction = (mantissa - 1) / (mantissa + 1)
    logarithm = doublings * _LOG_2[0] + (
        doublings * _LOG_2[1] + fraction * _polynomial(_ARTANH, fraction * fraction)
    )
    return np.where(base > 0, exponential(logarithm * exponent), 0.0)


def product(first: npt.ArrayLike, second: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return the matrix product of (..., n) and (n,), or of (..., n) and (n, m): terms are added in order."""
    left, right = np.asarray(first), np.asarray(second)
    columns = _columns(left[..., None, :] if right.ndim == 2 else left)
    total: npt.NDArray[Any] = columns[0] * right[0]
    for column, row in zip(columns[1:], right[1:], strict=True):
        total = total + column * row
    return total


def _columns(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the array with its last axis first; `numpy.moveaxis` takes ten times as long to say which."""
    return array.transpose(-1, *range(array.ndim - 1))


def length(vector: npt.ArrayLike) -> Any:
    """Return the Euclidean length of vectors along the last axis: a float for (n,), (...) for (..., n)."""
    columns = _columns(np.asarray(vector, np.float64))
    total = columns[0] * columns[0]
    for column in columns[1:]:
        total = total + column * column
    root = np.sqrt(total)
    return float(root) if root.ndim == 0 else root


def normal(rng: np.random.Generator, size: int | tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Draw numbers of mean 0 and variance 1, nearly normal: each the sum of twelve uniform ones, less 6."""
    shape = (size,) if isinstance(size, int) else size
    return product(rng.random((*shape, 12)), np.ones(12)) - 6.0
