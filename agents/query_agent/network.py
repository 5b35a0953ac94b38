"""The network of queried masks: the paper's, and one more head, which asks for masks."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from agents.query_agent.masks import BEYOND_OFFSET
from agents.selfsup_agent.network import EMBEDDING_SIZE, FEATURES, ForceBranch, InteractionTrunk
from thor_interact_env.actions import FORCES


class QueryPrediction(NamedTuple):
    """What the network says about each cell of the grid, in float32.

    Attributes:
        scores: (B, 100, 100) logits: the sigmoid says how promising a touch is.
        force_logits: (B, 3, 100, 100) logits of the three forces; the highest is the predicted one.
        embeddings: (B, 16, 100, 100), close together on one object.
        queries: (B, 18, 100, 100): of each cell's query the offset from the cell's embedding (16), the
            sharpness a and the log of the squared radius b; see `agents.query_agent.masks`.
    """

    scores: Tensor
    force_logits: Tensor
    embeddings: Tensor
    queries: Tensor


class QueryNet(InteractionTrunk):
    """The paper's network with a query at each cell, 1.4M parameters.

    Attributes:
        query_head: Of the queries.
        force_frequencies: (3,) float32, running frequencies of the forces in what it learns from, their sum
            is 1; see `agents.query_agent.forces`.
    """

    force_frequencies: Tensor

    def __init__(self, embedding_size: int = EMBEDDING_SIZE, force_branch: ForceBranch = "shared") -> None:
        """Make a network with random weights, drawn from torch's global generator.

        All but the query head are the weights that the paper's network has with the same generator. The head
        begins with zeros: every query asks for what has nearly the embedding of its own cell.

        Args:
            embedding_size: Components of an embedding.
            force_branch: What the force head reads; see `ForceBranch`.

        Raises:
            ValueError: The embedding has no component, or there is no such branch.
        """
        super().__init__(embedding_size, force_branch)
        self.query_head = nn.Conv2d(FEATURES, embedding_size + BEYOND_OFFSET, 1)
        nn.init.zeros_(self.query_head.weight)
        nn.init.zeros_(self.query_head.bias)  # type: ignore[arg-type]
        self.register_buffer("force_frequencies", torch.full((len(FORCES),), 1 / len(FORCES)))

    @classmethod
    def holds(cls, weights: Mapping[str, Tensor]) -> bool:
        """Return whether a state dict is of this network."""
        return "query_head.weight" in weights

    def forward(self, images: Tensor, corners: Tensor | None = None) -> QueryPrediction:
        """Predict for a batch of images; see `InteractionTrunk.head_maps` for arguments and errors.

        Returns:
            Scores, force logits, embeddings and queries, float32 also under autocast; n x n for windows.
        """
        scores, force_logits, embeddings, (queries,) = self.head_maps(images, corners, [self.query_head])
        return QueryPrediction(scores, force_logits, embeddings, queries)
