"""Files that are either whole or not there, and where a user's own files lie."""

from pathlib import Path

from selfsup.files import append_whole, naming, remove_temporaries, write_whole

__all__ = ["append_whole", "home_folder", "naming", "remove_temporaries", "write_whole"]


def home_folder() -> Path | None:
    """Return the user's home folder.

    Returns:
        The folder that HOME names, or that the system knows for this user; None where there is neither, as
        in containers that run as a user without an entry in /etc/passwd.
    """
    try:
        return Path.home()
    except RuntimeError:
        return None
