"""Training of the PPO baseline: the environment behind wrappers, Stable-Baselines3's learner, checkpoints.

A run is saved like every other run, in safetensors and JSON; nothing is pickled. At each checkpoint all
random states are set from (seed, completed updates) and new episodes start, so that a run that is stopped and
resumed equals one that was not stopped.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.collection.collect import CollectionError
from agents.ppo_agent.agent import PPOAgent
from agents.ppo_agent.configuration import PPOConfig
from agents.ppo_agent.policy import load_weights, require_stable_baselines
from agents.training.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_last_checkpoint,
    optimizer_tensors,
    restore_optimizer,
)
from agents.training.learner import resolve_device
from agents.training.metrics import MetricsLogger
from agents.training.processor import use_threads
from agents.training.progress import check_metrics
from agents.training.ranks import check_ranks
from agents.training.run_folder import (
    goes_on,
    keep_checkpoint,
    note_run,
    note_start,
    prepare_run,
)
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.errors import MainGuardError
from thor_interact_env.locations.splits import split_rooms
from thor_interact_env.simulators.base import Simulator
from thor_interact_env.spawning import GUARD_REMEDY
from thor_interact_env.world import world_of
from thor_interact_env.wrappers import GridActions, RGBDImage, RoomByRoom

if TYPE_CHECKING:
    import gymnasium
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecEnv

MEASURES: Mapping[str, str] = {
    "train/policy_gradient_loss": "policy_loss",
    "train/value_loss": "value_loss",
    "train/entropy_loss": "entropy_loss",
    "train/approx_kl": "policy_change",
    "train/clip_fraction": "clipped_fraction",
}
"""Names of the metrics of Stable-Baselines3 in `metrics.jsonl`."""


def make_environment(config: PPOConfig, simulator: str | Simulator = "mujoco") -> gymnasium.Env[Any, Any]:
    """Return the environment that the policy learns in: small images, few actions, room by room.

    Args:
        config: The run.
        simulator: The world: a name, or an object.
    """
    rooms = split_rooms(f"{config.split}/train")
    env = ThorInteractEnv(
        simulator=simulator,
        interactions=config.interactions_per_episode,
        reachable_fraction=config.reachable_fraction,
        simulator_options=config.counterpart().simulator_options if isinstance(simulator, str) else None,
    )
    by_room = RoomByRoom(env, rooms, config.reachable_fraction, config.episodes_per_room)
    return GridActions(RGBDImage(by_room, size=config.image_size), config.grid)


def train(
    config: PPOConfig, run: Path, resume: bool = False, simulator: str | Simulator = "mujoco"
) -> PPOAgent:
    """Train a policy in a run folder.

    Args:
        config: The run.
        run: Its folder, which must be new or empty unless `resume`.
        resume: Continue from the last complete checkpoint, or start if there is none yet.
        simulator: The world to learn in: a name, or an object, of which each environment gets a
            copy (then without processes).

    Returns:
        The trained agent.

    Raises:
        RunExistsError: The folder is not empty and `resume` is false.
        CheckpointError: `resume` is true and the run cannot be read, or is incomplete; nothing was changed.
        ConfigurationError: `resume` is true and the run there has another configuration.
        InvalidOptionError: Objects are added to another simulator than the embedded one.
        ObjectError: The objects cannot be used; the message names the fault and the remedy.
        DependencyNotInstalled: Stable-Baselines3 is not installed.
        CollectionError: The process of an environment has ended.
        MainGuardError: Processes cannot start, because the main program runs again in each of them.
        RenderingError: The embedded simulator cannot draw on this machine.
        OSError: The folder cannot be written to, or the disk is full; the last checkpoint remains complete.
    """
    require_stable_baselines()
    check_ranks(1)
    resolve_device(config.device)  # before there is a folder
    world = world_of(simulator, config.objects) if isinstance(simulator, str) else None
    prepare_run(config, run, resume)
    going_on = resume and goes_on(run)
    use_threads(config.threads)
    environments = _environments(config, simulator)
    try:
        model = _learner(config, environments)
        done, before = _restore(model, run) if going_on else (0, 0.0)
        check_metrics(run, done)
        note_start(run, sys.orig_argv, world)
        seconds = _learn(model, config, run, done, before)
    except (EOFError, ConnectionError) as error:
        raise CollectionError(
            "the process of an environment has ended (its error message is above); if memory ran out, use "
            "fewer environments; continue with --resume"
        ) from error
    finally:
        _close(environments)
    note_run(run, training_seconds=round(seconds, 1), updates=config.updates)
    return PPOAgent(model.policy, config)


def _environments(config: PPOConfig, simulator: str | Simulator) -> VecEnv:
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

    make: list[Callable[[], gymnasium.Env[Any, Any]]] = [
        partial(make_environment, config, deepcopy(simulator)) for _ in range(config.environments)
    ]
    if config.processes and isinstance(simulator, str):
        if simulator == "mujoco":
            from thor_interact_env.simulators.mujoco.drawing.opengl import choose_backend

            choose_backend()  # here, because exceptions of processes are lost
        try:
            return SubprocVecEnv(make, start_method="spawn")  # a renderer does not survive a fork
        except (EOFError, ConnectionError) as error:
            raise MainGuardError(
                "a process of the environments ended while it was starting (its error message is above); if "
                f"it ran the main program again, {GUARD_REMEDY}."
            ) from error
    return DummyVecEnv(make)


def _close(environments: VecEnv) -> None:
    """Close the environments, also when a process of theirs has ended and the others wait."""
    try:
        environments.close()
    except (EOFError, ConnectionError):
        for process in getattr(environments, "processes", []):
            process.terminate()


def _learner(config: PPOConfig, environments: VecEnv) -> PPO:
    from stable_baselines3 import PPO
    from stable_baselines3.common.logger import Logger

    model = PPO(
        "CnnPolicy",
        environments,
        learning_rate=config.learning_rate,
        n_steps=config.steps_per_update,
        batch_size=min(config.batch_size, config.environments * config.steps_per_update),
        n_epochs=config.epochs,
        gamma=config.discount,
        ent_coef=config.entropy_coefficient,
        seed=config.seed,
        device=resolve_device(config.device),
    )
    # The default one leaves an empty folder among the temporary files, for every call of `learn`.
    model.set_logger(Logger(folder=None, output_formats=[]))
    return model


def _learn(model: PPO, config: PPOConfig, run: Path, done: int, before: float) -> float:
    """Make the remaining updates; return the time of all updates, including earlier ones."""
    from stable_baselines3.common.callbacks import BaseCallback

    class Rewards(BaseCallback):
        """Counts the touches of an update that succeeded."""

        total = 0.0

        def _on_step(self) -> bool:
            self.total += float(np.sum(self.locals["rewards"]))
            return True

    touches = config.environments * config.steps_per_update
    started = time.perf_counter() - before
    with MetricsLogger(run, config.updates, done, done) as metrics:
        for update in range(done + 1, config.updates + 1):
            if (update - 1) % config.updates_per_checkpoint == 0:
                _start_afresh(model, config, update - 1)
            counted = Rewards()
            # Each call is one iteration: the second, at which it would print and reset, does not occur.
            model.learn(touches, counted, log_interval=2, reset_num_timesteps=model.num_timesteps == 0)
            measured = model.logger.name_to_value
            row = {"episode": update, "interactions": update * touches, "success": counted.total / touches}
            row |= {name: float(measured[key]) for key, name in MEASURES.items() if key in measured}
            metrics.log(row | {"seconds": round(time.perf_counter() - started, 3)})
            metrics.advance()
            if update % config.updates_per_checkpoint == 0 or update == config.updates:
                _save(model, run, update, time.perf_counter() - started)
    return time.perf_counter() - started


def _start_afresh(model: PPO, config: PPOConfig, update: int) -> None:
    """Seed everything from the run's seed and the completed updates, and start new episodes."""
    derived = int(np.random.SeedSequence([config.seed, update]).generate_state(1)[0]) % 2**31
    model.set_random_seed(derived)
    if model.num_timesteps:  # else the first call of `learn` resets
        assert model.env is not None
        model._last_obs = model.env.reset()  # type: ignore[assignment]
        model._last_episode_starts = np.ones((config.environments,), dtype=bool)


def _save(model: PPO, run: Path, update: int, seconds: float) -> None:
    tensors = optimizer_tensors(model.policy.optimizer)
    # Every parameter once: the state dict names those that policy and value share several times.
    weights = {name: parameter.data for name, parameter in model.policy.named_parameters()}
    state = {"updates": update, "interactions": int(model.num_timesteps), "seconds": seconds}
    keep_checkpoint(run, update, Checkpoint(weights, tensors, state))


def _restore(model: PPO, run: Path) -> tuple[int, float]:
    """Restore the last complete checkpoint; return the completed updates and their seconds."""
    folder, checkpoint = load_last_checkpoint(run)
    load_weights(model.policy, checkpoint.model, folder)
    restore_optimizer(model.policy.optimizer, checkpoint.optimizer)
    try:
        updates, model.num_timesteps = (int(checkpoint.state[name]) for name in ("updates", "interactions"))
        seconds = float(checkpoint.state.get("seconds", 0.0))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{folder} is not a checkpoint of a PPO run ({error!r}); train again."
        ) from None
    model._n_updates = updates * model.n_epochs
    return updates, seconds
