"""An animated image of touches: on the left what the agent sees, on the right the masks of what has moved."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from agents.training.schedule import RunError
from eval.figures.panels import Image, enlarged, sheet, supervision_panel, titled
from selfsup.grid import GRID, IMAGE_SIZE, STRIDE
from thor_interact_env.actions import FORCES
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.files import write_whole
from thor_interact_env.locations.location import Location

FORMATS = (".webp", ".gif")
"""Formats of an animated image, by the end of the file's name."""

SHOWN = {"point": 700, "motion": 60, "after": 300, "mask": 1100, "nothing": 500, "end": 2500}
"""Milliseconds that each kind of frame is shown."""

_POINT, _NOTHING = (255, 255, 255), (245, 120, 80)


class AnimationError(RunError):
    """Touches cannot be drawn, or not written; the message states the reason and the remedy."""


@dataclass(frozen=True, eq=False)
class Touch:
    """One touch of an episode.

    Attributes:
        before: (300, 300, 3) uint8, the view.
        after: The view when everything is at rest again.
        motion: (n, 300, 300, 3) uint8, views in motion.
        point: Pixel (row, column).
        force: Index of the force, 0..2.
        mask: (100, 100) bool, the moved object; empty if nothing moved.
        success: Whether the touch moved what it touched.
    """

    before: Image
    after: Image
    motion: npt.NDArray[np.uint8]
    point: tuple[int, int]
    force: int
    mask: npt.NDArray[np.bool_]
    success: bool


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of an animated image: (height, width, 3) uint8 RGB, shown for some milliseconds."""

    image: Image
    milliseconds: int


def touch_in_turn(
    env: ThorInteractEnv, location: Location, actions: Iterable[Sequence[int]], successes: int, misses: int
) -> list[Touch]:
    """Touch until enough touches were successful; points inside a mask that was found are left out.

    Args:
        env: An environment with `record_motion`, whose episodes are long enough.
        location: Where.
        actions: Row, column, force and direction of each touch, in turn.
        successes: Number of successful touches after which to stop.
        misses: Maximum number of other touches that are returned; all are carried out.

    Returns:
        The touches, in turn.

    Raises:
        AnimationError: None was successful.
    """
    observation, _ = env.reset(options={"location": location})
    touches: list[Touch] = []
    found = np.zeros((GRID, GRID), np.bool_)
    for action in actions:
        if found[action[0] // STRIDE, action[1] // STRIDE]:
            continue
        before = observation["rgb"]
        observation, _, _, _, info = env.step(np.asarray(action))
        success = bool(info["success"])
        row, column, force, _ = (int(value) for value in action)
        motion = info["frames"][: int(info["frame_count"])]
        touch = Touch(before, observation["rgb"], motion, (row, column), force, info["mask"], success)
        if success or sum(not each.success for each in touches) < misses:
            touches.append(touch)
        found |= info["mask"]
        if sum(each.success for each in touches) == successes:
            break
    if not any(touch.success for touch in touches):
        raise AnimationError(f"No touch in {location.scene} moved anything; choose another room or seed.")
    return touches


def frames_of(touches: Sequence[Touch], width: int = 880) -> list[Frame]:
    """Draw touches: for each the point, the motion, the view afterwards, and the mask.

    Args:
        touches: The touches of one episode, at least one.
        width: Width of the frames in pixels.

    Returns:
        The frames, all of one size.
    """
    first, masks = enlarged(touches[0].before, cv2.INTER_CUBIC), np.zeros((0, GRID, GRID), np.bool_)
    frames: list[Frame] = []
    for number, touch in enumerate(touches, start=1):
        title = f"Touch {number}: {FORCES[touch.force]:g} N"
        shown = [(_with_point(touch, _POINT), title, "point")]
        if touch.success:
            after = enlarged(touch.after, cv2.INTER_CUBIC)
            shown += [(enlarged(view, cv2.INTER_CUBIC), title, "motion") for view in touch.motion]
            shown += [(after, f"{title}, moved", "after"), (after, f"{title}, moved", "mask")]
        else:
            shown.append((_with_point(touch, _NOTHING), f"{title}, nothing moved", "nothing"))
        for view, text, kind in shown:
            if kind == "mask":
                masks = np.concatenate([masks, touch.mask[None]])
            image = sheet([titled(view, text), supervision_panel(first, masks)], 2)
            height = round(image.shape[0] * width / image.shape[1])
            small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
            frames.append(Frame(small, SHOWN[kind]))
    frames[-1] = Frame(frames[-1].image, SHOWN["end"])
    return frames


def _with_point(touch: Touch, colour: tuple[int, int, int]) -> Image:
    view = enlarged(touch.before, cv2.INTER_CUBIC)
    scale = len(view) / IMAGE_SIZE
    row, column = touch.point
    centre = (round((column + 0.5) * scale), round((row + 0.5) * scale))
    cv2.circle(view, centre, 16, (20, 20, 20), 9, cv2.LINE_AA)
    cv2.circle(view, centre, 16, colour, 5, cv2.LINE_AA)
    return view


def write_animation(path: Path, frames: Sequence[Frame], quality: int = 70) -> int:
    """Write an endless animated image: completely or not at all.

    Args:
        path: File to write, .webp or .gif.
        frames: Its frames, at least one.
        quality: Quality of a WebP, 0..100.

    Returns:
        The size in bytes.

    Raises:
        AnimationError: The name of the file has another end.
    """
    check_format(path)
    from PIL import Image as Pillow

    images = [Pillow.fromarray(frame.image) for frame in frames]
    if path.suffix == ".gif":
        images = [image.quantize(128) for image in images]
    stream = io.BytesIO()
    images[0].save(
        stream,
        format=path.suffix[1:],
        save_all=True,
        append_images=images[1:],
        duration=[frame.milliseconds for frame in frames],
        loop=0,
        **({"quality": quality, "method": 6} if path.suffix == ".webp" else {}),
    )
    write_whole(path, stream.getvalue())
    return len(stream.getvalue())


def check_format(path: Path) -> None:
    """Raise `AnimationError` unless the end of a file's name is that of an animated image."""
    if path.suffix not in FORMATS:
        raise AnimationError(f"{path} must end in {' or '.join(FORMATS)}.")
