"""What makes networks robust: four ways to augment images, and the loss that wants equal answers about their views."""

from groupnl.training.robust.augmentation import Augmentation
from groupnl.training.robust.jensen_shannon import VIEWS, jensen_shannon
from groupnl.training.robust.ways import NAMES, WAYS, build

__all__ = ["NAMES", "VIEWS", "WAYS", "Augmentation", "build", "jensen_shannon"]
