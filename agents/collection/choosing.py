"""How a network chooses the points to touch, in the process that visits locations (paper section 4.1).

A task names a function that makes a chooser of weights, so that a learner with another network or another way
to find instances names its own: it is pickled by name, and runs where the weights have been read.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from agents.base import Point
from agents.selfsup_agent.clustering import GridInstance, cell_centre, greedy_instances
from agents.selfsup_agent.network import PredictionNetwork, fused, image_tensor
from agents.selfsup_agent.variants import network_from_weights
from agents.training.processor import fast_bf16
from thor_interact_env.simulators.base import Observation

FindInstances = Callable[..., Sequence[GridInstance]]
"""From the maps of one view in the order of the network's output, the maximum number of instances and the
minimum logit of one, to these instances."""

ProposePoints = Callable[[Observation], Sequence[Point]]
"""From a view to the points to touch, best first."""

ChoosePoints = Callable[[int, float], ProposePoints]
"""From the most points wanted, and the minimum logit of one, to the function that proposes them."""

MakeChooser = Callable[[Mapping[str, Tensor]], ChoosePoints]
"""From the state dict of a network to what chooses points with it; a function that can be pickled.

It raises `KeyError` or `RuntimeError` where the weights are of another network.
"""


def network_points(
    network: PredictionNetwork,
    count: int,
    threshold: float = -math.inf,
    bf16: bool | None = None,
    find: FindInstances = greedy_instances,
) -> ProposePoints:
    """Return the function that lets a network choose points.

    Args:
        network: On the CPU, in evaluation mode.
        count: Most points it chooses.
        threshold: Minimum logit of a point.
        bf16: Whether to compute in bf16; None does where that is faster.
        find: Finds the instances whose points these are.
    """
    reduced = fast_bf16(torch.device("cpu")) if bf16 is None else bf16

    def propose(observation: Observation) -> list[Point]:
        image = image_tensor(observation["rgb"], observation["depth"])[None]
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=reduced):
            maps = [value[0].numpy() for value in network(image)]
        found = find(*maps, count, threshold)
        return [(*cell_centre(instance.row, instance.column), instance.force) for instance in found]

    return propose


def cluster_seeds(weights: Mapping[str, Tensor]) -> ChoosePoints:
    """Return what chooses the points from which the paper's clusters grow, with a network of any variant.

    Args:
        weights: State dict of the network.

    Raises:
        KeyError: They are of no variant.
        RuntimeError: A value is missing, unknown, or of another shape.
    """
    network = fused(network_from_weights(weights)).to(memory_format=torch.channels_last)
    return lambda count, threshold: network_points(network, count, threshold)
