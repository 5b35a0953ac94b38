"""The variants of the network, made by name or recognised from weights."""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from agents.selfsup_agent.network import ForceBranch, InteractionNet, PredictionNetwork
from agents.selfsup_agent.released_network import COORDINATES, ReleasedNet

Variant = Literal["paper", "released"]
"""`paper`: the network of the paper's appendix A. `released`: that of the authors' released weights."""


def make_network(variant: Variant = "paper", force_branch: ForceBranch = "shared") -> PredictionNetwork:
    """Make a network with random weights, drawn from torch's global generator.

    Args:
        variant: Variant of the network.
        force_branch: What the force head of the paper's network reads; that of the released one is always
            separate.

    Raises:
        ValueError: There is no such variant or branch.
    """
    if variant == "paper":
        return InteractionNet(force_branch=force_branch)
    if variant == "released":
        return ReleasedNet()
    raise ValueError(f"unknown network variant {variant!r}; choose 'paper' or 'released'")


def network_from_weights(weights: Mapping[str, Tensor]) -> PredictionNetwork:
    """Return the network that a state dict belongs to, with its weights.

    Args:
        weights: Values of `state_dict()` of a network of any variant.

    Raises:
        KeyError: It belongs to no variant.
        RuntimeError: A value is missing, unknown, or of another shape.
    """
    kind = ReleasedNet if COORDINATES in weights else InteractionNet
    return kind.from_weights(weights)
