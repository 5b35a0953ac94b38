"""What the player does for each action of AI2-THOR; `dispatching.py` says which arguments there may be.

An action that is well formed but cannot be done fails with a message alone, or with an exception's stack.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from dispatching import Outcome, arguments_of, failed, refusal, thrown
from world import FAR, NEAR, World

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import FIELD_OF_VIEW
from thor_interact_env.errors import ThorInteractError

_LONGEST_STEP: Final = 0.05


def _snake(name: str) -> str:
    return re.sub("(?<!^)(?=[A-Z])", "_", name).lower()


class Actions:
    """Everything that a client can ask for.

    Args:
        world: The room.
    """

    def __init__(self, world: World) -> None:
        """Start with the options of a player that was not initialised."""
        self.world = world
        self.render_depth = self.render_ids = False
        self.filter: frozenset[str] | None = None

    def do(self, request: Mapping[str, Any]) -> Outcome:
        """Check an action's name and arguments, and do it; by itself time goes on until then."""
        self.world.run_by_itself()
        if (refused := refusal(request)) is not None:
            return refused
        name = str(request["action"])
        # One of the arguments that every action takes is also one of this action's own.
        every = request if name == "Initialize" else arguments_of(request)
        given = {_snake(key): value for key, value in every.items()}
        if not self.world.scene and name not in ("Reset", "GetScenesInBuild", "ChangeResolution"):
            return failed(f"{name} needs a scene: Reset comes first")
        method: Callable[..., Outcome] = getattr(self, f"do_{_snake(name)}")
        return method(**given)

    def do_pass(self) -> Outcome:
        """Do nothing."""
        return Outcome()

    def do_reset(self, *, scene_name: str, **ignored: Any) -> Outcome:
        """Enter a room."""
        self.filter = None
        self.world.enter(scene_name.removesuffix("_physics"))
        return Outcome()

    def do_initialize(
        self,
        *,
        visibility_distance: float = 1.5,
        render_depth_image: bool = False,
        render_instance_segmentation: bool = False,
        field_of_view: float = FIELD_OF_VIEW,
        **ignored: Any,
    ) -> Outcome:
        """Set the camera's options."""
        if field_of_view not in (0, None, FIELD_OF_VIEW):
            return failed(f"this player renders {FIELD_OF_VIEW:g} degrees only, not {field_of_view}")
        self.world.visibility_distance = float(visibility_distance)
        self.render_depth, self.render_ids = bool(render_depth_image), bool(render_instance_segmentation)
        return Outcome(value={"cameraNearPlane": NEAR, "cameraFarPlane": FAR})

    def do_change_resolution(self, *, x: int, y: int) -> Outcome:
        """Refuse any other size than the embedded simulator's."""
        if (x, y) != (IMAGE_SIZE, IMAGE_SIZE):
            return failed(f"this player renders {IMAGE_SIZE} x {IMAGE_SIZE} only, not {x} x {y}")
        return Outcome()

    def do_change_quality(self, *, quality: str) -> Outcome:
        """Accept any: there is one."""
        return Outcome()

    def do_get_scenes_in_build(self) -> Outcome:
        """List the rooms."""
        return Outcome(value=[f"{room}_physics" for room in self.world.rooms], patch=True)

    def do_get_reachable_positions(
        self,
        *,
        directions_relative_agent: bool = False,
        grid_size: float | None = None,
        max_step_count: int = 10000,
    ) -> Outcome:
        """List where the agent can stand in this layout."""
        positions = self.world.reachable_positions(self.world.scene, self.world.seed)
        points = [dict(zip("xyz", point, strict=True)) for point in positions.tolist()]
        return Outcome(value=points[: max(0, max_step_count)], patch=True)

    def do_initial_random_spawn(
        self,
        *,
        random_seed: int = 0,
        force_visible: bool = False,
        num_placement_attempts: int = 5,
        place_stationary: bool = True,
        num_duplicates_of_type: Any = None,
        excluded_receptacles: Any = None,
        excluded_object_ids: Any = None,
        object_ids: Any = None,
        receptacle_object_ids: Any = None,
        allow_floor: bool = False,
        allow_moveable: bool = False,
    ) -> Outcome:
        """Put the small objects somewhere else, where they hang until they are made moveable."""
        self.world.spawn(int(random_seed))
        return Outcome()

    def do_make_all_objects_moveable(self) -> Outcome:
        """Let what a spawn has placed fall."""
        self.world.let_fall()
        return Outcome()

    def do_teleport_full(
        self,
        *,
        rotation: Any,
        horizon: float,
        standing: bool,
        x: float | None = None,
        y: float | None = None,
        z: float | None = None,
        position: Mapping[str, float] | None = None,
        force_action: bool = False,
    ) -> Outcome:
        """Put the agent somewhere."""
        place: Mapping[str, float | None] = position or {"x": x, "y": y, "z": z}
        if max(abs(rotation.get("x", 0)), abs(rotation.get("z", 0))) > 1e-3:
            return thrown("ArgumentOutOfRangeException", f"no pitch or roll is allowed, but {rotation}")
        try:
            self.world.teleport(np.array([place[axis] for axis in "xyz"]), rotation["y"], horizon)
        except ThorInteractError as error:
            return thrown("InvalidOperationException", f"{error}")
        return Outcome()

    def do_touch_then_apply_force(
        self,
        *,
        x: float = 0.0,
        y: float = 0.0,
        direction: Mapping[str, float] | None = None,
        move_magnitude: float = 0.0,
        hand_distance: float = 0.0,
        **ignored: Any,
    ) -> Outcome:
        """Push what is at a point of the image."""
        if not (0 <= x <= 1 and 0 <= y <= 1):
            return failed(f"x {x} and y {y} must be in 0..1")
        along = np.array([(direction or {}).get(axis, 0.0) for axis in "xyz"], np.float64)
        if not along.any():
            return failed("the direction is zero")
        success, message, value = self.world.touch_then_apply_force(
            x, y, along, float(move_magnitude), float(hand_distance)
        )
        return Outcome(success, message, value=value)

    def do_pause_physics_auto_sim(self) -> Outcome:
        """Let time pass only when asked to."""
        self.world.paused = True
        return Outcome()

    def do_unpause_physics_auto_sim(self) -> Outcome:
        """Let time run."""
        self.world.paused = False
        return Outcome()

    def do_advance_physics_step(
        self,
        *,
        time_step: float = 0.02,
        sim_seconds: float | None = None,
        allow_auto_simulation: bool = False,
    ) -> Outcome:
        """Let a little time pass."""
        if not self.world.paused and not allow_auto_simulation:
            return failed("AdvancePhysicsStep needs a pause, or allowAutoSimulation=true")
        if not 0 < time_step <= _LONGEST_STEP:
            return failed(f"timeStep {time_step} is not in (0, {_LONGEST_STEP}]")
        if sim_seconds is not None and sim_seconds < 0:
            return failed(f"simSeconds {sim_seconds} is negative")
        self.world.advance(time_step if sim_seconds is None else sim_seconds)
        return Outcome()

    def do_set_object_filter(self, *, object_ids: list[str]) -> Outcome:
        """Leave all other objects out of the metadata."""
        self.filter = frozenset(object_ids)
        return Outcome()

    def do_reset_object_filter(self) -> Outcome:
        """Tell about all objects again."""
        self.filter = None
        return Outcome()
