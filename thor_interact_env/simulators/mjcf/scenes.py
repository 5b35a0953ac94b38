"""The scenes in a folder, their models and their metadata."""

import json
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import mujoco
import numpy as np

from thor_interact_env.actions import FIELD_OF_VIEW
from thor_interact_env.errors import InvalidOptionError, ThorInteractError
from thor_interact_env.simulators.mujoco.rooms.model import CAMERA

SUFFIX: Final = "_physics"
"""Suffix of a room's file: `FloorPlan1_physics.xml` is the room `FloorPlan1`."""

_NEAR_PLANE: Final = 0.01  # maximum distance of the near plane, metres
_WORLD: Final = "world"  # name of the body at the root of every model


class SceneError(ThorInteractError):
    """A scene on disk cannot be used: the message names its file, the fault and the remedy."""


@dataclass(frozen=True)
class Scene:
    """One scene on disk.

    Attributes:
        path: The MJCF file.
        objects: Descriptions of bodies in its metadata, by their names; empty without metadata.
        facts: Facts in the metadata of a room exported by `thor_interact_env.export`; else empty.
    """

    path: Path
    objects: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def error(self, what: str) -> SceneError:
        """Return an error about the scene in one line."""
        return SceneError(f"the scene {str(self.path)!r} {' '.join(what.split())}")


def find_scenes(scenes: str | os.PathLike[str]) -> dict[str, Path]:
    """Return the MJCF files of a folder by the names of their rooms, without files that others include.

    Args:
        scenes: The folder, or one file.

    Raises:
        InvalidOptionError: It is not a path.
        SceneError: There is no such folder or file, or no MJCF in it.
    """
    if not isinstance(scenes, str | os.PathLike):
        raise InvalidOptionError(f"scenes is {scenes!r}; it must be the path of a folder or file")
    path = Path(scenes)
    files = sorted(path.glob("*.xml")) if path.is_dir() else [path]
    if not path.exists():
        raise SceneError(f"there is no folder or file {str(path)!r}; name the folder that holds the scenes")
    found: dict[str, Path] = {}
    parts = {part for file in files for part in _parts(file)}
    for file in files:
        if _is_model(file) and Path(os.path.abspath(file)) not in parts:
            name = file.stem.removesuffix(SUFFIX)
            # A location's room never ends in the suffix (`Location.from_json`).
            found[f"{name}-physics" if name in found else name] = file
    if not found:
        raise SceneError(f"there is no MJCF file (*.xml, <mujoco>) in {str(path)!r}; name another folder")
    return found


def _parts(file: Path) -> set[Path]:
    """Return the other files that a file includes or attaches: `<include>`, and `<model>` of its assets."""
    text = file.read_bytes()
    if not any(tag in text for tag in (b"<include", b"<model")):
        return set()  # parsing all of a folder of large scenes takes seconds
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return set()  # the error is reported when the scene is used
    # MuJoCo finds them relative to the folder of the scene.
    named = {element.get("file", "") for tag in ("include", "model") for element in root.iter(tag)}
    return {Path(os.path.abspath(file.parent / name)) for name in named} - {Path(os.path.abspath(file))}


def _is_model(file: Path) -> bool:
    """Return whether the root of a file is that of a model, or the file is damaged."""
    try:
        _, root = next(ElementTree.iterparse(file, events=("start",)))
    except (ElementTree.ParseError, StopIteration):
        return True  # the error is reported when the scene is used
    return bool(root.tag == "mujoco")


def read_scene(path: Path) -> Scene:
    """Read the metadata of a scene, if it has any.

    Args:
        path: The MJCF file.

    Raises:
        SceneError: The metadata cannot be read.
    """
    file = path.with_name(f"{path.stem}_metadata.json")
    if not file.exists():
        return Scene(path)
    try:
        metadata = json.loads(file.read_text(encoding="utf-8"))
        objects, facts = metadata["objects"], metadata.get("thor_interact", {})
        if not isinstance(objects, dict) or not all(isinstance(entry, dict) for entry in objects.values()):
            raise TypeError('its "objects" are not an object of objects')
        if not isinstance(facts, dict):
            raise TypeError('its "thor_interact" is not an object')
        if np.shape(facts.get("positions", np.zeros((0, 2))))[1:] != (2,):
            raise TypeError('the "positions" of "thor_interact" are not pairs of numbers')
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SceneError(
            f"the metadata {str(file)!r} cannot be read ({type(error).__name__}: {error}); correct them"
        ) from None
    return Scene(path, objects, facts)


def read_model(scene: Scene) -> "mujoco.MjModel":
    """Compile a scene for the simulator.

    Robots (root bodies that actuators drive), sensors and keyframes are removed, a camera `CAMERA` is added,
    and sleeping is enabled.

    Args:
        scene: The scene.

    Raises:
        SceneError: MuJoCo cannot read or compile it.
    """
    if not scene.path.exists():
        raise scene.error("no longer exists")
    try:
        spec = mujoco.MjSpec.from_file(str(scene.path))
        _remove_robots(spec)
        _add_camera(spec)
        spec.option.enableflags |= int(mujoco.mjtEnableBit.mjENBL_SLEEP)
        model = spec.compile()
    except (ValueError, mujoco.FatalError) as error:
        raise scene.error(f"cannot be read by MuJoCo {mujoco.__version__}: {error}") from None
    # `CompiledScene.rest` puts bodies to sleep.
    policy = model.tree_sleep_policy
    policy[policy == int(mujoco.mjtSleepPolicy.mjSLEEP_INIT)] = int(
        mujoco.mjtSleepPolicy.mjSLEEP_AUTO_ALLOWED
    )
    planes = model.vis.map
    planes.znear = min(planes.znear, _NEAR_PLANE / model.stat.extent)
    return model


def _remove_robots(spec: "mujoco.MjSpec") -> None:
    driven = [body for actuator in spec.actuators for body in _driven(spec, actuator)]
    # Before compilation all bodies have the same identifier.
    roots = dict.fromkeys(_root(body) for body in driven if body.name != _WORLD)
    for elements in (spec.actuators, spec.sensors, spec.keys):
        for element in list(elements):
            spec.delete(element)
    # Bodies may have no name, and most cameras and lights have no target.
    gone = {body.name for root in roots for body in (root, *root.find_all("body"))} - {""}
    for camera in list(spec.cameras):
        if camera.targetbody in gone:
            spec.delete(camera)
    for light in spec.lights:
        if light.targetbody in gone:  # it shines as before
            light.targetbody, light.mode = "", mujoco.mjtCamLight.mjCAMLIGHT_FIXED
    for root in roots:
        spec.delete(root)


def _driven(spec: "mujoco.MjSpec", actuator: Any) -> list[Any]:
    """Return the bodies that an actuator drives: through a joint, tendon, slider-crank or site."""
    kinds, kind = mujoco.mjtTrn, actuator.trntype
    if kind == kinds.mjTRN_BODY:
        body = spec.body(actuator.target)
        return [] if body is None else [body]
    if kind in (kinds.mjTRN_TENDON, kinds.mjTRN_SLIDERCRANK):
        if kind == kinds.mjTRN_TENDON:
            tendon = spec.tendon(actuator.target)
            path = [] if tendon is None else tendon.path
            parts = [wrap.target for wrap in path if wrap.type != mujoco.mjtWrap.mjWRAP_PULLEY]
        else:
            parts = [spec.site(actuator.target), spec.site(actuator.slidersite)]
        # One end may be on fixed furniture, which stays.
        return [part.parent for part in parts if part is not None and _moves(part.parent)]
    part = spec.site(actuator.target) if kind == kinds.mjTRN_SITE else spec.joint(actuator.target)
    return [] if part is None else [part.parent]


def _moves(body: Any) -> bool:
    """Return whether a body or one above it has a joint."""
    while body.name != _WORLD:
        if body.joints:
            return True
        body = body.parent
    return False


def _root(body: Any) -> Any:
    while body.parent.name != _WORLD:
        body = body.parent
    return body


def _add_camera(spec: "mujoco.MjSpec") -> None:
    own = spec.camera(CAMERA)
    if own is not None:
        spec.delete(own)
    spec.worldbody.add_camera(name=CAMERA, fovy=FIELD_OF_VIEW)
