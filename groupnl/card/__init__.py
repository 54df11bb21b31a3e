"""The model card, and class names for checkpoints that carry none."""

from groupnl.card.card import (
    Channels3,
    InputConfig,
    Interpolation,
    ModelCard,
    Origin,
    SplitAccuracy,
    TrainingRecord,
)

__all__ = [
    "Channels3",
    "InputConfig",
    "Interpolation",
    "ModelCard",
    "Origin",
    "SplitAccuracy",
    "TrainingRecord",
]
