"""The data of an episode, the info of a touch, and the saved state of an episode.

Both mappings are flat and hold arrays only, so that any array format stores them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from selfsup.grid import GRID, IMAGE_SIZE
from selfsup.supervisor import Judgement, Supervisor
from thor_interact_env.errors import InvalidLocationError, InvalidStateError
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.base import MAX_FRAMES, Observation

NO_TOUCH: Final = Judgement(np.zeros((GRID, GRID), np.bool_), np.zeros((GRID, GRID), np.bool_), False)
"""The info before the first touch."""

NO_FRAMES: Final = np.zeros((0, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
"""The frames of a touch without motion."""


@dataclass
class Episode:
    """The data of an environment between two resets.

    Attributes:
        location: Its location.
        view: The current view.
        simulator_view: The object the simulator returned last, to recognise an unchanged world. It differs
            from `view` only after a state was restored.
        supervisor: Judges the touches.
        first_rgb: (300, 300, 3) uint8, the first view.
        steps: Number of touches so far.
    """

    location: Location
    view: Observation
    simulator_view: Observation
    supervisor: Supervisor
    first_rgb: npt.NDArray[np.uint8]
    steps: int


@dataclass(frozen=True)
class SavedState:
    """A checked state, as `unpack_state` returns it.

    Attributes:
        simulator: (n,) float64, the simulator's vector.
        view: The view at that moment.
        first_rgb: (300, 300, 3) uint8, the first view of the episode.
        steps: Number of touches so far.
        location: Location of the episode.
        np_random: The generator that draws locations.
    """

    simulator: npt.NDArray[np.float64]
    view: Observation
    first_rgb: npt.NDArray[np.uint8]
    steps: int
    location: Location
    np_random: np.random.Generator


_ENTRIES: Final[Mapping[str, tuple[type, tuple[int, ...] | None]]] = {
    "simulator": (np.float64, None),
    "rgb": (np.uint8, (IMAGE_SIZE, IMAGE_SIZE, 3)),
    "depth": (np.float32, (IMAGE_SIZE, IMAGE_SIZE)),
    "first_rgb": (np.uint8, (IMAGE_SIZE, IMAGE_SIZE, 3)),
    "steps": (np.int64, ()),
    "location": (np.uint8, None),
    "np_random": (np.uint8, None),
}


def pack_info(frames: npt.NDArray[np.uint8] | None, judgement: Judgement = NO_TOUCH) -> dict[str, Any]:
    """Return the info of a reset or a touch; keys, shapes and types are constant.

    Args:
        frames: (n, 300, 300, 3) uint8, views during the motion, with n in 0..`MAX_FRAMES`; None if it is not
            recorded.
        judgement: The result of the touch.

    Returns:
        The info described in the section Information of `ThorInteractEnv`; it shares no memory with the
        arguments.
    """
    info: dict[str, Any] = {
        "mask": judgement.mask.copy(),
        "changed": judgement.changed.copy(),
        "success": np.array(judgement.success, np.bool_),
    }
    if frames is not None:
        info["frames"] = np.zeros((MAX_FRAMES, *frames.shape[1:]), np.uint8)
        info["frames"][: len(frames)] = frames
        info["frame_count"] = np.int64(len(frames))
    return info


def pack_state(
    episode: Episode, simulator_state: npt.NDArray[np.float64], np_random: np.random.Generator
) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays described at `ThorInteractEnv.get_state`; they share no memory with the arguments."""
    return {
        "simulator": np.array(simulator_state, dtype=np.float64),
        "rgb": episode.view["rgb"].copy(),
        "depth": episode.view["depth"].copy(),
        "first_rgb": episode.first_rgb.copy(),
        "steps": np.array(episode.steps, dtype=np.int64),
        "location": _to_bytes(episode.location.to_json()),
        "np_random": _to_bytes(np_random.bit_generator.state),
    }


def unpack_state(state: Mapping[str, npt.NDArray[Any]]) -> SavedState:
    """Check what `pack_state` returned and read it; the result shares no memory with the argument.

    Raises:
        InvalidStateError: An entry is missing, or has a wrong type, shape or content.
    """
    if not isinstance(state, Mapping):
        raise InvalidStateError(f"the state is {state!r}, not a mapping that get_state() returned")
    arrays = {}
    for name, (dtype, shape) in _ENTRIES.items():
        if name not in state:
            raise InvalidStateError(f"the state has no {name!r}; it needs {', '.join(_ENTRIES)}")
        array = np.array(state[name])
        expected = shape if shape is not None else (array.size,)
        if array.dtype != dtype or array.shape != expected:
            raise InvalidStateError(
                f"{name!r} of the state is {array.dtype} of shape {array.shape}; "
                f"it must be {np.dtype(dtype)} of shape {expected}"
            )
        array.flags.writeable = False
        arrays[name] = array
    if arrays["steps"] < 0:
        raise InvalidStateError(f"'steps' of the state is {arrays['steps']}, less than 0")
    try:
        location = Location.from_json(_from_bytes(arrays["location"], "location"))
    except InvalidLocationError as error:
        raise InvalidStateError(f"'location' of the state: {error}") from error
    generator = np.random.Generator(np.random.PCG64())
    try:
        generator.bit_generator.state = _from_bytes(arrays["np_random"], "np_random")
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidStateError(
            f"'np_random' of the state is not that of a PCG64 generator: {error}"
        ) from error
    return SavedState(
        simulator=arrays["simulator"],
        view=Observation(rgb=arrays["rgb"], depth=arrays["depth"]),
        first_rgb=arrays["first_rgb"],
        steps=int(arrays["steps"]),
        location=location,
        np_random=generator,
    )


def _to_bytes(value: Any) -> npt.NDArray[np.uint8]:
    return np.frombuffer(json.dumps(value).encode(), dtype=np.uint8).copy()


def _from_bytes(array: npt.NDArray[np.uint8], name: str) -> Any:
    try:
        return json.loads(array.tobytes())
    except ValueError as error:  # also covers text that is not UTF-8
        raise InvalidStateError(f"{name!r} of the state is not JSON text: {error}") from error
