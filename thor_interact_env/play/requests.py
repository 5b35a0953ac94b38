"""Requests of the page: which there are, and what their fields may be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from thor_interact_env.actions import ACTION_FIELDS
from thor_interact_env.checks import is_integer
from thor_interact_env.play.sessions import Sessions

MAX_SEED: Final = 2**31 - 1
"""Maximum seed that the page takes."""


class BadRequestError(ValueError):
    """The content of a request is wrong; the message names the value and what is allowed."""


class Field(Protocol):
    """What a field of a request may be."""

    def check(self, name: str, value: object) -> Any:
        """Return the value.

        Raises:
            BadRequestError: It is not allowed.
        """


@dataclass(frozen=True)
class Integer:
    """An integer in 0..maximum."""

    maximum: int

    def check(self, name: str, value: object) -> int:
        """Return the value; see `Field`."""
        if not is_integer(value) or not 0 <= value <= self.maximum:
            raise BadRequestError(f"{name} is {_shown(value)}; it must be an integer in 0..{self.maximum}")
        return int(value)


@dataclass(frozen=True)
class Text:
    """A text of a pattern, or null where that is allowed."""

    pattern: str
    meaning: str
    optional: bool = False

    def check(self, name: str, value: object) -> str | None:
        """Return the value; see `Field`."""
        if value is None and self.optional:
            return None
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value, re.ASCII):
            raise BadRequestError(f"{name} is {_shown(value)}; it must be {self.meaning}")
        return value


@dataclass(frozen=True)
class Request:
    """A request of the page.

    Attributes:
        answer: Answers it, given the fields by name.
        fields: What its fields may be, by name; all must be given.
    """

    answer: Callable[..., dict[str, Any]]
    fields: Mapping[str, Field]

    def checked(self, content: bytes) -> dict[str, Any]:
        """Return the fields in the content of a request.

        Args:
            content: UTF-8 text of a JSON object.

        Raises:
            BadRequestError: It is something else, lacks a field, has another, or a value is not allowed.
        """
        try:
            values = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise BadRequestError(f"the request is not JSON text: {error}") from None
        if not isinstance(values, dict):
            raise BadRequestError(f"the request is {_shown(values)}; it must be a JSON object")
        for name in self.fields:
            if name not in values:
                raise BadRequestError(f"the request has no field {name!r}; it needs {_listed(self.fields)}")
        for name in values:
            if name not in self.fields:
                raise BadRequestError(
                    f"there is no field {_shown(name)}; the fields are {_listed(self.fields)}"
                )
        return {name: field.check(name, values[name]) for name, field in self.fields.items()}


SESSION: Final = Text("[0-9a-f]{32}", "the identifier that `open` has returned")
_ROOM = Text("[A-Za-z0-9_.-]{1,100}", "the name of a room, such as FloorPlan1, or null", optional=True)


def requests_of(sessions: Sessions) -> Mapping[str, Request]:
    """Return all requests by name."""
    session: Mapping[str, Field] = {"session": SESSION}
    touch: Mapping[str, Field] = {name: Integer(count - 1) for name, count in ACTION_FIELDS}
    return {
        "open": Request(sessions.open, {}),
        "start": Request(sessions.start, {**session, "seed": Integer(MAX_SEED), "room": _ROOM}),
        "touch": Request(sessions.touch, {**session, **touch}),
        "undo": Request(sessions.undo, session),
        "save": Request(sessions.save, session),
        "look": Request(sessions.look, session),
        "agent_touch": Request(sessions.agent_touch, session),
        "leave": Request(sessions.leave, session),
    }


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _listed(fields: Mapping[str, Field]) -> str:
    return ", ".join(fields) or "none"
