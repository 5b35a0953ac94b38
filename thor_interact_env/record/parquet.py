"""The format `parquet`: touches as Parquet files that Hugging Face's `datasets` reads, and their reader."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from thor_interact_env.errors import DatasetError
from thor_interact_env.files import write_whole
from thor_interact_env.record.checking import Record, check_file
from thor_interact_env.record.episodes import RecordedEpisode
from thor_interact_env.record.plan import Plan
from thor_interact_env.record.tables import (
    load_pyarrow,
    read_table,
    touch_schema,
    touched_episode,
    writer,
)

FORMAT: Final = "parquet"
"""Name of the format."""

SHARD_BYTES: Final = 256 << 20
"""Bytes from which another file is begun."""


def write_parquet(folder: Path, plan: Plan, parts: Sequence[Path]) -> int:
    """Write the parts of a record as files of about `SHARD_BYTES`, a row group for each episode, and a card.

    Args:
        folder: Existing, empty folder.
        plan: The plan of the record.
        parts: A table of touches for each episode, in order.

    Returns:
        The number of touches.

    Raises:
        DatasetError: A part is damaged.
    """
    shards: list[list[Path]] = [[]]
    size = 0
    for part in parts:
        if size >= SHARD_BYTES:
            shards.append([])
            size = 0
        shards[-1].append(part)
        size += part.stat().st_size
    (folder / "data").mkdir()
    touches = 0
    for number, shard in enumerate(shards):
        path = folder / "data" / f"train-{number:05d}-of-{len(shards):05d}.parquet"
        with writer(path, touch_schema()) as parquet:
            for part in shard:
                table = read_table(part)
                parquet.write_table(table)
                touches += len(table)
    write_whole(folder / "README.md", _card(plan, len(parts), touches).encode())
    return touches


def read_episodes(folder: str | os.PathLike[str]) -> Iterator[RecordedEpisode]:
    """Read the episodes of a record of the format `parquet`, each file checked before it is read.

    Args:
        folder: The folder of the record.

    Yields:
        The episodes in order.

    Raises:
        DatasetError: It is no such record, or a file is missing or changed.
        DependencyNotInstalled: pyarrow is missing.
    """
    record = Record.read(folder)
    if record.format != FORMAT:
        raise DatasetError(f"{folder} is a record of the format {record.format!r}, not {FORMAT!r}")
    arrow = load_pyarrow()
    for name, expected in record.files.items():
        if not name.endswith(".parquet"):
            continue
        path = record.folder / name
        check_file(path, expected)
        with arrow.parquet.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                yield touched_episode(file.read_row_group(group).to_pylist())


def _card(plan: Plan, episodes: int, touches: int) -> str:
    """Return the card of the dataset, whose head tells `datasets` which files to read."""
    return f"""---
pretty_name: ThorInteract touches
configs:
- config_name: default
  data_files:
  - split: train
    path: data/*.parquet
---

# ThorInteract touches

{touches} touches in {episodes} episodes, chosen by `{plan.actor}`, in {plan.world}. A row is a touch.

`rgb_before`, `depth_before`, `rgb_after` and `depth_after` are the views; depth is in metres, as TIFF files
with 32-bit floats. `mask` and `changed` are the cells of 3 x 3 pixels that moved and that changed; `success`
is whether the touched point moved. The action is `row`, `column`, `force` (index of 5, 30 and 200 N) and
`direction` (index of 8). The location is `scene`, `x`, `y`, `z`, `rotation`, `horizon` and `spawn_seed`;
`seed` is the seed of the episode's reset.
"""
