"""GroupNL convolution: a few seed maps are convolved, the rest are fixed sinusoids of them.

Paper: "GroupNL: Low-Resource and Robust CNN Design over Cloud and Device" (arXiv 2506.12335, IEEE TMC 2026).
"""

from math import gcd, sqrt
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from groupnl.layers.shapes import check_groups

ShiftLaw = Literal["published", "declared"]
SineScale = Literal["none", "sqrt"]
SINE_SCALES: tuple[SineScale, ...] = get_args(SineScale)

EPSILON = 1e-12  # the least norm of the seeds that they are divided by
PERIOD_RANGE = (1.0, 2.0)
# The paper's interface declares shifts from [1, 5), its published code draws them from the period range.
SHIFT_RANGES: dict[ShiftLaw, tuple[float, float]] = {"published": PERIOD_RANGE, "declared": (1.0, 5.0)}


class GroupNLConv2d(nn.Module):
    """Convolution of which only ``out_channels / ratio`` seed maps are computed with learned filters.

    With m = ``out_channels``, r = ``ratio``, g = ``num_terms``, s = m / r seed maps and c = r - 1 copies::

        u = Conv2d(n, s)(x)                               learned
        v = u / max(||u||_2, 1e-12)                       norm over the channels, at each pixel
        generated = sin((tile(v, c) - shift) * period)    one (shift, period) for each block and copy
        y = concat([v, generated])

    v is cut into g blocks of s / g channels; each block is tiled c times, the copies of one block adjacent.
    ``periods`` and ``shifts`` hold g * c entries in that order. They are drawn once, saved in the state dict,
    and frozen unless ``learnable``. Batch norm and activation follow outside the layer.

    Shapes: (B, in_channels, H, W) -> (B, out_channels, H', W'), H' and W' as of ``nn.Conv2d``.
    State dict: ``periods``, ``shifts``, ``conv1.weight`` (and ``conv1.bias``).

    Args:
        in_channels: n.
        out_channels: m.
        kernel_size: of the seed convolution, as are the next six.
        stride: as in ``nn.Conv2d``.
        padding: as in ``nn.Conv2d``.
        dilation: as in ``nn.Conv2d``.
        groups: as in ``nn.Conv2d``; leave it at 1 with ``sparse``.
        bias: off in every published model.
        padding_mode: as in ``nn.Conv2d``.
        device: of the parameters.
        dtype: of the parameters.
        ratio: r, at least 2; must divide ``out_channels``.
        num_terms: g; must divide the number of seed maps.
        sparse: seed convolution with gcd(n, s) groups, the paper's GroupNL (sparse).
        shift_law: shifts ~ U[1, 2) ("published", as the published code draws them) or ~ U[1, 5) ("declared",
            as the paper's interface says).
        sine_scale: what the seeds are multiplied by before the sine: "none" as published, or "sqrt": by sqrt(s). A
            pixel's s seeds have norm 1, so each is about 1 / sqrt(s), and the more there are, the straighter is the
            piece of the sine that they meet; multiplied, they are about 1 in layers of any width.
        shuffle: shuffle the generated maps over g groups; off in every published model.
        learnable: train ``periods`` and ``shifts``.

    Raises:
        ValueError: sizes that do not divide, with the numbers; an unknown ``shift_law`` or ``sine_scale``.
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
        num_terms: int = 4,
        sparse: bool = False,
        shift_law: ShiftLaw = "published",
        sine_scale: SineScale = "none",
        shuffle: bool = False,
        learnable: bool = False,
    ) -> None:
        super().__init__()
        seeds = seed_channels(out_channels, ratio, num_terms)
        if shift_law not in SHIFT_RANGES:
            raise ValueError(f"shift_law {shift_law!r} is unknown; choose one of {sorted(SHIFT_RANGES)}")
        if sine_scale not in SINE_SCALES:
            raise ValueError(f"sine_scale {sine_scale!r} is unknown; choose one of {sorted(SINE_SCALES)}")
        if sparse and groups != 1:
            raise ValueError(f"sparse chooses the groups itself; groups = {groups} must stay 1 with it")
        check_groups(groups, in_channels, seeds)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.ratio = ratio
        self.num_terms = num_terms
        self.shift_law = shift_law
        self.sine_scale = sine_scale
        self.shuffle = shuffle
        functions = num_terms * (ratio - 1)
        # Registered before conv1: published checkpoints hold them in this order.
        self.periods = nn.Parameter(torch.empty(functions, device=device, dtype=dtype), requires_grad=learnable)
        self.shifts = nn.Parameter(torch.empty(functions, device=device, dtype=dtype), requires_grad=learnable)
        self.conv1 = nn.Conv2d(
            in_channels,
            seeds,
            kernel_size,
            stride,
            padding,
            dilation,
            gcd(in_channels, seeds) if sparse else groups,
            bias,
            padding_mode,
            device,
            dtype,
        )
        self._draw_functions()

    def reset_parameters(self) -> None:
        """Draw new seed filters (as ``nn.Conv2d`` does) and new functions."""
        self.conv1.reset_parameters()
        self._draw_functions()

    def _draw_functions(self) -> None:
        nn.init.uniform_(self.periods, *PERIOD_RANGE)
        nn.init.uniform_(self.shifts, *SHIFT_RANGES[self.shift_law])

    @property
    def seed_factor(self) -> float:
        """What the normalised seeds are multiplied by before the sine."""
        return sqrt(self.conv1.out_channels) if self.sine_scale == "sqrt" else 1.0

    def forward(self, x: Tensor) -> Tensor:
        """(B, n, H, W) -> (B, m, H', W')."""
        seeds = F.normalize(self.conv1(x), dim=1, eps=EPSILON)
        return torch.cat([seeds, self._generate(seeds)], dim=1)

    def _generate(self, seeds: Tensor) -> Tensor:
        """(B, s, H', W') -> (B, s * c, H', W')."""
        width = seeds.shape[1] // self.num_terms
        copies = self.ratio - 1
        tiled = seeds if self.sine_scale == "none" else seeds * self.seed_factor
        if copies > 1:
            blocks = torch.unflatten(tiled, 1, (self.num_terms, 1, width))
            tiled = blocks.expand(-1, -1, copies, -1, -1, -1).flatten(1, 3)
        shifts = self.shifts.repeat_interleave(width).view(1, -1, 1, 1)
        periods = self.periods.repeat_interleave(width).view(1, -1, 1, 1)
        generated = torch.sin((tiled - shifts) * periods)
        return F.channel_shuffle(generated, self.num_terms) if self.shuffle else generated

    def extra_repr(self) -> str:
        """What the seed convolution's own line does not show."""
        learnable = self.periods.requires_grad
        return (
            f"{self.in_channels}, {self.out_channels}, ratio={self.ratio}, num_terms={self.num_terms}, "
            f"shift_law={self.shift_law!r}, sine_scale={self.sine_scale!r}, shuffle={self.shuffle}, "
            f"learnable={learnable}"
        )


def seed_channels(out_channels: int, ratio: int, num_terms: int) -> int:
    """The number of seed maps, s = m / r.

    Raises:
        ValueError: r below 2, r does not divide m, or g does not divide s.
    """
    if ratio < 2:
        raise ValueError(f"ratio = {ratio} must be at least 2: with 1 nothing is generated")
    if out_channels % ratio:
        raise ValueError(f"ratio = {ratio} must divide out_channels = {out_channels}")
    seeds = out_channels // ratio
    if num_terms < 1 or seeds % num_terms:
        raise ValueError(
            f"num_terms = {num_terms} must divide the {seeds} seed channels "
            f"(out_channels {out_channels} / ratio {ratio})"
        )
    return seeds
