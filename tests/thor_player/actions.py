"""The actions of AI2-THOR that the player knows, with the checks and errors of ai2thor 5.0.0.

The methods `do_...` of `Actions` are the actions: their parameters say what is required, what is allowed and
what the defaults are. As in AI2-THOR, an unknown or missing argument is an error with a code, which the
client raises; an action that is well formed but cannot be done fails with a message alone. Actions of the
older kind, which end in `**ignored`, take any argument.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from world import FAR, NEAR, World

from thor_interact_env.actions import FIELD_OF_VIEW, IMAGE_SIZE
from thor_interact_env.errors import ThorInteractError

_ENVELOPE: Final = frozenset(
    {
        "action",
        "sequenceId",
        "agentId",
        "renderImage",
        "renderDepthImage",
        "renderInstanceSegmentation",
        "renderSemanticSegmentation",
        "renderNormalsImage",
        "renderFlowImage",
        "renderObjectImage",
        "renderClassImage",
    }
)
"""Arguments that every action takes."""

_LONGEST_STEP: Final = 0.05


@dataclass(frozen=True)
class Outcome:
    """What an action came to.

    Attributes:
        success: Whether it was done.
        message: Why not.
        code: "", or one of the codes that the client raises as an error.
        value: The action's return value.
        patch: Whether it is told by a patch of the metadata, without pictures.
    """

    success: bool = True
    message: str = ""
    code: str = ""
    value: Any = None
    patch: bool = False


def failed(message: str, code: str = "") -> Outcome:
    """Return the outcome of an action that could not be done."""
    return Outcome(False, message, code)


def _snake(name: str) -> str:
    return re.sub("(?<!^)(?=[A-Z])", "_", name).lower()


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


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
        """Check an action's name and arguments, and do it."""
        name = str(request.get("action"))
        method: Callable[..., Outcome] | None = getattr(self, f"do_{_snake(name)}", None)
        if method is None:
            return failed(f"Invalid action: {name}", "InvalidAction")
        given = {_snake(key): value for key, value in request.items() if key not in _ENVELOPE}
        given |= {_snake(key): request[key] for key in _ENVELOPE & request.keys() if name == "Initialize"}
        parameters = inspect.signature(method).parameters
        takes_any = any(item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters.values())
        unknown = [repr(_camel(key)) for key in given if key not in parameters]
        if unknown and not takes_any:
            expected = ", ".join(map(_camel, parameters)) or "none"
            return failed(
                f'\n\tAction: "{name}" called with invalid arguments: {", ".join(unknown)}'
                f"\n\tExpected arguments: {expected}",
                "InvalidArgument",
            )
        required = [
            key
            for key, item in parameters.items()
            if item.default is item.empty and item.kind is inspect.Parameter.KEYWORD_ONLY
        ]
        if missing := [_camel(key) for key in required if key not in given]:
            text = f"action: {name} is missing the following arguments: {','.join(missing)}"
            return failed(text, "MissingArguments")
        if not self.world.scene and name not in ("Reset", "GetScenesInBuild", "ChangeResolution"):
            return failed(f"{name} needs a scene: Reset comes first")
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
        place_stationary: bool = False,
        num_duplicates_of_type: Any = None,
        excluded_receptacles: Any = None,
        excluded_object_ids: Any = None,
        object_ids: Any = None,
        receptacle_object_ids: Any = None,
        allow_floor: bool = False,
        allow_moveable: bool = False,
    ) -> Outcome:
        """Put the small things somewhere else."""
        self.world.spawn(int(random_seed))
        return Outcome()

    def do_make_all_objects_moveable(self) -> Outcome:
        """Do nothing: they are."""
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
        place = position or {"x": x, "y": y, "z": z}
        if None in place.values():
            text = "action: TeleportFull is missing the following arguments: x,y,z"
            return failed(text, "MissingArguments")
        if max(abs(rotation.get("x", 0)), abs(rotation.get("z", 0))) > 1e-3:
            return failed(f"No agent pitch or roll is allowed, but the rotation is {rotation}")
        try:
            self.world.teleport(np.array([place[axis] for axis in "xyz"]), rotation["y"], horizon)
        except ThorInteractError as error:
            return failed(f"{error}")
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
        """Push what is at a point of the picture."""
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
        self.world.resume()
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
            return failed("AdvancePhysicsStep can only be called if Physics Autosimulation is paused")
        if not 0 < time_step <= _LONGEST_STEP:
            return failed(f"timeStep {time_step} is not in (0, {_LONGEST_STEP}]")
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
