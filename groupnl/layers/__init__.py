"""Convolutions that compute few maps (or learn few filters) and generate the rest: GroupNL and its baselines.

Each takes ``nn.Conv2d``'s arguments in ``nn.Conv2d``'s order, then its own by keyword. `groupnl.models` puts
them into networks; `costs` compares what they cost.
"""

from groupnl.layers.ghost import GhostConv2d
from groupnl.layers.group_nl import GroupNLConv2d
from groupnl.layers.mono import MonoConv2d
from groupnl.layers.sinefm import SineFMConv2d

__all__ = ["GhostConv2d", "GroupNLConv2d", "MonoConv2d", "SineFMConv2d"]
