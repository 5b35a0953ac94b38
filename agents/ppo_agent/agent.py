"""A baseline of reinforcement learning: PPO with an image policy, rewarded for touches that move objects.

`python -m agents.ppo_agent train --preset quick --split NovelSpaces --seed 0 --out RUN`, then
`python -m agents.ppo_agent evaluate RUN`. The learner is Stable-Baselines3's, unchanged (Schulman et al.,
Proximal Policy Optimization Algorithms, 2017); the environment is the common one, with the wrappers of
`thor_interact_env.wrappers`: a small RGB-D image, and a coarse grid of cells with three forces as actions.
It learns where to touch and with which force, and has no masks.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.base import Instance
from agents.ppo_agent.configuration import PPOConfig
from agents.training.schedule import require
from thor_interact_env.actions import FORCES
from thor_interact_env.simulators.base import Observation

if TYPE_CHECKING:
    from stable_baselines3.common.policies import ActorCriticPolicy


class PPOAgent:
    """Proposes the most probable points of a policy. Implements `agents.base.Agent`."""

    def __init__(self, policy: ActorCriticPolicy, config: PPOConfig, points: int = 10) -> None:
        """Use a policy without a copy; it is put into evaluation mode.

        Args:
            policy: Policy for images of `RGBDImage` and actions of `GridActions`, as in `config`.
            config: The run it belongs to.
            points: Points proposed in a view, at most one for each cell of the grid.
        """
        require(points >= 1, f"points is {points}; it must be at least 1.")
        self.policy = policy
        """The policy, in evaluation mode."""
        self.policy.set_training_mode(False)
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
            DependencyNotInstalled: Stable-Baselines3 is not installed.
        """
        from agents.ppo_agent.policy import load_weights, make_policy
        from agents.training.checkpoint import last_checkpoint, load_checkpoint
        from agents.training.run_folder import read_config

        folder = last_checkpoint(Path(path))
        config = read_config(Path(path), PPOConfig)
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
        batch, _ = self.policy.obs_to_tensor(image.transpose(2, 0, 1)[None])
        with torch.inference_mode():
            distributions: Any = self.policy.get_distribution(batch).distribution
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
