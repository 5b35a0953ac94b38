"""The description of a record, `record.json`: what it holds, and the SHA-256 of each of its files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from thor_interact_env.errors import DatasetError
from thor_interact_env.files import sha256, write_whole

FILE: Final = "record.json"
"""Name of the file that describes a record."""


@dataclass(frozen=True)
class Record:
    """What a record holds.

    Attributes:
        folder: Its folder.
        format: One of `FORMATS`.
        episodes: Number of episodes.
        items: Number of touches; of the format `coco`, of views.
        world: The world and its version.
        plan: What `Plan.to_json` returns.
        key: A digest of all that determines the content.
        files: SHA-256 of each file, by its path in the folder.
    """

    folder: Path
    format: str
    episodes: int
    items: int
    world: str
    plan: Mapping[str, Any]
    key: str
    files: Mapping[str, str]

    def check(self) -> None:
        """Compare every file with its digest.

        Raises:
            DatasetError: A file is missing or changed.
        """
        for name, expected in self.files.items():
            check_file(self.folder / name, expected)

    def write(self, folder: Path) -> None:
        """Write the description into a folder."""
        names = ("format", "episodes", "items", "world", "plan", "key", "files")
        text = json.dumps({name: getattr(self, name) for name in names}, indent=1)
        write_whole(folder / FILE, (text + "\n").encode())

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> Record:
        """Read the description of a record, and compare nothing with it.

        Raises:
            DatasetError: There is none, or it is damaged.
        """
        path = Path(folder) / FILE
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            record = cls(Path(folder), **values)
            if not all(isinstance(item, str) for pair in record.files.items() for item in pair):
                raise TypeError("files is not a mapping of texts")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DatasetError(
                f"{folder} is not a record: it has no {FILE}; make one with python -m "
                "thor_interact_env.record make"
            ) from error
        except (ValueError, TypeError, AttributeError) as error:
            raise DatasetError(f"{path} is damaged ({error}); make the record again") from error
        return record


def open_record(folder: str | os.PathLike[str]) -> Record:
    """Read the description of a record and compare every file with it.

    Args:
        folder: The folder of the record.

    Raises:
        DatasetError: There is no record, or a file of it is missing or changed.
    """
    record = Record.read(folder)
    record.check()
    return record


def check_file(path: Path, expected: str) -> None:
    """Compare a file with its digest.

    Raises:
        DatasetError: It is missing or changed.
    """
    try:
        found = sha256(path)
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing; make the record again") from error
    if found != expected:
        raise DatasetError(
            f"{path} is damaged: its SHA-256 is {found}, and {FILE} states {expected}; make the record again"
        )


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a folder, by its path there, in alphabetical order."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != FILE)
    return {path.relative_to(folder).as_posix(): sha256(path) for path in paths}
