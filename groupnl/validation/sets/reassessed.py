"""ImageNet's validation images with the reassessed labels "ReaL": several right classes of an image, or none.

Source: Beyer et al., Are we done with ImageNet?, 2020 (arXiv 2006.07159). `real.json` is a list with a list for each of
ILSVRC2012_val_00000001.JPEG, ..., 50000; images whose list is empty are left out, as published.
"""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from groupnl.card.imagenet import imagenet_synsets
from groupnl.errors import ConfigError
from groupnl.validation.found import Found, find_images, loose_images
from groupnl.validation.pixels import Decode, encoded

_NUMBER = re.compile(r"_val_(\d{8})(?!\d)")  # some publish the synset behind it
_LISTS = TypeAdapter(list[list[int]])


class Reassessed(NamedTuple):
    """Validation images, in class folders or without any.

    Attributes:
        paths: folders of class folders, or of images; tars of either; see `find_images`.
        labels: the file `real.json`.
    """

    paths: tuple[Path, ...]
    labels: Path

    @property
    def decode(self) -> Decode:
        """See `Images`."""
        return encoded

    def find(self) -> list[Found]:
        """See `Images`: those that have a right class."""
        classes = _read(self.labels)
        truths = ((image, _right(image, classes, self.labels)) for image in self._images())
        found = [image._replace(truth=truth) for image, truth in truths if truth]
        if not found:
            raise ConfigError(f"{self.labels} gives none of the images a class")
        return found

    def class_folders(self) -> list[Path]:
        """See `Images`: the synsets that are right somewhere."""
        right = {synset for image in self.find() if isinstance(image.truth, tuple) for synset in image.truth}
        return [self.labels / synset for synset in sorted(right)]

    def _images(self) -> list[Found]:
        return [image for path in self.paths for image in loose_images(path) or find_images([path])]


def _read(path: Path) -> list[tuple[str, ...]]:
    """The synsets of each image.

    Raises:
        ConfigError: the file is none of such lists, or has a number that is none of ImageNet's.
    """
    synsets = imagenet_synsets()
    try:
        lists = _LISTS.validate_json(path.read_bytes(), strict=True)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{path} is no list of lists of class numbers: {first['msg']}, at {first['loc']}") from None
    for place, numbers in enumerate(lists):
        if wrong := [number for number in numbers if not 0 <= number < len(synsets)]:
            raise ConfigError(f"{path}: list {place + 1} has {wrong[0]}, which is none of the classes 0 to 999")
    return [tuple(synsets[number] for number in numbers) for numbers in lists]


def _right(image: Found, classes: Sequence[tuple[str, ...]], labels: Path) -> tuple[str, ...]:
    name = PurePosixPath(image.key).name
    if (number := _NUMBER.search(name)) is None:
        raise ConfigError(
            f"{image.extent.path}: {name} is no validation image, they are called ILSVRC2012_val_00000001"
        )
    place = int(number[1])
    if not 1 <= place <= len(classes):
        raise ConfigError(f"{labels} has {len(classes)} lists, so none for {name}: one of the two is not as published")
    return classes[place - 1]
