"""The objects of an exported room: their names and metadata.

Names and fields are those of MolmoSpaces (Allen Institute for AI, 2026), whose scenes are also MJCF: a
body is `<type>_<hash>_<count>_<body>_<room>`, and metadata["objects"] describes each by its body's name.
"""

import hashlib
from collections import Counter
from copy import copy
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from thor_interact_env.simulators.mujoco.physics import CompiledRoom
from thor_interact_env.simulators.mujoco.rooms.plan import RoomPlan
from thor_interact_env.simulators.mujoco.shapes import Blueprint

_UPRIGHT = 0.5
"""Vertical part of a contact's normal from which one object stands on the other."""


@dataclass(frozen=True)
class SceneObject:
    """One object of a room.

    Attributes:
        type: iTHOR's name of the type.
        asset: Identifier of the instance, such as `"FloorPlan1_Mug_1"`.
        id: Identifier in the simulator's ground truth, such as `"Mug|12"`.
        blueprint: Its blueprint.
        static: Whether it never moves.
    """

    type: str
    asset: str
    id: str
    blueprint: Blueprint
    static: bool

    @property
    def body(self) -> str:
        """Name of its body."""
        # The hash names an asset, not a secret.
        digest = hashlib.md5(self.asset.encode(), usedforsecurity=False).hexdigest()
        return f"{self.type.lower()}_{digest}_1_0_0"


def scene_objects_of(plan: RoomPlan) -> list[SceneObject]:
    """Return everything in a room: furniture and portables as the simulator numbers them, then fixtures."""
    movable = [(item.type, item.blueprint) for item in plan.furniture] + list(plan.portables)
    fixed = [(item.type, item.blueprint) for item in plan.fixtures]
    counts: Counter[str] = Counter()
    scene_objects = []
    for index, (kind, blueprint) in enumerate([*movable, *fixed]):
        counts[kind] += 1
        asset = f"{plan.name}_{kind}_{counts[kind]}"
        scene_objects.append(SceneObject(kind, asset, f"{kind}|{index}", blueprint, index >= len(movable)))
    return scene_objects


def describe(scene_objects: list[SceneObject], parents: dict[str, str]) -> dict[str, Any]:
    """Return metadata["objects"].

    Args:
        scene_objects: The objects in the exported room.
        parents: Of a body, the body on which it stands.
    """
    objects: dict[str, Any] = {}
    for scene_object in scene_objects:
        joints = {} if scene_object.static else {joint_name(scene_object.body): "jntfree"}
        objects[scene_object.body] = {
            "hash_name": scene_object.body,
            "asset_id": scene_object.asset,
            "object_id": scene_object.id,
            "category": scene_object.type,
            "object_enum": "thor_obj",
            "is_static": scene_object.static,
            "name_map": {"bodies": {scene_object.body: scene_object.id}, "joints": joints, "sites": {}},
            "mjcf_path": "",
            "parent": parents.get(scene_object.body, ""),
            "room_id": 0,
            "children": [body for body, parent in parents.items() if parent == scene_object.body],
        }
    return objects


def joint_name(body: str) -> str:
    """Return the name of a body's free joint."""
    return f"{body}_jntfree_0"


def geom_name(body: str, part: str, index: int) -> str:
    """Return the name of a body's geom: `part` is "visual" or "collision"."""
    return f"{body}_{part}_{index}"


def supports(room: CompiledRoom, scene_objects: list[SceneObject]) -> dict[str, str]:
    """Return the body on which each movable body stands, from contacts.

    Args:
        room: The room, everything in it at rest.
        scene_objects: The result of `scene_objects_of` for its plan.

    Returns:
        The supporting body of each body, without those on the floor or without contact.
    """
    owners, model, data = _owners(room, scene_objects), copy(room.model), mujoco.MjData(room.model)
    # Sleeping bodies have no contacts.
    model.opt.enableflags &= ~int(mujoco.mjtEnableBit.mjENBL_SLEEP)
    data.qpos[:] = room.positions()
    mujoco.mj_forward(model, data)
    found: dict[str, Counter[str]] = {}
    for contact in data.contact:
        up = float(contact.frame[2])  # the normal points from the first geom to the second
        if abs(up) < _UPRIGHT:
            continue
        lower, upper = (int(geom) for geom in (contact.geom if up > 0 else contact.geom[::-1]))
        below, above = owners.get(lower), owners.get(upper)
        if below is not None and above is not None and not above.static:
            found.setdefault(above.body, Counter())[below.body] += 1
    return {body: max(below, key=lambda name: (below[name], name)) for body, below in found.items()}


def _owners(room: CompiledRoom, scene_objects: list[SceneObject]) -> dict[int, SceneObject]:
    """Return the object of each collider; floor, walls and ceiling have none."""
    owners = {}
    for geom in range(room.model.ngeom):
        index = room.movable_of_geom(geom)
        if index is not None:
            owners[geom] = scene_objects[index]
    fixed = [
        scene_object
        for scene_object in scene_objects
        if scene_object.static
        for _ in scene_object.blueprint.colliders
    ]
    ours = room.model.geom_bodyid == 0
    solid = np.flatnonzero(ours & (room.model.geom_type != int(mujoco.mjtGeom.mjGEOM_PLANE)))
    owners.update(zip(solid.tolist(), fixed, strict=True))
    return owners
