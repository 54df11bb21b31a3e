"""Counting right answers, cell by cell, over a stream of batches that knows no cells' borders."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

from groupnl.corruptions import Cell
from groupnl.errors import ConfigError
from groupnl.inference.engines.engine import Engine
from groupnl.validation.image_set import ImageSet
from groupnl.validation.loader import Rows
from groupnl.validation.record import Counts

BEST = 5  # classes; fewer where the network has fewer


def measure(
    stream: Iterable[Rows],
    engine: Engine,
    sets: Mapping[Cell | None, ImageSet],
    finished: Callable[[Cell | None, Counts], None],
    progress: Callable[[int], object],
) -> None:
    """Answer all images; a cell is told as soon as its last image is answered.

    Args:
        stream: batches of images.
        engine: answers them.
        sets: what the stream holds of each cell; None: of the clean images.
        finished: told a cell and its counts.
        progress: told how many images were answered.

    Raises:
        ConfigError: logits that are not finite.
    """
    images: Counter[Cell | None] = Counter()
    top1: Counter[Cell | None] = Counter()
    top5: Counter[Cell | None] = Counter()
    for rows in stream:
        first, among = hits(engine(rows.pixels), rows.labels)
        images.update(rows.cells)
        top1.update(_of(rows, first))
        top5.update(_of(rows, among))
        progress(len(rows.cells))
        for cell in dict.fromkeys(rows.cells):
            if images[cell] == sets[cell].images:
                finished(cell, Counts(images=images[cell], top1=top1[cell], top5=top5[cell], sha256=sets[cell].sha256))


def hits(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Whether the class is the best, and whether it is among the best five: bool of shape (B,) each.

    Args:
        logits: float32 of shape (B, classes).
        labels: int64 of shape (B,).

    Raises:
        ConfigError: logits that are not finite.
    """
    if not bool(torch.isfinite(logits).all()):
        raise ConfigError("the network's logits are not finite: try --precision float32")
    best = logits.topk(min(BEST, logits.shape[1]), dim=1).indices == labels[:, None]
    return best[:, 0], best.any(dim=1)


def _of(rows: Rows, chosen: Tensor) -> list[Cell | None]:
    return [cell for cell, is_chosen in zip(rows.cells, chosen.tolist(), strict=True) if is_chosen]
