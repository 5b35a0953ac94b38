"""What tells the worlds of different versions of a simulator apart."""

import hashlib
import importlib.metadata
import os
from pathlib import Path
from typing import Final

import thor_interact_env

_SOURCES: Final = ("actions.py", "locations.py", "splits.py", "datasets/drawing.py", "simulators/mujoco")
_SUFFIXES: Final = frozenset({".py", ".csv", ".json", ".xml", ".png", ".toml"})


def world_of(simulator: str) -> str:
    """Return what tells the world that a simulator shows from those of its other versions.

    Args:
        simulator: Name of a simulator, such as `mujoco`.

    Returns:
        The name and, of the embedded simulator, the first digits of `source_fingerprint`; of AI2-THOR, the
        version of its client, which decides the build that is downloaded.
    """
    if simulator == "mujoco":
        return f"mujoco {source_fingerprint()[:12]}"
    try:
        return f"{simulator} {importlib.metadata.version(simulator)}"
    except importlib.metadata.PackageNotFoundError:
        return simulator


def source_fingerprint(root: str | os.PathLike[str] | None = None) -> str:
    """Return a hash of the files that decide what the embedded simulator shows, and where views are drawn.

    Args:
        root: Folder of the package; None takes that of `thor_interact_env`.

    Returns:
        Hexadecimal SHA-256 of the names and contents of the embedded simulator, action, split and location
        files.
    """
    folder = Path(root) if root is not None else Path(thor_interact_env.__path__[0])
    files: set[Path] = set()
    for name in _SOURCES:
        files |= {folder / name} if (folder / name).is_file() else set((folder / name).rglob("*"))
    digest = hashlib.sha256()
    for file in sorted(files):
        if file.suffix in _SUFFIXES and file.is_file():
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{file.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()
