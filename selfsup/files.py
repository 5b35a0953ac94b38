"""Files that are either complete or absent."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Add a file name to a system error, which for a full disk has none or a temporary one.

    Args:
        path: The file to name.

    Raises:
        OSError: The body raised one; it is of the same kind, and names the file.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file under a temporary name, then rename it: readers never see an incomplete file.

    Args:
        path: File to write; an existing one is replaced.
        content: The content of the file.

    Returns:
        The path.

    Raises:
        OSError: The folder does not exist or cannot be written to, or the disk is full; the file is
            unchanged, and no temporary file remains.
    """
    file = Path(path)
    # Not `tempfile.mkstemp`: its files are their owner's alone, and not every file system can change that.
    temporary = file.with_name(f".{file.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with naming(file):
            with temporary.open("xb") as stream:
                stream.write(content)
            os.replace(temporary, file)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    return file


def append_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Append to a file; if that fails, restore the file to its former length.

    Args:
        path: The file; it is made if it does not exist. No other process may append to it at the same time.
        content: What to append.

    Raises:
        OSError: The file cannot be written to, or the disk is full; the file is unchanged.
    """
    with naming(path), open(path, "ab", buffering=0) as stream:
        end = stream.seek(0, os.SEEK_END)
        left = memoryview(content)
        try:
            while left:  # a disk that is almost full takes a part
                left = left[stream.write(left) :]
        except BaseException:
            stream.truncate(end)
            raise


@contextlib.contextmanager
def locked(path: Path, refusal: Exception) -> Iterator[None]:
    """Hold a lock file, which disappears at the end, so that no other process does the same work.

    Args:
        path: The lock file; its folder exists.
        refusal: What to raise if another process holds it.

    Raises:
        Exception: `refusal`.
        OSError: The folder cannot be written to.
    """
    import filelock  # the environment is imported without it

    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise refusal from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # where an open file cannot be deleted, releasing deletes it
            path.unlink(missing_ok=True)
        lock.release()


def remove_temporaries(folder: Path) -> None:
    """Delete the temporary files that a killed process left in a folder; no other process may write to it.

    Args:
        folder: Where `write_whole` was used.
    """
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)
