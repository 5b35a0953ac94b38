"""MJCF of a room, every number so that reading it gives the same bits.

MuJoCo's own writer rounds to six digits and rejects textures without a file.
"""

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

import mujoco
import numpy as np
import numpy.typing as npt

from thor_interact_env.export.scene_objects import SceneObject, geom_name, joint_name
from thor_interact_env.simulators.mujoco.drawing.rendering import SHELL

VISUAL, DYNAMIC, STRUCTURAL = "__VISUAL_MJT__", "__DYNAMIC_MJT__", "__STRUCTURAL_MJT__"
"""Classes of geoms: visual, movable colliders, and fixed colliders."""

_FELT_GROUP: Final = 4
_SHOWN: Final = ("floor", "ceiling", "wall")
_WALLS: Final = ("floor", "ceiling", "wall", "wall", "wall", "wall")

Vector = npt.NDArray[np.float64]


def write_mjcf(
    spec: "mujoco.MjSpec",
    scene_objects: Sequence[SceneObject],
    poses: Vector,
    camera: tuple[Vector, Vector],
    folder: str,
    sleep_tolerance: float,
    numerics: Mapping[str, Vector],
) -> bytes:
    """Return a room as MJCF.

    Args:
        spec: The result of `rooms.model.specify`, without the bodies of absent objects.
        scene_objects: The movable objects, then the others, in the order of the specification.
        poses: (n, 7) positions and unit quaternions of the movable objects.
        camera: Position, (3,), and quaternion, (4,), of the agent's camera.
        folder: Folder of the textures, a PNG for each used material; the model has the same name.
        sleep_tolerance: Metres per second below which bodies may fall asleep.
        numerics: Additional arrays, by name.

    Returns:
        A document in UTF-8.
    """
    root = ElementTree.Element("mujoco", model=folder)
    _add(root, "compiler", angle="radian", autolimits="true")
    _write_options(root, spec, sleep_tolerance)
    _write_classes(root, spec)
    _write_assets(root, spec, folder)
    world = spec.worldbody
    written = _add(root, "worldbody")
    for light in world.lights:
        _write_light(written, light)
    _add(
        written,
        "camera",
        name=world.cameras[0].name,
        pos=camera[0],
        quat=camera[1],
        fovy=world.cameras[0].fovy,
    )
    _write_structure(written, world, scene_objects)
    *bodies, shell = world.bodies
    for index, (body, scene_object) in enumerate(zip(bodies, scene_objects, strict=True)):
        _write_body(written, body, scene_object.body, None if scene_object.static else poses[index])
    shown = _add(written, "body", name=SHELL)
    for name, geom in zip(_SHOWN, shell.geoms, strict=True):
        _write_visual(shown, geom, geom_name(name, "visual", 0))
    custom = _add(root, "custom")
    for name, data in numerics.items():
        _add(custom, "numeric", name=name, data=data)
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def textures(spec: "mujoco.MjSpec") -> dict[str, npt.NDArray[np.uint8]]:
    """Return the texture of each material that is used, (height, width, 3) RGB."""
    used = _used(spec, "material")
    return {
        texture.name: np.frombuffer(bytes(texture.data), np.uint8).reshape(texture.height, texture.width, -1)
        for texture in spec.textures
        if texture.name in used
    }


def _used(spec: "mujoco.MjSpec", asset: str) -> set[str]:
    """Return the names of the materials, or meshes, of visible geoms of the room."""
    return {getattr(geom, asset) for body in spec.worldbody.bodies for geom in body.geoms if geom.meshname}


def _add(parent: ElementTree.Element, tag: str, **attributes: Any) -> ElementTree.Element:
    """Add an element; numbers and arrays become text that reads as the same numbers."""
    given = {key.rstrip("_"): _text(value) for key, value in attributes.items()}
    return ElementTree.SubElement(parent, tag, given)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Enum) or hasattr(value, "name"):
        return str(value.name).rsplit("_", 1)[-1].lower()  # mjGEOM_BOX is "box"
    # The shortest text that reads as the same number, in the precision in which MuJoCo keeps it.
    numbers = np.ravel(np.asarray(value))
    single = numbers.dtype == np.float32
    texts = map(str, numbers) if single else map(repr, numbers.tolist())
    return " ".join(text.removesuffix(".0") for text in texts)


def _write_options(root: ElementTree.Element, spec: "mujoco.MjSpec", sleep_tolerance: float) -> None:
    option, visual = spec.option, spec.visual
    written = _add(
        root,
        "option",
        timestep=option.timestep,
        integrator=mujoco.mjtIntegrator(option.integrator),
        cone=mujoco.mjtCone(option.cone),
        sleep_tolerance=sleep_tolerance,
    )
    _add(written, "flag", sleep="enable")
    _add(root, "statistic", extent=spec.stat.extent, center=spec.stat.center)
    written = _add(root, "visual")
    _add(written, "global", fovy=visual.global_.fovy)
    light = visual.headlight
    _add(written, "headlight", ambient=light.ambient, diffuse=light.diffuse, specular=light.specular)
    _add(written, "map", znear=visual.map.znear, zfar=visual.map.zfar)


def _write_classes(root: ElementTree.Element, spec: "mujoco.MjSpec") -> None:
    default = _add(root, "default")
    _add(default, "geom", solref=spec.default.geom.solref)
    visual = _add(default, "default", class_=VISUAL)
    _add(visual, "geom", type="mesh", group=0, contype=0, conaffinity=0, mass=0)
    for name in (DYNAMIC, STRUCTURAL):
        _add(_add(default, "default", class_=name), "geom", group=_FELT_GROUP, mass=0)


def _write_assets(root: ElementTree.Element, spec: "mujoco.MjSpec", folder: str) -> None:
    materials, meshes = _used(spec, "material"), _used(spec, "meshname")
    asset = _add(root, "asset")
    for material in spec.materials:
        if material.name not in materials:
            continue
        _add(asset, "texture", name=material.name, type="2d", file=f"{folder}/{material.name}.png")
        _add(
            asset,
            "material",
            name=material.name,
            texture=material.name,
            specular=material.specular,
            shininess=material.shininess,
            rgba=material.rgba,
        )
    for mesh in spec.meshes:
        if mesh.name in meshes:
            _add(
                asset,
                "mesh",
                name=mesh.name,
                inertia=mesh.inertia,
                vertex=mesh.uservert,
                texcoord=mesh.usertexcoord,
                face=mesh.userface,
            )


def _write_light(parent: ElementTree.Element, light: Any) -> None:
    _add(
        parent,
        "light",
        type=light.type,
        pos=light.pos,
        dir=light.dir,
        castshadow=str(bool(light.castshadow)).lower(),
        cutoff=light.cutoff,
        exponent=light.exponent,
        attenuation=light.attenuation,
        ambient=light.ambient,
        diffuse=light.diffuse,
        specular=light.specular,
    )


def _write_structure(parent: ElementTree.Element, world: Any, scene_objects: Sequence[SceneObject]) -> None:
    """Write fixed colliders: half spaces, then the colliders of fixtures, all of one body."""
    geoms = iter(world.geoms)
    for index, name in enumerate(_WALLS):
        _write_collider(parent, next(geoms), geom_name(name, "collision", index), STRUCTURAL)
    for scene_object in scene_objects:
        if scene_object.static and scene_object.blueprint.colliders:
            own = [next(geoms) for _ in scene_object.blueprint.colliders]
            frame = _add(parent, "frame", pos=own[0].frame.pos, quat=own[0].frame.quat)
            for index, geom in enumerate(own):
                _write_collider(frame, geom, geom_name(scene_object.body, "collision", index), STRUCTURAL)
    if (left := next(geoms, None)) is not None:
        raise ValueError(f"the room has a collider {left.type.name} that belongs to no object")


def _write_collider(parent: ElementTree.Element, geom: Any, name: str, kind: str) -> None:
    _add(
        parent,
        "geom",
        class_=kind,
        name=name,
        type=geom.type,
        size=geom.size,
        pos=geom.pos,
        quat=geom.quat,
        condim=geom.condim,
        priority=geom.priority,
        friction=geom.friction,
    )


def _write_body(parent: ElementTree.Element, body: Any, name: str, pose: Vector | None) -> None:
    """Write a body, a free one if it has a pose of its own."""
    free = pose is not None
    where = pose if pose is not None else np.concatenate([body.pos, body.quat])
    more = {"sleep": body.sleep} if free else {}
    written = _add(parent, "body", name=name, pos=where[:3], quat=where[3:], **more)
    if free:
        _add(written, "inertial", pos=body.ipos, mass=body.mass, diaginertia=body.inertia)
        _add(written, "freejoint", name=joint_name(name))
    visuals = (geom for geom in body.geoms if geom.meshname)
    for index, geom in enumerate(visuals):
        _write_visual(written, geom, geom_name(name, "visual", index))
    colliders = (geom for geom in body.geoms if not geom.meshname)
    for index, geom in enumerate(colliders):
        _write_collider(written, geom, geom_name(name, "collision", index), DYNAMIC)


def _write_visual(parent: ElementTree.Element, geom: Any, name: str) -> None:
    _add(parent, "geom", class_=VISUAL, name=name, mesh=geom.meshname, material=geom.material)
