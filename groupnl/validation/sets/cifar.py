"""CIFAR's test images: of the binary version, or of that for Python, which is a pickle and read as `plain_pickle` does.

In the binary version a record has one label, or two, and 3072 bytes of pixels. Source: Krizhevsky, Learning Multiple
Layers of Features from Tiny Images, 2009; the layouts are those of its page.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from groupnl.errors import ConfigError
from groupnl.validation.pixels import RawPixels
from groupnl.validation.sets.images import Images, Names, by_name, only
from groupnl.validation.sets.plain_pickle import read_pickled_arrays
from groupnl.validation.sets.rows import HeldRows, Rows

SIDE = 32  # pixels
_PLANES = RawPixels(SIDE, planes=True)
_PICKLES_START = b"\x80"
_PIXELS = "data"  # in the version for Python
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
    """``test_batch.bin`` of ``cifar-10-batches-bin``, or ``test_batch`` of ``cifar-10-batches-py``."""
    return _images(paths, "test_batch", ("labels",), by_name(names, count, CIFAR_10))


def cifar_100(paths: Sequence[Path], names: Names, count: int) -> Images:
    """``test.bin`` of ``cifar-100-binary``, or ``test`` of ``cifar-100-python``: the second of two labels counts."""
    return _images(paths, "test", ("coarse_labels", "fine_labels"), by_name(names, count, CIFAR_100))


def _images(paths: Sequence[Path], name: str, labels: Sequence[str], places: dict[int, int]) -> Images:
    """The images of a file of either version, or of the file of that name in a folder.

    Args:
        paths: one.
        name: of the file without an ending, as for Python.
        labels: their names; the last are the classes.
        places: number of a class -> place among the logits.

    Raises:
        ConfigError: there is no such file, or it is none of such a version.
    """
    path = only(paths)
    files = [path / f"{name}.bin", path / name] if path.is_dir() else [path]
    file = next(filter(Path.is_file, files), None)
    if file is None:
        raise ConfigError(f"{files[0]} does not exist: name the unpacked folder of the binary version, or of Python's")
    if _is_pickle(file, len(labels)):
        return _pickled(file, labels[-1], places)
    return _records(file, len(labels), places)


def _is_pickle(file: Path, labels: int) -> bool:
    """Whether a file is of the version for Python; by its content, for either may have any name."""
    with file.open("rb") as opened:
        start = opened.read(1)
    return start == _PICKLES_START and file.stat().st_size % (labels + _PLANES.length) != 0


def _records(file: Path, labels: int, places: dict[int, int]) -> Images:
    """The binary version's.

    Raises:
        ConfigError: its length is not that of whole records.
    """
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


def _pickled(file: Path, labels: str, places: dict[int, int]) -> Images:
    """The version for Python.

    Raises:
        ConfigError: see `read_pickled_arrays`; or pixels and classes are not as published.
    """
    arrays = read_pickled_arrays(file, (_PIXELS, labels))
    pixels, numbers = arrays[_PIXELS], arrays[labels]
    are_pictures = pixels.dtype == np.uint8 and pixels.shape[1:] == (_PLANES.length,) and len(pixels) > 0
    if not are_pictures or numbers.shape != pixels.shape[:1]:
        raise ConfigError(
            f"{file} holds {pixels.dtype} of shape {pixels.shape} and classes of shape {numbers.shape}; pictures are "
            f"uint8 of shape (rows, {_PLANES.length})"
        )
    return HeldRows(file, _PLANES, [picture.tobytes() for picture in pixels], numbers.tolist(), places)
