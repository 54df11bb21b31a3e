"""Images from timm's readers: turned and coloured as the service does it, and none silently in place of another."""

import logging
from typing import Any

from PIL import Image, UnidentifiedImageError
from torch.utils.data import Dataset

from groupnl.errors import ConfigError
from groupnl.images.bmp import Bmp
from groupnl.images.colour import to_rgb
from groupnl.images.decode import upright
from groupnl.images.png import Png
from groupnl.images.webp import WebP

_log = logging.getLogger(__name__)
# A training goes on without some images; where so many follow one another, something else is wrong.
IN_A_ROW = 10
# timm reads shards by `Image.open`: that has to see the transparency and the palettes that the service sees.
for _name, _opener in (("PNG", Png), ("BMP", Bmp), ("WEBP", WebP)):
    Image.register_open(_name, _opener, Image.OPEN[_name][1])


class UnreadableImageError(ConfigError):
    """An image of a data set is missing or damaged."""

    def __init__(self, text: str) -> None:
        # A loading process sends its error as text with a traceback before it, and torch makes the error again of that.
        super().__init__(text.rpartition(f"{type(self).__name__}: ")[2].strip())


class Images(Dataset[tuple[Any, int]]):
    """Images by their number, as `ImageDataset` of timm has them, whose loaders set `transform`.

    Args:
        reader: of timm, with an open file and a class for each number.
        complete: an image that cannot be read is an error, as a figure would be of other images than it says; otherwise
            it is told in the log, and the next one is taken.

    Attributes:
        reader: as given.
        transform: opened image -> what a batch is made of.
    """

    def __init__(self, reader: Any, complete: bool) -> None:
        self.reader = reader
        self.transform: Any = None
        self._tries = 1 if complete else IN_A_ROW

    def __len__(self) -> int:
        return len(self.reader)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image, label = self._read(index)
        return self.transform(image), label

    def _read(self, index: int) -> tuple[Image.Image, int]:
        places = [(index + step) % len(self) for step in range(self._tries)]
        for place in places:
            try:
                file, label = self.reader[place]
                with file, Image.open(file) as image:
                    image.load()
                    return image, label
            except MemoryError:
                raise
            except Exception as error:  # damaged files make Pillow raise nearly any type
                problem = f"the image {self.reader.filename(place, absolute=True)} cannot be read ({_reason(error)})"
                if place != places[-1]:
                    _log.warning("%s; the next one is taken", problem)
        raise UnreadableImageError(f"{problem}: mend it, or take it out")


def _reason(error: Exception) -> str:
    """Pillow's, but where that is the name of an open file."""
    return "it is empty, or no image" if isinstance(error, UnidentifiedImageError) else str(error)


def as_served(image: Image.Image) -> Image.Image:
    """An opened image as the service decodes it: RGB, over white where it is transparent, upright as its EXIF says."""
    return upright(to_rgb(image), image.info.get("exif", b""))
