"""Where an agent comes from, and what it proposes, checked: an agent is code of a user."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from agents.artefacts import run_folder
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


def agent_named(name: str) -> Agent:
    """Return the agent that a user names.

    Args:
        name: A run folder, or that of one of its checkpoints; `pretrained:NAME`; the name of a registered
            agent that learns nothing; or a class, `package.module:Class`, that needs no argument.

    Raises:
        RunError: There is no such agent, or it cannot be made; the message has a remedy.
    """
    path = run_folder(name)
    if path.is_dir():
        return learner_of(path).from_run(path)
    if ":" in name:
        return AgentSource(name).make()
    if name not in registered_agents():
        usable = ", ".join(one.name for one in registered_agents().values() if not one.learns)
        raise AgentSourceError(
            f"{name!r} is neither a run folder nor a class, package.module:Class, nor one of the registered "
            f"agents that need no run: {usable}."
        )
    return registered_agent(name).make()


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
