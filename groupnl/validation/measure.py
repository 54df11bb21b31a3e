"""Right answers, counted over a stream of batches that knows no cells' borders."""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

from groupnl.corruptions import Cell
from groupnl.errors import ConfigError
from groupnl.inference.engines.engine import Engine
from groupnl.validation.image_set import ImageSet
from groupnl.validation.loader import Rows
from groupnl.validation.record import Counts
from groupnl.validation.tally import Counted, Tally

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
    tally = Tally()
    for rows in stream:
        first, among = hits(engine(rows.pixels), rows.labels)
        tally.add(rows.cells, top1=first, top5=among)
        progress(len(rows.cells))
        for cell in dict.fromkeys(rows.cells):
            found, images = tally.of(cell), sets[cell]
            if found.images == images.images:
                finished(cell, _counts(found, images))


def _counts(found: Counted, images: ImageSet) -> Counts:
    return Counts(images=found.images, top1=found.top1, top5=found.top5, sha256=images.sha256, missing=images.missing)


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
