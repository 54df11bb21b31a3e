"""Channels in another order, so that sparse seed convolutions become depthwise ones: the last pass of the rewrite.

A seed of the sparse GroupNL layer sees neighbouring input channels. Where all first inputs come before all second ones,
the seeds are the sum of a depthwise convolution's two halves. The order is changed where the channels are made: in the
rows of the convolutions that write them, and in the columns of those that read them too (behind a residual, say).
"""

import operator
from dataclasses import dataclass, field

import torch
from torch import Tensor, fx, nn

from groupnl.inference.rewrite.fold import ACTIVATIONS
from groupnl.inference.rewrite.fused import FusedGroupNL
from groupnl.inference.rewrite.graph import dense_convolution_of, is_called_once, module_of

_SUMS = (operator.add, operator.iadd, torch.add)


@dataclass
class _Channels:
    """All values that must keep one order of channels, and who writes and reads them.

    Attributes:
        values: nodes whose outputs share the order.
        writers: dense convolutions whose outputs they are.
        readers: dense convolutions that read them.
        layers: sparse GroupNL layers that read them.
    """

    values: set[fx.Node] = field(default_factory=set)
    writers: list[nn.Conv2d] = field(default_factory=list)
    readers: list[nn.Conv2d] = field(default_factory=list)
    layers: list[FusedGroupNL] = field(default_factory=list)


def reorder_channels(graph: fx.GraphModule) -> None:
    """Reorder what comes before each sparse GroupNL layer; where the network does not allow it the layer is left."""
    for node in graph.graph.nodes:
        layer = module_of(graph, node)
        if isinstance(layer, FusedGroupNL) and layer.inputs_per_seed > 1:
            channels = _follow(graph, node.all_input_nodes[0])
            if channels is not None:
                _reorder(channels, layer.inputs_per_seed)


def _follow(graph: fx.GraphModule, start: fx.Node) -> _Channels | None:
    """What shares the order of a value's channels; None if something does that cannot be reordered."""
    found, todo = _Channels(), [start]
    while todo:
        node = todo.pop()
        if node in found.values:
            continue
        found.values.add(node)
        if not _look_before(graph, node, found, todo):
            return None
        if not all(_look_behind(graph, user, found, todo) for user in node.users):
            return None
    same = {layer.inputs_per_seed for layer in found.layers}
    return found if len(same) == 1 else None


def _look_before(graph: fx.GraphModule, node: fx.Node, found: _Channels, todo: list[fx.Node]) -> bool:
    """Note who made a value; False if that cannot be reordered."""
    module = module_of(graph, node)
    if _keeps_order(node, module):
        todo.extend(node.all_input_nodes)
        return True
    convolution = dense_convolution_of(graph, node)
    if convolution is None:
        return False
    found.writers.append(convolution)
    return True


def _look_behind(graph: fx.GraphModule, user: fx.Node, found: _Channels, todo: list[fx.Node]) -> bool:
    """Note who reads a value; False if that cannot be reordered."""
    module = module_of(graph, user)
    if _keeps_order(user, module):
        todo.append(user)
        return True
    if isinstance(module, FusedGroupNL) and module.inputs_per_seed > 1 and is_called_once(graph, user):
        found.layers.append(module)
        return True
    convolution = dense_convolution_of(graph, user)
    if convolution is None:
        return False
    found.readers.append(convolution)
    return True


def _keeps_order(node: fx.Node, module: nn.Module | None) -> bool:
    """Whether a node acts on each number alone, or adds two values of the same shape."""
    if isinstance(module, ACTIVATIONS):
        return True
    return node.op == "call_function" and node.target in _SUMS and len(node.all_input_nodes) == 2


def _reorder(channels: _Channels, parts: int) -> None:
    order = torch.arange(channels.layers[0].conv.in_channels).view(-1, parts).t().flatten()
    for writer in channels.writers:
        writer.weight = _frozen(writer.weight[order])
        if writer.bias is not None:
            writer.bias = _frozen(writer.bias[order])
    for reader in channels.readers:
        reader.weight = _frozen(reader.weight[:, order])
    for layer in channels.layers:
        layer.take_reordered()


def _frozen(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values.contiguous(), requires_grad=False)
