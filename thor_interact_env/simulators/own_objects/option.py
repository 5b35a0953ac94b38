"""The option `objects` of commands: the checks before anything is made, and a digest of what it names."""

import hashlib
import os
from dataclasses import astuple
from pathlib import Path
from typing import Final

from thor_interact_env.errors import InvalidOptionError
from thor_interact_env.simulators.own_objects.elsewhere import object_entries

PARTS: Final = frozenset(
    {".xml", ".glb", ".gltf", ".bin", ".obj", ".mtl", ".stl", ".msh", ".ktx"}
    | {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tga", ".tif", ".tiff"}
)
"""Endings of files that can be part of an object: models, meshes, materials and images."""


def check_objects(objects: str | os.PathLike[str] | None, simulator: str = "mujoco") -> None:
    """Check that objects can be added to the rooms of a simulator; their files are not read.

    Args:
        objects: A folder, or "Elsewhere"; None is always possible.
        simulator: Name of the simulator.

    Raises:
        InvalidOptionError: The simulator is not the embedded one.
        ObjectError: The folder or its table cannot be used.
        DependencyNotInstalled: The packages of "Elsewhere" are not installed.
    """
    if objects is None:
        return
    if simulator != "mujoco":
        raise InvalidOptionError(
            f"objects are added to rooms of the simulator mujoco only, not of {simulator}; choose mujoco"
        )
    object_entries(objects)


def objects_digest(objects: str | os.PathLike[str]) -> str:
    """Return 12 hexadecimal digits that depend on the objects, and not on where their folder is.

    They change with a value of the table and with any model, mesh or image in the folders of the objects,
    since parts lie beside the files that name them; hidden files do not count.

    Args:
        objects: A folder, or "Elsewhere".

    Raises:
        ObjectError, DependencyNotInstalled: As `check_objects` says.
        OSError: A file cannot be read.
    """
    entries = object_entries(objects)
    models = [Path(os.path.abspath(entry.path)) for entry in entries]
    folders = {path.parent for path in models}
    root = os.path.commonpath(folders)
    sha = hashlib.sha256()
    for path, entry in zip(models, entries, strict=True):
        sha.update(repr((path.relative_to(root).as_posix(), *astuple(entry)[1:])).encode())
    for path in sorted({path for folder in folders for path in part_files(folder)}):
        name = path.relative_to(root)
        if not any(part.startswith(".") for part in name.parts):
            with path.open("rb") as file:
                sha.update(f"{name.as_posix()}\0".encode() + hashlib.file_digest(file, "sha256").digest())
    return sha.hexdigest()[:12]


def part_files(folder: Path) -> list[Path]:
    """Return the files in a folder, and in those below it, that can be part of an object; see `PARTS`."""
    return [path for path in folder.rglob("*") if path.suffix.lower() in PARTS and path.is_file()]
