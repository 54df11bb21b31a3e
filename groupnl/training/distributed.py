"""The processes of a run: one alone, or those that torchrun started, each with its share of the images.

The network is torch's DistributedDataParallel: the gradients are averaged over all processes (NCCL between GPUs, gloo
between CPUs), so every process takes the same step. What the processes measure is summed here.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from timm.utils.distributed import distribute_bn, init_distributed_device_so, world_info_from_env
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from groupnl.base.child_process import end_with_parent
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device
from groupnl.inference.device_names import Device


def spread(*numbers: int) -> int:
    """A seed of 32 bits: of neighbouring numbers seeds that have nothing in common, as seed + epoch would.

    Args:
        numbers: what it depends on, 0 or more each.
    """
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


class World(NamedTuple):
    """This process and how many there are.

    Attributes:
        device: where this process computes.
        rank: which process this is; only 0 writes files and shows progress.
        size: how many processes train together.
    """

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def seed(self, seed: int, epoch: int) -> int:
        """Of this process's random choices in an epoch."""
        return spread(seed, epoch, self.rank)

    def loaders(self, wanted: int) -> int:
        """How many processes may load images for this one; 0: it loads them itself.

        A process forked while gloo's threads hold locks may wait for ever.
        """
        return 0 if self.size > 1 and self.device.type == "cpu" else wanted

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network whose backward pass averages the gradients over all processes."""
        if self.size == 1:
            return network
        on_gpu = self.device.type == "cuda"
        return DistributedDataParallel(network, device_ids=[self.device] if on_gpu else None)

    def total(self, values: Tensor) -> Tensor:
        """The sum over all processes, which all must ask for."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def each(self, value: int) -> list[int]:
        """Every process's value, by rank; all must ask for it."""
        values = torch.zeros(self.size, dtype=torch.int64, device=self.device)
        values[self.rank] = value
        return self.total(values).tolist()

    def share_norms(self, network: nn.Module, reduce: bool) -> None:
        """Give every process the same statistics of the batch norms: the mean over all, or those of the first."""
        if self.size > 1:
            distribute_bn(network, self.size, reduce)


@contextmanager
def joined(device: Device) -> Iterator[World]:
    """This process among those that torchrun, or Slurm, started together; alone where none did.

    Raises:
        ConfigError: no such device, or the other processes cannot be found.
    """
    local_rank, _, size = world_info_from_env()
    chosen = choose_device(device, local_rank if size > 1 else None)
    if size == 1:
        yield World(chosen)
        return
    end_with_parent(signal.SIGKILL)  # a killed torchrun would else leave processes that go on writing
    try:
        found = init_distributed_device_so(chosen.type)
    except ValueError as error:
        raise ConfigError(
            f"the environment speaks of {size} processes, but they cannot meet ({error}): start them with torchrun"
        ) from error
    yield World(torch.device(found["device"]), found["global_rank"], found["world_size"])
    distributed.destroy_process_group()  # not after an error: the others may wait for this process
