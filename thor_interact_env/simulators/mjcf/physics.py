"""A compiled scene on disk, and the motion that a touch causes.

As in the embedded simulator, everything rests between touches, so the positions alone are the state. A scene
keeps its own time step, friction, damping and joints; forces and the criterion of rest are the embedded
simulator's.
"""

from typing import Any, Final

import mujoco
import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.base import FIRST_FRAME_SECONDS
from thor_interact_env.simulators.mjcf.scenes import Scene, read_model
from thor_interact_env.simulators.mujoco.exact import length, product
from thor_interact_env.simulators.mujoco.physics import (
    FORCE_DURATION,
    GLIDE_SPEED,
    GLIDE_SPIN,
    MAXIMUM_SPEED,
    REST_SPEED,
    REST_SPIN,
    CompiledRoom,
    Movable,
    clamp_speed,
    round_positions,
    shifts_and_turns,
)
from thor_interact_env.simulators.mujoco.shapes import cross

SETTLED, DAMPING = "settled_qpos", "dof_damping"
"""Names of optional `numeric` arrays of a scene: all positions at rest, (nq,), and all dampings, (nv,)."""

SEEN_GROUPS: Final = (0, 1, 2)
"""Visible groups of geoms: those of MuJoCo's viewers."""

MASSES: Final = (1e-4, 1e4)
"""Minimum and maximum mass of a movable in kilograms."""

SETTLE_SECONDS: Final = 5.0
"""Maximum simulated seconds in which a scene comes to rest."""

_SAME: Final = 1e-6  # maximum difference, metres or radians, of poses of a file that was not edited

_HINGE_REST, _HINGE_GLIDE = 0.1, 0.25
"""Radians per second below which a door counts as resting, at first and after a while."""

_LEVER = 0.1
"""Metres from a hinge at which its motion is measured, and at least its speed limited."""

_GAVE_UP: Final = tuple(
    int(kind)
    for kind in (
        mujoco.mjtWarning.mjWARN_BADQPOS,
        mujoco.mjtWarning.mjWARN_BADQVEL,
        mujoco.mjtWarning.mjWARN_BADQACC,
    )
)
"""Warnings of MuJoCo about numbers that are infinite or too large."""

_READY, _NO_TIME = -1, 1e-12
"""MuJoCo's value for a body that falls asleep after the step if it is slow; a time step without motion."""

_FALL: Final = 5.0  # metres below the scene at which an object has fallen out of it

Vector = npt.NDArray[np.float64]
_FREE, _BALL, _SLIDE, _HINGE = (
    int(kind)
    for kind in (
        mujoco.mjtJoint.mjJNT_FREE,
        mujoco.mjtJoint.mjJNT_BALL,
        mujoco.mjtJoint.mjJNT_SLIDE,
        mujoco.mjtJoint.mjJNT_HINGE,
    )
)
_THRESHOLDS: Final[dict[int, tuple[list[float], list[float]]]] = {
    _FREE: (
        [REST_SPEED] * 3 + [REST_SPIN] * 3,
        [GLIDE_SPEED, GLIDE_SPEED, REST_SPEED, REST_SPIN, REST_SPIN, GLIDE_SPIN],
    ),
    _BALL: ([REST_SPIN] * 3, [REST_SPIN] * 3),
    _SLIDE: ([REST_SPEED], [GLIDE_SPEED]),
    _HINGE: ([_HINGE_REST], [_HINGE_GLIDE]),
}
"""Speeds below which each kind of joint counts as resting, and as gliding."""


class CompiledScene(CompiledRoom):
    """One scene's MuJoCo model and data.

    A movable is a free body with its descendants, or the topmost moving part of a fixed body, such as a door,
    a drawer or a lid, with its descendants.

    Args:
        scene: Which scene.

    Raises:
        SceneError: The scene cannot be used.
    """

    def __init__(self, scene: Scene) -> None:
        """Compile the scene."""
        self.scene = scene
        self.model = read_model(scene)
        self.model.opt.sleep_tolerance = REST_SPEED
        time_step = self.model.opt.timestep
        if not time_step <= FIRST_FRAME_SECONDS:
            raise scene.error(
                f"has a time step of {time_step:g} s; at most {FIRST_FRAME_SECONDS:g} s are allowed"
            )
        damping = self._numeric(DAMPING, self.model.nv)
        if damping is not None:
            self.model.dof_damping[:] = damping
        settled = self._numeric(SETTLED, self.model.nq)
        if settled is not None and not np.allclose(settled, self.model.qpos0, rtol=0, atol=_SAME):
            settled = None
        self.settled = settled
        """Positions at rest, (nq,), of an exported room whose poses were not edited; otherwise None."""
        self.data = mujoco.MjData(self.model)
        mujoco.mj_forward(self.model, self.data)
        owners = _owners(self.model)
        moving = sorted(set(owners.tolist()) - {-1})
        self.movables = [self._describe(body) for body in moving]
        self._check_masses()
        index_of_owner = {body: index for index, body in enumerate(moving)}
        self._index_of_body = {
            body: index_of_owner[int(owner)] for body, owner in enumerate(owners) if owner >= 0
        }
        self._body_of_geom = self.model.geom_bodyid
        self._rigid = {body: self._rigid_body(body) for body in moving if self.is_free(body)}
        self._seen_groups = np.array([group in SEEN_GROUPS for group in range(mujoco.mjNGROUP)], np.uint8)
        kinds = self.model.jnt_type.tolist()
        self._resting, self._gliding = (
            np.array([speed for kind in kinds for speed in _THRESHOLDS[kind][part]]) for part in (0, 1)
        )
        self._joints = {
            kind: self.model.jnt_qposadr[self.model.jnt_type == kind]
            for kind in (_FREE, _BALL, _SLIDE, _HINGE)
        }

    def settle(self) -> None:
        """Set everything to the positions on disk, and simulate until all come to rest.

        Raises:
            SceneError: An object falls out of the scene, or the simulation is unstable.
        """
        if self.settled is not None:
            self.rest(self.settled)
        else:
            self.let_rest(self.model.qpos0)

    def let_rest(self, positions: Vector) -> None:
        """Simulate from positions, (nq,), until all come to rest.

        Raises:
            SceneError: An object falls out of the scene, or the simulation is unstable.
        """
        self.wake(positions)
        self._until_rest(SETTLE_SECONDS)
        settled = self.positions()
        if self._unstable():
            raise self.scene.error("cannot be simulated: it is unstable; correct its joints or time step")
        self.rest(settled)
        lowest = float(self.model.stat.center[2] - self.model.stat.extent) - _FALL
        for movable in self.movables:
            if self.data.xpos[movable.body][2] < lowest:
                raise self.scene.error(f"has no floor under {movable.id!r}, which falls; add one")

    def wake(self, positions: Vector) -> None:
        """Set everything to positions, (nq,), without velocity and awake."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = positions
        mujoco.mj_forward(self.model, self.data)

    def rest(self, positions: Vector) -> None:
        """Set everything to `positions`, asleep and at rest; they are rounded to multiples of `SPACING`."""
        model, data = self.model, self.data
        mujoco.mj_resetData(model, data)
        round_positions(positions, data.qpos)
        rounded = self.positions()
        # MuJoCo's sleep policy "init" works at `qpos0` only, to which hinges and slides are relative. So all
        # bodies are marked as ready to sleep, and fall asleep in a step without duration.
        data.tree_asleep[:] = _READY
        time_step = model.opt.timestep
        model.opt.timestep = _NO_TIME
        try:
            mujoco.mj_step(model, data)
        finally:
            model.opt.timestep = time_step
        data.qpos[:], data.qvel[:], data.time = rounded, 0, 0

    def drive(self, index: int, force: Vector, point: Vector) -> None:
        """Simulate `FORCE_DURATION` of a force, or less if the body becomes too fast; see `push`."""
        movable = self.movables[index]
        if movable.body in self._rigid:
            self._drive_free(movable, force, point)
        else:
            self._drive_part(movable, force, point)
        self.data.qfrc_applied[:] = 0

    def _drive_free(self, movable: Movable, force: Vector, point: Vector) -> None:
        """Push a free body and its descendants as one rigid body."""
        model, data, body = self.model, self.data, movable.body
        center, inverse_inertia = self._rigid[body]
        position, axes = data.xpos[body], data.xmat[body].reshape(3, 3)
        lever = product(axes.T, point - position) - center
        velocity = data.qvel[movable.velocity_address : movable.velocity_address + 6]
        # One step must not move a pencil through the room before its speed is clamped.
        time_step = model.opt.timestep
        gain = length(force) / movable.mass * time_step
        thrust = force * min(1.0, MAXIMUM_SPEED[0] / max(gain, 1e-9))
        for _ in range(max(1, round(FORCE_DURATION / time_step))):
            torque = cross(lever, product(axes.T, force))
            spin = length(product(inverse_inertia, torque)) * time_step
            torque = product(axes, torque) * min(1.0, MAXIMUM_SPEED[1] / max(spin, 1e-9))
            middle = position + product(axes, center)
            data.qfrc_applied[:] = 0
            mujoco.mj_applyFT(model, data, thrust, torque, middle, body, data.qfrc_applied)
            self.step()
            if clamp_speed(velocity):
                break

    def _drive_part(self, movable: Movable, force: Vector, point: Vector) -> None:
        """Push a part that turns or slides on a fixed body."""
        model, data, body = self.model, self.data, movable.body
        at, count = movable.velocity_address, int(model.body_dofnum[body])
        own = slice(at, at + count)
        fastest = self._fastest(body, point)
        arm = product(data.xmat[body].reshape(3, 3).T, point - data.xpos[body])
        for _ in range(max(1, round(FORCE_DURATION / model.opt.timestep))):
            where = data.xpos[body] + product(data.xmat[body].reshape(3, 3), arm)
            data.qfrc_applied[:] = 0
            mujoco.mj_applyFT(model, data, force, np.zeros(3), where, body, data.qfrc_applied)
            gain = np.abs(data.qfrc_applied[own]) / model.dof_M0[own] * model.opt.timestep
            data.qfrc_applied[own] *= np.minimum(1.0, fastest / np.maximum(gain, 1e-9))
            self.step()
            if (np.abs(data.qvel[own]) > fastest).any():
                data.qvel[own] = np.clip(data.qvel[own], -fastest, fastest)
                break

    def _fastest(self, body: int, point: Vector) -> Vector:
        """Return the speeds of a part's joints at which the touched point has the maximum speed."""
        model, data = self.model, self.data
        speeds: list[float] = []
        first = int(model.body_jntadr[body])
        for joint in range(first, first + int(model.body_jntnum[body])):
            if model.jnt_type[joint] == _SLIDE:
                speeds.append(MAXIMUM_SPEED[0])
                continue
            away = point - data.xanchor[joint]
            if model.jnt_type[joint] == _HINGE:
                away = cross(data.xaxis[joint], away)
            speed = min(MAXIMUM_SPEED[0] / max(length(away), _LEVER), MAXIMUM_SPEED[1])
            speeds += [speed] * (1 if model.jnt_type[joint] == _HINGE else 3)
        return np.array(speeds)

    def _unstable(self) -> bool:
        """Return whether MuJoCo has reset an unstable simulation since the last `wake` or `rest`."""
        return any(self.data.warning[kind].number for kind in _GAVE_UP)

    def _motion(self, before: Vector, after: Vector) -> float:
        if self._unstable():
            return 0.0  # so that the touch is undone
        free = self._joints[_FREE][:, None] + np.arange(7)
        ball = self._joints[_BALL][:, None] + np.arange(4)
        turned = [
            np.column_stack([np.zeros((len(ball), 3)), positions[ball]]) for positions in (before, after)
        ]
        slide, hinge = (np.abs(after - before)[self._joints[kind]] for kind in (_SLIDE, _HINGE))
        parts = [
            shifts_and_turns(before[free], after[free]),
            shifts_and_turns(*turned),
            slide,
            _LEVER * hinge,
        ]
        return float(np.max(np.concatenate(parts), initial=0.0))

    def _describe(self, body: int) -> Movable:
        """Return the movable with this topmost body."""
        model, objects = self.model, self.scene.objects
        joint = int(model.body_jntadr[body])
        own, root = (
            model.body(index).name or f"body{index}" for index in (body, int(model.body_rootid[body]))
        )
        # A part has the type of its object, and an identifier of its own.
        known: Any = objects.get(own) or objects.get(root, {})
        kind, name = str(known.get("category") or own), str(known.get("object_id") or own)
        if known and own not in objects:
            name = f"{name}/{own}"
        return Movable(
            kind,
            name,
            float(model.body_subtreemass[body]),
            body,
            int(model.jnt_qposadr[joint]),
            int(model.jnt_dofadr[joint]),
        )

    def _check_masses(self) -> None:
        if not self.movables:
            raise self.scene.error("has no movable body; add free joints, hinges or slides")
        for movable in self.movables:
            if not MASSES[0] <= movable.mass <= MASSES[1]:
                raise self.scene.error(
                    f"gives {movable.id!r} a mass of {movable.mass:g} kg, and masses are {MASSES[0]:g} to "
                    f"{MASSES[1]:g} kg; correct the masses or the scale"
                )

    def is_free(self, body: int) -> bool:
        """Return whether a moving body is a free one, and not a part of a fixed body."""
        return bool(self.model.jnt_type[self.model.body_jntadr[body]] == _FREE)

    def _rigid_body(self, body: int) -> tuple[Vector, Vector]:
        """Return the centre of mass of a free body and its descendants, and the inverse inertia there.

        Returns:
            (3,) metres and (3, 3), both in the body's frame.
        """
        model, data = self.model, self.data
        axes = data.xmat[body].reshape(3, 3)
        center = data.subtree_com[body]
        inertia = np.zeros((3, 3))
        for part in range(body, model.nbody):
            if model.body_rootid[part] == model.body_rootid[body]:
                turn = axes.T @ data.ximat[part].reshape(3, 3)
                away = axes.T @ (data.xipos[part] - center)
                inertia += (turn * model.body_inertia[part]) @ turn.T
                inertia += model.body_mass[part] * ((away @ away) * np.eye(3) - np.outer(away, away))
        return axes.T @ (center - data.xpos[body]), np.asarray(np.linalg.inv(inertia), np.float64)

    def _numeric(self, name: str, size: int) -> Vector | None:
        """Return an array that the scene has under a name, None if there is none of this size."""
        index = mujoco.mj_name2id(self.model, int(mujoco.mjtObj.mjOBJ_NUMERIC), name)
        if index < 0 or self.model.numeric_size[index] != size:
            return None
        start = int(self.model.numeric_adr[index])
        return np.array(self.model.numeric_data[start : start + size])


def _owners(model: "mujoco.MjModel") -> npt.NDArray[np.int64]:
    """Return for each body the topmost body of its movable, -1 for fixed bodies."""
    owners = np.full(model.nbody, -1)
    for body in range(1, model.nbody):  # parents come first
        above = owners[model.body_parentid[body]]
        owners[body] = above if above >= 0 else (body if model.body_dofnum[body] else -1)
    return owners
