"""The GroupNL layer for graph runtimes (ONNX Runtime, OpenVINO), whose kernels fuse less than a compiler does.

They copy where a compiler reads in place: slices of a convolution's output, and the concatenation of seeds and
generated maps. So the layer takes its input's parts as several tensors, and gives its two halves as two.
"""

import copy
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from groupnl.inference.rewrite.fused import FusedGroupNL, sum_of_parts
from groupnl.inference.rewrite.sine import OddPolynomial, odd_polynomial, reduce_phase
from groupnl.layers.group_nl import EPSILON

# "operator": the runtime's own, for GPUs. "polynomial": where that is exact, for OpenVINO, which fuses all of it.
# "convolutions": the polynomial, and all else behind the seed convolution, as 1x1 convolutions and products, for ONNX
# Runtime on a CPU: those it computes in its blocked order of channels, while for anything else it reorders.
Sine = Literal["operator", "polynomial", "convolutions"]


class SplitGroupNL(nn.Module):
    """What a `FusedGroupNL` computes, with its input's parts and its output's halves apart.

    Shapes: as many (B, n / parts, H, W) as there are parts, or one (B, n, H, W) -> (B, s, H', W'), (B, m - s, H', W').

    Args:
        layer: fused; its weights are shared.
        sine: how it is computed.

    Attributes:
        dtype: of the output; what lies between the convolution and the output is float32.
    """

    def __init__(self, layer: FusedGroupNL, sine: Sine) -> None:
        super().__init__()
        self.whole = layer.conv
        self.parts = layer.parts
        self.convolutions = nn.ModuleList(rows(layer.conv, layer.parts))
        self.terms, self.copies, self.shuffle = layer.terms, layer.copies, layer.shuffle
        self.activation = layer.activation
        self.seed_scale, self.seed_shift = layer.seed_scale, layer.seed_shift
        self.period, self.phase, self.scale, self.shift = layer.period, layer.phase, layer.scale, layer.shift
        self.polynomial = None if sine == "operator" else self._fit()
        self.dtype = layer.conv.weight.dtype

    def _fit(self) -> OddPolynomial | None:
        """A polynomial for all channels, whose periods and phases are changed to fit; None where there is none."""
        reduced = reduce_phase(self.period, self.phase)
        polynomial = odd_polynomial(reduced.bound)
        if polynomial is not None:
            # The sign goes inside the sine, where no shuffle comes between.
            self.period = _constant(self.period.double() * reduced.sign / polynomial.bound)
            self.phase = _constant(reduced.phase * reduced.sign / polynomial.bound)
        return polynomial

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The seeds and the generated maps, both after scale, shift and activation."""
        seeds = self._normalise(self._convolve(inputs).to(torch.float32))
        generated = self._sine(self._affine(self._tile(seeds), self.period, self.phase))
        if self.shuffle:
            generated = F.channel_shuffle(generated, self.terms)
        return (
            self.activation(self._affine(seeds, self.seed_scale, self.seed_shift)).to(self.dtype),
            self.activation(self._affine(generated, self.scale, self.shift)).to(self.dtype),
        )

    def _normalise(self, seeds: Tensor) -> Tensor:
        """Let every pixel's norm over the channels be 1."""
        norm = torch.linalg.vector_norm(seeds, 2, 1, keepdim=True).clamp_min(EPSILON)
        # Not a division: all channels of a pixel share one reciprocal.
        return seeds * torch.reciprocal(norm)

    def _affine(self, values: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """Scale and shift each channel."""
        return values * scale + shift

    def _sine(self, arguments: Tensor) -> Tensor:
        """Of period * seed + phase; for a polynomial they are divided by its bound."""
        return torch.sin(arguments) if self.polynomial is None else self.polynomial(arguments)

    def _convolve(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """The seeds, (B, s, H', W')."""
        if len(inputs) == self.parts:
            return _sum([conv(value) for conv, value in zip(self.convolutions, inputs, strict=True)])
        return sum_of_parts(self.whole(*inputs), self.parts)

    def _tile(self, seeds: Tensor) -> Tensor:
        """(B, s, H', W') -> (B, m - s, H', W')."""
        if self.copies == 1:
            return seeds
        blocks = torch.unflatten(seeds, 1, (self.terms, 1, seeds.shape[1] // self.terms))
        return blocks.expand(-1, -1, self.copies, -1, -1, -1).flatten(1, 3)


class SummedConv(nn.Module):
    """A convolution of a concatenation that is never made: each part has its columns of the weights.

    Args:
        convolution: dense.
        widths: channels of each part.
    """

    def __init__(self, convolution: nn.Conv2d, widths: list[int]) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(columns(convolution, widths))

    def forward(self, *parts: Tensor) -> Tensor:
        """The parts, in their order -> what the convolution gives for their concatenation."""
        return _sum([conv(part) for conv, part in zip(self.convolutions, parts, strict=True)])


def _sum(values: list[Tensor]) -> Tensor:
    """One addition after another, which runtimes fuse with the convolutions."""
    result = values[0]
    for value in values[1:]:
        result = result + value
    return result


def rows(convolution: nn.Conv2d, parts: int) -> list[nn.Conv2d]:
    """Convolutions that give a dense or depthwise convolution's output in `parts` equal parts.

    Those of a depthwise one take their part of the input, those of a dense one all of it.
    """
    width = convolution.out_channels // parts
    inputs = convolution.in_channels if convolution.groups == 1 else width
    groups = 1 if convolution.groups == 1 else convolution.groups // parts
    bias = _chunks(convolution.bias, parts)
    return [
        _like(convolution, inputs, groups, weight, bias[index])
        for index, weight in enumerate(convolution.weight.chunk(parts, 0))
    ]


def columns(convolution: nn.Conv2d, widths: list[int]) -> list[nn.Conv2d]:
    """Convolutions whose outputs' sum is the dense convolution's output for its input in parts of these widths."""
    weights = torch.split(convolution.weight, widths, 1)
    return [
        _like(convolution, width, 1, weight, convolution.bias if index == 0 else None)
        for index, (width, weight) in enumerate(zip(widths, weights, strict=True))
    ]


def _chunks(bias: Tensor | None, parts: int) -> list[Tensor | None]:
    return [None] * parts if bias is None else list(bias.chunk(parts, 0))


def _like(convolution: nn.Conv2d, inputs: int, groups: int, weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """A convolution of the same geometry with other weights."""
    result = copy.copy(convolution)  # keeps stride, padding, dilation and padding mode
    result._parameters = {"weight": None, "bias": None}
    result.in_channels, result.out_channels, result.groups = inputs, len(weight), groups
    result.weight = _frozen(weight)
    result.bias = None if bias is None else _frozen(bias)
    return result


def _frozen(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values.detach().contiguous(), requires_grad=False)


def _constant(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values.float(), requires_grad=False)
