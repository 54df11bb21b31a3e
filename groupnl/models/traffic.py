"""What processes that train a network together send in each step; tests hold it against what they did send."""

from typing import NamedTuple

from torch import nn


class Traffic(NamedTuple):
    """Bytes of one step, as DistributedDataParallel has it.

    Attributes:
        gradients: summed over all processes (all-reduce): one number for each weight that is learned.
        buffers: sent by the first process to the others (broadcast): the batch norms' running statistics.
    """

    gradients: int
    buffers: int


def traffic_of(network: nn.Module) -> Traffic:
    """Bytes that a step of `network` sends; periods and shifts of a GroupNL layer are fixed and are not sent."""
    learned = (weight for weight in network.parameters() if weight.requires_grad)
    return Traffic(
        sum(weight.numel() * weight.element_size() for weight in learned),
        sum(buffer.numel() * buffer.element_size() for buffer in network.buffers()),
    )
