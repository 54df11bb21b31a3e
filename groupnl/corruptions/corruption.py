"""What one corruption is: random numbers drawn for an image, and pixels changed by them.

The two are apart so that a seed replays a result on any device: drawing is done on the CPU, for image after image;
applying is done for a batch, where its pixels lie.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Generator, Tensor

# Random numbers by name: of one image on the CPU, or of a batch, stacked along a new first dimension.
Draws = dict[str, Tensor]
# (height, width, severity, generator) -> draws of one image; empty where nothing is random.
Draw = Callable[[int, int, int, Generator], Draws]
# (images, severity, stacked draws) -> images; uint8 of shape (B, 3, H, W).
Apply = Callable[[Tensor, int, Mapping[str, Tensor]], Tensor]


@dataclass(frozen=True)
class Corruption:
    """One kind of corruption.

    Attributes:
        name: as in `groupnl.corruptions.names`.
        draw: random numbers of one image.
        apply: the corrupted batch, of one severity, on the device of the images.
        check: raises a ConfigError where something is missing that it needs.
    """

    name: str
    draw: Draw
    apply: Apply
    check: Callable[[], None] = lambda: None


def no_draws(height: int, width: int, severity: int, generator: Generator) -> Draws:
    """The draws of a corruption without randomness."""
    return {}
