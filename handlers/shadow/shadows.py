"""The live path's side: which answered images are handed on. It costs a hash, and holds on to pixels; no copies."""

import logging
import time

import torch
from torch import Tensor

from groupnl.robustness.sampling import request_key
from handlers.requests import Item
from handlers.shadow.counts import ShadowCounts
from handlers.shadow.job import Job
from handlers.shadow.shadow import Shadow

logger = logging.getLogger(__name__)


class Shadows:
    """Counts answers whose truth is known, and offers the chosen images to the shadow path.

    Args:
        counts: where they are counted.
        shadow: the shadow path; None where no image is to be chosen.
    """

    def __init__(self, counts: ShadowCounts, shadow: Shadow | None) -> None:
        self._counts = counts
        self._shadow = shadow
        self._told = False

    def offer(self, item: Item, pixels: Tensor, logits: Tensor, label: int | None) -> None:
        """Look at one answered image.

        Nothing that goes wrong here reaches the client: the first fault is logged.

        Args:
            item: the request.
            pixels: uint8 of shape (3, S, S).
            logits: float32 of shape (classes,).
            label: position of the true class, where the client told it.
        """
        try:
            self._offer(item, pixels, logits, label)
        except Exception:
            if not self._told:
                self._told = True
                logger.exception("an answered image could not be offered; later faults are not logged")

    def _offer(self, item: Item, pixels: Tensor, logits: Tensor, label: int | None) -> None:
        if label is not None:
            self._counts.clean_label(correct=int(logits.argmax()) == label)
        if self._shadow is None or not bool(torch.isfinite(logits).all()):
            return
        key = request_key(item.key(), item.image())
        if self._shadow.wants(key):
            self._shadow.offer(Job(key, pixels, logits.softmax(dim=0), label, time.monotonic()))
