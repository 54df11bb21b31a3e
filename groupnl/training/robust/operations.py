"""The nine operations that AugMix and PixMix make chains of; none is a corruption of the validation.

What they do to pixels is timm's. The choice is the paper's: timm's own AugMix also changes colour, contrast, brightness
and sharpness, which the paper leaves out because ImageNet-C changes them too.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from PIL import Image
from timm.data.auto_augment import (
    auto_contrast,
    equalize,
    posterize,
    rotate,
    shear_x,
    shear_y,
    solarize,
    translate_x_rel,
    translate_y_rel,
)

from groupnl.training.robust.augmentation import Augmentation, Pixels

LEVELS = 10
"""The highest severity."""
_DEGREES, _SHEAR, _SHIFT = 30.0, 0.3, 1 / 3  # of the highest severity; a shift's part of the image's side
_BITS, _THRESHOLD = 4, 256  # that posterising loses beside the lower four, and from which solarising inverts

Arguments = tuple[float, ...]
"""Of an operation of timm, beside the image."""
Draw = Callable[[float, np.random.Generator], Arguments]
"""The arguments for a strength from 0 to 1."""


def operations(severity: float) -> tuple[Augmentation, ...]:
    """The operations, each with a strength that is drawn evenly from 0 to `severity`, 0 to 10."""
    return tuple(partial(_apply, operation, arguments, severity / LEVELS) for operation, arguments in _OPERATIONS)


def _apply(
    operation: Callable[..., Any],
    arguments: Draw,
    most: float,
    image: Pixels,
    random: np.random.Generator,
) -> Pixels:
    chosen = arguments(random.uniform(0, most), random)
    return np.array(operation(Image.fromarray(image), *chosen, resample=Image.Resampling.BILINEAR))


def _none(_level: float, _random: np.random.Generator) -> Arguments:
    return ()


def _either_way(most: float, level: float, random: np.random.Generator) -> Arguments:
    return (level * most if random.random() < 1 / 2 else -level * most,)


def _kept_bits(level: float, _random: np.random.Generator) -> Arguments:
    return (_BITS - int(level * _BITS),)


def _threshold(level: float, _random: np.random.Generator) -> Arguments:
    return (_THRESHOLD - int(level * _THRESHOLD),)


_OPERATIONS: tuple[tuple[Callable[..., Any], Draw], ...] = (
    (auto_contrast, _none),
    (equalize, _none),
    (posterize, _kept_bits),
    (solarize, _threshold),
    (rotate, partial(_either_way, _DEGREES)),
    (shear_x, partial(_either_way, _SHEAR)),
    (shear_y, partial(_either_way, _SHEAR)),
    (translate_x_rel, partial(_either_way, _SHIFT)),
    (translate_y_rel, partial(_either_way, _SHIFT)),
)
