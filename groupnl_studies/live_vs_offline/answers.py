"""What models answer to held-back images: clean, in each cell, and where the traffic is broken."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from groupnl.corruptions import corrupt_each
from groupnl.corruptions.names import CELLS, Cell
from groupnl.inference.engines.engine import Engine
from groupnl.robustness.replay import spec_of
from groupnl.traffic.statistics import STATISTICS, pixel_statistics
from groupnl.validation.offline import HeldBack
from groupnl_studies.live_vs_offline.broken import BROKEN

# What traffic may be: clean (None), all in one cell, or broken, by its name.
Kind = Cell | str | None

_Change = Callable[[Tensor, Sequence[str]], Tensor]


@dataclass(frozen=True)
class Answers:
    """One model's answers to the same N images.

    Attributes:
        labels: int64 of shape (N,).
        logits: kind of traffic -> float32 of shape (N, classes).
        statistics: kind of traffic -> `STATISTICS` of its pixels, float32 of shape (N, 6).
    """

    labels: Tensor
    logits: Mapping[Kind, Tensor]
    statistics: Mapping[Kind, NDArray[np.float32]]

    @property
    def clean(self) -> Tensor:
        """Logits of the images as they are."""
        return self.logits[None]

    @property
    def cells(self) -> Mapping[Cell, Tensor]:
        """Cell -> logits."""
        return {kind: found for kind, found in self.logits.items() if isinstance(kind, Cell)}

    def right(self, kind: Kind) -> Tensor:
        """Which answers are right, bool of shape (N,)."""
        return self.logits[kind].argmax(dim=1) == self.labels


def kinds(cells: Sequence[Cell] = CELLS) -> list[Kind]:
    """All kinds of traffic: clean, cells, broken."""
    return [None, *cells, *BROKEN]


def answer(
    engines: Sequence[Engine],
    images: HeldBack,
    *,
    seed: int,
    cells: Sequence[Cell] = CELLS,
    batch_size: int = 64,
    progress: Callable[[int], object] = lambda images: None,
) -> list[Answers]:
    """Answer all images in all ways; each image is corrupted once a cell, and all models answer the same pixels.

    Args:
        engines: the models.
        images: what they answer.
        seed: of the corruptions, beside each image's key.
        cells: which.
        batch_size: images at a time.
        progress: told how many images were answered.
    """
    logits: list[dict[Kind, Tensor]] = [{} for _ in engines]
    statistics: dict[Kind, NDArray[np.float32]] = {}
    for kind in kinds(cells):
        change = _change(kind, seed)
        parts = [slice(start, start + batch_size) for start in range(0, len(images.keys), batch_size)]
        rows: list[list[Tensor]] = [[] for _ in engines]
        looks = []
        for part in parts:
            pixels = change(images.pixels[part], images.keys[part])
            looks.append(pixel_statistics(pixels)[:, : len(STATISTICS)])
            for engine, found in zip(engines, rows, strict=True):
                found.append(engine(pixels).float().cpu())
            progress(len(pixels))
        statistics[kind] = np.concatenate(looks)
        for answers, found in zip(logits, rows, strict=True):
            answers[kind] = torch.cat(found)
    return [Answers(images.labels, answers, statistics) for answers in logits]


def _change(kind: Kind, seed: int) -> _Change:
    """What becomes of pixels, given their keys."""
    if kind is None:
        return lambda pixels, _: pixels
    if isinstance(kind, Cell):
        return lambda pixels, keys: corrupt_each(pixels, [spec_of(key, kind, seed) for key in keys])
    return lambda pixels, _: BROKEN[kind](pixels)
