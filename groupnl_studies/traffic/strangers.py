"""Images that are spoilt in ways to which nothing was fitted: what do pixels and answers tell of them?"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from groupnl.corruptions.names import NAMES
from groupnl.inference.engines.engine import Engine
from groupnl.metrics import TRAFFIC_RANK
from groupnl.traffic.answer_ranks import AnswerRanks
from groupnl.traffic.drift import (
    ANSWER_MARGIN,
    ANSWER_STATISTICS,
    BROKEN_ANSWER_MARGIN,
    STATISTIC_MARGIN,
    gap_noise,
    largest_gap,
)
from groupnl.traffic.file import Traffic
from groupnl.traffic.mixture import KINDS
from groupnl.traffic.onlooker import Onlooker
from groupnl.traffic.record import LOOKS
from groupnl.traffic.statistics import STATISTICS
from groupnl_studies.traffic.streams import WINDOW, kinds_of
from groupnl_studies.traffic.watch import Watch

DARKNESS = 0.15
_BATCH = 64


def _dark(pixels: Tensor) -> Tensor:
    return (pixels.float() * DARKNESS).round().to(torch.uint8)


def _blank(pixels: Tensor) -> Tensor:
    return pixels.float().mean((2, 3), keepdim=True).round().to(torch.uint8).expand_as(pixels).contiguous()


def _cropped(pixels: Tensor) -> Tensor:
    edge, size = pixels.shape[-1] // 4, pixels.shape[-1]
    middle = pixels[..., edge : size - edge, edge : size - edge].float()
    return F.interpolate(middle, size=(size, size), mode="bicubic").clamp(0, 255).round().to(torch.uint8)


STRANGERS: dict[str, Callable[[Tensor], Tensor]] = {
    "clean": lambda pixels: pixels,
    "channels swapped (BGR)": lambda pixels: pixels.flip(1),
    "turned by 90 degrees": lambda pixels: pixels.rot90(1, (2, 3)).contiguous(),
    f"under-exposed (x {DARKNESS})": _dark,
    "blank (the image's mean)": _blank,
    "the middle half only": _cropped,
}


class Seen(NamedTuple):
    """What is told of traffic in which every image is spoilt in one way.

    Attributes:
        kind: a key of `STRANGERS`.
        looks: corruptions that are told of, the largest share first, with their shares.
        statistics: names of the pixel statistics whose gap is told of, the largest first.
        answers: the same of confidence and entropy.
        accuracy: share of right answers.
        withdrawn: whether the estimate of accuracy is withdrawn.
    """

    kind: str
    looks: tuple[tuple[str, float], ...]
    statistics: tuple[str, ...]
    answers: tuple[str, ...]
    accuracy: float
    withdrawn: bool


def seen(kind: str, pixels: Tensor, labels: Tensor, traffic: Traffic, engine: Engine) -> Seen:
    """Look at spoilt images.

    Args:
        kind: a key of `STRANGERS`.
        pixels: clean ones, uint8 (N, 3, S, S).
        labels: int64 (N,).
        traffic: what they are compared with.
        engine: the network.
    """
    spoilt = STRANGERS[kind](pixels)
    watch, onlooker = Watch(traffic.confusion), Onlooker(traffic)
    looks = [look for batch in torch.split(spoilt, _BATCH) for look in onlooker.look(batch)]
    places = kinds_of(np.array([LOOKS.index(look.cell) for look in looks]))
    counts = np.bincount(places, minlength=len(KINDS)).astype(np.float64)
    told, shares = watch.told(counts, WINDOW), watch.shares(counts)
    named = tuple((NAMES[place], float(shares[place])) for place in np.argsort(-shares) if told[place])
    gaps = _gaps(np.array([look.ranks for look in looks]), STATISTICS, traffic)
    logits = torch.cat([engine(batch) for batch in torch.split(spoilt, _BATCH)])
    ranks = AnswerRanks(traffic.record)
    answers = _gaps(np.array([ranks.ranks(row) for row in logits.float().softmax(1)]), ANSWER_STATISTICS, traffic)
    return Seen(
        kind=kind,
        looks=named,
        statistics=_above(gaps, STATISTIC_MARGIN),
        answers=_above(answers, ANSWER_MARGIN),
        accuracy=float((logits.argmax(1) == labels).double().mean()),
        withdrawn=bool(_above(answers, BROKEN_ANSWER_MARGIN)),
    )


def _gaps(ranks: NDArray[np.float64], names: tuple[str, ...], traffic: Traffic) -> dict[str, float]:
    """Name -> how far its ranks (N, names) are from an even spread, beyond chance."""
    noise = gap_noise(WINDOW, len(ranks), traffic.record.images)
    bounds = TRAFFIC_RANK.buckets
    return {
        name: largest_gap([float((column <= bound).mean()) for bound in bounds], bounds) - noise
        for name, column in zip(names, ranks.T, strict=True)
    }


def _above(gaps: dict[str, float], margin: float) -> tuple[str, ...]:
    return tuple(name for name in sorted(gaps, key=lambda name: -gaps[name]) if gaps[name] > margin)
