"""Scenes on disk: folders and archives, written completely or not at all."""

import contextlib
import io
import os
import secrets
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from thor_interact_env.errors import ThorInteractError
from thor_interact_env.files import naming, replace_folder, write_whole

ARCHIVES: Final = (".zip", ".mjz")
"""Suffixes of archives: both are ZIP files."""

MODEL: Final = "model.xml"
"""Name of the model in an archive: MuJoCo finds it by this name in any archive."""

_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)


def is_archive(path: Path) -> bool:
    """Return whether a path names an archive, by its suffix in capitals or not."""
    return path.suffix.lower() in ARCHIVES


class ExportError(ThorInteractError):
    """A scene cannot be written to the given path: the message states the reason and a remedy."""


def check_target(path: Path, rooms: int) -> None:
    """Check that scenes can be written to a folder or an archive, before they are made.

    Args:
        path: The folder or archive.
        rooms: Number of scenes.

    Raises:
        ExportError: There are files in the folder, or the archive exists or would hold several rooms.
    """
    if is_archive(path):
        if rooms > 1:
            raise ExportError(
                f"the archive {str(path)!r} holds one room, and {rooms} were named; write them to a folder"
            )
        if path.exists():
            raise ExportError(f"{str(path)!r} exists; remove it or choose another name with --out")
    elif path.is_dir():
        if any(path.iterdir()):
            raise ExportError(f"the folder {str(path)!r} is not empty; choose another with --out")
    elif path.exists() or path.is_symlink():
        raise ExportError(f"{str(path)!r} is a file; choose a folder, or a name that ends with .zip or .mjz")


def write_folder(folder: Path, scenes: Iterable[Mapping[str, bytes]]) -> list[Path]:
    """Write scenes to a new or empty folder, all of them or none.

    Args:
        folder: The folder.
        scenes: The files of each scene by their path in the folder, the model first.

    Returns:
        The models.

    Raises:
        ExportError: There are files in the folder.
        OSError: The folder cannot be written to, or the disk is full; no file remains.
    """
    target = folder.resolve()
    check_target(target, 1)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    models = []
    try:
        with naming(folder):
            temporary.mkdir()
            for scene in scenes:
                models.append(folder / next(iter(scene)))
                for name, content in scene.items():
                    path = temporary / name
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(content)
            # A model without its textures or metadata would be taken for a finished scene.
            replace_folder(temporary, target, last={model.name for model in models})
    except BaseException:
        with contextlib.suppress(OSError):
            shutil.rmtree(temporary)
        raise
    return models


def write_archive(path: Path, scene: Mapping[str, bytes]) -> Path:
    """Write a scene as a ZIP file that MuJoCo opens; equal scenes give equal bytes.

    Args:
        path: The archive.
        scene: Its files by path, the model first.

    Returns:
        The path.

    Raises:
        OSError: It cannot be written, or the disk is full; no file remains.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index, (name, content) in enumerate(scene.items()):
            entry = zipfile.ZipInfo(name if index else MODEL, _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_whole(path, buffer.getvalue())
