"""Answers: logits or an error to status and JSON body; the last step of a batch."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import torch
from torch import Tensor

from groupnl.errors import GroupNLError, InputError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reply:
    """The answer to one request.

    Attributes:
        status: HTTP status.
        body: what is sent as JSON; the order of its keys is kept.
        image: a PNG that is sent in its place.
    """

    status: int
    body: dict[str, Any]
    image: bytes | None = None


def refusal(error: InputError) -> Reply:
    """Answer a client's fault with its code and our sentence."""
    return Reply(error.status, {"code": error.code, "message": str(error)})


def internal_error() -> Reply:
    """Answer a fault of ours with a fixed text: what happened is in the log, and is no client's business."""
    message = "The service could not answer this request; try again later."
    return Reply(GroupNLError.status, {"code": GroupNLError.code, "message": message})


def classifications(logits: Tensor, classes: Sequence[str], top_k: Sequence[int]) -> list[Reply]:
    """Answer each of a batch with its most probable classes.

    Args:
        logits: float32 of shape (B, classes), at least one row.
        classes: names, in the order of the logits.
        top_k: how many to name, for each row; more than there are means all.

    Returns:
        For each row, class name -> probability, most probable first; probabilities are not rounded. Logits that are
        not finite are a fault of ours: they are no answer, and NaN is not JSON.
    """
    best = logits.softmax(dim=1).topk(min(max(top_k), len(classes)), dim=1)
    rows = zip(
        torch.isfinite(logits).all(dim=1).tolist(), best.indices.tolist(), best.values.tolist(), top_k, strict=True
    )
    return [
        _classification(is_finite, indices[:count], probabilities[:count], classes)
        for is_finite, indices, probabilities, count in rows
    ]


def _classification(
    is_finite: bool, indices: Sequence[int], probabilities: Sequence[float], classes: Sequence[str]
) -> Reply:
    if not is_finite:
        logger.error("the network gave logits that are not finite")
        return internal_error()
    return Reply(HTTPStatus.OK, {classes[index]: value for index, value in zip(indices, probabilities, strict=True)})
