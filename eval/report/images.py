"""The images of a report as data URIs: panels and views as WebP, touches as GIF."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from eval.figures.touches import Touch
from thor_interact_env.actions import FORCES

Image = npt.NDArray[np.uint8]

_MOVED, _NOTHING = (80, 230, 110), (245, 120, 80)


def webp_uri(image: Image, quality: int = 78) -> str:
    """Return an RGB image, (height, width, 3) uint8, as a data URI.

    Args:
        image: The image.
        quality: 0..100.
    """
    options = [cv2.IMWRITE_WEBP_QUALITY, quality]
    content = cv2.imencode(".webp", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)[1].tobytes()
    return _uri("image/webp", content)


def gif_uri(frames: Sequence[Image], milliseconds: int = 900) -> str:
    """Return RGB frames as a GIF in a data URI; it plays once.

    Args:
        frames: (height, width, 3) uint8 each, at least one.
        milliseconds: Duration of each frame.

    Raises:
        ValueError: There is no frame.
    """
    if not frames:
        raise ValueError("a GIF needs at least one frame, and got none")
    from PIL import Image as Pillow

    images = [Pillow.fromarray(frame).quantize(128) for frame in frames]
    stream = io.BytesIO()
    images[0].save(stream, format="GIF", save_all=True, append_images=images[1:], duration=milliseconds)
    return _uri("image/gif", stream.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def touch_frames(touch: Touch) -> list[Image]:
    """Return two frames of one touch, (328, 300, 3): the point and the force, and the result."""
    text = f"{FORCES[touch.force]:g} N"
    colour = _MOVED if touch.success else _NOTHING
    frames = []
    for view, words in (
        (with_point(touch), text),
        (
            touch.after if touch.success else with_point(touch),
            f"{text}: {'moved' if touch.success else 'nothing'}",
        ),
    ):
        frame = np.concatenate([view, np.full((28, view.shape[1], 3), 24, np.uint8)])
        origin = (8, view.shape[0] + 19)
        cv2.putText(frame, words, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
        frames.append(frame)
    return frames


def with_point(touch: Touch) -> Image:
    """Return the view before a touch, with a ring at the point: green if it moved something."""
    view, (row, column) = touch.before.copy(), touch.point
    cv2.circle(view, (column, row), 7, (20, 20, 20), 4, cv2.LINE_AA)
    cv2.circle(view, (column, row), 7, _MOVED if touch.success else _NOTHING, 2, cv2.LINE_AA)
    return view


def with_mask(touch: Touch) -> Image:
    """Return the view after a touch, with the outline of the mask that was made of it."""
    view, scale = touch.after.copy(), len(touch.after) // len(touch.mask)
    mask = touch.mask.repeat(scale, 0).repeat(scale, 1).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(view, contours, -1, (20, 20, 20), 3, cv2.LINE_AA)
    cv2.drawContours(view, contours, -1, _MOVED, 1, cv2.LINE_AA)
    return view
