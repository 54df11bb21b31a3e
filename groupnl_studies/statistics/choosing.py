"""The service's own choice of live images, without a service: which of a stream of images would become pairs."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from groupnl.archive.shadow_config import ShadowConfig
from groupnl.base.progress import progress
from groupnl.metrics import Metrics
from groupnl.robustness.seen import Seen
from groupnl.service.items import KEY_HEADER, Item
from groupnl.service.shadow.counts import ShadowCounts
from groupnl.service.shadow.job import Job
from groupnl.service.shadow.loop import ShadowLoop
from groupnl.service.shadow.sampler import Sampler

_CONFIG = ShadowConfig(share=1.0)
_LOGITS = torch.zeros(2)
_NOBODY: Any = None  # what would answer: nothing is started here


def chosen(images: NDArray[np.uint8], stream: Iterable[int], same: int, similar: int) -> NDArray[np.int64]:
    """The places in the stream of those requests that are chosen, (chosen,).

    Args:
        images: uint8 (N, 3, S, S).
        stream: which image each request brings; each has a key of its own.
        same: images that are remembered.
        similar: images whose look is remembered.
    """
    counts = ShadowCounts(Metrics("simulated", CollectorRegistry()), None, ())
    taken = _Taken(counts)
    sampler = Sampler(counts, taken, Seen(same, similar))
    pixels = torch.from_numpy(images)
    for place, image in enumerate(progress(stream, unit="requests", title="choosing", stays=False)):
        sampler.offer(Item({"body": b"image"}, {KEY_HEADER.lower(): str(place)}), pixels[image], _LOGITS, None)
    return np.array(taken.places)


class _Taken(ShadowLoop):
    """Takes every image, and answers none."""

    def __init__(self, counts: ShadowCounts) -> None:
        super().__init__(_NOBODY, _CONFIG, counts, None)
        self.places: list[int] = []

    def offer(self, job: Job) -> None:
        """Note its place in the stream."""
        self.places.append(int(job.key))
