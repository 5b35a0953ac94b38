"""Files that are either complete or absent, and the user's home folder."""

from pathlib import Path

from selfsup.files import append_whole, naming, remove_temporaries, write_whole

__all__ = ["append_whole", "home_folder", "naming", "remove_temporaries", "write_whole"]


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
