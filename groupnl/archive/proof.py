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
        correct: those answered rightly in int8; None: they have no labels.
        correct_in_float32: those answered rightly in float32.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    calibrated_on: str
    images: PositiveInt
    same: Count
    correct: Count | None
    correct_in_float32: Count | None

    def in_a_line(self) -> str:
        """The figures."""
        low, high = wilson_interval(self.same, self.images)
        same = (
            f"int8 on {self.images} images of {self.source}: the same first class as in float32 for "
            f"{self.same / self.images:.2%} (95% interval {low:.1%} to {high:.1%})"
        )
        if self.correct is None or self.correct_in_float32 is None:
            return f"{same}; how many are right nobody knows, because they have no labels"
        shift = (self.correct - self.correct_in_float32) / self.images
        return f"{same}, accuracy {self.correct / self.images:.2%}, {100 * shift:+.2f} points"
