"""A network's first convolution as a call of a native kernel that takes the pixels as they come."""

import torch.nn.functional as F
from timm.layers import Conv2dSame
from timm.layers.padding import get_same_padding
from torch import Tensor, fx, nn

from groupnl.card import InputConfig
from groupnl.inference.native import build as native
from groupnl.inference.pixels import normalisation
from groupnl.inference.rewrite.graph import dense_convolution_of, only_user, replace_module
from groupnl.inference.rewrite.native_layer import take_activation
from groupnl.inference.rewrite.pointwise import packed

_KERNELS = (3, 5, 7)


class Stem(nn.Module):
    """What a network's first convolution and its activation make of pixels.

    Shapes: uint8 (B, 3, S, S) -> (B, m, S', S') of the variant's dtype, in channels-last memory.

    Args:
        conv: one that `can_be_stem` accepts.
        activation: behind it, by name.
        config: of the network's input, whose normalisation comes first.
        variant: of the kernels; loaded.
    """

    def __init__(self, conv: nn.Conv2d, activation: str, config: InputConfig, variant: native.Variant) -> None:
        super().__init__()
        weight, bias = taps(conv.weight, conv.bias, variant)
        scale, shift = (values.flatten() for values in normalisation(config))
        self.scale, self.shift, self.weight, self.bias = (
            nn.Parameter(values, requires_grad=False) for values in (scale, shift, weight, bias)
        )
        self.geometry = conv.kernel_size[0], conv.stride[0], *_padding(conv, config.size)
        self.outputs, self.activation, self.variant = conv.out_channels, activation, variant

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, m, S', S')."""
        result: Tensor = self.variant.operators.stem_layer(
            *(pixels, self.scale, self.shift, self.weight, self.bias, self.outputs, *self.geometry, self.activation)
        )
        return result


def taps(weight: Tensor, bias: Tensor | None, variant: native.Variant) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution of pixels as the kernel wants them.

    Args:
        weight: (outputs, 3, kernel, kernel).
        bias: (outputs,).
        variant: of the kernel.

    Returns:
        As `packed` gives them for the 1x1 convolution of all pixels in reach.
    """
    reached = weight.permute(0, 2, 3, 1).flatten(1)  # colours side by side, as in a row of pixels
    pairs = F.pad(reached, (0, -reached.shape[1] % variant.together))
    return packed(pairs[:, :, None, None], bias, variant)


def _padding(conv: nn.Conv2d, size: int) -> tuple[int, int]:
    """Before an image of this size and after it."""
    kernel, stride = conv.kernel_size[0], conv.stride[0]
    if isinstance(conv, Conv2dSame) or conv.padding == "same":
        both = get_same_padding(size, kernel, stride, 1)
        return both // 2, both - both // 2
    padding = 0 if conv.padding == "valid" else int(conv.padding[0])
    return padding, padding


def can_be_stem(conv: nn.Conv2d) -> bool:
    """Whether the kernel computes this."""
    is_square = len(set(conv.kernel_size)) == len(set(conv.stride)) == 1
    is_padded_alike = isinstance(conv.padding, str) or len(set(conv.padding)) == 1
    is_plain = conv.in_channels == 3 and conv.groups == 1 and conv.padding_mode == "zeros" and conv.dilation == (1, 1)
    return is_square and is_padded_alike and is_plain and conv.kernel_size[0] in _KERNELS


def use_stem(graph: fx.GraphModule, config: InputConfig, variant: native.Variant) -> bool:
    """Let a network in inference form take pixels, if the kernel can compute its first convolution.

    Args:
        graph: takes normalised images; afterwards pixels, uint8 (B, 3, S, S), if it was changed.
        config: of the network's input.
        variant: of the kernels; loaded.

    Returns:
        Whether it was changed.
    """
    images = next(node for node in graph.graph.nodes if node.op == "placeholder")
    node = only_user(images)
    conv = None if node is None else dense_convolution_of(graph, node)
    if node is None or conv is None or not can_be_stem(conv):
        return False
    replace_module(graph, node, Stem(conv, take_activation(graph, node), config, variant))
    graph.delete_all_unused_submodules()
    graph.recompile()
    return True
