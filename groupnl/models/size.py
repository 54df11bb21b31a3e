"""What a network costs, found without computing anything."""

from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


class NetworkSize(NamedTuple):
    """What a network costs.

    Attributes:
        parameters: all of them, those that are never trained among them.
        trained: parameters that are trained.
        macs: multiply-accumulates (convolutions and matrix products) of one image.
    """

    parameters: int
    trained: int
    macs: int


def size_of(network: nn.Module, size: int) -> NetworkSize:
    """Parameters, and multiply-accumulates of one `size` x `size` RGB image.

    Args:
        network: built on torch's meta device, where tensors have no memory; it is put into evaluation mode.
        size: pixels.
    """
    image = torch.empty(1, 3, size, size, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(image)
    parameters = list(network.parameters())
    return NetworkSize(
        sum(tensor.numel() for tensor in parameters),
        sum(tensor.numel() for tensor in parameters if tensor.requires_grad),
        counter.get_total_flops() // 2,  # torch counts a multiply-accumulate as two operations
    )
