"""The model card, and class names for checkpoints that carry none."""

from groupnl.card.card import (
    Channels,
    CropMode,
    InputConfig,
    Interpolation,
    ModelCard,
    Origin,
    SplitAccuracy,
    TrainingRecord,
)

__all__ = [
    "Channels",
    "CropMode",
    "InputConfig",
    "Interpolation",
    "ModelCard",
    "Origin",
    "SplitAccuracy",
    "TrainingRecord",
]
