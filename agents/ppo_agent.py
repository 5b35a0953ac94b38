"""A baseline of reinforcement learning: PPO with an image policy, rewarded for touches that move things.

`python -m agents.ppo_agent train --preset quick --split NovelSpaces --seed 0 --out RUN`, then
`python -m agents.ppo_agent evaluate RUN`. The learner is Stable-Baselines3's, unchanged (Schulman et al.,
Proximal Policy Optimization Algorithms, 2017); the environment is everyone's, behind the wrappers of
`thor_interact_env.wrappers`: a small RGB-D picture, and a coarse grid of cells with three forces as actions.
It learns where to touch and how hard, and nothing of extents: it has no masks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tyro

from agents.base import Instance
from agents.held_out import HeldOut
from agents.options import choose_command, parse_options, run_command_line
from agents.presets import preset
from agents.schedule import ConfigurationError, require
from thor_interact_env.actions import FORCES
from thor_interact_env.simulators.base import Observation
from thor_interact_env.world import world_of

if TYPE_CHECKING:
    from stable_baselines3.common.policies import ActorCriticPolicy

PROGRAM = "python -m agents.ppo_agent"
SYSTEM = "ppo"
"""What `config.json` of a run of this module says under `system`."""

OVERVIEW = f"""usage: {PROGRAM} COMMAND [OPTIONS]

Learn where to touch by reinforcement, with PPO of Stable-Baselines3.

commands:
  train      train, evaluate, and say where everything lies
  evaluate   set a run beside random points, and beside a self-supervised run, on held-out views

`{PROGRAM} COMMAND --help` explains one command."""


@dataclass(frozen=True)
class PPOConfig:
    """One training run of the PPO baseline."""

    preset: str = "quick"
    """How many touches: smoke, quick, hour or paper, each as many as the self-supervised learner makes."""

    split: str = "NovelSpaces"
    """Which rooms to learn in and which to keep for the test: NovelSpaces or NovelObjects."""

    seed: int = 0
    """Seed of the weights, the locations and the touches."""

    interactions: int | None = None
    """Touches in all, rounded up to whole updates; None takes the preset's."""

    environments: int = 2
    """Environments that are stepped together."""

    processes: bool = True
    """Give each environment a process of its own; it changes the speed and not the result."""

    steps_per_update: int = 150
    """Touches in each environment between two updates; a multiple of interactions_per_episode."""

    interactions_per_episode: int = 10
    """Touches at a location."""

    episodes_per_room: int = 4
    """Locations visited in a room before the next, because preparing a room costs more than a visit."""

    grid: int = 10
    """Cells along each side of the view that can be chosen."""

    image_size: int = 75
    """Side in pixels of the picture that the policy sees."""

    reachable_share: float = 0.2
    """Least share of each view within reach."""

    discount: float = 0.0
    """Weight of later rewards: 0, for what a touch earns depends on the view alone."""

    learning_rate: float = 5e-4
    """Rate of Adam."""

    batch_size: int = 100
    """Touches in one gradient step."""

    epochs: int = 6
    """Passes over the touches of an update."""

    entropy_coefficient: float = 0.01
    """Reward of staying undecided, which keeps the policy exploring."""

    updates_per_checkpoint: int = 2
    """Updates between two checkpoints; after each, new episodes begin, so that a resumed run is the same."""

    device: str = "auto"
    """Where the policy runs: auto, cpu, cuda, ..."""

    threads: int = 2
    """CPU threads of the policy."""

    def __post_init__(self) -> None:
        """Reject values that cannot be trained with.

        Raises:
            ConfigurationError: A value is outside its range.
        """
        preset(self.preset)
        require(self.seed >= 0, f"seed is {self.seed}; it must be 0 or more.")
        for name in (
            "environments",
            "steps_per_update",
            "interactions_per_episode",
            "episodes_per_room",
            "grid",
            "batch_size",
            "epochs",
            "updates_per_checkpoint",
            "threads",
        ):
            require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}; it must be at least 1.")
        require(
            self.interactions is None or self.interactions >= 1,
            f"interactions is {self.interactions}; it must be at least 1.",
        )
        require(
            self.steps_per_update % self.interactions_per_episode == 0,
            f"steps_per_update is {self.steps_per_update}; it must be a multiple of "
            f"interactions_per_episode ({self.interactions_per_episode}).",
        )
        require(
            36 <= self.image_size <= 300, f"image_size is {self.image_size}; it must be in 36..300 pixels."
        )
        require(0 <= self.discount <= 1, f"discount is {self.discount}; it must be in 0..1.")
        require(self.learning_rate > 0, f"learning_rate is {self.learning_rate}; it must be positive.")

    @property
    def total_interactions(self) -> int:
        """Touches of the run, before rounding up to whole updates."""
        if self.interactions is not None:
            return self.interactions
        stages = preset(self.preset).stages
        return sum(stage.total_locations * (stage.greedy_points + stage.random_points) for stage in stages)

    @property
    def updates(self) -> int:
        """Updates of the run."""
        return math.ceil(self.total_interactions / (self.environments * self.steps_per_update))

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as JSON-able values, with the name of the system."""
        return {"system": SYSTEM, **asdict(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PPOConfig:
        """Return the configuration that `to_json` described.

        Raises:
            ConfigurationError: It is of another system, or a field is unknown or of a wrong value.
        """
        require(
            isinstance(values, Mapping) and values.get("system") == SYSTEM,
            f"it is not of the system {SYSTEM!r}; name a run that {PROGRAM} train made.",
        )
        unknown = set(values) - {field.name for field in fields(cls)} - {"system"}
        require(not unknown, f"it has unknown {', '.join(sorted(unknown))}.")
        try:
            return cls(**{name: value for name, value in values.items() if name != "system"})
        except TypeError as error:
            raise ConfigurationError(f"it has a field of a wrong type ({error}).") from None


class PPOAgent:
    """Proposes the points that a policy is most likely to touch. Implements `agents.base.Agent`."""

    def __init__(self, policy: ActorCriticPolicy, config: PPOConfig, points: int = 10) -> None:
        """Use a policy as it is; it is put into evaluation mode.

        Args:
            policy: Over pictures of `RGBDImage` and actions of `GridActions`, as `config` says.
            config: The run it belongs to.
            points: Points proposed in a view, at most one for each cell of the grid.
        """
        require(points >= 1, f"points is {points}; it must be at least 1.")
        self._policy = policy
        self._policy.set_training_mode(False)
        self._config = config
        self._points = points

    @classmethod
    def from_run(cls, path: str | Path, device: str = "auto", points: int = 10) -> PPOAgent:
        """Return the agent that a run has trained.

        Args:
            path: A run folder, whose last checkpoint is taken, or the folder of one checkpoint.
            device: Where to run: `auto`, `cpu`, `cuda`, ...
            points: Points proposed in a view.

        Raises:
            CheckpointError: There is no checkpoint, or it is corrupt or of another system.
            DependencyNotInstalled: Stable-Baselines3 is not there.
        """
        from agents.checkpoint import last_checkpoint, load_checkpoint
        from agents.ppo_training import load_ppo_config, load_weights, make_policy

        folder = last_checkpoint(Path(path))
        config = load_ppo_config(Path(path))
        policy = make_policy(config, device)
        load_weights(policy, load_checkpoint(folder, weights_only=True).model, folder)
        return cls(policy, config, points)

    def propose(self, observation: Observation) -> list[Instance]:
        """Return the most probable points of a view, best first.

        Args:
            observation: One view.

        Returns:
            Instances without masks, one for each of the most probable cells: its middle pixel, the most
            probable force (the policy chooses it for the view, not for the cell), and as score the cell's
            probability.
        """
        import torch

        from thor_interact_env.wrappers import coarse_pixel, rgbd_image

        image = rgbd_image(observation["rgb"], observation["depth"], size=self._config.image_size)
        batch, _ = self._policy.obs_to_tensor(image.transpose(2, 0, 1)[None])
        with torch.inference_mode():
            distributions: Any = self._policy.get_distribution(batch).distribution
            cells, forces = distributions
            probabilities = cells.probs[0].float().cpu().numpy()
            force = int(forces.probs[0].argmax())
        assert 0 <= force < len(FORCES)
        best = np.argsort(-probabilities, kind="stable")[: self._points]
        return [
            Instance(
                coarse_pixel(int(cell), self._config.grid), force, min(float(probabilities[cell]), 1.0), None
            )
            for cell in best
        ]


@dataclass(frozen=True)
class TrainCommand:
    """Train, set beside random points on held-out views, and say where everything lies."""

    config: tyro.conf.OmitArgPrefixes[PPOConfig] = PPOConfig()
    """What to train."""

    out: Path | None = None
    """Run folder; None means runs/ppo-PRESET-SPLIT-seedSEED."""

    resume: bool = False
    """Go on with the run in the folder from its last checkpoint, with the configuration it has."""

    evaluation_locations: int = 200
    """Held-out locations of the final evaluation; 0 leaves it out."""


@dataclass(frozen=True)
class EvaluateCommand(HeldOut):
    """Set a run beside random points, and beside a self-supervised run, as `eval.benchmark` measures them."""

    beside: Path | None = None
    """Run folder of a self-supervised agent."""

    interactions: int = 10
    """Points touched at each location."""


def evaluate_run(
    run: Path,
    split: str,
    locations: int,
    interactions: int = 10,
    seed: int = 0,
    beside: Path | None = None,
) -> dict[str, Any]:
    """Measure a run and what it is compared with, print the table, and write `evaluation.json`.

    Args:
        run: Run folder, or the folder of one of its checkpoints, where the file is written.
        split: `NovelSpaces` or `NovelObjects`.
        locations: Number of views.
        interactions: Points touched at each.
        seed: Seed of the views and the touches.
        beside: Run folder of a self-supervised agent, or None.

    Returns:
        What was written: settings, and `rows` (results by agent).

    Raises:
        AgentSourceError: An agent cannot be made from its run.
    """
    from agents.checkpoint import write_json
    from agents.reporting import EVALUATION_FILE
    from agents.run_folder import note_worlds
    from eval.agent_process import AgentSource
    from eval.benchmark import benchmark_agent, benchmark_table, benchmark_views, floor_of

    sources = {"PPO": AgentSource("agents.ppo_agent:PPOAgent", {"points": max(interactions, 1)}, run)}
    if beside is not None:
        sources["self-supervised"] = AgentSource("agents.selfsup_agent:SelfSupervisedAgent", {}, beside)
    views = benchmark_views(split, locations, seed)
    results = [
        benchmark_agent(source, views, interactions=interactions, seed=seed, label=name)
        for name, source in sources.items()
    ]
    results.append(floor_of(results[0]))
    kept = ("images_per_second", "failed_views")
    written = {
        "split": views.split,
        **note_worlds(run, world_of("mujoco")),
        "locations": locations,
        "seed": seed,
        "reachable_share": views.reachable_share,
        "interactions": interactions,
        "rows": {
            one["label"]: {**(one["perception"] or {}), **(one["interaction"] or {})}
            | {name: one[name] for name in kept}
            for one in results
        },
    }
    print(f"\n{views.split}, {locations} locations, {interactions} points at each:")
    print(benchmark_table(results))
    write_json(run / EVALUATION_FILE, written)  # last: where the disk is full, the scores have been printed
    return written


def _train(words: Sequence[str]) -> None:
    command = parse_options(TrainCommand, f"{PROGRAM} train", words)
    from agents.configuration import check_split
    from agents.ppo_training import check_ppo_run, load_ppo_config, train

    config = command.config
    check_split(config.split)
    named = Path("runs") / f"ppo-{config.preset}-{config.split}-seed{config.seed}"
    run = command.out or named
    check_ppo_run(run, command.resume)
    if command.resume:
        config = load_ppo_config(run)
    require(
        command.evaluation_locations >= 0,
        f"evaluation_locations is {command.evaluation_locations}; it must be 0 or more.",
    )
    total = config.updates * config.environments * config.steps_per_update
    print(f"training: {total} touches, {config.split}, seed {config.seed}, folder {run}", flush=True)
    train(config, run, command.resume)
    if command.evaluation_locations:
        evaluate_run(run, config.split, command.evaluation_locations)
    print(f"\nEverything lies in {run}.")


def _evaluate(words: Sequence[str]) -> None:
    command = parse_options(EvaluateCommand, f"{PROGRAM} evaluate", words)
    from agents.ppo_training import load_ppo_config

    split, locations = command.choose(load_ppo_config(command.run).split)
    require(command.interactions >= 1, f"interactions is {command.interactions}; it must be at least 1.")
    evaluate_run(command.run, split, locations, command.interactions, command.seed, command.beside)


if __name__ == "__main__":
    run_command_line(lambda words: choose_command({"train": _train, "evaluate": _evaluate}, OVERVIEW, words))
