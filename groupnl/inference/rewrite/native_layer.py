"""GroupNL layers as calls of the native kernels, on CPUs that have a variant of them.

A sparse layer's seed is a sum over pairs of neighbouring input channels, which the kernel adds up as they are. So there
the layer needs no reordered channels, and norm, sine, affine and activation follow while its seeds are near. Dense
convolutions are the library's, and a kernel does what follows them.
"""

import numpy as np
import torch
from numpy.polynomial import chebyshev
from timm.layers import Conv2dSame, pad_same
from torch import Tensor, fx, nn

from groupnl.inference.native import build as native
from groupnl.inference.rewrite.fused import FusedGroupNL
from groupnl.inference.rewrite.graph import bypass, module_of, only_user, replace_module
from groupnl.inference.rewrite.pointwise import Pointwise

ACTIVATIONS: dict[type, str] = {
    nn.Identity: "none",
    nn.ReLU: "relu",
    nn.ReLU6: "relu6",
    nn.Hardswish: "hardswish",
    nn.SiLU: "silu",
}
# Of the sine, as a share of its amplitude: a twentieth of bfloat16's rounding, about float32's.
_MAX_ERRORS = {torch.bfloat16: 1e-4, torch.float32: 1e-7}
_MAX_DEGREE = 16


def take_activation(graph: fx.GraphModule, node: fx.Node) -> str:
    """Take out the activation that alone uses a node's value; its name, "none" where kernels know none there."""
    after = only_user(node)
    activation = None if after is None else ACTIVATIONS.get(type(module_of(graph, after)))
    if after is None or activation is None:
        return "none"
    bypass(graph, after)
    return activation


class _Native(nn.Module):
    """What both kernels need of a layer."""

    def __init__(self, layer: FusedGroupNL, variant: native.Variant) -> None:
        super().__init__()
        self.variant = variant
        self.scale, self.shift = (
            nn.Parameter(values.flatten(), requires_grad=False) for values in (layer.seed_scale, layer.seed_shift)
        )
        self.polynomials = nn.Parameter(sine_polynomials(layer, variant.dtype), requires_grad=False)
        self.activation = ACTIVATIONS[type(layer.activation)]


class NativeGroupNL(_Native):
    """What a `FusedGroupNL` with a grouped seed convolution computes, and 1x1 convolutions around it.

    Shapes: (B, n, H, W) -> (B, m, H', W') of the variant's dtype, in channels-last memory; n is what `expand` takes and
    m what `project` gives, where they are set.

    Args:
        layer: one that `can_be_native` accepts.
        variant: of the kernels; loaded.

    Attributes:
        expand: the convolution before the layer, and `expand_activation` that follows it.
        project: the convolution behind the layer.
        has_shortcut: whether x is added to what `project` gives.
        pads_first: whether padding that is not the same on both sides, which the kernel does not know, comes before it;
            then `expand` is not set, as what it makes is padded.
    """

    def __init__(self, layer: FusedGroupNL, variant: native.Variant) -> None:
        super().__init__(layer, variant)
        conv = layer.conv
        weight = conv.weight.permute(2, 3, 0, 1).reshape(-1, conv.in_channels)  # a tap's pairs side by side
        self.weight = nn.Parameter(weight.to(variant.dtype).contiguous(), requires_grad=False)
        self.geometry = conv.kernel_size[0], conv.stride[0], int(conv.padding[0]), conv.dilation[0]
        self.expand: Pointwise | None = None
        self.project: Pointwise | None = None
        self.expand_activation = "none"
        self.has_shortcut = False
        self.pads_first = isinstance(conv, Conv2dSame)

    def has_shape_of_x(self, outputs: int) -> bool:
        """Whether so many maps of the layer's size have the shape of x."""
        kernel, stride, padding, _ = self.geometry
        inputs = self.weight.shape[1] if self.expand is None else self.expand.inputs
        return stride == 1 and 2 * padding == kernel - 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, n, H, W) -> (B, m, H', W')."""
        if self.pads_first:
            kernel, stride, _, dilation = self.geometry
            x = pad_same(x, (kernel, kernel), (stride, stride), (dilation, dilation))
        result: Tensor = self.variant.operators.sparse_layer(
            x.to(self.variant.dtype),
            self.weight,
            self.scale,
            self.shift,
            self.polynomials,
            *self.geometry,
            self.activation,
            *((None, None) if self.expand is None else self.expand.arguments()[:2]),
            self.expand_activation,
            *((None, None, 0) if self.project is None else self.project.arguments()),
            self.has_shortcut,
        )
        return result


class FinishedGroupNL(_Native):
    """What a `FusedGroupNL` computes: its convolution, and one call for all that follows.

    Shapes: (B, n, H, W) -> (B, m, H', W') of the variant's dtype, in channels-last memory.

    Args:
        layer: one that `can_be_finished` accepts.
        variant: of the kernels; loaded.
    """

    def __init__(self, layer: FusedGroupNL, variant: native.Variant) -> None:
        super().__init__(layer, variant)
        self.conv: nn.Module = layer.conv
        self.sources = nn.Parameter(_sources(layer), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n, H, W) -> (B, m, H', W')."""
        seeds = self.conv(x).to(self.variant.dtype)
        result: Tensor = self.variant.operators.finish_layer(
            seeds, self.scale, self.shift, self.polynomials, self.sources, self.activation
        )
        return result


def _sources(layer: FusedGroupNL) -> Tensor:
    """The seed that each generated map is made of: int32 of shape (m - s,)."""
    seeds = layer.seed_scale.shape[1]
    blocks = torch.arange(seeds, dtype=torch.int32).view(layer.terms, 1, -1)
    return blocks.expand(-1, layer.copies, -1).flatten()


def use_native_layers(graph: fx.GraphModule, variant: native.Variant) -> int:
    """Replace the GroupNL layers of a network in inference form, not reordered.

    Args:
        graph: made by `to_inference` without reordering.
        variant: of the kernels; loaded.

    Returns:
        How many were replaced.
    """
    replaced = 0
    for node in graph.graph.nodes:
        layer = module_of(graph, node)
        if isinstance(layer, FusedGroupNL) and (native_layer := _native(layer, variant)) is not None:
            replace_module(graph, node, native_layer)
            replaced += 1
    graph.recompile()
    return replaced


def _native(layer: FusedGroupNL, variant: native.Variant) -> nn.Module | None:
    if can_be_native(layer, variant.dtype):
        return NativeGroupNL(layer, variant)
    return FinishedGroupNL(layer, variant) if can_be_finished(layer, variant.dtype) else None


def can_be_finished(layer: FusedGroupNL, dtype: torch.dtype) -> bool:
    """Whether a kernel for numbers of a dtype computes all that follows this layer's convolution."""
    if layer.parts > 1 or layer.shuffle or type(layer.activation) not in ACTIVATIONS:
        return False
    return degree_needed(layer, dtype) is not None


def can_be_native(layer: FusedGroupNL, dtype: torch.dtype) -> bool:
    """Whether the kernel computes this layer: ratio 2, two inputs a seed, a square kernel, zero padding."""
    conv = layer.conv
    if layer.inputs_per_seed != 2 or layer.copies != 1 or conv.padding_mode != "zeros":
        return False
    if not can_be_finished(layer, dtype):
        return False
    if isinstance(conv.padding, str) or any(len(set(pair)) > 1 for pair in _pairs(conv)):
        return False
    return native.supports(conv.kernel_size[0], conv.stride[0], conv.dilation[0], conv.in_channels)


def _pairs(conv: nn.Conv2d) -> tuple[tuple[int | str, ...], ...]:
    return conv.kernel_size, conv.stride, tuple(conv.padding), conv.dilation


def degree_needed(layer: FusedGroupNL, dtype: torch.dtype) -> int | None:
    """Degree of the polynomials in v, |v| <= 1, that stand for the layer's sines; None if it would be too high.

    Args:
        layer: any.
        dtype: of the result, which decides what they may be off by.
    """
    period = float(layer.period.abs().max())
    points = np.linspace(-1, 1, 501)
    for degree in range(3, _MAX_DEGREE + 1):
        # An even and an odd function: every phase mixes the two.
        nodes = chebyshev.chebpts1(degree + 1)
        waves = np.sin, np.cos
        series = [chebyshev.chebfit(nodes, wave(period * nodes), degree) for wave in waves]
        fits = [
            np.abs(chebyshev.chebval(points, fit) - wave(period * points))
            for fit, wave in zip(series, waves, strict=True)
        ]
        if sum(float(errors.max()) for errors in fits) < _MAX_ERRORS[dtype]:
            return degree
    return None


def sine_polynomials(layer: FusedGroupNL, dtype: torch.dtype) -> Tensor:
    """Coefficients of polynomials in v for sin(v * period + phase) * scale + shift, one for each channel.

    Args:
        layer: one that `can_be_finished` accepts.
        dtype: of the result, see `degree_needed`.

    Returns:
        float32 of shape (degree + 1, s), the lowest power first.
    """
    degree = degree_needed(layer, dtype)
    assert degree is not None  # noqa: S101 (asked before)
    period, phase, scale, shift = (
        values.double().flatten().numpy() for values in (layer.period, layer.phase, layer.scale, layer.shift)
    )
    nodes = chebyshev.chebpts1(degree + 1)[:, None]
    values = np.sin(nodes * period + phase)
    series = chebyshev.chebfit(nodes[:, 0], values, degree)
    columns = [chebyshev.cheb2poly(column) for column in series.T]
    powers = np.stack([np.pad(column, (0, degree + 1 - len(column))) for column in columns], axis=1) * scale
    powers[0] += shift
    return torch.from_numpy(powers).float()
