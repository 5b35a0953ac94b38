"""Where an agent comes from, and what it proposes, checked: an agent is code of a user."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from agents.base import Agent, Instance
from agents.registry import learner_of, registered_agent, registered_agents
from agents.training.schedule import RunError
from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import FORCES
from thor_interact_env.checks import is_integer, is_number


class AgentSourceError(RunError):
    """There is no such agent, or it cannot be made with these options."""


class MalformedInstanceError(ValueError):
    """The proposals of an agent are not a list of instances; the message names the field."""


@dataclass(frozen=True)
class AgentSource:
    """The source of an agent: its class, options and run.

    Attributes:
        name: `package.module:Class`; the module is imported with the current folder on the path.
        options: Keyword arguments of the class, or of its `from_run`.
        run: Run folder, given to the class method `from_run`; None calls the class itself.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    run: Path | None = None

    def make(self) -> Agent:
        """Import the class and make the agent.

        Raises:
            AgentSourceError: There is no such class, it has no `propose` (or no `from_run`), or making it
                fails.
        """
        module_name, colon, class_name = self.name.partition(":")
        if not (colon and module_name and class_name):
            raise AgentSourceError(
                f"agent {self.name!r} is not package.module:Class, such as agents.random_agent:RandomAgent."
            )
        try:
            made: Any = importlib.import_module(module_name)
            for part in class_name.split("."):
                made = getattr(made, part)
        except (Exception, SystemExit) as error:
            raise AgentSourceError(f"agent {self.name} cannot be imported ({described(error)}).") from error
        if not callable(getattr(made, "propose", None)):
            raise AgentSourceError(f"agent {self.name} has no method propose(observation).")
        if self.run is not None and not callable(getattr(made, "from_run", None)):
            raise AgentSourceError(
                f"agent {self.name} has no class method from_run; leave out --run {self.run}."
            )
        try:
            return made(**self.options) if self.run is None else made.from_run(self.run, **self.options)
        except RunError:
            raise  # its message has a remedy
        except (Exception, SystemExit) as error:
            raise AgentSourceError(f"agent {self.name} cannot be made ({described(error)}).") from error


def source_named(name: str) -> AgentSource:
    """Return the source of an agent that one text names, as the commands for any agent take it.

    Args:
        name: A registered agent that learns nothing, such as `superpixels`; a run folder; or
            `package.module:Class`.

    Raises:
        AgentSourceError: It is none of these.
        CheckpointError: The folder is not that of a run.
        ConfigurationError: The agent of the run is not registered here.
    """
    if name in registered_agents() and not registered_agent(name).learns:
        return AgentSource(registered_agent(name).agent)
    if Path(name).is_dir():
        return AgentSource(learner_of(Path(name)).agent, run=Path(name))
    if ":" in name:
        return AgentSource(name)
    made = ", ".join(one.name for one in registered_agents().values() if not one.learns)
    raise AgentSourceError(
        f"agent {name!r} is not an agent that learns nothing ({made}), a run folder, or "
        "package.module:Class, such as agents.random_agent:RandomAgent."
    )


def described(error: BaseException) -> str:
    """Return an error's type and message in one line of at most 300 characters."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")
    text = text.encode("utf-8", "backslashreplace").decode()  # half a surrogate pair cannot be printed
    return text if len(text) <= 300 else text[:299] + "…"


def checked_instances(found: object) -> list[Instance]:
    """Return the proposals of an agent with plain Python numbers, or raise an error that names the fault.

    Args:
        found: A list or tuple of `Instance`.

    Returns:
        New instances; the masks are those given.

    Raises:
        MalformedInstanceError: It is something else; a point is not a pixel (two integers in 0..299); a
            force is not an index 0..2; a score is not a finite number in 0..1; or a mask is neither None nor
            (300, 300) bool.

    Examples:
        >>> checked_instances([Instance((300, 2), 0, 0.5, None)])
        Traceback (most recent call last):
        ...
        agents.source.MalformedInstanceError: instance 0: point (300, 2) is not a pixel ...
    """
    if not isinstance(found, list | tuple):
        raise MalformedInstanceError(f"propose returned {type(found).__name__}, not a list of Instance")
    return [_checked(one, f"instance {number}") for number, one in enumerate(found)]


def _checked(one: object, name: str) -> Instance:
    if not isinstance(one, Instance):
        raise MalformedInstanceError(f"{name} is {type(one).__name__}, not agents.base.Instance")
    point: Any = one.point
    listed = list(point) if isinstance(point, list | tuple) or np.ndim(point) == 1 else []
    if len(listed) != 2 or not all(is_integer(value) and 0 <= value < IMAGE_SIZE for value in listed):
        raise MalformedInstanceError(
            f"{name}: point {point!r} is not a pixel (row, column), each an integer in 0..{IMAGE_SIZE - 1}"
        )
    if not is_integer(one.force) or not 0 <= one.force < len(FORCES):
        raise MalformedInstanceError(f"{name}: force {one.force!r} is not an index in 0..{len(FORCES) - 1}")
    if not is_number(one.score) or not math.isfinite(one.score) or not 0 <= one.score <= 1:
        raise MalformedInstanceError(f"{name}: score {one.score!r} is not a finite number in 0..1")
    mask: Any = one.mask
    if mask is not None:
        if not isinstance(mask, np.ndarray):
            raise MalformedInstanceError(f"{name}: mask is {type(mask).__name__}, not a NumPy array or None")
        if mask.shape != (IMAGE_SIZE, IMAGE_SIZE) or mask.dtype != np.bool_:
            raise MalformedInstanceError(
                f"{name}: mask is {mask.dtype} {mask.shape}, not bool {(IMAGE_SIZE, IMAGE_SIZE)}"
            )
    return Instance((int(listed[0]), int(listed[1])), int(one.force), float(one.score), mask)
