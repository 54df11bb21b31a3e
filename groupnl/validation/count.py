"""Right answers, counted piece by piece."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from groupnl.errors import ConfigError
from groupnl.inference.engines.engine import Engine
from groupnl.validation.calibration import packed
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
        logits = engine(rows.pixels[:, place].contiguous())
        first, among = hits(logits, rows.labels, recipe.answers)
        answers = packed(confidence(logits, recipe.answers), first)
        found[cell] = counted(top1=first, top5=among, answers=answers)
    return found


def hits(logits: Tensor, labels: Tensor, answers: Sequence[int] | None = None) -> tuple[Tensor, Tensor]:
    """Whether a right class is the best, and whether one is among the best five: bool of shape (B,) each.

    Args:
        logits: float32 of shape (B, classes).
        labels: int64 of shape (B,), or (B, K) where an image may have several right classes, with -1 for no other.
        answers: positions of the classes that may be answered; None: all.

    Raises:
        ConfigError: logits that are not finite.
    """
    if not bool(torch.isfinite(logits).all()):
        raise ConfigError("the network's logits are not finite: try --precision float32")
    kept = _kept(logits, answers)
    best = kept.topk(min(BEST, kept.shape[1]), dim=1).indices
    if answers is not None:
        best = torch.tensor(answers)[best]
    right = (best[:, :, None] == labels.reshape(len(labels), 1, -1)).any(dim=2)
    return right[:, 0], right.any(dim=1)


def confidence(logits: Tensor, answers: Sequence[int] | None = None) -> Tensor:
    """The probability of the best class among those that may be answered: float64 of shape (B,).

    Args:
        logits: float32 of shape (B, classes).
        answers: see `hits`.
    """
    return _kept(logits, answers).double().softmax(dim=1).amax(dim=1)


def _kept(logits: Tensor, answers: Sequence[int] | None) -> Tensor:
    return logits if answers is None else logits[:, list(answers)]
