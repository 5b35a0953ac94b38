"""The learner of queried masks as an agent; its command line is `python -m agents.query_agent --help`.

torch and what needs it are imported inside the functions that use them, so that `--help` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agents.selfsup_agent.network_agent import NetworkAgent

if TYPE_CHECKING:
    from agents.base import Instance
    from agents.query_agent.network import QueryPrediction
    from agents.selfsup_agent.network import ForceBranch


class QueryAgent(NetworkAgent["QueryPrediction"]):
    """Proposes instances in one view: points by their score, each with the mask that its query asks for.

    Implements `agents.base.Agent`.
    """

    @classmethod
    def untrained(
        cls, seed: int = 0, device: str = "auto", force_branch: ForceBranch = "shared"
    ) -> QueryAgent:
        """Return an agent with the weights that a run of this seed starts from.

        Args:
            seed: Seed of the weights.
            device: Where to run: `auto`, `cpu`, `cuda`, ...
            force_branch: What the force head reads.
        """
        import torch

        from agents.query_agent.network import QueryNet
        from agents.training.learner import resolve_device

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(QueryNet(force_branch=force_branch).to(resolve_device(device)))

    @classmethod
    def from_run(cls, path: str | Path, device: str = "auto") -> QueryAgent:
        """Return the agent that a run has trained.

        Args:
            path: A run folder, whose last checkpoint is taken, or the folder of one checkpoint.
            device: Where to run: `auto`, `cpu`, `cuda`, ...

        Raises:
            CheckpointError: There is no checkpoint, or it is corrupt or of another network.
            ConfigurationError: There is no such device.
        """
        from agents.query_agent.network import QueryNet

        return cls(cls.trained_network(Path(path), device, QueryNet.from_weights))

    def instances(self, prediction: QueryPrediction) -> list[Instance]:
        """Return the instances in the output for one view, best first.

        Args:
            prediction: Output of the network for a batch of one.

        Returns:
            At most `max_instances` instances, of whose masks no two are nearly the same; see
            `queried_instances`, `distinct_instances` and `upscale_queried`.
        """
        from agents.query_agent.inference import distinct_instances, queried_instances, upscale_queried

        scores, force_logits, embeddings, queries = (part[0].numpy() for part in prediction)
        found = queried_instances(scores, force_logits, embeddings, queries, max_instances=self.max_instances)
        return upscale_queried(distinct_instances(found))
