"""What a shadow costs: corrupting the pixels, running the network and its twin on them, comparing.

A `Runner` does it for a batch. `LocalRunner` does it where it is called: in the worker on CUDA, in the shadow process
(`groupnl.service.shadow.child`) on a CPU.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from groupnl.corruptions import CorruptionSpec, corrupt_each
from groupnl.inference.engines.engine import Engine
from groupnl.robustness.compare import Change, compare
from groupnl.service.shadow.tell_once import TellOnce

logger = logging.getLogger(__name__)


class Result(NamedTuple):
    """What came of one image.

    Attributes:
        best: position of the best class.
        change: against the clean answer; None where none was given.
        twin_holds: whether the twin kept its own clean best class; None without a twin or a clean answer.
    """

    best: int
    change: Change | None
    twin_holds: bool | None


class Runner(Protocol):
    """Anything that answers corrupted images."""

    def start(self) -> None:
        """Get ready. Raises when it cannot."""

    def run(self, pixels: Tensor, specs: Sequence[CorruptionSpec | None], clean: Tensor | None) -> list[Result | None]:
        """Corrupt and answer a batch.

        Args:
            pixels: uint8 of shape (B, 3, S, S).
            specs: what is done to each image; None leaves it as it is.
            clean: the clean answers, float32 probabilities of shape (B, classes); None: there is nothing to compare.

        Returns:
            For each image its result; None for an image whose corruption failed, or for which a network's numbers are
            not finite.
        """

    def close(self) -> None:
        """Free what it holds."""


class LocalRunner:
    """Runs in the calling thread.

    Args:
        engine: of the model.
        twin: of its reference, or None.
        device: where the pixels are corrupted.
    """

    def __init__(self, engine: Engine, twin: Engine | None, device: torch.device) -> None:
        self._engine = engine
        self._twin = twin
        self._device = device
        self._tell_once = TellOnce(logger)

    def start(self) -> None:
        """Nothing to do: the engines are ready."""

    def run(self, pixels: Tensor, specs: Sequence[CorruptionSpec | None], clean: Tensor | None) -> list[Result | None]:
        """Corrupt and answer a batch; see `Runner`."""
        corrupted = self._corrupt(pixels.to(self._device), specs)
        places = [place for place, image in enumerate(corrupted) if image is not None]
        results: list[Result | None] = [None] * len(pixels)
        if places:
            images = torch.stack([image for image in corrupted if image is not None])
            found = self._answer(pixels[places], images, None if clean is None else clean[places])
            for place, result in zip(places, found, strict=True):
                results[place] = result
        return results

    def close(self) -> None:
        """Nothing to do."""

    def _answer(self, pixels: Tensor, images: Tensor, clean: Tensor | None) -> list[Result | None]:
        logits = self._engine(images)
        if clean is None:
            results = [Result(best, None, None) for best in logits.argmax(dim=1).tolist()]
            return self._only_finite(results, logits)
        changes = compare(clean, logits.softmax(dim=1))
        if self._twin is None:
            return self._only_finite([Result(change.best, change, None) for change in changes], logits)
        before, after = self._twin(pixels), self._twin(images)
        holds = (before.argmax(dim=1) == after.argmax(dim=1)).tolist()
        results = [Result(change.best, change, kept) for change, kept in zip(changes, holds, strict=True)]
        return self._only_finite(results, logits, before, after)

    def _only_finite(self, results: Sequence[Result], *logits: Tensor) -> list[Result | None]:
        """Without what rests on numbers that are no answer: one NaN would make a histogram's sum NaN for ever."""
        finite = torch.cat(logits, dim=1).isfinite().all(dim=1).tolist()
        if not all(finite):
            self._tell_once(FloatingPointError("its logits are not finite"), "a network failed on a corrupted image")
        return [result if good else None for result, good in zip(results, finite, strict=True)]

    def _corrupt(self, pixels: Tensor, specs: Sequence[CorruptionSpec | None]) -> list[Tensor | None]:
        """The corrupted images, together if possible; one by one when a corruption fails, so that only it is lost."""
        places = [place for place, spec in enumerate(specs) if spec is not None]
        wanted = [spec for spec in specs if spec is not None]
        images: list[Tensor | None] = list(pixels)
        try:
            corrupted: Sequence[Tensor | None] = list(corrupt_each(pixels[places], wanted)) if places else []
        except Exception:
            corrupted = [self._try(pixels[place], spec) for place, spec in zip(places, wanted, strict=True)]
        for place, image in zip(places, corrupted, strict=True):
            images[place] = image
        return images

    def _try(self, image: Tensor, spec: CorruptionSpec) -> Tensor | None:
        try:
            return corrupt_each(image.unsqueeze(0), [spec])[0]
        except Exception as error:
            self._tell_once(error, "corruption %s at severity %d failed", spec.name, spec.severity)
            return None
