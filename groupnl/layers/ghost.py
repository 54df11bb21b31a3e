"""Ghost convolution, a baseline of GroupNL: few maps are convolved, the rest are cheap filters of them.

Paper: "GhostNet: More Features from Cheap Operations" (arXiv 1911.11907).
"""

from typing import Literal

import torch
from torch import Tensor, nn

from groupnl.layers.group_nl import seed_channels
from groupnl.layers.shapes import check_cheap_kernel, check_groups


class GhostConv2d(nn.Module):
    """Convolution of which ``out_channels / ratio`` maps are computed densely, the rest depthwise from them.

    With n = ``in_channels``, s = ``out_channels / ratio`` and d = ``cheap_kernel_size``::

        u = ReLU(BN(Conv2d(n, s)(x)))
        ghosts = ReLU(BN(Conv2d(s, s * (ratio - 1), d, groups=s)(u)))
        y = concat([u, ghosts])

    Shapes: (B, in_channels, H, W) -> (B, out_channels, H', W') as of ``nn.Conv2d``.
    State dict: ``primary_conv.*``, ``cheap_operation.*``, the names of the published GhostNet.

    Args:
        in_channels: n.
        out_channels: of the whole layer.
        kernel_size: of the primary convolution, as are the next four.
        stride: as in ``nn.Conv2d``.
        padding: as in ``nn.Conv2d``.
        dilation: as in ``nn.Conv2d``.
        groups: as in ``nn.Conv2d``.
        bias: of both convolutions; off by default, because a batch norm follows each.
        padding_mode: of both convolutions.
        device: of the parameters.
        dtype: of the parameters.
        ratio: at least 2; must divide ``out_channels``.
        cheap_kernel_size: d, odd.
        relu: False leaves both activations out.

    Raises:
        ValueError: sizes that do not divide, or an even ``cheap_kernel_size``, with the numbers.
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
        cheap_kernel_size: int = 3,
        relu: bool = True,
    ) -> None:
        super().__init__()
        seeds = seed_channels(out_channels, ratio, 1)
        check_groups(groups, in_channels, seeds)
        check_cheap_kernel(cheap_kernel_size)
        primary = nn.Conv2d(
            in_channels,
            seeds,
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
        cheap = nn.Conv2d(
            seeds,
            out_channels - seeds,
            cheap_kernel_size,
            padding=cheap_kernel_size // 2,
            groups=seeds,
            bias=bias,
            padding_mode=padding_mode,
            device=device,
            dtype=dtype,
        )
        self.primary_conv = _normalised(primary, relu)
        self.cheap_operation = _normalised(cheap, relu)

    def reset_parameters(self) -> None:
        """Draw new filters and forget the batch statistics."""
        for part in (*self.primary_conv, *self.cheap_operation):
            if isinstance(part, nn.Conv2d | nn.BatchNorm2d):
                part.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, H', W')."""
        seeds = self.primary_conv(x)
        return torch.cat([seeds, self.cheap_operation(seeds)], dim=1)


def _normalised(conv: nn.Conv2d, relu: bool) -> nn.Sequential:
    norm = nn.BatchNorm2d(conv.out_channels, device=conv.weight.device, dtype=conv.weight.dtype)
    return nn.Sequential(conv, norm, nn.ReLU(inplace=True)) if relu else nn.Sequential(conv, norm)
