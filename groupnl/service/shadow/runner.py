"""What a shadow costs: corrupting the pixels, running the network and its twin on them, comparing.

A `Runner` does it for a batch. `LocalRunner` does it where it is called: in the worker on CUDA, in the shadow process
(`groupnl.service.shadow.child`) on a CPU.
"""

import logging
import time
from typing import Protocol

import torch
from torch import Tensor

from groupnl.inference.engines.engine import Engine
from groupnl.robustness.compare import NO_CLASS, compare
from groupnl.service.shadow.batch import Batch, Result
from groupnl.service.shadow.beside import Beside, Candidate, Examples, Observer
from groupnl.service.shadow.corrupting import Corrupter
from groupnl.service.shadow.tell_once import TellOnce

logger = logging.getLogger(__name__)


class Runner(Protocol):
    """Anything that answers corrupted images."""

    def start(self) -> None:
        """Get ready. Raises when it cannot."""

    def run(self, batch: Batch) -> list[Result | None]:
        """Corrupt and answer a batch.

        Returns:
            For each image its result; None for an image whose corruption failed.
        """

    def close(self) -> None:
        """Free what it holds."""


class LocalRunner:
    """Runs in the calling thread.

    Args:
        engine: of the model.
        twin: of its reference, or None.
        device: where the pixels are corrupted.
        groups: int64 of shape (classes,), the number of each class's group; None: each class is one of its own.
        observer: looks at what is answered, where there is a clean answer, as do the two below; see `Beside`.
        candidate: answers the files, too.
        examples: gets the flips.
    """

    def __init__(
        self,
        engine: Engine,
        twin: Engine | None,
        device: torch.device,
        groups: Tensor | None = None,
        observer: Observer | None = None,
        candidate: Candidate | None = None,
        examples: Examples | None = None,
    ) -> None:
        self._engine = engine
        self._twin = twin
        self._device = device
        self._groups = groups
        self._corrupt = Corrupter()
        self._beside = Beside(observer, candidate, examples)
        self._tell_once = TellOnce(logger)

    def start(self) -> None:
        """Nothing to do: the engines are ready."""

    def run(self, batch: Batch) -> list[Result | None]:
        """Corrupt and answer a batch; see `Runner`."""
        corrupted = self._corrupt(batch.pixels.to(self._device), batch.specs)
        places = [place for place, image in enumerate(corrupted) if image is not None]
        results: list[Result | None] = [None] * len(batch.pixels)
        if places:
            images = torch.stack([image for image in corrupted if image is not None])
            found = self._answer(batch.at(places), images)
            for place, result in zip(places, found, strict=True):
                results[place] = result
        return results

    def close(self) -> None:
        """Nothing to do."""

    def _answer(self, batch: Batch, images: Tensor) -> list[Result]:
        began = time.perf_counter()
        logits = self._engine(images)
        best = self._best(logits)
        if batch.clean is None:
            return [Result(one, None, None) for one in best]
        seconds = (time.perf_counter() - began) / len(best)
        answers = logits.softmax(dim=1)
        changes = compare(batch.clean, answers, self._groups)
        holds: list[bool | None] = [None] * len(best)
        if self._twin is not None:
            pairs = zip(self._best(self._twin(batch.pixels)), self._best(self._twin(images)), strict=True)
            holds = [None if before == NO_CLASS else before == after for before, after in pairs]
        results = [Result(*row, seconds=seconds) for row in zip(best, changes, holds, strict=True)]
        return self._beside.add(batch, images, answers, results)

    def _best(self, logits: Tensor) -> list[int]:
        """The best class of each row; `NO_CLASS` where its numbers are not finite."""
        is_answer = logits.isfinite().all(dim=1)
        if not bool(is_answer.all()):
            self._tell_once(FloatingPointError("its logits are not finite"), "a network failed on an image")
        found: list[int] = logits.argmax(dim=1).where(is_answer, NO_CLASS).tolist()
        return found
