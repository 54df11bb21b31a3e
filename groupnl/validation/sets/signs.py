"""The test images of the German Traffic Sign Recognition Benchmark: a folder of pixmaps, and a table of their classes.

Source: Stallkamp et al., Man vs. computer, Neural Networks 32, 2012. The images come as GTSRB/Final_Test/Images and the
table, GT-final_test.csv, in an archive of its own; the table that lies among the images has no classes. The whole image
is used, with its border around the sign.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from groupnl.errors import ConfigError
from groupnl.images.folders import CALLED_IMAGES, is_hidden
from groupnl.validation.found import Extent, Found
from groupnl.validation.pixels import Decode, pixmap
from groupnl.validation.sets.images import Images, Names, by_number, only

_FILE, _CLASS = "Filename", "ClassId"
_FOLDERS = (".", "Images", "Final_Test", "Final_Test/Images", "GTSRB/Final_Test/Images")  # of images or table
_ENCODING = "utf-8-sig"  # some programs begin a table with a mark
_UNREADABLE = (OSError, UnicodeDecodeError, csv.Error)
_SHOWN = 3  # names of a longer list


def signs(paths: Sequence[Path], names: Names, count: int) -> Images:
    """The images of a folder.

    Args:
        paths: the folder that holds the table, and the images or the published folders of them.
        names: of the network's classes.
        count: how many it has.

    Raises:
        ConfigError: there is no table with classes, or there are several.
    """
    root = only(paths)
    folders = [folder for name in _FOLDERS if (folder := root / name).is_dir()]
    files = (file for folder in folders for file in sorted(folder.glob("*.csv")) if not is_hidden(file.name))
    tables = [table for table in files if _CLASS in _columns(table)]
    if len(tables) != 1:
        found = f"several: {', '.join(map(str, tables))}" if tables else "none"
        raise ConfigError(
            f"{root} must hold one table with the columns {_FILE} and {_CLASS}, separated by semicolons, as "
            f"GT-final_test.csv is; there is {found}"
        )
    return Signs(tables[0], tuple(folders), by_number(names, count))


class Signs(NamedTuple):
    """Images that a table names.

    Attributes:
        table: the table.
        folders: where images may lie; all of them lie in one.
        places: number of a class -> place among the logits.
    """

    table: Path
    folders: tuple[Path, ...]
    places: Mapping[int, int]

    @property
    def decode(self) -> Decode:
        """See `Images`."""
        return pixmap

    def find(self) -> list[Found]:
        """See `Images`: all images of the table, and no others lie there."""
        classes = self._classes()
        folder = next((folder for folder in self.folders if _images(folder)), self.table.parent)
        there = _images(folder)
        if lacking := sorted(classes.keys() - there):
            raise ConfigError(f"{folder} lacks {_listed(lacking)}, which {self.table} names")
        if more := sorted(there - classes.keys()):
            raise ConfigError(f"{folder} holds {_listed(more)}, whose class {self.table} does not say")
        files = ((name, folder / name) for name in sorted(classes))
        return [Found(name, classes[name], Extent(file, 0, file.stat().st_size)) for name, file in files]

    def class_folders(self) -> list[Path]:
        """See `Images`: there are numbers."""
        return []

    def _classes(self) -> dict[str, int]:
        """Name of each image -> place of its class."""
        classes: dict[str, int] = {}
        for row in _rows(self.table):
            name, number = row[_FILE], row[_CLASS]
            if name in classes:
                raise ConfigError(f"{self.table}: {name} stands twice")
            if not (number and number.isascii() and number.isdecimal() and int(number) in self.places):
                raise ConfigError(
                    f"{self.table}: {name} is of class {number!r}, and the network has no such class: its classes "
                    f"are {min(self.places)} to {max(self.places)}"
                )
            classes[name] = self.places[int(number)]
        if not classes:
            raise ConfigError(f"{self.table} names no image")
        return classes


def _columns(table: Path) -> list[str]:
    try:
        with table.open(newline="", encoding=_ENCODING) as file:
            head = next(csv.reader(file, delimiter=";"), [])
    except _UNREADABLE as error:
        raise _unreadable(table, error) from None
    return head if _FILE in head else []


def _rows(table: Path) -> list[dict[str, str]]:
    try:
        with table.open(newline="", encoding=_ENCODING) as file:
            return list(csv.DictReader(file, delimiter=";"))
    except _UNREADABLE as error:
        raise _unreadable(table, error) from None


def _unreadable(table: Path, error: Exception) -> ConfigError:
    return ConfigError(f"{table} cannot be read as a table: {error}")


def _images(folder: Path) -> set[str]:
    called = (file for file in folder.iterdir() if file.suffix.lower() in CALLED_IMAGES and not is_hidden(file.name))
    return {file.name for file in called if file.is_file()}


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
