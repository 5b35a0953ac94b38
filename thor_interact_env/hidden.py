"""A file or folder of the user that hides one of this project's packages."""

import importlib.util
from pathlib import Path

FOLDER = Path(__file__).parents[1]
"""The folder of the packages of this project."""


def check_not_hidden(name: str) -> None:
    """Check that a package of this project is the one that Python finds.

    Args:
        name: A top-level package: `selfsup`, `agents` or `eval`.

    Raises:
        ImportError: Another module of this name comes first, such as a file of the current folder.
    """
    ours = FOLDER / name / "__init__.py"
    found = importlib.util.find_spec(name)
    theirs = None if found is None else found.origin
    if ours.exists() and (theirs is None or Path(theirs).resolve() != ours.resolve()):
        raise ImportError(
            f"{theirs or 'nothing'} is imported in place of {ours}: rename it, start Python elsewhere, or "
            "use the command thor-interact, which does not search the current folder first"
        )
