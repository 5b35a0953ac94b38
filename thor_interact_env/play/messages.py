"""What the page receives, as values of JSON; images and arrays are base64 text."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from thor_interact_env.play.companion import Companion, Opinion
from thor_interact_env.play.played_room import ROUND, PlayedRoom, PlayError, Touch
from thor_interact_env.simulators.base import Observation


def required(companion: Companion | None) -> Companion:
    """Return the agent that takes part.

    Raises:
        PlayError: There is none.
    """
    if companion is None:
        raise PlayError("no agent takes part: start the page with --agent")
    return companion


def view(seen: Observation) -> dict[str, str]:
    """Return a view.

    Returns:
        rgb: a PNG; depth: (300, 300) uint16, little-endian, distance from the camera in millimetres.
    """
    millimetres = np.rint(seen["depth"] * np.float32(1000)).astype("<u2")
    return {"rgb": _encoded(seen["rgb"], ".png", []), "depth": _text(millimetres.tobytes())}


def frames(motion: npt.NDArray[np.uint8]) -> list[str]:
    """Return the views in motion, JPEG images: they are only looked at.

    Args:
        motion: (n, 300, 300, 3) uint8.
    """
    return [_encoded(frame, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, 90]) for frame in motion]


def touch(one: Touch) -> dict[str, Any]:
    """Return a touch and its result; the mask is (100, 100), packed into bits."""
    row, column, force, direction = one.action
    return {
        "row": row,
        "column": column,
        "force": force,
        "direction": direction,
        "kind": one.outcome.kind,
        "sentence": one.outcome.sentence,
        "mask": _bits(one.mask) if one.mask.any() else None,
    }


def score(room: PlayedRoom) -> dict[str, int]:
    """Return the score of a round: touches so far, those that count, and distinct objects moved."""
    return {"touches": min(len(room.touches), ROUND), "round": ROUND, "moved": len(room.moved_objects())}


def opinion(said: Opinion) -> dict[str, Any]:
    """Return what an agent says about a view; scores are (100, 100) uint8, 255 for 1."""
    scores = None if said.scores is None else np.rint(said.scores * 255).astype(np.uint8)
    return {
        "scores": None if scores is None else _text(scores.tobytes()),
        "proposals": [
            {
                "row": one.row,
                "column": one.column,
                "force": one.force,
                "score": round(one.score, 3),
                "mask": None if one.mask is None else _bits(one.mask),
            }
            for one in said.proposals
        ],
    }


def _encoded(rgb: npt.NDArray[np.uint8], kind: str, options: list[int]) -> str:
    done, data = cv2.imencode(kind, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    assert done, kind
    return _text(data.tobytes())


def _bits(mask: npt.NDArray[np.bool_]) -> str:
    """Return a mask, row by row, eight cells in a byte, the first in its highest bit."""
    return _text(np.packbits(mask).tobytes())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
