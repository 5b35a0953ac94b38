"""Why a touch succeeded or not, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from thor_interact_env.actions import FORCES

OutcomeKind = Literal["success", "out of reach", "not movable", "too weak", "not visible", "too little"]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a touch.

    Attributes:
        kind: `success`; or what prevented it: the point is out of reach, nothing there can be moved, the
            force was too weak, the motion cannot be seen, or it is too little for the success test.
        sentence: One sentence for a person.
    """

    kind: OutcomeKind
    sentence: str


def outcome_of(
    success: bool,
    moved: bool,
    changed: bool,
    distance: float,
    reach: float,
    force: int,
    object_type: str | None,
) -> Outcome:
    """Return the outcome of a touch.

    Args:
        success: The result of the success test.
        moved: Whether the simulator moved anything.
        changed: Whether any grid cell of the image changed.
        distance: Metres from the camera to the touched point, before the touch.
        reach: Maximum distance of a touch in metres.
        force: Force index 0..2.
        object_type: Type of the movable object at the point, such as "SprayBottle"; None: there is none.

    Examples:
        >>> outcome_of(False, False, False, 2.314, 1.5, 0, None).sentence
        'Out of reach: this point is 2.31 m away, and a touch reaches 1.50 m.'
        >>> outcome_of(False, False, False, 1.0, 1.5, 0, "SprayBottle").sentence
        'The spray bottle did not move: 5 N is too weak.'
    """
    name = f"the {in_words(object_type)}" if object_type else "the object"
    capital = name[0].upper() + name[1:]
    if success:
        return Outcome("success", f"Success: {name} moved.")
    if moved and changed:
        few = "its mask covers too few cells around the touched point"
        return Outcome("too little", f"{capital} moved, but too little for the success test: {few}.")
    if moved:
        return Outcome("not visible", f"{capital} moved too little to be seen.")
    if distance > reach:
        away = f"this point is {distance:.2f} m away, and a touch reaches {reach:.2f} m"
        return Outcome("out of reach", f"Out of reach: {away}.")
    if object_type:
        return Outcome("too weak", f"{capital} did not move: {FORCES[force]:g} N is too weak.")
    return Outcome("not movable", "Nothing movable here: walls and fixed furniture stay where they are.")


def in_words(object_type: str) -> str:
    """Return the name of an object type in lower-case words.

    Examples:
        >>> in_words("SprayBottle"), in_words("CD"), in_words("TVStand")
        ('spray bottle', 'CD', 'TV stand')
    """
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z]+", object_type)
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)
