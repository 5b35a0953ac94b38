"""Files that are either complete or absent, the user's home folder, and the cache folder."""

import errno
import os
import shutil
from pathlib import Path
from typing import Final

from selfsup.files import append_whole, naming, remove_temporaries, write_whole

__all__ = [
    "CACHE_VARIABLE",
    "append_whole",
    "default_cache_folder",
    "home_folder",
    "naming",
    "remove_temporaries",
    "replace_folder",
    "write_whole",
]

CACHE_VARIABLE: Final = "THOR_INTERACT_CACHE"
"""Environment variable that names the cache folder."""


def home_folder() -> Path | None:
    """Return the user's home folder.

    Returns:
        The folder that HOME names, or that the system has for this user; None if there is neither, as
        in containers that run as a user without an entry in /etc/passwd.
    """
    try:
        return Path.home()
    except RuntimeError:
        return None


def default_cache_folder() -> Path | None:
    """Return the folder `THOR_INTERACT_CACHE` names, else `thor_interact` in the user's cache folder.

    Returns:
        The folder, which need not exist; None if the variable is not set and the user has no home folder.
    """
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "thor_interact"
    home = home_folder()
    return None if home is None else home / ".cache" / "thor_interact"


def replace_folder(source: Path, target: Path, last: str = "") -> None:
    """Rename a folder to that of a new or empty one.

    An empty folder on which a disk is mounted cannot be replaced: the files are moved into it one by one.

    Args:
        source: The finished folder, which disappears.
        target: Where it belongs.
        last: Name of the file that is moved at the end, because it says that the others are complete.

    Raises:
        OSError: It cannot be renamed or moved.
    """
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        for path in sorted(source.iterdir(), key=lambda path: path.name == last):
            shutil.move(path, target / path.name)
        source.rmdir()
