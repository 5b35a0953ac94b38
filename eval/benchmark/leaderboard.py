"""A leaderboard: results of `eval.benchmark`, one JSON object a line, to which many processes may append."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.training.schedule import RunError
from thor_interact_env.files import naming

LEFT_OUT = ("failures",)
"""Entries of a result that are not on a line; their number is, as `failed_views`."""


class LeaderboardError(RunError):
    """A line of a leaderboard is not a result; the message names the file and the line."""


def append_to_leaderboard(path: Path, result: Mapping[str, Any]) -> None:
    """Append one result as one line; readers see the whole line or none of it.

    The line is written by one call to a file opened for appending, under a lock, so that
    other writers wait. The rest of an interrupted write at the end of the file is removed first; a complete
    line without a line break, as some editors leave it, is kept.

    Args:
        path: The file; it is made if it does not exist.
        result: What `eval.benchmark.benchmark.benchmark_agent` returned.

    Raises:
        OSError: The folder does not exist, or the file cannot be written to.
        ValueError: The result holds a number that is not finite.
    """
    kept = {name: value for name, value in result.items() if name not in LEFT_OUT}
    line = json.dumps(kept, allow_nan=False).encode() + b"\n"
    with naming(path):
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            _append(file, line)
        finally:
            os.close(file)  # releases the lock


def _append(file: int, line: bytes) -> None:
    with os.fdopen(os.dup(file), "rb") as reader:
        content = reader.read()
    whole = content.rfind(b"\n") + 1
    if _is_json(content[whole:]):
        whole, line = len(content), b"\n" + line
    elif whole < len(content):
        os.ftruncate(file, whole)
    written = os.write(file, line)
    if written < len(line):
        os.ftruncate(file, whole)
        raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes fitted")
    os.fsync(file)


def read_leaderboard(path: Path) -> list[dict[str, Any]]:
    """Return the results of a leaderboard, oldest first; a last line cut short is left out.

    Args:
        path: The file.

    Raises:
        LeaderboardError: The file is missing, or a line is not a result.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise LeaderboardError(
            f"{path} cannot be read ({error.strerror}); name a leaderboard file."
        ) from None
    results = []
    for number, line in enumerate(lines if _is_json(lines[-1]) else lines[:-1], start=1):
        try:
            result = json.loads(line)
            result["label"], result["split"], result["interaction"], result["perception"]
        except (ValueError, TypeError, KeyError) as error:
            raise LeaderboardError(
                f"{path} line {number} is not a result ({type(error).__name__}: {error}); delete that line."
            ) from None
        results.append(result)
    return results


def _is_json(line: bytes) -> bool:
    """Return whether a line is complete, that is, a JSON object."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
