"""The number of compiled rooms that a worker keeps: as many as fit into a fraction of the memory."""

from agents.training.processor import available_memory

ROOM_MEMORY = 25_000_000
"""Bytes counted for a compiled room of the embedded simulator with its renderer; the mean is 21 million."""

MEMORY_FRACTION = 0.25
"""Fraction of the available memory that the rooms of all workers of a machine may take together."""

MINIMUM_ROOMS = 4
"""Minimum number of rooms that a worker keeps."""


def rooms_kept(workers: int, gigabytes: float | None = None) -> int:
    """Return the maximum number of compiled rooms that each worker of this machine keeps.

    Args:
        workers: Number of workers that share the memory, at least 1.
        gigabytes: Memory for the rooms of all of them, 10^9 bytes; None takes `MEMORY_FRACTION` of what is
            available now.

    Returns:
        At least `MINIMUM_ROOMS`.
    """
    total = MEMORY_FRACTION * available_memory() if gigabytes is None else gigabytes * 1e9
    return max(int(total / workers / ROOM_MEMORY), MINIMUM_ROOMS)
