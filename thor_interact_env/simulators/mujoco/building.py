"""From a room plan to a MuJoCo specification: shapes, materials, light, masses and friction."""

from collections.abc import Iterable
from itertools import count

import mujoco
import numpy as np
import numpy.typing as npt

from thor_interact_env.actions import FIELD_OF_VIEW
from thor_interact_env.simulators.mujoco.materials import TEXTURE_SIZE, Material, texture
from thor_interact_env.simulators.mujoco.rooms import RoomPlan
from thor_interact_env.simulators.mujoco.shapes import Blueprint, Mesh, Vector, Visual, merge

CAMERA = "agent"
"""Name of the agent's camera."""

TIME_STEP = 0.005
"""Seconds of one physics step."""

FRICTION, GLIDE_FRICTION, CASTOR_FRICTION = 0.5, 0.05, 0.01
"""Sliding friction (no unit) of bare objects, of plastic glides and of castors under furniture."""

GLIDE_MASS, CASTOR_MASS = 10.0, 20.0
"""Kilograms from which furniture stands on glides, and from which it rolls on castors."""

TURNING_FRICTION = (0.005, 0.005)
"""Torsional and rolling friction of everything, metres."""

_VISIBLE, _FELT = 0, 3

# Of two things in contact, the one of higher priority decides about the friction: furniture rolls on any
# floor, and what stands on furniture holds on to it as to any other surface.
_STRUCTURE, _FURNITURE, _PORTABLE = 0, 1, 2

_COLLIDERS = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
}


def specify(plan: RoomPlan) -> "mujoco.MjSpec":
    """Return the specification of a room.

    Args:
        plan: The room; its furniture, then its portables become free bodies "movable0", "movable1", ...
    """
    builder = _Builder()
    _add_shell(builder, plan)
    for placement in plan.fixtures:
        body = builder.spec.worldbody.add_body(pos=placement.position, quat=yaw_quaternion(placement.yaw))
        builder.add(body, placement.blueprint)
    # MuJoCo computes contacts as it compiles: all bodies in one place would give thousands of them.
    for index, placement in enumerate(plan.furniture):
        builder.add_movable(f"movable{index}", placement.blueprint, placement.position, furniture=True)
    columns = int(np.ceil(np.sqrt(max(len(plan.portables), 1))))
    for index, (_, blueprint) in enumerate(plan.portables):
        across, along = (((np.array(divmod(index, columns)) + 0.5) / columns - 0.5) * plan.size[:2]).tolist()
        place = (across, along, 0.7 * plan.size[2])
        builder.add_movable(f"movable{len(plan.furniture) + index}", blueprint, place, furniture=False)
    return builder.spec


class _Builder:
    """Adds blueprints to a specification, each material and its texture once."""

    def __init__(self) -> None:
        self.spec = mujoco.MjSpec()
        self._number = count()
        self._materials: dict[Material, str] = {}
        option = self.spec.option
        option.timestep = TIME_STEP
        option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
        option.enableflags |= mujoco.mjtEnableBit.mjENBL_SLEEP
        self.spec.compiler.autolimits = True
        visual = self.spec.visual
        visual.global_.fovy = FIELD_OF_VIEW
        visual.quality.shadowsize = 512
        visual.quality.offsamples = 0
        visual.map.znear, visual.map.zfar = 0.01, 12.0
        visual.headlight.ambient, visual.headlight.diffuse = [0.34] * 3, [0.22] * 3
        visual.headlight.specular = [0.05] * 3
        self.spec.stat.extent, self.spec.stat.center = 1.0, [0, 0, 1]

    def material(self, material: Material) -> str:
        if material not in self._materials:
            name = f"material{len(self._materials)}"
            painted = self.spec.add_texture(
                name=name,
                type=mujoco.mjtTexture.mjTEXTURE_2D,
                width=TEXTURE_SIZE,
                height=TEXTURE_SIZE,
                nchannel=3,
            )
            painted.data = texture(material).tobytes()
            made = self.spec.add_material(
                name=name, specular=material.gloss, shininess=0.4, rgba=[1, 1, 1, material.opacity]
            )
            made.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
            self._materials[material] = name
        return self._materials[material]

    def show(self, body: "mujoco.MjsBody", visual: Visual) -> None:
        name = f"mesh{next(self._number)}"
        mesh = visual.mesh
        self.spec.add_mesh(
            name=name,
            uservert=mesh.vertices.ravel(),
            userface=mesh.faces.ravel(),
            usertexcoord=(mesh.uv / visual.material.repeat).ravel(),
            inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
        )
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=name,
            material=self.material(visual.material),
            contype=0,
            conaffinity=0,
            group=_VISIBLE,
            mass=0,
        )

    def add(
        self,
        body: "mujoco.MjsBody",
        blueprint: Blueprint,
        friction: float = FRICTION,
        priority: int = _STRUCTURE,
    ) -> None:
        for material, meshes in _by_material(blueprint.visuals).items():
            self.show(body, Visual(merge(*meshes), material))
        for collider in blueprint.colliders:
            quaternion = np.zeros(4)
            mujoco.mju_euler2Quat(quaternion, np.asarray(collider.rotation, float), "XYZ")
            body.add_geom(
                type=_COLLIDERS[collider.kind],
                size=collider.size,
                pos=collider.position,
                quat=quaternion,
                friction=[friction, *TURNING_FRICTION],
                priority=priority,
                condim=6,
                group=_FELT,
                mass=0,
            )

    def add_movable(self, name: str, blueprint: Blueprint, position: Vector, furniture: bool) -> None:
        low, high = blueprint.bounds()
        extent = np.maximum(high - low, 0.01)
        squares = extent**2
        body = self.spec.worldbody.add_body(name=name, pos=position, sleep=mujoco.mjtSleepPolicy.mjSLEEP_INIT)
        body.explicitinertial = True
        body.mass = blueprint.mass
        # Lower than the middle: most things carry their weight below.
        body.ipos = (low + high) / 2 - [0, 0, 0.08 * extent[2]]
        body.inertia = blueprint.mass / 12 * (squares.sum() - squares)
        body.add_freejoint()
        if furniture:
            self.add(body, blueprint, furniture_friction(blueprint.mass), _FURNITURE)
        else:
            self.add(body, blueprint, FRICTION, _PORTABLE)


def _add_shell(builder: _Builder, plan: RoomPlan) -> None:
    """Add floor, walls and ceiling (half spaces to feel, quads to see), the light and the camera."""
    world = builder.spec.worldbody
    width, depth, height = plan.size
    # Position, and the axis angle that turns +z into the inward normal.
    sides = [
        ((0, 0, 0), (0, 0, 1)),
        ((0, 0, height), (0, 0, -1)),
        ((-width / 2, 0, 0), (1, 0, 0)),
        ((width / 2, 0, 0), (-1, 0, 0)),
        ((0, -depth / 2, 0), (0, 1, 0)),
        ((0, depth / 2, 0), (0, -1, 0)),
    ]
    for position, normal in sides:
        quaternion = np.zeros(4)
        mujoco.mju_quatZ2Vec(quaternion, np.asarray(normal, float))
        world.add_geom(
            type=mujoco.mjtGeom.mjGEOM_PLANE,
            size=[0, 0, 1],
            pos=position,
            quat=quaternion,
            friction=[FRICTION, *TURNING_FRICTION],
            condim=6,
            group=_FELT,
        )
    half = np.array([width, depth]) / 2
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    builder.show(world, Visual(_quad(corners, 0.0), plan.floor))
    builder.show(world, Visual(_quad(corners[::-1], height), plan.ceiling))
    walls = [_wall(corners[(side + 1) % 4], corners[side], height) for side in range(4)]
    builder.show(world, Visual(merge(*walls), plan.wall))
    x, y, z = plan.light
    world.add_light(
        pos=[x, y, z],
        dir=[0, 0, -1],
        type=mujoco.mjtLightType.mjLIGHT_SPOT,
        castshadow=True,
        cutoff=80,
        exponent=0.6,
        diffuse=[0.62, 0.6, 0.56],
        specular=[0.15] * 3,
        attenuation=[1, 0, 0],
    )
    world.add_light(
        pos=[0, 0, height - 0.1],
        dir=[0.35, 0.5, -0.8],
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        castshadow=False,
        diffuse=[0.16] * 3,
        specular=[0] * 3,
    )
    world.add_camera(name=CAMERA, fovy=FIELD_OF_VIEW)


def _quad(corners: npt.NDArray[np.float64], height: float) -> Mesh:
    vertices = np.column_stack([corners, np.full(4, height)])
    return Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]], np.int32), np.asarray(corners, float))


def _wall(left: npt.NDArray[np.float64], right: npt.NDArray[np.float64], height: float) -> Mesh:
    length = float(np.linalg.norm(right - left))
    vertices = np.array([[*left, 0], [*right, 0], [*right, height], [*left, height]])
    uv = np.array([[0, 0], [length, 0], [length, height], [0, height]])
    return Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]], np.int32), uv)


def _by_material(visuals: Iterable[Visual]) -> dict[Material, list[Mesh]]:
    grouped: dict[Material, list[Mesh]] = {}
    for visual in visuals:
        grouped.setdefault(visual.material, []).append(visual.mesh)
    return grouped


def furniture_friction(mass: float) -> float:
    """Return the sliding friction of furniture of a mass in kilograms on the floor.

    What is a burden to lift stands on glides, what nobody lifts alone on castors.

    Example:
        >>> [furniture_friction(mass) for mass in (3.0, 11.0, 85.0)]
        [0.5, 0.05, 0.01]
    """
    if mass >= CASTOR_MASS:
        return CASTOR_FRICTION
    return GLIDE_FRICTION if mass >= GLIDE_MASS else FRICTION


def yaw_quaternion(yaw: float) -> tuple[float, float, float, float]:
    """Return the unit quaternion (w, x, y, z) of a turn about the vertical, radians."""
    return (float(np.cos(yaw / 2)), 0.0, 0.0, float(np.sin(yaw / 2)))
