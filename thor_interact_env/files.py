"""Files that are either whole or not there."""

import os
import tempfile
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file under a temporary name, then rename it: readers never see half of it.

    Args:
        path: File to write; an existing one is replaced.
        content: What it will hold.

    Returns:
        The path.

    Raises:
        OSError: The folder does not exist or cannot be written to; nothing is left behind then.
    """
    file = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".tmp", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner can read
        os.replace(temporary, file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return file
