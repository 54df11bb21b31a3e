"""What is sent: photographs as they are, and parts of them, so that a few give many different images."""

import io
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps

from groupnl.errors import ConfigError
from groupnl_studies.photographs.as_seen import as_seen

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_LEAST_SHARE = 0.35  # of a photograph's shorter side that a part takes


class Sent(NamedTuple):
    """An image.

    Attributes:
        key: of its request.
        file: as it is sent.
    """

    key: str
    file: bytes


def photographs(places: Sequence[Path]) -> list[Path]:
    """The image files among these files, and those that lie in these folders.

    Raises:
        ConfigError: there is none, or a file does not exist.
    """
    if missing := [place for place in places if not place.exists()]:
        raise ConfigError(f"--images {missing[0]} does not exist")
    files = [file for place in places for file in ([place] if place.is_file() else sorted(place.iterdir()))]
    found = [file for file in files if file.suffix.lower() in SUFFIXES]
    if not found:
        raise ConfigError(f"--images {places[0]}: there is no {', '.join(SUFFIXES)}: name photographs, or their folder")
    return found


def parts(files: Sequence[Path], count: int, seed: int) -> Iterator[Sent]:
    """So many squares, of each photograph in turn, at random places, half of them mirrored; without loss.

    Args:
        files: of the photographs.
        count: how many.
        seed: of the places; the same seed gives the same squares.

    Raises:
        ConfigError: a photograph cannot be read.
    """
    rng = random.Random(seed)  # noqa: S311 (no secret)
    images = [_read(file) for file in files]
    for number in range(count):
        place = number % len(files)
        yield Sent(f"{files[place].name}-{seed}-{number}", _png(_part(images[place], rng)))


def _read(file: Path) -> Image.Image:
    try:
        with Image.open(file) as image:
            return as_seen(image)
    except OSError as error:
        raise ConfigError(f"the photograph {file} cannot be read: {error}") from None


def _part(image: Image.Image, rng: random.Random) -> Image.Image:
    side = round(min(image.size) * rng.uniform(_LEAST_SHARE, 1))
    left, top = (rng.randint(0, length - side) for length in image.size)
    part = image.crop((left, top, left + side, top + side))
    return ImageOps.mirror(part) if rng.random() < 0.5 else part


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
