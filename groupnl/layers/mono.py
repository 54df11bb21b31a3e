"""Mono convolution, a baseline of GroupNL: few filters are learned, the rest are fixed powers of them.

Paper: MonoCNN, as the GroupNL paper (arXiv 2506.12335) compares with it.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from groupnl.layers.group_nl import seed_channels
from groupnl.layers.shapes import check_groups

EXPONENT_RANGE = (1.0, 7.0)
STANDARDISE_EPS = 1e-5


class MonoConv2d(nn.Conv2d):
    """Convolution of which only ``out_channels / ratio`` filters are learned.

    With learned filters W, tiled ``ratio`` times along the output channels, and T = ``num_terms``::

        filter = sign(W) * sum_t |W| ** e_t               e_t ~ U(1, 7), one for each (term, out, in)
        filter = (filter - mean) / sqrt(var + 1e-5)       over (in, kh, kw) of each filter
        y = Conv2d(x, filter)

    So it saves parameters and no multiply-accumulates. ``exponents``, of shape
    (T, out_channels, in_channels / groups), is drawn once, never trained, and saved in the state dict.

    Shapes: (B, in_channels, H, W) -> (B, out_channels, H', W') as of ``nn.Conv2d``.
    State dict: ``weight`` (out_channels / ratio filters), ``exponents`` (and ``bias``).

    Args:
        in_channels: as in ``nn.Conv2d``, as are the next eight.
        out_channels: as in ``nn.Conv2d``.
        kernel_size: as in ``nn.Conv2d``.
        stride: as in ``nn.Conv2d``.
        padding: as in ``nn.Conv2d``.
        dilation: as in ``nn.Conv2d``.
        groups: as in ``nn.Conv2d``.
        bias: off by default, because a batch norm follows.
        padding_mode: as in ``nn.Conv2d``.
        device: of the parameters.
        dtype: of the parameters.
        ratio: how often the learned filters are tiled, at least 2; must divide ``out_channels``.
        num_terms: T, at least 1; with 1 a filter is a monomial of the learned one.

    Raises:
        ValueError: sizes that do not divide, or filters of one single weight, with the numbers.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = False,
        padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        ratio: int = 2,
        num_terms: int = 1,
    ) -> None:
        seeds = seed_channels(out_channels, ratio, 1)
        check_groups(groups, in_channels, out_channels)
        if num_terms < 1:
            raise ValueError(f"num_terms = {num_terms} must be at least 1")
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )
        shape = self.weight.shape[1:]
        if shape.numel() < 2:
            raise ValueError(f"filters of shape {tuple(shape)} have one weight, which standardising makes 0")
        self.ratio = ratio
        self.num_terms = num_terms
        self.weight = nn.Parameter(torch.empty(seeds, *shape, device=device, dtype=dtype))
        self.exponents: Tensor
        self.register_buffer("exponents", torch.empty(num_terms, out_channels, shape[0], device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new learned filters, bias and exponents."""
        super().reset_parameters()
        # Powers of the usual small weights would vanish beside the eps; the scale is standardised away.
        nn.init.uniform_(self.weight, -1.0, 1.0)
        if hasattr(self, "exponents"):  # not yet when nn.Conv2d's constructor calls
            nn.init.uniform_(self.exponents, *EXPONENT_RANGE)

    def filters(self) -> Tensor:
        """The generated filters, (out_channels, in_channels / groups, kh, kw)."""
        learned = self.weight.repeat(self.ratio, 1, 1, 1)
        powers = learned.abs().pow(self.exponents[..., None, None]).sum(dim=0)
        return F.layer_norm(learned.sign() * powers, self.weight.shape[1:], eps=STANDARDISE_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, H', W')."""
        y: Tensor = self._conv_forward(x, self.filters(), self.bias)
        return y

    def extra_repr(self) -> str:
        """Sizes and own options; the geometry as ``nn.Conv2d`` shows it."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}, dilation={self.dilation}, groups={self.groups}, "
            f"ratio={self.ratio}, num_terms={self.num_terms}"
        )
