"""Labelled images in folders: one folder for each class, called as the class, or with its number."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from groupnl.card.imagenet import imagenet_synsets
from groupnl.errors import ConfigError
from groupnl.validation.found import Found, class_places, find_images
from groupnl.validation.pixels import Decode, encoded

_SHOWN = 3  # names of a longer list
Names = Sequence[str] | None
"""A network's classes in the order of the logits, where they are known."""


class Images(Protocol):
    """The images of one figure, wherever they lie."""

    @property
    def decode(self) -> Decode:
        """What makes a picture of the bytes of each."""

    def find(self) -> list[Found]:
        """All of them, in an order that hangs on their names alone.

        Raises:
            ConfigError: there are none, or what lies there is not what the set has.
        """

    def class_folders(self) -> list[Path]:
        """Folders that are called as the classes; none where images have numbers.

        Raises:
            ConfigError: see `find`.
        """


class ClassFolders(NamedTuple):
    """Folders of class folders, tars of such, or WebDatasets; see `find_images`."""

    paths: tuple[Path, ...]
    decode: Decode = encoded

    def find(self) -> list[Found]:
        """See `Images`."""
        return find_images(self.paths)

    def class_folders(self) -> list[Path]:
        """See `Images`."""
        return class_places(self.paths)


class NumberedFolders(NamedTuple):
    """Class folders that are called 0 to 999, as ImageNet's classes are counted: ImageNet-V2's.

    As text they sort otherwise (10 before 2), and so would their classes.
    """

    path: Path
    decode: Decode = encoded

    def find(self) -> list[Found]:
        """See `Images`."""
        return [image._replace(truth=_synset(self.path / str(image.truth))) for image in find_images([self.path])]

    def class_folders(self) -> list[Path]:
        """See `Images`: by the synsets that the numbers mean."""
        return [self.path / _synset(folder) for folder in class_places([self.path])]


def only(paths: Sequence[Path]) -> Path:
    """The path of a set that has one.

    Raises:
        ConfigError: there are several.
    """
    if len(paths) != 1:
        raise ConfigError(f"this set has one path, and there are {len(paths)}: {', '.join(map(str, paths))}")
    return paths[0]


def by_number(names: Names, count: int) -> dict[int, int]:
    """Where the classes that a set counts from 0 stand among a network's logits.

    A network whose classes are called by numbers ("00014", "14") has them wherever it names them; of any other the
    first class is the set's first.

    Args:
        names: of the network's classes.
        count: how many the network has.
    """
    if names is not None and _are_numbers(names):
        return {int(name): place for place, name in enumerate(names)}
    return {number: number for number in range(count)}


def taken_for_first(names: Names) -> str | None:
    """The class that `by_number` takes for a set's first by its place alone; None: numbers tell, or none has a name."""
    return None if names is None or _are_numbers(names) else names[0]


def by_name(names: Names, count: int, called: Sequence[str]) -> dict[int, int]:
    """Where the classes that a set counts from 0 stand among a network's logits, if it may name its own.

    A network whose classes have names has the set's where it names them; capitals, and what parts words, do not count.
    Any other is told by number, see `by_number`.

    Args:
        names: of the network's classes.
        count: how many the network has.
        called: the set's classes, in its order.

    Raises:
        ConfigError: the network's classes have names, and lack one of the set's.
    """
    if names is None or _are_numbers(names):
        return by_number(names, count)
    places = {_word(name): place for place, name in enumerate(names)}
    if lacking := [name for name in called if _word(name) not in places]:
        raise ConfigError(
            f"the network has no class {lacking[0]}, which is one of the set's {len(called)}: its classes are "
            f"{', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''}; if it means the set's by other "
            f"names, its card must have the set's ({', '.join(called[:_SHOWN])}, ...) in the order of the logits, or "
            "--classes FILE where there is no card"
        )
    return {number: places[_word(name)] for number, name in enumerate(called)}


def _are_numbers(names: Sequence[str]) -> bool:
    return all(name.isascii() and name.isdecimal() for name in names)


def _word(name: str) -> str:
    return name.lower().replace(" ", "_").replace("-", "_")


def _synset(folder: Path) -> str:
    synsets = imagenet_synsets()
    name = folder.name
    if not (name.isascii() and name.isdecimal() and str(int(name)) == name and int(name) < len(synsets)):
        raise ConfigError(
            f"there is a folder {folder}, but folders of this set are called 0 to {len(synsets) - 1}, as ImageNet's "
            "classes are counted: remove it, or measure folders that are called as classes with --data"
        )
    return synsets[int(name)]
