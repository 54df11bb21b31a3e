"""A GroupNL layer with the batch norm and the activation behind it, in one piece: the portable form.

Compilers make one loop of everything after its seed convolution.
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from groupnl.layers import GroupNLConv2d
from groupnl.layers.group_nl import EPSILON


class FusedGroupNL(nn.Module):
    """GroupNL layer, affine of the batch norm, activation.

    With u the seeds, and for each channel a period, a phase, a scale and a shift::

        v = u / max(||u||_2, 1e-12)
        y = activation(concat([v * seed_scale + seed_shift, sin(v * period + phase) * scale + shift]))

    computed in float32 whatever the convolution's dtype is, which y gets again.

    Shapes: (B, n, H, W) -> (B, m, H', W').

    Args:
        layer: trained.
        scale: of the batch norm, shape (m,).
        shift: the same.
        activation: acts on each number alone.

    Attributes:
        conv: the seed convolution, or, after `take_reordered`, a depthwise convolution over all inputs.
        parts: inputs of a seed; the convolution's output is cut into so many parts, which are added.
    """

    def __init__(self, layer: GroupNLConv2d, scale: Tensor, shift: Tensor, activation: nn.Module) -> None:
        super().__init__()
        seeds = layer.conv1.out_channels
        self.conv = layer.conv1
        self.parts = 1
        self.terms, self.copies, self.shuffle = layer.num_terms, layer.ratio - 1, layer.shuffle
        self.activation = out_of_place(activation)
        width = seeds // layer.num_terms
        period, shifts = (values.detach().double().repeat_interleave(width) for values in (layer.periods, layer.shifts))
        # sin((v * factor - shift) * period), with the factor in the period.
        self.period, self.phase = self._constant(period * layer.seed_factor), self._constant(-period * shifts)
        self.seed_scale, self.seed_shift = self._constant(scale[:seeds]), self._constant(shift[:seeds])
        self.scale, self.shift = self._constant(scale[seeds:]), self._constant(shift[seeds:])

    def _constant(self, values: Tensor) -> nn.Parameter:
        """float32 of shape (1, channels, 1, 1)."""
        return nn.Parameter(values.float().view(1, -1, 1, 1), requires_grad=False)

    @property
    def inputs_per_seed(self) -> int:
        """Input channels that each seed sees, where the seed convolution is as sparse as can be; else 0."""
        seeds = self.conv.out_channels
        is_sparse = self.conv.groups == seeds and self.conv.in_channels > seeds and self.conv.bias is None
        return self.conv.in_channels // seeds if is_sparse else 0

    def take_reordered(self) -> None:
        """From now on take the first input of every seed, then the second of every seed, and so on.

        The sparse seed convolution becomes a depthwise one, whose output's parts are added: that is quick everywhere,
        while convolutions with a few inputs a group are slow.
        """
        old, parts = self.conv, self.inputs_per_seed
        depthwise = copy.copy(old)  # keeps stride, padding, dilation and padding mode
        depthwise._parameters = {"weight": None, "bias": None}
        depthwise.out_channels = depthwise.groups = old.in_channels
        weight = old.weight.transpose(0, 1).reshape(old.in_channels, 1, *old.kernel_size)
        depthwise.weight = nn.Parameter(weight.contiguous(), requires_grad=False)
        self.conv, self.parts = depthwise, parts

    def forward(self, x: Tensor) -> Tensor:
        """(B, n, H, W) -> (B, m, H', W')."""
        maps = self.conv(x)
        seeds = maps.float()
        if self.parts > 1:
            seeds = sum_of_parts(seeds, self.parts)
        norm = (seeds * seeds).sum(1, keepdim=True).clamp_min(EPSILON**2)
        seeds = seeds * torch.rsqrt(norm)
        # Each half gets its dtype before they are joined: joined first, compilers write it all in float32.
        halves = seeds * self.seed_scale + self.seed_shift, self._generate(seeds)
        return torch.cat([self.activation(half).to(maps.dtype) for half in halves], 1)

    def _generate(self, seeds: Tensor) -> Tensor:
        """(B, s, H', W') -> (B, m - s, H', W')."""
        tiled = seeds
        if self.copies > 1:
            blocks = torch.unflatten(seeds, 1, (self.terms, 1, seeds.shape[1] // self.terms))
            tiled = blocks.expand(-1, -1, self.copies, -1, -1, -1).flatten(1, 3)
        # Not period * (v - shift): one multiplication and addition in one instruction.
        generated = torch.sin(tiled * self.period + self.phase)
        if self.shuffle:
            generated = F.channel_shuffle(generated, self.terms)
        return generated * self.scale + self.shift


def sum_of_parts(maps: Tensor, parts: int) -> Tensor:
    """(B, parts * s, H, W) -> (B, s, H, W)."""
    first, *others = maps.chunk(parts, 1)
    for other in others:
        first = first + other
    return first


def out_of_place(activation: nn.Module) -> nn.Module:
    """The activation that leaves its input as it is."""
    if not getattr(activation, "inplace", False):
        return activation
    result = copy.copy(activation)
    setattr(result, "inplace", False)  # noqa: B010 (mypy takes a module's attributes for tensors)
    return result
