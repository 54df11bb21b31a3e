"""Convolutions: GroupNL and those it is compared with."""

from groupnl.layers.group_nl import GroupNLConv2d

__all__ = ["GroupNLConv2d"]
