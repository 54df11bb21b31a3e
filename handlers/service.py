"""A batch of request items to a batch of replies: everything between reading and sending.

One bad item never fails its neighbours: each is prepared on its own, and only good ones reach the engine.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from groupnl.card import ModelCard
from groupnl.errors import InputError
from groupnl.handler_config import HandlerConfig
from groupnl.images import Preprocess, decode
from groupnl.inference import Engine
from handlers.context import Context
from handlers.faults import FaultCounter
from handlers.replies import Reply, classification, internal_error, refusal, send
from handlers.requests import Item, read_items

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Prepared:
    """A good item: uint8 pixels (3, S, S), and how many classes are asked for."""

    pixels: Tensor
    top_k: int


class Service:
    """Answers batches with one model.

    Args:
        card: the model's classes and input.
        engine: runs the model.
        config: limits, default number of classes, how many faults are put up with.
    """

    def __init__(self, card: ModelCard, engine: Engine, config: HandlerConfig) -> None:
        self._classes = card.classes
        self._preprocess = Preprocess(card.input)
        self._engine = engine
        self._config = config
        self._faults = FaultCounter(config.max_consecutive_faults)

    def handle(self, data: Sequence[Mapping[str, Any]], context: Context) -> list[dict[str, Any]]:
        """Answer a batch as TorchServe hands it over; see `GroupNLClassifier.handle`."""
        return send(self.answer(read_items(data, context)), context)

    def answer(self, items: Sequence[Item]) -> list[Reply]:
        """Answer each item, in order.

        Raises:
            SystemExit: the engine failed too often in a row; see `FaultCounter`.
        """
        prepared = [self._prepare(item) for item in items]
        answers = iter(self._classify([item for item in prepared if isinstance(item, _Prepared)]))
        return [next(answers) if isinstance(item, _Prepared) else item for item in prepared]

    def _prepare(self, item: Item) -> _Prepared | Reply:
        try:
            top_k = item.top_k(self._config.top_k)
            return _Prepared(self._preprocess(decode(item.image(), self._config.limits)), top_k)
        except InputError as error:
            return refusal(error)
        except Exception:
            logger.exception("a request item could not be prepared")
            return internal_error()

    def _classify(self, good: Sequence[_Prepared]) -> list[Reply]:
        if not good:
            return []
        try:
            logits = self._engine(torch.stack([item.pixels for item in good]))
        except Exception:
            logger.exception("the network could not be run on a batch of %d", len(good))
            self._faults.failed()
            return [internal_error() for _ in good]
        self._faults.succeeded()
        return [classification(row, self._classes, item.top_k) for row, item in zip(logits, good, strict=True)]
