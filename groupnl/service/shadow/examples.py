"""Keeps pictures of flips, where the operator allows it; in the shadow process."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from groupnl.corruptions import CorruptionSpec
from groupnl.images.encode import to_png
from groupnl.robustness.examples import Example, ExampleRecord, KeptExamples, Said

EVERY_S = 1.0  # at most one is kept: making its files takes as long as answering it


class ExamplesPlace(NamedTuple):
    """Where the examples of a model are kept.

    Attributes:
        folder: of all models.
        most: so many of each.
        model: its name.
    """

    folder: Path
    most: int
    model: str


class FlipKeeper:
    """Keeps the newest flips of one model; see `Examples`.

    Args:
        place: where.
        classes: of the model, in the order of its logits.
    """

    def __init__(self, place: ExamplesPlace, classes: Sequence[str]) -> None:
        self._kept = KeptExamples(place.folder / place.model, place.most)
        self._model = place.model
        self._classes = classes
        self._next = 0.0

    def keep(self, pixels: Tensor, corrupted: Tensor, spec: CorruptionSpec, clean: Tensor, answer: Tensor) -> None:
        """Keep one flip, unless another one was kept just now.

        Raises:
            OSError: it cannot be written.
        """
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY_S
        record = ExampleRecord(
            model=self._model,
            answered=time.time(),
            corruption=spec.name,
            severity=spec.severity,
            original=self._said(clean),
            corrupted=self._said(answer),
        )
        self._kept.keep(Example(record, to_png(pixels), to_png(corrupted)))

    def _said(self, answer: Tensor) -> Said:
        if not bool(answer.isfinite().all()):
            return Said(best=None, confidence=0.0)
        confidence, best = answer.max(dim=0)
        return Said(best=self._classes[int(best)], confidence=min(float(confidence), 1.0))
