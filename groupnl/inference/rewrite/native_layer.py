"""GroupNL layers as calls of the native kernels: on CPUs that multiply pairs of bfloat16 numbers.

A sparse layer's seed is a sum over pairs of neighbouring input channels, which is what such a CPU's dot product
instruction adds up. So there the layer needs no reordered channels, and norm, sine, affine and activation follow while
its seeds are near. Dense convolutions are the library's, and a kernel does what follows them.
"""

import numpy as np
import torch
from numpy.polynomial import chebyshev
from torch import Tensor, fx, nn

from groupnl.inference.native import build as native
from groupnl.inference.rewrite.fused import FusedGroupNL
from groupnl.inference.rewrite.graph import module_of, replace_module

_ACTIVATIONS: dict[type[nn.Module], str] = {
    nn.Identity: "none",
    nn.ReLU: "relu",
    nn.ReLU6: "relu6",
    nn.Hardswish: "hardswish",
    nn.SiLU: "silu",
}
# Of the sine, as a share of its amplitude: a twentieth of bfloat16's rounding.
_MAX_ERROR = 1e-4
_MAX_DEGREE = 16


class _Native(nn.Module):
    """What both kernels need of a layer."""

    def __init__(self, layer: FusedGroupNL) -> None:
        super().__init__()
        self.scale, self.shift = (
            nn.Parameter(values.flatten(), requires_grad=False) for values in (layer.seed_scale, layer.seed_shift)
        )
        self.polynomials = nn.Parameter(sine_polynomials(layer), requires_grad=False)
        self.activation = _ACTIVATIONS[type(layer.activation)]


class NativeGroupNL(_Native):
    """What a `FusedGroupNL` with a grouped seed convolution computes, with bfloat16 products.

    Shapes: (B, n, H, W) -> bfloat16 (B, m, H', W') in channels-last memory.

    Args:
        layer: one that `can_be_native` accepts.
    """

    def __init__(self, layer: FusedGroupNL) -> None:
        super().__init__(layer)
        conv = layer.conv
        weight = conv.weight.permute(2, 3, 0, 1).reshape(-1, conv.in_channels)  # a tap's pairs side by side
        self.weight = nn.Parameter(weight.to(torch.bfloat16).contiguous(), requires_grad=False)
        self.geometry = conv.kernel_size[0], conv.stride[0], int(conv.padding[0]), conv.dilation[0]

    def forward(self, x: Tensor) -> Tensor:
        """(B, n, H, W) -> (B, m, H', W')."""
        result: Tensor = torch.ops.groupnl.sparse_layer(
            x.to(torch.bfloat16),
            self.weight,
            self.scale,
            self.shift,
            self.polynomials,
            *self.geometry,
            self.activation,
        )
        return result


class FinishedGroupNL(_Native):
    """What a `FusedGroupNL` computes: its convolution, and in bfloat16 one call for all that follows.

    Shapes: (B, n, H, W) -> bfloat16 (B, m, H', W') in channels-last memory.

    Args:
        layer: one that `can_be_finished` accepts.
    """

    def __init__(self, layer: FusedGroupNL) -> None:
        super().__init__(layer)
        self.conv = layer.conv
        self.sources = nn.Parameter(_sources(layer), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n, H, W) -> (B, m, H', W')."""
        seeds = self.conv(x).to(torch.bfloat16)
        result: Tensor = torch.ops.groupnl.finish_layer(
            seeds, self.scale, self.shift, self.polynomials, self.sources, self.activation
        )
        return result


def _sources(layer: FusedGroupNL) -> Tensor:
    """The seed that each generated map is made of: int32 of shape (m - s,)."""
    seeds = layer.seed_scale.shape[1]
    blocks = torch.arange(seeds, dtype=torch.int32).view(layer.terms, 1, -1)
    return blocks.expand(-1, layer.copies, -1).flatten()


def use_native_layers(graph: fx.GraphModule) -> int:
    """Replace the GroupNL layers of a network in inference form, not reordered; returns how many."""
    replaced = 0
    for node in graph.graph.nodes:
        layer = module_of(graph, node)
        if isinstance(layer, FusedGroupNL) and (native_layer := _native(layer)) is not None:
            replace_module(graph, node, native_layer)
            replaced += 1
    graph.recompile()
    return replaced


def _native(layer: FusedGroupNL) -> nn.Module | None:
    if can_be_native(layer):
        return NativeGroupNL(layer)
    return FinishedGroupNL(layer) if can_be_finished(layer) else None


def can_be_finished(layer: FusedGroupNL) -> bool:
    """Whether a kernel computes all that follows this layer's convolution."""
    if layer.parts > 1 or layer.shuffle or type(layer.activation) not in _ACTIVATIONS:
        return False
    return degree_needed(layer) is not None


def can_be_native(layer: FusedGroupNL) -> bool:
    """Whether the kernel computes this layer: ratio 2, two inputs a seed, a square kernel, zero padding."""
    conv = layer.conv
    if layer.inputs_per_seed != 2 or layer.copies != 1 or conv.padding_mode != "zeros" or not can_be_finished(layer):
        return False
    if isinstance(conv.padding, str) or any(len(set(pair)) > 1 for pair in _pairs(conv)):
        return False
    return native.supports(conv.kernel_size[0], conv.stride[0], conv.dilation[0], conv.in_channels)


def _pairs(conv: nn.Conv2d) -> tuple[tuple[int | str, ...], ...]:
    return conv.kernel_size, conv.stride, tuple(conv.padding), conv.dilation


def degree_needed(layer: FusedGroupNL) -> int | None:
    """Degree of the polynomials in v, |v| <= 1, that stand for the layer's sines; None if it would be too high."""
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
        if sum(float(errors.max()) for errors in fits) < _MAX_ERROR:
            return degree
    return None


def sine_polynomials(layer: FusedGroupNL) -> Tensor:
    """Coefficients of polynomials in v for sin(v * period + phase) * scale + shift, one for each channel.

    Returns:
        float32 of shape (degree + 1, s), the lowest power first.
    """
    degree = degree_needed(layer)
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
