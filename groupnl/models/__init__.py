"""The GroupNL networks; importing this package registers them with timm."""

from groupnl.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from groupnl.models.network import build_model
from groupnl.models.registry import PUBLISHED, TINY, VARIANTS, Variant

__all__ = [
    "PUBLISHED",
    "TINY",
    "VARIANTS",
    "Checkpoint",
    "Variant",
    "build_model",
    "load_checkpoint",
    "save_checkpoint",
]
