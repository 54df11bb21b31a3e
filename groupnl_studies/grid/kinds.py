"""The convolutions that are compared: what each puts in the place of a network's own ``nn.Conv2d``."""

from collections.abc import Callable
from math import gcd
from typing import Any

from torch import nn

from groupnl.layers import GhostConv2d, GroupNLConv2d, MonoConv2d, SineFMConv2d
from groupnl.models.families import geometry

STANDARD = "standard"
RATIO = 2  # of every kind whose name says nothing else
# A convolution -> what takes its place; itself, if nothing does.
Build = Callable[[nn.Conv2d], nn.Module]


def _standard(old: nn.Conv2d) -> nn.Module:
    return old


def _depthwise(old: nn.Conv2d) -> nn.Module:
    return nn.Conv2d(*_channels(old), *geometry(old), groups=old.in_channels, bias=False)


def _mono(old: nn.Conv2d) -> nn.Module:
    return MonoConv2d(*_channels(old), *geometry(old), old.groups, ratio=RATIO)


def _ghost(old: nn.Conv2d) -> nn.Module:
    return GhostConv2d(*_channels(old), *geometry(old), _seed_groups(old), ratio=RATIO)


def _sinefm(old: nn.Conv2d) -> nn.Module:
    return SineFMConv2d(*_channels(old), *geometry(old), _seed_groups(old), ratio=RATIO)


def _group_nl(ratio: int = RATIO, **options: Any) -> Build:
    def build(old: nn.Conv2d) -> nn.Module:
        return GroupNLConv2d(*_channels(old), *geometry(old), ratio=ratio, **options)

    return build


def _channels(old: nn.Conv2d) -> tuple[int, int]:
    return old.in_channels, old.out_channels


def _seed_groups(old: nn.Conv2d) -> int:
    """Dense where the convolution is dense; where it is depthwise as sparse as so many seeds can be."""
    return gcd(old.groups, old.out_channels // RATIO)


# What differs from a published form -> that form.
VARIANTS = {
    "gnl_r2_declared": "gnl_r2",
    "gnl_r4_declared": "gnl_r4",
    "gnl_sparse_declared": "gnl_sparse",
    "gnl_r2_scaled": "gnl_r2",
    "gnl_sparse_scaled": "gnl_sparse",
}

KINDS: dict[str, Build] = {
    STANDARD: _standard,
    "depthwise": _depthwise,
    "mono": _mono,
    "ghost": _ghost,
    "sinefm": _sinefm,
    "gnl_r2": _group_nl(),
    "gnl_r4": _group_nl(4),
    "gnl_sparse": _group_nl(sparse=True),
    "gnl_r2_declared": _group_nl(shift_law="declared"),
    "gnl_r4_declared": _group_nl(4, shift_law="declared"),
    "gnl_sparse_declared": _group_nl(sparse=True, shift_law="declared"),
    "gnl_r2_scaled": _group_nl(sine_scale="sqrt"),
    "gnl_sparse_scaled": _group_nl(sparse=True, sine_scale="sqrt"),
}
