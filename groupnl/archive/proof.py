"""The proof in an archive that its int8 network answers as the same network in float32."""

from pydantic import BaseModel, ConfigDict, PositiveInt

from groupnl.base.numbers import Count
from groupnl.robustness.statistics import wilson_interval


class Proof(BaseModel):
    """What an int8 network answered, beside the same network in float32, to images that it was not calibrated with.

    Attributes:
        source: of the images.
        calibrated_on: source of those that it was calibrated with.
        images: how many.
        same: those with the same first class as in float32.
        correct: those answered rightly in int8.
        correct_in_float32: those answered rightly in float32.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    calibrated_on: str
    images: PositiveInt
    same: Count
    correct: Count
    correct_in_float32: Count

    def in_a_line(self) -> str:
        """The figures."""
        low, high = wilson_interval(self.same, self.images)
        shift = (self.correct - self.correct_in_float32) / self.images
        return (
            f"int8 on {self.images} images of {self.source}: the same first class as in float32 for "
            f"{self.same / self.images:.2%} (95% interval {low:.1%} to {high:.1%}), accuracy "
            f"{self.correct / self.images:.2%}, {100 * shift:+.2f} points"
        )
