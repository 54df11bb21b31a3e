"""A second archive that answers the images of the shadow path, so that it can be compared before it is served.

It may be of another architecture, input size or preprocessing, and have its classes in another order: it reads the file
by itself, meets the same corruption at its own size, and says names of classes.
"""

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from groupnl.archive.engine import choose, load_engine
from groupnl.archive.load import checked_manifest, handler_section
from groupnl.archive.read import CONFIG_FILE
from groupnl.base.yaml_file import read_mapping
from groupnl.card import InputConfig, ModelCard
from groupnl.corruptions import CorruptionSpec
from groupnl.images import Limits, Reader, as_batch
from groupnl.images.limits import Encoded
from groupnl.inference.engines.engine import Engine
from groupnl.robustness.compare import NO_CLASS
from groupnl.service.shadow.batch import Batch, CandidateAnswer
from groupnl.service.shadow.corrupting import Corrupter
from groupnl.service.shadow.tell_once import TellOnce

logger = logging.getLogger(__name__)


class ArchiveCandidate:
    """Answers beside a model.

    Args:
        engine: of the candidate.
        card: its classes and input.
        limits: what one image may cost, as for its own clients.
        device: where pixels are corrupted.
        model_input: of the model whose batches it gets.
    """

    def __init__(
        self, engine: Engine, card: ModelCard, limits: Limits, device: torch.device, model_input: InputConfig
    ) -> None:
        self._engine = engine
        self._classes = card.classes
        self._reader = Reader(card.input, limits)
        self._device = device
        self._takes_pixels = not card.input.seen_otherwise(model_input)
        self._corrupt = Corrupter()
        self._tell_once = TellOnce(logger)

    def answer(self, batch: Batch) -> list[CandidateAnswer | None]:
        """Answer each image clean and under its corruption; see `groupnl.service.shadow.beside.Candidate`.

        Returns:
            For each image its answer. None where the file cannot be read or the numbers are not finite, and where there
            is no file and the model's pixels are not the candidate's.
        """
        files = batch.files or [b""] * len(batch.pixels)
        images = [self._read(file, own) for file, own in zip(files, batch.pixels, strict=True)]
        places = [place for place, image in enumerate(images) if image is not None]
        answers: list[CandidateAnswer | None] = [None] * len(images)
        if places:
            pixels = as_batch([image for image in images if image is not None])
            found = self._answer(pixels, [batch.specs[place] for place in places])
            for place, answer in zip(places, found, strict=True):
                answers[place] = answer
        return answers

    def _read(self, file: Encoded, pixels: Tensor) -> Tensor | None:
        if not file:
            return pixels if self._takes_pixels else None
        try:
            return self._reader(file)
        except Exception as error:
            self._tell_once(error, "the candidate cannot read an image that the model has answered")
            return None

    def _answer(self, pixels: Tensor, specs: Sequence[CorruptionSpec | None]) -> list[CandidateAnswer | None]:
        made = self._corrupt(pixels.to(self._device), specs)
        corrupted = [image for image in made if image is not None]
        began = time.perf_counter()
        clean = self._best(pixels)
        answers = iter(self._best(torch.stack(corrupted)) if corrupted else [])
        seconds = (time.perf_counter() - began) / (len(pixels) + len(corrupted))
        holds = [None if image is None else next(answers) == best for image, best in zip(made, clean, strict=True)]
        return [
            None if best == NO_CLASS else CandidateAnswer(self._classes[best], stays, seconds)
            for best, stays in zip(clean, holds, strict=True)
        ]

    def _best(self, pixels: Tensor) -> list[int]:
        """The best class of each image; `NO_CLASS` where the numbers are not finite."""
        logits = self._engine(pixels)
        is_answer = logits.isfinite().all(dim=1)
        if not bool(is_answer.all()):
            self._tell_once(FloatingPointError("its logits are not finite"), "the candidate failed on an image")
        found: list[int] = logits.argmax(dim=1).where(is_answer, NO_CLASS).tolist()
        return found


def load_candidate(folder: Path, device: torch.device, model_input: InputConfig) -> ArchiveCandidate | None:
    """The candidate of an unpacked archive, run as if it were served; None, and a line in the log, where it cannot be.

    Whatever is wrong with a candidate harms no pair of model and twin: all that it does not answer is counted.

    Args:
        folder: the archive, with the settings of this start.
        device: that the model runs on.
        model_input: of the model.
    """
    try:
        manifest = checked_manifest(folder)
        config = handler_section(read_mapping(folder / CONFIG_FILE))
        choice = choose(config, device.index)
        engine = load_engine(folder, manifest, choice).engine
        engine.warm_up(1)  # what happens once is no part of the time of an image
    except Exception:
        logger.exception("the candidate in %s cannot be run, and answers nothing", folder)
        return None
    return ArchiveCandidate(engine, manifest.card, config.limits, choice.device, model_input)
