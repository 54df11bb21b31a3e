"""Frost: a photograph of ice, a random part of it, laid over the image.

The photographs are not ours to pass on: they are read from the installed package imagecorruptions-imaug, whose code is
not imported.
"""

import importlib.metadata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Generator, Tensor

from groupnl.corruptions.corruption import Corruption, Draws
from groupnl.corruptions.tables import Table, official_size, parameters
from groupnl.errors import ConfigError

# Shares of image and ice.
_LARGE = ((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))
TABLE: Table[tuple[float, float]] = {
    299: _LARGE,
    224: _LARGE,
    64: ((1.0, 0.3), (0.9, 0.4), (0.8, 0.45), (0.75, 0.5), (0.7, 0.55)),
    32: ((1.0, 0.2), (1.0, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
}
# How far the photographs are scaled down.
SCALE = {299: 1.0, 224: 1.0, 64: 0.3, 32: 0.2}
# The published code draws among five; its sixth is never used, and its second and third are the same picture.
FILES = ("frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg")
PACKAGE = "imagecorruptions-imaug"
_ROOM = 1.1  # a photograph that is too small is enlarged to so many times the image


def _check() -> None:
    """Look for the photographs.

    Raises:
        ConfigError: they are not installed.
    """
    for name in FILES:
        _path(name)


def _draw(height: int, width: int, severity: int, generator: Generator) -> Draws:
    ice = _photograph(int(torch.randint(len(FILES), (), generator=generator)), height, width)
    top, left = (
        int(torch.randint(have - want, (), generator=generator))
        for have, want in zip(ice.shape[1:], (height, width), strict=True)
    )
    return {"ice": ice[:, top : top + height, left : left + width]}


def _apply(images: Tensor, severity: int, draws: Mapping[str, Tensor]) -> Tensor:
    image_share, ice_share = parameters(TABLE, severity, *images.shape[-2:])
    # In double precision, as the published code: in single, many sums miss a whole number and lose a level.
    ice = draws["ice"].double().mul_(ice_share)
    return images.double().mul_(image_share).add_(ice).clamp_(max=255).to(torch.uint8)


def _photograph(index: int, height: int, width: int) -> Tensor:
    """One photograph, larger than the image; uint8 of shape (3, H, W)."""
    scale = SCALE[official_size(height, width)]
    ice = _scaled(index, scale)
    missing = max(height / ice.shape[1], width / ice.shape[2])
    return ice if missing < 1 else _scaled(index, scale * missing * _ROOM)


@lru_cache(maxsize=32)
def _scaled(index: int, scale: float) -> Tensor:
    """One photograph, uint8 of shape (3, H, W); decoded once for a scale."""
    ice = cv2.cvtColor(_decoded(_path(FILES[index])), cv2.COLOR_BGR2RGB)
    if scale != 1:
        ice = cv2.resize(
            ice, (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR if scale < 1 else cv2.INTER_CUBIC
        )
    return torch.from_numpy(np.ascontiguousarray(ice.transpose(2, 0, 1)))


def _decoded(path: Path) -> cv2.typing.MatLike:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ConfigError(f"the frost texture {path} cannot be read: {_advice()}")
    return image


def _path(name: str) -> Path:
    try:
        path = Path(str(importlib.metadata.distribution(PACKAGE).locate_file(f"imagecorruptions/frost/{name}")))
    except importlib.metadata.PackageNotFoundError:
        raise ConfigError(f"frost needs the textures of the package {PACKAGE}: {_advice()}") from None
    if not path.is_file():
        raise ConfigError(f"the frost texture {path} is missing: {_advice()}")
    return path


def _advice() -> str:
    return f"install it with `pip install --no-deps {PACKAGE}`, or leave frost out"


FROST = Corruption("frost", _draw, _apply, _check)
