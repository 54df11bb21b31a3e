"""Pictures that lie one after the other in a file, with a list of their classes."""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from groupnl.errors import ConfigError
from groupnl.validation.found import Extent, Found, Held
from groupnl.validation.pixels import RawPixels


class Rows(NamedTuple):
    """Pictures of equal length that stay in their file.

    Names and lengths do not tell rows apart, so each is known by its bytes' checksum as well.

    Attributes:
        path: of the file.
        decode: of a picture.
        starts: first byte of each.
        numbers: of the class of each.
        places: number of a class -> place among the logits.
    """

    path: Path
    decode: RawPixels
    starts: Sequence[int]
    numbers: Sequence[int]
    places: Mapping[int, int]

    def find(self) -> list[Found]:
        """See `Images`."""
        found = []
        with self.path.open("rb") as file:
            for row, (start, number) in enumerate(zip(self.starts, self.numbers, strict=True)):
                file.seek(start)
                checksum = zlib.crc32(file.read(self.decode.length))
                extent = Extent(self.path, start, self.decode.length)
                found.append(Found(f"{row:05}", _place(self.path, row, number, self.places), extent, checksum))
        return found

    def class_folders(self) -> list[Path]:
        """See `Images`: there are numbers."""
        return []


class HeldRows(NamedTuple):
    """The same of a file that is read as a whole, tens of megabytes.

    Attributes:
        path: of the file.
        decode: of a picture.
        pictures: bytes of each.
        numbers: see `Rows`.
        places: see `Rows`.
    """

    path: Path
    decode: RawPixels
    pictures: Sequence[bytes]
    numbers: Sequence[int]
    places: Mapping[int, int]

    def find(self) -> list[Found]:
        """See `Images`."""
        return [
            Found(f"{row:05}", _place(self.path, row, number, self.places), Held(self.path, data), zlib.crc32(data))
            for row, (data, number) in enumerate(zip(self.pictures, self.numbers, strict=True))
        ]

    def class_folders(self) -> list[Path]:
        """See `Images`: there are numbers."""
        return []


def _place(path: Path, row: int, number: int, places: Mapping[int, int]) -> int:
    if number not in places:
        raise ConfigError(
            f"{path}: row {row} is of class {number}, and the network has no such class: its classes are "
            f"{min(places)} to {max(places)}"
        )
    return places[number]
