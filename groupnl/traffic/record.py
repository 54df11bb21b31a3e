"""What was expected of the traffic before packing: a network's clean answers to held-back images, as counts."""

from itertools import accumulate
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from groupnl.base.numbers import Count, Positive, Sha256, Share
from groupnl.corruptions.names import CELLS, Cell
from groupnl.metrics import CONFIDENCE, ENTROPY

# What an image may look like, in the order of the confusion's rows and columns; None: clean.
LOOKS: tuple[Cell | None, ...] = (None, *CELLS)
CLASSES = 50  # that are counted by their names, at most


class TrafficRecord(BaseModel):
    """What one checkpoint answers to held-back images without corruption.

    Attributes:
        format: version of this record.
        architecture: of the network, as timm names it.
        weights_sha256: of the checkpoint's file.
        size: side of the network's input, pixels; statistics are of images of this size.
        data: name of the folder of the images.
        splits: folders inside it, of which all images were used, or a random part.
        images: how many were used.
        live_images: unlabelled images of the traffic that say what clean ones look like; 0: the held-back ones do.
        precision: of the network's products, as torch names it.
        seed: of the choice of images, of the corruptions and of the fit.
        versions: package -> version that computed the figures.
        temperature: logits are divided by it for calibrated probabilities.
        ece: expected calibration error of the probabilities as served, 0 to 1.
        ece_calibrated: the same with the temperature.
        confidence: images by the buckets of `metrics.CONFIDENCE`, each counted once.
        entropy: images by the buckets of `metrics.ENTROPY`, each counted once.
        predicted: class name -> images of which it is the best class; the `CLASSES` most frequent, the first most.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format: Literal[1] = 1
    architecture: str
    weights_sha256: Sha256
    size: Positive
    data: str
    splits: Annotated[tuple[str, ...], Field(min_length=1)]
    images: Positive
    live_images: Count = 0
    precision: str
    seed: int
    versions: dict[str, str]
    temperature: Annotated[float, Field(gt=0)]
    ece: Share
    ece_calibrated: Share
    confidence: tuple[Count, ...]
    entropy: tuple[Count, ...]
    predicted: Annotated[dict[str, Positive], Field(min_length=1, max_length=CLASSES)]

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        for name, counts, family in (
            ("confidence", self.confidence, CONFIDENCE),
            ("entropy", self.entropy, ENTROPY),
        ):
            if len(counts) != len(family.buckets) or sum(counts) != self.images:
                raise ValueError(
                    f"{name} counts {sum(counts)} images in {len(counts)} buckets; there are {self.images} images and "
                    f"{len(family.buckets)} buckets"
                )
        if sum(self.predicted.values()) > self.images:
            raise ValueError(f"{sum(self.predicted.values())} predicted classes are more than {self.images} images")
        return self

    def expected_confidence(self) -> dict[float, float]:
        """Bucket's upper bound -> share of the images with at most this confidence."""
        return self._cumulative(CONFIDENCE.buckets, self.confidence)

    def expected_entropy(self) -> dict[float, float]:
        """Bucket's upper bound -> share of the images with at most this entropy."""
        return self._cumulative(ENTROPY.buckets, self.entropy)

    def expected_predicted(self) -> dict[str, float]:
        """Class name -> share of the images of which it is the best class; those that are not named are not there."""
        return {name: count / self.images for name, count in self.predicted.items()}

    def _cumulative(self, buckets: tuple[float, ...], counts: tuple[int, ...]) -> dict[float, float]:
        return {bound: total / self.images for bound, total in zip(buckets, accumulate(counts), strict=True)}
