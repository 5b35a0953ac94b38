"""The sessions of the page, one for each tab, and the one thread in which all of them simulate and draw.

Every method may be called in any thread. The agent, if there is one, thinks in a second thread, so that
touches of a person do not wait for it.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from selfsup.superpixels import segmentation
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.play import messages
from thor_interact_env.play.companion import Acting, Companion
from thor_interact_env.play.played_room import MAX_TOUCHES, PlayedRoom
from thor_interact_env.simulators.base import Observation

Result = TypeVar("Result")

MAX_SESSIONS: Final = 8
"""Maximum number of sessions; one more closes the one that was idle for the longest time."""


class SessionEndedError(RuntimeError):
    """There is no such session, or no longer."""


class RoomChangedError(RuntimeError):
    """The room was changed while the agent was thinking, so its touch was not made."""


def make_environment(objects: str | None = None) -> ThorInteractEnv:
    """Return an environment as the page needs it, on the embedded simulator.

    Args:
        objects: Folder of objects that are added to the rooms, or "Elsewhere"; None adds none.
    """
    options = {"room_cache": 1, "objects": objects}
    return ThorInteractEnv(interactions=MAX_TOUCHES, record_motion=True, simulator_options=options)


@dataclass
class _Session:
    """A tab.

    Attributes:
        you: The person's room.
        room: Name of the room that the person has asked for, or None.
        agent: The agent's copy of it, once it was needed.
        acting: The agent in it.
    """

    you: PlayedRoom
    room: str | None = None
    agent: PlayedRoom | None = None
    acting: Acting | None = None

    def close(self) -> None:
        self.you.close()
        if self.agent is not None:
            self.agent.close()


class Sessions:
    """All sessions; close it at the end."""

    def __init__(
        self,
        companion: Companion | None = None,
        make_env: Callable[[], ThorInteractEnv] = make_environment,
        seed: int = 0,
        room: str | None = None,
    ) -> None:
        """Start no room yet.

        Args:
            companion: The agent that takes part, or None.
            make_env: Makes the environment of a room, which records the motion and allows `MAX_TOUCHES`.
            seed: Seed of the first location of a session.
            room: Name of its room; None: as the seed decides.
        """
        self._companion = companion
        self._make_env = make_env
        self._first = (seed, room)
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._closed = False
        self._simulating = ThreadPoolExecutor(1, "play-simulation")
        self._thinking = ThreadPoolExecutor(1, "play-agent")

    def prepare(self) -> None:
        """Load what the first touch would otherwise wait for: compiled code takes seconds to load."""
        self._simulate(segmentation)

    def open(self) -> dict[str, Any]:
        """Start a session, and return its identifier and everything the page shows."""

        def opened() -> dict[str, Any]:
            session = _Session(PlayedRoom(self._make_env()))
            try:
                self._start(session, *self._first)
            except BaseException:
                session.close()
                raise
            name = secrets.token_hex(16)
            self._sessions[name] = session
            while len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)[1].close()
            agent = None if self._companion is None else self._companion.name
            return {"session": name, "agent_name": agent, **self._everything(session)}

        return self._simulate(opened)

    def start(self, session: str, seed: int, room: str | None) -> dict[str, Any]:
        """Start an episode at another location.

        Args:
            session: Identifier of the session.
            seed: Seed of the location.
            room: Name of a room; None: as the seed decides.

        Raises:
            SessionEndedError: There is no such session.
            UnknownRoomError: There is no such room.
            UnreachableLocationError: No location was found in it.
        """

        def started() -> dict[str, Any]:
            found = self._found(session)
            self._start(found, seed, room)
            return self._everything(found)

        return self._simulate(started)

    def touch(self, session: str, row: int, column: int, force: int, direction: int) -> dict[str, Any]:
        """Touch a pixel of the person's room; see `PlayedRoom.touch`.

        Raises:
            SessionEndedError: There is no such session.
            PlayError: The episode is full.
        """

        def touched() -> dict[str, Any]:
            return _touched(self._found(session).you, (row, column, force, direction))

        return self._simulate(touched)

    def undo(self, session: str) -> dict[str, Any]:
        """Undo the person's last touch.

        Raises:
            SessionEndedError: There is no such session.
            PlayError: There is nothing to undo.
        """

        def undone() -> dict[str, Any]:
            you = self._found(session).you
            you.undo()
            return {"view": messages.view(you.view), "score": messages.score(you)}

        return self._simulate(undone)

    def save(self, session: str) -> dict[str, Any]:
        """Return the person's episode as a recording; see `thor_interact_env.recording`.

        Raises:
            SessionEndedError: There is no such session.
        """
        return self._simulate(lambda: self._found(session).you.recording().to_json())

    def look(self, session: str) -> dict[str, Any]:
        """Return the agent's opinion about the person's view.

        Raises:
            SessionEndedError: There is no such session.
            PlayError: There is no agent.
            CompanionError: The agent failed.
        """
        companion = messages.required(self._companion)
        version, view = self._simulate(lambda: self._seen_by(self._found(session).you))
        opinion = self._thinking.submit(companion.look, view).result()
        return {**messages.opinion(opinion), "version": version}

    def agent_touch(self, session: str) -> dict[str, Any]:
        """Let the agent touch once, in its own copy of the room.

        Raises:
            SessionEndedError: There is no such session.
            PlayError: There is no agent, or its episode is full.
            CompanionError: The agent failed.
            RoomChangedError: A new episode was started meanwhile.
            InvalidActionError: The agent's touch is not one.
        """
        companion = messages.required(self._companion)

        def prepared() -> tuple[PlayedRoom, Acting, int, Observation]:
            found = self._found(session)
            if found.agent is None:
                found.agent = PlayedRoom(self._make_env())
            if found.acting is None:
                found.agent.start(found.you.seed, location=found.you.location)
                found.acting = companion.acting(found.you.seed)
            return found.agent, found.acting, *self._seen_by(found.agent)

        room, acting, version, view = self._simulate(prepared)
        action = self._thinking.submit(acting.act, view).result()

        def touched() -> dict[str, Any]:
            found = self._found(session)
            if found.acting is not acting or room.version != version:
                raise RoomChangedError("the room has changed while the agent was thinking; try again")
            return _touched(room, action)

        return self._simulate(touched)

    def leave(self, session: str) -> dict[str, Any]:
        """End a session; one that has ended already is no error."""

        def left() -> dict[str, Any]:
            found = self._sessions.pop(session, None)
            if found is not None:
                found.close()
            return {}

        return self._simulate(left)

    def close(self) -> None:
        """End all sessions, and both threads; a second call does nothing."""

        def ended() -> None:
            while self._sessions:
                self._sessions.popitem()[1].close()

        self._thinking.shutdown(cancel_futures=True)
        if not self._closed:
            self._closed = True
            self._simulate(ended)  # after one that is still being opened
        self._simulating.shutdown()

    def _simulate(self, function: Callable[[], Result]) -> Result:
        """Call a function in the thread of the simulators, and return what it returns."""
        return self._simulating.submit(function).result()

    def _found(self, name: str) -> _Session:
        if name not in self._sessions:
            raise SessionEndedError(
                f"this session has ended, because {MAX_SESSIONS} others were opened or used since; reload "
                "the page to start a new one"
            )
        self._sessions.move_to_end(name)
        return self._sessions[name]

    def _start(self, session: _Session, seed: int, room: str | None) -> None:
        session.you.start(seed, room)
        session.room, session.acting = room, None

    def _everything(self, session: _Session) -> dict[str, Any]:
        """Return what the page shows at the start of an episode."""
        return {
            "seed": session.you.seed,
            "room": session.room,
            "location": session.you.location.to_json(),
            "view": messages.view(session.you.view),
            "score": messages.score(session.you),
        }

    @staticmethod
    def _seen_by(room: PlayedRoom) -> tuple[int, Observation]:
        """Return the version and a copy of the view, which an agent may change."""
        view = room.view
        return room.version, Observation(rgb=view["rgb"].copy(), depth=view["depth"].copy())


def _touched(room: PlayedRoom, action: Any) -> dict[str, Any]:
    touch, frames = room.touch(action)
    return {
        "touch": messages.touch(touch),
        "frames": messages.frames(frames),
        "view": messages.view(room.view) if len(frames) else None,
        "score": messages.score(room),
    }
