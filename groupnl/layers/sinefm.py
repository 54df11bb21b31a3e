"""SineFM convolution, a baseline of GroupNL: few maps are convolved, the rest are mixed from sines of them.

Paper: "Seed Feature Maps-based CNN Models for LEO Satellite Remote Sensing Services" (arXiv 2308.06515).
"""

from typing import Literal

import torch
from torch import Tensor, nn

from groupnl.layers.group_nl import PERIOD_RANGE, seed_channels
from groupnl.layers.shapes import check_groups


class SineFMConv2d(nn.Module):
    """Convolution of which ``out_channels / ratio`` maps are computed, the others mixed from t sines of each.

    With n = ``in_channels``, s = ``out_channels / ratio`` and t = ``num_transforms``::

        u = Conv2d(n, s)(x)
        waves_j = BN_j(sin((u - shift_j) * period_j))     j = 1..t
        generated = Conv2d(t * s, s * (ratio - 1), 1, groups=s)(waves)     a group: the t waves of a seed map
        y = concat([u, generated])

    The exact published form is unknown: the modules, and so the cost, are those that the GroupNL paper
    (arXiv 2506.12335) lists for SineFM; that each transform has one fixed period and shift, drawn from
    U[1, 2) as in GroupNL, is ours. ``periods`` and ``shifts``, t entries each, are drawn once, never trained,
    and saved in the state dict.

    Shapes: (B, in_channels, H, W) -> (B, out_channels, H', W') as of ``nn.Conv2d``.
    State dict: ``periods``, ``shifts``, ``conv1.*``, ``norm.*``, ``mix.weight``.

    Args:
        in_channels: n.
        out_channels: of the whole layer.
        kernel_size: of the seed convolution, as are the next six.
        stride: as in ``nn.Conv2d``.
        padding: as in ``nn.Conv2d``.
        dilation: as in ``nn.Conv2d``.
        groups: as in ``nn.Conv2d``.
        bias: as in ``nn.Conv2d``, but off by default.
        padding_mode: as in ``nn.Conv2d``.
        device: of the parameters.
        dtype: of the parameters.
        ratio: at least 2; must divide ``out_channels``.
        num_transforms: t, at least 1.

    Raises:
        ValueError: sizes that do not divide, with the numbers.
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
        num_transforms: int = 2,
    ) -> None:
        super().__init__()
        seeds = seed_channels(out_channels, ratio, 1)
        check_groups(groups, in_channels, seeds)
        if num_transforms < 1:
            raise ValueError(f"num_transforms = {num_transforms} must be at least 1")
        waves = seeds * num_transforms
        self.periods: Tensor
        self.shifts: Tensor
        self.register_buffer("periods", torch.empty(num_transforms, device=device, dtype=dtype))
        self.register_buffer("shifts", torch.empty(num_transforms, device=device, dtype=dtype))
        self.conv1 = nn.Conv2d(
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
        self.norms = nn.ModuleList(nn.BatchNorm2d(seeds, device=device, dtype=dtype) for _ in range(num_transforms))
        self.mix = nn.Conv2d(waves, out_channels - seeds, 1, groups=seeds, bias=False, device=device, dtype=dtype)
        self._draw_functions()

    def reset_parameters(self) -> None:
        """Draw new filters and functions and forget the batch statistics."""
        for part in (self.conv1, *self.norms, self.mix):
            part.reset_parameters()
        self._draw_functions()

    def _draw_functions(self) -> None:
        nn.init.uniform_(self.periods, *PERIOD_RANGE)
        nn.init.uniform_(self.shifts, *PERIOD_RANGE)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, H', W')."""
        seeds = self.conv1(x)
        shifts, periods = self.shifts.view(-1, 1, 1), self.periods.view(-1, 1, 1)
        waves = torch.sin((seeds.unsqueeze(2) - shifts) * periods)  # (B, s, t, H', W')
        # By index: torch.fx cannot trace a loop over a tensor.
        normed = [norm(waves[:, :, index]) for index, norm in enumerate(self.norms)]
        generated = self.mix(torch.stack(normed, dim=2).flatten(1, 2))
        return torch.cat([seeds, generated], dim=1)
