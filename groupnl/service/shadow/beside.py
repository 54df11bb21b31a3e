"""Who looks at a batch beside model and twin, where it is answered. Whatever goes wrong here, the pairs stay."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from torch import Tensor

from groupnl.corruptions import CorruptionSpec
from groupnl.service.shadow.batch import Batch, CandidateAnswer, Expected, Result
from groupnl.service.shadow.tell_once import TellOnce
from groupnl.traffic.onlooker import Look

logger = logging.getLogger(__name__)
_Of = TypeVar("_Of")


class Observer(Protocol):
    """Knows the held-back images."""

    def look(self, pixels: Tensor) -> Sequence[Look]:
        """What each image looks like; uint8 of shape (B, 3, S, S)."""

    def expect(self, clean: Tensor, best: Sequence[int]) -> Sequence[Expected]:
        """How probably each image's answers are right.

        Args:
            clean: the clean answers, float32 probabilities of shape (B, classes).
            best: position of each corrupted answer's best class; `NO_CLASS` where it is none.
        """


class Candidate(Protocol):
    """A second archive, which reads the files by itself."""

    def answer(self, batch: Batch) -> Sequence[CandidateAnswer | None]:
        """Answer each image clean and under its corruption; None where there is no file or no answer.

        Args:
            batch: with files and clean answers; each image has a spec.
        """


class Examples(Protocol):
    """Keeps pictures of flips."""

    def keep(self, pixels: Tensor, corrupted: Tensor, spec: CorruptionSpec, clean: Tensor, answer: Tensor) -> None:
        """Keep one flip.

        Args:
            pixels: uint8 of shape (3, S, S), as the network got them.
            corrupted: the same under the corruption.
            spec: the corruption.
            clean: the clean answer, float32 probabilities of shape (classes,).
            answer: the corrupted one, which may not be finite.
        """


class Beside:
    """All of them; each may be missing.

    Args:
        observer: looks at the clean pixels.
        candidate: answers, too.
        examples: gets the flips.
    """

    def __init__(self, observer: Observer | None, candidate: Candidate | None, examples: Examples | None) -> None:
        self._observer = observer
        self._candidate = candidate
        self._examples = examples
        self._tell_once = TellOnce(logger)

    def add(self, batch: Batch, images: Tensor, answers: Tensor, results: Sequence[Result]) -> list[Result]:
        """The results, with what these have found.

        Args:
            batch: with clean answers.
            images: its corrupted pixels.
            answers: the model's to them, probabilities of shape (B, classes).
            results: of model and twin.
        """
        looks, expected = self._observed(batch, results)
        answered = self._answered(batch, len(results))
        self._keep(batch, images, answers, results)
        rows = zip(results, looks, expected, answered, strict=True)
        return [one._replace(look=look, expected=likely, candidate=other) for one, look, likely, other in rows]

    def _observed(
        self, batch: Batch, results: Sequence[Result]
    ) -> tuple[Sequence[Look | None], Sequence[Expected | None]]:
        nothing = [None] * len(results)
        observer, clean = self._observer, batch.clean
        if observer is None or clean is None:
            return nothing, nothing
        best = [result.best for result in results]
        looks = self._guarded("images could not be looked at", lambda: observer.look(batch.pixels))
        expected = self._guarded("nothing could be expected of images", lambda: observer.expect(clean, best))
        return looks or nothing, expected or nothing

    def _answered(self, batch: Batch, count: int) -> Sequence[CandidateAnswer | None]:
        candidate = self._candidate
        if candidate is None or batch.files is None:
            return [None] * count
        return self._guarded("the candidate failed", lambda: candidate.answer(batch)) or [None] * count

    def _keep(self, batch: Batch, images: Tensor, answers: Tensor, results: Sequence[Result]) -> None:
        examples, clean = self._examples, batch.clean
        if examples is None or clean is None:
            return
        for place, (result, spec) in enumerate(zip(results, batch.specs, strict=True)):
            if spec is not None and result.change is not None and result.change.flipped:
                flip = batch.pixels[place], images[place].cpu(), spec, clean[place], answers[place].cpu()
                self._guarded("an example could not be kept", partial(examples.keep, *flip))

    def _guarded(self, message: str, action: Callable[[], _Of]) -> _Of | None:
        try:
            return action()
        except Exception as error:
            self._tell_once(error, message)
            return None
