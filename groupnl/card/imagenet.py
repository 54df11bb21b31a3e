"""Class names of ImageNet-1k, for checkpoints that carry none: timm's list, made unique; its synsets and their groups.

Plain words as in the metadata of torchvision's weights: the first name of each synset ("tench", "tabby").
"""

from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from groupnl.base.yaml_file import read_mapping

if TYPE_CHECKING:
    from timm.data import ImageNetInfo

# Two first names stand for two classes each. Torchvision tells them apart like this; the keys are synsets.
_TOLD_APART = {
    "n02012849": "crane bird",  # and "crane", the machine
    "n03710721": "maillot tank suit",  # and "maillot", the tights
}


# The larger sets of ImageNet that networks are published for -> how many classes they have; by timm's names.
LARGER = {
    "imagenet-12k": 11_821,
    "imagenet-21k-miil": 11_221,
    "imagenet-21k-goog": 21_843,
    "imagenet-22k": 21_841,
    "imagenet-22k-ms": 21_842,
}


def imagenet_classes() -> tuple[str, ...]:
    """The 1000 class names, unique, in the order of the logits of every ImageNet-1k model."""
    info = _info()
    return tuple(_name(info, index) for index in range(info.num_classes()))


def larger_imagenet_classes(name: str) -> tuple[str, ...]:
    """The class names of a larger set, in the order of the logits; those of one name have their synsets behind them.

    Args:
        name: of `LARGER`.
    """
    info = _info(name)
    names = [_name(info, index) for index in range(info.num_classes())]
    times = Counter(names)
    return tuple(
        name if times[name] == 1 else f"{name} ({info.index_to_label_name(index)})" for index, name in enumerate(names)
    )


@cache
def imagenet_synsets() -> tuple[str, ...]:
    """The 1000 synsets ("n01440764", ...), after which ImageNet's folders are named, in the order of the logits."""
    info = _info()
    return tuple(str(info.index_to_label_name(index)) for index in range(info.num_classes()))


@cache
def imagenet_groups() -> dict[str, tuple[str, ...]]:
    """Name of a group -> its synsets, by WordNet; a synset that stands in none is alone (see the file's head)."""
    groups = read_mapping(Path(__file__).with_name("imagenet_groups.yaml"))
    return {name: tuple(synsets) for name, synsets in groups.items()}


def _info(name: str = "imagenet-1k") -> "ImageNetInfo":
    # Here, because a service knows its classes by their names, and starts twice as fast without timm.
    from timm.data import ImageNetInfo

    return ImageNetInfo(name)


def _name(info: "ImageNetInfo", index: int) -> str:
    synset = str(info.index_to_label_name(index))
    first = str(info.index_to_description(index)).split(",")[0].strip()
    return _TOLD_APART.get(synset, first)
