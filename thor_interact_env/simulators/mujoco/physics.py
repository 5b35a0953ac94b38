"""A compiled room, and the motion that a touch causes.

Between touches everything is asleep with zero velocity, so the positions alone are the state:
`CompiledRoom.rest` resets MuJoCo's data to them, and a touch is a pure function of positions and force.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.base import FIRST_FRAME_SECONDS, FRAME_SECONDS
from thor_interact_env.simulators.mujoco.exact import length, product
from thor_interact_env.simulators.mujoco.rooms.model import CAMERA as CAMERA
from thor_interact_env.simulators.mujoco.rooms.model import CASTOR_MASS, TIME_STEP, specify, yaw_quaternion
from thor_interact_env.simulators.mujoco.rooms.plan import RoomPlan
from thor_interact_env.simulators.mujoco.shapes import cross

FORCE_DURATION = 0.03
"""Seconds a force acts; see the calibration in docs/physics.md."""

DAMPING = 0.3
"""Fraction of its momentum that a free body loses to the air per second; castors only turn more slowly."""

MAXIMUM_SPEED = (4.0, 30.0)
"""Maximum metres and radians per second of a touched body, so that nothing tunnels or becomes unstable."""

REST_SPEED, REST_SPIN = 0.03, 0.5
"""Metres and radians per second below which a body counts as resting."""

GLIDE_SECONDS, GLIDE_SPEED, GLIDE_SPIN = 1.5, 0.25, 2.5
"""Seconds after which a body that glides or turns upright below these metres and radians per second also
counts as resting: heavy furniture moves slowly for a long time."""

SPACING = 2.0**-32
"""Metres, and units of quaternions, of which positions are whole multiples after every step.

MuJoCo turns bodies by the C library's sine and cosine, whose last bits depend on the processor and on the
library. Rounded to this grid they agree, so that equal touches lead to equal states on all machines.
"""

VISIBLE_MOTION = 1e-3
"""Metres (or radians, times 0.1 m): a touch with a smaller motion is undone completely."""

SETTLE_SECONDS, TOUCH_SECONDS, CHECK_SECONDS = 2.0, 3.0, FRAME_SECONDS

# Speeds along x, y, z and about x, y, z.
_RESTING = np.array([REST_SPEED] * 3 + [REST_SPIN] * 3)
_GLIDING = np.array([GLIDE_SPEED, GLIDE_SPEED, REST_SPEED, REST_SPIN, REST_SPIN, GLIDE_SPIN])

PARKING_HEIGHT = -20.0
"""Position of bodies without a place in this spawn: far below the floor, asleep."""


@dataclass(frozen=True)
class Movable:
    """A free body: its type, mass in kilograms, and its addresses in MuJoCo."""

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
        names = [placement.type for placement in plan.furniture] + [name for name, _ in plan.portables]
        self.model = specify(plan).compile()
        self.model.opt.sleep_tolerance = REST_SPEED
        self.data = mujoco.MjData(self.model)
        identifiers = plan.identifiers()
        self.movables = [self._movable(index, name, identifiers[index]) for index, name in enumerate(names)]
        self._damp()
        self._body_of_geom = self.model.geom_bodyid
        self._index_of_body = {movable.body: index for index, movable in enumerate(self.movables)}
        self._seen_groups = np.array([1, 0, 0, 0, 0, 0], np.uint8)
        self._resting, self._gliding = (
            np.tile(minimum, len(self.movables)) for minimum in (_RESTING, _GLIDING)
        )

    def _movable(self, index: int, name: str, identifier: str) -> Movable:
        body = self.model.body(f"movable{index}").id
        joint = self.model.body_jntadr[body]
        return Movable(
            name,
            identifier,
            float(self.model.body_mass[body]),
            int(body),
            int(self.model.jnt_qposadr[joint]),
            int(self.model.jnt_dofadr[joint]),
        )

    def _damp(self) -> None:
        for index, movable in enumerate(self.movables):
            at = movable.velocity_address
            rolls = index < len(self.plan.furniture) and movable.mass >= CASTOR_MASS
            self.model.dof_damping[at : at + 3] = 0.0 if rolls else DAMPING * movable.mass
            self.model.dof_damping[at + 3 : at + 6] = DAMPING * self.model.body_inertia[movable.body]

    def spawn(self, portables: Sequence[tuple[float, float, float, float] | None]) -> None:
        """Place furniture as planned and portables as given, and simulate until all come to rest.

        Args:
            portables: x, y, z and yaw (radians) of each portable, None to omit it.
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
            # The smallest possible push, which only wakes the body.
            self.data.qfrc_applied[movable.velocity_address] = 1e-9
        self.step()
        self.data.qfrc_applied[:] = 0
        self._until_rest(SETTLE_SECONDS)
        self.rest(self.positions())

    def positions(self) -> npt.NDArray[np.float64]:
        """Return a copy of all generalised positions, (nq,)."""
        return self.data.qpos.copy()

    def rest(self, positions: npt.NDArray[np.float64]) -> None:
        """Set everything to `positions`, asleep and at rest; they are rounded to multiples of `SPACING`."""
        round_positions(positions, self.model.qpos0)
        mujoco.mj_resetData(self.model, self.data)
        mujoco.mj_forward(self.model, self.data)

    def step(self, count: int = 1) -> None:
        """Simulate a number of steps, each from positions on the grid to positions on the grid."""
        positions = self.data.qpos
        for _ in range(count):
            mujoco.mj_step(self.model, self.data)
            round_positions(positions, positions)

    def _until_rest(self, seconds: float) -> list[npt.NDArray[np.float64]]:
        """Simulate until all rests; return all positions at the times of the frames of a motion."""
        time_step = self.model.opt.timestep
        steps, first = round(CHECK_SECONDS / time_step), round(FIRST_FRAME_SECONDS / time_step)
        data, positions, velocities = self.data, self.data.qpos, self.data.qvel
        quiet = 0
        motion = []
        for check in range(1, round(seconds / CHECK_SECONDS) + 1):
            self.step(first)
            motion.append(positions.copy())
            self.step(steps - first)
            minimum = self._gliding if check * CHECK_SECONDS > GLIDE_SECONDS else self._resting
            quiet = quiet + 1 if (np.abs(velocities) < minimum).all() else 0
            if data.ntree_awake == 0 or quiet >= 2:
                break
        return motion

    def first_hit(
        self, origin: npt.NDArray[np.float64], ray: npt.NDArray[np.float64]
    ) -> tuple[int | None, float]:
        """Return which movable (its index, None for structure) a ray meets first, and at what distance.

        Args:
            origin: (3,) metres.
            ray: (3,) unit vector.
        """
        geom = np.array([-1], np.int32)
        distance = mujoco.mj_ray(self.model, self.data, origin, ray, self._seen_groups, 1, -1, geom)
        if geom[0] < 0:
            return None, float("inf")
        return self.movable_of_geom(int(geom[0])), float(distance)

    def movable_of_geom(self, geom: int) -> int | None:
        """Return the index of the movable that a geom belongs to, None for structure."""
        return self._index_of_body.get(int(self._body_of_geom[geom])) if geom >= 0 else None

    def push(
        self, index: int, force: npt.NDArray[np.float64], point: npt.NDArray[np.float64]
    ) -> list[npt.NDArray[np.float64]]:
        """Push a movable and simulate until the room rests.

        Args:
            index: Index of the movable.
            force: (3,) newtons, acting for `FORCE_DURATION`.
            point: (3,) point of the force, metres; the point moves with the body.

        Returns:
            The motion: all positions, each (nq,), 0.01 s after the force and then every 0.05 s until the room
            rests. Empty if nothing moved visibly; then everything is restored.
        """
        before = self.positions()
        # The same positions always give the same motion. A room at rest need not be set to rest again.
        if self.data.time > 0:
            self.rest(before)
        self.drive(index, force, point)
        motion = self._until_rest(TOUCH_SECONDS)
        after = self.positions()
        moved = self._motion(before, after) > VISIBLE_MOTION
        self.rest(after if moved else before)
        return motion if moved else []

    def drive(self, index: int, force: npt.NDArray[np.float64], point: npt.NDArray[np.float64]) -> None:
        """Simulate `FORCE_DURATION` of a force, or less if the body becomes too fast; see `push`."""
        movable, model, data = self.movables[index], self.model, self.data
        middle, axes = data.xipos[movable.body], data.ximat[movable.body].reshape(3, 3)
        inertia = model.body_inertia[movable.body]
        lever = product(axes.T, point - middle)
        velocity = data.qvel[movable.velocity_address : movable.velocity_address + 6]
        # One step must not move a pencil through the room before its speed is clamped.
        gain = length(force) / movable.mass * TIME_STEP
        thrust = force * min(1.0, MAXIMUM_SPEED[0] / max(gain, 1e-9))
        for _ in range(round(FORCE_DURATION / TIME_STEP)):
            torque = cross(lever, product(axes.T, force))
            spin = length(torque / inertia) * TIME_STEP
            torque = product(axes, torque) * min(1.0, MAXIMUM_SPEED[1] / max(spin, 1e-9))
            data.qfrc_applied[:] = 0
            mujoco.mj_applyFT(model, data, thrust, torque, middle, movable.body, data.qfrc_applied)
            self.step()
            if clamp_speed(velocity):
                break
        data.qfrc_applied[:] = 0

    def _motion(self, before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> float:
        """Return the maximum motion between two positions, metres; see `shifts_and_turns`."""
        return float(np.max(shifts_and_turns(before.reshape(-1, 7), after.reshape(-1, 7)), initial=0.0))


def round_positions(positions: npt.NDArray[np.float64], target: npt.NDArray[np.float64]) -> None:
    """Write positions, rounded to multiples of `SPACING`, into `target`."""
    np.multiply(positions, 1 / SPACING, out=target)
    np.rint(target, out=target)
    np.multiply(target, SPACING, out=target)


def shifts_and_turns(
    before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the motion of free bodies between poses, both (n, 7): (n,) metres.

    A turn counts as its radians times 0.1 m.
    """
    shift = length(after[:, :3] - before[:, :3])
    # Opposite quaternions are the same attitude; small turns are twice the distance between quaternions.
    turn = 2 * np.minimum(length(after[:, 3:] - before[:, 3:]), length(after[:, 3:] + before[:, 3:]))
    return np.asarray(np.maximum(shift, 0.1 * turn))


def clamp_speed(velocity: npt.NDArray[np.float64]) -> bool:
    """Bring the velocity (6,) of a body down to `MAXIMUM_SPEED`, in place; return whether it was above."""
    clamped = False
    for part, maximum in zip((velocity[:3], velocity[3:]), MAXIMUM_SPEED, strict=True):
        speed = length(part)
        if speed > maximum:
            part *= maximum / speed
            clamped = True
    return clamped
