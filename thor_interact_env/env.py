"""The registered environment `ThorInteract-v0`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.utils import EzPickle

from selfsup.feedback import ChangeTest, KernelName, SupervisionOptions, Supervisor
from thor_interact_env.actions import (
    ACTION_FIELDS,
    DIRECTIONS,
    FORCES,
    IMAGE_SIZE,
    REACH,
    STRIDE,
    check_action,
)
from thor_interact_env.checks import check_interactions, check_reach, check_reachable_share
from thor_interact_env.errors import InvalidOptionError, UnknownSplitError
from thor_interact_env.locations import (
    SPLITS,
    Location,
    LocationDataset,
    LocationSampler,
    split_rooms,
)
from thor_interact_env.simulators import check_simulator_name, make_simulator
from thor_interact_env.simulators.base import Instances, Observation, Simulator
from thor_interact_env.state import Episode, pack_state, unpack_state
from thor_interact_env.window import Window

MAX_DEPTH: Final = 20.0
"""Greatest depth in an observation, in metres: what is farther away, or nothing at all, reads 20 m."""


class ThorInteractEnv(gymnasium.Env[dict[str, Any], npt.NDArray[np.integer[Any]]], EzPickle):
    """A room that can be looked at and touched.

    ## Description
    An agent stands at one location of a furnished room and sees one egocentric image with depth. It picks a
    pixel, a force and a direction; the force acts on whatever is seen there, and the agent sees the room
    again once everything has come to rest. The room is not reset between touches, so changes accumulate. From
    the two images alone, the environment computes the mask of what has just moved. Nothing in an observation,
    an info or a reward comes from the simulator's knowledge of the objects. The task is that of Lohmann et
    al. (2020), section 4.

    ## Action Space
    `MultiDiscrete([300, 300, 3, 8])`:

    | Num | Action | Min | Max | Meaning (Unit) |
    |-----|--------|-----|-----|----------------|
    | 0 | row | 0 | 299 | pixel row, 0 is the top (pixel) |
    | 1 | column | 0 | 299 | pixel column, 0 is the left (pixel) |
    | 2 | force | 0 | 2 | 5, 30 or 200 (N) |
    | 3 | direction | 0 | 7 | index into `actions.DIRECTIONS`, not normalised (1) |

    The eight directions are x in {-1, 1}, y in {1, 2}, z in {-1, 1} in this order, z varying fastest: x is
    the agent's right, y up, z the way it faces. A touch of a wall, of fixed furniture or of something out of
    reach is valid, changes nothing and costs nothing. Anything that is not four integers in these ranges is
    an `InvalidActionError`.

    ## Observation Space
    A `Dict` of:

    | Key | Space | Min | Max | Meaning (Unit) |
    |-----|-------|-----|-----|----------------|
    | rgb | `Box(0, 255, (300, 300, 3), uint8)` | 0 | 255 | the view, vertical field of view 90 degrees (1) |
    | depth | `Box(0.0, 20.0, (300, 300), float32)` | 0.0 | 20.0 | distance from the camera, clipped (m) |

    The arrays are copies: the caller may change them.

    ## Rewards
    `float(info["success"])`: 1.0 where the touch visibly moved something at the touched pixel, else 0.0.
    Success is judged from the images: the sum of kernel * mask over the 5 x 5 grid cells around the touched
    one is at least 1.5.

    ## Starting State
    `reset(options={"location": location})` starts at a `Location`, or at the `thor_meta` mapping of a
    dataset; without the option, one is drawn by the seeded generator: from the rooms of a split (room, spawn
    seed, reachable position, rotation and horizon uniform, the pose drawn again while less than
    `reachable_share` of the view is in reach), or from the given locations. Everything is at rest. Any other
    option is an `InvalidOptionError`; an unknown room an `UnknownRoomError`; a position at which the agent
    cannot stand an `UnreachableLocationError`.

    ## Episode End
    ### Termination
    Never: there is no final state.

    ### Truncation
    After `interactions` touches. A further step before a reset is a `gymnasium.error.ResetNeeded`.

    ## Information
    `reset` returns:

    | Key | Type | Meaning (Unit) |
    |-----|------|----------------|
    | location | dict | scene, position {x, y, z} (m), rotation (degree), horizon (degree), seed |

    `step` returns:

    | Key | Type | Meaning (Unit) |
    |-----|------|----------------|
    | mask | (100, 100) bool | what has just moved: the superpixels that changed (grid cell) |
    | changed | (100, 100) bool | change between the two images, before superpixels (grid cell) |
    | success | bool | whether the touch moved what is at the touched pixel |

    A grid cell is 3 x 3 pixels. For evaluation, `env.unwrapped.ground_truth()` returns the movable objects in
    reach, and `get_state()` and `set_state(state)` save and restore everything, bit for bit where the
    simulator is deterministic. Pickling keeps the arguments only, so a simulator given as an object must be
    picklable itself.

    ## Arguments
    | Parameter | Type | Default | Description (Unit) |
    |-----------|------|---------|--------------------|
    | `simulator` | str or Simulator | `"mujoco"` | the world: a name, or an object |
    | `locations` | str, path or sequence | `"NovelSpaces/train"` | a split, a .json dataset, or `Location`s |
    | `interactions` | int | `10` | touches in an episode |
    | `reachable_share` | float | `0.2` | least share of a drawn view within 1.5 m; 0: the paper's rule (1) |
    | `change_test` | str | `"pooled_difference"` | `"pooled_squared_difference"` or `"optical_flow"` |
    | `kernel_name` | str | `"gaussian"` | or `"exponential"`, the authors' code |
    | `use_superpixels` | bool | `True` | whether `mask` is aligned to superpixels; without, it is `changed` |
    | `render_mode` | str or None | `None` | `"rgb_array"`, or `"human"`: a window (needs pygame) |
    | `reach` | float | `1.5` | greatest distance of a touch from the camera; only for a named simulator (m) |
    | `simulator_options` | mapping or None | `None` | further keyword arguments of a named simulator |

    ## Version History
    * v0: first version.

    ## References
    M. Lohmann, J. Salvador, A. Kembhavi, R. Mottaghi. Learning About Objects by Learning to Interact with
    Them. NeurIPS 2020.
    """

    metadata: dict[str, Any] = {"render_modes": ["human", "rgb_array"], "render_fps": 4}  # noqa: RUF012

    def __init__(
        self,
        simulator: str | Simulator = "mujoco",
        locations: str | os.PathLike[str] | Sequence[Location] = "NovelSpaces/train",
        interactions: int = 10,
        reachable_share: float = 0.2,
        change_test: ChangeTest = "pooled_difference",
        kernel_name: KernelName = "gaussian",
        use_superpixels: bool = True,
        render_mode: str | None = None,
        reach: float = REACH,
        simulator_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Check the arguments; the simulator is made by the first reset. See the class for the arguments."""
        EzPickle.__init__(
            self,
            simulator,
            locations,
            interactions,
            reachable_share,
            change_test,
            kernel_name,
            use_superpixels,
            render_mode,
            reach,
            simulator_options,
        )
        check_interactions(interactions)
        check_reachable_share(reachable_share)
        check_reach(reach)
        if isinstance(simulator, str):
            check_simulator_name(simulator)
        elif not isinstance(simulator, Simulator):
            raise InvalidOptionError(f"simulator {simulator!r} is neither a name nor a Simulator")
        elif reach != REACH or simulator_options:
            raise InvalidOptionError("reach and simulator_options are for a simulator given by name only")
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            allowed = ", ".join(self.metadata["render_modes"])
            raise InvalidOptionError(f"render_mode {render_mode!r} is not one of {allowed}")

        self.observation_space = spaces.Dict(
            {
                "rgb": spaces.Box(0, 255, (IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8),
                "depth": spaces.Box(0.0, MAX_DEPTH, (IMAGE_SIZE, IMAGE_SIZE), np.float32),
            }
        )
        self.action_space = spaces.MultiDiscrete([count for _, count in ACTION_FIELDS])
        self.render_mode = render_mode
        self._given_simulator = simulator
        self._simulator_options = {"reach": float(reach), **(simulator_options or {})}
        self._simulator: Simulator | None = None
        self._process = 0  # the process that made the simulator
        self._rooms, self._locations = _parse_locations(locations)
        self._reachable_share = float(reachable_share)
        self._interactions = int(interactions)
        self._supervision = SupervisionOptions(change_test, kernel_name, bool(use_superpixels))
        self._window = Window(self.metadata["render_fps"]) if render_mode == "human" else None
        self._episode: Episode | None = None

    @property
    def simulator(self) -> Simulator:
        """The simulator of this process, made when it is first needed."""
        if not isinstance(self._given_simulator, str):
            return self._given_simulator
        if self._simulator is None or self._process != os.getpid():
            # A renderer does not survive a fork: the child makes its own and leaves the parent's alone.
            self._simulator = make_simulator(self._given_simulator, **self._simulator_options)
            self._process = os.getpid()
        return self._simulator

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode.

        Args:
            seed: Seeds the generator that draws locations; None continues it.
            options: {"location": `Location` or `thor_meta` mapping}, or None to draw one.

        Returns:
            The observation and {"location": mapping}; see the class.

        Raises:
            InvalidOptionError: An option is unknown or of the wrong type.
            InvalidLocationError: A field of the location is missing or wrong.
            UnknownRoomError: The simulator has no such room.
            UnreachableLocationError: The agent cannot stand there.
        """
        location = _location_option(options)
        super().reset(seed=seed)
        self._episode = None  # an error below leaves an environment that asks for a reset
        simulator = self.simulator
        if location is None and self._locations is not None:
            location = self._locations[self.np_random.integers(len(self._locations))]
        if location is None:
            sampler = LocationSampler(simulator, self._rooms, self._reachable_share)
            location, view = sampler.sample_view(self.np_random)
        else:
            view = simulator.load(location)
        self._episode = Episode(location, view, view, Supervisor(view.rgb, self._supervision), view.rgb, 0)
        self._show()
        return _observation(view), {"location": location.to_json()}

    def step(
        self, action: npt.NDArray[np.integer[Any]]
    ) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Touch a pixel.

        Args:
            action: (4,) integers: row, column, force index, direction index; see the class.

        Returns:
            Observation, reward, terminated (False), truncated and info; see the class.

        Raises:
            ResetNeeded: There was no reset, or the episode is over.
            InvalidActionError: The action is not in the action space.
        """
        episode = self._running()
        if episode.steps >= self._interactions:
            raise ResetNeeded(f"the episode ended after {self._interactions} interactions: call reset()")
        row, column, force, direction = check_action(action)
        seen = self.simulator.touch(row, column, FORCES[force], DIRECTIONS[direction])
        before = episode.view
        # A touch that moved nothing returns the same object; its masks are zeros and cost nothing.
        after = before if seen is episode.simulator_view else seen
        judgement = episode.supervisor.judge(before.rgb, after.rgb, row // STRIDE, column // STRIDE)
        episode.view, episode.simulator_view = after, seen
        episode.steps += 1
        self._show()
        success = bool(judgement.success)
        info = {"mask": judgement.mask.copy(), "changed": judgement.changed.copy(), "success": success}
        return _observation(after), float(success), False, episode.steps >= self._interactions, info

    def render(self) -> npt.NDArray[np.uint8] | None:
        """Return the view, (300, 300, 3) uint8, in mode "rgb_array"; show it in mode "human".

        Raises:
            ResetNeeded: There was no reset.
        """
        if self.render_mode is None:
            gymnasium.logger.warn('render() does nothing without a render_mode, such as "rgb_array".')
            return None
        rgb = self._running().view.rgb
        if self._window is not None:
            self._window.show(rgb)
            return None
        return rgb.copy()

    def close(self) -> None:
        """Release the simulator, its renderer and the window; closing twice is harmless."""
        self._episode = None
        if not isinstance(self._given_simulator, str):
            self._given_simulator.close()
        elif self._simulator is not None:
            if self._process == os.getpid():
                self._simulator.close()
            self._simulator = None
        if self._window is not None:
            self._window.close()

    def ground_truth(self) -> Instances:
        """Return the movable objects in reach in the present view: for evaluation, never for learning.

        Raises:
            ResetNeeded: There was no reset.
        """
        self._running()
        return self.simulator.instances()

    def get_state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that determines what happens next, as arrays that any array format can store.

        Returns:
            simulator: float64 vector; rgb (300, 300, 3) uint8, depth (300, 300) float32 (m): the view;
            first_rgb (300, 300, 3) uint8: the episode's first view, whose superpixels align the masks; steps:
            int64 scalar; location and np_random: uint8, UTF-8 text of a JSON object.

        Raises:
            ResetNeeded: There was no reset.
        """
        return pack_state(self._running(), self.simulator.get_state(), self.np_random)

    def set_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Restore what `get_state` returned, here or in another process.

        On a deterministic simulator the same actions then give the same bytes.

        Args:
            state: What `get_state` returned.

        Raises:
            InvalidStateError: An entry is missing or does not fit.
            ValueError: The simulator's vector does not belong to the location's room.
        """
        saved = unpack_state(state)
        self._episode = None
        simulator = self.simulator
        simulator.load(saved.location)  # the vector is one of this room and spawn
        seen = simulator.set_state(saved.simulator)
        supervisor = Supervisor(saved.first_rgb, self._supervision)
        self._episode = Episode(saved.location, saved.view, seen, supervisor, saved.first_rgb, saved.steps)
        self.np_random = saved.np_random
        self._show()

    def _running(self) -> Episode:
        if self._episode is None:
            raise ResetNeeded("there is no episode yet: call reset() first")
        return self._episode

    def _show(self) -> None:
        if self._window is not None:
            self._window.show(self._running().view.rgb)


def _observation(view: Observation) -> dict[str, npt.NDArray[Any]]:
    return {"rgb": view.rgb.copy(), "depth": np.minimum(view.depth, np.float32(MAX_DEPTH))}


def _parse_locations(
    locations: str | os.PathLike[str] | Sequence[Location],
) -> tuple[tuple[str, ...], tuple[Location, ...] | None]:
    """Return the rooms to draw from, or the locations to choose from."""
    if isinstance(locations, str) and locations in SPLITS:
        return split_rooms(locations), None
    if isinstance(locations, str | os.PathLike):
        path = Path(locations)
        if path.suffix != ".json":
            raise UnknownSplitError(
                f"locations {str(locations)!r} is neither a split ({', '.join(SPLITS)}) nor a .json file"
            )
        chosen: tuple[Any, ...] = LocationDataset.read(path).locations
    else:
        chosen = tuple(locations)
    for item in chosen:
        if not isinstance(item, Location):
            raise InvalidOptionError(f"locations holds {item!r}, which is not a Location")
    if not chosen:
        raise InvalidOptionError(f"locations {locations!r} holds no location; at least one is needed")
    return (), chosen


def _location_option(options: dict[str, Any] | None) -> Location | None:
    unknown = set(options or ()) - {"location"}
    if unknown:
        names = ", ".join(sorted(map(repr, unknown)))
        raise InvalidOptionError(f"unknown reset option {names}; the only option is 'location'")
    if not options:
        return None
    location = options["location"]
    if isinstance(location, Location):
        return location
    if isinstance(location, Mapping):
        return Location.from_json(location)
    raise InvalidOptionError(f"location {location!r} is neither a Location nor a thor_meta mapping")
