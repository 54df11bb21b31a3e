"""A clean answer against a corrupted one of the same network: what changed."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from groupnl.metrics import BOTH_FLIP, BOTH_HOLD, MODEL_ONLY, REFERENCE_ONLY

NO_CLASS = -1  # in place of a class, where a network's numbers are no answer


class Change(NamedTuple):
    """How one image's answer changed.

    Attributes:
        best: position of the corrupted answer's best class; `NO_CLASS` where it has none.
        flipped: the best class is another one.
        group_kept: the best class is in the group of the clean one.
        top5_kept: the clean best class is among the corrupted best five.
        confidence_drop: loss of probability of the clean best class, 0 to 1; a gain counts as 0.
        js_bits: Jensen-Shannon divergence of the two answers, 0 to 1 bit.
    """

    best: int
    flipped: bool
    group_kept: bool
    top5_kept: bool
    confidence_drop: float
    js_bits: float


def compare(clean: Tensor, corrupted: Tensor, groups: Tensor | None = None) -> list[Change]:
    """Compare answers image by image.

    A corrupted answer whose numbers are not finite names no class. A client would have got an error, so nothing of the
    clean answer is kept: it is a flip, with all of the confidence lost and a divergence of 1 bit. Leaving it out would
    take just those images away that the network holds worst.

    Args:
        clean: probabilities, finite, float32 of shape (B, classes).
        corrupted: the same of the corrupted images; not finite where a network failed.
        groups: int64 of shape (classes,), the number of each class's group; None: each class is a group of its own.
    """
    before = clean.argmax(dim=1, keepdim=True)
    is_answer = corrupted.isfinite().all(dim=1)
    corrupted = corrupted.where(is_answer[:, None], 0.0)
    best = corrupted.argmax(dim=1).where(is_answer, NO_CLASS)
    five = corrupted.topk(min(5, corrupted.shape[1]), dim=1).indices
    drop = (clean.gather(1, before) - corrupted.gather(1, before)).squeeze(1).clamp(0, 1)
    flipped = best != before.squeeze(1)
    columns = (
        best,
        flipped,
        ~flipped if groups is None else is_answer & (groups[best] == groups[before.squeeze(1)]),
        is_answer & (five == before).any(dim=1),
        drop,
        jensen_shannon_bits(clean, corrupted).where(is_answer, 1.0),
    )
    return [Change(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def jensen_shannon_bits(first: Tensor, second: Tensor) -> Tensor:
    """Jensen-Shannon divergence, base 2, of shape (B,), 0 to 1; the arguments as in `compare`."""
    one, other = first.double(), second.double()
    middle = (one + other) / 2
    return ((_divergence(one, middle) + _divergence(other, middle)) / 2).clamp(0, 1)


def _divergence(one: Tensor, other: Tensor) -> Tensor:
    """Kullback-Leibler divergence in bits; where `one` is 0 the term is 0."""
    nats: Tensor = torch.special.xlogy(one, one) - torch.special.xlogy(one, other)
    return nats.sum(dim=1) / math.log(2)


def paired_outcome(model_holds: bool, reference_holds: bool) -> str:
    """Who kept its own clean best class on the same corrupted pixels."""
    if model_holds:
        return BOTH_HOLD if reference_holds else MODEL_ONLY
    return REFERENCE_ONLY if reference_holds else BOTH_FLIP
