"""A stand-in for the packages of other people's objects: the same file names, simple contents."""

import csv
from pathlib import Path

import pytest
from own_object_files import model_of

from thor_interact_env.simulators.own_objects import elsewhere

NAME = "stand_in_of_the_packages"

MODEL = model_of('<geom type="box" size="0.04 0.04 0.05" rgba="1 0 0 1"/>')


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, but: str = "") -> Path:
    """Make a package with every file of the table but those whose names contain `but`; return its folder."""
    package = folder / NAME
    with elsewhere.TABLE.open(newline="") as file:
        for row in csv.DictReader(file):
            if not but or but not in row["file"]:
                path = package / "assets" / row["file"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(MODEL)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(elsewhere, "PACKAGE", NAME)
    return package
