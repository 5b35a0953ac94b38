"""Learning on several GPUs or machines: one process, a rank, for each, with its own shard of the memory bank.

`torchrun --nproc-per-node 2 -m agents.selfsup_agent train --ranks 2 ...` starts them; Lightning Fabric
averages their gradients. Each rank takes an equal part of every batch from its shard, and batch normalisation
uses the whole batch, so that two ranks with half a batch each learn the same as one with the whole batch.
"""

import atexit
import os
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch import Tensor, distributed, nn

from agents.training.schedule import ConfigurationError, require


def launched_ranks() -> int:
    """Return the number of processes that torchrun has started together, 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def check_ranks(ranks: int, **shared: int) -> None:
    """Check that the number of processes is that of the configuration, and that they can share its batches.

    Args:
        ranks: Number of processes in the configuration; 1 of a learner that has no such number.
        **shared: What all ranks have together and share equally, such as the images of a batch.

    Raises:
        ConfigurationError: One of these is not so.
    """
    found = launched_ranks()
    if found != ranks:
        remedy = (
            f"start the same command with torchrun --nproc-per-node {ranks} -m in place of python -m"
            if found == 1
            else f"add --ranks {found} if the command has this option, or start it with python -m"
        )
        raise ConfigurationError(f"ranks is {ranks}, but {found} processes were started together; {remedy}")
    for name, value in shared.items():
        require(
            value % ranks == 0,
            f"{name} is {value}, which {ranks} ranks cannot share equally; choose a multiple.",
        )


def make_fabric(device: torch.device, precision: Any, ranks: int) -> Fabric:
    """Return Lightning Fabric for one process, or for all that torchrun has started.

    Args:
        device: Where to compute; with several ranks its kind only.
        precision: Fabric's name of the precision.
        ranks: Number of learning processes.
    """
    if ranks == 1:
        devices = 1 if device.index is None or device.type == "cpu" else [device.index]
        return Fabric(accelerator=device.type, devices=devices, precision=precision)
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    fabric = Fabric(
        accelerator=device.type,
        # While the detection part is frozen most parameters get no gradient.
        strategy=DDPStrategy(find_unused_parameters=True),
        devices=here,
        num_nodes=ranks // here,
        precision=precision,
    )
    if not distributed.is_initialized():
        atexit.register(_leave_group)
    fabric.launch()
    return fabric


def _leave_group() -> None:
    """Leave the process group before the interpreter ends.

    Fabric does so for GPUs only; on CPUs a running thread of the group could abort the process.
    """
    if distributed.is_initialized():
        distributed.destroy_process_group()


def share_batch_norm(network: nn.Module) -> None:
    """Make every batch normalisation of a network use the statistics of the batches of all ranks.

    Weights and statistics keep their names. torch's own module for this works on GPUs only.

    Args:
        network: Changed in place.
    """
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = _SharedBatchNorm2d


def sum_over_ranks(tensor: Tensor) -> Tensor:
    """Return the sum of a tensor over all ranks; gradients flow back to all of them."""
    return cast(Tensor, _SumOverRanks.apply(tensor))


def gather(value: Any, ranks: int) -> list[Any]:
    """Return the value that each rank has passed, in the order of the ranks.

    Args:
        value: A small value of this program's own.
        ranks: Number of processes.
    """
    if ranks == 1:
        return [value]
    values: list[Any] = [None] * ranks
    distributed.all_gather_object(values, value)
    return values


class _SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total


class _SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation over the batches of all ranks, which are equally large."""

    def forward(self, features: Tensor) -> Tensor:
        if not self.training:
            return super().forward(features)
        values = features.float()
        count = values.numel() // values.shape[1] * distributed.get_world_size()
        # Two passes: the mean square minus the squared mean would lose precision.
        mean = sum_over_ranks(values.sum(dim=(0, 2, 3))) / count
        centred = values - mean[:, None, None]
        variance = sum_over_ranks(centred.square().sum(dim=(0, 2, 3))) / count
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        result = centred * scale[:, None, None] + self.bias[:, None, None]
        return result.to(features.dtype)
