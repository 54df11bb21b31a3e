"""1x1 convolutions around a sparse GroupNL layer as calls of the native kernels.

An inverted residual becomes one call, in which nothing of its many channels goes through memory. With squeeze and
excitation, which looks at whole maps, it becomes three: up to the maps, the gates, and what is behind them.
"""

from torch import Tensor, fx, nn

from groupnl.inference.native import build as native
from groupnl.inference.rewrite import fold
from groupnl.inference.rewrite.graph import (
    PRODUCTS,
    bypass,
    is_written,
    module_of,
    only_user,
    other_operand,
    pointwise_of,
    replace_module,
    take_addition,
)
from groupnl.inference.rewrite.native_layer import ACTIVATIONS, NativeGroupNL
from groupnl.inference.rewrite.pointwise import Pointwise

_GATES: dict[type, str] = {
    nn.Sigmoid: "sigmoid",
    nn.Hardsigmoid: "hardsigmoid",
}


class Gates(nn.Module):
    """Squeeze and excitation's gates: what two 1x1 convolutions make of the maps' means.

    Shapes: (B, n, H, W) -> (B, n, 1, 1) of the variant's dtype.

    Args:
        squeeze: the first convolution.
        activation: that follows it, by name.
        excite: the second.
        gate: that follows this one, by name.
        variant: of the kernels; loaded.
    """

    def __init__(
        self, squeeze: nn.Conv2d, activation: str, excite: nn.Conv2d, gate: str, variant: native.Variant
    ) -> None:
        super().__init__()
        self.squeeze, self.excite = Pointwise(squeeze, variant), Pointwise(excite, variant)
        self.activation, self.gate = activation, gate
        self.variant = variant

    def forward(self, x: Tensor) -> Tensor:
        """(B, n, H, W) -> (B, n, 1, 1)."""
        result: Tensor = self.variant.operators.gates_layer(
            x.to(self.variant.dtype),
            *self.squeeze.arguments(),
            self.activation,
            *self.excite.arguments()[:2],
            self.gate,
        )
        return result


class GatedPointwise(nn.Module):
    """A 1x1 convolution of maps times gates, with a shortcut.

    Shapes: (B, n, H, W), (B, n, 1, 1) and, if there is a shortcut, (B, m, H, W) -> (B, m, H, W) of the variant's dtype.

    Args:
        conv: the convolution.
        variant: of the kernels; loaded.
    """

    def __init__(self, conv: nn.Conv2d, variant: native.Variant) -> None:
        super().__init__()
        self.pointwise = Pointwise(conv, variant)
        self.variant = variant

    def forward(self, x: Tensor, gates: Tensor, shortcut: Tensor | None = None) -> Tensor:
        """(B, n, H, W) -> (B, m, H, W)."""
        dtype = self.variant.dtype
        result: Tensor = self.variant.operators.pointwise_layer(
            x.to(dtype),
            *self.pointwise.arguments(),
            "none",
            gates.to(dtype),
            None if shortcut is None else shortcut.to(dtype),
        )
        return result


def join_convolutions(graph: fx.GraphModule) -> None:
    """Let the kernels compute the 1x1 convolutions before and behind native layers, and the shortcut around all.

    A call reads some of its inputs earlier or later than the network did: what is changed in place stays outside.

    Args:
        graph: with the layers of `use_native_layers`.
    """
    for node in list(graph.graph.nodes):
        layer = module_of(graph, node)
        if isinstance(layer, NativeGroupNL):
            _join_expansion(graph, node, layer)
            _join_projection(graph, node, layer)
            _join_gated_projection(graph, node, layer)
    graph.delete_all_unused_submodules()
    graph.recompile()


def _join_expansion(graph: fx.GraphModule, node: fx.Node, layer: NativeGroupNL) -> None:
    if layer.pads_first:
        return
    last = before = node.all_input_nodes[0]
    activation = ACTIVATIONS.get(type(module_of(graph, last)))
    if activation is not None:
        before = last.all_input_nodes[0]
    convolution = _pointwise_of(graph, before, layer.variant)
    if convolution is None or len(before.users) > 1 or len(last.users) > 1:
        return
    if is_written(graph, before.all_input_nodes[0]):
        return
    layer.expand = Pointwise(convolution, layer.variant)
    layer.expand_activation = activation or "none"
    for joined in dict.fromkeys((last, before)):
        bypass(graph, joined)


def _join_projection(graph: fx.GraphModule, node: fx.Node, layer: NativeGroupNL) -> None:
    after = only_user(node)
    convolution = None if after is None else _pointwise_of(graph, after, layer.variant)
    if after is None or convolution is None:
        return
    layer.project = Pointwise(convolution, layer.variant)
    bypass(graph, after)
    is_of_shape = layer.has_shape_of_x(convolution.out_channels)
    layer.has_shortcut = is_of_shape and take_addition(graph, node, node.all_input_nodes[0])


def _join_gated_projection(graph: fx.GraphModule, node: fx.Node, layer: NativeGroupNL) -> None:
    for product in node.users:
        gates, after = other_operand(product, node, PRODUCTS), only_user(product)
        convolution = None if after is None else _pointwise_of(graph, after, layer.variant)
        if gates is None or after is None or convolution is None:
            continue
        if is_written(graph, node) or is_written(graph, gates):
            continue
        chain = _chain_to(graph, gates, node, convolution.in_channels)
        if chain is None:
            continue
        x = node.all_input_nodes[0]
        replace_module(graph, after, GatedPointwise(convolution, layer.variant))
        after.args = (node, gates)
        graph.graph.erase_node(product)
        if layer.has_shape_of_x(convolution.out_channels) and take_addition(graph, after, x):
            after.args = (node, gates, x)
        _join_gates(graph, node, chain, layer.variant)
        return


def _chain_to(graph: fx.GraphModule, gates: fx.Node, maps: fx.Node, channels: int) -> list[fx.Node] | None:
    """The maps' means and the modules' calls that make gates of them, in order; None if they are made otherwise.

    Args:
        graph: of the network.
        gates: the last.
        maps: whose means they are made of.
        channels: of the maps; there must be a gate for each.
    """
    chain = [gates]
    while isinstance(module_of(graph, chain[-1]), fold.ACTIVATIONS) or pointwise_of(graph, chain[-1]):
        chain.append(chain[-1].all_input_nodes[0])
    means = chain[-1]
    is_mean = means.op == "call_method" and means.target == "mean" and means.args[1:] == ((2, 3),)
    if not is_mean or means.args[0] is not maps or means.kwargs != {"keepdim": True}:
        return None
    widths = [convolution.out_channels for node in chain if (convolution := pointwise_of(graph, node))]
    return chain[::-1] if not widths or widths[0] == channels else None


def _join_gates(graph: fx.GraphModule, maps: fx.Node, chain: list[fx.Node], variant: native.Variant) -> None:
    if len(chain) != 5 or any(len(node.users) > 1 for node in chain[:-1]):
        return
    _, first, between, second, last = chain
    squeeze, excite = (_pointwise_of(graph, node, variant) for node in (first, second))
    activation, gate = ACTIVATIONS.get(type(module_of(graph, between))), _GATES.get(type(module_of(graph, last)))
    if squeeze is None or excite is None or activation is None or gate is None:
        return
    replace_module(graph, first, Gates(squeeze, activation, excite, gate, variant))
    first.args = (maps,)
    last.replace_all_uses_with(first)
    for node in (last, second, between, chain[0]):
        graph.graph.erase_node(node)


def _pointwise_of(graph: fx.GraphModule, node: fx.Node, variant: native.Variant) -> nn.Conv2d | None:
    """The 1x1 convolution that a node alone calls, if the kernels can compute it."""
    convolution = pointwise_of(graph, node)
    return None if convolution is None or convolution.in_channels % variant.together else convolution
