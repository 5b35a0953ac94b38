"""Episodes as Parquet tables: one row for each touch, images as lossless files."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from gymnasium.error import DependencyNotInstalled

from thor_interact_env.errors import DatasetError
from thor_interact_env.files import write_whole
from thor_interact_env.locations.location import Location
from thor_interact_env.record.episodes import RecordedEpisode
from thor_interact_env.record.images import pixels, png, tiff

VALUES: Final = {
    **{"episode": "int32", "touch": "int32", "seed": "int64", "agent": "string", "world": "string"},
    **{"scene": "string", "x": "float64", "y": "float64", "z": "float64"},
    **{"rotation": "float64", "horizon": "float64", "spawn_seed": "int64"},
    **{"row": "int32", "column": "int32", "force": "int32", "direction": "int32", "success": "bool"},
}
"""Columns of numbers and text, and their types."""

IMAGES: Final = ("rgb_before", "depth_before", "rgb_after", "depth_after", "mask", "changed")
"""Columns of images: PNG files, and TIFF files for depth, as `{"bytes", "path"}`, which `datasets` reads."""


def load_pyarrow() -> Any:
    """Return the module pyarrow with pyarrow.parquet.

    Raises:
        DependencyNotInstalled: It is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise DependencyNotInstalled(
            'records need pyarrow; install it: pip install "thor-interact[records]"'
        ) from error
    return pyarrow


def image_field(name: str) -> Any:
    """Return the field of a column of images."""
    arrow = load_pyarrow()
    return arrow.field(name, arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())]))


def touch_schema() -> Any:
    """Return the schema of a table of touches, with the features of Hugging Face's `datasets`."""
    arrow = load_pyarrow()
    fields = [arrow.field(name, getattr(arrow, _ARROW.get(kind, kind))()) for name, kind in VALUES.items()]
    features = {name: {"dtype": kind, "_type": "Value"} for name, kind in VALUES.items()}
    features |= {name: {"_type": "Image"} for name in IMAGES}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return arrow.schema([*fields, *map(image_field, IMAGES)], metadata)


_ARROW: Final = {"bool": "bool_"}


def touch_table(episode: RecordedEpisode) -> Any:
    """Return the table of an episode's touches, in order.

    Args:
        episode: The episode; equal views in sequence become the same bytes.
    """
    views: list[tuple[bytes, bytes]] = []
    for number, (rgb, depth) in enumerate(zip(episode.rgb, episode.depth, strict=True)):
        same = number > 0 and np.array_equal(rgb, episode.rgb[number - 1])
        if same and np.array_equal(depth, episode.depth[number - 1]):
            views.append(views[-1])
        else:
            views.append((png(rgb), tiff(depth)))
    place = episode.location
    x, y, z = place.position
    rows: list[dict[str, Any]] = []
    for number, action in enumerate(episode.actions):
        cells = (png(episode.mask[number]), png(episode.changed[number]))
        files = (*views[number], *views[number + 1], *cells)
        rows.append(
            {
                **{"episode": episode.number, "touch": number, "seed": episode.seed},
                **{"agent": episode.agent, "world": episode.world},
                **{"scene": place.scene, "x": x, "y": y, "z": z},
                **{"rotation": place.rotation, "horizon": place.horizon, "spawn_seed": place.seed},
                **dict(zip(("row", "column", "force", "direction"), map(int, action), strict=True)),
                "success": bool(episode.success[number]),
                **{name: {"bytes": file, "path": None} for name, file in zip(IMAGES, files, strict=True)},
            }
        )
    return load_pyarrow().Table.from_pylist(rows, touch_schema())


def touched_episode(rows: Sequence[dict[str, Any]]) -> RecordedEpisode:
    """Return the episode that `touch_table` described.

    Args:
        rows: The rows of its touches, in order; at least one.
    """
    first = rows[0]
    decoded: dict[bytes, Any] = {}

    def image(row: dict[str, Any], name: str) -> Any:
        content = row[name]["bytes"]
        if content not in decoded:
            decoded[content] = pixels(content)
        return decoded[content]

    def column(name: str) -> Any:
        return np.stack([image(row, name) for row in rows])

    actions = [[row[name] for name in ("row", "column", "force", "direction")] for row in rows]
    return RecordedEpisode(
        first["episode"],
        first["seed"],
        first["agent"],
        first["world"],
        Location(
            first["scene"],
            (first["x"], first["y"], first["z"]),
            first["rotation"],
            first["horizon"],
            first["spawn_seed"],
        ),
        np.concatenate([image(first, "rgb_before")[None], column("rgb_after")]),
        np.concatenate([image(first, "depth_before")[None], column("depth_after")]),
        np.array(actions, np.int64),
        column("mask"),
        column("changed"),
        np.array([row["success"] for row in rows], np.bool_),
    )


def writer(target: Any, schema: Any) -> Any:
    """Return a writer of Parquet with checksums; its compression finds equal images that are near.

    Args:
        target: A file, open for writing, or its path.
        schema: The schema of its tables.
    """
    parquet = load_pyarrow().parquet
    return parquet.ParquetWriter(target, schema, compression="zstd", write_page_checksum=True)


def write_table(path: Path, table: Any) -> None:
    """Write a table as one Parquet file, whole or not at all."""
    stream = io.BytesIO()
    with writer(stream, table.schema) as parquet:
        parquet.write_table(table)
    write_whole(path, stream.getvalue())


def read_table(path: Path) -> Any:
    """Read a Parquet file and check its checksums.

    Raises:
        DatasetError: It is damaged.
        OSError: It cannot be read.
    """
    arrow = load_pyarrow()
    content = path.read_bytes()
    try:
        return arrow.parquet.read_table(
            io.BytesIO(content), page_checksum_verification=True, use_threads=False
        )
    except (arrow.ArrowException, OSError) as error:
        raise DatasetError(f"{path} is damaged (cut short or changed?): {error}") from error
