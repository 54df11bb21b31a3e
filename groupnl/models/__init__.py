"""The GroupNL networks; importing this package registers them with timm."""

from groupnl.models.registry import PUBLISHED, TINY, VARIANTS, Variant

__all__ = ["PUBLISHED", "TINY", "VARIANTS", "Variant"]
