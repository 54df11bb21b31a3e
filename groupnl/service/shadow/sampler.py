"""The live path's side: which answered images are handed on.

It costs a hash, and for a chosen image a look at its pixels; it holds on to them, and makes no copies.
"""

import logging
import time

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


class Sampler:
    """Counts answers whose truth is known, and offers the chosen images to the shadow path.

    Args:
        counts: where they are counted.
        shadow: the shadow path; None where no image is to be chosen.
        seen: the images that are not to be chosen again; None: each may be.
    """

    def __init__(self, counts: ShadowCounts, shadow: ShadowLoop | None, seen: Seen | None = None) -> None:
        self._counts = counts
        self._shadow = shadow
        self._seen = seen
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
        key = self._chosen_key(item)
        if (label is None and key is None) or not bool(torch.isfinite(logits).all()):
            return  # nothing to do, or the client got no classes
        if label is not None:
            self._counts.clean_label(correct=int(logits.argmax()) == label)
        if self._shadow is not None and key is not None and self._is_new(pixels):
            self._shadow.offer(Job(key, pixels, logits.softmax(dim=0), label, time.monotonic()))

    def _chosen_key(self, item: Item) -> str | None:
        """The request's key, if its image is among the share."""
        if self._shadow is None or item.key() == OWN_KEY:
            return None
        key = request_key(item.key(), item.image())
        return key if self._shadow.wants(key) else None

    def _is_new(self, pixels: Tensor) -> bool:
        kind = None if self._seen is None else self._seen.look(fingerprint(pixels))
        if kind is not None:
            self._counts.repeated(kind)
        return kind is None
