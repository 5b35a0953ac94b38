"""The format `coco`: views as PNG files, with the true masks of the movable objects in COCO's JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from thor_interact_env.datasets.measuring import annotation, load_pycocotools
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.files import write_whole
from thor_interact_env.locations.annotations import MASS_CLASSES
from thor_interact_env.record.actors import Actor
from thor_interact_env.record.episodes import true_views
from thor_interact_env.record.images import png
from thor_interact_env.record.plan import Plan, Start
from thor_interact_env.record.tables import image_field, load_pyarrow, read_table

FORMAT: Final = "coco"
"""Name of the format."""

ANNOTATIONS: Final = "annotations.json"
"""Name of the file with the annotations."""

FIRST_CATEGORY: Final = 1
"""`category_id` of light objects: 0 is the background of many detectors."""


def view_table(env: ThorInteractEnv, start: Start, actor: Actor, plan: Plan, number: int) -> Any:
    """Carry out an episode and return a table of its different views, in order.

    Args:
        env: The environment.
        start: The start.
        actor: Chooses the touches.
        plan: The plan of the record.
        number: Number of the episode.
    """
    arrow, coco = load_pyarrow(), load_pycocotools()
    rows = []
    for touches, rgb, truth in true_views(env, start, actor, plan.touches):
        height, width = rgb.shape[:2]
        found = []
        for index in range(len(truth)):
            item = annotation(truth, index)
            found.append(
                {
                    "category_id": item.category_id + FIRST_CATEGORY,
                    "segmentation": item.segmentation,
                    "bbox": coco.toBbox(item.segmentation).tolist(),
                    "area": int(coco.area(item.segmentation)),
                    "iscrowd": 0,
                    "gt_mass": item.gt_mass,
                    **item.extra,
                }
            )
        image = {
            **{"width": width, "height": height, "thor_meta": env.location.to_json(), "world": plan.world},
            **{"episode": number, "touches": touches, "seed": start.seed},
        }
        entry = json.dumps({"image": image, "annotations": found}, allow_nan=False)
        rows.append({"entry": entry, "image": {"bytes": png(rgb), "path": None}})
    return arrow.Table.from_pylist(rows, arrow.schema([("entry", arrow.string()), image_field("image")]))


def write_coco(folder: Path, plan: Plan, parts: Sequence[Path]) -> int:
    """Write the parts of a record as images and one file of annotations.

    Args:
        folder: Existing, empty folder.
        plan: The plan of the record.
        parts: A table of views for each episode, in order.

    Returns:
        The number of views.

    Raises:
        DatasetError: A part is damaged.
    """
    (folder / "images").mkdir()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for part in parts:
        for row in read_table(part).to_pylist():
            entry = json.loads(row["entry"])
            image_id = len(images) + 1
            name = f"images/{image_id:06d}.png"
            (folder / name).write_bytes(row["image"]["bytes"])
            images.append({"id": image_id, "file_name": name, **entry["image"]})
            for item in entry["annotations"]:
                annotations.append({"id": len(annotations) + 1, "image_id": image_id, **item})
    content = {
        "info": {"description": f"ThorInteract views, touched by {plan.actor}", "version": plan.world},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [
            {"id": number, "name": name, "supercategory": "movable object"}
            for number, name in enumerate(MASS_CLASSES, FIRST_CATEGORY)
        ],
    }
    write_whole(folder / ANNOTATIONS, json.dumps(content, allow_nan=False).encode())
    return len(images)
