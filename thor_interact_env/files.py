"""Files that are either complete or absent, the user's home folder, and the cache folder."""

import errno
import hashlib
import os
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from selfsup.files import append_whole, locked, naming, remove_temporaries, write_whole

__all__ = [
    "CACHE_VARIABLE",
    "append_whole",
    "content_digest",
    "default_cache_folder",
    "home_folder",
    "locked",
    "naming",
    "remove_temporaries",
    "replace_folder",
    "sha256",
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


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def content_digest(folder: Path, found: Iterable[Path]) -> bytes:
    """Return a digest of names and content of some files of a folder, and of all files below its folders.

    Args:
        folder: The folder.
        found: Files and folders in it; hidden ones do not count.

    Returns:
        32 bytes, which do not depend on the order of `found`.
    """
    digest = hashlib.sha256()
    paths = {path for one in found for path in (one.rglob("*") if one.is_dir() else (one,))}
    for path in sorted(paths):
        name = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            digest.update(f"{name.as_posix()}\0{sha256(path)}".encode())
    return digest.digest()


def replace_folder(source: Path, target: Path, last: Collection[str] = ()) -> None:
    """Rename a folder to a new one, or move its content into an empty one.

    An empty folder stays what it is, with its owner and permissions: a disk may be mounted on it, and a shell
    may stand in it.

    Args:
        source: The finished folder, on the same file system as the one above `target`; it disappears.
        target: Where it belongs.
        last: Names of the files that are moved at the end, because they say that the others are complete.

    Raises:
        OSError: It cannot be renamed or moved, or the target is not empty; nothing remains in the target.
    """
    if not target.is_dir():
        os.replace(source, target)
        return
    if any(target.iterdir()):
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), os.fspath(target))
    moved = []
    try:
        for path in sorted(source.iterdir(), key=lambda path: path.name in last):
            moved.append(target / path.name)
            shutil.move(path, target / path.name)  # on a mounted disk it copies
    except BaseException:
        for path in moved:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        raise
    source.rmdir()
