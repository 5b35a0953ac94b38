"""The commands `train` and `evaluate` of the baselines that learn; each baseline supplies its own parts.

torch and what needs it are imported inside the functions, so that `--help` is fast.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar

from agents.commands.defaults import Configurable, default_configuration
from agents.commands.held_out import NetworkHeldOut
from agents.commands.options import choose_command, parse_options, run_command_line
from agents.training.configuration import TrainConfig, check_simulator, check_split

if TYPE_CHECKING:
    from agents.base import Agent


class BaselineConfig(Configurable, Protocol):
    """The configuration of a baseline's run: a `RunSettings` of `agents.training.configuration`."""

    @property
    def preset(self) -> str:
        """Name of the preset."""

    @property
    def split(self) -> str:
        """NovelSpaces or NovelObjects."""

    @property
    def seed(self) -> int:
        """Seed of the run."""

    @property
    def simulator(self) -> str:
        """Simulator to learn in."""

    @property
    def objects(self) -> str | None:
        """Objects that are added to its rooms."""

    @property
    def device(self) -> str:
        """Where to train."""

    @property
    def schedule(self) -> Any:
        """How long to learn, with `final_evaluation_locations`."""

    def counterpart(self) -> TrainConfig:
        """Return the self-supervised run with which this one shares locations and evaluation."""


Config = TypeVar("Config", bound=BaselineConfig)


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """The options of `train` besides the configuration, which is the field `config` of a subclass."""

    out: Path | None = None
    """Run folder; None means a folder in runs/ that names system, preset, split and seed."""

    resume: bool = False
    """Continue the run in the folder, exactly as if it had not stopped."""

    final_evaluation: bool = True
    """Evaluate the trained network when training is done."""


@dataclass(frozen=True)
class Baseline(Generic[Config]):
    """The parts that differ between the baselines that learn.

    Attributes:
        program: Command that starts it, such as `python -m agents.video_pca`.
        overview: Text that explains its commands.
        config: Class of its configurations.
        train_options: Subclass of `TrainOptions` with a field `config`; its docstring is the help.
        evaluate_options: Subclass of `NetworkHeldOut`; its docstring is the help.
        run_folder: Where a run is written when no folder is named.
        description: The run in a few words.
        train: Trains a configuration in a run folder, or continues.
        agents: The agents to measure, by name, the run's own first, of a run folder on a device.
        evaluate: Measures agents on held-out views: `eval.evaluation.reporting.evaluate_run`.
        further: What further commands do with the words after their names.
    """

    program: str
    overview: str
    config: type[Config]
    train_options: Any
    evaluate_options: type[NetworkHeldOut]
    run_folder: Callable[[Config], Path]
    description: Callable[[Config], str]
    train: Callable[[Config, Path, bool], object]
    agents: Callable[[Path, str, int], Mapping[str, Agent]]
    evaluate: Callable[..., object]
    further: Mapping[str, Callable[[Sequence[str]], None]] = field(default_factory=dict)

    def main(self, arguments: Sequence[str] | None = None) -> NoReturn:
        """Run the command line and exit.

        Args:
            arguments: Words after the program's name; by default those of the process.

        Raises:
            SystemExit: Always: 0 after success, 2 after a mistake in the arguments, 130 after Ctrl-C.
        """
        commands = {"train": self._train, "evaluate": self._evaluate, **self.further}
        run_command_line(lambda words: choose_command(commands, self.overview, words), arguments)

    def parse_train(self, words: Sequence[str]) -> Any:
        """Read the options of `train`.

        The preset, or with `--resume` and `--out` the configuration saved in that folder, gives the defaults.

        Args:
            words: The command line after `train`.

        Returns:
            A `train_options`.

        Raises:
            ConfigurationError: There is no such preset, or a value is invalid.
            CheckpointError: The run to continue has no readable configuration.
            SystemExit: tyro has printed the help or an error.
        """
        config, out = default_configuration(self.config, words)
        default = self.train_options(config=config, out=out)
        return parse_options(self.train_options, f"{self.program} train", words, default)

    def _train(self, words: Sequence[str]) -> None:
        command = self.parse_train(words)
        config: Config = command.config
        check_split(config.split)
        check_simulator(config.simulator, config.objects)
        run = command.out or self.run_folder(config)
        from agents.training.run_folder import check_run, first_rank

        # Before torch is loaded and held-out views are made, so that a wrong folder is reported at once.
        check_run(config, run, command.resume)
        from agents.training.learner import resolve_device

        resolve_device(config.device)
        print(
            f"training: {self.description(config)}, preset {config.preset}, {config.split}, "
            f"seed {config.seed}, folder {run}",
            flush=True,
        )
        try:
            self.train(config, run, command.resume)
            if not first_rank():
                return
            if command.final_evaluation:
                locations = config.schedule.final_evaluation_locations
                agents = self.agents(run, config.device, 0)
                self.evaluate(run, config.counterpart(), locations, config.split, agents=agents)
        except KeyboardInterrupt:
            message = f"Interrupted. Continue: {self.program} train --out {shlex.quote(str(run))} --resume"
            print(f"\n{message} --preset {config.preset}", file=sys.stderr)
            raise SystemExit(130) from None
        print(f"\nThe results are in {run}.")

    def _evaluate(self, words: Sequence[str]) -> None:
        command = parse_options(self.evaluate_options, f"{self.program} evaluate", words)
        from agents.training.run_folder import read_config

        counterpart = read_config(command.run, self.config).counterpart()
        split, locations = command.choose(counterpart.split)
        self.evaluate(
            command.run,
            counterpart.in_world(None, command.objects),
            locations,
            split,
            command.reachable_fraction,
            command.seed,
            agents=self.agents(command.run, command.device, command.seed),
        )
