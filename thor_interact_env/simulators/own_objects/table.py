"""The table of a folder of objects: `objects.csv` or `objects.toml`, one row for each object."""

import csv
import io
import math
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from thor_interact_env.errors import ThorInteractError
from thor_interact_env.simulators.mujoco.objects.facts import FACTS

TABLES: Final = ("objects.csv", "objects.toml")
"""Names of the table: a folder has one of them."""

COLUMNS: Final = ("file", "type", "mass", "receptacles", "height", "scale", "up", "open")
"""Columns of a CSV table, and keys of an `[[objects]]` entry of a TOML table."""

MESHES: Final = (".glb", ".gltf", ".obj")
"""Endings of files that trimesh reads."""

MASSES: Final = (0.001, 150.0)
"""Minimum mass in kilograms, and the mass from which an object does not count as movable."""

RECEPTACLES: Final = tuple(sorted({each for facts in FACTS.values() for each in facts.receptacles}))
"""Types on which an object may stand."""

_DIRECTIONS = ("x", "-x", "y", "-y", "z", "-z")
_WORDS = {"": False, "no": False, "false": False, "yes": True, "true": True}


class ObjectError(ThorInteractError):
    """An object of a folder cannot be used: the message names its file, the fault and the remedy."""


@dataclass(frozen=True)
class ObjectEntry:
    """One row of the table.

    Attributes:
        path: The MJCF, GLB or OBJ file.
        type: Type in the ground truth; it may be one of the catalog.
        mass: Kilograms.
        receptacles: Types it stands on, most frequent first; empty for any surface.
        height: Metres from its lowest to its highest point as it stands; None if `scale` decides.
        scale: Factor from the units of the file to metres; 1 with a height.
        up: The axis of the file that points up: "x", "-x", "y", "-y", "z" or "-z".
        open: Whether a surface with holes is accepted.
    """

    path: Path
    type: str
    mass: float
    receptacles: tuple[str, ...] = ()
    height: float | None = None
    scale: float = 1.0
    up: str = "z"
    open: bool = False

    def error(self, what: str) -> ObjectError:
        """Return an error about the object in one line."""
        return ObjectError(f"the object {str(self.path)!r} {' '.join(what.split())}")


def read_table(folder: str | os.PathLike[str]) -> tuple[ObjectEntry, ...]:
    """Read and check the table of a folder; the objects themselves are not read.

    Args:
        folder: A folder with one of `TABLES`.

    Raises:
        ObjectError: There is no such folder or table, or a row is wrong.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ObjectError(f"there is no folder {str(path)!r}; name the folder that holds {TABLES[0]}")
    found = [path / name for name in TABLES if (path / name).is_file()]
    if len(found) != 1:
        here = "both" if found else "neither"
        raise ObjectError(
            f"the folder {str(path)!r} has {here} of {' and '.join(TABLES)}; it needs exactly one, whose "
            f"columns are {', '.join(COLUMNS)}"
        )
    table = found[0]
    try:
        text = table.read_text(encoding="utf-8-sig")
        rows = _toml_rows(text) if table.suffix == ".toml" else _csv_rows(text)
    except (ValueError, TypeError, csv.Error) as error:
        raise ObjectError(f"the table {str(table)!r} cannot be read ({error}); correct it") from None
    return check_rows(rows, table, path)


def check_rows(rows: Sequence[Mapping[str, Any]], table: Path, folder: Path) -> tuple[ObjectEntry, ...]:
    """Return the entries of a table.

    Args:
        rows: Values by column; missing columns and empty texts mean the default.
        table: The file of the table, for messages.
        folder: The folder to which the files are relative.

    Raises:
        ObjectError: A row is wrong, a file is missing, or there is no row.
    """
    if not rows:
        raise ObjectError(f"the table {str(table)!r} has no row; add one for each object")
    return tuple(_entry(row, f"the table {str(table)!r}, row {n}", folder) for n, row in enumerate(rows, 1))


def _csv_rows(text: str) -> list[dict[str, Any]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    rows = []
    for row in csv.DictReader(io.StringIO("\n".join(lines))):
        if None in row:
            raise ValueError(f"a row has more values than the header: {row[None]}")
        rows.append({str(name).strip(): (value or "").strip() for name, value in row.items()})
    return rows


def _toml_rows(text: str) -> list[dict[str, Any]]:
    content = tomllib.loads(text)
    rows = content.get("objects")
    if set(content) != {"objects"} or not isinstance(rows, list):
        raise TypeError("it must consist of [[objects]] entries")
    if not all(isinstance(row, dict) for row in rows):
        raise TypeError("each of its objects must be an [[objects]] entry")
    return rows


def _entry(row: Mapping[str, Any], where: str, folder: Path) -> ObjectEntry:
    if unknown := sorted(set(row) - set(COLUMNS)):
        raise ObjectError(f"{where} has unknown columns {', '.join(unknown)}; there are {', '.join(COLUMNS)}")
    values = {name: row.get(name, "") for name in COLUMNS}
    for name in ("file", "type"):
        if not isinstance(values[name], str) or not values[name]:
            raise ObjectError(f"{where} has no {name}; each row needs a file and a type")
    if "|" in values["type"]:
        raise ObjectError(f"{where}: type is {values['type']!r}; it must not contain '|'")
    path = folder / values["file"]
    where = f"{where} ({values['file']})"
    if not path.is_file():
        raise ObjectError(f"{where}: there is no file {str(path)!r}; correct the name")
    suffix = path.suffix.lower()
    if suffix not in (*MESHES, ".xml"):
        raise ObjectError(
            f"{where}: {suffix!r} is no format of objects; convert it to GLB, OBJ or MJCF (.xml)"
        )
    height, scale = _number(values, "height", where), _number(values, "scale", where)
    if height is not None and scale is not None:
        raise ObjectError(f"{where} has both a height and a scale; leave one of them empty")
    up = values["up"] or ("z" if suffix == ".xml" else "y")
    if up not in _DIRECTIONS:
        raise ObjectError(f"{where}: up is {up!r}; choose one of {', '.join(_DIRECTIONS)}")
    return ObjectEntry(
        path,
        values["type"],
        _mass(values, where),
        _receptacles(values, where),
        height,
        1.0 if scale is None else scale,
        up,
        _truth(values["open"], where),
    )


def _number(values: Mapping[str, Any], name: str, where: str) -> float | None:
    value = values[name]
    if value == "":
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise ObjectError(f"{where}: {name} is {value!r}; it must be a positive number, or empty")
    return number


def _mass(values: Mapping[str, Any], where: str) -> float:
    """Return the mass in the table, else that of the type in the catalog: masses in files are not used."""
    mass = _number(values, "mass", where)
    if mass is None and values["type"] in FACTS:
        mass = FACTS[values["type"]].mass
    if mass is None:
        raise ObjectError(
            f"{where} has no mass, and the catalog has no type {values['type']!r}; add the mass in kilograms"
        )
    if not MASSES[0] <= mass < MASSES[1]:
        raise ObjectError(
            f"{where}: mass is {mass:g} kg; a movable object weighs from {MASSES[0]:g} to {MASSES[1]:g} kg"
        )
    return mass


def _receptacles(values: Mapping[str, Any], where: str) -> tuple[str, ...]:
    named = values["receptacles"]
    words = named.split() if isinstance(named, str) else named
    if not isinstance(words, list) or not set(map(str, words)) <= set(RECEPTACLES):
        raise ObjectError(
            f"{where}: receptacles is {named!r}; name some of {', '.join(RECEPTACLES)}, or none for any "
            "surface"
        )
    if not words and values["type"] in FACTS:
        return FACTS[values["type"]].receptacles
    return tuple(words)


def _truth(value: object, where: str) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() not in _WORDS:
        raise ObjectError(f"{where}: open is {value!r}; say yes or no")
    return _WORDS[str(value).lower()]
