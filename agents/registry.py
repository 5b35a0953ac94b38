"""The registry of agents: the training, loading and label of each, registered once beside its code.

The table, the report and the benchmark read this registry and contain no names of agents. An agent's package
has a module `registration`, which calls `register`; those in the folder `agents` are found by that name, and
`agents.registration` registers the baselines that do not learn. A user's package registers its agent by an
entry point of the group `thor_interact.agents`:

    [project.entry-points."thor_interact.agents"]
    mine = "my_package.registration"

No agent, and not torch, is imported before it is needed.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import agents
from agents.training.schedule import ConfigurationError, require

if TYPE_CHECKING:
    from agents.base import Agent

ENTRY_POINTS = "thor_interact.agents"
"""Group of entry points by which other packages register their agents."""


@dataclass(frozen=True)
class Row:
    """One row of the tables: an agent, trained with certain options.

    Attributes:
        letter: Its letter in the paper's table 1, or another that is free.
        name: Short description.
        options: Arguments of `from_preset` of the agent's configuration; the others have their defaults.
        forces: Whether forces or masses are learned too.
        agent: Name of the agent; `registered_rows` fills it in.
    """

    letter: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    forces: bool = False
    agent: str = ""


@dataclass(frozen=True)
class RegisteredAgent:
    """An agent that learns, or a baseline that does not.

    Attributes:
        name: The value of `system` in `config.json` of its runs.
        label: Its name in tables.
        agent: Its class, `package.module:Class`, with `from_run(run, device)` and `propose(observation)`.
        config: The class of its configurations, `package.module:Class`: frozen, with `from_preset(name,
            **options)`, and `counterpart()`, which says as a `TrainConfig` where and how it is evaluated.
            Empty for one that learns nothing, which has the configurations of `TrainConfig`.
        train: What trains it, `package.module:function`, called with a configuration, a run folder, whether
            to go on with it, and where `monitored` with a function that measures the agent meanwhile. Empty
            for one that learns nothing.
        monitored: Whether it can be measured while it learns.
        rows: Its rows of the tables.
        seeded: Whether the class of one that learns nothing takes a `seed`.
    """

    name: str
    label: str
    agent: str
    config: str = ""
    train: str = ""
    monitored: bool = True
    rows: tuple[Row, ...] = ()
    seeded: bool = False

    @property
    def learns(self) -> bool:
        """Whether it is made by training; if not, it needs no run."""
        return bool(self.train)

    def make(self, seed: int = 0) -> Agent:
        """Return an agent that learns nothing.

        Args:
            seed: Decides what it draws, if it draws anything.

        Raises:
            ConfigurationError: It learns, so a run has to make it.
        """
        require(not self.learns, f"{self.name!r} learns; make it from a run.")
        agent: Agent = load(self.agent)(**({"seed": seed} if self.seeded else {}))
        return agent

    def configure(self, preset: str, **options: Any) -> Any:
        """Return the configuration of a preset.

        Args:
            preset: Its size: smoke, quick, hour or paper.
            **options: Fields that differ from the defaults.

        Raises:
            ConfigurationError: There is no such preset, or a value is invalid.
        """
        return load(self.config or _USUAL_CONFIG).from_preset(preset, **options)

    def learn(self, config: Any, run: Path, resume: bool, evaluate: Any = None) -> Agent:
        """Train, or continue training. A baseline that does not learn only receives its run folder.

        Args:
            config: A configuration of this agent.
            run: The run folder.
            resume: Continue the existing run.
            evaluate: Evaluates the agent during training; only used if `monitored`.

        Returns:
            The trained agent.
        """
        if not self.learns:
            from agents.training.run_folder import prepare_untrained

            prepare_untrained(self.name, config, run, resume)
            return self.make(config.seed)
        measured = (evaluate,) if self.monitored else ()
        agent: Agent = load(self.train)(config, run, resume, *measured)
        return agent

    def config_of(self, run: Path) -> Any:
        """Return the configuration of a run.

        Args:
            run: Run folder, or the folder of one of its checkpoints.

        Raises:
            CheckpointError: It is missing or malformed.
        """
        from agents.training.run_folder import read_config

        return read_config(run, load(self.config or _USUAL_CONFIG))

    def from_run(self, run: Path, device: str = "auto") -> Agent:
        """Return the agent that a run has trained.

        Args:
            run: Run folder, or the folder of one of its checkpoints.
            device: Where to run: `auto`, `cpu`, `cuda`, ...
        """
        if not self.learns:
            from agents.training.run_folder import seed_of

            return self.make(seed_of(run))
        agent: Agent = load(self.agent).from_run(run, device)
        return agent


_USUAL_CONFIG = "agents.training.configuration:TrainConfig"

_REGISTERED: dict[str, RegisteredAgent] = {}


def register(agent: RegisteredAgent) -> None:
    """Register an agent; registering the same one again changes nothing.

    Raises:
        ConfigurationError: Another agent has this name, or one of its rows a letter that is taken.
    """
    if _REGISTERED.get(agent.name, agent) != agent:
        raise ConfigurationError(f"An agent {agent.name!r} is registered already; choose another name.")
    taken = {
        row.letter: one.name for one in _REGISTERED.values() if one.name != agent.name for row in one.rows
    }
    for row in agent.rows:
        if row.letter in taken:
            raise ConfigurationError(
                f"Row {row.letter!r} of {agent.name!r} is one of {taken[row.letter]!r}; choose a free letter."
            )
    _REGISTERED[agent.name] = agent


def unregister(name: str) -> None:
    """Remove an agent and its rows, for example one that an interactive session registered.

    Raises:
        ConfigurationError: There is no such agent.
    """
    registered_agent(name)
    del _REGISTERED[name]


def registered_agents() -> Mapping[str, RegisteredAgent]:
    """Return all registered agents by name."""
    _find()
    return MappingProxyType(_REGISTERED)


@cache
def _find() -> None:
    """Register the agents of this folder and those of users; only the first call has an effect."""
    packages = sorted(one.name for one in pkgutil.iter_modules(agents.__path__, "agents.") if one.ispkg)
    for name in ("agents.registration", *(f"{package}.registration" for package in packages)):
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
    for point in entry_points(group=ENTRY_POINTS):
        point.load()


def registered_agent(name: str) -> RegisteredAgent:
    """Return the agent of this name.

    Raises:
        ConfigurationError: There is none.
    """
    known = registered_agents()
    if name not in known:
        raise ConfigurationError(
            f"There is no agent {name!r}; choose one of {', '.join(known)}, or register it as an entry point "
            f"of the group {ENTRY_POINTS}."
        )
    return known[name]


def baselines(seed: int = 0) -> dict[str, Agent]:
    """Return all registered agents that learn nothing, by their labels.

    Args:
        seed: Decides what they draw.
    """
    return {one.label: one.make(seed) for one in registered_agents().values() if not one.learns}


def learner_of(run: Path) -> RegisteredAgent:
    """Return the registered agent that a run has trained.

    Args:
        run: Run folder, or the folder of one of its checkpoints.

    Raises:
        CheckpointError: The folder or its configuration is missing or malformed.
        ConfigurationError: Its agent is not registered here.
    """
    from agents.training.run_folder import system_of

    return registered_agent(system_of(run))


def registered_rows() -> Mapping[str, Row]:
    """Return the rows of all agents by letter, in alphabetical order."""
    found = {
        row.letter: replace(row, agent=agent.name)
        for agent in registered_agents().values()
        for row in agent.rows
    }
    return MappingProxyType({letter: found[letter] for letter in sorted(found)})


def load(name: str) -> Any:
    """Import a module and return the object named by `package.module:name`.

    Raises:
        ConfigurationError: The module, or the name in it, does not exist.
    """
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise ConfigurationError(f"{name!r} is registered, but there is no module {error.name!r}.") from None
    except AttributeError:
        raise ConfigurationError(f"{name!r} is registered, but {module} has no {attribute!r}.") from None
