"""Which of the official severity tables an image gets.

The published sets have images of 224, 299 (for Inception), 64 (Tiny-ImageNet-C) and 32 pixels (CIFAR-10-C), each with
its own parameters. An image of another size gets the table whose size is nearest to its shorter side in ratio,
unscaled: the bounds are the geometric means, 45, 120 and 259 pixels. So every number that is used is an official one.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

SIZES = (32, 64, 224, 299)
Row = TypeVar("Row")
# For each official size, the parameters of severities 1 to 5.
Table = Mapping[int, Sequence[Row]]


def official_size(height: int, width: int) -> int:
    """The official size whose table an image of this size gets, pixels."""
    side = min(height, width)
    return min(SIZES, key=lambda size: abs(math.log(side / size)))


def parameters(table: Table[Row], severity: int, height: int, width: int) -> Row:
    """The row of one severity, 1 to 5, for an image of this size, pixels."""
    return table[official_size(height, width)][severity - 1]
