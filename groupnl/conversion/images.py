"""Unlabelled images: found in any folders, parts of them kept apart, read as the service reads them."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from groupnl.base.child_process import helpers
from groupnl.card import InputConfig
from groupnl.errors import ConfigError, InputError
from groupnl.images import Limits
from groupnl.images.folders import is_hidden, is_image
from groupnl.images.reader import Reader
from groupnl.training.images import UnreadableImageError

_SMALLEST_CROP = 0.5  # share of the image's area
Batches = Any  # torch's loader: (B, 3, S, S) uint8 each


class Images(NamedTuple):
    """The images of a conversion.

    Attributes:
        used: that the network is made with.
        deciding: by which it is decided which weights are kept.
        held_back: that it is measured with, and nothing else.
    """

    used: tuple[Path, ...]
    deciding: tuple[Path, ...]
    held_back: tuple[Path, ...]


def find_images(folder: Path, held_back: float, seed: int) -> Images:
    """All images in a folder and the folders in it, none of them hidden, in three parts chosen at random.

    Args:
        folder: of the images.
        held_back: share of the images that are only measured with; as many decide.
        seed: of the choice.

    Raises:
        ConfigError: no such folder, an image of a format that is not read, or too few of them.
    """
    if not folder.is_dir():
        raise ConfigError(f"--images {folder} is no folder: name one that holds images, in folders or not")
    found = sorted(_images_in(folder))
    held = round(held_back * len(found))
    if held < 1 or 2 * held >= len(found):
        raise ConfigError(
            f"--images {folder} has {len(found)} images, of which --held-back {held_back:g} are {held}, to measure "
            "with, and as many again decide: each part needs one at least, and so does the rest"
        )
    order = torch.randperm(len(found), generator=torch.Generator().manual_seed(seed)).tolist()
    files = [found[place] for place in order]
    return Images(tuple(files[2 * held :]), tuple(files[held : 2 * held]), tuple(files[:held]))


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


def _is_first(path: Path, seen: set[tuple[int, int]]) -> bool:
    """Whether what lies there was not seen before; it is now."""
    try:
        status = path.stat()
    except OSError as error:
        _refuse(error)
    place = status.st_dev, status.st_ino
    if place in seen:
        return False
    seen.add(place)
    return True


class _Pixels(Dataset[Tensor]):
    def __init__(self, files: Sequence[Path], config: InputConfig, change: Callable[[Tensor], Tensor] | None) -> None:
        self._files = files
        self._read = Reader(config, Limits())
        self._change = change

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Tensor:
        file = self._files[index]
        try:
            pixels = self._read(file.read_bytes())
        except (InputError, OSError) as error:
            raise UnreadableImageError(f"the image {file} cannot be used: {error}") from None
        return self._change(pixels) if self._change else pixels


def plain_batches(files: Sequence[Path], config: InputConfig, batch_size: int, workers: int) -> Batches:
    """The images as the service sees them, in their order."""
    return DataLoader(
        _Pixels(files, config, None),
        batch_size,
        num_workers=workers,
        multiprocessing_context=helpers(workers),
    )


def varied_batches(files: Sequence[Path], config: InputConfig, batch_size: int, workers: int, seed: int) -> Batches:
    """The images shuffled, one half cropped at random, one half turned over; whole batches only.

    Args:
        files: at least a batch of them.
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
        _Pixels(files, config, change),
        batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        multiprocessing_context=helpers(workers),
        generator=torch.Generator().manual_seed(seed),
    )
