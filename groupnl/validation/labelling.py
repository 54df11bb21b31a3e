"""Which class an image is of, among the network's."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from groupnl.models.trained import Trained
from groupnl.validation.found import find_images
from groupnl.validation.image_set import (
    ImageChoice,
    ImageSet,
    Positions,
    class_names,
    class_positions,
    image_set,
    is_imagenet,
)


class Labelling(NamedTuple):
    """How images get their labels.

    Attributes:
        positions: class name -> position among the logits; empty where images have numbers.
        classes: how many the network has.
        imagenet: whether they are ImageNet's; None: they have numbers, which do not tell.
    """

    positions: Positions
    classes: int
    imagenet: bool | None


def labelling(sets: Sequence[Sequence[Path]], trained: Trained) -> Labelling:
    """How the images of some sets of the same classes get their labels.

    Args:
        sets: paths of each; the first whose classes have names tells their order.
        trained: the network.

    Raises:
        ConfigError: see `find_images` and `class_positions`.
    """
    named = filter(None, (class_names(find_images(paths)) for paths in sets))
    names = next(named, None)
    if names is None:
        return Labelling({}, trained.class_count, imagenet=None)
    positions = class_positions(names, trained.classes, trained.class_count)
    return Labelling(positions, trained.class_count, is_imagenet(names, trained.class_count))


def look_through(paths: Sequence[Path], labels: Labelling, choice: ImageChoice) -> ImageSet:
    """One set; see `image_set`."""
    return image_set(paths, labels.positions, labels.classes, choice)
