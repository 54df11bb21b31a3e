"""The ways of training that are compared, and what a network sees of a batch in each."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from groupnl.training.robust import VIEWS, Augmentation, build
from groupnl_studies.grid.augment import augment, levels, normalise
from groupnl_studies.grid.recipe import Recipe


class Training(NamedTuple):
    """One way.

    Attributes:
        augmentation: of `groupnl.training.robust.NAMES`, of every image after its crop and flip; None: none.
        consistent: the network sees each image thrice, once not augmented, and its three answers are to agree:
            cross-entropy of the first with the Jensen-Shannon divergence of all. Three times the work.
    """

    augmentation: str | None = None
    consistent: bool = False


PLAIN = "plain"
TRAININGS = {
    PLAIN: Training(),
    "noise": Training("noise"),
    "augmix": Training("augmix"),
    "augmix_jsd": Training("augmix", consistent=True),
    "prime": Training("prime"),
    "pixmix": Training("pixmix"),
}


class Views:
    """Makes what a network sees of a batch.

    The order is that of the published trainings: crops and flips first. Noise that was enlarged with its image
    would not be noise of single pixels any more.

    Args:
        training: in which way.
        recipe: of crops and flips, and of the images' size.
        seed: with an epoch and an image's position it gives the augmentation's random numbers.
    """

    def __init__(self, training: Training, recipe: Recipe, seed: int) -> None:
        self._recipe, self._seed, self._consistent = recipe, seed, training.consistent
        name = training.augmentation
        self._augmentation = None if name is None else build(name, recipe.images.size)

    def __call__(self, pixels: Tensor, rows: Tensor, epoch: int, generator: Generator) -> Tensor:
        """One batch.

        Args:
            pixels: uint8 (B, 3, S, S).
            rows: the images' positions in the data set; int64 (B,).
            epoch: number of the pass.
            generator: of the random numbers of crops and flips, which are the same in every training.

        Returns:
            As `normalise`: (B, 3, S, S); or (3 B, 3, S, S), first the images that are not augmented.
        """
        cropped = augment(pixels, self._recipe, generator)
        if self._augmentation is None:
            return cropped
        images = levels(cropped)
        keys = [(self._seed, epoch, row) for row in rows.tolist()]
        if not self._consistent:
            return normalise(augment_each(images, self._augmentation, keys))
        views = [augment_each(images, self._augmentation, [(*key, view) for key in keys]) for view in range(1, VIEWS)]
        return normalise(torch.cat([images, *views]))


def augment_each(images: Tensor, augmentation: Augmentation, keys: Sequence[tuple[int, ...]]) -> Tensor:
    """Each image by random numbers of its own, which do not depend on the batch that it came in.

    Args:
        images: uint8 (B, 3, S, S).
        augmentation: of one image.
        keys: of the random numbers, one for each image.

    Returns:
        uint8 (B, 3, S, S).
    """
    arrays = images.permute(0, 2, 3, 1).contiguous().numpy()
    changed = [augmentation(array, np.random.default_rng(key)) for array, key in zip(arrays, keys, strict=True)]
    return torch.from_numpy(np.stack(changed)).permute(0, 3, 1, 2)
