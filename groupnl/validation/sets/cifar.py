"""CIFAR's test images in the binary version: each record has one label, or two, and 3072 bytes of pixels.

Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; the layouts are those of its page. The
version for Python is a pickle, which can run anything, and is not read.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from groupnl.errors import ConfigError
from groupnl.validation.pixels import RawPixels
from groupnl.validation.sets.images import Images, Names, by_name, only
from groupnl.validation.sets.rows import Rows

SIDE = 32  # pixels
_PLANES = RawPixels(SIDE, planes=True)
# Names of the classes, in the order of their numbers.
CIFAR_10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_CIFAR_100 = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
    poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
"""
CIFAR_100 = tuple(_CIFAR_100.split())


def cifar_10(paths: Sequence[Path], names: Names, count: int) -> Images:
    """``test_batch.bin`` of ``cifar-10-batches-bin``: see `_records`."""
    return _records(paths, "test_batch.bin", 1, by_name(names, count, CIFAR_10))


def cifar_100(paths: Sequence[Path], names: Names, count: int) -> Images:
    """``test.bin`` of ``cifar-100-binary``, of whose two labels the second is the class: see `_records`."""
    return _records(paths, "test.bin", 2, by_name(names, count, CIFAR_100))


def _records(paths: Sequence[Path], name: str, labels: int, places: dict[int, int]) -> Images:
    """The images of a file of records, or of the file of that name in a folder.

    Raises:
        ConfigError: there is no such file, or its length is not that of whole records.
    """
    path = only(paths)
    file = path / name if path.is_dir() else path
    if not file.is_file():
        raise ConfigError(
            f"{file} does not exist: name the unpacked folder of the binary version; that for Python is a pickle, "
            "which is not read"
        )
    length = labels + _PLANES.length
    count, rest = divmod(file.stat().st_size, length)
    if rest or not count:
        raise ConfigError(
            f"{file} has {file.stat().st_size} bytes, which are no whole records of {length}: it is cut short, or not "
            "of the binary version"
        )
    records = np.memmap(file, np.uint8, mode="r", shape=(count, length))
    starts = labels + length * np.arange(count)
    return Rows(file, _PLANES, starts.tolist(), records[:, labels - 1].tolist(), places)
