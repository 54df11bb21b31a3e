"""The two ways to ask for corrupted images: one corruption for a batch, or a different one for each image."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from groupnl.corruptions.corruption import Corruption, Draws
from groupnl.corruptions.kinds import KINDS
from groupnl.corruptions.names import SEVERITIES
from groupnl.corruptions.published import round_trip
from groupnl.errors import ConfigError

_BY_NAME = {kind.name: kind for kind in KINDS}
MIN_SIDE = 32  # pixels; the smallest of the official sizes


class CorruptionSpec(NamedTuple):
    """What is to happen to one image.

    Attributes:
        name: one of `NAMES`.
        severity: 1 to 5.
        seed: of its random numbers, 0 to 2**63 - 1; the same seed gives the same pixels, on any device, in any batch.
    """

    name: str
    severity: int
    seed: int


def check(names: Iterable[str]) -> None:
    """Look whether these corruptions can be made here; to be asked before long work.

    Raises:
        ConfigError: an unknown name, or something is missing that one of them needs.
    """
    for name in names:
        _corruption(name).check()


def corrupt(
    images: Tensor,
    name: str,
    severity: int | Sequence[int],
    generator: Generator | None = None,
    *,
    published: bool = False,
) -> Tensor:
    """Corrupt a batch with one corruption of ImageNet-C.

    Args:
        images: (B, 3, H, W), uint8, or floating point in [0, 1], which is first rounded to the nearest of 256 levels:
            ImageNet-C is defined on 8-bit images. Sides of 32 pixels or more; resized and cropped, not normalised.
        name: one of `groupnl.corruptions.NAMES`.
        severity: 1 to 5, or one for each image.
        generator: of the random numbers, on the CPU; None: torch's own. Images draw from it one after another.
        published: add the JPEG round trip of quality 85 that the published files have gone through.

    Returns:
        Of the shape, dtype and device of `images`. Values are truncated to levels, as the official code does.

    Raises:
        ConfigError: an unknown name, a severity outside 1 to 5, or images of another shape, type or range.
    """
    severities = [severity] * len(images) if isinstance(severity, int) else list(severity)
    if len(severities) != len(images):
        raise ConfigError(
            f"{len(severities)} severities were given for {len(images)} images; give one, or one for each"
        )
    corruption = _corruption(name)
    for each in severities:
        _check_severity(each)
    levels = _levels(images)
    height, width = levels.shape[-2:]
    source = torch.default_generator if generator is None else generator
    draws = [corruption.draw(height, width, each, source) for each in severities]
    return _like(images, _applied(levels, [(corruption, each) for each in severities], draws, published=published))


def corrupt_each(images: Tensor, specs: Sequence[CorruptionSpec], *, published: bool = False) -> Tensor:
    """Corrupt each image of a batch in its own way.

    Args:
        images: as in `corrupt`.
        specs: one for each image.
        published: as in `corrupt`.

    Returns:
        As `corrupt`. Each image depends on its pixels and its spec alone, not on the batch it is in.

    Raises:
        ConfigError: as `corrupt`, or another number of specs than images.
    """
    if len(specs) != len(images):
        raise ConfigError(f"{len(specs)} requests were given for {len(images)} images; give one for each")
    kinds = [(_corruption(spec.name), _check_severity(spec.severity)) for spec in specs]
    levels = _levels(images)
    height, width = levels.shape[-2:]
    generators = (Generator().manual_seed(spec.seed) for spec in specs)
    draws = [
        corruption.draw(height, width, severity, generator)
        for (corruption, severity), generator in zip(kinds, generators, strict=True)
    ]
    return _like(images, _applied(levels, kinds, draws, published=published))


def _corruption(name: str) -> Corruption:
    if name not in _BY_NAME:
        raise ConfigError(f"{name!r} is no corruption of ImageNet-C; choose from {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def _check_severity(severity: int) -> int:
    if severity not in SEVERITIES:
        raise ConfigError(f"severity {severity!r} is none of 1 to 5")
    return severity


def _levels(images: Tensor) -> Tensor:
    """The images as uint8 levels."""
    if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[2:]) < MIN_SIDE:
        raise ConfigError(
            f"images have shape {tuple(images.shape)}; it must be (B, 3, H, W) with sides of {MIN_SIDE} pixels or more"
        )
    if images.dtype == torch.uint8:
        return images.contiguous()
    if not images.is_floating_point():
        raise ConfigError(f"images are of type {images.dtype}; they must be uint8, or floating point in [0, 1]")
    if len(images) and not (bool(images.min() >= 0) and bool(images.max() <= 1)):
        raise ConfigError(
            f"floating point images have values from {images.min():g} to {images.max():g}; they must lie in [0, 1], "
            "before any normalising"
        )
    return (images.float() * 255).round().to(torch.uint8).contiguous()


def _like(images: Tensor, levels: Tensor) -> Tensor:
    return levels if images.dtype == torch.uint8 else levels.to(images.dtype) / 255


def _applied(
    levels: Tensor, kinds: Sequence[tuple[Corruption, int]], draws: Sequence[Draws], *, published: bool
) -> Tensor:
    """The corrupted batch: images of one corruption and severity together, each put back in its place.

    On a CPU each image goes alone: its intermediate results stay in the cache, and no sum over a batch is ordered
    otherwise than over the image.
    """
    result = torch.empty_like(levels)
    places: dict[tuple[Corruption, int, int], list[int]] = defaultdict(list)
    for place, (corruption, severity) in enumerate(kinds):
        places[corruption, severity, place if levels.device.type == "cpu" else 0].append(place)
    for (corruption, severity, _), indices in places.items():
        stacked = {
            key: torch.stack([draws[index][key] for index in indices]).to(levels.device) for key in draws[indices[0]]
        }
        result[indices] = corruption.apply(levels[indices], severity, stacked)
    return round_trip(result) if published else result
