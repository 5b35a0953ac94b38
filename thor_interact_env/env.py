"""The registered environment `ThorInteract-v0`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.utils import EzPickle

from selfsup.change import ChangeTest
from selfsup.feedback import KernelName
from selfsup.grid import IMAGE_SIZE, STRIDE
from selfsup.supervisor import SupervisionOptions, Supervisor
from thor_interact_env.actions import ACTION_FIELDS, DIRECTIONS, FORCES, REACH, check_action
from thor_interact_env.checks import check_interactions, check_reachable_fraction, check_render_mode
from thor_interact_env.errors import InvalidOptionError
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.locations.starting import check_simulator, parse_locations, start_option
from thor_interact_env.simulators import is_deterministic, make_simulator
from thor_interact_env.simulators.base import Instances, Observation, Simulator
from thor_interact_env.simulators.sharing import check_user, use_simulator
from thor_interact_env.state import NO_FRAMES, Episode, SavedState, pack_info, pack_state, unpack_state
from thor_interact_env.window import Window

MAX_DEPTH: Final = 20.0
"""Maximum depth in an observation, in metres; larger and infinite distances are 20 m."""


class ThorInteractEnv(gymnasium.Env[Observation, npt.NDArray[np.integer[Any]]], EzPickle):
    """A room in which an agent touches objects.

    ## Description
    An agent stands at one location of a furnished room and receives one egocentric image with depth. It
    chooses a pixel, a force and a direction; the force acts on the object at this pixel, and the agent
    receives the next image when everything has come to rest. The room is not reset between touches, so
    changes accumulate. From the two images alone, the environment computes the mask of the moved object. No
    observation, info or reward contains the simulator's ground truth. The task is that of Lohmann et
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

    The arrays are copies: the caller may change them. An agent (`agents.base.Agent`) takes the observation
    unchanged.

    ## Rewards
    `float(info["success"])`: 1.0 if the touch visibly moved something at the touched pixel, else 0.0.
    Success is judged from the images: the sum of kernel * mask over the 5 x 5 grid cells around the touched
    one is at least 1.5.

    ## Starting State
    `reset(options={"location": location})` starts at a `Location`, or at the `thor_meta` mapping of a
    dataset; without the option, one is drawn by the seeded generator: from the rooms of a split (room, spawn
    seed, reachable position, rotation and horizon uniform, the pose drawn again while less than
    `reachable_fraction` of the view is within 1.5 m), or from the given locations. By default the rooms are
    those of "NovelSpaces/train", or "all" of "mjcf" and of an object without these. Everything is at rest.
    `env.unwrapped.location` is the `Location` of the episode; `envs.get_attr("location")` those of a vector
    environment. An unknown room is an `UnknownRoomError`, a position at which the agent cannot stand an
    `UnreachableLocationError`.

    `reset(options={"state": state})` continues from a result of `env.unwrapped.get_state()`; wrappers that
    count an episode's steps count from there. A seed replaces the state's generator. `gymnasium.make` adds no
    wrapper by itself: the environment rejects a step before a start, and `set_state` is also a start.

    An option that starts with the name of a package and an underscore, like Minari's `minari_autoseed`, is
    for a wrapper and is ignored, unless a word of it resembles an option or a field of a location. Every
    other option is an `InvalidOptionError`.

    ## Episode End
    ### Termination
    Never: there is no final state.

    ### Truncation
    After `interactions` touches. A further step before a reset is a `gymnasium.error.ResetNeeded`.

    ## Information
    `reset` and `step` return the same keys, always of the same shape and type:

    | Key | Type | Meaning (Unit) |
    |-----|------|----------------|
    | mask | (100, 100) bool | the moved object: the superpixels that changed (grid cell) |
    | changed | (100, 100) bool | change between the two images, before superpixels (grid cell) |
    | success | () bool | whether the touch moved the object at the touched pixel |

    and with `record_motion=True` also:

    | Key | Type | Meaning (Unit) |
    |-----|------|----------------|
    | frames | (26, 300, 300, 3) uint8 | views in motion: 0.01 s after the force, then every 0.05 s (1) |
    | frame_count | () int64 | number of valid `frames`, 0..26; the others are zeros (1) |

    After a reset, as after a touch that moved nothing, all are zeros. A grid cell is 3 x 3 pixels. `success`
    is an array without dimensions: vector environments convert it to booleans, and tensor libraries read it.

    For evaluation, `env.unwrapped.ground_truth()` returns the movable objects in reach, and `get_state()` and
    `set_state(state)` save and restore everything, bit for bit where the simulator is deterministic. Pickling
    keeps the arguments only, so a simulator given as an object must be picklable itself.

    `metadata["deterministic"]` is True if the same seed gives the same bytes: False with
    `simulator="ai2thor"`, whose physics is only nearly repeatable. `ThorInteract-AI2THOR-v0` is this
    environment on that simulator, registered with `nondeterministic=True`, which Gymnasium has for each name.

    ## Arguments
    | Parameter | Type | Default | Description (Unit) |
    |-----------|------|---------|--------------------|
    | `simulator` | str or Simulator | `"mujoco"` | "mujoco", "mjcf", "ai2thor", or an object of its own |
    | `locations` | str, path, sequence or None | `None` | a split, "all", a .json dataset, or locations |
    | `interactions` | int | `10` | touches in an episode |
    | `reachable_fraction` | float | `0.2` | minimum fraction within 1.5 m; 0: the paper's rule (1) |
    | `change_test` | str | `"pooled_difference"` | `"pooled_squared_difference"` or `"optical_flow"` |
    | `kernel_name` | str | `"gaussian"` | or `"exponential"`, the authors' code |
    | `use_superpixels` | bool | `True` | whether `mask` is aligned to superpixels; else it is `changed` |
    | `render_mode` | str or None | `None` | `"rgb_array"`, or `"human"`: a window (needs pygame) |
    | `reach` | float | `1.5` | maximum distance of a touch from the camera; only for a named simulator (m) |
    | `simulator_options` | mapping or None | `None` | further keyword arguments of a named simulator |
    | `record_motion` | bool | `False` | whether `info` holds the motion's views (7 MB); slower |

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
        locations: str | os.PathLike[str] | Sequence[Location | Mapping[str, Any]] | None = None,
        interactions: int = 10,
        reachable_fraction: float = 0.2,
        change_test: ChangeTest = "pooled_difference",
        kernel_name: KernelName = "gaussian",
        use_superpixels: bool = True,
        render_mode: str | None = None,
        reach: float = REACH,
        simulator_options: Mapping[str, Any] | None = None,
        record_motion: bool = False,
    ) -> None:
        """Check the arguments; the simulator is made by the first reset. See the class for the arguments."""
        EzPickle.__init__(
            self,
            simulator,
            locations,
            interactions,
            reachable_fraction,
            change_test,
            kernel_name,
            use_superpixels,
            render_mode,
            reach,
            simulator_options,
            record_motion,
        )
        check_interactions(interactions)
        check_reachable_fraction(reachable_fraction)
        check_simulator(simulator, reach, simulator_options)
        check_render_mode(render_mode, self.metadata["render_modes"])
        try:
            self._supervision = SupervisionOptions(change_test, kernel_name, bool(use_superpixels))
        except ValueError as error:
            raise InvalidOptionError(str(error)) from None

        self.observation_space: spaces.Space[Any] = spaces.Dict(
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
        self._rooms, self._locations = parse_locations(locations, simulator, simulator_options)
        self._reachable_fraction = float(reachable_fraction)
        self._interactions = int(interactions)
        self._no_frames = NO_FRAMES if record_motion else None
        self.metadata = {**type(self).metadata, "deterministic": is_deterministic(simulator)}
        self._window = Window(self.metadata["render_fps"]) if render_mode == "human" else None
        self._episode: Episode | None = None

    @property
    def simulator(self) -> Simulator:
        """The simulator of this process, made at its first use."""
        if not isinstance(self._given_simulator, str):
            return self._given_simulator
        if self._simulator is None or self._process != os.getpid():
            # A renderer does not survive a fork: the child makes its own and does not use the parent's.
            self._simulator = make_simulator(self._given_simulator, **self._simulator_options)
            self._process = os.getpid()
        return self._simulator

    @property
    def location(self) -> Location:
        """The location of the episode.

        Raises:
            ResetNeeded: There was no reset.
        """
        return self._running().location

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode.

        Args:
            seed: Seeds the generator that draws locations; None continues it.
            options: {"location": `Location` or `thor_meta` mapping}, {"state": result of `get_state`}, or
                None to draw a location.

        Returns:
            The observation and the info; see the class.

        Raises:
            InvalidOptionError: An option is unknown or of the wrong type.
            InvalidLocationError, InvalidStateError: A part of it is missing or wrong.
            UnknownRoomError: The simulator has no such room.
            UnreachableLocationError: The agent cannot stand there.
        """
        start = start_option(options)
        if isinstance(start, SavedState):
            self._restore(start)
        super().reset(seed=seed)  # a seed replaces the state's generator
        if not isinstance(start, SavedState):
            self._begin(start)
        self._show()
        return _observation(self._running().view), pack_info(self._no_frames)

    def _begin(self, location: Location | None) -> None:
        self._episode = None  # after an error below the environment needs a reset
        simulator = use_simulator(self.simulator, self)
        if location is None and self._locations is not None:
            location = self._locations[self.np_random.integers(len(self._locations))]
        if location is None:
            sampler = LocationSampler(simulator, self._rooms or simulator.rooms, self._reachable_fraction)
            location, view = sampler.sample_view(self.np_random)
        else:
            view = simulator.load(location)
        supervisor = Supervisor(view["rgb"], self._supervision)
        self._episode = Episode(location, view, view, supervisor, view["rgb"], 0)

    def step(
        self, action: npt.NDArray[np.integer[Any]]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Touch a pixel.

        Args:
            action: (4,) integers: row, column, force index, direction index; see the class.

        Returns:
            Observation, reward, terminated (False), truncated and info; see the class.

        Raises:
            ResetNeeded: There was no reset, the episode is over, or something else used the simulator since.
            InvalidActionError: The action is not in the action space.
        """
        episode = self._running()
        if episode.steps >= self._interactions:
            raise ResetNeeded(f"the episode ended after {self._interactions} interactions: call reset()")
        row, column, force, direction = check_action(action)
        touch = (row, column, FORCES[force], DIRECTIONS[direction])
        self._episode = None  # after an interrupted touch the environment needs a reset
        frames = self._no_frames
        if self._no_frames is not None:
            seen, frames = self.simulator.touch_with_frames(*touch)
        else:
            seen = self.simulator.touch(*touch)
        before = episode.view
        # A touch that moved nothing returns the same object; its masks are zeros and cost nothing.
        after = before if seen is episode.simulator_view else seen
        judgement = episode.supervisor.judge(before["rgb"], after["rgb"], row // STRIDE, column // STRIDE)
        episode.view, episode.simulator_view = after, seen
        episode.steps += 1
        self._episode = episode
        self._show()
        truncated = episode.steps >= self._interactions
        return _observation(after), float(judgement.success), False, truncated, pack_info(frames, judgement)

    def render(self) -> npt.NDArray[np.uint8] | None:
        """Return the view, (300, 300, 3) uint8, in mode "rgb_array"; show it in mode "human".

        Raises:
            ResetNeeded: There was no reset.
        """
        if self.render_mode is None:
            gymnasium.logger.warn('render() does nothing without a render_mode, such as "rgb_array".')
            return None
        rgb = self._running().view["rgb"]
        if self._window is not None:
            self._window.show(rgb)
            return None
        return rgb.copy()

    def close(self) -> None:
        """Release the simulator, its renderer and the window; a second call does nothing."""
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
        """Return the movable objects in reach in the current view, for evaluation only.

        Raises:
            ResetNeeded: There was no reset.
        """
        self._running()
        return self.simulator.instances()

    def get_state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the complete state of the episode as arrays that any array format can store.

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

        On a deterministic simulator the same actions then give the same bytes. Wrappers are not informed; if
        one counts an episode's steps, use `reset(options={"state": state})`.

        Args:
            state: A result of `get_state`.

        Raises:
            InvalidStateError: An entry is missing or does not fit.
            ValueError: The simulator's vector does not belong to the location's room.
        """
        self._restore(unpack_state(state))
        self._show()

    def _restore(self, saved: SavedState) -> None:
        self._episode = None
        simulator = use_simulator(self.simulator, self)
        simulator.load(saved.location)  # the vector is one of this room and spawn
        seen = simulator.set_state(saved.simulator)
        supervisor = Supervisor(saved.first_rgb, self._supervision)
        self._episode = Episode(saved.location, saved.view, seen, supervisor, saved.first_rgb, saved.steps)
        self.np_random = saved.np_random

    def _running(self) -> Episode:
        forked = self._simulator is not None and self._process != os.getpid()
        if self._episode is None or forked:
            raise ResetNeeded("this process has no episode, or a touch was interrupted: call reset() first")
        check_user(self.simulator, self)
        return self._episode

    def _show(self) -> None:
        if self._window is not None:
            self._window.show(self._running().view["rgb"])


def _observation(view: Observation) -> Observation:
    return Observation(rgb=view["rgb"].copy(), depth=np.minimum(view["depth"], np.float32(MAX_DEPTH)))
