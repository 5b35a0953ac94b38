"""The policy of a run, and its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.error import DependencyNotInstalled
from torch import Tensor

from agents.ppo_agent.configuration import PPOConfig
from agents.training.checkpoint import CheckpointError
from agents.training.learner import resolve_device
from thor_interact_env.actions import FORCES

if TYPE_CHECKING:
    from stable_baselines3.common.policies import ActorCriticPolicy


def make_policy(config: PPOConfig, device: str = "auto") -> ActorCriticPolicy:
    """Return an untrained policy of the shape of a run.

    Args:
        config: The run.
        device: Where to run.

    Raises:
        DependencyNotInstalled: Stable-Baselines3 is not installed.
        ConfigurationError: There is no such device.
    """
    require_stable_baselines()
    from stable_baselines3.common.policies import ActorCriticCnnPolicy

    size = (4, config.image_size, config.image_size)
    policy = ActorCriticCnnPolicy(
        spaces.Box(0, 255, size, np.uint8),
        spaces.MultiDiscrete([config.grid**2, len(FORCES)]),
        lambda progress: config.learning_rate,
    )
    return policy.to(resolve_device(device))


def load_weights(policy: ActorCriticPolicy, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Load the weights of a checkpoint into a policy.

    Raises:
        CheckpointError: They are of another policy.
    """
    parameters = dict(policy.named_parameters())
    other = set(parameters) ^ set(weights)
    other |= {
        name for name in set(parameters) & set(weights) if parameters[name].shape != weights[name].shape
    }
    if other:
        raise CheckpointError(
            f"The weights in {folder} are of another policy (they differ in {min(other)}); train again."
        )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(weights[name])


def require_stable_baselines() -> None:
    """Raise `DependencyNotInstalled` unless Stable-Baselines3 is installed."""
    try:
        import stable_baselines3  # noqa: F401
    except ImportError as error:
        raise DependencyNotInstalled(
            'PPO needs Stable-Baselines3; run: pip install "thor-interact[baselines]"'
        ) from error
