"""What was made int8 of a network; without what makes it, for those that only read of it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from groupnl.base.numbers import Positive, PositiveShare, Share

WeightBits = Literal[7, 8]
"""With 7 no sum of two products overflows 16 bits, in which CPUs without VNNI add."""


class Quantised(BaseModel):
    """An int8 form of a network.

    Attributes:
        weight_bits: of each int8 weight.
        layers: convolutions and matrix products in int8.
        of_layers: how many there are.
        share: of the network's multiplications that these layers do.
        images: that it was calibrated with.
        error: of their logits, a part of the logits' own deviation from their mean.
        same: share of images like them that is expected to have the same first class as in float32.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight_bits: WeightBits
    layers: Positive
    of_layers: Positive
    share: PositiveShare
    images: Positive
    error: float
    same: Share

    def in_a_line(self) -> str:
        """What it is, in a sentence."""
        return (
            f"{self.layers} of {self.of_layers} layers are int8, with {self.weight_bits}-bit weights, and do "
            f"{self.share:.0%} of the multiplications; they change {self.images} images' logits by {self.error:.1%}"
        )
