"""3x3 convolutions of stride 1 as calls of a native kernel that takes less than half of the products, in float32."""

import torch
from torch import Tensor, fx, nn

from groupnl.inference.native import build as native
from groupnl.inference.rewrite.graph import (
    ADDITIONS,
    bypass,
    dense_convolution_of,
    module_of,
    only_user,
    other_operand,
    pointwise_of,
    replace_module,
    take_addition,
)
from groupnl.inference.rewrite.native_layer import FinishedGroupNL, take_activation
from groupnl.inference.rewrite.pointwise import Pointwise, packed

_MIN_INPUTS = 8  # with fewer, what makes the terms takes longer than the products that they save
# Lavin & Gray, CVPR 2016, F(2x2, 3x3): the four terms of three weights in a row.
_TERMS = torch.tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], dtype=torch.float64)


class Winograd(nn.Module):
    """What a 3x3 convolution computes, and what is behind it.

    Shapes: (B, n, H, W) -> (B, m, H, W) of float32, channels-last; m is what `project` gives, where it is set.

    Args:
        conv: one that `can_be_winograd` accepts.
        variant: of the kernels, for float32; loaded.

    Attributes:
        activation: behind the convolution, by name.
        project: the 1x1 convolution behind that.
        has_shortcut: whether x is added to the result.
    """

    def __init__(self, conv: nn.Conv2d, variant: native.Variant) -> None:
        super().__init__()
        weight, bias = terms(conv.weight, conv.bias, variant)
        self.weight, self.bias = (nn.Parameter(values, requires_grad=False) for values in (weight, bias))
        self.inputs, self.channels = conv.in_channels, conv.out_channels
        self.activation = "none"
        self.project: Pointwise | None = None
        self.has_shortcut = False
        self.variant = variant

    def forward(self, x: Tensor) -> Tensor:
        """(B, n, H, W) -> (B, m, H, W)."""
        result: Tensor = self.variant.operators.winograd_layer(
            x,
            self.weight,
            self.bias,
            self.channels,
            self.activation,
            *((None, None, 0) if self.project is None else self.project.arguments()),
            self.has_shortcut,
        )
        return result


def terms(weight: Tensor, bias: Tensor | None, variant: native.Variant) -> tuple[Tensor, Tensor]:
    """Weight and bias of a 3x3 convolution as the kernel wants them.

    Args:
        weight: (outputs, inputs, 3, 3).
        bias: (outputs,).
        variant: of the kernel.

    Returns:
        Weight (16 * registers of outputs, inputs * lanes), the terms one after the other, each as `packed` gives it,
        and bias (registers * lanes,).
    """
    of_all = torch.einsum("ik,ockl,jl->ijoc", _TERMS, weight.double(), _TERMS).flatten(0, 1).to(weight.dtype)
    panels = [packed(term[:, :, None, None], bias, variant) for term in of_all]
    return torch.cat([panel for panel, _ in panels]), panels[0][1]


def can_be_winograd(conv: nn.Module, variant: native.Variant) -> bool:
    """Whether the kernel computes this; maps below 4 pixels a side, which it is slow for, are not told apart."""
    if type(conv) is not nn.Conv2d or variant.dtype != torch.float32 or conv.in_channels < _MIN_INPUTS:
        return False
    is_plain = conv.groups == 1 and conv.stride == conv.dilation == (1, 1) and conv.padding_mode == "zeros"
    return is_plain and conv.kernel_size == (3, 3) and conv.padding in ((1, 1), "same")


def use_winograd(graph: fx.GraphModule, variant: native.Variant) -> int:
    """Replace the 3x3 convolutions of a network in inference form, and let the kernel compute what follows them.

    Args:
        graph: with the layers of `use_native_layers`, if it has any.
        variant: of the kernels; loaded.

    Returns:
        How many were replaced.
    """
    replaced = 0
    for node in list(graph.graph.nodes):
        layer = module_of(graph, node)
        if isinstance(layer, FinishedGroupNL) and isinstance(layer.conv, nn.Conv2d):
            if can_be_winograd(layer.conv, variant):
                layer.conv = Winograd(layer.conv, variant)
                replaced += 1
        elif (conv := dense_convolution_of(graph, node)) is not None and can_be_winograd(conv, variant):
            replace_module(graph, node, _with_what_follows(graph, node, Winograd(conv, variant)))
            replaced += 1
    graph.delete_all_unused_submodules()
    graph.recompile()
    return replaced


def _with_what_follows(graph: fx.GraphModule, node: fx.Node, layer: Winograd) -> Winograd:
    layer.activation = take_activation(graph, node)
    _join_projection(graph, node, layer)
    outputs = layer.channels if layer.project is None else layer.project.outputs
    layer.has_shortcut = outputs == layer.inputs and take_addition(graph, node, node.all_input_nodes[0])
    return layer


def _join_projection(graph: fx.GraphModule, node: fx.Node, layer: Winograd) -> None:
    after = only_user(node)
    convolution = None if after is None else pointwise_of(graph, after)
    if after is None or convolution is None:
        return
    # oneDNN adds what comes from elsewhere in the same pass.
    last = only_user(after)
    other = None if last is None else other_operand(last, after, ADDITIONS)
    if other is not None and other is not node.all_input_nodes[0]:
        return
    layer.project = Pointwise(convolution, layer.variant)
    bypass(graph, after)
