"""Right answers, counted piece by piece."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from groupnl.errors import ConfigError
from groupnl.inference.engines.engine import Engine
from groupnl.validation.loader import Rows, read
from groupnl.validation.piece import Piece, Recipe
from groupnl.validation.tally import CellCounts, Tally, counted

BEST = 5  # classes; fewer where the network has fewer


def count(
    pieces: Iterable[Piece],
    engine: Callable[[int], Engine],
    *,
    workers: int,
    batch_size: int,
    told: Callable[[int], object],
) -> Iterator[CellCounts]:
    """What is counted in each piece.

    Args:
        pieces: one after the other; they are asked for ahead.
        engine: that answers images of a size, pixels.
        workers: processes that read images; 0: this one.
        batch_size: images at a time.
        told: how many images were answered.

    Raises:
        ConfigError: an image that cannot be used, or logits that are not finite.
    """
    for piece, batches in read(pieces, workers, batch_size):
        tally = Tally()
        for rows in batches:
            tally.add(_counts(rows, piece.recipe, engine(rows.pixels.shape[-1])))
            told(len(rows.labels) * len(piece.recipe.cells))
        yield {cell: tally.of(cell) for cell in piece.recipe.cells}


def _counts(rows: Rows, recipe: Recipe, engine: Engine) -> CellCounts:
    found = {}
    for place, cell in enumerate(recipe.cells):
        first, among = hits(engine(rows.pixels[:, place].contiguous()), rows.labels)
        found[cell] = counted(top1=first, top5=among)
    return found


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
