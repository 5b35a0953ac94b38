"""From a room plan to a MuJoCo model, and what happens in it when something is touched.

Between touches everything is asleep with zero velocity, so the positions alone are the state:
`CompiledRoom.rest` resets MuJoCo's data to them, and a touch is a pure function of positions and force.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

import mujoco
import numpy as np
import numpy.typing as npt

from thor_interact_env.actions import FIELD_OF_VIEW
from thor_interact_env.simulators.mujoco.materials import TEXTURE_SIZE, Material, texture
from thor_interact_env.simulators.mujoco.rooms import RoomPlan
from thor_interact_env.simulators.mujoco.shapes import Blueprint, Mesh, Visual, merge

CAMERA = "agent"
"""Name of the agent's camera."""

TIME_STEP = 0.005
"""Seconds of one physics step."""

FORCE_DURATION = 0.02
"""Seconds a force acts: one physics tick of AI2-THOR."""

FRICTION = (0.35, 0.005, 0.005)
"""Sliding (no unit), torsional and rolling (metres) friction of everything."""

DAMPING = 0.3
"""Share of its momentum that a free body loses to the air per second."""

GREATEST_SPEED = (4.0, 30.0)
"""Metres and radians per second to which a touched body is clamped: nothing tunnels or explodes."""

REST_SPEED = 0.01
"""Metres per second (radians per second, times 0.1 m) below which a body counts as resting."""

VISIBLE_MOTION = 1e-3
"""Metres (or radians, times 0.1 m): a touch that moves nothing farther is undone, so it leaves no trace."""

SETTLE_SECONDS, TOUCH_SECONDS, CHECK_SECONDS = 2.0, 3.0, 0.05

PARKING_HEIGHT = -20.0
"""Where bodies wait that found no place in this spawn, far below the floor, asleep."""

_VISIBLE, _FELT = 0, 3
_COLLIDERS = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
}


@dataclass(frozen=True)
class Movable:
    """A free body: its type, mass in kilograms, and where MuJoCo keeps it."""

    type: str
    id: str
    mass: float
    body: int
    position_address: int
    velocity_address: int


class CompiledRoom:
    """One room's MuJoCo model and data; `movables` are the furniture, then the portables of the plan."""

    def __init__(self, plan: RoomPlan) -> None:
        """Compile the plan."""
        self.plan = plan
        builder = _Builder()
        _add_shell(builder, plan)
        for placement in plan.fixtures:
            body = builder.spec.worldbody.add_body(pos=placement.position, quat=yaw_quaternion(placement.yaw))
            builder.add(body, placement.blueprint)
        names = [placement.type for placement in plan.furniture] + [name for name, _ in plan.portables]
        blueprints = [placement.blueprint for placement in plan.furniture] + [
            made for _, made in plan.portables
        ]
        for index, blueprint in enumerate(blueprints):
            builder.add_movable(f"movable{index}", blueprint)
        self.model = builder.spec.compile()
        self.data = mujoco.MjData(self.model)
        self.movables = [self._movable(index, name) for index, name in enumerate(names)]
        self._damp()
        self._body_of_geom = self.model.geom_bodyid
        self._index_of_body = {movable.body: index for index, movable in enumerate(self.movables)}

    def _movable(self, index: int, name: str) -> Movable:
        body = self.model.body(f"movable{index}").id
        joint = self.model.body_jntadr[body]
        return Movable(
            name,
            f"{name}|{index}",
            float(self.model.body_mass[body]),
            int(body),
            int(self.model.jnt_qposadr[joint]),
            int(self.model.jnt_dofadr[joint]),
        )

    def _damp(self) -> None:
        for movable in self.movables:
            at = movable.velocity_address
            self.model.dof_damping[at : at + 3] = DAMPING * movable.mass
            self.model.dof_damping[at + 3 : at + 6] = DAMPING * self.model.body_inertia[movable.body]

    def spawn(self, portables: Sequence[tuple[float, float, float, float] | None]) -> None:
        """Put furniture where it is planned and portables where they are told, and let all come to rest.

        Args:
            portables: x, y, z and yaw (radians) of each portable, None to leave it out.
        """
        positions = np.zeros(self.model.nq)
        planned: list[tuple[float, float, float, float] | None] = [
            (*placement.position, placement.yaw) for placement in self.plan.furniture
        ]
        awake = []
        for index, (movable, pose) in enumerate(zip(self.movables, [*planned, *portables], strict=True)):
            x, y, z, yaw = pose if pose is not None else (3.0 * index, 0.0, PARKING_HEIGHT, 0.0)
            at = movable.position_address
            positions[at : at + 7] = (x, y, z, *yaw_quaternion(yaw))
            if pose is not None:
                awake.append(movable)
        self.rest(positions)
        for movable in awake:
            # The smallest push there is: it only wakes the body.
            self.data.qfrc_applied[movable.velocity_address] = 1e-9
        mujoco.mj_step(self.model, self.data)
        self.data.qfrc_applied[:] = 0
        self._until_rest(SETTLE_SECONDS)
        self.rest(self.positions())

    def positions(self) -> npt.NDArray[np.float64]:
        """Return a copy of all generalised positions, (nq,)."""
        return self.data.qpos.copy()

    def rest(self, positions: npt.NDArray[np.float64]) -> None:
        """Put everything at `positions`, asleep and still."""
        self.model.qpos0[:] = positions
        mujoco.mj_resetData(self.model, self.data)
        mujoco.mj_forward(self.model, self.data)

    def _speeds(self) -> npt.NDArray[np.float64]:
        velocities = np.abs(self.data.qvel.reshape(-1, 6))
        return np.maximum(velocities[:, :3].max(axis=1), 0.1 * velocities[:, 3:].max(axis=1))

    def _until_rest(self, seconds: float) -> None:
        steps = round(CHECK_SECONDS / TIME_STEP)
        quiet = 0
        for _ in range(round(seconds / CHECK_SECONDS)):
            mujoco.mj_step(self.model, self.data, nstep=steps)
            quiet = quiet + 1 if self._speeds().max() < REST_SPEED else 0
            if self.data.ntree_awake == 0 or quiet >= 3:
                return

    def first_hit(
        self, origin: npt.NDArray[np.float64], ray: npt.NDArray[np.float64]
    ) -> tuple[int | None, float]:
        """Return which movable (its index, None for structure) a ray meets first, and at what distance.

        Args:
            origin: (3,) metres.
            ray: (3,) unit vector.
        """
        geom = np.array([-1], np.int32)
        groups = np.array([1, 0, 0, 0, 0, 0], np.uint8)
        distance = mujoco.mj_ray(self.model, self.data, origin, ray, groups, 1, -1, geom)
        if geom[0] < 0:
            return None, float("inf")
        return self.movable_of_geom(int(geom[0])), float(distance)

    def movable_of_geom(self, geom: int) -> int | None:
        """Return the index of the movable that a geom belongs to, None for structure."""
        return self._index_of_body.get(int(self._body_of_geom[geom])) if geom >= 0 else None

    def push(self, index: int, impulse: npt.NDArray[np.float64], point: npt.NDArray[np.float64]) -> bool:
        """Push a movable and simulate until the room rests.

        Args:
            index: Which movable.
            impulse: (3,) newton seconds.
            point: (3,) where it acts, metres.

        Returns:
            Whether anything moved visibly. If not, everything is back where it was.
        """
        before = self.positions()
        # From the same positions always the same motion, whatever happened earlier.
        self.rest(before)
        movable = self.movables[index]
        force = np.zeros(self.model.nv)
        mujoco.mj_applyFT(self.model, self.data, impulse / TIME_STEP, np.zeros(3), point, movable.body, force)
        self.data.qfrc_applied[:] = force
        mujoco.mj_step(self.model, self.data)
        self.data.qfrc_applied[:] = 0
        velocity = self.data.qvel[movable.velocity_address : movable.velocity_address + 6]
        for part, greatest in zip((velocity[:3], velocity[3:]), GREATEST_SPEED, strict=True):
            part *= min(1.0, greatest / max(float(np.linalg.norm(part)), 1e-9))
        self._until_rest(TOUCH_SECONDS)
        after = self.positions()
        moved = _greatest_motion(before, after) > VISIBLE_MOTION
        self.rest(after if moved else before)
        return moved


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

    def add(self, body: "mujoco.MjsBody", blueprint: Blueprint) -> None:
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
                friction=FRICTION,
                condim=6,
                group=_FELT,
                mass=0,
            )

    def add_movable(self, name: str, blueprint: Blueprint) -> None:
        low, high = blueprint.bounds()
        extent = np.maximum(high - low, 0.01)
        squares = extent**2
        body = self.spec.worldbody.add_body(name=name, sleep=mujoco.mjtSleepPolicy.mjSLEEP_INIT)
        body.explicitinertial = True
        body.mass = blueprint.mass
        # Lower than the middle: most things carry their weight below.
        body.ipos = (low + high) / 2 - [0, 0, 0.08 * extent[2]]
        body.inertia = blueprint.mass / 12 * (squares.sum() - squares)
        body.add_freejoint()
        self.add(body, blueprint)


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
            friction=FRICTION,
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


def _greatest_motion(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> float:
    first, last = before.reshape(-1, 7), after.reshape(-1, 7)
    shift = np.linalg.norm(last[:, :3] - first[:, :3], axis=1)
    turn = 2 * np.arccos(np.clip(np.abs((first[:, 3:] * last[:, 3:]).sum(axis=1)), 0, 1))
    return float(np.max(np.maximum(shift, 0.1 * turn), initial=0.0))


def yaw_quaternion(yaw: float) -> tuple[float, float, float, float]:
    """Return the unit quaternion (w, x, y, z) of a turn about the vertical, radians."""
    return (float(np.cos(yaw / 2)), 0.0, 0.0, float(np.sin(yaw / 2)))
