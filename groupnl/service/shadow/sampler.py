"""The live path's side: which answered images are handed on.

It costs a hash, and for a chosen image a look at its pixels; it holds on to them, and makes no copies.
"""

import logging
import time
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from groupnl.robustness.fingerprint import fingerprint
from groupnl.robustness.sampling import request_key
from groupnl.robustness.seen import Seen
from groupnl.service.items import OWN_KEY, Item
from groupnl.service.shadow.counts import ShadowCounts
from groupnl.service.shadow.job import Job
from groupnl.service.shadow.loop import ShadowLoop
from groupnl.service.shadow.tell_once import TellOnce

logger = logging.getLogger(__name__)


class AnswerListener(Protocol):
    """Is told of every live answer, in the live thread: it must cost next to nothing."""

    def answered(self, key: str, best: int) -> None:
        """A client got an answer.

        Args:
            key: of the request; see `groupnl.robustness.sampling`.
            best: position of the best class.
        """


class Sampler:
    """Counts answers whose truth is known, and offers the chosen images to the shadow path.

    Args:
        counts: where they are counted.
        shadow: the shadow path; None where no image is to be chosen.
        seen: the images that are not to be chosen again; None: each may be.
        listeners: are told of answers; what the service asks itself is none.
    """

    def __init__(
        self,
        counts: ShadowCounts,
        shadow: ShadowLoop | None,
        seen: Seen | None = None,
        listeners: Sequence[AnswerListener] = (),
    ) -> None:
        self._counts = counts
        self._shadow = shadow
        self._seen = seen
        self._listeners = listeners
        self._tell_once = TellOnce(logger)

    def offer(self, item: Item, pixels: Tensor, logits: Tensor, label: int | None) -> None:
        """Look at one answered image.

        Nothing that goes wrong here reaches the client: each kind of fault is logged once.

        Args:
            item: the request.
            pixels: uint8 of shape (3, S, S).
            logits: float32 of shape (classes,).
            label: position of the true class, where the client told it.
        """
        try:
            self._offer(item, pixels, logits, label)
        except Exception as error:
            self._tell_once(error, "an answered image could not be offered")

    def _offer(self, item: Item, pixels: Tensor, logits: Tensor, label: int | None) -> None:
        key = self._key(item)
        is_wanted = self._shadow is not None and key is not None and self._shadow.wants(key)
        tells = bool(self._listeners) and key is not None
        if not (is_wanted or tells or label is not None) or not bool(torch.isfinite(logits).all()):
            return  # nothing to do, or the client got no classes
        best = int(logits.argmax())
        if label is not None:
            self._counts.clean_label(correct=best == label)
        if key is None:
            return
        for listener in self._listeners:
            listener.answered(key, best)
        if self._shadow is not None and is_wanted and self._is_new(pixels):
            file = item.image() if item.size is None else b""
            self._shadow.offer(Job(key, pixels, logits.softmax(dim=0), label, time.monotonic(), file))

    def _key(self, item: Item) -> str | None:
        """The request's key; None where nobody wants to know, or the service itself has asked."""
        if (self._shadow is None and not self._listeners) or item.key() == OWN_KEY:
            return None
        return request_key(item.key(), item.image())

    def _is_new(self, pixels: Tensor) -> bool:
        kind = None if self._seen is None else self._seen.look(fingerprint(pixels))
        if kind is not None:
            self._counts.repeated(kind)
        return kind is None
