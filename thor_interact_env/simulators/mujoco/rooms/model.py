"""From a room plan to a MuJoCo specification: shapes, materials, light, masses and friction."""

import zlib
from collections.abc import Iterable
from itertools import count
from typing import Any

import mujoco
import numpy as np

from thor_interact_env.actions import FIELD_OF_VIEW
from thor_interact_env.simulators.mujoco.drawing.rendering import SHELL
from thor_interact_env.simulators.mujoco.exact import cosine, length, product, sine
from thor_interact_env.simulators.mujoco.materials import ImageMaterial, Material, texture
from thor_interact_env.simulators.mujoco.rooms.plan import RoomPlan
from thor_interact_env.simulators.mujoco.shapes import (
    Blueprint,
    Collider,
    Hull,
    Mesh,
    Vector,
    Visual,
    merge,
)

CAMERA = "agent"
"""Name of the agent's camera."""

TIME_STEP = 0.005
"""Seconds of one physics step."""

FRICTION, FEET_FRICTION, GLIDE_FRICTION, CASTOR_FRICTION = 0.5, 0.1, 0.022, 0.0
"""Sliding friction (no unit): bare objects, the feet of appliances, glides and castors under furniture.

The last two are chosen so that 200 N move heavy objects visibly; see docs/physics.md.
"""

GLIDE_MASS, CASTOR_MASS = 5.0, 20.0
"""Kilograms from which furniture stands on glides, and appliances on feet; and from which it has castors."""

CONTACT_SECONDS = 2 * TIME_STEP
"""Time constant in seconds of a contact, the shortest stable one: penetration is at most 1 mm."""

MINIMUM_EXTENT = 0.03
"""Minimum length, width and height in metres of an object for its rotational inertia: between two other
objects, a pencil with its own inertia would reach hundreds of turns a second."""

TURNING_FRICTION = (0.005, 0.005)
"""Torsional and rolling friction of everything, metres."""

HULL_CORNERS = 64
"""Maximum number of corners of a collider that is a convex hull."""

PANEL = 0.4
"""Metres along the squares that floor, walls and ceiling are made of."""

_VISIBLE, _COLLIDING = 0, 3

# Of two objects in contact, the one of higher priority determines the friction: furniture rolls on any
# floor, and objects on furniture have the same friction as on any other surface.
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
    world = builder.spec.worldbody
    _add_walls(world, plan)
    _add_lights(world, plan)
    world.add_camera(name=CAMERA, fovy=FIELD_OF_VIEW)
    # Objects nearer to the agent come first: they are drawn first, and hidden ones are skipped sooner.
    # MuJoCo computes contacts as it compiles: all bodies in one place would give thousands of them.
    for index, placement in enumerate(plan.furniture):
        builder.add_movable(f"movable{index}", placement.blueprint, placement.position, furniture=True)
    columns = int(np.ceil(np.sqrt(max(len(plan.portables), 1))))
    for index, (_, blueprint) in enumerate(plan.portables):
        across, along = (((np.array(divmod(index, columns)) + 0.5) / columns - 0.5) * plan.size[:2]).tolist()
        place = (across, along, 0.7 * plan.size[2])
        builder.add_movable(f"movable{len(plan.furniture) + index}", blueprint, place, furniture=False)
    for placement in plan.fixtures:
        pose = {"pos": placement.position, "quat": yaw_quaternion(placement.yaw)}
        builder.show_all(world.add_body(**pose), placement.blueprint)
        # They collide as one body, the world: each body with colliders adds comparisons in every step.
        frame, before = world.add_frame(**pose), len(world.geoms)
        builder.solidify(world, placement.blueprint)
        for geom in world.geoms[before:]:
            geom.set_frame(frame)
    _show_shell(builder, world.add_body(name=SHELL), plan)
    return builder.spec


class _Builder:
    """Adds blueprints to a specification, each material and its texture once."""

    def __init__(self) -> None:
        self.spec = mujoco.MjSpec()
        self._number = count()
        self._materials: dict[Material | ImageMaterial, str] = {}
        option = self.spec.option
        option.timestep = TIME_STEP
        option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
        option.enableflags |= mujoco.mjtEnableBit.mjENBL_SLEEP
        self.spec.default.geom.solref = [CONTACT_SECONDS, 1.0]
        self.spec.compiler.autolimits = True
        visual = self.spec.visual
        visual.global_.fovy = FIELD_OF_VIEW
        visual.map.znear, visual.map.zfar = 0.01, 12.0
        visual.headlight.ambient, visual.headlight.diffuse = [0.33] * 3, [0.1] * 3
        visual.headlight.specular = [0.05] * 3
        self.spec.stat.extent, self.spec.stat.center = 1.0, [0, 0, 1]

    def material(self, material: Material | ImageMaterial) -> str:
        if material not in self._materials:
            name = f"material{len(self._materials)}"
            image = texture(material)
            painted = self.spec.add_texture(
                name=name,
                type=mujoco.mjtTexture.mjTEXTURE_2D,
                width=image.shape[1],
                height=image.shape[0],
                nchannel=3,
            )
            painted.data = image.tobytes()
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
            # Lists, which MuJoCo reads three times as fast as arrays.
            uservert=mesh.vertices.ravel().tolist(),
            userface=mesh.faces.ravel().tolist(),
            usertexcoord=(mesh.uv / visual.material.repeat).ravel().tolist(),
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

    def show_all(self, body: "mujoco.MjsBody", blueprint: Blueprint) -> None:
        for material, meshes in _by_material(blueprint.visuals).items():
            self.show(body, Visual(merge(*meshes), material))

    def solidify(
        self,
        body: "mujoco.MjsBody",
        blueprint: Blueprint,
        friction: float = FRICTION,
        priority: int = _STRUCTURE,
    ) -> None:
        for collider in blueprint.colliders:
            body.add_geom(
                **self._shape(collider),
                friction=[friction, *TURNING_FRICTION],
                priority=priority,
                condim=_resisted(collider, priority, friction),
                group=_COLLIDING,
                mass=0,
            )

    def _shape(self, collider: Collider) -> dict[str, Any]:
        """Return the arguments of a collider's geom that say where and what it is."""
        if isinstance(collider, Hull):
            name = f"mesh{next(self._number)}"
            # Of a mesh without faces, MuJoCo computes the convex hull.
            self.spec.add_mesh(
                name=name,
                uservert=collider.points.ravel().tolist(),
                inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
                maxhullvert=HULL_CORNERS,
            )
            return {"type": mujoco.mjtGeom.mjGEOM_MESH, "meshname": name}
        return {
            "type": _COLLIDERS[collider.kind],
            "size": collider.size,
            "pos": collider.position,
            "quat": rotation_quaternion(*collider.rotation),
        }

    def add_movable(self, name: str, blueprint: Blueprint, position: Vector, furniture: bool) -> None:
        low, high = blueprint.bounds()
        squares = np.maximum(high - low, MINIMUM_EXTENT) ** 2
        body = self.spec.worldbody.add_body(name=name, pos=position, sleep=mujoco.mjtSleepPolicy.mjSLEEP_INIT)
        body.explicitinertial = True
        body.mass = blueprint.mass
        body.ipos = blueprint.center_of_mass()
        body.inertia = blueprint.mass / 12 * (squares[[1, 2, 0]] + squares[[2, 0, 1]])
        body.add_freejoint()
        self.show_all(body, blueprint)
        if furniture:
            self.solidify(body, blueprint, furniture_friction(blueprint.mass), _FURNITURE)
        else:
            feet = FEET_FRICTION if blueprint.mass >= GLIDE_MASS else FRICTION
            self.solidify(body, blueprint, feet, _PORTABLE)


def _add_walls(world: "mujoco.MjsBody", plan: RoomPlan) -> None:
    """Add the colliders of floor, walls and ceiling: half spaces."""
    width, depth, height = plan.size
    quarter = np.pi / 2
    # Position, and the turns about x and y that make +z the inward normal.
    sides = [
        ((0, 0, 0), (0, 0)),
        ((0, 0, height), (2 * quarter, 0)),
        ((-width / 2, 0, 0), (0, quarter)),
        ((width / 2, 0, 0), (0, -quarter)),
        ((0, -depth / 2, 0), (-quarter, 0)),
        ((0, depth / 2, 0), (quarter, 0)),
    ]
    for position, (pitch, roll) in sides:
        world.add_geom(
            type=mujoco.mjtGeom.mjGEOM_PLANE,
            size=[0, 0, 1],
            pos=position,
            quat=rotation_quaternion(pitch, roll),
            friction=[FRICTION, *TURNING_FRICTION],
            condim=6,
            group=_COLLIDING,
        )


def _show_shell(builder: _Builder, body: "mujoco.MjsBody", plan: RoomPlan) -> None:
    """Add floor, walls and ceiling as they are seen: quads."""
    width, depth, height = plan.size
    x, y = width / 2, depth / 2
    builder.show(body, Visual(_panel((-x, -y, 0), (width, 0, 0), (0, depth, 0)), plan.floor))
    builder.show(body, Visual(_panel((-x, y, height), (width, 0, 0), (0, -depth, 0)), plan.ceiling))
    up = (0, 0, height)
    walls = [
        _panel((-x, y, 0), (width, 0, 0), up),
        _panel((-x, -y, 0), (0, depth, 0), up),
        _panel((x, -y, 0), (-width, 0, 0), up),
        _panel((x, y, 0), (0, -depth, 0), up),
    ]
    builder.show(body, Visual(merge(*walls), plan.wall))


def _add_lights(world: "mujoco.MjsBody", plan: RoomPlan) -> None:
    """Add a lamp that casts shadows, its light reflected by the room, and daylight, tinted by room."""
    rng = np.random.default_rng(zlib.crc32(plan.name.encode()))
    # From a warm bulb to a cool tube.
    lamp = np.array([1.0, 0.97, 0.93]) + rng.uniform(-1, 1) * np.array([0.0, -0.03, -0.07])
    world.add_light(
        pos=plan.light,
        dir=[0, 0, -1],
        type=mujoco.mjtLightType.mjLIGHT_SPOT,
        castshadow=True,
        cutoff=85,
        exponent=1,
        diffuse=0.42 * rng.uniform(0.9, 1.1) * lamp,
        specular=[0.2] * 3,
        attenuation=[1, 0, 0],
    )
    world.add_light(
        pos=[0, 0, 0.35 * plan.size[2]],
        type=mujoco.mjtLightType.mjLIGHT_SPOT,  # To all sides: the renderer ignores mjLIGHT_POINT.
        castshadow=False,
        cutoff=180,
        exponent=0,
        diffuse=0.37 * lamp,
        specular=[0] * 3,
        attenuation=[1, 0, 0.08],
    )
    windows = [placement for placement in plan.fixtures if placement.type == "Window"]
    yaw = windows[0].yaw if windows else 0.0
    world.add_light(
        dir=[0.6 * sine(yaw) + 0.25, -0.6 * cosine(yaw) + 0.15, -0.5],
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        castshadow=False,
        diffuse=[0.11, 0.12, 0.14],
        specular=[0] * 3,
    )


def _panel(corner: Vector, along: Vector, up: Vector) -> Mesh:
    """Return a flat rectangle of small squares, seen from where `along` runs right and `up` runs up.

    OpenGL computes light at vertices only: large rectangles would be evenly lit.
    """
    sides = np.array([along, up], float)
    lengths = length(sides)
    columns, rows = np.maximum(np.round(lengths / PANEL), 1).astype(int)
    across, above = np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(0, 1, rows + 1))
    fractions = np.column_stack([across.ravel(), above.ravel()])
    first = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    right, over = first + 1, first + columns + 1
    faces = np.concatenate(
        [np.column_stack([first, right, over + 1]), np.column_stack([first, over + 1, over])]
    )
    return Mesh(np.asarray(corner) + product(fractions, sides), faces.astype(np.int32), fractions * lengths)


def _by_material(visuals: Iterable[Visual]) -> dict[Material | ImageMaterial, list[Mesh]]:
    grouped: dict[Material | ImageMaterial, list[Mesh]] = {}
    for visual in visuals:
        grouped.setdefault(visual.material, []).append(visual.mesh)
    return grouped


def _resisted(collider: Collider, priority: int, friction: float) -> int:
    """Return MuJoCo's dimension of a contact: each costs time, so only rotating objects have all."""
    nothing, sliding, turning, rolling = 1, 3, 4, 6
    if priority == _FURNITURE:
        return sliding if friction > 0 else nothing
    return turning if collider.kind == "box" else rolling


def furniture_friction(mass: float) -> float:
    """Return the sliding friction of furniture of a mass in kilograms on the floor.

    Heavy furniture stands on glides, very heavy furniture on castors.

    Examples:
        >>> [furniture_friction(mass) for mass in (3.0, 11.0, 85.0)]
        [0.5, 0.022, 0.0]
    """
    if mass >= CASTOR_MASS:
        return CASTOR_FRICTION
    return GLIDE_FRICTION if mass >= GLIDE_MASS else FRICTION


def yaw_quaternion(yaw: float) -> tuple[float, float, float, float]:
    """Return the unit quaternion (w, x, y, z) of a turn about the vertical, radians."""
    return (cosine(yaw / 2), 0.0, 0.0, sine(yaw / 2))


def rotation_quaternion(pitch: float = 0, roll: float = 0, yaw: float = 0) -> list[float]:
    """Return the unit quaternion (w, x, y, z) of turns about x, then y, then z, radians."""
    (a, b), (c, d), (e, f) = ((cosine(turn / 2), sine(turn / 2)) for turn in (pitch, roll, yaw))
    return [
        a * c * e + b * d * f,
        b * c * e - a * d * f,
        a * d * e + b * c * f,
        a * c * f - b * d * e,
    ]
