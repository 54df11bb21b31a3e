"""Unlabelled images: found in any folders, parts of them kept apart, read as the service reads them."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from groupnl.base.child_process import helpers
from groupnl.base.files import sha256_of
from groupnl.card import InputConfig
from groupnl.errors import ConfigError, InputError
from groupnl.images import Limits
from groupnl.images.folders import is_hidden, is_image
from groupnl.images.reader import Picture, Reader
from groupnl.training.images import IN_A_ROW, UnreadableImageError

_log = logging.getLogger(__name__)
_SMALLEST_CROP = 0.5  # share of the image's area
_SMALLEST_SIDE = 0.35  # of a square, as a share of the file's shorter side
_END = 64  # bytes by which files of one length are told apart before they are read whole
Batches = Any  # torch's loader: (B, 3, S, S) uint8 each
_Answer = TypeVar("_Answer")


class Square(NamedTuple):
    """A square of a file.

    Attributes:
        side: as a share of the file's shorter side.
        left: share of what is left beside it that lies on its left.
        top: the same above it.
    """

    side: float
    left: float
    top: float

    def of(self, picture: Picture) -> Picture:
        """Cut it out of a decoded file."""
        height, width = picture.pixels.shape[:2]
        side = max(1, round(self.side * min(height, width)))
        left, top = round(self.left * (width - side)), round(self.top * (height - side))
        return picture._replace(pixels=picture.pixels[top : top + side, left : left + side], size=(side, side), scale=1)


class View(NamedTuple):
    """An image.

    Attributes:
        file: that it is of.
        square: the part of it that is shown to the networks; None: all of it.
    """

    file: Path
    square: Square | None = None


class Images(NamedTuple):
    """The images of a conversion: whole files first, then their squares. All of a file are in one of the parts.

    Attributes:
        used: that the network is made with.
        deciding: by which it is decided which weights are kept.
        held_back: that it is measured with, and nothing else.
        squares: so many of each file are among them.
    """

    used: tuple[View, ...]
    deciding: tuple[View, ...]
    held_back: tuple[View, ...]
    squares: int = 0


def find_images(folder: Path, held_back: float, squares: int, seed: int) -> Images:
    """All images in a folder and the folders in it, none of them hidden, in three parts chosen at random.

    Args:
        folder: of the images; of files with the same bytes one is taken.
        held_back: share of the files that are only measured with; as many decide.
        squares: of each file, at random places, that are images beside it.
        seed: of the choice, and of the places.

    Raises:
        ConfigError: no such folder, an image of a format that is not read, or too few of them.
    """
    if not folder.is_dir():
        raise ConfigError(f"--images {folder} is no folder: name one that holds images, in folders or not")
    found = _without_copies(sorted(_images_in(folder)))
    held = round(held_back * len(found))
    if held < 1 or 2 * held >= len(found):
        raise ConfigError(
            f"--images {folder} has {len(found)} images, of which --held-back {held_back:g} are {held}, to measure "
            "with, and as many again decide: each part needs one at least, and so does the rest"
        )
    chance = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(found), generator=chance).tolist()
    files = [found[place] for place in order]
    parts = (files[2 * held :], files[held : 2 * held], files[:held])
    used, deciding, measured = (tuple(_views(part, squares, chance)) for part in parts)
    return Images(used, deciding, measured, squares)


def _views(files: Sequence[Path], squares: int, chance: torch.Generator) -> Iterator[View]:
    """The files, then the first square of each, then the second of each, and so on."""
    yield from map(View, files)
    for _ in range(squares):
        places = torch.rand(len(files), 3, generator=chance).tolist()
        for file, (side, left, top) in zip(files, places, strict=True):
            yield View(file, Square(_SMALLEST_SIDE + (1 - _SMALLEST_SIDE) * side, left, top))


def _without_copies(files: Sequence[Path]) -> list[Path]:
    """The first of those that hold the same bytes; of very many, most are as long as another, but few end alike."""
    keys: list[tuple[object, ...]] = [()] * len(files)
    for question in (_length, _end, sha256_of):  # each is asked of those that are alike so far
        counts = Counter(keys)
        pairs = zip(keys, files, strict=True)
        keys = [(*key, _asked(question, file)) if counts[key] > 1 else key for key, file in pairs]
    first: dict[tuple[object, ...], Path] = {}
    for key, file in zip(keys, files, strict=True):
        first.setdefault(key, file)
    return list(first.values())


def _length(file: Path) -> int:
    return file.stat().st_size


def _end(file: Path) -> bytes:
    with file.open("rb") as content:
        content.seek(-min(_END, _length(file)), os.SEEK_END)
        return content.read()


def _images_in(folder: Path) -> list[Path]:
    """Each picture once, by the first of its names, whatever links lead to it or to a folder of it."""
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    for root, folders, files in os.walk(folder, followlinks=True, onerror=_refuse):
        if not _is_first(Path(root), seen):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        paths = (Path(root, name) for name in sorted(files) if not is_hidden(name))
        found += [path for path in paths if is_image(path) and _is_first(path, seen)]
    return found


def _refuse(error: OSError) -> NoReturn:
    raise ConfigError(f"{error.filename} cannot be read: {error.strerror}; mend it, or take it out") from None


def _asked(question: Callable[[Path], _Answer], path: Path) -> _Answer:
    """What is asked of a file or folder.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return question(path)
    except OSError as error:
        _refuse(error)


def _is_first(path: Path, seen: set[tuple[int, int]]) -> bool:
    """Whether what lies there was not seen before; it is now."""
    status = _asked(Path.stat, path)
    place = status.st_dev, status.st_ino
    if place in seen:
        return False
    seen.add(place)
    return True


class _Pixels(Dataset[Tensor]):
    """Images by their number.

    Args:
        views: the images.
        config: of the network's input.
        complete: an image that cannot be read is an error, as a figure would be of other images than it says; otherwise
            it is told in the log, and the next one is taken, lest hours of work are lost by it.
        change: what is made of the pixels beyond; None: nothing.
    """

    def __init__(
        self,
        views: Sequence[View],
        config: InputConfig,
        *,
        complete: bool,
        change: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self._views = views
        self._reader = Reader(config, Limits())
        self._tries = 1 if complete else IN_A_ROW
        self._change = change

    def __len__(self) -> int:
        return len(self._views)

    def __getitem__(self, index: int) -> Tensor:
        places = [(index + step) % len(self) for step in range(self._tries)]
        for place in places[:-1]:
            try:
                return self._read(place)
            except UnreadableImageError as error:
                _log.warning("%s; the next one is taken", error)
        return self._read(places[-1])

    def _read(self, place: int) -> Tensor:
        file, square = self._views[place]
        try:
            picture = self._reader.decode(file.read_bytes())
        except (InputError, OSError) as error:
            raise UnreadableImageError(f"the image {file} cannot be used: {error}") from None
        pixels = self._reader.fit(square.of(picture) if square else picture)
        return self._change(pixels) if self._change else pixels


def plain_batches(
    images: Sequence[View], config: InputConfig, batch_size: int, workers: int, *, complete: bool = True
) -> Batches:
    """The images as the service sees them, in their order.

    Args:
        images: the images.
        config: of the network's input.
        batch_size: images at a time.
        workers: processes that read; 0: this one.
        complete: whether an image that cannot be read is an error; otherwise the next one is taken in its place.
    """
    return DataLoader(
        _Pixels(images, config, complete=complete),
        batch_size,
        num_workers=workers,
        multiprocessing_context=helpers(workers),
    )


def varied_batches(images: Sequence[View], config: InputConfig, batch_size: int, workers: int, seed: int) -> Batches:
    """The images shuffled, one half cropped at random, one half turned over; whole batches only.

    In the place of an image that cannot be read the next one is taken.

    Args:
        images: at least a batch of them.
        config: of the network's input.
        batch_size: images at a time.
        workers: processes that read; 0: this one, whose random numbers decide on the crops then.
        seed: of the order, and of the crops that workers make.
    """
    change = v2.Compose(
        [
            v2.RandomApply([v2.RandomResizedCrop(config.size, scale=(_SMALLEST_CROP, 1.0), antialias=True)]),
            v2.RandomHorizontalFlip(),
        ]
    )
    return DataLoader(
        _Pixels(images, config, complete=False, change=change),
        batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        multiprocessing_context=helpers(workers),
        generator=torch.Generator().manual_seed(seed),
    )
