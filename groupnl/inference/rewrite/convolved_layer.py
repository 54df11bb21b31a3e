"""The GroupNL layer for ONNX Runtime on a CPU: all of it as convolutions and products.

There a convolution's output has its channels in blocks of a vector's width. Products and 1x1 convolutions keep that
order, and an addition or an activation behind a convolution is fused with it; whatever else comes in between costs a
reordering before and behind it, and a pass over memory for each operator. (Its sine runs in one thread besides.)
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from groupnl.inference.rewrite.split_layer import SplitGroupNL
from groupnl.layers.group_nl import EPSILON

# Channels of the widest vector: fewer would leave the blocked order.
_BLOCK = 16


class ConvolvedGroupNL(SplitGroupNL):
    """What a `SplitGroupNL` computes, with 1x1 convolutions for sums over channels, scales and shifts."""

    def _normalise(self, seeds: Tensor) -> Tensor:
        channels = seeds.shape[1]
        squares = F.conv2d(seeds * seeds, seeds.new_ones(_BLOCK, channels, 1, 1))[:, :1]
        factor = torch.reciprocal(torch.sqrt(squares.clamp_min(EPSILON**2)))
        return seeds * F.conv2d(factor, seeds.new_ones(channels, 1, 1, 1))

    def _affine(self, values: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        return _depthwise(values, scale, shift)

    def _sine(self, arguments: Tensor) -> Tensor:
        """The polynomial, two terms at a time: each pair is a convolution, the rest is added to it."""
        if self.polynomial is None:
            return torch.sin(arguments)
        square = arguments * arguments
        fourth = square * square
        *pairs, top = _pairs(self.polynomial.coefficients)
        # What the next pair is added to: a last term that stands alone is multiplied as a convolution, too.
        rest = _uniform(square, *top) * fourth if len(top) == 2 else _uniform(fourth, 0.0, *top)
        for constant, linear in reversed(pairs[1:]):
            rest = (_uniform(square, constant, linear) + rest) * fourth
        return (_uniform(square, *pairs[0]) + rest) * arguments


def _pairs(coefficients: tuple[float, ...]) -> list[tuple[float, ...]]:
    """(c0, c1), (c2, c3), ...; the last one stands alone where their number is odd."""
    return [coefficients[index : index + 2] for index in range(0, len(coefficients), 2)]


def _uniform(values: Tensor, constant: float, linear: float) -> Tensor:
    """Scale and shift all channels alike."""
    channels = values.new_ones(values.shape[1])
    return _depthwise(values, channels * linear, channels * constant)


def _depthwise(values: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Scale and shift each channel."""
    channels = values.shape[1]
    return F.conv2d(values, scale.reshape(channels, 1, 1, 1), shift.reshape(channels), groups=channels)
