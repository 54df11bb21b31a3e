"""Sets of clean images: one that the small model is fitted to, others that are the traffic."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from groupnl.errors import ConfigError
from groupnl.validation.offline import HeldBack

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
LEAST_PHOTOGRAPHS = 10
_LARGEST = 1280  # longer side of a photograph before it is cropped, pixels
_LEAST_SHARE = 0.35  # of its shorter side that a crop takes


class Pictures(NamedTuple):
    """Clean images.

    Attributes:
        images: what they are; labels are 0 where there are no classes.
        groups: int64 (N,), the source of each: crops of one photograph have one.
    """

    images: HeldBack
    groups: NDArray[np.int64]


def split(images: HeldBack, count: int, seed: int) -> tuple[Pictures, Pictures]:
    """So many images at random, and the others."""
    order = np.random.default_rng(seed).permutation(len(images.keys))
    return _part(images, order[:count]), _part(images, order[count:])


def photographs(
    folder: Path, size: int, crops: int, seed: int, known: int | None = None
) -> tuple[Pictures, Pictures, Pictures, Pictures]:
    """Square crops of some of the photographs and other crops of the same; and both of the others.

    Args:
        folder: holds them.
        size: of a crop after scaling, pixels.
        crops: of each photograph.
        seed: of the choice and the crops.
        known: how many are chosen; None: half of them.

    Raises:
        ConfigError: there are fewer than `LEAST_PHOTOGRAPHS`, all are chosen, or one cannot be read.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if len(paths) < LEAST_PHOTOGRAPHS:
        raise ConfigError(f"{folder} has {len(paths)} photographs; name a folder of {LEAST_PHOTOGRAPHS} or more")
    rng = random.Random(seed)  # noqa: S311 (no secret)
    rng.shuffle(paths)
    known = len(paths) // 2 if known is None else known
    if known >= len(paths):
        raise ConfigError(f"{folder} has {len(paths)} photographs, none beside {known}: give more, or choose fewer")
    ours, others = _crops(paths[:known], size, crops, rng), _crops(paths[known:], size, crops, rng)
    again = _crops(paths[:known], size, crops, rng, first=crops)
    return ours, again, others, _crops(paths[known:], size, crops, rng, first=crops)


def _part(images: HeldBack, places: NDArray[np.int64]) -> Pictures:
    chosen = torch.from_numpy(places)
    keys = tuple(images.keys[place] for place in places)
    return Pictures(HeldBack(keys, images.pixels[chosen], images.labels[chosen]), np.arange(len(places)))


def _crops(paths: Sequence[Path], size: int, crops: int, rng: random.Random, first: int = 0) -> Pictures:
    pixels = [crop for path in paths for crop in _of_one(path, size, crops, rng)]
    keys = tuple(f"{path.name}-{number}" for path in paths for number in range(first, first + crops))
    groups = np.repeat(np.arange(len(paths)), crops)
    return Pictures(HeldBack(keys, torch.stack(pixels), torch.zeros(len(keys), dtype=torch.int64)), groups)


def _of_one(path: Path, size: int, crops: int, rng: random.Random) -> list[Tensor]:
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file).convert("RGB")
    except OSError as error:
        raise ConfigError(f"the photograph {path} cannot be read: {error}") from None
    image.thumbnail((_LARGEST, _LARGEST))
    found = []
    for _ in range(crops):
        side = round(min(image.size) * rng.uniform(_LEAST_SHARE, 1))
        left, top = (rng.randint(0, length - side) for length in image.size)
        crop = image.resize((size, size), Image.Resampling.BICUBIC, (left, top, left + side, top + side))
        crop = ImageOps.mirror(crop) if rng.random() < 0.5 else crop
        found.append(torch.from_numpy(np.asarray(crop).transpose(2, 0, 1).copy()))
    return found
