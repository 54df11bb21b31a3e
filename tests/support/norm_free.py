"""The command with one network more: a tiny GroupNL one whose norms do not look at the other images of a batch."""

import sys
from typing import Any

import timm
from timm.layers import LayerNormAct2d
from timm.models import register_model
from torch import nn

from groupnl.cli import main
from groupnl.models import TINY

NAME = "tiny_norm_free"


@register_model
def tiny_norm_free(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """TINY with layer norms."""
    return timm.create_model(TINY.name, norm_layer=LayerNormAct2d, **kwargs)


if __name__ == "__main__":
    sys.exit(main())
