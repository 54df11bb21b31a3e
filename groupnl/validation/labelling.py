"""Which class an image is of, among the network's."""

from collections.abc import Sequence
from typing import NamedTuple

from groupnl.models.trained import Trained
from groupnl.validation.image_set import (
    ImageChoice,
    ImageSet,
    Positions,
    class_positions,
    image_set,
    is_imagenet,
    numbered,
)
from groupnl.validation.sets.images import Images


class Labelling(NamedTuple):
    """How images get their labels.

    Attributes:
        positions: class name -> position among the logits; empty where images have numbers and nobody says the names.
        classes: how many the network has.
        imagenet: whether they are ImageNet's; None: they have numbers, which do not tell.
    """

    positions: Positions
    classes: int
    imagenet: bool | None


def labelling(sets: Sequence[Images], trained: Trained) -> Labelling:
    """How the images of some sets of the same classes get their labels.

    Args:
        sets: the first whose classes have names tells their order.
        trained: the network.

    Raises:
        ConfigError: see `Images.class_folders` and `class_positions`.
    """
    folders = next(filter(None, (images.class_folders() for images in sets)), None)
    if folders is None:
        return Labelling(numbered(trained.classes or ()), trained.class_count, imagenet=None)
    positions = class_positions(folders, trained.classes, trained.class_count)
    names = {folder.name for folder in folders}
    return Labelling(positions, trained.class_count, is_imagenet(names, trained.class_count))


def look_through(images: Images, labels: Labelling, choice: ImageChoice, restricted: bool = False) -> ImageSet:
    """One set; see `image_set`."""
    return image_set(images, labels.positions, labels.classes, choice, restricted)
