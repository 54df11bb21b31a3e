"""A batch of request items to a batch of replies: everything between reading and sending.

One bad item never fails its neighbours: each is prepared on its own, and only good ones reach the engine.
"""

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

import torch
from torch import Tensor

from groupnl.archive.handler_config import HandlerConfig
from groupnl.base.turns import Turns
from groupnl.card import ModelCard
from groupnl.errors import InputError
from groupnl.images import Picture, Reader, SideBySide, as_batch
from groupnl.images.encode import to_png
from groupnl.inference.engines.engine import Engine
from groupnl.inference.threads import compute_with
from groupnl.metrics import (
    BATCH_SIZE,
    DECODE,
    INFER,
    PREPROCESS,
    REJECTED,
    REQUESTS,
    RESPOND,
    STAGE_SECONDS,
    TOTAL,
    WAIT,
    Metrics,
)
from groupnl.service.answer_counts import AnswerCounts
from groupnl.service.faults import FaultCounter
from groupnl.service.items import OWN_KEY, Item
from groupnl.service.replies import Reply, classifications, internal_error, refusal
from groupnl.service.shadow import Sampler
from groupnl.service.trials import Trial, trial_answer

logger = logging.getLogger(__name__)


class BatchTimes(NamedTuple):
    """When a batch went through its stages, by `time.perf_counter`, which all processes of a machine share.

    Attributes:
        begun: it has the cores; decoding begins.
        prepared: every image is ready for the network.
        computed: the network has answered.
    """

    begun: float
    prepared: float
    computed: float


@dataclass(frozen=True)
class _Prepared:
    """A good item.

    Attributes:
        item: the request.
        pixels: uint8 (3, S, S), with memory of its own: it may be kept longer than the batch.
        top_k: how many classes are asked for.
        label: position of the true class, where the client told it.
    """

    item: Item
    pixels: Tensor
    top_k: int
    label: int | None


class Service:
    """Answers batches with one model.

    As many images are prepared at a time as torch has threads when this is made.

    Args:
        card: the model's classes and input.
        engine: runs the model.
        config: limits, default number of classes, how many faults are put up with.
        metrics: where requests, refusals, stages and batches are counted.
        shadows: gets the answered images when their answers are computed.
        turns: to use the cores, with other workers.
        answers: counts what the network says; None: nobody does.
        temperature: the logits are divided by it for the probabilities that are served.
        on_cpu: whether the network uses the cores too.

    Attributes:
        times: of the last batch.
    """

    times: BatchTimes

    def __init__(
        self,
        card: ModelCard,
        engine: Engine,
        config: HandlerConfig,
        metrics: Metrics,
        shadows: Sampler,
        turns: Turns,
        answers: AnswerCounts | None = None,
        *,
        temperature: float = 1.0,
        on_cpu: bool = True,
    ) -> None:
        self._classes = card.classes
        self._reader = Reader(card.input, config.limits)
        self._side_by_side = SideBySide(torch.get_num_threads())
        self._engine = engine
        self._config = config
        self._metrics = metrics
        self._shadows = shadows
        self._turns = turns
        self._answers = answers
        self._temperature = temperature
        self._on_cpu = on_cpu
        self._faults = FaultCounter(config.max_consecutive_faults)

    def answer(self, items: Sequence[Item]) -> list[Reply]:
        """Answer each item, in order.

        Raises:
            SystemExit: the engine failed too often in a row; see `FaultCounter`.
        """
        with self._metrics.timed(STAGE_SECONDS, stage=TOTAL):
            with ExitStack() as turn:
                with self._metrics.timed(STAGE_SECONDS, stage=WAIT):
                    threads = turn.enter_context(self._turns.turn(len(items)))
                compute_with(threads)
                begun = time.perf_counter()
                prepared = self._side_by_side(self._prepare, items, threads)
                good = [item for item in prepared if isinstance(item, _Prepared)]
                if not self._on_cpu:
                    turn.close()  # the next worker's images are prepared while the device computes
                ready = time.perf_counter()
                logits = self._infer([item.pixels for item in good])
            self.times = BatchTimes(begun, ready, time.perf_counter())
            with self._metrics.timed(STAGE_SECONDS, stage=RESPOND):
                answers = iter(self._classified(logits, [item.top_k for item in good]))
                replies = [next(answers) if isinstance(item, _Prepared) else item for item in prepared]
        self._count(replies)
        if logits is not None:
            self._offer(good, logits)
        return replies

    def try_out(self, trial: Trial) -> Reply:
        """Show or answer one image under some cells. The shadow path learns nothing of it.

        Raises:
            SystemExit: as `answer`.
        """
        with self._turns.turn() as threads:
            compute_with(threads)
            prepared = self._prepare(trial.item)
            reply = prepared if isinstance(prepared, Reply) else self._tried_out(trial, prepared)
        self._metrics.inc(REQUESTS, code=str(int(reply.status)))
        return reply

    def _tried_out(self, trial: Trial, prepared: _Prepared) -> Reply:
        try:
            corrupted = trial.corrupted(prepared.pixels, self._config.shadow.seed)
        except InputError as error:
            self._metrics.inc(REJECTED, reason=error.code)
            return refusal(error)
        except Exception:
            logger.exception("an image could not be corrupted")
            return internal_error()
        images = [prepared.pixels, *corrupted]
        if trial.shows_pixels:
            return Reply(HTTPStatus.OK, {}, to_png(images[-1]))
        replies = self._classified(self._infer(images), [prepared.top_k] * len(images))
        failed = [reply for reply in replies if reply.status != HTTPStatus.OK]
        return failed[0] if failed else Reply(HTTPStatus.OK, trial_answer(trial.cells, [r.body for r in replies]))

    def _prepare(self, item: Item) -> _Prepared | Reply:
        try:
            top_k, label = item.top_k(self._config.top_k), item.label(self._classes)
            with self._metrics.timed(STAGE_SECONDS, stage=DECODE):
                picture = self._picture(item)
            with self._metrics.timed(STAGE_SECONDS, stage=PREPROCESS):
                return _Prepared(item, self._reader.fit(picture), top_k, label)
        except InputError as error:
            self._metrics.inc(REJECTED, reason=error.code)
            return refusal(error)
        except Exception:
            logger.exception("a request item could not be prepared")
            return internal_error()

    def _picture(self, item: Item) -> Picture:
        image = item.image()
        return self._reader.decode(image) if item.size is None else self._reader.take(image, item.size)

    def _infer(self, pixels: Sequence[Tensor]) -> Tensor | None:
        """The logits of model inputs; None where there are none, or the network could not be run."""
        if not pixels:
            return None
        try:
            with self._metrics.timed(STAGE_SECONDS, stage=INFER):
                logits = self._engine(as_batch(pixels))
        except Exception:
            logger.exception("the network could not be run on a batch of %d", len(pixels))
            self._faults.failed()
            return None
        self._faults.succeeded()
        return logits

    def _classified(self, logits: Tensor | None, top_k: Sequence[int]) -> list[Reply]:
        if logits is None:
            return [internal_error() for _ in top_k]
        if self._temperature != 1.0:
            logits = logits / self._temperature
        return classifications(logits, self._classes, top_k)

    def _offer(self, good: Sequence[_Prepared], logits: Tensor) -> None:
        if self._answers is not None:
            self._answers.add(logits, [item.item.key() == OWN_KEY for item in good])
        for item, row in zip(good, logits, strict=True):
            self._shadows.offer(item.item, item.pixels, row, item.label)

    def _count(self, replies: Sequence[Reply]) -> None:
        self._metrics.observe(BATCH_SIZE, len(replies))
        for reply in replies:
            self._metrics.inc(REQUESTS, code=str(int(reply.status)))
