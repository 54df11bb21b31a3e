"""What is sent: photographs as they are, and parts of them, so that a few give many different images."""

import io
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps

from groupnl.errors import ConfigError
from groupnl.images.folders import READ, is_hidden, is_image
from groupnl_studies.photographs.as_seen import as_seen

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
    """These files, and the images that lie in these folders; what is hidden is left out.

    Raises:
        ConfigError: there is none, a file does not exist or is no image, or one is of a format that is not read.
    """
    if missing := [place for place in places if not place.exists()]:
        raise ConfigError(f"--images {missing[0]} does not exist")
    if other := [place for place in places if place.is_file() and not is_image(place)]:
        raise ConfigError(f"--images {other[0]} is not called an image: photographs end in {', '.join(READ)}")
    found = [file for place in places for file in ([place] if place.is_file() else _in_folder(place))]
    if not found:
        raise ConfigError(f"--images {places[0]}: there is no {', '.join(READ)}: name photographs, or their folder")
    return found


def _in_folder(folder: Path) -> list[Path]:
    visible = sorted(file for file in folder.iterdir() if file.is_file() and not is_hidden(file.name))
    return list(filter(is_image, visible))


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
