"""The ways to augment images that make networks robust, and what each has in common with the validation."""

from collections.abc import Callable
from typing import NamedTuple, get_args

from groupnl.training.config import Robust
from groupnl.training.robust.augmentation import Augmentation
from groupnl.training.robust.augmix import AugMix
from groupnl.training.robust.noise import Noise
from groupnl.training.robust.pixmix import PixMix
from groupnl.training.robust.prime import Prime

NAMES: tuple[str, ...] = get_args(Robust)
"""What the ways are called."""


class Way(NamedTuple):
    """A way to augment images.

    Attributes:
        build: side of the images, pixels -> the augmentation.
        said: what it is, with its source.
        trained_on: corruptions of the validation that are part of it: figures about these say nothing of others.
    """

    build: Callable[[int], Augmentation]
    said: str
    trained_on: tuple[str, ...] = ()


WAYS: dict[str, Way] = {
    "augmix": Way(lambda _size: AugMix(), "AugMix (Hendrycks et al., ICLR 2020)"),
    "prime": Way(Prime, "PRIME (Modas et al., ECCV 2022)"),
    "noise": Way(
        lambda _size: Noise(), "noise training (Rusak et al., ECCV 2020)", ("gaussian_noise", "speckle_noise")
    ),
    "pixmix": Way(PixMix, "PixMix (Hendrycks et al., CVPR 2022) with made pictures"),
}


def build(name: str, size: int) -> Augmentation:
    """An augmentation.

    Args:
        name: one of `NAMES`.
        size: side of the images, pixels.
    """
    return WAYS[name].build(size)
