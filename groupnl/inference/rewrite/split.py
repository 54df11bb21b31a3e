"""The rewrite's last step for graph runtimes: no slices, no concatenations around GroupNL layers."""

import copy
import operator

import torch
from torch import fx

from groupnl.inference.rewrite.convolved_layer import ConvolvedGroupNL
from groupnl.inference.rewrite.fold import ACTIVATIONS
from groupnl.inference.rewrite.fused import FusedGroupNL
from groupnl.inference.rewrite.graph import dense_convolution_of, module_of, replace_module
from groupnl.inference.rewrite.split_layer import Sine, SplitGroupNL, SummedConv, rows

_KINDS: dict[Sine, type[SplitGroupNL]] = {
    "operator": SplitGroupNL,
    "polynomial": SplitGroupNL,
    "convolutions": ConvolvedGroupNL,
}


def split_layers(graph: fx.GraphModule, sine: Sine) -> fx.GraphModule:
    """A copy of a network in inference form, whose GroupNL layers pass on their parts one by one.

    A convolution before such a layer becomes one for each part, a convolution behind it one for each half, whose
    outputs are added; squeeze and excitation between is done half by half. Where the network does not allow it,
    the layer's input is cut, or its halves are joined.

    Args:
        graph: made by `to_inference`.
        sine: how the sines are computed.
    """
    result = copy.deepcopy(graph)
    for node in list(result.graph.nodes):
        layer = module_of(result, node)
        if isinstance(layer, FusedGroupNL):
            replace_module(result, node, _KINDS[sine](layer, sine))
            _split_input(result, node, layer.parts)
            _split_output(result, node, [layer.seed_scale.shape[1], layer.scale.shape[1]])
    result.graph.eliminate_dead_code()
    result.delete_all_unused_submodules()
    result.graph.lint()
    result.recompile()
    return result


def _split_input(graph: fx.GraphModule, node: fx.Node, parts: int) -> None:
    """Let a layer take its parts from convolutions of their own, if one convolution alone feeds it."""
    if parts == 1:
        return
    activation, writer = None, node.all_input_nodes[0]
    if isinstance(module_of(graph, writer), ACTIVATIONS):
        activation, writer = writer, writer.all_input_nodes[0]
    between = [writer] if activation is None else [writer, activation]
    convolution = dense_convolution_of(graph, writer)
    if convolution is None or any(len(value.users) > 1 for value in between):
        return
    inputs = []
    for index, part in enumerate(rows(convolution, parts)):
        name = f"{writer.target}_part{index}"
        graph.add_submodule(name, part)
        with graph.graph.inserting_before(node):
            value = graph.graph.call_module(name, writer.args)
            if activation is not None:
                value = graph.graph.call_module(str(activation.target), (value,))
            inputs.append(value)
    node.args = tuple(inputs)


def _split_output(graph: fx.GraphModule, node: fx.Node, widths: list[int]) -> None:
    """Let whoever reads the layer's output read its halves; whoever cannot gets them joined."""
    users = list(node.users)
    with graph.graph.inserting_after(node):
        second = graph.graph.call_function(operator.getitem, (node, 1))
        first = graph.graph.call_function(operator.getitem, (node, 0))
    halves = [first, second]
    if len(users) == 2:
        users = _split_gate(graph, users, halves, widths) or users
    for user in users:
        convolution = dense_convolution_of(graph, user)
        if convolution is not None:
            replace_module(graph, user, SummedConv(convolution, widths))
            user.args = tuple(halves)
    left = [user for user in users if node in user.all_input_nodes]
    if left:
        with graph.graph.inserting_after(second):
            joined = graph.graph.call_function(torch.cat, (halves, 1))
        for user in left:
            user.replace_input_with(node, joined)


def _split_gate(
    graph: fx.GraphModule, users: list[fx.Node], halves: list[fx.Node], widths: list[int]
) -> list[fx.Node] | None:
    """Squeeze and excitation, half by half: the means are joined, the gates are cut.

    Args:
        graph: the network.
        users: of the layer's output; two.
        halves: of the layer's output; replaced by the gated ones.
        widths: of the halves.

    Returns:
        Who uses the gated output; None if this is no squeeze and excitation.
    """
    means = [user for user in users if user.op == "call_method" and user.target == "mean"]
    products = [user for user in users if user.op == "call_function" and user.target in (operator.mul, torch.mul)]
    if len(means) != 1 or len(products) != 1 or means[0].args[1:] != ((2, 3),):
        return None
    mean, product = means[0], products[0]
    layer = mean.all_input_nodes[0]
    gates = [value for value in product.all_input_nodes if value is not layer]
    readers = list(product.users)
    if len(gates) != 1 or any(dense_convolution_of(graph, reader) is None for reader in readers):
        return None
    with graph.graph.inserting_before(mean):
        squeezed = [graph.graph.call_method("mean", (half, *mean.args[1:]), mean.kwargs) for half in halves]
        mean.replace_all_uses_with(graph.graph.call_function(torch.cat, (squeezed, 1)))
    with graph.graph.inserting_before(product):
        cut = graph.graph.call_function(torch.split, (gates[0], widths, 1))
        for index, half in enumerate(halves):
            gate = graph.graph.call_function(operator.getitem, (cut, index))
            halves[index] = graph.graph.call_function(operator.mul, (half, gate))
    for reader in readers:
        reader.replace_input_with(product, layer)
    graph.graph.erase_node(product)
    graph.graph.erase_node(mean)
    return readers
