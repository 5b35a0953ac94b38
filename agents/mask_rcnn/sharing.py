"""Views that another run has collected: rows (b), (h) and (u), or (i), (j) and (t), learn from the same."""

import os
import shutil
from pathlib import Path

from agents.mask_rcnn.configuration import MaskRCNNConfig
from agents.mask_rcnn.views import INDEX_FILE, collection_tasks
from agents.training.checkpoint import CheckpointError, read_json
from agents.training.run_folder import notes_of, read_config, worlds_of
from agents.training.schedule import ConfigurationError
from thor_interact_env.world import world_of

VIEWS_FOLDER = "views"


def take_over_views(config: MaskRCNNConfig, run: Path) -> Path | None:
    """Link the views of another run beside this one, if they are all that this run would collect.

    Args:
        config: The run.
        run: Its folder, which has no views yet.

    Returns:
        The folder of the other run; None if there is none.
    """
    for other in sorted(run.absolute().parent.iterdir()):
        if other.name != run.name and _same(config, other):
            folder = run / VIEWS_FOLDER
            folder.mkdir(exist_ok=True)
            # The index is the last: without it, incomplete views are collected again.
            views = (other / VIEWS_FOLDER).glob("[!.]*")  # not what a killed process has left
            for file in sorted(views, key=lambda file: file.name == INDEX_FILE):
                _link(file, folder / file.name)
            return other
    return None


def _same(config: MaskRCNNConfig, other: Path) -> bool:
    """Whether a run has collected all that a configuration wants, in the present world."""
    try:
        if not (other / VIEWS_FOLDER / INDEX_FILE).exists():
            return False
        theirs = read_config(other, MaskRCNNConfig)
        index = read_json(other / VIEWS_FOLDER / INDEX_FILE, "")
        worlds = worlds_of(notes_of(other))
    except (CheckpointError, ConfigurationError, OSError):
        return False
    tasks = collection_tasks(config)
    return (
        tasks == collection_tasks(theirs)
        and theirs.simulator == config.simulator
        and worlds == [world_of(config.simulator)]
        and isinstance(index, dict)
        and len(index) == len(tasks)
    )


def _link(file: Path, copy: Path) -> None:
    """Make a hard link, or a copy where the file system has none: files of views are never changed."""
    try:
        os.link(file, copy)
    except OSError:
        shutil.copy2(file, copy)
