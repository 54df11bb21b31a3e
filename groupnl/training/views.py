"""What becomes of a training image: one view of it, or the image itself and augmented views of it."""

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import Compose

from groupnl.errors import ConfigError
from groupnl.training.config import TrainConfig
from groupnl.training.images import as_served
from groupnl.training.robust import VIEWS, WAYS, Augmentation, build

# From an image to an image or a tensor; timm's and torchvision's are not typed.
Transform = Any


class Augmented:
    """An augmentation of arrays for Pillow's images.

    Its numbers come from torch's generator, which a loading process has its own seed of.

    Args:
        augmentation: of square images of one size.
    """

    def __init__(self, augmentation: Augmentation) -> None:
        self._augmentation = augmentation

    def __call__(self, image: Image.Image) -> Image.Image:
        """An RGB image, augmented."""
        random = np.random.default_rng(int(torch.randint(2**62, ())))
        return Image.fromarray(self._augmentation(np.array(image), random))


class Views:
    """Several views of an image, the first one not augmented.

    timm's `fast_collate` makes a batch of the first views, then of the second ones, and so on.

    Args:
        augmented: changes an image, each time in another way.
        final: makes a tensor of an image.
    """

    def __init__(self, augmented: Transform, final: Transform) -> None:
        self._augmented, self._final = augmented, final

    def __call__(self, image: Image.Image) -> tuple[Tensor, ...]:
        """The views of an RGB image, each (3, S, S) uint8."""
        views = [image, *(self._augmented(image) for _ in range(VIEWS - 1))]
        return tuple(self._final(view) for view in views)


def training_transform(config: TrainConfig, parts: tuple[Transform, Transform, Transform]) -> Transform:
    """What makes input of an opened training image.

    Args:
        config: the run's settings.
        parts: timm's transforms: crops and flips, what augments an image beyond that, and what makes a tensor of it.
    """
    cut, augmented, final = parts
    if config.robust:
        augmented = Compose([augmented, Augmented(build(config.robust, config.size))])
    rest = [Views(augmented, final)] if config.jsd else [augmented, final]
    return Compose([as_served, cut, *rest])


def refuse_unsuited(config: TrainConfig) -> None:
    """Raise ConfigError for settings of views that do not go together."""
    if config.robust == "augmix" and (config.aa or "").startswith("augmix"):
        raise ConfigError(f"--robust augmix and --aa {config.aa} are the same twice: leave out one of them")
    if not config.jsd:
        return
    option = f"--jsd {config.jsd:g}"
    if config.mixes:
        raise ConfigError(
            f"{option} compares views of one image, but --mixup {config.mixup:g} and --cutmix {config.cutmix:g} mix "
            "two: set these to 0, or leave out --jsd"
        )
    if not (config.robust or config.aa):
        raise ConfigError(f"{option} compares an image with augmented views of it: say how, as in --robust augmix")


def said(config: TrainConfig) -> str | None:
    """What a run's record says of this, a sentence or two; None where nothing of it was wanted."""
    parts = [WAYS[config.robust].said] if config.robust else []
    parts += [f"the Jensen-Shannon loss of {VIEWS} views, weight {config.jsd:g}"] if config.jsd else []
    if not parts:
        return None
    known = WAYS[config.robust].trained_on if config.robust else ()
    warning = (
        f" {' and '.join(known)} are corruptions of the validation: its figures about them are of what was trained on."
    )
    return f"Made robust with {' and '.join(parts)}.{warning if known else ''}"
