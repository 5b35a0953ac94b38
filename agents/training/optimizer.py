"""Muon: the momentum of convolutions is made orthogonal before each update (K. Jordan et al., 2024).

Adam scales each weight separately. Here the momentum of a whole convolution, as a matrix with a row for each
output channel, is replaced by approximately the nearest orthogonal matrix, so that rare directions are
learned too. docs/learning.md has the comparison for `hour`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

MOMENTUM = 0.95
"""Fraction of the momentum that is kept in each update."""

MINIMUM_SIDE = 16
"""Kernels with fewer rows or columns than this are updated by Adam."""

STEP_SIZE = 0.2
"""Root mean square of an update at learning rate 1: about that of Adam's, so that one rate serves both."""

_ITERATIONS = 5
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of a quintic that brings singular values to 1


def orthogonal(matrix: Tensor) -> Tensor:
    """Return roughly the nearest matrix whose singular values are all 1, by Newton-Schulz iterations.

    Args:
        matrix: (m, n) float32.

    Returns:
        (m, n) float32, singular values in about 0.7 to 1.2 (those near 0 stay small); 0 for 0.
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / wide.norm().clamp(min=1e-7)
    first, third, fifth = _COEFFICIENTS
    # Every iteration multiplies by a polynomial of the Gram matrix, which is smaller than the matrix itself.
    gram = wide @ wide.T
    product = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    for left in reversed(range(_ITERATIONS)):
        polynomial = torch.addmm(gram, gram, gram, beta=third, alpha=fifth)
        polynomial.diagonal().add_(first)
        product = polynomial @ product
        if left:
            gram = polynomial @ gram @ polynomial
    result = product @ wide
    return result if matrix.shape[0] <= matrix.shape[1] else result.T


class Muon(torch.optim.Adam):
    """Muon for the convolutions of a network, Adam for everything else: heads, biases, normalisation."""

    def __init__(self, network: nn.Module, lr: float, weight_decay: float) -> None:
        """Make an optimizer of the parameters of a network.

        Args:
            network: Muon updates its convolutions with normalisation after them, without a penalty: the
                size of their weights changes nothing but the rate.
            lr: Learning rate of both.
            weight_decay: Adam's L2 penalty.
        """
        kernels = _hidden_kernels(network)
        taken = {id(kernel) for kernel in kernels}
        others = [parameter for parameter in network.parameters() if id(parameter) not in taken]
        super().__init__([{"params": others}, {"params": kernels}], lr=lr, weight_decay=weight_decay)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient.

        Args:
            closure: As in every optimizer; evaluated first.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        group = self.param_groups[1]
        kernels = [kernel for kernel in group["params"] if kernel.grad is not None]
        gradients = [kernel.grad for kernel in kernels]
        for kernel, gradient in zip(kernels, gradients, strict=True):
            state = self.state[kernel]
            if not state:
                # Adam, which restores this state, expects a count.
                state |= {"step": torch.zeros(()), "momentum": torch.zeros_like(kernel)}
            state["step"] += 1
            state["momentum"].lerp_(gradient, 1 - MOMENTUM)
            matrix = gradient.lerp(state["momentum"], MOMENTUM).flatten(1)
            size = STEP_SIZE * max(matrix.shape) ** 0.5
            kernel.add_(orthogonal(matrix).view(kernel.shape), alpha=-group["lr"] * size)
            kernel.grad = None
        super().step()
        for kernel, gradient in zip(kernels, gradients, strict=True):
            kernel.grad = gradient
        return loss


def descend(
    fabric: Fabric, optimizer: torch.optim.Optimizer, stepper: Any, losses: Mapping[str, Tensor], rate: float
) -> dict[str, float]:
    """Update weights once along the gradient of the sum of some losses.

    Args:
        fabric: Computes the gradient.
        optimizer: Holds the weights.
        stepper: The optimizer as the fabric drives it.
        losses: Scalars by name, at least one.
        rate: Learning rate.

    Returns:
        The losses before, and their sum as `loss`.

    Raises:
        FloatingPointError: The sum is not finite; the weights are as they were.
    """
    for group in optimizer.param_groups:
        group["lr"] = rate
    total = torch.stack(list(losses.values())).sum()
    measured = {"loss": total.item()} | {name: loss.item() for name, loss in losses.items()}
    if not math.isfinite(measured["loss"]):
        raise FloatingPointError(
            f"The loss is {measured['loss']}: training has diverged; lower the learning rate, {rate:g}."
        )
    stepper.zero_grad(set_to_none=True)
    fabric.backward(total)
    stepper.step()
    return measured


def _hidden_kernels(network: nn.Module) -> list[nn.Parameter]:
    """Return the weights of the convolutions without a bias, those with normalisation after them."""
    return [
        cast(nn.Parameter, module.weight)
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
        and module.bias is None
        and min(len(module.weight), module.weight[0].numel()) >= MINIMUM_SIDE
    ]
