"""Any agent in a supervised process: its proposals are checked, and its time is limited.

The agent is code of a user. It may raise, return invalid values, hang, or end the interpreter; each of these
is a `Failure` of one view, and the next view is still shown to it. The limits of time:

* The time of `propose` is measured inside the process. More than the budget is a failure, even if the
  answer has arrived.
* After the budget and `TRANSFER_SECONDS` without an answer the process is killed, and the next view is shown
  to a new one.
* Making the agent, and the first view of each process, may take `start_budget` longer, because
  libraries and weights are loaded then.
* After `MAXIMUM_LOST` consecutive processes without an answer no further view is shown to the agent.
"""

from __future__ import annotations

import atexit
import contextlib
import math
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from agents.base import Agent, Instance
from agents.closing import Closing
from agents.source import AgentSource, AgentSourceError, checked_instances, described
from agents.training.schedule import RunError
from selfsup.grid import IMAGE_SIZE
from thor_interact_env.checks import is_number
from thor_interact_env.errors import MainGuardError
from thor_interact_env.simulators.base import Observation
from thor_interact_env.spawning import SpawnedProcess, SpawnedProcesses, check_main_guard

TRANSFER_SECONDS = 2.0
"""Seconds beyond a budget after which an agent that has not answered is stopped."""

MAXIMUM_LOST = 3
"""Maximum number of consecutive processes without an answer; then the agent gets no further view."""

FailureKind = Literal["raised", "malformed", "too slow", "ended", "not started", "given up"]


@dataclass(frozen=True)
class Failure:
    """A view at which an agent failed.

    Attributes:
        kind: It raised an error; returned something malformed; took longer than its budget; ended its
            process; could not be started again after its process had ended; or was stopped for good.
        message: The failure in one line.
    """

    kind: FailureKind
    message: str


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer of an agent to one view.

    Attributes:
        instances: Its proposals; none after a failure.
        seconds: Time inside `propose`; None where it did not return.
        failure: The failure, or None.
    """

    instances: list[Instance]
    seconds: float | None
    failure: Failure | None = None


class AgentProcess(Closing):
    """An agent in a child process. Use it in a `with` statement, or call `close`."""

    def __init__(self, source: AgentSource, time_budget: float = 60.0, start_budget: float = 120.0) -> None:
        """Start the process and make the agent.

        Args:
            source: The agent.
            time_budget: Seconds that `propose` may take for a view; see the module for its enforcement.
            start_budget: Maximum seconds to make the agent, and for its first view in addition to the budget.

        Raises:
            AgentSourceError: The agent cannot be made, or not in time.
            MainGuardError: The process cannot start, because the main program runs again in it.
            ValueError: A budget is not a positive finite number.
        """
        check_main_guard()
        for name, seconds in (("time_budget", time_budget), ("start_budget", start_budget)):
            if not is_number(seconds) or not 0 < seconds < math.inf:
                raise ValueError(f"{name} is {seconds!r}; it must be a positive finite number of seconds")
        self._source = source
        self.time_budget = float(time_budget)
        """Seconds that `propose` may take for each view from now on."""
        self.start_budget = float(start_budget)
        """Seconds that the next process, and its first view besides the budget, may take."""
        self._process: SpawnedProcess | None = None
        self._connection: Connection | None = None
        self._fresh = True
        self._lost = 0
        failure = self._start()
        if failure is not None:
            raise AgentSourceError(failure)

    def propose(self, observation: Observation) -> Answer:
        """Show the agent a view; in any case an answer is returned in bounded time.

        Args:
            observation: The view; the agent gets a copy.
        """
        if self._lost >= MAXIMUM_LOST:
            reason = f"not shown, because {self._lost} consecutive processes ended without an answer"
            return Answer([], None, Failure("given up", reason))
        answer = self._ask(observation)
        # After a failure that did not end the process, the next view may succeed.
        self._lost = self._lost + 1 if self._process is None else 0
        return answer

    def _ask(self, observation: Observation) -> Answer:
        if self._process is None:
            reason = self._start()
            if reason is not None:
                return Answer([], None, Failure("not started", reason))
        assert self._connection is not None
        budget = self.time_budget + (self.start_budget if self._fresh else 0.0)
        self._fresh = False
        try:
            self._connection.send(observation)
            answered = self._connection.poll(budget + TRANSFER_SECONDS)
            reply = self._connection.recv() if answered else None
        except (EOFError, OSError):
            return Answer([], None, Failure("ended", f"its process ended, {self._exit_code()}"))
        if reply is None:
            self._stop()
            return Answer([], None, Failure("too slow", f"stopped after {budget:g} s without an answer"))
        kind, content, seconds = reply
        if kind != "instances":
            return Answer([], seconds, Failure(kind, content))
        if seconds > budget:
            return Answer(
                [], seconds, Failure("too slow", f"took {seconds:.2f} s; the budget is {budget:g} s")
            )
        return Answer([_unpacked(*fields) for fields in content], seconds)

    def close(self) -> None:
        """End the process; a second call does nothing."""
        self._stop()

    def _start(self) -> str | None:
        """Start a process; return the error, or None."""
        context = SpawnedProcesses()
        self._connection, theirs = context.Pipe()
        # Not a daemon, because the agent may start processes; so it must be ended with the program.
        self._process = context.Process(target=_serve, args=(self._source, theirs))
        atexit.register(self._stop)
        self._process.start()
        theirs.close()
        self._fresh = True
        try:
            ready = self._connection.poll(self.start_budget)
            complaint = self._connection.recv() if ready else None
        except (EOFError, OSError):
            try:
                self._process.check_begun()
            except MainGuardError:
                self._stop()
                raise
            ended = f"agent {self._source.name} ended its process while it was made, {self._exit_code()}"
            return ended
        if not ready:
            complaint = f"agent {self._source.name} was not made within {self.start_budget:g} s."
        if complaint is not None:
            self._stop()
        return complaint

    def _exit_code(self) -> str:
        assert self._process is not None
        self._process.join(TRANSFER_SECONDS)
        code = self._process.exitcode
        self._stop()
        return f"exit code {code}"

    def _stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        atexit.unregister(self._stop)
        if self._process is not None:
            if self._process.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.join()
            self._process = None


Packed = tuple[tuple[int, int], int, float, npt.NDArray[np.uint8] | None]
"""Fields of an instance, with eight pixels of the mask in a byte."""


def _packed(one: Instance) -> Packed:
    return one.point, one.force, one.score, None if one.mask is None else np.packbits(one.mask)


def _unpacked(
    point: tuple[int, int], force: int, score: float, bits: npt.NDArray[np.uint8] | None
) -> Instance:
    if bits is None:
        return Instance(point, force, score, None)
    size = IMAGE_SIZE * IMAGE_SIZE
    mask = np.unpackbits(bits, count=size).reshape(IMAGE_SIZE, IMAGE_SIZE).astype(bool)
    return Instance(point, force, score, mask)


def _serve(source: AgentSource, connection: Connection) -> None:
    """Main function of the agent's process: make it, then answer views until the other end is closed."""
    os.setsid()  # processes that the agent starts end with it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        agent = source.make()
    except RunError as error:
        connection.send(str(error))
        return
    connection.send(None)
    while True:
        try:
            observation: Observation = connection.recv()
        except EOFError:
            return
        connection.send(_answer(agent, observation))


def _answer(agent: Agent, observation: Observation) -> tuple[str, Any, float]:
    start = time.perf_counter()
    try:
        found = agent.propose(observation)
    except (Exception, SystemExit) as error:
        return "raised", described(error), time.perf_counter() - start
    seconds = time.perf_counter() - start
    try:
        return "instances", [_packed(one) for one in checked_instances(found)], seconds
    except Exception as error:  # even reading it may run code of the agent
        return "malformed", described(error).removeprefix("MalformedInstanceError: "), seconds


def _end_with_parent() -> None:
    """End this process once its parent has ended, even while the agent runs."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.killpg(0, signal.SIGKILL)
