"""Some images that are answered again, and what came of each: what a `Runner` takes and gives."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from groupnl.corruptions import CorruptionSpec
from groupnl.images.limits import Encoded
from groupnl.robustness.compare import Change
from groupnl.traffic.onlooker import Look


class Batch(NamedTuple):
    """Images that are to be answered again.

    Attributes:
        pixels: uint8 of shape (B, 3, S, S).
        specs: what is done to each image; None leaves it as it is.
        clean: the clean answers, float32 probabilities of shape (B, classes); None: there is nothing to compare.
        files: the encoded images, where a candidate is to read them by itself, empty where pixels came; else None.
    """

    pixels: Tensor
    specs: Sequence[CorruptionSpec | None]
    clean: Tensor | None = None
    files: Sequence[Encoded] | None = None

    def at(self, places: Sequence[int]) -> "Batch":
        """Some of its images, in this order."""
        return Batch(
            self.pixels[places],
            [self.specs[place] for place in places],
            None if self.clean is None else self.clean[places],
            None if self.files is None else [self.files[place] for place in places],
        )


class Expected(NamedTuple):
    """How probably an image's answers are right, by its calibrated clean answer, 0 to 1.

    Attributes:
        clean: the clean answer.
        corrupted: the corrupted one; 0 where it is none.
    """

    clean: float
    corrupted: float


class CandidateAnswer(NamedTuple):
    """How a candidate answered an image.

    Attributes:
        best: name of its best class.
        holds: whether the best class stayed under the corruption; None where that could not be made.
        seconds: of the candidate's network for one of the two answers.
    """

    best: str
    holds: bool | None
    seconds: float


class Result(NamedTuple):
    """What came of one image.

    Attributes:
        best: position of the best class; `NO_CLASS` where the network's numbers are not finite.
        change: against the clean answer; None where none was given.
        twin_holds: whether the twin kept its own clean best class; None without a twin or a clean answer of it.
        look: None where nobody looked.
        expected: None where nothing is expected.
        candidate: None without a candidate or an answer of it.
        seconds: of the network for this answer.
    """

    best: int
    change: Change | None
    twin_holds: bool | None
    look: Look | None = None
    expected: Expected | None = None
    candidate: CandidateAnswer | None = None
    seconds: float = 0.0
